"""Damage in a delimited file is a finding on its cell or row, and the texts it touches are suspect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from delimited_tables import cells, codes, opened, problems

from pipeline.findings import Place, finding
from pipeline.readers.table import Problem

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "billnum;name;city;amount\n"


def row(number: int) -> str:
    """A row whose texts occur in no other row."""
    return f"{number};N{number};C{number};{number},00\n"


GOOD = "".join(map(row, range(1001, 1006)))


def message(problem: Problem) -> str:
    """What the user is told about it."""
    found = finding(problem.code, Place("export.csv"), value=problem.value, detail=problem.detail)
    return found.message


def test_a_good_file_has_no_problems(tmp_path: Path) -> None:
    """Without damage nothing is found and nothing is suspect."""
    table = opened(tmp_path, HEADER + GOOD)
    assert (codes(table), table.suspects, table.findings) == ({}, set(), [])


def test_a_last_row_cut_short(tmp_path: Path) -> None:
    """A file that ends in the middle of a row has a problem there; the row is still given, filled up."""
    table = opened(tmp_path, HEADER + GOOD + "1006;N1006;C1")
    assert cells(table)[-1] == ["1006", "N1006", "C1", ""]
    assert problems(table) == {
        7: [Problem(None, "row-length", "1006;N1006;C1", "3 fields instead of 4 (line 7)")]
    }
    assert table.suspects == {"1006", "N1006", "C1"}


def test_row_length_message(tmp_path: Path) -> None:
    """The message says how many fields the row has and in which line it stands."""
    ((problem,),) = problems(opened(tmp_path, HEADER + GOOD + "1006;N1006\n")).values()
    assert message(problem) == (
        "The row has 2 fields instead of 4 (line 7): some of its cells may be missing or stand in wrong "
        "columns."
    )


def test_a_row_too_long(tmp_path: Path) -> None:
    """A delimiter within unquoted text makes a row too long; it is cut, and all its texts are suspect."""
    table = opened(tmp_path, HEADER + GOOD + "1006;N;1006;C;6,00\n" + row(1007))
    assert cells(table)[6] == ["1006", "N", "1006", "C"]
    assert codes(table) == {7: [(None, "row-length")]}
    assert table.suspects == {"1006", "N", "C", "6,00"}


def test_an_empty_field_too_many_may_hide_a_shift(tmp_path: Path) -> None:
    """One empty field too many is harmless only where the last column is never empty."""
    harmless = opened(tmp_path, HEADER + GOOD + "1006;N;C;6,00;\n")
    assert codes(harmless) == {}
    shifted = opened(tmp_path, "billnum;name;amount;text\n" + GOOD + "1006;N;6,00;\n1007;N;n;7,00;\n")
    assert codes(shifted) == {8: [(None, "row-length")]}


def test_a_shift_into_the_empty_last_column(tmp_path: Path) -> None:
    """Where every row ends with a delimiter, a row with something after it is a shifted one."""
    rows = GOOD.replace("\n", ";\n")
    table = opened(tmp_path, HEADER + rows + "1006;N;n;C;6,00;\n")
    assert codes(table) == {7: [(None, "row-length")]}


def test_a_delimiter_lost_from_a_row_that_ends_with_one(tmp_path: Path) -> None:
    """Where every row ends with a delimiter, a row with one too few and an empty end may be shifted."""
    rows = GOOD.replace("\n", ";\n")
    assert codes(opened(tmp_path, HEADER + rows + "1006;NC;6,00;\n")) == {7: [(None, "row-length")]}
    assert codes(opened(tmp_path, HEADER + rows + "1006;N;C;6,00\n")) == {}


def test_a_line_break_in_unquoted_text(tmp_path: Path) -> None:
    """A row broken in two is two problems, and the texts of both halves are suspect."""
    table = opened(tmp_path, HEADER + GOOD + "1006;N1006\nAB;C1006;6,00\n")
    assert codes(table) == {7: [(None, "row-length")], 8: [(None, "row-length")]}
    assert table.suspects >= {"1006", "N1006", "AB", "C1006", "6,00"}


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_cell_broken_off_puts_the_rows_beside_in_doubt(tmp_path: Path, size: int) -> None:
    """A line break in a row's first or last cell leaves a row of full length: it is suspect, too."""
    broken_off_end = opened(tmp_path, HEADER + row(1001) + "1002;N;C;2\n,00\n" + row(1003))
    assert list(problems(broken_off_end, size)) == [4]
    assert {"1002", "1003"} <= broken_off_end.suspects
    broken_off_start = opened(tmp_path, HEADER + row(1001) + "10\n02;N;C;2,00\n" + row(1003))
    assert list(problems(broken_off_start, size)) == [3]
    assert {"1001", "10", "02"} <= broken_off_start.suspects
    assert "1003" not in broken_off_start.suspects


def test_a_line_below_the_table_puts_no_row_in_doubt(tmp_path: Path) -> None:
    """A blank line between the last row and a remark shows that it is not a part of that row."""
    table = opened(tmp_path, HEADER + GOOD + "\nRivit: 5\n")
    assert list(problems(table)) == [8]
    assert table.suspects == {"Rivit: 5"}


