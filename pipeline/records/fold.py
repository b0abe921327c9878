"""The fields of records: those of their own, and those folded into them from the records outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.findings import Place, refuse
from pipeline.readers.table import DAMAGES_ROW, PROBLEMS, Problem, RowFrame, cell_place
from pipeline.records.kinds import Kind
from pipeline.records.texts import Column, Ints, objects, of_frame, over

_ALWAYS = ("billnum", "jobtype")
_SAME = ("billnum", "custnum")
"""Where a record and the one that it belongs to name another of these, it is not known what is right."""


def own_columns(frame: RowFrame, rows: Ints, kind: Kind, fields: Sequence[str]) -> dict[str, Column]:
    """The fields that records of a kind have themselves, and what could not be read in them.

    Args:
        frame: as the file has it.
        rows: where in it the records stand.
        kind: their kind.
        fields: the columns of the table that the records come to: its problems name these.
    """
    own = {field: of_frame(frame, at, rows) for field, at in kind.columns.items()}
    packed = of_frame(frame, PROBLEMS, rows)
    columns = {at: fields.index(field) for field, at in kind.columns.items()}
    own[PROBLEMS] = packed._replace(texts=objects(_moved(text, columns) for text in packed.texts))
    return own


def fold(
    kind: Kind, own: Mapping[str, Column], outer: Mapping[str, Column], rows: Ints, place: Place
) -> dict[str, Column]:
    """The fields of records with those of the records outside them, of which row i is record i's own.

    Of an invoice a row takes the bill number and the job type, and more only where there is no bill number:
    what stands on both would have to be corrected on both.

    Raises:
        Refusal: `record-of-another`.
    """
    found = dict(own)
    unnumbered = None
    if kind.is_row and "billnum" in outer:
        unnumbered = ~outer["billnum"].filled()
    for field in kind.outer:
        given = outer[field]
        if field in own:
            if field in _SAME:
                _refuse_other(kind, field, own[field], given, rows, place)
            given = over(own[field], given)
        elif unnumbered is not None and field not in _ALWAYS:
            given = given.where(unnumbered)
        found[field] = given
    if not kind.is_row and any(outer[PROBLEMS].texts):
        found[PROBLEMS] = _with_problems(own[PROBLEMS], outer[PROBLEMS])
    return found


def _refuse_other(kind: Kind, field: str, own: Column, outer: Column, rows: Ints, place: Place) -> None:
    both = own.filled() & outer.filled()
    differing = np.flatnonzero(both & (own.cleaned().plain() != outer.cleaned().plain()))
    if len(differing):
        first = int(differing[0])
        raise refuse(
            "record-of-another",
            cell_place(place, int(rows[first]), kind.columns[field]),
            row=int(rows[first]),
            mark=kind.mark,
            field=field,
            value=own.text(first).strip(),
            outer=outer.text(first).strip(),
        )


def _moved(packed: str, columns: Mapping[int, int]) -> str:
    """Problems of a record's cells as problems of its fields; what damages the record counts in any cell."""
    moved = [
        each._replace(column=None if each.column is None else columns.get(each.column))
        for each in Problem.unpack(packed)
        if each.column is None or each.column in columns or each.code in DAMAGES_ROW
    ]
    return Problem.pack(moved) if moved else ""


def _with_problems(own: Column, outer: Column) -> Column:
    texts = [
        Problem.pack([*Problem.unpack(one), *Problem.unpack(other)]) if other else one
        for one, other in zip(own.plain().tolist(), outer.plain().tolist(), strict=True)
    ]
    return Column(np.arange(len(texts)), objects(texts))
