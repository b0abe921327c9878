"""Writes `corrections.xlsx`: of each table that has such rows a sheet, with the user's own columns."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import xlsxwriter
from sqlalchemy import Engine

from pipeline.corrections.columns import Column, column_of, plain_lines, value_xml
from pipeline.corrections.source import GENERAL, TEXT, Rows, Value
from pipeline.corrections.status import MARK, PROFILE_MARK, origin_text, origins, words
from pipeline.document import Outcome
from pipeline.findings import Finding, Severity
from pipeline.language import translate
from pipeline.profile.builtin import NONE
from pipeline.readers.marks import column_number
from pipeline.report.files import whole
from pipeline.report.mass_rows import MassRows, plain, put_in_place, texts_xml
from pipeline.report.read import InvoiceLine, invoices, remarks, run_facts, snapshot
from pipeline.report.words import outcome_label

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.columns.layouts import Layout

NAME = "corrections.xlsx"
TO_CORRECT = (Outcome.INVALID, Outcome.REFUSED, Outcome.CONFLICT)
"""Outcomes that somebody must do something about here; what is unknown is asked about instead."""

INCOMPLETE = frozenset(
    {"touched-by-damage", "row-length", "swallowed-rows", "stray-quote", "row-below-unnamed"}
)
"""Findings after which rows of an invoice may be missing: without the damaged rows it would look whole."""

_MOST_COMMENTS = 5_000  # with many more a spreadsheet program is slow; the row says the same beside it
_STATUS_WIDTHS = (18, 60, 60, 36)
_FILLS = {Severity.ERROR: "#FFC7CE", Severity.WARNING: "#FFF2CC"}
_BADNAME = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_LONGEST_NAME = 31


class Told(NamedTuple):
    """What is said of a row: its outcome in words, and the findings that stand in it."""

    outcome: str
    findings: list[Finding]


@dataclass(slots=True)
class Selection:
    """What goes into the workbook: by source number and row what is said of it; and what is left out.

    `profile` is the name of the run's profile or of its file, `none` where it had none.
    """

    rows: dict[int, dict[int, Told]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    profile: str = NONE


class Stamp(NamedTuple):
    """By which a file is known to be unchanged."""

    size: int
    modified: int


def stamps(layouts: Iterable[Layout]) -> dict[str, Stamp]:
    """The files as they are now, to be compared when their rows are read again."""
    found = {}
    for each in layouts:
        status = each.table.path.stat()
        found[each.table.file] = Stamp(status.st_size, status.st_mtime_ns)
    return found


def write_corrections(
    engine: Engine, run_id: str, layouts: Sequence[Layout], before: dict[str, Stamp], out: Path
) -> Path | None:
    """Write the corrections workbook of a run into the folder `out`, whole or not at all.

    An invoice that was merely not sent goes when the same file is run again; so a workbook is written
    only if there is something to correct, and then holds these as well.

    Args:
        engine: the ledger's.
        run_id: the run, which has ended.
        layouts: how its tables were understood, by source number.
        before: the stamps of their files from before they were read.
        out: the folder.

    Returns:
        Where it lies, or None when there is nothing to correct or a file was changed meanwhile.

    Raises:
        OSError: it cannot be written, or a file cannot be read again.
    """
    path = _free_name(out, layouts, run_id)
    selection = _selected(engine, run_id, layouts)
    if not selection.rows or stamps(layouts) != before:
        if path.name == NAME:
            path.unlink(missing_ok=True)  # another run's would be taken for this one's
        return None
    with whole(path) as temporary:
        _write(selection, layouts, temporary)
        os.chmod(temporary, 0o600)  # noqa: PTH101 - it holds the user's cells as they are
    return path


def _free_name(out: Path, layouts: Iterable[Layout], run_id: str) -> Path:
    """The workbook's path, unless it is that of an input: nobody's corrections are ever overwritten."""
    path = out / NAME
    inputs = {each.table.own_file.resolve() for each in layouts}
    return out / f"corrections-{run_id}.xlsx" if path.resolve() in inputs else path


# What goes in


def _selected(engine: Engine, run_id: str, layouts: Sequence[Layout]) -> Selection:
    selection = Selection()
    with snapshot(engine) as connection:
        run = run_facts(connection, run_id)
        selection.profile = Path(run.facts.get("profile") or NONE).name
        if not any(line.rows for line in invoices(connection, run, TO_CORRECT)):
            return selection
        wanted = TO_CORRECT if run.leaves_unsent else (*TO_CORRECT, Outcome.NOT_SENT)
        lines = {line.number: line for line in invoices(connection, run, wanted) if line.rows}
        sources = {(each.table.file, each.table.sheet): each for each in layouts}
        of_row: dict[tuple[int, int], list[Finding]] = {}
        for remark in remarks(connection, run):
            found, place = remark.finding, remark.finding.place
            layout = sources.get((place.file or "", place.sheet))
            if remark.invoice in lines:
                rows = lines[remark.invoice].rows
                where = (layout.number, place.row) if layout and place.row else (rows[0][0], rows[0][1])
                if layout and layout.table.fields is not None and not _is_among(where, rows):
                    where = (rows[0][0], rows[0][1])  # a customer's record, folded into the invoice's
                of_row.setdefault(where, []).append(found)
    for line in lines.values():
        if INCOMPLETE.isdisjoint(line.codes):
            _add(selection, line, of_row)
        else:
            selection.left_out.append(_named(line))
    return selection


def _add(selection: Selection, line: InvoiceLine, of_row: dict[tuple[int, int], list[Finding]]) -> None:
    outcome = outcome_label(line.outcome)
    nothing = Told(outcome, [])  # one for all rows of which nothing else is to be said
    for source, first, last in line.rows:
        told = selection.rows.setdefault(source, {})
        for row in range(first, last + 1):
            found = of_row.get((source, row))
            told[row] = Told(outcome, found) if found else nothing


def _is_among(row: tuple[int, int], ranges: list[list[int]]) -> bool:
    return any(source == row[0] and first <= row[1] <= last for source, first, last in ranges)


def _named(line: InvoiceLine) -> str:
    return " ".join(part for part in (line.billnum, line.customer, line.total) if part)


# The workbook


def _write(selection: Selection, layouts: Sequence[Layout], path: Path) -> None:
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "tmpdir": str(path.parent),
    }
    with TemporaryDirectory(prefix=".corrections-", dir=path.parent) as folder, ExitStack() as stack:
        draft, mass = Path(folder) / "draft.xlsx", []
        with xlsxwriter.Workbook(draft, options) as book:
            book.define_name(MARK, "=1")
            quoted = selection.profile.replace('"', '""')
            book.define_name(PROFILE_MARK, f'="{quoted}"')
            names: Counter[str] = Counter()
            for layout in layouts:
                if told := selection.rows.get(layout.number):
                    rows = Rows(layout, told.keys(), len(told))
                    sheet = _Sheet(book, layout, _sheet_name(layout, names), Path(folder))
                    mass.append(sheet.mass)
                    stack.callback(sheet.mass.close)
                    (sheet.write if rows.typed else sheet.write_in_mass)(rows, told)
            _write_guide(book, selection, names)
        put_in_place(draft, [each for each in mass if each.last], path)


def _sheet_name(layout: Layout, names: Counter[str]) -> str:
    """The source's own name for it, made unique: sheets of several files come together here."""
    name = (layout.table.sheet or Path(layout.table.file).stem).translate(_BADNAME).strip() or "1"
    return _unique(name, names)


