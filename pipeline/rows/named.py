"""Reads a table's data rows under their fields' names, and sets aside the rows that are no data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from pipeline.columns.layouts import Layout
from pipeline.findings import Finding, finding
from pipeline.meaning.apply import apply
from pipeline.meaning.left_out import LEFT_OUT, LeftOut
from pipeline.readers.table import DAMAGES_ROW, EXACT, FOLLOWS, INVOICE, PROBLEMS, ROW, Problem
from pipeline.rows.carry import carried
from pipeline.rows.cell_tests import Bools, is_blank, is_number_like, is_total_word, rows_where
from pipeline.rows.frames import categorical, codes, join, texts, to_arrow
from pipeline.values.convert import clean

SOURCE = "@source"
BOOKKEEPING = (SOURCE, ROW, PROBLEMS)
"""The columns of a named frame that are no fields."""

ELSEWHERE = "\0"
"""Stands for the last document above the first row that a process reads of a table."""

_PARTS = ("payrow.desc", "payrow.count", "payrow.amount")
MOST_TOLD = 1000
"""So many rows without invoice are told of: an export may have its bill numbers on first rows only."""


@dataclass(slots=True)
class Intake:
    """What became of every row that was read: the rows set aside, by source and reason, and findings.

    `suspects` are the texts of damaged rows. `continued` holds the identities of documents below whose
    rows stands one that may be theirs but does not say so, with that row's source and number. `above` is by
    source the identity of the last document read, to which the next row may belong.
    """

    rows_read: int = 0
    aside: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    suspects: set[str] = field(default_factory=set)
    continued: dict[str, tuple[int, int]] = field(default_factory=dict)
    above: dict[int, str] = field(default_factory=dict)

    def set_aside(self, source: int, reason: str, rows: np.ndarray[Any, Any]) -> None:
        """Count those rows as set aside for that reason."""
        if len(rows):
            self.aside.setdefault((source, reason), []).extend(rows.tolist())

    def add(self, later: Intake) -> None:
        """Add what became of the rows after these, which another process has read."""
        self.rows_read += later.rows_read
        for key, rows in later.aside.items():
            self.aside.setdefault(key, []).extend(rows)
        self.findings += later.findings
        self.suspects |= later.suspects
        for owner, place in later.continued.items():
            if known := self.above.get(place[0], "") if owner == ELSEWHERE else owner:
                self.continued.setdefault(known, place)
        self.above |= {source: owner for source, owner in later.above.items() if owner != ELSEWHERE}


def named_frames(layout: Layout, rows_per_frame: int, intake: Intake) -> Iterator[pd.DataFrame]:
    """The table's data rows with fields for column labels, and `@source`, `@row`, `@problems`.

    Title, header, blank, total and keyless rows are left out and counted in `intake`. Rows that the profile
    leaves out are marked (`meaning.left_out`): they go with their invoices. A table whose columns repeat
    gives several rows for one; the layouts of its repetitions give none themselves.
    """
    if layout.is_repeat:
        return
    for data in data_frames(layout, rows_per_frame, intake):
        named = named_rows(data, layout)
        keyless = _keyless(named, layout)
        _note_damaged(named, layout, keyless, intake)
        _note_continued(named, layout, keyless, intake)
        _set_keyless_aside(named[keyless & (named[SOURCE] == layout.number).to_numpy()], layout, intake)
        yield named[~keyless] if keyless.any() else named
    intake.findings.extend(layout.table.findings)
    intake.suspects |= layout.table.suspects


def data_frames(layout: Layout, rows_per_frame: int, intake: Intake) -> Iterator[pd.DataFrame]:
    """The table's data rows as they are read, under the positions of their columns.

    Title, header, blank and total rows are left out and counted in `intake`; where only an invoice's first
    row says whose it is, the others have it from there.
    """
    carries = layout.profile.reading.carry and not (layout.part and layout.part.part == "invoices")
    above: dict[int, str] = {}
    for frame in layout.table.frames(rows_per_frame):
        intake.rows_read += len(frame)
        data = frame[_data_rows(frame, layout, intake)]
        if carries:
            data, above = carried(data, layout, above)
        yield data


def named_rows(data: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Data rows under their fields' names; for each row those of its repetitions."""
    return _exploded(data, layout) if layout.repeats else _named(data, layout)


