"""A delimited text file is read as the exact text of its cells, row by row as Excel numbers them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from delimited_tables import cells, codes, joined, opened

from pipeline.findings import Refusal, Severity
from pipeline.readers import delimited
from pipeline.readers.table import HEAD_ROWS, PROBLEMS, ROW

if TYPE_CHECKING:
    from pathlib import Path

ROWS = "billnum;desc;amount\n1001;Työ;35,00\n1002;Tuote;12,50\n"


def refused(folder: Path, content: str | bytes, **options: str) -> tuple[str, str]:
    """The code and message of the refusal; the file is called FILE in it."""
    with pytest.raises(Refusal) as caught:
        opened(folder, content, **options)
    found = caught.value.finding
    assert found.severity is Severity.ERROR
    return found.code, found.message.replace(str(folder / "export.csv"), "FILE")


# -- frames -------------------------------------------------------------------------------------------


def test_frame_layout(tmp_path: Path) -> None:
    """A frame has a categorical of str objects for each column, a row number and a problems column."""
    (frame,) = opened(tmp_path, ROWS).frames(100)
    assert list(frame.columns) == [0, 1, 2, PROBLEMS, ROW]
    for column in range(3):
        categories = frame[column].cat.categories
        assert categories.dtype == np.dtype(object)
        assert {type(text) for text in categories} == {str}
    assert frame[ROW].dtype == np.int64
    assert frame[ROW].tolist() == [1, 2, 3]
    assert frame[PROBLEMS].dtype == np.dtype(object)
    assert frame[PROBLEMS].tolist() == ["", "", ""]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_frames_are_bounded_and_read_anew(tmp_path: Path, size: int) -> None:
    """Each call of frames reads all rows again, in frames of at most that many rows."""
    table = opened(tmp_path, ROWS)
    for _ in range(2):
        assert all(len(frame) <= size for frame in table.frames(size))
        assert cells(table, size) == [
            ["billnum", "desc", "amount"],
            ["1001", "Työ", "35,00"],
            ["1002", "Tuote", "12,50"],
        ]


def test_head_is_the_first_rows(tmp_path: Path) -> None:
    """The head holds the first rows as the frames have them, and no more."""
    table = opened(tmp_path, "a;b\n" + "".join(f"{number};x\n" for number in range(200)))
    assert table.head == cells(table)[:HEAD_ROWS]


def test_share_read_grows_to_one(tmp_path: Path) -> None:
    """Progress starts at 0 once the table is open and is 1 when all rows are read."""
    table = opened(tmp_path, ROWS)
    assert table.share_read == 0.0
    list(table.frames(1))
    assert table.share_read == 1.0


def test_facts_tell_how_the_file_was_understood(tmp_path: Path) -> None:
    """The facts are words and counts that a user understands."""
    table = opened(tmp_path, 'billnum;desc\r\n1001;"two\nlines"\r\n')
    assert table.facts == {
        "encoding": "UTF-8",
        "delimiter": "semicolon (;)",
        "line ends": "CR LF",
        "lines": "3",
        "rows": "2",
        "columns": "2",
    }
    assert (table.file, table.sheet) == (str(tmp_path / "export.csv"), None)


@pytest.mark.parametrize(
    "text", ["NA", "null", "None", "NaN", "#N/A", "TRUE", "007", "1e5", " x ", '5" pipe']
)
def test_nothing_is_converted(tmp_path: Path, text: str) -> None:
    """What looks like a missing value, a number or a flag stays the text that it is."""
    table = opened(tmp_path, f"billnum;desc\n{text};{text}\n")
    assert cells(table)[1] == [text, text]
    assert codes(table) == {}


def test_doubled_quotes_and_delimiters_in_quotes(tmp_path: Path) -> None:
    """Within quotes, a doubled quotation mark is one, and a delimiter is text."""
    table = opened(tmp_path, 'a;b\n"say ""hi""; bye";""\n')
    assert cells(table)[1] == ['say "hi"; bye', ""]


# -- rows ---------------------------------------------------------------------------------------------


def test_a_cell_of_several_lines_is_one_row(tmp_path: Path) -> None:
    """A quoted line break does not start a row, and is kept as it is."""
    table = opened(tmp_path, 'a;b;c\r\n1;"Kuja 1\r\n00100 HELSINKI";x\r\n2;y;z\r\n')
    frame = joined(table)
    assert cells(table)[1:] == [["1", "Kuja 1\r\n00100 HELSINKI", "x"], ["2", "y", "z"]]
    assert frame[ROW].tolist() == [1, 2, 3]
    assert codes(table) == {}


def test_blank_lines_are_rows(tmp_path: Path) -> None:
    """A blank line is a row of empty cells, as in Excel, and no problem."""
    table = opened(tmp_path, "\na;b\n\n\n1;2\n   \n")
    assert cells(table) == [["", ""], ["a", "b"], ["", ""], ["", ""], ["1", "2"], ["   ", ""]]
    assert codes(table) == {}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r", "\n\r\n\r"])
def test_every_kind_of_line_end_ends_a_row(tmp_path: Path, ends: str) -> None:
    """LF, CR LF and CR end a row, also when one file has all of them."""
    lines = [f"{number};x{number}" for number in range(40)]
    breaks = {"\n\r\n\r": ["\n", "\r\n", "\r"]}.get(ends, [ends])
    content = "".join(line + breaks[number % len(breaks)] for number, line in enumerate(lines))
    table = opened(tmp_path, content)
    assert cells(table) == [line.split(";") for line in lines]
    assert joined(table)[ROW].tolist() == list(range(1, 41))


def test_mixed_line_ends_are_told(tmp_path: Path) -> None:
    """A file with several kinds of line ends is read, and the facts count each."""
    table = opened(tmp_path, "a;b\r\n1;2\n3;4\r5;6\r\n")
    assert table.facts["line ends"] == "CR LF (2), LF (1), CR (1)"


def test_titles_above_the_header_are_no_problem(tmp_path: Path) -> None:
    """Rows with fewer fields before the first row of full width are titles."""
    table = opened(
        tmp_path, "Myyntilaskut 2026-10\nTulostettu;1.11.2026\n\nLaskunumero;Nimi;Hinta\n1;A;2,00\n"
    )
    assert table.head[0] == ["Myyntilaskut 2026-10", "", ""]
    assert table.head[3] == ["Laskunumero", "Nimi", "Hinta"]
    assert codes(table) == {}


def test_a_delimiter_at_the_end_of_every_row_is_regular(tmp_path: Path) -> None:
    """Rows with one empty field more than the header are read, and the facts say so."""
    table = opened(tmp_path, "billnum;desc;amount\n1;A;2,00;\n2;B;3,00;\n")
    assert codes(table) == {}
    assert table.facts["columns"] == "3"
    assert table.facts["last column"] == "empty: every row ends with a delimiter"


def test_separator_line(tmp_path: Path) -> None:
    """Excel's line sep=| declares the delimiter; Excel neither shows nor counts it, so row 1 is the next."""
    table = opened(tmp_path, "\ufeffsep=|\r\na;x|b\r\n1;2|3\r\n")
    assert cells(table) == [["a;x", "b"], ["1;2", "3"]]
    assert table.facts["delimiter"] == "vertical bar (|), as the file's first line says"


