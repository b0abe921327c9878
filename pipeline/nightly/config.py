"""What `inbox.toml` may declare (docs/nights.md): how exports arrive, and what each source's are."""

from __future__ import annotations

import datetime as dt
import tomllib
from itertools import combinations
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
    files: tuple[str, ...] = ()
    """Instead of `pattern`, where an export is several files: what the name of each looks like. Those are one
    export whose names are the same in the place of the `*`."""
    marker: bool = False
    """Whether a file is complete only once `NAME.done` lies beside it."""
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

    @model_validator(mode="after")
    def _files_can_be_told_apart(self) -> Source:
        stars = {each.count("*") for each in self.files}
        if len(self.files) == 1 or len(stars) > 1 or not stars <= {0, 1}:
            raise ValueError("files must be two or more names, each with one * or all without")
        if any(_overlap(*two) for two in combinations(self.files, 2)):
            raise ValueError("one name could be two of files")
        if self.files and "pattern" in self.model_fields_set:
            raise ValueError("pattern and files cannot both be said")
        return self

    def part(self, name: str) -> tuple[int, str] | None:
        """Which file of an export has that name, and what its name shares with those of the others."""
        if not self.files:
            return (0, name) if PurePosixPath(name).match(self.pattern) else None
        for at, pattern in enumerate(self.files):
            begin, star, end = pattern.partition("*")
            if name == pattern and not star:
                return at, ""
            if star and len(name) >= len(pattern) - 1 and name.startswith(begin) and name.endswith(end):
                return at, name[len(begin) : len(name) - len(end)]
        return None


def _overlap(one: str, other: str) -> bool:
    begin, star, end = one.partition("*")
    begins, _, ends = other.partition("*")
    if not star:
        return one == other
    return (begin.startswith(begins) or begins.startswith(begin)) and (
        end.endswith(ends) or ends.endswith(end)
    )


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
        """The first source that a file, named from `inbox/`, belongs to.

        Corrections fit no pattern; where a folder has one source, they are its.
        """
        here = [each for each in self.source if name.parent == PurePosixPath(each.folder)]
        for each in here:
            if each.part(name.name):
                return each
        return here[0] if is_corrections_name(name.name) and len(here) == 1 else None


def is_corrections_name(name: str) -> bool:
    """Whether a file is named as the rows of a report that were corrected, or as a copy of it."""
    return PurePosixPath(name).match("corrections*.xlsx")


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
