"""The row frames of the table that records come to."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import pandas as pd

from pipeline.findings import Place
from pipeline.profile import Profile
from pipeline.readers.table import PROBLEMS, ROW, RowFrame, Table
from pipeline.records.fold import fold, own_columns
from pipeline.records.kinds import fields_of
from pipeline.records.marks import kind_reader
from pipeline.records.survey import Survey
from pipeline.records.texts import Column, Ints, after, as_categorical
from pipeline.rows.frames import categorical

Columns = dict[str, Column]


def table_frames(table: Table, profile: Profile, found: Survey, size: int) -> Generator[RowFrame]:
    """A row for each invoice and each invoice row, in frames that come from at most `size` rows of the file.

    Raises:
        Refusal: `record-of-another`.
    """
    kinds, fields = found.kinds, fields_of(found.kinds)
    place = Place(table.file, table.sheet)
    kind_of_rows = kind_reader(profile, kinds, place)
    done = [0] * len(kinds)  # how many records of each kind stand above the frame
    invoice_rows = found.rows[-2:][0]
    last: list[dict[str, str]] = [{} for _ in kinds]  # the last of them
    for frame in table.frames(size):
        of_rows = kind_of_rows(frame)
        rows = [np.flatnonzero(of_rows == kind.number) for kind in kinds]
        columns: list[Columns] = []
        invoices: list[Ints] = []  # of each record of the last two kinds the row of its invoice's
        for kind, mine in zip(kinds, rows, strict=True):
            number = kind.number
            own = own_columns(frame, mine, kind, fields)
            invoices.append(frame[ROW].to_numpy()[mine])
            if number:
                parents = found.parents[number][done[number] : done[number] + len(mine)]
                if kind.key:
                    outer = _taken(found.held[number - 1], parents)
                else:
                    outer = _above(columns[number - 1], last[number - 1], parents - done[number - 1])
                if kind.is_row:
                    invoices[-1] = invoice_rows[parents]
                own = fold(kind, own, outer, frame[ROW].to_numpy()[mine], place)
            columns.append(own)
        for number, mine in enumerate(rows):
            done[number] += len(mine)
            if len(mine):
                last[number] = {field: column.text(-1) for field, column in columns[number].items()}
        if len(rows[-1]) or len(rows[-2:][0]):
            virtual = _frame(frame, rows[-2:], columns[-2:], fields)
            virtual.insert(len(fields), len(fields), pd.Series(_row_numbers(rows[-2:], invoices[-2:])))
            yield virtual


def _taken(columns: Columns, rows: Ints) -> Columns:
    return {field: column.take(rows) for field, column in columns.items()}


def _above(columns: Columns, last: dict[str, str], rows: Ints) -> Columns:
    """Those rows of a frame's columns, of which row -1 is the last one above the frame."""
    return {field: after(last.get(field, ""), column).take(rows + 1) for field, column in columns.items()}


def _row_numbers(rows: Sequence[Ints], numbers: Sequence[Ints]) -> pd.Categorical:
    """The `@invoice` of records of the last two kinds, in the order of the file."""
    order = np.argsort(np.concatenate(rows))
    distinct, of_row = np.unique(np.concatenate(numbers)[order], return_inverse=True)
    return categorical(of_row, [str(number) for number in distinct.tolist()])


def _frame(
    frame: RowFrame, rows: Sequence[Ints], columns: Sequence[Columns], fields: Sequence[str]
) -> RowFrame:
    """The records of the last two kinds, in the order of the file."""
    order = np.sort(np.concatenate(rows))
    places = [np.searchsorted(order, each) for each in rows]

    def texts(field: str) -> pd.Categorical:
        parts = zip(places, columns, strict=True)
        return as_categorical([(at, own[field]) for at, own in parts if field in own], len(order))

    virtual = pd.DataFrame({number: texts(field) for number, field in enumerate(fields)}, copy=False)
    virtual[PROBLEMS] = pd.Series(np.asarray(texts(PROBLEMS), dtype=object), dtype=object)
    virtual[ROW] = frame[ROW].to_numpy()[order]
    return virtual
