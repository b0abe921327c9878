"""Delimited files with records of several kinds, which differ in length: read whole, damage told as ever."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from delimited_tables import cells, codes, joined, opened
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.findings import Refusal
from pipeline.readers.table import FIELDS, Marks

if TYPE_CHECKING:
    from pathlib import Path

ALR = Marks(0, frozenset("ALR"))
LINES = ["A;7;Acme Oy;Katu 1;00100;HELSINKI", "L;1001;1.10.2026;15.10.2026", "", "R;Työ;2;50,00;25,5"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples."""
    return tmp_path_factory.mktemp("records")


def test_records_are_filled_up_to_the_widest(tmp_path: Path) -> None:
    """No record is damaged for being shorter, and how many fields each had is told."""
    table = opened(tmp_path, "\r\n".join(LINES), marks=ALR)
    assert cells(table) == [
        ["A", "7", "Acme Oy", "Katu 1", "00100", "HELSINKI"],
        ["L", "1001", "1.10.2026", "15.10.2026", "", ""],
        [""] * 6,
        ["R", "Työ", "2", "50,00", "25,5", ""],
    ]
    assert joined(table)[FIELDS].tolist() == [6, 4, 0, 5]
    assert codes(table) == {}
    assert table.facts["delimiter"] == "semicolon (;)"


def test_without_marks_the_same_file_is_damaged(tmp_path: Path) -> None:
    """Records of different lengths are only right where the profile says that there are several kinds."""
    with pytest.raises(Refusal) as caught:
        opened(tmp_path, "\n".join([*LINES, *["R;Matka;1;10,00;25,5"] * 20]))
    assert caught.value.finding.code == "header-width"


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("ALR"),
            st.lists(
                st.text(st.sampled_from('aä;,"\n 0'), max_size=4) | st.sampled_from(["NA", "R", "\nR;x"]),
                min_size=1,
                max_size=6,
            ),
        ),
        min_size=1,
        max_size=12,
    ),
    size=st.sampled_from([1, 3, 1000]),
    delimiter=st.sampled_from(";,\t|"),
)
@settings(deadline=None, max_examples=150)
def test_what_was_written_is_read(
    folder: Path, rows: list[tuple[str, list[str]]], size: int, delimiter: str
) -> None:
    """Records of any lengths come back cell by cell, under the delimiter that shows their marks."""
    written = [[mark, *fields] for mark, fields in rows]
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(written)
    table = opened(folder, stream.getvalue(), marks=ALR)
    width = max(map(len, written))
    assert cells(table, size) == [row + [""] * (width - len(row)) for row in written]
    assert joined(table, size)[FIELDS].tolist() == [len(row) for row in written]
    swallowed = {found for several in codes(table).values() for found in several}
    assert {code for _, code in swallowed} <= {"swallowed-rows"}


def test_the_marks_tell_the_delimiter(tmp_path: Path) -> None:
    """Decimal commas by the dozen do not make the comma the delimiter."""
    lines = ["A;7;Acme Oy", *["R;1,00;2,00;3,00;4,00,5,00,6,00,7,00"] * 30]
    assert opened(tmp_path, "\n".join(lines), marks=ALR).facts["delimiter"] == "semicolon (;)"


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (("R;Työ;2;50,00;25,5\nR;Matka", 'R;"Työ;2;50,00;25,5\nR;Matka"'), {4: [(1, "swallowed-rows")]}),
        (("Työ", "Ty\0ö"), {4: [(1, "nul-byte")]}),
        ((";Työ;", ';"Ty"ö;'), {4: [(1, "stray-quote")]}),
    ],
)
def test_damage_within_a_record(
    tmp_path: Path, damage: tuple[str, str], found: dict[int, list[tuple[int | None, str]]]
) -> None:
    """Swallowed rows, NUL bytes and stray quotes are told, and the texts around them are suspect."""
    text = "\n".join([*LINES, "R;Matka;1;10,00;25,5", "R;Kirja;1;20,00;14"])
    assert damage[0] in text
    table = opened(tmp_path, text.replace(*damage), marks=ALR)
    assert codes(table) == found
    assert table.suspects


def test_several_lines_in_a_cell_are_no_damage(tmp_path: Path) -> None:
    """A text may have lines and delimiters, as long as none of its lines begins like a record."""
    lines = [*LINES, 'R;"Työ;\nRaportti; 2 h; kokous";1;10,00;25,5']
    table = opened(tmp_path, "\n".join(lines), marks=ALR)
    assert codes(table) == {}
    assert cells(table)[4][1] == "Työ;\nRaportti; 2 h; kokous"


def test_a_quote_that_is_not_closed(tmp_path: Path) -> None:
    """It refuses the file, as ever."""
    with pytest.raises(Refusal) as caught:
        opened(tmp_path, "\n".join([*LINES, 'R;"Työ;1;10,00;25,5', *LINES]), marks=ALR)
    assert caught.value.finding.code == "quote-unclosed"
