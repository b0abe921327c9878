"""Names the fields: which column of a table holds which API tag, and which rows are no data.

Header aliases lie in `data/aliases.toml`, one table a field; a profile adds to them or overrides.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from pipeline.corrections.status import is_corrections, is_status
from pipeline.findings import Finding, Place, finding, refuse
from pipeline.frames import codes, texts
from pipeline.profile import Profile
from pipeline.readers.table import EXACT, HEAD_ROWS, PROBLEMS, ROW, Problem, Table, cell_name
from pipeline.subject import INVOICES, Subject
from pipeline.values import clean
from pipeline.words import aliases, normalise, total_words, unsupported_headers

SOURCE = "@source"
BOOKKEEPING = (SOURCE, ROW, PROBLEMS)
"""The columns of a named frame that are no fields."""

DEBTOR = ("company", "person", "name", "lastname")
"""Columns any of which names the debtor."""

_NEEDED_ON_ROWS = ("payrow.desc", "payrow.count", "payrow.amount", "payrow.taxpr")
_PARTS = ("payrow.desc", "payrow.count", "payrow.amount")
_MOST_TOLD = 1000  # an export without bill numbers on later rows has a finding for nearly every row
_LEAST_MATCHES = 3  # a row with fewer known headers is no header
_NUMBER_LIKE = re.compile(r"[-+\u2212]?[0-9][0-9\s.,]*-?\s*(?:€|%|[A-Za-z]{2,3})?")


_Bools = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Layout:
    """How one table's columns are understood; columns count from 0 (Excel's A).

    `number` is the table's source number in the run. `headers` has every nonblank header, `fields`
    the field paths of those recognised, `ignored` the others with the closest field names.
    """

    number: int
    table: Table
    header_row: int
    headers: dict[int, str]
    fields: dict[int, str]
    ignored: dict[int, tuple[str, ...]]
    subject: Subject = INVOICES

    def place(self, row: int, field_path: str | None = None) -> Place:
        """Where a field of a row stands; the whole row where the table has no column for the field."""
        for column, path in self.fields.items():
            if path == field_path:
                return self.cell(row, column)
        return Place(self.table.file, self.table.sheet, row)

    @property
    def status_columns(self) -> list[int]:
        """The columns that a corrections workbook has beyond the user's own."""
        return [at for at, text in enumerate(self.table.head[self.header_row - 1]) if is_status(text)]

    def cell(self, row: int, column: int) -> Place:
        """The cell in that column."""
        return Place(self.table.file, self.table.sheet, row, self.headers.get(column), cell_name(column, row))


@dataclass(slots=True)
class Intake:
    """What became of every row that was read: the rows set aside, by source and reason, and findings.

    `suspects` are the texts of damaged rows. `continued` holds the identities of documents below whose
    rows stands one that may be theirs but does not say so, with that row's source and number.
    """

    rows_read: int = 0
    aside: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    suspects: set[str] = field(default_factory=set)
    continued: dict[str, tuple[int, int]] = field(default_factory=dict)

    def set_aside(self, source: int, reason: str, rows: np.ndarray[Any, Any]) -> None:
        """Count those rows as set aside for that reason."""
        if len(rows):
            self.aside.setdefault((source, reason), []).extend(rows.tolist())


def find_field(header: str, profile: Profile, subject: Subject = INVOICES) -> str | None:
    """The field that a header stands for: `""` if the profile ignores it, None if it is not known."""
    name = normalise(header)
    for declared, field_path in profile.columns.items():
        if normalise(declared) == name:
            return field_path
    known = aliases(subject.aliases)
    path = known.get(name)
    if path is None and (number := re.search(r"[0-9]+", name)):
        generic = f"{name[: number.start()]}{{n}}{name[number.end() :]}"
        path = (known.get(generic) or "").replace("{n}", number[0]) or None
    return path


def understand(
    files: Iterable[list[Table]], profile: Profile, subject: Subject = INVOICES, *, checked: bool = True
) -> list[Layout]:
    """How the tables of each file are understood; of a workbook's sheets those with a header.

    `checked` is False where somebody only wants to look.

    Raises:
        Refusal: no header was found, several sheets could be meant, two columns hold one field, or a
            needed field has no column and no default.
    """
    _check_profile(profile, subject)
    layouts: list[Layout] = []
    for file in files:
        corrections = [table for table in file if is_corrections(table.head)]
        tables = corrections or file
        found = [layout for table in tables if (layout := _layout(len(layouts), table, profile, subject))]
        if not found:
            raise _no_header(tables)
        if len(found) > 1 and profile.reading.sheet != "*" and not corrections:
            names = ", ".join(f"“{layout.table.sheet}”" for layout in found)
            raise refuse("several-sheets", Place(file=found[0].table.file), sheets=names)
        for layout in found:
            if checked:
                check_columns(layout, profile)
            layouts.append(replace(layout, number=len(layouts)))
    return layouts


