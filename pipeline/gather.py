"""Brings the rows of one document together, wherever they lie in the files, in bounded memory.

Rows are dealt by what can identify their document into as many parts as keep a part small; a part
then holds documents whole. One part stays in memory, more lie in an anonymous file on disk that is
gone with the process.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import IO, Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.frames import codes, join, texts, to_arrow
from pipeline.readers.table import EXACT
from pipeline.values import clean

BYTES_A_PART = 6_000_000
"""About 80,000 rows of 30 columns: some 150 MB while they are worked on."""

_KEYS = ("billnum", "custnum", "govid")
_NAMES = ("company", "person", "name", "lastname", "address")


def gather(frames: Iterable[pd.DataFrame], bytes_in_all: int) -> Iterator[pd.DataFrame]:
    """Frames that hold every document whole, from named frames in which its rows may lie anywhere.

    `bytes_in_all` is the size of the input as text, from which the number of parts follows.
    Rows keep their order within a document.
    """
    parts = max(1, math.ceil(bytes_in_all / BYTES_A_PART))
    if parts == 1:
        tables = [to_arrow(frame) for frame in frames if len(frame)]
        if tables:
            yield join(tables)
        return
    with _Spill(parts) as spill:
        for frame in frames:
            spill.deal(to_arrow(frame), _hashes(frame) % parts)
        for number in range(parts):
            if tables := spill.tables(number):
                yield join(tables)


def _hashes(frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A number for each row, the same for all rows that may belong to one document."""
    result = np.zeros(len(frame), np.uint64)
    open_rows = np.ones(len(frame), bool)
    for name in (*_KEYS, *_NAMES):
        if name in frame:
            hashes = _text_hashes(frame[name])
            if name in _KEYS:
                result = np.where(open_rows, hashes, result)
                open_rows &= hashes == 0
            else:  # names and address count together
                result = np.where(open_rows, result * np.uint64(31) + hashes, result)
    return result


def _text_hashes(column: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A hash of each row's cleaned text; 0 where it is blank."""
    cleaned = np.array([clean(text).replace(EXACT, "") for text in texts(column)], dtype=object)
    hashes = pd.util.hash_array(cleaned, categorize=False)
    hashes[cleaned == ""] = 0
    of_row: np.ndarray[Any, np.dtype[np.uint64]] = hashes[codes(column)]
    return of_row


class _Spill:
    """Arrow tables on disk, a list for each part."""

    def __init__(self, parts: int) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="ropo-pipeline-")  # noqa: SIM115 - closed in __exit__
        self._places: list[list[tuple[int, int]]] = [[] for _ in range(parts)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def deal(self, table: pa.Table, part_of_row: np.ndarray[Any, Any]) -> None:
        """Add each row to its part."""
        plain = pa.table(
            {
                name: column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
                for name, column in zip(table.column_names, table.columns, strict=True)
            }
        )
        order = np.argsort(part_of_row, kind="stable")
        dealt = plain.take(pa.array(order))
        edges = np.searchsorted(part_of_row[order], np.arange(len(self._places) + 1))
        for number, (start, end) in enumerate(pairwise(edges)):
            if end > start:
                self._write(number, dealt.slice(start, end - start))

    def _write(self, number: int, table: pa.Table) -> None:
        begin = self._file.seek(0, 2)
        with pa.ipc.new_stream(self._file, table.schema) as writer:
            writer.write_table(table)
        self._places[number].append((begin, self._file.tell() - begin))

    def tables(self, number: int) -> list[pa.Table]:
        """What was dealt to a part, in order, with columns as dictionaries again."""
        found = []
        for begin, length in self._places[number]:
            self._file.seek(begin)
            found.append(pa.ipc.open_stream(pa.py_buffer(self._file.read(length))).read_all())
        return found
