"""What a sheet's XML tells of its cells beyond their values: formats that show digits, errors, formulas.

python-calamine reads the values but neither the display formats nor what an error or a formula that was
never computed held. `scan` looks for just these cells in the bytes, several times faster than any parser;
where a sheet is written in another way than spreadsheet programs do, it leaves the work to `scan_by_parser`.
That one is the obvious version, and the tests' oracle for the fast one. Source: ECMA-376 part 1, 18.3.
"""

from __future__ import annotations

import html
import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast
from xml.etree.ElementTree import Element, XMLPullParser

from pipeline.readers.cells import Shape
from pipeline.readers.table import Problem


@dataclass(slots=True)
class Marks:
    """What is known of a sheet's cells beside their values; rows count from 1, columns from 0.

    `shapes`: by column and shape (see `cells.shape`) the rows whose cell has it. `problems`: by row.
    `merged`: ranges such as `A2:A4`. `hidden_rows`: how many rows are hidden or filtered out.
    """

    shapes: dict[tuple[int, Shape], array[int]] = field(default_factory=dict)
    problems: dict[int, list[Problem]] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)
    hidden_rows: int = 0

    def shape(self, row: int, column: int, as_shown: Shape) -> None:
        """The cell shows its number like this."""
        self.shapes.setdefault((column, as_shown), array("l")).append(row)

    def problem(self, row: int, column: int, code: str, value: str) -> None:
        """The cell has no certain value."""
        self.problems.setdefault(row, []).append(Problem(column, code, value))


class UnusualError(Exception):
    """The bytes of a sheet are not laid out as expected: they need a parser."""


_CELL = rb'<c r="([A-Z]{1,3})([0-9]{1,7})"'
_UNUSUAL = re.compile(rb'<c(?! r="[A-Z]{1,3}[0-9]{1,7}")[\s>/]')
_F = rb"""<f(?:(?:[^>"]|"[^"]*")*/>|(?:[^>"]|"[^"]*")*>([^<]*)</f>)[^<]*+"""
_ERROR = re.compile(_CELL + rb'[^>]* t="e"[^>]*>[^<]*+(?:' + _F + rb")?(?:<v[^>]*(?<!/)>([^<]*))?")
_FORMULA = rb'(?![^>]* t="(?:str|e)")[^>]*>[^<]*+' + _F
_NO_VALUE = re.compile(_CELL + _FORMULA + rb"(?!<v[^>]*(?<!/)>[^<])")
_NO_VALUE_OR_ZERO = re.compile(_CELL + _FORMULA + rb"(?!<v[^>]*(?<!/)>(?!0<)[^<])")
_HIDDEN_ROW = re.compile(rb'<row [^>]*hidden="(?:1|true)"[^>]*(?<!/)>')
_MERGED = re.compile(rb'<mergeCell ref="([A-Z0-9:]+)"')


def scan(blocks: Iterable[bytes], shapes: Mapping[str, Shape], *, stale: bool = False) -> Marks:
    """The marks of a worksheet's XML, found in its bytes.

    Args:
        blocks: the XML in pieces of any size.
        shapes: by style number as the cells have it, for the styles that show digits or percent.
        stale: whether the workbook asks to be computed when it is opened: then a formula whose result
            is 0 was never computed (so writes XlsxWriter).

    Raises:
        UnusualError: the XML is not laid out as spreadsheet programs do; nothing is known then.
    """
    styled = _styled_cell(shapes)
    no_value = _NO_VALUE_OR_ZERO if stale else _NO_VALUE
    marks = Marks()
    rows: dict[tuple[bytes, bytes], array[int]] = defaultdict(lambda: array("l"))
    has_root = False
    for block in _whole_rows(blocks):
        has_root = has_root or b"<worksheet" in block
        if not has_root or _UNUSUAL.search(block) or b"<!" in block:
            raise UnusualError
        if styled:
            for letters, row, style in styled.findall(block):
                rows[letters, style].append(int(row))
        if b't="e"' in block:
            for letters, row, _, value in _ERROR.findall(block):
                marks.problem(int(row), column_number(letters), "error-cell", _text(value))
        if b"<f" in block:
            for letters, row, formula in no_value.findall(block):
                marks.problem(int(row), column_number(letters), "formula-not-computed", "=" + _text(formula))
        if b"hidden=" in block:
            marks.hidden_rows += len(_HIDDEN_ROW.findall(block))
        if b"<mergeCell " in block:
            marks.merged += [_text(found) for found in _MERGED.findall(block)]
    for (letters, style), found in rows.items():
        shown = (column_number(letters), shapes[style.decode()])
        marks.shapes.setdefault(shown, array("l")).extend(found)
    return marks