def test_nul_bytes(tmp_path: Path) -> None:
    """A NUL within a cell is a problem of that cell, and is left out of its text."""
    table = opened(tmp_path, HEADER + GOOD + "1006;N\0N6;C;6,00\n")
    assert cells(table)[6] == ["1006", "NN6", "C", "6,00"]
    assert problems(table) == {7: [Problem(1, "nul-byte", "NN6", "7")]}
    assert "1006" in table.suspects
    assert (
        message(problems(table)[7][0]) == "The cell holds a NUL byte (line 7): something of it may be lost."
    )


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ('1006;"5" putki";C;6,00', 1),
        ('1006;"a"b;C;6,00', 1),
        ('1006;N; "C";6,00', 2),
        ('1006;N;C;"6,00" ', 3),
        ('"1006"x;N;C;6,00', 0),
    ],
)
def test_stray_quotes(tmp_path: Path, line: str, column: int) -> None:
    """A cell that begins with a quotation mark must be quoted as the rule has it, to its end."""
    table = opened(tmp_path, HEADER + GOOD + line + "\n" + row(1007))
    assert codes(table) == {7: [(column, "stray-quote")]}
    assert problems(table)[7][0].detail == "7"
    assert "1006" in table.suspects
    assert cells(table)[7] == ["1007", "N1007", "C1007", "1007,00"]


def test_stray_quote_message(tmp_path: Path) -> None:
    """The message names the line."""
    table = opened(tmp_path, HEADER + GOOD + '1006;"5" putki";C;6,00\n')
    assert message(problems(table)[7][0]) == (
        "The cell has a quotation mark in the wrong place (line 7), so it is not certain where it ends."
    )


def test_inches_are_no_stray_quotes(tmp_path: Path) -> None:
    """A quotation mark within an unquoted cell is a character, whether other cells are quoted or not."""
    table = opened(tmp_path, HEADER + '"1001";5" putki;"C ""x""";1,00\n1002;N 5";C;2,00\n')
    assert cells(table)[1:] == [["1001", '5" putki', 'C "x"', "1,00"], ["1002", 'N 5"', "C", "2,00"]]
    assert codes(table) == {}


def test_a_pair_of_stray_quotes_swallows_rows(tmp_path: Path) -> None:
    """Rows that vanished in one cell are a problem of that cell with both lines, and all are suspect."""
    content = (HEADER + GOOD).replace("N1002", '"N1002').replace("N1004", 'N1004"')
    table = opened(tmp_path, content)
    swallowed = "N1002;C1002;1002,00\n1003;N1003;C1003;1003,00\n1004;N1004"
    assert problems(table) == {3: [Problem(1, "swallowed-rows", swallowed, "3-5")]}
    assert message(problems(table)[3][0]) == (
        "The cell spans lines 3-5 and holds as many delimiters as whole rows do: two stray quotation marks "
        "seem to have swallowed rows."
    )
    assert {"1002", "N1002", "1003", "N1003", "C1003", "1003,00", "1004", "N1004"} <= table.suspects
    assert not {"1001", "1005"} & table.suspects


def test_an_address_of_several_lines_is_no_swallowed_row(tmp_path: Path) -> None:
    """A quoted cell with line breaks and a delimiter or none is what it seems to be."""
    table = opened(tmp_path, HEADER + GOOD + '1006;"Oy; Ab\nKuja 1\n00100 HELSINKI";C;6,00\n')
    assert codes(table) == {}


def test_lines_are_told_where_rows_and_lines_differ(tmp_path: Path) -> None:
    """A problem after a cell of several lines has the row of Excel and the lines of a text editor."""
    table = opened(tmp_path, HEADER + '1001;"a\nb";C;1,00\n\n' + row(1002) + "short;x\n")
    assert {number: each[0].detail for number, each in problems(table).items()} == {
        5: "2 fields instead of 4 (line 6)"
    }


def test_a_long_value_is_cut_and_no_identity_code_shown(tmp_path: Path) -> None:
    """What a finding shows of a row is short, and a personal identity code in it is masked first."""
    secret = "x" * 190 + " 131052-308T;" + "y" * 100
    ((problem,),) = problems(opened(tmp_path, HEADER + GOOD + secret + "\n")).values()
    assert problem.value == "x" * 190 + " [personal…"


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_problems_do_not_depend_on_the_frames(tmp_path: Path, size: int) -> None:
    """However the rows are cut into frames, problems, lines and suspects are the same."""
    content = HEADER + row(1) + '2;"5" x";C;1\n' + row(3) + '4;"a\n;;;\nb";C;1\n' + row(5) + "6;x\n" + row(7)
    table = opened(tmp_path, content)
    assert {number: [each.code for each in several] for number, several in problems(table, size).items()} == {
        3: ["stray-quote"],
        5: ["swallowed-rows"],
        7: ["row-length"],
    }
    assert [each.detail for several in problems(table, size).values() for each in several] == [
        "3",
        "5-7",
        "2 fields instead of 4 (line 9)",
    ]
    assert {"2", "4", "6"} <= table.suspects
    assert not {"N1", "N3", "N5", "N7"} & table.suspects
