"""What a command was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.reconcile import GRACE
from pipeline.subject import INVOICES, Subject
from pipeline.targets import Country, Target


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for; see `ropo-pipeline run --help`.

    `sends` is False for `check`; `subject` is what the rows of the inputs are. `profile` is a built-in one's
    name, a path, or `none`; without one, the profile that fits the inputs best is looked for.
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
