"""What a file of records holds, learnt in one reading: where each record stands and which it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipeline.findings import Place, refuse
from pipeline.profile import Profile
from pipeline.readers.table import FIELDS, Table
from pipeline.records.fold import fold
from pipeline.records.found import Found
from pipeline.records.kinds import Kind, fields_of
from pipeline.records.marks import BLANK, kind_reader
from pipeline.records.texts import Bools, Column, Ints

_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of the records, kind by kind.

    `rows` are their row numbers, `parents` the records that they belong to, as indexes into those of the kind
    outside. `own` tells, of a field that a record has itself and may also take from outside, which records
    hold it. `held` has the records of kinds that are found by key, `counts` is for people.
    """

    kinds: Sequence[Kind]
    rows: Sequence[Ints]
    parents: Sequence[Ints]
    own: Sequence[dict[str, Bools]]
    held: Sequence[dict[str, Column]]
    counts: str

    def origin(self, row: int, field: str) -> tuple[int, int] | None:
        """In which row and column of the file the field of a record stands; None if it has no such cell."""
        for kind, rows in zip(self.kinds, self.rows, strict=True):
            at = int(np.searchsorted(rows, row))
            if at < len(rows) and rows[at] == row:
                return self._origin(kind, at, field)
        return None

    def _origin(self, kind: Kind, at: int, field: str) -> tuple[int, int] | None:
        number = kind.number
        if field in kind.columns and (field not in kind.outer or self.own[number][field][at]):
            return int(self.rows[number][at]), kind.columns[field]
        if field in kind.outer:
            return self._origin(self.kinds[number - 1], int(self.parents[number][at]), field)
        return None


def survey(table: Table, profile: Profile, kinds: Sequence[Kind]) -> Survey:
    """Read all records once.

    Raises:
        Refusal: as `pipeline.records.as_table`.
    """
    place = Place(table.file, table.sheet)
    kind_of_rows = kind_reader(profile, kinds, place)
    found = [Found(kind, kinds) for kind in kinds]
    fields = fields_of(kinds)
    widths: set[int] = set()
    for frame in table.frames(_ROWS_AT_ONCE):
        of_rows = kind_of_rows(frame)
        if FIELDS in frame:
            widths.update(np.unique(frame[FIELDS].to_numpy()[of_rows != BLANK]).tolist())
        for each in found:
            each.add(frame, np.flatnonzero(of_rows == each.kind.number), fields)
    for each in found:
        each.refuse_widths(place, padded=_are_padded(widths, kinds))
        each.refuse_twice(place)
    parents = [np.empty(0, np.int64)]
    for outer, each in pairwise(found):
        parents.append(
            each.parents_by_key(outer, place) if each.kind.key else _last_above(each, found, place)
        )
    return Survey(
        kinds,
        [each.rows for each in found],
        parents,
        [each.own() for each in found],
        _held(found, parents, place),
        ", ".join(f"{each.kind.mark or '–'}: {len(each.rows)}" for each in found),
    )


def _are_padded(widths: set[int], kinds: Sequence[Kind]) -> bool:
    """Whether all rows are as long as the longest, as in a workbook, or a text file that Excel saved."""
    declared = [kind.width for kind in kinds]
    return not widths or (len(widths) == 1 and (None in declared or max(filter(None, declared)) in widths))


def _last_above(inner: Found, found: Sequence[Found], place: Place) -> Ints:
    """For each record the last one above of the kind outside, with no record between that ends that one."""
    kind, rows = inner.kind, inner.rows
    outer = found[kind.number - 1]
    candidates = np.append(outer.rows, 0)  # the last one is that of index -1
    parents: Ints = np.searchsorted(outer.rows, rows) - 1
    alone = parents < 0
    for each in reversed(found[: kind.number]):
        begin = np.append(each.rows, 0)[np.searchsorted(each.rows, rows) - 1]
        alone |= candidates[parents] < begin
        if each.kind.key is not None:
            break  # what it belongs to may stand anywhere
    if alone.any():
        row = int(rows[int(np.argmax(alone))])
        where = Place(place.file, place.sheet, row)
        raise refuse("record-without-parent", where, row=row, mark=kind.mark, outer=outer.kind.mark)
    return parents


def _held(found: Sequence[Found], parents: Sequence[Ints], place: Place) -> list[dict[str, Column]]:
    """The records of kinds that are found by key, and of those around them, with what is folded into them."""
    held: list[dict[str, Column]] = []
    for number, each in enumerate(found):
        if not each.is_held:
            break
        columns = each.held()
        if number:
            outer = {field: column.take(parents[number]) for field, column in held[-1].items()}
            columns = fold(each.holding, columns, outer, each.rows, place)
        held.append(columns)
    return held
