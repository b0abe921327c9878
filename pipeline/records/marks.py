"""Of which kind each record is, by its mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np

from pipeline.findings import Place, refuse
from pipeline.profile import Profile
from pipeline.readers.table import DAMAGES_ROW, PROBLEMS, ROW, Marks, Problem, RowFrame, cell_place
from pipeline.records.kinds import Kind
from pipeline.records.texts import Ints, blank_rows
from pipeline.rows.frames import codes, texts

BLANK = -1
"""The number of a blank row, which is of no kind."""
_IGNORED, _UNKNOWN = -2, -3


def marks_of(profile: Profile) -> Marks | None:
    """How the profile's records tell of which kind they are; None where it declares none."""
    if not profile.records:
        return None
    return Marks(profile.reading.mark - 1, frozenset(each.mark.strip() for each in profile.records))


def kind_reader(profile: Profile, kinds: Sequence[Kind], place: Place) -> Callable[[RowFrame], Ints]:
    """What gives the number of the kind of each row of a frame; below 0 where it is left out or blank.

    What it gives raises a Refusal: `record-mark-unknown`, or what damaged a record that is left out, since
    rows that this has swallowed are told by nobody else.
    """
    column = profile.reading.mark - 1
    numbers = {each.mark.strip(): _IGNORED for each in profile.records}
    numbers |= {kind.mark: kind.number for kind in kinds}

    def kind_of_rows(frame: RowFrame) -> Ints:
        marks = frame[column]
        of_text = np.array([numbers.get(text.strip(), _UNKNOWN) for text in texts(marks).tolist()], np.int64)
        found: Ints = of_text[codes(marks)]
        if "" in numbers:
            silent = np.flatnonzero(found == numbers[""])
            found[silent[blank_rows(frame, silent)]] = BLANK
        unknown = np.flatnonzero(found == _UNKNOWN)
        if len(unknown):
            found[unknown] = BLANK
            other = unknown[~blank_rows(frame, unknown)]
            if len(other):
                refuse_mark(int(frame[ROW].iloc[other[0]]), str(marks.iloc[other[0]]))
        left_out = found == _IGNORED
        if left_out.any():
            for row in np.flatnonzero(left_out & (frame[PROBLEMS].to_numpy() != "")).tolist():
                refuse_damage(int(frame[ROW].iloc[row]), str(frame[PROBLEMS].iloc[row]))
        return found

    def refuse_mark(row: int, mark: str) -> NoReturn:
        known = ", ".join(f"“{each}”" for each in numbers)
        where = cell_place(place, row, column)
        raise refuse("record-mark-unknown", where, row=row, mark=mark.strip(), known=known)

    def refuse_damage(row: int, packed: str) -> None:
        for each in Problem.unpack(packed):
            if each.code in DAMAGES_ROW:
                where = cell_place(place, row, each.column or 0)
                raise refuse(each.code, where, value=each.value, detail=each.detail)

    return kind_of_rows
