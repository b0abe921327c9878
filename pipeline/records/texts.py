"""Columns of texts by code, as row frames hold them, to be taken apart and put together anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.readers.table import EXACT
from pipeline.rows.frames import categorical
from pipeline.rows.frames import codes as codes_of
from pipeline.rows.frames import texts as texts_of
from pipeline.values.convert import clean

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Objects = np.ndarray[Any, np.dtype[np.object_]]


class Column(NamedTuple):
    """Row i holds `texts[codes[i]]`; unlike a categorical's, the texts need not be distinct, nor all used."""

    codes: Ints
    texts: Objects

    def take(self, rows: Ints) -> Column:
        """Those rows, in that order."""
        return Column(self.codes[rows], self.texts)

    def plain(self) -> Objects:
        """The text of every row."""
        return self.texts[self.codes]

    def text(self, row: int) -> str:
        """The text of one row."""
        return str(self.texts[self.codes[row]])

    def filled(self) -> Bools:
        """Whether a row's text is not blank."""
        flags: Bools = np.array([bool(text.strip()) for text in self.texts], bool)[self.codes]
        return flags

    def cleaned(self) -> Column:
        """The texts as they count where texts are compared."""
        used = joined([self])  # of a frame's column each kind of record uses a few only
        return used._replace(texts=objects(clean(text).replace(EXACT, "") for text in used.texts))

    def where(self, kept: Bools) -> Column:
        """Blank where it is not kept."""
        return Column(np.where(kept, self.codes, len(self.texts)), np.append(self.texts, objects([""])))

    def hashes(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        """A number for each row's text."""
        numbers: np.ndarray[Any, np.dtype[np.uint64]] = pd.util.hash_array(self.texts, categorize=False)
        return numbers[self.codes]


def objects(texts: Iterable[str]) -> Objects:
    """An array of texts."""
    return np.array([*texts], dtype=object)


def blank(length: int) -> Column:
    """A column without any text."""
    return Column(np.zeros(length, np.int64), objects([""]))


def of_frame(frame: pd.DataFrame, name: Any, rows: Ints) -> Column:
    """Those rows of a frame's column; blank where the frame does not have it."""
    if name not in frame:
        return blank(len(rows))
    column = frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        return Column(codes_of(column)[rows], texts_of(column))
    code, distinct = pd.factorize(column.to_numpy(dtype=object)[rows])
    return Column(code.astype(np.int64), np.asarray(distinct, dtype=object))


def blank_rows(frame: pd.DataFrame, rows: Ints, columns: Iterable[int] | None = None) -> Bools:
    """Which of those rows of a frame hold nothing, or nothing in those columns."""
    held = np.zeros(len(rows), bool)
    for name in frame.columns if columns is None else columns:
        if isinstance(name, int):
            held |= of_frame(frame, name, rows).filled()
    return ~held


def over(own: Column, outer: Column) -> Column:
    """The own text of a row, or where that is blank the outer one."""
    codes = np.where(own.filled(), own.codes, outer.codes + len(own.texts))
    return Column(codes, np.concatenate([own.texts, outer.texts]))


def after(text: str, column: Column) -> Column:
    """The column with a row of that text before its first."""
    codes = np.concatenate([[len(column.texts)], column.codes])
    return Column(codes, np.append(column.texts, objects([text])))


def joined(columns: Sequence[Column]) -> Column:
    """One column of the rows of all, in order, with the texts that are used, each once."""
    starts = np.cumsum([0, *(len(each.texts) for each in columns[:-1])])
    codes = np.concatenate([each.codes + start for each, start in zip(columns, starts, strict=True)])
    texts = np.concatenate([each.texts for each in columns])
    of_row, used = pd.factorize(codes)
    of_text, distinct = pd.factorize(texts[used])
    return Column(of_text[of_row], np.asarray(distinct, dtype=object))


def as_categorical(parts: Sequence[tuple[Ints, Column]], length: int) -> pd.Categorical:
    """The column of a row frame: each part's texts in its rows, and blank in all others."""
    texts = [objects([""]), *(column.texts for _, column in parts)]
    codes = np.zeros(length, np.int64)
    start = 1
    for rows, column in parts:
        codes[rows] = column.codes + start
        start += len(column.texts)
    found = joined([Column(codes, np.concatenate(texts))])
    return categorical(found.codes, found.texts)
