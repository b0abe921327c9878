"""Writes `report.xlsx`: what an accountant opens first.

xlsxwriter makes the workbook. Of a long table it writes the first rows only; the others are written
as sheet XML by `mass_rows` and put in their place when the workbook is packed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from pathlib import Path, PurePath
from typing import Any, Self, TypeVar

import xlsxwriter

from pipeline.findings import Severity
from pipeline.language import translate
from pipeline.report.columns import Columns
from pipeline.report.mass_rows import Cell, Link, MassRows, Number, numbers_xml, plain, put_in_place
from pipeline.report.read import InvoiceLine, Remark, RunFacts
from pipeline.report.summary import summary_rows
from pipeline.report.totals import Totals
from pipeline.report.words import life_text, outcome_label, words

SHEET_ROWS = 1_048_576
"""Rows that Excel allows on a sheet, the header included."""
FIRST_ROWS = 2_000
"""Rows of a sheet under its header that xlsxwriter writes itself; only they have links."""

_T = TypeVar("_T")
_LONGEST_LINK = 2_000
_MOST_RANGES = 20
_EXACT_DIGITS = 15
_EXCEL_DAY_ZERO = date(1899, 12, 30).toordinal()
_LOOKS = {
    "header": {"bold": True, "bg_color": "#DCE6F1", "bottom": 1},
    "title": {"bold": True, "font_size": 16},
    "verdict": {"bold": True, "font_size": 12},
    "money": {"num_format": "0.00"},
    "date": {"num_format": "yyyy-mm-dd", "align": "left"},
    "count": {"num_format": "0"},
    "link": {"font_color": "#0563C1", "underline": 1, "valign": "top"},
    "top": {"valign": "top"},
    "wrapped": {"valign": "top", "text_wrap": True},
}
# What may not stand in a link as it is. Letters such as ä may: Excel reads %C3%A4 as two letters.
_ESCAPES = {ord(sign): f"%{ord(sign):02X}" for sign in '%#? "<>[]^`{}'}


class WorkbookReport:
    """The report for people; the same ledger gives the same workbook.

    It grows in the folder `spool`. A context manager, which closes the files there.
    """

    def __init__(self, run: RunFacts, spool: Path) -> None:
        self._run = run
        self._draft = BytesIO()
        self._book = xlsxwriter.Workbook(
            self._draft,
            {
                "in_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        # The run's time, not the clock's: the same ledger gives the same file.
        self._book.set_properties({"title": f"Run {run.id}", "created": datetime.fromisoformat(run.started)})
        self._formats = {name: self._book.add_format(look) for name, look in _LOOKS.items()}
        self._summary = self._book.add_worksheet(words()["sheets"]["summary"]["name"])
        self._tabs = [
            _Tab(self._book, self._formats, words()["sheets"][name], spool)
            for name in ("attention", "invoices", "notes")
        ]
        self._attention, self._invoices, self._notes = self._tabs
        self._paths = {source.get("file"): source.get("path") for source in run.sources}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for tab in self._tabs:
            tab.close()

    def add_invoices(self, lines: Columns) -> None:
        """Add the next invoices."""
        sheet = self._invoices
        first = sheet.first_left
        for fields in lines.part(0, first).fields():
            sheet.write(_invoice_cells(self._run, InvoiceLine(*fields)))
        if len(lines.number) > first:
            sheet.write_columns(_invoice_columns(self._run, lines.part(first), sheet))

    def add_remark(self, remark: Remark) -> None:
        """Add the next finding: an error needs attention, all else is a note."""
        tab = self._attention if remark.finding.severity is Severity.ERROR else self._notes
        tab.write(_remark_cells(remark, self._paths))

    def finish(self, totals: Totals, path: Path) -> None:
        """Write the whole workbook to `path`."""
        for column, (_, width, _) in enumerate(words()["sheets"]["summary"]["columns"]):
            self._summary.set_column(column, column, width)
        for row, (style, cells) in enumerate(summary_rows(self._run, totals)):
            for column, cell in enumerate(cells):
                shown = cell if cell is None or isinstance(cell, str) else summary_number(cell)
                _write_cell(self._summary, self._formats, row, column, shown, self._formats.get(style))
        mass = [rows for tab in self._tabs for rows in tab.finish()]
        self._book.close()
        put_in_place(self._draft, mass, path)


class _Tab:
    """One table, going on on further sheets when Excel's rows run out."""

    def __init__(self, book: Any, formats: dict[str, Any], spec: dict[str, Any], spool: Path) -> None:
        self._book, self._formats, self._spec, self._spool = book, formats, spec, spool
        # Private, but the only way to name a format in XML; a test compares our rows with xlsxwriter's.
        self._styles = {name: look._get_xf_index() for name, look in formats.items()}  # noqa: SLF001 - see above
        self._looks = [formats.get(look) for _, _, look in spec["columns"]]
        self._mass: list[MassRows] = []
        self._begin()

    @property
    def first_left(self) -> int:
        """How many rows xlsxwriter is still to write itself."""
        return max(0, FIRST_ROWS + 1 - self._row)

    def write(self, cells: Sequence[Cell]) -> None:
        """Write the next row."""
        if self._row == SHEET_ROWS:
            self._end()
            self._begin()
        if self._row > FIRST_ROWS:
            self._mass[-1].write(self._row + 1, cells)
        else:
            for column, cell in enumerate(cells):
                _write_cell(self._sheet, self._formats, self._row, column, cell, self._looks[column])
        self._row += 1

    def write_columns(self, columns: Sequence[list[str]]) -> None:
        """Write the next rows, given by column as XML, when none of the first is left."""
        while columns[0]:
            if self._row == SHEET_ROWS:
                self._end()
                self._begin()
            room = SHEET_ROWS - self._row
            self._mass[-1].write_columns(self._row + 1, [cells[:room] for cells in columns])
            self._row += min(room, len(columns[0]))
            columns = [cells[room:] for cells in columns]

    def texts(self, column: int, texts: Sequence[str | None]) -> list[str]:
        """Texts of that column (from 0) as XML."""
        return self._mass[-1].column(column, texts)

    def repeated(self, column: int, values: Sequence[_T], cell: Callable[[_T], Cell]) -> list[str]:
        """Cells of that column as XML, made of values of which few are different."""
        known = list(dict.fromkeys(values))
        xml = dict(zip(known, self._mass[-1].column(column, list(map(cell, known))), strict=True))
        return [xml[each] for each in values]

    def sums(self, column: int, texts: Sequence[str]) -> list[str]:
        """Sums of that column as XML, each a `money`."""
        if max(map(len, texts)) > _EXACT_DIGITS:
            return self._mass[-1].column(column, list(map(money, texts)))
        return numbers_xml(texts, column, self._styles["money"])

    def finish(self) -> list[MassRows]:
        """Say so if there was nothing to write; return the rows still to be put in place."""
        if self._row == 1:
            self.write([self._spec["empty"]])
        self._end()
        return [rows for rows in self._mass if rows.last]

    def close(self) -> None:
        """Close the files of its rows."""
        for rows in self._mass:
            rows.close()

    def _begin(self) -> None:
        columns = self._spec["columns"]
        name = self._spec["name"] + (f" {len(self._mass) + 1}" if self._mass else "")
        self._sheet = self._book.add_worksheet(name)
        self._sheet.freeze_panes(1, 0)
        # Bill numbers and postcodes are texts on purpose; Excel need not mark each of them.
        self._sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        for column, (title, width, _) in enumerate(columns):
            self._sheet.set_column(column, column, width)
            self._sheet.write_string(0, column, title, self._formats["header"])
        self._row = 1
        number = len(self._book.worksheets())
        looks = [look for _, _, look in columns]
        self._mass.append(MassRows(number, self._styles, looks, self._spool / f"rows-{number}"))

    def _end(self) -> None:
        self._sheet.autofilter(0, 0, self._row - 1, len(self._spec["columns"]) - 1)


