"""Rows that a profile leaves out, and the invoices that they belong to.

A row is marked where it is read, and goes when all rows of its invoice are together: an invoice of which a
row would stay while another goes has a wrong sum, so that all its rows stay and it is not sent.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.rows.frames import categorical, codes, texts

LEFT_OUT = "@left_out"
"""Of a left-out row: what `LeftOut.pack` wrote. Of another: the numbers of the declarations that it does not
fulfil though it has texts in the columns that they read, such as `0 2`."""

_Bools = np.ndarray[Any, np.dtype[np.bool_]]
_Ints = np.ndarray[Any, np.dtype[np.int64]]
_Texts = np.ndarray[Any, np.dtype[np.object_]]


class LeftOut(NamedTuple):
    """Why a row is left out: a number for the declaration, the first column that it reads, and its reason."""

    declaration: int
    column: int | None
    reason: str

    def pack(self) -> str:
        """As the text that travels in `@left_out`."""
        return json.dumps(self, ensure_ascii=False)

    @staticmethod
    def unpack(text: str) -> LeftOut | None:
        """The inverse of `pack`; None for a row that is not left out."""
        return LeftOut(*json.loads(text)) if text.startswith("[") else None

    @staticmethod
    def reason_in(text: str) -> str:
        """The reason in a packed text, `""` if there is none."""
        found = LeftOut.unpack(text)
        return found.reason if found else ""


def mark(frame: pd.DataFrame, left: LeftOut, rows: _Bools, silent: _Bools) -> pd.DataFrame:
    """The frame with those rows marked; what an earlier declaration left out stays as it is.

    `silent` are the rows with no text in any column that the declaration reads.
    """
    before = [""] if LEFT_OUT not in frame else texts(frame[LEFT_OUT]).tolist()
    own = np.zeros(len(frame), np.int64) if LEFT_OUT not in frame else codes(frame[LEFT_OUT])
    out = np.array([text.startswith("[") for text in before], bool)[own]
    speaking = [text if text.startswith("[") else f"{text} {left.declaration}".strip() for text in before]
    every = dict.fromkeys([*before, *speaking, left.pack()])
    number = {text: code for code, text in enumerate(every)}
    of = np.array(
        [[number[one], number[other]] for one, other in zip(before, speaking, strict=True)], np.int64
    )
    code = np.where(rows & ~out, number[left.pack()], of[own, np.where(silent, 0, 1)])
    return frame.assign(**{LEFT_OUT: categorical(code, [*every])})


def go(
    column: pd.Series[Any], document: _Ints, own_rows: _Bools, *, carried: bool
) -> tuple[_Texts, dict[int, LeftOut]]:
    """Which rows go, and which stay though the profile leaves them out, since others of their invoice stay.

    All rows of an invoice go if all are left out. They also go if the row that speaks for the invoice is left
    out, and the others say nothing about it: the row without an invoice row's cells, or with `carry` the
    first.

    Args:
        column: `@left_out`.
        document: for each row which document it is of.
        own_rows: the rows without any cell of an invoice row.
        carried: whether only an invoice's first row says what it is (`reading.carry`).

    Returns:
        For each row the reason for which it goes, `""` if it stays; and by row what left it out in vain.
    """
    of_code = [LeftOut.unpack(text) for text in texts(column)]
    marks = [of_code[code] for code in codes(column).tolist()]
    goes = np.array([each is not None for each in marks], bool)
    reasons = np.array([each.reason if each else "" for each in marks], dtype=object)
    in_vain: dict[int, LeftOut] = {}
    order = np.argsort(document, kind="stable")
    sorted_documents = document[order]
    for number in np.intersect1d(document[goes], document[~goes]).tolist():
        start, end = np.searchsorted(sorted_documents, [number, number + 1])
        rows = order[start:end].tolist()
        spoken = {int(each) for row in rows if not goes[row] for each in column.iloc[row].split()}
        speakers = [row for row in rows if goes[row] and (own_rows[row] or (carried and row == rows[0]))]
        for_all = [left for row in speakers if (left := marks[row]) and left.declaration not in spoken]
        for row in rows:
            if for_all:
                reasons[row] = reasons[row] or for_all[0].reason
            elif left := marks[row]:
                reasons[row], in_vain[row] = "", left
    return reasons, in_vain