def _unique(name: str, names: Counter[str]) -> str:
    name = name[:_LONGEST_NAME]
    names[name.casefold()] += 1
    if (number := names[name.casefold()]) == 1:
        return name
    return _unique(f"{name[: _LONGEST_NAME - 4]} {number}", names)


class _Sheet:
    """One table's rows under its header; those in `mass` still have to be put in place."""

    def __init__(self, book: Any, layout: Layout, name: str, folder: Path) -> None:
        self._book, self._layout = book, layout
        self._sheet = book.add_worksheet(name)
        number = len(book.worksheets())
        self.mass = MassRows(number, {}, [], folder / f"rows-{number}")
        self._formats: dict[tuple[str, Severity | None, bool], Any] = {}
        self._usual: dict[int, tuple[int, str]] = {}  # by column the first row with a value, and its format
        self._comments = 0
        self._status = max(layout.headers) + 1
        """The first column after the user's own; these keep their letters."""

    def write(self, rows: Rows, told: dict[int, Told]) -> None:
        """Write the rows that something is said of, cell by cell."""
        sheet = self._sheet
        before = origins(self._layout)
        written = 0
        for number, cells in rows:
            if not written:
                self._begin(rows.widths)
            written += 1
            said = told[number]
            marked = self._marked(said.findings)
            for column in sorted({*cells, *marked}):
                if column in self._layout.headers:
                    self._cell(written, column, cells.get(column), marked.get(column, []))
            for at, text in enumerate(self._status_texts(number, said, before)):
                if text:
                    look = self._format(wrap=True)
                    sheet.write_string(written, self._status + at, plain_lines(text), look)
        sheet.autofilter(0, 0, max(written, 1), self._status + 3)

    def write_in_mass(self, rows: Rows, told: dict[int, Told]) -> None:
        """Write the rows that something is said of, which are texts, column by column."""
        before = origins(self._layout)
        written = 0
        for numbers, frame in rows.frames():
            if not written:
                self._begin({})
            said = [told[number] for number in numbers]
            columns = self._user_columns(frame, written + 1)
            for at, each in enumerate(said):
                for column, findings in sorted(self._marked(each.findings).items()):
                    if column in columns:
                        self._mark(columns[column], at, written + 1 + at, column, findings)
            status = zip(*map(self._status_texts, numbers, said, repeat(before)), strict=True)
            wrapped = self._style(self._format(wrap=True))
            ours = [
                texts_xml(texts, self._status + at, wrapped, plain_lines) for at, texts in enumerate(status)
            ]
            self.mass.write_columns(written + 2, [*(each.cells for each in columns.values()), *ours])
            written += len(numbers)
        self._sheet.autofilter(0, 0, max(written, 1), self._status + 3)

    def _user_columns(self, frame: pd.DataFrame, first: int) -> dict[int, Column]:
        """The user's own columns; the first of these rows becomes that row (from 0) of the sheet."""
        styles = {each: self._style(self._format(each)) for each in (TEXT, GENERAL)}
        columns = {each: column_of(frame[each], each, styles) for each in sorted(self._layout.headers)}
        for number, column in columns.items():
            if number not in self._usual and (found := column.first()):
                at, value = found
                self._usual[number] = (first + at, value.format)
        return columns

    def _mark(self, column: Column, at: int, row: int, number: int, findings: list[Finding]) -> None:
        """Mark a cell of a column that is written in mass."""
        value, look = self._to_correct(row, number, column.value(at), findings)
        column.cells[at] = value_xml(value, number, self._style(look))
        self._comment(row, number, findings)

    def _style(self, look: Any) -> int:
        """The number of a format in the workbook."""
        # Private, but the only way to name a format in XML; a test compares our rows with xlsxwriter's.
        style: int = look._get_xf_index()  # noqa: SLF001 - see above
        return style

    def _status_texts(self, number: int, said: Told, before: dict[int, str]) -> tuple[str, str, str, str]:
        """What stands in our own columns of a row."""
        table = self._layout.table
        told = [each for each in said.findings if each.severity is not Severity.REPAIR]
        return (
            said.outcome,
            "\n".join(dict.fromkeys(each.message for each in told)),
            "\n".join(dict.fromkeys(each.remedy for each in told)),
            before.get(number) or origin_text(table.file, table.sheet, self._row(number)),
        )

    def _row(self, number: int) -> int | str:
        """The row as it is told; of a record in words, since its cells have other letters in the workbook."""
        is_record = self._layout.table.fields is not None
        return translate("row {row}", row=number) if is_record else number

    def _begin(self, widths: dict[int, float]) -> None:
        sheet = self._sheet
        sheet.freeze_panes(1, 0)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        head = self._book.add_format({"bold": True, "bg_color": "#DCE6F1", "bottom": 1, "num_format": TEXT})
        texts = self._book.add_format({"num_format": TEXT})  # what is typed there keeps its zeros
        for column in range(self._status):
            sheet.set_column(column, column, widths.get(column, 16), None if widths else texts)
        ours = {self._status + at: translate(text) for at, text in enumerate(words()["headers"].values())}
        for column, width in zip(ours, _STATUS_WIDTHS, strict=True):
            sheet.set_column(column, column, width)
        for column, text in sorted((self._layout.headers | ours).items()):
            sheet.write_string(0, column, plain_lines(text), head)

    def _marked(self, findings: Iterable[Finding]) -> dict[int, list[Finding]]:
        """The findings of one row by column; those without a cell stand under the status columns only."""
        marked: dict[int, list[Finding]] = {}
        fields = self._layout.table.fields
        for each in findings:
            if fields is not None and each.place.column in fields:
                marked.setdefault(fields.index(each.place.column), []).append(each)
            elif each.place.cell:
                column = column_number(each.place.cell.rstrip("0123456789").encode())
                marked.setdefault(column, []).append(each)
        return marked

    def _cell(self, row: int, column: int, value: Value | None, findings: list[Finding]) -> None:
        if value and value.value is not None:
            self._usual.setdefault(column, (row, value.format))
        self._put(row, column, *self._to_correct(row, column, value, findings))
        self._comment(row, column, findings)

    def _to_correct(
        self, row: int, column: int, value: Value | None, findings: list[Finding]
    ) -> tuple[Value, Any]:
        """What stands in a cell of which that was found, and its format."""
        shown = value.value if value else None
        if any(each.code == "number-ambiguous" for each in findings):
            # The rows around it decided, and here are fewer: it must not become clear by accident.
            value = Value(f"{shown} ?", TEXT)
        if any(each.code == "digits-lost" for each in findings):
            value = Value(shown, TEXT)  # still the number, but what is typed over it keeps its digits
        if shown is None and (held := next((each.value for each in findings if each.value), None)):
            value = Value(held, TEXT)  # a formula that was never computed, say
        if value is None:
            since, usual = self._usual.get(column, (row, TEXT))
            value = Value(None, usual if since < row else TEXT)
        severity = min((each.severity for each in findings), key=list(Severity).index, default=None)
        return value, self._format(value.format, severity)

    def _comment(self, row: int, column: int, findings: list[Finding]) -> None:
        if findings and self._comments < _MOST_COMMENTS:
            self._comments += 1
            text = "\n".join(f"{each.message} {each.remedy}" for each in findings)
            self._sheet.write_comment(row, column, text, {"author": "Ropo", "x_scale": 2.5, "y_scale": 1.6})

    def _put(self, row: int, column: int, value: Value, look: Any) -> None:
        shown, sheet = value.value, self._sheet
        if shown is None:
            sheet.write_blank(row, column, None, look)
        elif isinstance(shown, bool):
            sheet.write_boolean(row, column, shown, look)
        elif isinstance(shown, int | float):
            sheet.write_number(row, column, shown, look)
        elif isinstance(shown, dt.datetime | dt.date | dt.time | dt.timedelta):
            sheet.write_datetime(row, column, shown, look)
        else:
            sheet.write_string(row, column, plain_lines(str(shown)), look)

    def _format(
        self, number_format: str = GENERAL, severity: Severity | None = None, *, wrap: bool = False
    ) -> Any:
        key = (number_format, severity, wrap)
        if key not in self._formats:
            look: dict[str, Any] = {"num_format": number_format, "valign": "top"}
            if fill := _FILLS.get(severity) if severity else None:
                look |= {"bg_color": fill}
            if wrap:
                look |= {"text_wrap": True}
            self._formats[key] = self._book.add_format(look)
        return self._formats[key]


def _write_guide(book: Any, selection: Selection, names: Counter[str]) -> None:
    guide = words()["guide"]
    sheet = book.add_worksheet(_unique(translate(guide["name"]), names))
    sheet.set_column(0, 0, 110)
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    lines = list(map(translate, guide["lines"]))
    if selection.left_out:
        lines += [translate(guide["left_out"]), *selection.left_out]
    for row, line in enumerate(lines):
        sheet.write_string(row, 0, plain(line), wrapped)