def _write_cell(
    sheet: Any, formats: dict[str, Any], row: int, column: int, cell: Cell, look: Any = None
) -> None:
    if isinstance(cell, Number):
        sheet.write_number(row, column, Decimal(cell.text), formats[cell.format])
    elif isinstance(cell, Link) and len(cell.url) <= _LONGEST_LINK:
        sheet.write_url(row, column, cell.url, formats["link"], plain(cell.text))
    elif cell:
        sheet.write_string(row, column, plain(cell.text if isinstance(cell, Link) else cell), look)


def money(text: str) -> Cell:
    """A sum as a number for Excel, or the text itself where Excel would lose cents.

    The file gets the very digits, no float of ours. Excel makes a float of them, for display only:
    with at most 15 digits it shows each of them as it is.
    """
    is_exact = len(text) <= _EXACT_DIGITS or sum(map(str.isdigit, text)) <= _EXACT_DIGITS
    return Number(text, "money") if is_exact else text


def summary_number(value: int | Decimal) -> Cell:
    """A count or sum of the summary."""
    return Number(str(value), "count") if isinstance(value, int) else money(format(value, "f"))


@lru_cache(maxsize=4096)
def day(text: str | None) -> Cell:
    """A date as Excel's number for it, or the text where it is none."""
    try:
        return Number(str(date.fromisoformat(text).toordinal() - _EXCEL_DAY_ZERO), "date") if text else None
    except ValueError:
        return text