def scan_by_parser(blocks: Iterable[bytes], shapes: Mapping[str, Shape], *, stale: bool = False) -> Marks:
    """What `scan` does, by an XML parser: slower, for XML of any layout.

    Raises:
        xml.etree.ElementTree.ParseError: it is not well-formed.
    """
    marks = Marks()
    row, column = 0, -1
    rows: Element | None = None
    for event, element in events(blocks):
        tag = _tag(element)
        if event == "start":
            if tag == "sheetData":
                rows = element
            elif tag == "row":
                row, column = int(element.get("r", row + 1)), -1
            elif tag == "c":
                row, column = _place(element.get("r"), (row, column + 1))
        elif tag == "c":
            _mark_cell(marks, element, row, column, shapes, stale=stale)
        elif tag == "row" and rows is not None:
            marks.hidden_rows += bool(len(element)) and element.get("hidden") in {"1", "true"}
            rows.clear()
        elif tag == "mergeCell":
            marks.merged.append(element.get("ref", ""))
    return marks


def column_number(letters: bytes) -> int:
    """0 for `A`, 26 for `AA`."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _mark_cell(
    marks: Marks, cell: Element, row: int, column: int, shapes: Mapping[str, Shape], *, stale: bool
) -> None:
    parts = {_tag(part): part.text or "" for part in cell}
    kind = cell.get("t", "n")
    if len(cell) and (as_shown := shapes.get(cell.get("s", "0"))):
        marks.shape(row, column, as_shown)
    if kind == "e":
        marks.problem(row, column, "error-cell", parts.get("v", ""))
    elif "f" in parts and kind != "str" and parts.get("v", "") in ({"", "0"} if stale else {""}):
        marks.problem(row, column, "formula-not-computed", "=" + parts["f"])


def _styled_cell(shapes: Mapping[str, Shape]) -> re.Pattern[bytes] | None:
    styles = b"|".join(style.encode() for style in shapes)
    return re.compile(_CELL + rb'[^>]*? s="(' + styles + rb')"[^>]*(?<!/)>(?![^<]*+</c>)') if styles else None


def _whole_rows(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks that end where a row does."""
    rest, mark = b"", b"</row>"
    for block in blocks:
        whole, found, rest = (rest + block).rpartition(mark)
        if found:
            yield whole + found
        if b"</sheetData>" in rest:
            mark = b">"  # no more rows, but perhaps much else
    yield rest


def events(blocks: Iterable[bytes]) -> Iterator[tuple[str, Element]]:
    """The starts and ends of elements in the XML; whoever takes them clears what is no longer needed.

    Raises:
        xml.etree.ElementTree.ParseError: it is not well-formed.
    """
    parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
    read = cast("Callable[[], Iterator[tuple[str, Element]]]", parser.read_events)  # of these two kinds only
    for block in blocks:
        parser.feed(block)
        yield from read()
    parser.close()
    yield from read()


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _place(reference: str | None, following: tuple[int, int]) -> tuple[int, int]:
    """Row and column of a cell's name, if it has one."""
    if not reference:
        return following
    letters = reference.rstrip("0123456789")
    return int(reference[len(letters) :]), column_number(letters.encode())


def _text(content: bytes) -> str:
    return html.unescape(content.decode("utf-8", "replace"))
