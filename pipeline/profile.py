"""A profile: what one source's exports mean, declared in TOML (docs/profiles.md)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.findings import Place, refuse


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reading(_Section):
    """How to read the file, where it does not tell by itself."""

    sheet: str | None = None
    """A workbook's sheet by name, or `*` for every sheet with a header."""
    header_row: Annotated[int, Field(ge=1)] | None = None
    """The header's row as Excel shows it."""
    several_tables: bool = False
    """Whether the rows of one invoice may lie in several files or sheets."""
    encoding: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None


class Conventions(_Section):
    """How numbers and dates are written."""

    decimal: Literal[",", "."] | None = None
    date: Literal["dmy", "mdy", "ymd"] | None = None
    """The order of day, month and year in dates such as 02/03/2026."""


class Sending(_Section):
    """How the invoices are sent."""

    checkbillnum: bool = True
    """Whether the service is asked to refuse a bill number that it already has."""


class Profile(_Section):
    """Everything that a profile may declare; all of it has a default."""

    reading: Reading = Reading()
    columns: dict[str, str] = {}
    """Header → field; an empty field ignores the column on purpose."""
    constants: dict[str, str] = {}
    """Field → value for every invoice, whatever the file says."""
    defaults: dict[str, str] = {}
    """Field → value where the file has none; dates also as `today` or `billdate + 14 days`."""
    conventions: Conventions = Conventions()
    sending: Sending = Sending()


def load_profile(path: Path | None) -> Profile:
    """The profile in a TOML file, or the empty one.

    Raises:
        Refusal: it cannot be read, is no TOML, or declares what no profile has.
    """
    if path is None:
        return Profile()
    place = Place(file=str(path))
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise refuse("profile-unreadable", place, reason=str(error)) from error
    try:
        return Profile.model_validate(declared)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise refuse("profile-invalid", place, where=where, reason=first["msg"]) from error
