"""The rows of an export as the user has them: values, how they are shown, and the columns' widths.

Of an Excel workbook openpyxl reads them, from a copy that holds no other rows, so that three wrong
invoices of 60,000 cost three invoices' time. Everything else gives exact text, as its reader does.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from xml.etree.ElementTree import Element, fromstring

from pipeline.readers.table import EXACT, PROBLEMS, ROW

if TYPE_CHECKING:
    from collections.abc import Container

    import pandas as pd

    from pipeline.columns.layouts import Layout

TEXT = "@"
GENERAL = "General"
MOST_ROWS_WITH_FORMATS = 10_000
"""With more rows than so many, they come as text: openpyxl takes some 0.5 ms for a row of 30 cells."""

_BLOCK = 1 << 20
_ROWS_AT_ONCE = 4_000
_EXCEL = frozenset({".xlsx", ".xlsm"})
_NUMBER_OF_ROW = re.compile(rb'[^>]*?\br="([0-9]+)"')
_WIDTH = re.compile(rb"<col ([^>]*)/?>")
_ATTRIBUTE = re.compile(rb'(min|max|width)="([0-9.]+)"')
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class Value(NamedTuple):
    """A cell's value as Python has it, and its number format."""

    value: Any
    format: str


class UnusualError(Exception):
    """The workbook is not laid out as spreadsheet programs do."""


class Rows:
    """The wanted rows of one table; `widths` by column, where the source tells them.

    `typed`: whether values with their formats are tried for. Otherwise all are texts, as in `frames`.
    """

    def __init__(self, layout: Layout, wanted: Container[int], number: int) -> None:
        self._layout, self._wanted = layout, wanted
        table = layout.table
        is_excel = table.path.suffix.lower() in _EXCEL and table.fields is None
        self.typed = is_excel and number <= MOST_ROWS_WITH_FORMATS
        self.widths: dict[int, float] = {}

    def __iter__(self) -> Iterator[tuple[int, dict[int, Value]]]:
        """Each row's number with its cells by column; blank cells only where they have a format."""
        if self.typed:
            try:
                yield from self._of_workbook()
            except Exception:  # noqa: BLE001 - what openpyxl cannot do, the reader could: the texts are there
                self.widths = {}
            else:
                return
        yield from self._of_texts()

    def _of_workbook(self) -> Iterator[tuple[int, dict[int, Value]]]:
        table = self._layout.table
        with TemporaryDirectory(prefix="ropo-pipeline-") as folder:
            reduced = Path(folder) / "reduced.xlsx"
            self.widths = reduce(table.path, table.sheet or "", self._wanted, reduced)
            import openpyxl  # noqa: PLC0415 - start-up time

            with reduced.open("rb") as file:  # what openpyxl opens itself it leaves open when it fails
                book = openpyxl.load_workbook(file, read_only=True, data_only=True)
                sheet = book[table.sheet or ""]
                sheet.reset_dimensions()  # what it says of its size need not be true
                # All of them before the first is used: a row that fails must not leave half a sheet.
                yield from [
                    (number, _of_cells(cells))
                    for number, cells in enumerate(sheet.iter_rows(), 1)
                    if number in self._wanted
                ]

    def _of_texts(self) -> Iterator[tuple[int, dict[int, Value]]]:
        for numbers, frame in self.frames():
            rows = frame.astype(object).to_numpy().tolist()
            for number, cells in zip(numbers, rows, strict=True):
                yield number, {column: of_text(text) for column, text in enumerate(cells) if text}

    def frames(self) -> Iterator[tuple[list[int], pd.DataFrame]]:
        """The rows' numbers and texts, in row frames."""
        for frame in self._layout.table.frames(_ROWS_AT_ONCE):
            numbers = frame[ROW].tolist()
            chosen = [at for at, number in enumerate(numbers) if number in self._wanted]
            if chosen:
                yield [numbers[at] for at in chosen], frame.drop(columns=[ROW, PROBLEMS]).iloc[chosen]


def reduce(path: Path, sheet: str, wanted: Container[int], target: Path) -> dict[int, float]:
    """Copy a workbook with only those rows of that sheet, and no rows of others; the sheet's column widths.

    Raises:
        UnusualError: the sheet's XML is not laid out as spreadsheet programs do.
    """
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        part = _part(source, sheet)
        widths: dict[int, float] = {}
        for name in source.namelist():
            with source.open(name) as file, copy.open(name, "w") as kept:
                if name == part:
                    for piece in _kept(_blocks(file), wanted):
                        widths = widths or _widths(piece)
                        kept.write(piece)
                elif not name.startswith("xl/worksheets/sheet"):
                    kept.writelines(_blocks(file))
    return widths


def _part(archive: zipfile.ZipFile, sheet: str) -> str:
    """The part of the archive that holds a sheet."""
    targets = {
        each.get("Id"): each.get("Target", "") for each in _tree(archive, "xl/_rels/workbook.xml.rels")
    }
    book = _tree(archive, "xl/workbook.xml")
    relation = next(each.get(_RELATION) for each in book.iterfind(".//{*}sheet") if each.get("name") == sheet)
    return posixpath.normpath(posixpath.join("/xl", targets[relation])).lstrip("/")


def _tree(archive: zipfile.ZipFile, part: str) -> Element:
    return fromstring(archive.read(part))  # noqa: S314 - expat refuses entity bombs, and the reader took it


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _kept(blocks: Iterable[bytes], wanted: Container[int]) -> Iterator[bytes]:
    """A worksheet's XML without the rows that are not wanted."""
    rest, is_row = b"", False
    for block in blocks:
        *whole, rest_of_it = (rest + block).split(b"<row ")
        for piece in whole:
            yield from _row(piece, wanted) if is_row else (piece,)
            is_row = True
        rest = rest_of_it
    row, mark, tail = rest.partition(b"</sheetData>")
    if not mark:
        raise UnusualError
    yield from _row(row, wanted) if is_row else (row,)
    yield mark + tail


def _row(piece: bytes, wanted: Container[int]) -> Iterator[bytes]:
    match = _NUMBER_OF_ROW.match(piece)
    if not match:
        raise UnusualError
    if int(match[1]) in wanted:
        yield b"<row " + piece


def _widths(head: bytes) -> dict[int, float]:
    found: dict[int, float] = {}
    for column in _WIDTH.finditer(head):
        attributes = {name: float(value) for name, value in _ATTRIBUTE.findall(column[1])}
        if len(attributes) == 3:
            first, last = int(attributes[b"min"]), int(attributes[b"max"])
            found |= dict.fromkeys(range(first - 1, min(last, first + 100)), attributes[b"width"])
    return found


def _of_cells(cells: Iterable[Any]) -> dict[int, Value]:
    """The cells of a row that the workbook has, be it only for their format."""
    return {
        column: Value(cell.value, cell.number_format)
        for column, cell in enumerate(cells)
        if hasattr(cell, "column")
    }


def of_text(text: str) -> Value:
    """A text as it is; but what a workbook has as a number stays one, or `1.234` would become doubtful."""
    if text.endswith(EXACT):
        number = text.removesuffix(EXACT)
        try:
            return Value(float(number), GENERAL)
        except ValueError:  # 25.5%
            return Value(number, TEXT)
    return Value(text, TEXT)