def cells_read(data: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Of data rows what the declarations of their meaning need."""
    more = [name for name in (FOLLOWS, ROW, PROBLEMS) if name in data]
    return data[[*sorted({*layout.fields, *layout.used}), *more]]


def _named(data: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    named = apply(cells_read(data, layout), layout, layout.profile)
    named.insert(0, SOURCE, layout.number)
    return named


def _exploded(data: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """For each row those of its repetitions, in order; of the later ones only those that say something."""
    first = data.copy(deep=False)
    hollow = _is_hollow(data, layout)
    for column, path in layout.fields.items():
        if column not in layout.own and path.startswith(("payrow.", "row.")):  # it is the later ones' then
            first[column] = _blanked(data[column], hollow)
    frames = [_named(first, layout)]
    for repeat in layout.repeats:
        part = data[~_is_hollow(data, repeat)].copy(deep=False)
        part[PROBLEMS] = _problems_of(part[PROBLEMS], repeat)
        frames.append(_named(part, repeat))
    whole = join([to_arrow(frame) for frame in frames])
    order = np.argsort(whole[ROW].to_numpy(), kind="stable")
    return whole.iloc[order]


def _is_hollow(data: pd.DataFrame, layout: Layout) -> Bools:
    """Which rows have nothing in a repetition's own cells."""
    hollow: Bools = np.logical_and.reduce([rows_where(data[column], is_blank) for column in layout.own])
    return hollow


def _blanked(column: pd.Series[Any], rows: Bools) -> Any:
    held = texts(column).tolist()
    if "" not in held:
        held.append("")
    return categorical(np.where(rows, held.index(""), codes(column)), held)


def _problems_of(packed: pd.Series[Any], repeat: Layout) -> pd.Series[Any]:
    """The problems of a repetition's own cells: the first one tells the others."""
    kept = packed.astype(object).to_numpy(copy=True)
    for row in np.flatnonzero(kept != "").tolist():
        own = _own_problems(kept[row], repeat)
        kept[row] = Problem.pack(own) if own else ""
    is_categorical = isinstance(packed.dtype, pd.CategoricalDtype)
    return pd.Series(kept, packed.index, dtype="category" if is_categorical else packed.dtype)


def _own_problems(packed: str, repeat: Layout) -> list[Problem]:
    problems = Problem.unpack(packed)
    return [each for each in problems if each.column in repeat.own and each.code not in DAMAGES_ROW]


def _data_rows(frame: pd.DataFrame, layout: Layout, intake: Intake) -> Bools:
    """Which rows hold data; the rest is set aside, each row for one reason."""
    numbers = frame[ROW].to_numpy()
    cells = [name for name in frame.columns if isinstance(name, int) and name not in layout.status_columns]
    blank_cells = {name: rows_where(frame[name], is_blank) for name in cells}
    blank = np.logical_and.reduce([blank_cells[name] for name in cells])
    blank &= frame[PROBLEMS].to_numpy() == ""  # what is damaged may have had something in it
    top = layout.header_row - layout.header_rows
    undecided = np.ones(len(frame), bool)
    reasons = {
        "title": (numbers <= top) & ~blank,
        "header": ((numbers > top) & (numbers <= layout.header_row)) | _repeats_header(frame, layout),
        "blank": blank,
        "total": _total_rows(frame, cells, blank_cells),
    }
    for reason, rows in reasons.items():
        intake.set_aside(layout.number, reason, numbers[rows & undecided])
        undecided &= ~rows
    return undecided


def _blank(named: pd.DataFrame, path: str) -> Bools:
    """Whether a field is blank, which it is everywhere where there is no column for it."""
    return rows_where(named[path], is_blank) if path in named else np.ones(len(named), bool)


def _keyless(named: pd.DataFrame, layout: Layout) -> Bools:
    """Which rows name no invoice."""
    keyless = np.ones(len(named), bool)
    for path in layout.subject.identity:
        if path in named and keyless.any():  # mostly the first one is filled on all rows
            keyless &= _blank(named, path)
    return keyless


def _set_keyless_aside(keyless: pd.DataFrame, layout: Layout, intake: Intake) -> None:
    if LEFT_OUT in keyless:
        reasons = _reasons(keyless)
        for reason in dict.fromkeys(reasons[reasons != ""].tolist()):
            intake.set_aside(layout.number, reason, keyless[ROW].to_numpy()[reasons == reason])
        keyless = keyless[reasons == ""]
    told = len(intake.aside.get((layout.number, "no-invoice"), ()))
    intake.findings += _of_keyless(keyless[: max(MOST_TOLD - told, 0)], layout)
    intake.set_aside(layout.number, "no-invoice", keyless[ROW].to_numpy())


def _note_continued(named: pd.DataFrame, layout: Layout, keyless: Bools, intake: Intake) -> None:
    """Note documents that may lack a row: right below theirs is one without number, and address or date.

    So it is where an export has an invoice's own fields on its first row only, or merges their cells: sent
    without that row, the invoice would have a wrong sum.
    """
    above = intake.above.get(layout.number, "")
    never = np.zeros(len(named), bool)
    lacks = np.logical_or.reduce(
        [never, *(_blank(named, path) for path in ("address", "billdate") if path in named)]
    )
    has_part = np.logical_or.reduce([never, *(~_blank(named, path) for path in _PARTS)])
    loose = has_part & (keyless | (lacks & _blank(named, "billnum")))
    if INVOICE in named:
        loose &= _blank(named, INVOICE)  # its record tells
    firm = np.flatnonzero(~keyless & ~loose)
    if LEFT_OUT in named:
        loose &= keyless | (_reasons(named) == "")  # a draft with a debtor of its own is none of theirs
    rows = named[ROW].to_numpy()

    for row in np.flatnonzero(loose).tolist():
        before = np.searchsorted(firm, row)
        if owner := _identity(named, firm[before - 1], layout) if before else above:
            intake.continued.setdefault(owner, (layout.number, int(rows[row])))
    if len(firm):
        intake.above[layout.number] = _identity(named, firm[-1], layout)


def _note_damaged(named: pd.DataFrame, layout: Layout, keyless: Bools, intake: Intake) -> None:
    """Note documents beside a damaged row, which may be theirs, or have swallowed a row of theirs.

    The row below may have been joined to the damaged one. To the one above the damaged row may belong if what
    should name its document is damaged, too: if it has another form than the numbers above and below, as
    `100` and `1002:Book` have among `1002` and `1003`.
    """
    packed = named[PROBLEMS].to_numpy()
    damaged = np.zeros(len(named), bool)
    for row in np.flatnonzero(packed != "").tolist():
        damaged[row] = any(each.code in DAMAGES_ROW for each in Problem.unpack(packed[row]))
    whole = np.flatnonzero(~keyless & ~damaged)
    for row in np.flatnonzero(damaged).tolist():
        at, own = int(np.searchsorted(whole, row)), _identity(named, row, layout)
        above = _identity(named, whole[at - 1], layout) if at else intake.above.get(layout.number, "")
        others = (_identity(named, each, layout) for each in whole[at:])
        below = next((each for each in others if each != own or not layout.profile.reading.carry), "")
        is_certain = _form(own) in {_form(each) for each in (above, below)}
        intake.suspects |= {below} if is_certain else {above, below}
    intake.suspects -= {"", ELSEWHERE}


def _identity(named: pd.DataFrame, row: int, layout: Layout) -> str:
    """What tells the document of a row from others, `""` if nothing does."""
    own = (
        clean(str(named[path].iloc[row])).replace(EXACT, "")
        for path in layout.subject.identity
        if path in named
    )
    return next(filter(None, own), "")


def _form(text: str) -> str:
    """A text with one sign for every digit, and one for every letter."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "0", text))


def _reasons(named: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.object_]]:
    """For each row why the profile leaves it out, `""` for the others."""
    reasons = np.array([LeftOut.reason_in(text) for text in texts(named[LEFT_OUT])], dtype=object)
    of_row: np.ndarray[Any, np.dtype[np.object_]] = reasons[codes(named[LEFT_OUT])]
    return of_row


def _of_keyless(rows: pd.DataFrame, layout: Layout) -> Iterator[Finding]:
    """What to say of rows that belong to no invoice: what damaged them, if anything did."""
    for row, packed in zip(rows[ROW].tolist(), rows[PROBLEMS].tolist(), strict=True):
        for problem in Problem.unpack(packed):
            place = layout.place(row) if problem.column is None else layout.cell(row, problem.column)
            yield finding(problem.code, place, value=problem.value.replace(EXACT, ""), detail=problem.detail)
        if not packed:
            yield finding("row-without-invoice", layout.place(row))


def _repeats_header(frame: pd.DataFrame, layout: Layout) -> Bools:
    """Rows that say the header again, as a printed page or a joined export does."""
    found = np.zeros(len(frame), bool)
    for row in range(layout.header_row - layout.header_rows, layout.header_row):
        header = layout.table.head[row]
        same = np.ones(len(frame), bool)
        for column in layout.headers:
            if column in frame and same.any():
                same &= rows_where(
                    frame[column], partial(_says, header[column] if column < len(header) else "")
                )
        found |= same
    return found


def _says(header: str, text: str) -> bool:
    return text.strip() == header.strip()


def _is_number_or_total_word(text: str) -> bool:
    return is_number_like(text) or is_total_word(text)


def _total_rows(frame: pd.DataFrame, cells: list[Any], blank: dict[Any, Bools]) -> Bools:
    """Rows whose first cell is a word such as `Yhteensä` and whose others are numbers."""
    total = np.zeros(len(frame), bool)
    before = np.ones(len(frame), bool)
    for name in cells:
        if not before.any():
            break  # mostly at once: the first column is filled on all rows
        total |= before & rows_where(frame[name], is_total_word)
        before &= blank[name]
    if total.any():
        for name in cells:
            total &= blank[name] | rows_where(frame[name], _is_number_or_total_word)
    return total
