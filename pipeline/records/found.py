"""The records of one kind, as they are found on the way through a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.findings import Place, refuse
from pipeline.readers.table import FIELDS, ROW, RowFrame, cell_place
from pipeline.records.fold import own_columns
from pipeline.records.kinds import Kind
from pipeline.records.texts import Bools, Column, Ints, blank_rows, joined, of_frame


class Found:
    """Collects the records of one kind frame by frame; what it gives is right when all frames were added."""

    def __init__(self, kind: Kind, kinds: Sequence[Kind]) -> None:
        self.kind = kind
        inner = kinds[kind.number + 1] if not kind.is_row else None
        self._is_named = inner is not None and inner.key is not None
        is_numbered = inner is not None and inner.is_row and "billnum" in kind.columns
        self._name = inner.key if inner and inner.key else "billnum" if is_numbered else None
        self.is_held = any(each.key for each in kinds[kind.number + 1 :])
        self.holding = kind.narrowed(inner.outer) if inner and inner.is_row else kind
        self._rows: list[Ints] = []
        self._own: dict[str, list[Bools]] = {field: [] for field in kind.shared}
        self._names: list[Column] = []
        self._keys: list[Column] = []
        self._contents: list[np.ndarray[Any, np.dtype[np.uint64]]] = []
        self._columns: dict[str, list[Column]] = {}
        self._width = kind.width
        self._odd: list[Ints] = []
        self._surplus: list[Ints] = []

    def add(self, frame: RowFrame, rows: Ints, fields: Sequence[str]) -> None:
        """Add the records that stand in those rows of a frame."""
        columns = self.kind.columns
        numbers = frame[ROW].to_numpy()[rows]
        self._rows.append(numbers)
        for field, flags in self._own.items():
            flags.append(of_frame(frame, columns[field], rows).filled())
        if self._name:
            self._names.append(of_frame(frame, columns[self._name], rows).cleaned())
        if self.kind.key:
            self._keys.append(of_frame(frame, columns[self.kind.key], rows).cleaned())
        if self._is_named:
            self._contents.append(_contents(frame, rows, columns))
        if self.is_held:
            for field, column in own_columns(frame, rows, self.holding, fields).items():
                self._columns.setdefault(field, []).append(joined([column]))
        if FIELDS in frame and len(rows):
            own = frame[FIELDS].to_numpy()[rows]
            self._width = self._width or int(own[0])
            self._odd.append(numbers[own != self._width])
        if self.kind.width:
            beyond = [int(at) for at in frame.columns if isinstance(at, int) and at >= self.kind.width]
            self._surplus.append(numbers[~blank_rows(frame, rows, beyond)])

    @property
    def rows(self) -> Ints:
        """The row numbers of the records."""
        return _all(self._rows)

    def own(self) -> dict[str, Bools]:
        """Of the fields that may also come from outside, which records hold them themselves."""
        return {field: np.concatenate(flags) for field, flags in self._own.items()}

    def held(self) -> dict[str, Column]:
        """The records' own fields."""
        return {field: joined(columns) for field, columns in self._columns.items()}

    def refuse_widths(self, place: Place, *, padded: bool) -> None:
        """See that the records have as many fields as declared, or as the first of them.

        Args:
            place: the table.
            padded: whether all rows of it are as long as the longest: then the fields too many must be blank.

        Raises:
            Refusal: `record-fields`.
        """
        odd = _all(self._surplus if padded else self._odd)
        if len(odd):
            row = int(odd[0])
            raise refuse(
                "record-fields",
                Place(place.file, place.sheet, row),
                row=row,
                mark=self.kind.mark,
                width=self._width,
                count=len(odd),
            )

    def refuse_twice(self, place: Place) -> None:
        """See that a number is there once: rows of two would become one invoice's.

        Raises:
            Refusal: `record-key-twice`, `record-key-missing`.
        """
        if not self._name:
            return
        names = joined(self._names)
        if self._is_named:
            self._refuse_blank(place, names, self._name)
        _, first = np.unique(names.codes, return_index=True)
        first_of = first[names.codes]
        again = (first_of != np.arange(len(first_of))) & names.filled()
        if self._is_named:
            contents = np.concatenate(self._contents)
            again &= contents != contents[first_of]
        if again.any():
            at = int(np.argmax(again))
            raise refuse(
                "record-key-twice",
                cell_place(place, int(self.rows[at]), self.kind.columns[self._name]),
                value=names.text(at),
                mark=self.kind.mark,
                row=int(self.rows[at]),
                first=int(self.rows[first_of[at]]),
            )

    def parents_by_key(self, outer: Found, place: Place) -> Ints:
        """For each record the record of the kind outside that it names.

        Raises:
            Refusal: `record-key-unknown`, `record-key-missing`.
        """
        key = self.kind.key or ""
        keys, names = joined(self._keys), joined(outer._names)
        self._refuse_blank(place, keys, key)
        _, first = np.unique(names.codes, return_index=True)
        of_text = np.append(first, -1)[pd.Index(names.texts).get_indexer(pd.Index(keys.texts))]
        parents: Ints = of_text[keys.codes]
        if (parents < 0).any():
            at = int(np.argmax(parents < 0))
            raise refuse(
                "record-key-unknown",
                cell_place(place, int(self.rows[at]), self.kind.columns[key]),
                value=keys.text(at),
                mark=self.kind.mark,
                row=int(self.rows[at]),
                outer=outer.kind.mark,
            )
        return parents

    def _refuse_blank(self, place: Place, column: Column, field: str) -> None:
        if not column.filled().all():
            row = int(self.rows[int(np.argmin(column.filled()))])
            where = cell_place(place, row, self.kind.columns[field])
            raise refuse("record-key-missing", where, field=field, row=row, mark=self.kind.mark)


def _all(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.empty(0, np.int64), *parts])


def _contents(frame: RowFrame, rows: Ints, columns: dict[str, int]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A number for each record, which is the same only for those with the same texts."""
    total = np.zeros(len(rows), np.uint64)
    for at in columns.values():
        total = total * np.uint64(1_000_003) + of_frame(frame, at, rows).hashes()
    return total
