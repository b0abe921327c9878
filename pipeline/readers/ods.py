"""Sheets of .ods workbooks (OpenDocument 1.x, part 3: LibreOffice and others), read from their XML.

One pass over `content.xml` gives values, errors and what the cells show together.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from pipeline.findings import Place, refuse
from pipeline.readers.cells import PERCENT, SLOT, Shape
from pipeline.readers.files import DAMAGE, MAX_UNPACKED, check_archive, damaged, unpack
from pipeline.readers.marks import Marks, events
from pipeline.readers.sheet import Listed, Sheet
from pipeline.readers.table import cell_name

MAX_CELLS = 100_000_000
"""A few bytes of XML can repeat a cell as often as they like."""

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_CALC = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"

_ERROR = re.compile(r"#[A-Z/0]+[!?]?|Err:[0-9]{3}")
_SHOWN_DIGITS = re.compile(r"0[0-9]*(?:[ -][0-9]+)*|[0-9]+(?:-[0-9]+)+")
_NO_TIME = re.compile(r"T00:00:00(?:[.,]0+)?$|(?<=:[0-9]{2})[.,]0+$")
_BREAKS = {_TEXT + "tab": "\t", _TEXT + "line-break": "\n"}
_SPAN = re.compile(r"(-?)PT(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:[.,]([0-9]+))?S)?")


@dataclass(slots=True)
class _Table:
    """One table as it is read: its rows, without empty cells at their ends, and `blank` more empty rows."""

    name: str
    style: str
    rows: list[list[Any]] = field(default_factory=list)
    marks: Marks = field(default_factory=Marks)
    width: int = 0
    blank: int = 0


class _Cell(NamedTuple):
    """A cell as it is read: its value, and what is beside it."""

    value: Any
    as_shown: Shape | None = None
    problem: str | None = None


def sheets(path: Path) -> list[Listed]:
    """The tables of the spreadsheet, in order.

    Raises:
        Refusal: the file is damaged, unpacks to too much, or a table has more cells than can be read.
    """
    check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            content = archive.getinfo("content.xml")
            with closing(unpack(archive, content, MAX_UNPACKED)) as blocks:
                tables, hidden = _tables(blocks, Place(str(path)))
    except (ParseError, LookupError, ValueError, *DAMAGE) as error:
        raise damaged(path, error) from None
    return [Listed(each.name, each.style not in hidden, partial(_sheet, each)) for each in tables]


def _sheet(table: _Table) -> Sheet:
    def padded() -> Iterator[list[Any]]:
        return (row + [""] * (table.width - len(row)) for row in table.rows)

    return Sheet(padded, len(table.rows), 0, table.width, table.marks)


def _tables(blocks: Iterator[bytes], place: Place) -> tuple[list[_Table], set[str]]:
    """All tables, and the names of the styles that hide one."""
    tables: list[_Table] = []
    hidden: set[str] = set()
    current: Element | None = None
    for event, element in events(blocks):
        if event == "start":
            if element.tag == _TABLE + "table":
                current = element
                tables.append(
                    _Table(element.get(_TABLE + "name", ""), element.get(_TABLE + "style-name", ""))
                )
        elif element.tag == _TABLE + "table-row" and current is not None:
            _add_row(tables[-1], element, place)
            element.clear()
            current.clear()
        elif element.tag == _STYLE + "style" and any(
            each.get(_TABLE + "display") == "false" for each in element
        ):
            hidden.add(element.get(_STYLE + "name", ""))
    return tables, hidden


def _add_row(table: _Table, row: Element, place: Place) -> None:
    times = int(row.get(_TABLE + "number-rows-repeated", 1))
    first = len(table.rows) + table.blank + 1
    values: list[Any] = []
    found: list[tuple[int, int, _Cell, Element]] = []
    column = 0
    for element in row:
        if element.tag not in {_TABLE + "table-cell", _TABLE + "covered-table-cell"}:
            continue
        repeated = int(element.get(_TABLE + "number-columns-repeated", 1))
        cell = _cell(element)
        if cell.value != "":
            if (column + repeated) * (first + times) > MAX_CELLS:
                raise refuse("sheet-too-big", place, cell=cell_name(column + repeated - 1, first + times - 1))
            values += [""] * (column - len(values)) + [cell.value] * repeated
            found.append((column, column + repeated, cell, element))
        column += repeated
    if not values:
        table.blank += times
        return
    table.rows += [[]] * table.blank + [values] * times
    table.blank = 0
    table.width = max(table.width, len(values))
    if row.get(_TABLE + "visibility") in {"collapse", "filter"}:
        table.marks.hidden_rows += times
    for start, end, cell, element in found:
        _mark(table.marks, cell, element, range(first, first + times), range(start, end))


def _mark(marks: Marks, cell: _Cell, element: Element, rows: range, columns: range) -> None:
    if cell.as_shown or cell.problem:
        for row, column in product(rows, columns):
            if cell.as_shown:
                marks.shape(row, column, cell.as_shown)
            else:
                marks.problem(row, column, str(cell.problem), cell.value)
    down, right = (int(element.get(f"{_TABLE}number-{each}-spanned", 1)) for each in ("rows", "columns"))
    if down > 1:
        last = cell_name(columns.start + right - 1, rows.start + down - 1)
        marks.merged.append(f"{cell_name(columns.start, rows.start)}:{last}")


def _cell(element: Element) -> _Cell:
    """What a table cell holds; a cell covered by a merged one shows nothing, whatever it holds."""
    if element.tag != _TABLE + "table-cell":
        return _Cell("")
    kind = element.get(_OFFICE + "value-type")
    formula = element.get(_TABLE + "formula")
    shown = "\n".join(_content(each) for each in element if each.tag == _TEXT + "p")
    is_error = element.get(_CALC + "value-type") == "error" or (formula and _ERROR.fullmatch(shown))
    if is_error:
        return _Cell(shown or "#ERROR", problem="error-cell")
    if formula and kind is None:
        return _Cell("=" + formula.partition("=")[2], problem="formula-not-computed")
    if kind in {"float", "currency", "percentage"}:
        value = float(element.get(_OFFICE + "value", ""))
        return _Cell(value, PERCENT if kind == "percentage" else _shape(value, shown))
    return _Cell(_other_text(element, kind, shown))


def _other_text(element: Element, kind: str | None, shown: str) -> str:
    """The text of a cell that holds no number."""
    if kind == "date":
        return _NO_TIME.sub("", element.get(_OFFICE + "date-value", ""))
    if kind == "time":
        return _span(element.get(_OFFICE + "time-value", ""))
    if kind == "boolean":
        return element.get(_OFFICE + "boolean-value", "").upper()
    return shown or element.get(_OFFICE + "string-value", "")


def _shape(value: float, shown: str) -> Shape | None:
    """The shape of a whole number that is shown with leading zeros or hyphens, going by what is shown."""
    digits = re.sub("[^0-9]", "", shown)
    if _SHOWN_DIGITS.fullmatch(shown) and len(digits) > 1 and int(digits) == value:
        return re.sub("[0-9]", SLOT, shown)
    return None


def _span(text: str) -> str:
    """`10:30:00` for `PT10H30M00S`."""
    match = _SPAN.fullmatch(text)
    if not match:
        return text
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:4])
    return f"{match[1]}{hours:02}:{minutes:02}:{seconds:02}"


def _content(element: Element) -> str:
    """The text of a paragraph as it is shown; runs of spaces, tabs and line breaks are elements in it."""
    text = element.text or ""
    for part in element:
        if part.tag == _TEXT + "s":
            text += " " * int(part.get(_TEXT + "c", 1))
        elif part.tag in _BREAKS:
            text += _BREAKS[part.tag]
        elif not part.tag.startswith(_OFFICE):  # an annotation is no part of the value
            text += _content(part)
        text += part.tail or ""
    return text
