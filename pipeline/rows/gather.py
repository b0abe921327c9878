"""Brings the rows of one document together, wherever they lie in the files, in bounded memory.

Rows are dealt by what can identify their document into as many parts as keep a part small; a part
then holds documents whole. One part stays in memory, more lie in an anonymous file on disk that is
gone with the process. Where several processes deal rows (`pipeline.workers`), each has a file of its own.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.readers.table import EXACT
from pipeline.rows.frames import codes, join, texts, to_arrow
from pipeline.values.convert import clean

BYTES_A_PART = 6_000_000
"""About 80,000 rows of 30 columns: some 150 MB while they are worked on."""


class Span(NamedTuple):
    """Where an Arrow table lies in a file, in bytes."""

    begin: int
    length: int


_KEYS = ("billnum", "custnum", "govid")
_NAMES = ("company", "person", "name", "lastname", "address")


def gather(frames: Iterable[pd.DataFrame], bytes_in_all: int) -> Iterator[pd.DataFrame]:
    """Frames that hold every document whole, from named frames in which its rows may lie anywhere.

    `bytes_in_all` is the size of the input as text, from which the number of parts follows.
    Rows keep their order within a document.
    """
    for part in parts_of(frames, number_of_parts(bytes_in_all)):
        yield join(part)


def number_of_parts(bytes_in_all: int) -> int:
    """Into how many parts an input is dealt that has so many bytes as text."""
    return max(1, math.ceil(bytes_in_all / BYTES_A_PART))


def parts_of(frames: Iterable[pd.DataFrame], parts: int) -> Iterator[list[pa.Table]]:
    """The rows of named frames, dealt into so many parts; a part that has none is left out."""
    if parts == 1:
        if tables := [to_arrow(frame) for frame in frames if len(frame)]:
            yield tables
        return
    with tempfile.TemporaryFile(prefix="ropo-pipeline-") as file:
        places = deal(frames, parts, file)
        for own in places:
            if own:
                yield [*tables_at(file, own)]


def deal(frames: Iterable[pd.DataFrame], parts: int, file: IO[bytes]) -> list[list[Span]]:
    """Write the rows of named frames to a file, part by part; returns where those of each part lie."""
    places: list[list[Span]] = [[] for _ in range(parts)]
    for frame in frames:
        for number, dealt in _dealt(to_arrow(frame), _hashes(frame) % parts, parts):
            begin = file.seek(0, 2)
            with pa.ipc.new_stream(file, dealt.schema) as writer:
                writer.write_table(dealt)
            places[number].append(Span(begin, file.tell() - begin))
    return places


def tables_at(file: IO[bytes], places: Iterable[Span]) -> Iterator[pa.Table]:
    """What was dealt to those places."""
    for begin, length in places:
        file.seek(begin)
        yield pa.ipc.open_stream(pa.py_buffer(file.read(length))).read_all()


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


def _dealt(table: pa.Table, part_of_row: np.ndarray[Any, Any], parts: int) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each part that has any, as plain texts: a dictionary would go with every part."""
    plain = pa.table(
        {
            name: column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    )
    order = np.argsort(part_of_row, kind="stable")
    dealt = plain.take(pa.array(order))
    edges = np.searchsorted(part_of_row[order], np.arange(parts + 1))
    for number, (start, end) in enumerate(pairwise(edges)):
        if end > start:
            yield number, dealt.slice(start, end - start)