def named_frames(layout: Layout, rows_per_frame: int, intake: Intake) -> Iterator[pd.DataFrame]:
    """The table's data rows with fields for column labels, and `@source`, `@row`, `@problems`.

    Title, header, blank, total and keyless rows are left out and counted in `intake`.
    """
    above = ""
    for frame in layout.table.frames(rows_per_frame):
        intake.rows_read += len(frame)
        blank = {name: _test(frame[name], _is_blank) for name in frame.columns if name not in (ROW, PROBLEMS)}
        data, keyless = _data_rows(frame, layout, blank, intake)
        above = _note_continued(frame, layout, blank, data, keyless, above, intake)
        named = frame.loc[data, [*layout.fields, ROW, PROBLEMS]].rename(columns=layout.fields)
        named.insert(0, SOURCE, layout.number)
        yield named
    intake.findings.extend(layout.table.findings)
    intake.suspects |= layout.table.suspects


def _layout(number: int, table: Table, profile: Profile, subject: Subject) -> Layout | None:
    row = (
        1
        if is_corrections(table.head)
        else profile.reading.header_row or _header_row(table, profile, subject)
    )
    if row is None or row > len(table.head):
        return None
    headers = {
        column: text.strip()
        for column, text in enumerate(table.head[row - 1])
        if text.strip() and not is_status(text)
    }
    found = {column: find_field(header, profile, subject) for column, header in headers.items()}
    for column, path in found.items():
        if path == "amount" and normalise(headers[column]) == "amount" and "payrow.desc" in found.values():
            found[column] = "payrow.amount"  # beside rows it can only be theirs
    return Layout(
        number,
        table,
        row,
        headers,
        {column: path for column, path in found.items() if path},
        {column: nearest(headers[column], subject) for column, path in found.items() if not path},
        subject,
    )


def _header_row(table: Table, profile: Profile, subject: Subject) -> int | None:
    """The first row with the most known headers."""
    matches = [
        len({find_field(text, profile, subject) for text in row if text.strip()} - {None, ""})
        for row in table.head
    ]
    most = max(matches, default=0)
    least = len(subject.needed) if subject.kind else _LEAST_MATCHES
    return matches.index(most) + 1 if most >= least else None


def nearest(header: str, subject: Subject = INVOICES) -> tuple[str, ...]:
    """The fields whose known headers are spelt most like this one."""
    known = aliases(subject.aliases)
    close = difflib.get_close_matches(normalise(header), known, n=3, cutoff=0.75)
    return tuple(dict.fromkeys(known[name] for name in close))


def _check_profile(profile: Profile, subject: Subject) -> None:
    known = subject.fields
    for path in (*profile.columns.values(), *profile.constants, *profile.defaults):
        if path and subject.generic(path) not in known:
            closest = ", ".join(difflib.get_close_matches(path, known, n=3)) or "none"
            raise refuse("profile-field", value=path, closest=closest)


def check_columns(layout: Layout, profile: Profile) -> None:
    """See that every column that is needed is there, and none that cannot be sent.

    Raises:
        Refusal: two columns hold one field, there are no rows, a column changes the sums and has no field,
            or a needed field has no column and no default.
    """
    place = Place(layout.table.file, layout.table.sheet, layout.header_row)
    columns: dict[str, list[int]] = {}
    for column, path in layout.fields.items():
        columns.setdefault(path, []).append(column)
    for path, several in columns.items():
        if len(several) > 1:
            cells = " and ".join(
                f"“{layout.headers[column]}” ({cell_name(column, layout.header_row)})" for column in several
            )
            raise refuse("two-columns", place, field=path, cells=cells)
    rows_below = layout.table.head[layout.header_row :]
    if len(layout.table.head) < HEAD_ROWS and not any(text.strip() for row in rows_below for text in row):
        raise refuse("header-only", place)
    for column in layout.ignored:
        if (
            normalise(layout.headers[column]) in unsupported_headers()
            and layout.headers[column] not in profile.columns
        ):
            cell = layout.cell(layout.header_row, column)
            raise refuse("column-unsupported", cell, header=layout.headers[column])
    have = {*columns, *profile.constants, *profile.defaults}
    missing = [path for path in _needed(layout.subject, have) if path not in have]
    if missing:
        headers = ", ".join(f"“{header}”" for header in layout.headers.values())
        raise refuse("column-missing", place, field=missing[0], missing=", ".join(missing), headers=headers)


def _needed(subject: Subject, have: set[str]) -> list[str]:
    """The fields that must have a column or a default; of alternatives the words for all of them."""
    needed = list(subject.needed)
    if subject.kind:
        return needed if have & set(subject.identity) else [*needed, " or ".join(subject.identity)]
    if not have & set(DEBTOR):
        needed.insert(0, "company or person")
    if "amount" not in have or any(path.startswith("payrow.") for path in have):
        needed += _NEEDED_ON_ROWS
    return needed


def _no_header(tables: list[Table]) -> Exception:
    table = tables[0]
    shown = next((row for row in table.head if any(text.strip() for text in row)), [])
    cells = ", ".join(f"“{text.strip()}”" for text in shown if text.strip())
    return refuse("no-header", Place(table.file, table.sheet), cells=cells[:300])


