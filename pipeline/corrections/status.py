"""The columns that a corrections workbook has beyond the user's own, and how they are known again.

A header of ours is recognised in every language, since who runs the workbook need not speak the
language of who made it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError, fromstring

from pipeline.findings import Finding
from pipeline.language import LANGUAGES, catalogue, translate
from pipeline.readers.files import part_of
from pipeline.resources import data_text

if TYPE_CHECKING:
    from pipeline.columns.layouts import Layout
    from pipeline.ledger.entry import Entry

MARK = "_ropo_corrections"
"""The defined name by which the workbook is known before any of its sheets is read."""

PROFILE_MARK = "_ropo_profile"
"""The defined name that holds the name of the profile that the run had."""

_BOOK = "xl/workbook.xml"
_PREFIX = "ropo:"
_ROWS_AT_ONCE = 10_000


@cache
def words() -> dict[str, Any]:
    """All of `data/corrections.toml`, in English: whoever shows a text translates it."""
    return tomllib.loads(data_text("corrections.toml"))


def is_status(header: str) -> bool:
    """Whether a column under that header is one of ours."""
    name = _plain(header)
    return name.startswith(_PREFIX) and any(name in _known(key) for key in words()["headers"])


def is_corrections(head: Sequence[Sequence[str]]) -> bool:
    """Whether a table that begins with these rows is a sheet of a corrections workbook."""
    return bool(head) and origin_column(head[0]) is not None


def is_corrections_workbook(path: Path) -> bool:
    """Whether a file is a corrections workbook, told without reading its sheets."""
    return MARK.encode() in part_of(path, _BOOK)


def remembered_profile(path: Path) -> str | None:
    """The profile of the run that wrote a corrections workbook, as it was given; None in any other file."""
    if not is_corrections_workbook(path):
        return None
    try:
        book = fromstring(part_of(path, _BOOK))  # noqa: S314 - expat refuses entity bombs
    except ParseError:
        return None
    found = book.findtext(f".//{{*}}definedName[@name='{PROFILE_MARK}']")
    return found.strip().removeprefix('"').removesuffix('"').replace('""', '"') if found else None


def origins(layout: Layout) -> dict[int, str]:
    """By row, where it stood before it came into the corrections workbook; empty for other tables."""
    column = origin_column(layout.table.head[0]) if layout.table.head else None
    if column is None:
        return {}
    found: dict[int, str] = {}
    for frame in layout.table.frames(_ROWS_AT_ONCE):
        rows = zip(frame["@row"].tolist(), frame[column].astype(str).tolist(), strict=True)
        found |= {row: text.strip() for row, text in rows if row > 1 and text.strip()}
    return found


class Traces:
    """Tells of findings in corrections workbooks where their cells stood at first."""

    def __init__(self, layouts: Sequence[Layout]) -> None:
        self._origins = {
            (each.table.file, each.table.sheet): found for each in layouts if (found := origins(each))
        }

    def add_to(self, entries: Iterable[Entry]) -> None:
        """Name the original places in the findings of these documents."""
        if self._origins:
            for entry in entries:
                entry.findings[:] = map(self._traced, entry.findings)

    def _traced(self, found: Finding) -> Finding:
        place = found.place
        origin = self._origins.get((place.file or "", place.sheet), {}).get(place.row or 0)
        if not origin:
            return found
        where, _, row = origin.rpartition(", ")
        if place.cell and row.isdigit():
            origin = f"{where}, {place.cell.rstrip('0123456789')}{row}"
        return found.saying(translate(words()["texts"]["origin"], origin=origin))


def origin_text(file: str, sheet: str | None, row: int | str) -> str:
    """`laskut.xlsx, Laskut, 12`: the text of the origin column."""
    return ", ".join(part for part in (file, sheet, str(row)) if part)


def origin_column(header: Sequence[str]) -> int | None:
    """The column, from 0, that tells where a row stood at first; None in a table that is no corrections."""
    ours = (at for at, text in enumerate(header) if _plain(text).startswith(_PREFIX))
    return next((at for at in ours if _plain(header[at]) in _known("origin")), None)


@cache
def _known(key: str) -> frozenset[str]:
    text = words()["headers"][key]
    return frozenset(_plain(text if code == "en" else catalogue(code).get(text, text)) for code in LANGUAGES)


def _plain(header: str) -> str:
    return re.sub(r"\s+", " ", header).strip().casefold()
