"""What a command was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.subject import INVOICES, Subject
from pipeline.targets import Country, Target

GRACE = 60.0
"""Seconds after which a request without an answer is taken to be processed or dropped."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for; see `ropo-pipeline run --help`.

    `sends` is False for `check`; `plans` is True for `plan`, which leaves the sending to others. `subject` is
    what the rows of the inputs are. `profile` is a built-in one's name, a path, or `none`; without one, the
    profile that fits the inputs best is looked for. `cluster` is who reads, builds and checks: `helper`,
    `none`, `local`, `local:N`, or a Dask scheduler's address; without one, what the input's size suggests.
    """

    command: str
    inputs: tuple[Path, ...]
    target: Target
    country: Country
    profile: str | None
    out: Path
    ledger: str
    subject: Subject = INVOICES
    attachments: Path | None = None
    batch_size: int = 100
    workers: int = 4
    grace: float = GRACE
    yes: bool = False
    sends: bool = True
    cluster: str | None = None
    plans: bool = False