# -- delimiter ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delimiter", "name"),
    [(";", "semicolon (;)"), (",", "comma (,)"), ("\t", "tab"), ("|", "vertical bar (|)")],
)
def test_delimiter_is_settled(tmp_path: Path, delimiter: str, name: str) -> None:
    """Each of the four delimiters is found."""
    table = opened(
        tmp_path, "".join(delimiter.join(row) + "\n" for row in (["a", "b", "c"], ["1", "2", "3"]))
    )
    assert cells(table) == [["a", "b", "c"], ["1", "2", "3"]]
    assert table.facts["delimiter"] == name


def test_decimal_commas_do_not_divide(tmp_path: Path) -> None:
    """A comma in every row's amounts loses against the semicolon that divides header and rows."""
    table = opened(tmp_path, "billnum;net;gross\n" + "1;10,00;12,55\n" * 50)
    assert table.facts["delimiter"] == "semicolon (;)"


def test_damaged_rows_do_not_change_the_delimiter(tmp_path: Path) -> None:
    """A few rows cut short do not make the decimal comma, which is in every row, the delimiter."""
    table = opened(tmp_path, "billnum;name;net;vat\n" + "1;A;10,00;25,5\n" * 40 + "2;10,00 25,5\n" * 5)
    assert table.facts["delimiter"] == "semicolon (;)"
    assert len(codes(table)) == 5


def test_the_first_lines_do_not_decide(tmp_path: Path) -> None:
    """Title rows full of commas above a table divided by semicolons are titles."""
    table = opened(tmp_path, "a,b,c,d,e,f\n" * 3 + "num;x;y\n" + "1;2;3\n" * 30)
    assert table.facts["delimiter"] == "semicolon (;)"


def test_declared_delimiter_is_obeyed(tmp_path: Path) -> None:
    """A delimiter that is set is used, also for a file of one column."""
    table = opened(tmp_path, "a;b\n1;2\n", delimiter="|")
    assert cells(table) == [["a;b"], ["1;2"]]
    assert table.facts["delimiter"] == "vertical bar (|), as set"
    assert cells(opened(tmp_path, "a\tb\n", delimiter="tab")) == [["a", "b"]]


