"""Sheets of .xls workbooks (Excel 97-2003 and older), by xlrd."""

from __future__ import annotations

import datetime as dt
import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import xlrd

from pipeline.findings import Place, refuse
from pipeline.readers.cells import shape
from pipeline.readers.files import damaged
from pipeline.readers.marks import Marks
from pipeline.readers.sheet import Listed, Sheet
from pipeline.readers.table import cell_name

_LAST_DAY = 2958466
_END_OF_GLOBALS, _RECALCULATED = 0x000A, 0x01C1


def sheets(path: Path) -> list[Listed]:
    """The worksheets of the workbook, in order.

    Raises:
        Refusal: the file is damaged or encrypted.
    """
    with (
        _refusing_damage(path),
        xlrd.open_workbook(
            path, formatting_info=True, logfile=io.StringIO(), ragged_rows=True, on_demand=True
        ) as book,
    ):
        read = partial(_read, path, book, computed=_was_computed(book))
        return [Listed(each.name, each.visibility == 0, partial(read, each)) for each in book.sheets()]


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - xlrd raises whatever a damaged record leads to
        if "encrypted" in str(error):
            raise refuse("file-encrypted", Place(str(path))) from None
        raise damaged(path, error) from None


def _read(path: Path, book: Any, sheet: Any, *, computed: bool) -> Sheet:
    with _refusing_damage(path):
        marks = Marks(
            merged=[
                f"{cell_name(left, top + 1)}:{cell_name(right - 1, bottom)}"
                for top, bottom, left, right in sheet.merged_cells
            ],
            hidden_rows=sum(
                bool(info.hidden) for row, info in sheet.rowinfo_map.items() if row < sheet.nrows
            ),
        )
        formats = [book.format_map[style.format_key].format_str for style in book.xf_list]
        rows = [
            [
                _value(book, cell, formats[cell.xf_index], marks, (row + 1, column), computed=computed)
                for column, cell in enumerate(sheet.row(row))
            ]
            for row in range(sheet.nrows)
        ]

    def padded() -> Iterator[list[Any]]:
        return (row + [""] * (sheet.ncols - len(row)) for row in rows)

    return Sheet(padded, sheet.nrows, 0, sheet.ncols, marks)


def _value(
    book: Any, cell: Any, number_format: str, marks: Marks, place: tuple[int, int], *, computed: bool
) -> Any:
    """The cell's value as python-calamine would give it; what is beside it goes to the marks."""
    if cell.ctype == xlrd.XL_CELL_NUMBER:
        if as_shown := shape(number_format):
            marks.shape(*place, as_shown)
        return cell.value
    if cell.ctype == xlrd.XL_CELL_DATE:
        return _moment(cell.value, number_format, book.datemode)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        marks.problem(*place, "error-cell", xlrd.error_text_from_code.get(cell.value, "#ERROR"))
    elif cell.ctype == xlrd.XL_CELL_TEXT and not cell.value and not computed:
        marks.problem(*place, "formula-not-computed", "=")
    return cell.value if cell.ctype == xlrd.XL_CELL_TEXT else ""


def _moment(value: float, number_format: str, datemode: int) -> Any:
    if not 0 <= value < _LAST_DAY:
        return value
    if any(span in number_format.lower() for span in ("[h", "[m", "[s")):
        return dt.timedelta(days=value)
    moment = xlrd.xldate_as_datetime(value, datemode)
    return moment.time() if value < 1 else moment


def _was_computed(book: Any) -> bool:
    """Whether Excel itself computed the formulas: it leaves a record of it (MS-XLS 2.4.215, RecalcId).

    An empty text can only be a formula's result. In a file that no Excel has computed it is no result
    yet: so xlwt writes every formula.
    """
    at = book.base
    while at + 4 <= len(book.mem):
        code, length = struct.unpack_from("<HH", book.mem, at)
        if code in {_RECALCULATED, _END_OF_GLOBALS}:
            return bool(code == _RECALCULATED)
        at += 4 + length
    return False