def _data_rows(
    frame: pd.DataFrame, layout: Layout, blank_cells: dict[Any, _Bools], intake: Intake
) -> tuple[_Bools, _Bools]:
    """Which rows hold data, and which only name nobody; the rest is set aside, each row for one reason."""
    numbers = frame[ROW].to_numpy()
    cells = [name for name in blank_cells if name not in layout.status_columns]
    blank = np.logical_and.reduce([blank_cells[name] for name in cells])
    keyless = np.ones(len(frame), bool)
    for column, path in layout.fields.items():
        if path in layout.subject.identity and column in blank_cells:
            keyless &= blank_cells[column]
    undecided = np.ones(len(frame), bool)
    reasons = {
        "title": (numbers < layout.header_row) & ~blank,
        "header": (numbers == layout.header_row) | _repeats_header(frame, layout),
        "blank": blank,
        "total": _total_rows(frame, cells, blank_cells),
        "no-invoice": keyless,
    }
    for reason, rows in reasons.items():
        if reason == "no-invoice":
            keyless &= undecided
            told = len(intake.aside.get((layout.number, reason), ()))
            intake.findings += islice(_of_keyless(frame, keyless, layout), max(_MOST_TOLD - told, 0))
        intake.set_aside(layout.number, reason, numbers[rows & undecided])
        undecided &= ~rows
    return undecided, keyless


def _note_continued(
    frame: pd.DataFrame,
    layout: Layout,
    blank_cells: dict[Any, _Bools],
    data: _Bools,
    keyless: _Bools,
    above: str,
    intake: Intake,
) -> str:
    """Note documents that may lack a row: right below theirs is one without number, and address or date.

    So it is where an export has an invoice's own fields on its first row only, or merges their cells: sent
    without that row, the invoice would have a wrong sum. Returns the identity of the last document.
    """
    columns = {path: frame[column] for column, path in layout.fields.items() if column in frame}
    blank = {path: blank_cells[column] for column, path in layout.fields.items() if column in frame}
    never, always = np.zeros(len(frame), bool), np.ones(len(frame), bool)
    lacks = np.logical_or.reduce([never, *(blank[path] for path in ("address", "billdate") if path in blank)])
    has_part = np.logical_or.reduce([never, *(~blank[path] for path in _PARTS if path in blank)])
    loose = has_part & (keyless | (data & lacks & blank.get("billnum", always)))
    firm = np.flatnonzero(data & ~loose)
    rows = frame[ROW].to_numpy()

    def identity(row: int) -> str:
        path = next(path for path in layout.subject.identity if path in blank and not blank[path][row])
        return clean(columns[path].iloc[row]).replace(EXACT, "")

    for row in np.flatnonzero(loose).tolist():
        before = np.searchsorted(firm, row)
        if owner := identity(firm[before - 1]) if before else above:
            intake.continued.setdefault(owner, (layout.number, int(rows[row])))
    return identity(firm[-1]) if len(firm) else above


def _of_keyless(frame: pd.DataFrame, rows: _Bools, layout: Layout) -> Iterator[Finding]:
    """What to say of rows that belong to no invoice: what damaged them, if anything did."""
    for row, packed in zip(frame[ROW][rows].tolist(), frame[PROBLEMS][rows].tolist(), strict=True):
        for problem in Problem.unpack(packed):
            place = layout.place(row) if problem.column is None else layout.cell(row, problem.column)
            yield finding(problem.code, place, value=problem.value.replace(EXACT, ""), detail=problem.detail)
        if not packed:
            yield finding("row-without-invoice", layout.place(row))


def _test(column: pd.Series[Any], test: Any) -> _Bools:
    """For each row whether its text passes, asked once a distinct text."""
    verdicts = np.array([test(text) for text in texts(column).tolist()], bool)
    of_row: _Bools = verdicts[codes(column)] if verdicts.any() else np.zeros(len(column), bool)
    return of_row


def _is_blank(text: str) -> bool:
    return not text.strip()


def _is_total_word(text: str) -> bool:
    return not text.isdecimal() and normalise(text) in total_words()


def _is_number_or_total_word(text: str) -> bool:
    return bool(_NUMBER_LIKE.fullmatch(text.strip().removesuffix(EXACT))) or _is_total_word(text)


def _repeats_header(frame: pd.DataFrame, layout: Layout) -> _Bools:
    """Rows that say the header again, as a printed page or a joined export does."""
    same = np.ones(len(frame), bool)
    for column, header in layout.headers.items():
        if column in frame and same.any():
            same &= _test(frame[column], lambda text, header=header: text.strip() == header)
    return same


def _total_rows(
    frame: pd.DataFrame, cells: list[Any], blank: dict[Any, np.ndarray[Any, np.dtype[np.bool_]]]
) -> _Bools:
    """Rows whose first cell is a word such as `Yhteensä` and whose others are numbers."""
    total = np.zeros(len(frame), bool)
    before = np.ones(len(frame), bool)
    for name in cells:
        if not before.any():
            break  # mostly at once: the first column is filled on all rows
        total |= before & _test(frame[name], _is_total_word)
        before &= blank[name]
    if total.any():
        for name in cells:
            total &= blank[name] | _test(frame[name], _is_number_or_total_word)
    return total
