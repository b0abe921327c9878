"""The rows of a frame, dealt to the documents that they belong to.

Rows with the same `billnum` are one invoice. Without one, rows of one debtor (`custnum`, else
`govid`, else name and address) with the same dates, job type and references are one, unless they belong to
different records of invoices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.columns.layouts import Layout
from pipeline.document import KIND_OF_JOBTYPE, Kind
from pipeline.grouper.defaults import Given
from pipeline.readers.table import INVOICE, ROW
from pipeline.rows.frames import codes, texts
from pipeline.rows.named import SOURCE
from pipeline.subject import is_of_row
from pipeline.values.convert import Column

DEBTOR_KEYS = (("custnum",), ("govid",), ("company", "person", "name", "lastname", "firstname", "address"))
SAME_JOB = (
    *("billdate", "paydate", "deliverydate", "jobtype"),
    *("billcode", "yourcode", "ourcode", "ordernumber", "ownref", "refundtobillnum", "refundtojobid"),
)


FAR = np.iinfo(np.int64).max
"""Beyond every row: where there is none."""

_Bools = np.ndarray[Any, np.dtype[np.bool_]]
_Ints = np.ndarray[Any, np.dtype[np.int64]]
_Objects = np.ndarray[Any, np.dtype[np.object_]]


@dataclass(slots=True)
class Field:
    """One field of all rows: which of `values` each row has, -1 where blank."""

    values: _Objects
    codes: _Ints

    def at(self, rows: _Ints | slice) -> list[str]:
        """The values of those rows, `""` where blank."""
        with_blank = np.append(self.values, "")  # code -1 is the last
        return list(with_blank[self.codes[rows]])


@dataclass(slots=True)
class Rows:
    """All rows of a frame, sorted so that a document's rows lie together in their order.

    `order` says which row of the frame each is, `starts` and `ends` where each document lies,
    `document` which document each row is of, `places` its source number and row number. `speaking` are the
    rows of which the file itself says something about an invoice row.
    """

    fields: dict[str, Field]
    order: _Ints
    speaking: _Bools
    starts: _Ints
    ends: _Ints
    document: _Ints
    places: np.ndarray[Any, Any]


def sorted_rows(
    frame: pd.DataFrame, columns: dict[str, Column], layouts: Sequence[Layout], given: Given
) -> Rows:
    """The rows of a frame with its fields and the profile's constants, document by document."""
    fields = {name: converted_field(frame[name], column) for name, column in columns.items()}
    speaking = speaking_rows(frame, columns)
    for name, value in given.constants.items():
        of_row = np.where(speaking, 0, -1) if is_of_row(name) else np.zeros(len(frame), np.int64)
        fields[name] = Field(np.array([value], dtype=object), of_row)
    group = document_of_row(frame, fields, layouts, given)
    order = np.argsort(group, kind="stable")
    for each in fields.values():
        each.codes = each.codes[order]
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    return Rows(
        fields,
        order,
        speaking[order],
        starts,
        np.append(starts[1:], len(order)),
        group[order],
        frame[[SOURCE, ROW]].to_numpy()[order],
    )


def speaking_rows(frame: pd.DataFrame, columns: dict[str, Column]) -> _Bools:
    """The rows of which a cell of an invoice row is not blank: only these are completed by the profile."""
    speaking = np.zeros(len(frame), bool)
    for name, column in columns.items():
        if name.startswith(("payrow.", "row.")):
            says = np.asarray(column.values != "", bool)
            says[[*column.problems]] = True
            speaking |= says[codes(frame[name])]
    return speaking


def converted_field(column: pd.Series[Any], converted: Column) -> Field:
    """Texts that mean one value (`1.2.2026`, `2026-02-01`) get one code."""
    of_text, values = pd.factorize(converted.values)
    of_text = np.where(converted.values == "", -1, of_text)
    return Field(np.asarray(values, dtype=object), of_text[codes(column)])


def document_of_row(
    frame: pd.DataFrame, fields: dict[str, Field], layouts: Sequence[Layout], given: Given
) -> _Ints:
    """A number for each row: rows of one document have the same, numbered by first row."""
    if layouts[0].subject.kind:
        return np.arange(len(frame))
    of_rows_table = np.array([bool(each.part and each.part.part == "rows") for each in layouts])
    follows = of_rows_table[frame[SOURCE].to_numpy()]
    group = _groups(fields, len(frame), given.defaults, follows)
    if INVOICE not in frame:
        return group
    loose = fields["billnum"].codes < 0 if "billnum" in fields else np.ones(len(frame), bool)
    return _numbered([group, np.where(loose, _records(frame), -1)])


def _records(frame: pd.DataFrame) -> _Ints:
    """For each row a number that tells of which record of an invoice it is; -1 where that is unknown."""
    known = np.array([bool(text) for text in texts(frame[INVOICE])], bool)[codes(frame[INVOICE])]
    return np.where(known, _numbered([frame[SOURCE].to_numpy(), codes(frame[INVOICE])]), -1)


def _numbered(keys: Sequence[_Ints]) -> _Ints:
    """A number for each combination of keys that are -1 or more, counted as they come."""
    group = np.zeros(len(keys[0]), np.int64)
    for key in keys:
        group, _ = pd.factorize(group * (int(key.max()) + 2) + key + 1)
    return group


def _groups(fields: dict[str, Field], rows: int, defaults: dict[str, str], follows: _Bools) -> _Ints:
    numbered = fields["billnum"].codes if "billnum" in fields else np.full(rows, -1)
    kind = _kinds(fields.get("jobtype"), rows, defaults, numbered, follows)
    keys = [kind, numbered]
    loose = numbered < 0
    if loose.any():
        open_rows = loose.copy()
        for names in DEBTOR_KEYS:
            found = [fields[name].codes for name in names if name in fields]
            keys += [np.where(open_rows, own, -1) for own in found]
            if found:
                open_rows &= ~np.logical_or.reduce([own >= 0 for own in found])
        keys += [np.where(loose, fields[name].codes, -1) for name in SAME_JOB if name in fields]
    return _numbered(keys)


def _kinds(
    jobtype: Field | None, rows: int, defaults: dict[str, str], numbered: _Ints, follows: _Bools
) -> _Ints:
    """Bill numbers are unique within a kind of document only.

    Rows that follow the invoices of another table have the kind of theirs, unless two have that number.
    """
    kinds = list(Kind)
    blank = kinds.index(KIND_OF_JOBTYPE.get(defaults.get("jobtype", "0"), Kind.INVOICE))
    if jobtype is None:
        return np.full(rows, blank)
    of_value = [kinds.index(KIND_OF_JOBTYPE.get(value, Kind.INVOICE)) for value in jobtype.values]
    found = np.array([*of_value, blank], np.int64)[jobtype.codes]
    if follows.any():
        leads = ~follows & (numbered >= 0)
        highest = np.full(int(numbered.max()) + 2, -1)
        lowest = np.full(len(highest), len(kinds))
        np.maximum.at(highest, numbered[leads], found[leads])
        np.minimum.at(lowest, numbered[leads], found[leads])
        takes = follows & (jobtype.codes < 0) & (numbered >= 0) & (highest == lowest)[numbered]
        found = np.where(takes, highest[numbered], found)
    return found
