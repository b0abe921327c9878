"""Writes `corrections.xlsx`: of each table that has such rows a sheet, with the user's own columns."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import xlsxwriter
from sqlalchemy import Engine

from pipeline.corrections.source import GENERAL, TEXT, Rows, Value
from pipeline.corrections.status import MARK, origin_text, origins, words
from pipeline.document import Outcome
from pipeline.findings import Finding, Severity
from pipeline.language import translate
from pipeline.readers.marks import column_number
from pipeline.report.files import whole
from pipeline.report.mass_rows import plain
from pipeline.report.read import InvoiceLine, invoices, remarks, run_facts, snapshot
from pipeline.report.words import outcome_label

if TYPE_CHECKING:
    from pipeline.columns import Layout

NAME = "corrections.xlsx"
TO_CORRECT = (Outcome.INVALID, Outcome.REFUSED, Outcome.CONFLICT)
"""Outcomes that somebody must do something about here; what is unknown is asked about instead."""

INCOMPLETE = frozenset(
    {"touched-by-damage", "row-length", "swallowed-rows", "stray-quote", "row-below-unnamed"}
)
"""Findings after which rows of an invoice may be missing: without the damaged rows it would look whole."""

_MOST_COMMENTS = 20_000
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
    """What goes into the workbook: by source number and row what is said of it; and what is left out."""

    rows: dict[int, dict[int, Told]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


class Stamp(NamedTuple):
    """By which a file is known to be unchanged."""

    size: int
    modified: int


def stamps(layouts: Iterable[Layout]) -> dict[str, Stamp]:
    """The files as they are now, to be compared when their rows are read again."""
    found = {}
    for each in layouts:
        status = Path(each.table.file).stat()
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
    inputs = {Path(each.table.file).resolve() for each in layouts}
    return out / f"corrections-{run_id}.xlsx" if path.resolve() in inputs else path


# What goes in


def _selected(engine: Engine, run_id: str, layouts: Sequence[Layout]) -> Selection:
    selection = Selection()
    with snapshot(engine) as connection:
        run = run_facts(connection, run_id)
        wanted = TO_CORRECT if run.only_checked else (*TO_CORRECT, Outcome.NOT_SENT)
        lines = {line.number: line for line in invoices(connection, run, wanted) if line.rows}
        needed = any(line.outcome in TO_CORRECT for line in lines.values())
        sources = {(each.table.file, each.table.sheet): each for each in layouts}
        of_row: dict[tuple[int, int], list[Finding]] = {}
        for remark in remarks(connection, run):
            found, place = remark.finding, remark.finding.place
            layout = sources.get((place.file or "", place.sheet))
            if remark.invoice in lines:
                rows = lines[remark.invoice].rows
                where = (layout.number, place.row) if layout and place.row else (rows[0][0], rows[0][1])
                of_row.setdefault(where, []).append(found)
    if needed:
        for line in lines.values():
            if INCOMPLETE.isdisjoint(line.codes):
                _add(selection, line, of_row)
            else:
                selection.left_out.append(_named(line))
    return selection


def _add(selection: Selection, line: InvoiceLine, of_row: dict[tuple[int, int], list[Finding]]) -> None:
    outcome = outcome_label(line.outcome)
    for source, first, last in line.rows:
        told = selection.rows.setdefault(source, {})
        told.update({row: Told(outcome, of_row.get((source, row), [])) for row in range(first, last + 1)})


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
    with xlsxwriter.Workbook(path, options) as book:
        book.define_name(MARK, "=1")
        names: Counter[str] = Counter()
        for layout in layouts:
            if told := selection.rows.get(layout.number):
                _Sheet(book, layout, _sheet_name(layout, names)).write(told)
        _write_guide(book, selection, names)


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
    """One table's rows under its header."""

    def __init__(self, book: Any, layout: Layout, name: str) -> None:
        self._book, self._layout = book, layout
        self._sheet = book.add_worksheet(name)
        self._formats: dict[tuple[str, Severity | None, bool], Any] = {}
        self._usual: dict[int, str] = {}
        self._comments = 0
        self._status = max(layout.headers) + 1
        """The first column after the user's own; these keep their letters."""

    def write(self, told: dict[int, Told]) -> None:
        """Write the rows that something is said of."""
        sheet, table = self._sheet, self._layout.table
        rows = Rows(self._layout, told.keys(), len(told))
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
            errors = [each for each in said.findings if each.severity is not Severity.REPAIR]
            status = (
                said.outcome,
                "\n".join(dict.fromkeys(each.message for each in errors)),
                "\n".join(dict.fromkeys(each.remedy for each in errors)),
                before.get(number) or origin_text(table.file, table.sheet, number),
            )
            for at, text in enumerate(status):
                if text:
                    look = self._format(wrap=True)
                    sheet.write_string(written, self._status + at, plain_lines(text), look)
        sheet.autofilter(0, 0, max(written, 1), self._status + 3)

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
        for each in findings:
            if each.place.cell:
                column = column_number(each.place.cell.rstrip("0123456789").encode())
                marked.setdefault(column, []).append(each)
        return marked

    def _cell(self, row: int, column: int, value: Value | None, findings: list[Finding]) -> None:
        shown = value.value if value else None
        if value and shown is not None:
            self._usual.setdefault(column, value.format)
        if any(each.code == "number-ambiguous" for each in findings):
            # The rows around it decided, and here are fewer: it must not become clear by accident.
            value = Value(f"{shown} ?", TEXT)
        if any(each.code == "digits-lost" for each in findings):
            value = Value(shown, TEXT)  # still the number, but what is typed over it keeps its digits
        if shown is None and (held := next((each.value for each in findings if each.value), None)):
            value = Value(held, TEXT)  # a formula that was never computed, say
        if value is None:
            value = Value(None, self._usual.get(column, TEXT))
        severity = min((each.severity for each in findings), key=list(Severity).index, default=None)
        self._put(row, column, value, self._format(value.format, severity))
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


def plain_lines(text: str) -> str:
    """The text so that Excel shows it as it is, with its line breaks."""
    return "\n".join(map(plain, text.split("\n")))


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
