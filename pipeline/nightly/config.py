"""What `inbox.toml` may declare (docs/nights.md): how exports arrive, and what each source's are."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.findings import Place, refuse
from pipeline.options import GRACE
from pipeline.subject import ALLOCATIONS, INVOICES, PAYMENTS, Subject
from pipeline.targets import Country, Target

NAME = "inbox.toml"

COMMANDS: dict[str, tuple[str, Subject]] = {
    "invoices": ("run", INVOICES),
    "allocations": ("allocate", ALLOCATIONS),
    "payments": ("payments", PAYMENTS),
}
"""Subject in `inbox.toml` → the command that does the same, and the subject of the flow."""

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Tags = tuple[str, ...]
"""Names of people as `ROPO_NOTIFY` tags them; none means everybody."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Source(_Section):
    """Exports of one kind: where they arrive, and with what options they are run."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """Stands in messages, logs and metrics."""
    folder: str = ""
    """The folder below `inbox/` in which they arrive."""
    pattern: str = "*"
    """What their names look like: `laskut*.csv`."""
    marker: bool = False
    """Whether an export is complete only once `NAME.done` lies beside it."""
    subject: Literal["invoices", "allocations", "payments"] = "invoices"
    profile: str | None = None
    """As for `--profile`; a file's path is taken from the folder of `inbox.toml`."""
    target: Target
    country: Country = Country.FI
    yes: bool = False
    """Consent to send to production without asking, given once and for all."""
    attachments: str | None = None
    """As for `--attachments`, from the folder of `inbox.toml`."""
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 100
    workers: Annotated[int, Field(ge=1, le=64)] = 4
    grace: Annotated[float, Field(ge=0)] = GRACE
    """As for `--grace`."""
    expected_by: dt.time | None = None
    """The hour, local time, by which an export must have come; people are told if not."""
    expected_within: Annotated[float, Field(gt=0, le=168)] = 12.0
    """Hours before it that count: an export that came earlier is an earlier day's."""
    expected_on: tuple[Day, ...] = DAYS
    """The days of that hour."""
    tell: Tags = ()
    """Who is told."""
    send_report: bool = False
    """Whether `report.html`, which holds names and sums of customers, goes with the message."""
    personal: bool = False
    """Whether the message may cite what the export's cells hold."""


class Inbox(_Section):
    """The whole file."""

    settle: Annotated[float, Field(ge=0)] = 30.0
    """Seconds that size and time of a file must be at rest before it is taken."""
    patience: Annotated[float, Field(ge=0)] = 600.0
    """Seconds that `--once` waits for files that are still being written."""
    poll: Annotated[float, Field(gt=0)] = 5.0
    """Seconds between two looks while watching."""
    retry: Annotated[float, Field(gt=0)] = 900.0
    """Seconds, while watching, until a run that could not be finished is tried again."""
    tell: Tags = ()
    """Who is told of what concerns no source."""
    source: Annotated[tuple[Source, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_differ(self) -> Inbox:
        names = [each.name for each in self.source]
        if len(names) != len(set(names)):
            raise ValueError("two sources have the same name")
        return self

    def source_of(self, name: PurePosixPath) -> Source | None:
        """The first source that a file, named from `inbox/`, belongs to."""
        for each in self.source:
            if name.parent == PurePosixPath(each.folder) and PurePosixPath(name.name).match(each.pattern):
                return each
        return None


def load_inbox(folder: Path) -> Inbox:
    """What the folder's `inbox.toml` declares.

    Raises:
        Refusal: `inbox-unreadable`, `inbox-invalid`.
    """
    path = folder / NAME
    place = Place(file=str(path))
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise refuse("inbox-unreadable", place, reason=reason) from error
    try:
        return Inbox.model_validate(declared)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or NAME
        raise refuse("inbox-invalid", place, where=where, reason=first["msg"]) from error
