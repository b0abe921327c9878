"""What holds for delimited text whatever is in it: exact round trips, two ways to one answer, no loss."""

from __future__ import annotations

import csv
import io
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from delimited_tables import cells, joined, opened
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.findings import Refusal
from pipeline.readers import delimited, encoding, records
from pipeline.readers.table import PROBLEMS, ROW, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.readers.table import RowFrame

ENCODINGS = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8",
    "utf-16": "utf-16-le",
    "cp1252": "cp1252",
    "iso-8859-15": "iso-8859-15",
}
"""What the tests write, and a codec whose characters Hypothesis knows."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples."""
    return tmp_path_factory.mktemp("delimited")


@st.composite
def tables(draw: st.DrawFn, codec: str) -> list[list[str]]:
    """A header and rows of equal width, of texts that the codec can write."""
    width = draw(st.integers(2, 5))
    characters = st.characters(codec=codec, exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff")
    awkward = st.sampled_from(['"', '""', ";", ",", "\t", "|", "\n", "\r\n", "\r", " ", "NA", "null", "0"])
    text = st.lists(characters | awkward, max_size=4).map("".join)
    header = [f"header {number}" for number in range(width)]
    return [header, *draw(st.lists(st.lists(text, min_size=width, max_size=width), max_size=8))]


def written(rows: list[list[str]], delimiter: str, quoting: int) -> str:
    """The rows as Python's csv module writes them."""
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator="\r\n").writerows(rows)
    return stream.getvalue()


@given(data=st.data(), size=st.sampled_from([1, 2, 3, 1000]), piece=st.sampled_from([4, 7, 64, 1 << 18]))
@settings(max_examples=300, deadline=None)
def test_round_trip(folder: Path, data: st.DataObject, size: int, piece: int) -> None:
    """What the csv module wrote is read back exactly, in every encoding, with every delimiter."""
    name = data.draw(st.sampled_from(sorted(ENCODINGS)), "encoding")
    rows = data.draw(tables(ENCODINGS[name]), "rows")
    delimiter = data.draw(st.sampled_from(";,\t|"), "delimiter")
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), "quoting")
    content = written(rows, delimiter, quoting).encode(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "PIECE", piece)
        table = opened(folder, content, encoding=name, delimiter=delimiter)
        frame = joined(table, size)
    assert frame.drop(columns=[ROW, PROBLEMS]).to_numpy().tolist() == rows
    assert table.head == rows
    assert frame[ROW].tolist() == list(range(1, len(rows) + 1))
    assert {each.code for packed in frame[PROBLEMS] for each in Problem.unpack(packed)} <= {"swallowed-rows"}


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_encoding_and_delimiter_are_settled(folder: Path, data: st.DataObject) -> None:
    """In Unicode nothing needs to be set: texts with letters come back exactly, or the file is refused."""
    rows = data.draw(tables("utf-8"), "rows")
    name = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), "encoding")
    content = written(rows, data.draw(st.sampled_from(";,\t|"), "delimiter"), csv.QUOTE_ALL)
    try:
        table = opened(folder, content.encode(name))
    except Refusal as refusal:
        allowed = {"delimiter-unclear", "quote-unclosed"}
        assert refusal.finding.code in allowed  # noqa: PT017 - a refusal is allowed, not wanted
    else:
        assert cells(table) == rows


def outcome(folder: Path, content: str, piece: int, *, fast: bool) -> str | tuple[list[RowFrame], set[str]]:
    """The frames and suspects, or the message of the refusal; `fast` is False for the obvious way alone."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(encoding, "PIECE", piece)
        if not fast:
            patch.setattr(delimited, "_is_plain", lambda *_: False)
            patch.setattr(records, "_scan", lambda *_, **__: None)
        try:
            table = opened(folder, content, delimiter=";", encoding="utf-8")
            frames = list(table.frames(1000 if fast else 3))
        except Refusal as refusal:
            return refusal.finding.message
    return frames, table.suspects


def joined_text(frames: list[RowFrame]) -> pd.DataFrame:
    """The frames as one; each frame's categories must be in use, in order of appearance."""
    for frame in frames:
        for column in frame.columns.drop([ROW, PROBLEMS]):
            assert frame[column].cat.categories.tolist() == list(dict.fromkeys(frame[column]))
            assert frame[column].cat.categories.dtype == object
    return pd.concat([frame.astype(object) for frame in frames], ignore_index=True)