def test_one_column_is_refused(tmp_path: Path) -> None:
    """Without any delimiter the file is refused, not read as one column."""
    assert refused(tmp_path, "billnum\n1001\n1002\n") == (
        "delimiter-missing",
        "No semicolon, comma, tab or vertical bar divides the lines of FILE into fields.",
    )


def test_two_delimiters_are_refused(tmp_path: Path) -> None:
    """Two delimiters that divide the file equally well are refused, not guessed between."""
    assert refused(tmp_path, "a,b;c\n1,2;3\n") == (
        "delimiter-unclear",
        "FILE can be read with different delimiters equally well: semicolon (;) and comma (,).",
    )


def test_an_impossible_delimiter_is_refused(tmp_path: Path) -> None:
    """A delimiter must be one character."""
    assert refused(tmp_path, ROWS, delimiter=";;") == ("delimiter-invalid", "“;;” cannot divide fields.")


# -- refusals -----------------------------------------------------------------------------------------


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """No bytes at all are a failed export."""
    assert refused(tmp_path, b"")[0] == "file-empty"


@pytest.mark.parametrize("content", [b"\n \r\n\t\n", b"\xef\xbb\xbf\r\n", b"\xff\xfe\r\0\n\0", b" " * 5000])
def test_a_blank_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """Nothing but white space is a failed export, too."""
    assert refused(tmp_path, content) == ("file-blank", "FILE holds nothing but blank lines.")


def test_binary_content_is_refused(tmp_path: Path) -> None:
    """Bytes that no text has are refused."""
    assert refused(tmp_path, bytes(range(256)) * 10) == (
        "file-wrong-type",
        "FILE is not a text file; it seems to be binary data.",
    )


def test_an_unclosed_quote_is_refused_with_its_line(tmp_path: Path) -> None:
    """A quotation mark that swallows all rows to the end is refused; the line is where it opens."""
    assert refused(tmp_path, 'a;b;c\n1;"x\ny";z\n2;"open;3\n' + "4;5;6\n" * 3) == (
        "quote-unclosed",
        (
            "In FILE a quotation mark opens in line 4 and is not closed: it would swallow all rows after it "
            "(“open;3\n4;5;6\n4;5;6\n4;5;6\n”)."
        ),
    )


def test_a_quote_that_swallows_megabytes_is_refused_early(tmp_path: Path) -> None:
    """Memory stays bounded: a cell of more than 4 MB is taken for an unclosed quotation mark."""
    code, message = refused(tmp_path, "a;b\n" * 5 + '1;"x\n' + "4;5\n" * 1_500_000 + '";y\n')
    assert code == "quote-unclosed"
    assert "opens in line 6 " in message


def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    """A line of more than 4 MB is no invoice row."""
    code, message = refused(tmp_path, "a;b\n" + "1;2" * 3_000_000)
    assert code == "line-too-long"
    assert message.startswith("Line 2 of FILE is longer than 4 million characters (“1;21;2")


@pytest.mark.parametrize(
    ("header", "names"), [("billnum,desc,amount,taxpr", 4), ("billnum,a,b,c,d,e", 6)], ids=["narrow", "wide"]
)
def test_a_header_of_another_width_is_refused(tmp_path: Path, header: str, names: int) -> None:
    """Where every row has more or fewer fields than the header, each would be read shifted: refused."""
    assert refused(tmp_path, header + "\n" + "1001,Job,35,00,25\n" * 20) == (
        "header-width",
        (
            f"The rows of FILE have 5 fields from row 2 on, but the header above them has {names} "
            f"(“{header.replace(',', ' ')}”)."
        ),
    )


def test_a_file_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    """What was checked when the table was opened must be what is read."""
    table = opened(tmp_path, ROWS)
    path = tmp_path / "export.csv"
    path.write_text(ROWS + "1003;x;1\n", encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        list(table.frames(10))
    assert caught.value.finding.message == f"{path} was changed while it was being read."


def test_a_file_changed_between_frames_is_refused(tmp_path: Path) -> None:
    """A change while the rows are read is noticed before they are all given out."""
    table = opened(tmp_path, ROWS)
    frames = table.frames(1)
    next(frames)
    os.utime(tmp_path / "export.csv", ns=(1, 1))
    with pytest.raises(Refusal):
        list(frames)


def test_too_much_damage_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The texts of damaged rows are kept in memory, so there must be a limit to them."""
    monkeypatch.setattr(delimited, "_MOST_SUSPECTS", 20)
    content = ROWS + "3;x;1\n" * 30 + "".join(f"{number};{number}x\n" for number in range(15))
    assert refused(tmp_path, content)[0] == "too-many-damaged-rows"
