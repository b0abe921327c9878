"""Findings are data: a stable code, the place, the value, what is wrong and what to do.

Their texts and severities lie in `data/findings/*.toml`, one entry a code; nothing else in
the code spells out a message to the user about their data. A finding is worded when it is made, in the
language of the run.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any

from pipeline.language import language, translate
from pipeline.privacy import mask, mask_govid
from pipeline.resources import PACKAGE

LONGEST_VALUE, LONGEST_DETAIL = 500, 5000
"""How many characters a finding shows of a cell, and of a detail such as the headers of a file."""


class Severity(StrEnum):
    """How much a finding weighs: an error keeps its invoice from being sent, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the user's files: every part is as the user sees it (`F12` is column F, row 12)."""

    file: str | None = None
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    cell: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about the input, ready to be shown (personal identity codes already masked)."""

    code: str
    severity: Severity
    place: Place
    field: str | None
    value: str | None
    message: str
    remedy: str
    billnum: str | None = None

    def of(self, billnum: str | None) -> Finding:
        """The same finding, told of the invoice with that bill number."""
        return replace(self, billnum=billnum)

    def saying(self, sentence: str) -> Finding:
        """The same finding with a sentence more in its message."""
        return replace(self, message=f"{self.message} {sentence}")


class Refusal(Exception):  # noqa: N818 - it is the input that is refused, the program did not err
    """Nothing can be attempted with this input or configuration: the command ends with `exit_code`."""

    exit_code = 2

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.finding,)  # it may have come up in another process


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Every code with its severity, message and remedy templates, and the rule's source."""
    entries: dict[str, dict[str, str]] = {}
    for path in sorted((PACKAGE / "data" / "findings").glob("*.toml")):
        entries |= tomllib.loads(path.read_text(encoding="utf-8"))
    return entries


def finding(
    code: str,
    place: Place | None = None,
    *,
    field: str | None = None,
    value: str | None = None,
    billnum: str | None = None,
    **details: Any,
) -> Finding:
    """Make the finding `code`; `details` fill the `{names}` of its templates, beside field and value.

    Raises:
        KeyError: the catalogue has no such code, or a template names a detail that was not given.
    """
    severity, message, remedy = _wording(code, language())
    hide = mask_govid if field == "govid" else mask
    shown = None if value is None else _short(hide(value), LONGEST_VALUE)
    names = {
        "field": field,
        "value": shown,
        "billnum": billnum,
        "file": place and place.file,
        "sheet": place and place.sheet,
        "column": place and place.column,
        **{name: _short(hide(str(detail)), LONGEST_DETAIL) for name, detail in details.items()},
    }
    return Finding(
        code,
        severity,
        place or Place(),
        field,
        shown,
        message.format_map(names),
        remedy.format_map(names) if "{" in remedy else remedy,
        billnum,
    )


@cache
def _wording(code: str, _: str) -> tuple[Severity, str, str]:
    """Severity and templates of a code, in the language spoken now."""
    entry = catalogue()[code]
    return Severity(entry["severity"]), translate(entry["message"]), translate(entry["remedy"])


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def refuse(code: str, place: Place | None = None, **details: Any) -> Refusal:
    """The finding `code` as an exception to raise: the run cannot be attempted."""
    return Refusal(finding(code, place, **details))