RAW = st.lists(
    st.sampled_from(
        ['"', '""', ";", ";;", "\n", "\r", "\r\n", "a", "ä", " ", "\0", '"x"', ';"y";', '; "', "1;2;3\n"]
    ),
    max_size=40,
).map("".join)


@given(content=RAW, piece=st.sampled_from([1, 3, 16, 1 << 18]))
@settings(max_examples=1000, deadline=None)
def test_the_fast_and_the_obvious_way_agree(folder: Path, content: str, piece: int) -> None:
    """Whatever the text, damaged or not: frames, problems and suspects are those of the csv module's way."""
    fast = outcome(folder, content, piece, fast=True)
    obvious = outcome(folder, content, 1 << 18, fast=False)
    if isinstance(fast, str) or isinstance(obvious, str):
        assert fast == obvious
        return
    pd.testing.assert_frame_equal(joined_text(fast[0]), joined_text(obvious[0]))
    assert fast[1] == obvious[1]
    parsed = list(csv.reader(io.StringIO(content, newline=""), delimiter=";"))
    texts = joined_text(fast[0]).drop(columns=[ROW, PROBLEMS])
    width = len(texts.columns)
    filled = [(fields + [""] * width)[:width] for fields in parsed]
    assert texts.to_numpy().tolist() == [[text.replace("\0", "") for text in fields] for fields in filled]


WIDTH, LENGTH = 6, 30
CELLS = [[f"r{row}c{column}" for column in range(WIDTH)] for row in range(LENGTH)]


def lines_of(rows: list[list[str]]) -> list[str]:
    """The rows as unquoted text."""
    return [";".join(row) for row in rows]


places = st.tuples(st.integers(1, LENGTH - 1), st.integers(0, WIDTH - 1))
strays = st.tuples(st.sampled_from(['"', ";", "\n", "\r\n", '"-', "\0"]), st.integers(0, 4))


@given(damage=st.dictionaries(places, strays, min_size=1, max_size=4), piece=st.sampled_from([16, 1 << 18]))
@settings(max_examples=500, deadline=None)
def test_no_row_is_lost_silently(
    folder: Path, damage: dict[tuple[int, int], tuple[str, int]], piece: int
) -> None:
    """Stray quotes, delimiters, line breaks: each row is read as it was, or a text of its own is suspect."""
    rows = [list(row) for row in CELLS]
    for (row, column), (stray, at) in damage.items():
        text = rows[row][column]
        rows[row][column] = text[:at] + stray + text[at:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "PIECE", piece)
        try:
            table = opened(folder, "\n".join(lines_of(rows)) + "\n", delimiter=";")
            read = [
                [re.sub('"-?', "", text) for text in row] for row in cells(table)
            ]  # a mark itself is no loss
        except Refusal as refusal:
            assert refusal.finding.code == "quote-unclosed"  # noqa: PT017 - one of two right outcomes
            return
    damaged = {row for row, _ in damage}
    for number, row in enumerate(CELLS):
        key = row[0] if (number, 0) not in damage else row[1]
        assert row in read or key in table.suspects or (number in damaged and {*row} & table.suspects)


@given(cut=st.integers(len(";".join(CELLS[0])) + 2, len("\n".join(lines_of(CELLS)))))
def test_a_file_cut_anywhere(folder: Path, cut: int) -> None:
    """A file that ends too early has a problem in its last row, unless the cut lies within the last cell."""
    content = "\n".join(lines_of(CELLS))[:cut]
    table = opened(folder, content, delimiter=";")
    last = content.rpartition("\n")[2]
    whole = last.count(";") == WIDTH - 1 or not last
    frame = joined(table)
    assert [bool(packed) for packed in frame[PROBLEMS]] == [False] * (len(frame) - 1) + [not whole]
