"""Gives the rows below an invoice's first one their invoice, where only that first row names it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.columns.layouts import Layout
from pipeline.meaning.declared import steps
from pipeline.readers.table import FOLLOWS
from pipeline.rows.cell_tests import Bools, is_blank, is_number_like, rows_where
from pipeline.rows.frames import categorical, codes, texts
from pipeline.subject import is_of_row

_Ints = np.ndarray[Any, np.dtype[np.int64]]


def carried(
    frame: pd.DataFrame, layout: Layout, above: dict[int, str]
) -> tuple[pd.DataFrame, dict[int, str]]:
    """The data rows, where those without identity have taken it from the last row above that has one.

    Identity is the bill number (and the job type, within which it is unique). Without such a column it is
    everything that is the invoice's own, of which a row below must have nothing or the same. A row of mere
    numbers takes nothing, since it may be a total: it belongs to no invoice.

    Args:
        frame: data rows with the table's own columns.
        layout: how they are understood.
        above: the cells, by column, with which the rows before this frame end.

    Returns:
        The rows, with `@follows`, and the cells with which they end.
    """
    columns = _columns(layout)
    numbered = bool(columns.get("billnum"))
    keys = columns["billnum"] if numbered else _of(columns, layout.subject.identity)
    taken = keys | (_of(columns, ["jobtype"]) if numbered else _of(columns, columns))
    if not keys or frame.empty:
        return frame, above
    blank = {column: rows_where(frame[column], is_blank) for column in taken}
    nameless = np.logical_and.reduce([blank[column] for column in keys])
    source: _Ints = np.maximum.accumulate(np.where(nameless, -1, np.arange(len(frame))))
    takes = nameless & _says_more_than_numbers(frame, layout) & ((source >= 0) | bool(above))
    cells = {column: _from_above(frame[column], source, above.get(column, "")) for column in blank}
    if not numbered:
        for column in taken:
            takes &= blank[column] | (cells[column][1] == codes(frame[column]))
    result = frame.assign(**{FOLLOWS: takes})
    for column, (held, from_above) in cells.items():
        own = codes(frame[column])
        result[column] = categorical(np.where(takes & blank[column], from_above, own), held)
    if source[-1] >= 0:
        above = {column: str(frame[column].iloc[source[-1]]) for column in cells}
    return result, above


def _columns(layout: Layout) -> dict[str, set[int]]:
    """By field the columns that it comes from."""
    found = {path: {column} for column, path in layout.fields.items()}
    for step in steps(layout.profile):
        for path in step.fields:
            columns = {at for name in step.names if (at := layout.column(name)) is not None}
            found.setdefault(path, set()).update(columns)
    return found


def _of(columns: dict[str, set[int]], paths: Any) -> set[int]:
    """The columns of those fields that are the invoice's own."""
    return {at for path in paths if not is_of_row(path) for at in columns.get(path, ())}


def _from_above(column: pd.Series[Any], source: _Ints, before: str) -> tuple[list[str], _Ints]:
    """The distinct texts of a column and `before`; and which of them each row has above it."""
    held: list[str] = texts(column).tolist()
    if before not in held:
        held.append(before)
    return held, np.where(source >= 0, codes(column)[source], held.index(before))


def _says_more_than_numbers(frame: pd.DataFrame, layout: Layout) -> Bools:
    says = np.zeros(len(frame), bool)
    for name in frame.columns:
        column: Any = name  # a position, or one of the reader's own
        if not isinstance(column, int) or column in layout.status_columns:
            continue
        if layout.fields.get(column) == "payrow.desc":
            says |= ~rows_where(frame[column], is_blank)
        else:
            says |= rows_where(frame[column], _is_word)
    return says


def _is_word(text: str) -> bool:
    return not is_blank(text) and not is_number_like(text)
