"""Workbooks of every type as tables: which sheets count, and their rows as row frames of exact text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.findings import Finding, Place, finding, refuse
from pipeline.readers.cells import Shape, column
from pipeline.readers.marks import column_number
from pipeline.readers.sheet import Listed, Sheet
from pipeline.readers.table import HEAD_ROWS, PROBLEMS, ROW, Problem, RowFrame, Table

_RANGES_SHOWN = 3
_ROWS_AT_ONCE = 10_000
"""Rows held as Python values at a time. Measured: 50,000 took 20 % longer, and 100 MB with 30 columns."""
_RANGE = re.compile(r"([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)")


def open_workbook(path: Path, kind: str, *, sheet: str | None = None) -> list[Table]:
    """One table for each visible sheet that holds anything, or for the named one, hidden or not.

    Args:
        path: the workbook.
        kind: `xlsx`, `xls` or `ods`, as `files.recognise` tells.
        sheet: its name; upper and lower case count as the same, as in Excel.

    Raises:
        Refusal: the workbook cannot be read whole, there is no such sheet, or nothing is in them.
    """
    listed: list[Listed] = import_module(f"pipeline.readers.{kind}").sheets(path)
    names = ", ".join(each.name for each in listed)
    if sheet is None:
        chosen = [each for each in listed if each.visible]
    else:
        chosen = [each for each in listed if each.name.casefold() == sheet.strip().casefold()]
        if not chosen:
            raise refuse("sheet-unknown", Place(str(path)), wanted=sheet, sheets=names)
    facts = _facts(listed, kind)
    tables = [table for each in chosen if (table := _table(path, each, facts))]
    if tables:
        return tables
    if sheet is None:
        raise refuse("workbook-empty", Place(str(path)), sheets=names)
    raise refuse("sheet-empty", Place(str(path), sheet), sheets=names)


def _facts(listed: list[Listed], kind: str) -> dict[str, str]:
    hidden = ", ".join(each.name for each in listed if not each.visible)
    return {"type": kind} | ({"hidden sheets": hidden} if hidden else {})


def _table(path: Path, listed: Listed, facts: dict[str, str]) -> Table | None:
    """The sheet as a table, or None if it holds nothing."""
    sheet = listed.load()
    first = next(_frames(sheet, HEAD_ROWS), None)
    if first is None:
        return None
    head = first.drop(columns=[ROW, PROBLEMS]).astype(object).to_numpy().tolist()
    hidden = {"hidden rows": str(sheet.marks.hidden_rows)} if sheet.marks.hidden_rows else {}

    def frames(size: int) -> Iterator[RowFrame]:
        table.share_read = 0.0
        for frame in _frames(sheet, size):
            table.share_read = min(1.0, float(frame[ROW].iloc[-1]) / max(sheet.height, 1))
            yield frame
        table.share_read = 1.0

    table = Table(str(path), listed.name, facts | hidden, head, frames)
    table.findings += _findings(sheet, head, str(path), listed.name)
    return table


def _frames(sheet: Sheet, size: int) -> Iterator[RowFrame]:
    """The sheet's rows in frames of at most `size` rows."""
    problems = sheet.marks.problems
    furthest = max((each.column or 0 for row in problems.values() for each in row), default=-1)
    width = max(sheet.width, furthest + 1)
    shapes: dict[int, list[tuple[Shape, np.ndarray[Any, Any]]]] = {}
    for (number, as_shown), marked in sheet.marks.shapes.items():
        shapes.setdefault(number, []).append((as_shown, np.sort(np.asarray(marked))))
    rows = _trimmed(sheet.rows(), sheet.width - sheet.first, max(problems, default=0))
    start = 1
    while cells := list(islice(rows, min(size, _ROWS_AT_ONCE))):
        end = start + len(cells)
        shown = {
            number: [(as_shown, _between(marked, start, end) - start) for as_shown, marked in each]
            for number, each in shapes.items()
        }
        told = (
            {row - start: problems[row] for row in range(start, end) if row in problems} if problems else {}
        )
        frame = _frame(cells, sheet.first, width, shown, told)
        frame[ROW] = np.arange(start, end, dtype=np.int64)
        yield frame
        start = end


def _trimmed(rows: Iterator[list[Any]], width: int, last: int) -> Iterator[list[Any]]:
    """The rows without the empty ones at the end, but all up to the row `last`."""
    empty = [""] * width
    number = waiting = 0
    for number, row in enumerate(rows, 1):
        if number > last and row == empty:
            waiting += 1
        else:
            yield from repeat(empty, waiting)
            waiting = 0
            yield row
    yield from repeat(empty, last - number)


def _between(rows: np.ndarray[Any, Any], start: int, end: int) -> np.ndarray[Any, Any]:
    return rows[slice(*np.searchsorted(rows, (start, end)))]


def _frame(
    cells: list[list[Any]],
    first: int,
    width: int,
    shapes: dict[int, list[tuple[Shape, np.ndarray[Any, Any]]]],
    problems: dict[int, list[Problem]],
) -> RowFrame:
    """The row frame, without row numbers; shapes and problems by position within it."""
    blank = [""] * len(cells)
    values: list[Any] = [blank] * first + list(zip(*cells, strict=True))
    values += [blank] * (width - len(values))
    told = {row: list(found) for row, found in problems.items()}
    cells_told = [(row, each.column or 0, each.value) for row, found in told.items() for each in found]
    for number in {number for _, number, _ in cells_told}:
        values[number] = list(values[number])
    for row, number, shown in cells_told:  # what a cell shows instead of a value: it must not look empty
        values[number][row] = shown
    columns: dict[Any, Any] = {}
    for number in range(width):
        columns[number], lost = column(values[number], shapes.get(number, ()))
        for row in lost.tolist():
            text = columns[number][row]
            code = "digits-lost" if re.search("[0-9]", text) else "error-cell"  # no number at all: NaN
            told.setdefault(row, []).append(Problem(number, code, text))
    packed = np.full(len(cells), "", dtype=object)
    for row, found in told.items():
        packed[row] = Problem.pack(found)
    return pd.DataFrame({**columns, PROBLEMS: pd.Series(packed, dtype=object)}, copy=False)


def _findings(sheet: Sheet, head: list[list[str]], file: str, name: str) -> list[Finding]:
    """What is odd about the sheet as a whole."""
    marks = sheet.marks
    found = []
    if merged := [each for each in marks.merged if _hides_cells(each, head)]:
        more = f" and {len(merged) - _RANGES_SHOWN} more" if len(merged) > _RANGES_SHOWN else ""
        place = Place(file, name, cell=merged[0].partition(":")[0])
        found.append(finding("merged-cells", place, ranges=", ".join(merged[:_RANGES_SHOWN]) + more))
    if marks.hidden_rows:
        found.append(finding("hidden-rows", Place(file, name), count=marks.hidden_rows))
    return found


def _hides_cells(merged: str, head: list[list[str]]) -> bool:
    """Whether a merged range goes over several rows and these hold more than it, unlike a title's."""
    match = _RANGE.fullmatch(merged)
    if not match:
        return False
    left, right = column_number(match[1].encode()), column_number(match[3].encode())
    top, bottom = int(match[2]), int(match[4])
    rows = head[top:bottom]  # without the range's first row
    beside = any(text for row in rows for text in (*row[:left], *row[right + 1 :]))
    return bottom > top and (beside or bottom > HEAD_ROWS)