def link(path: str, sheet: str | None = None, cell: str | None = None) -> str:
    """The address of a file, or of a cell in a workbook, for xlsxwriter.

    It takes a lower-case `file://` for a Windows path and loses a leading slash: hence `File:`,
    which is the same to whoever follows it.
    """
    quoted = (sheet or "").replace("'", "''")
    return _address(path) + (f"#'{quoted}'!{cell or 'A1'}" if sheet else "")


@lru_cache(maxsize=4096)
def _address(path: str) -> str:
    posix = PurePath(path).as_posix().translate(_ESCAPES)
    root = "" if posix.startswith("//") else "//" if posix.startswith("/") else "///"
    return f"File:{root}{posix}"


@lru_cache(maxsize=4096)
def _is_absolute(path: str) -> bool:
    return PurePath(path).is_absolute()


def _remark_cells(remark: Remark, paths: dict[str | None, str | None]) -> list[Cell]:
    found, place = remark.finding, remark.finding.place
    where = place.cell or (translate("row {row}", row=place.row) if place.row else None)
    file: Cell = place.file
    cell: Cell = where
    path = paths.get(place.file) or place.file
    if path and place.file and _is_absolute(path):
        at = place.cell or (f"A{place.row}" if place.row else None)
        url = link(path) if path.endswith(".zip") else link(path, place.sheet, at)
        file, cell = (file, Link(where, url)) if where else (Link(place.file, url), None)
    state = outcome_label(remark.outcome) if remark.outcome else None
    return [
        *(found.code, found.message, found.remedy, found.billnum, remark.customer),
        *(file, place.sheet, cell, place.column or found.field, found.value),
        state if found.severity is Severity.ERROR else translate(found.severity.value),
    ]


def _invoice_cells(run: RunFacts, line: InvoiceLine) -> list[Cell]:
    return [
        *(line.billnum, line.jobtype, line.customer, day(line.billdate), outcome_label(line.outcome)),
        *(money(line.net), money(line.vat), money(line.total)),
        *(line.jobid, rows_text(run, line.rows), ", ".join(line.codes), life_text(line.life)),
    ]


def _invoice_columns(run: RunFacts, lines: Columns, sheet: _Tab) -> list[list[str]]:
    """`_invoice_cells` of many, by column as XML."""
    return [
        sheet.texts(0, lines.billnum),
        sheet.texts(1, lines.jobtype),
        sheet.texts(2, lines.customer),
        sheet.repeated(3, lines.billdate, day),
        sheet.repeated(4, lines.outcome, outcome_label),
        sheet.sums(5, lines.net),
        sheet.sums(6, lines.vat),
        sheet.sums(7, lines.total),
        sheet.texts(8, lines.jobid),
        sheet.texts(9, [rows_text(run, ranges) for ranges in lines.rows]),
        sheet.repeated(10, list(map(", ".join, lines.codes)), str),
        sheet.repeated(11, list(map(life_text, lines.life)), str),
    ]


def rows_text(run: RunFacts, ranges: list[list[int]]) -> str:
    """`Laskut 5-7, 12`: where an invoice's rows lie; many ranges are cut short."""
    parts, before = [], None
    for source, first, last in ranges[:_MOST_RANGES]:
        file, sheet = run.where(source)
        name = f"{sheet or file or translate('row')} " if source != before else ""
        parts.append(f"{name}{first}" if first == last else f"{name}{first}-{last}")
        before = source
    left = len(ranges) - _MOST_RANGES
    return ", ".join(parts) + (translate(" and {count} more", count=left) if left > 0 else "")
