"""The encoding is settled over the whole file: what the bytes do not settle is told or refused."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import pytest
from delimited_tables import cells, opened

from pipeline.findings import Refusal

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "billnum;name\r\n1001;Työmaa Åkerö €\r\n"
LONG = "1001;Matti Meikalainen\r\n" * 60_000
"""ASCII rows of 1.4 MB: several blocks."""


def refused(folder: Path, content: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The code and message of the refusal; the file is called FILE in it."""
    options = {"encoding": encoding} if encoding else {}
    with pytest.raises(Refusal) as caught:
        opened(folder, content, **options)
    found = caught.value.finding
    return found.code, found.message.replace(str(folder / "export.csv"), "FILE")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TEXT.encode(), "UTF-8"),
        (TEXT.encode("utf-8-sig"), "UTF-8 with byte order mark"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "UTF-16 little-endian with byte order mark"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "UTF-16 big-endian with byte order mark"),
        (TEXT.encode("utf-16-le"), "UTF-16 little-endian"),
        (TEXT.encode("utf-16-be"), "UTF-16 big-endian"),
        (TEXT.encode("cp1252"), "Windows-1252"),
    ],
)
def test_encoding_is_settled(tmp_path: Path, content: bytes, words: str) -> None:
    """Every encoding of the specification is found, and the text is right, without its mark."""
    table = opened(tmp_path, content)
    assert cells(table) == [["billnum", "name"], ["1001", "Työmaa Åkerö €"]]
    assert table.facts["encoding"] == words
    assert table.findings == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1252", "ISO-8859-15", "cp850"])
def test_declared_encoding_is_used(tmp_path: Path, encoding: str) -> None:
    """An encoding that is set and fits is used as it is."""
    text = TEXT.replace(" €", "")
    table = opened(tmp_path, text.encode(encoding), encoding=encoding)
    assert cells(table)[1] == ["1001", "Työmaa Åkerö"]
    assert table.facts["encoding"] == f"{encoding}, as set"
    assert table.findings == []


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_the_deciding_byte_can_come_late(tmp_path: Path, encoding: str) -> None:
    """More than a megabyte of ASCII before the first letter with dots changes nothing."""
    table = opened(tmp_path, (LONG + "1002;Äänekoski €\r\n").encode(encoding))
    assert cells(table, 100_000)[-1] == ["1002", "Äänekoski €"]


def test_both_one_byte_encodings_read_alike(tmp_path: Path) -> None:
    """Where Windows-1252 and ISO-8859-15 give the same text, there is nothing to warn of."""
    table = opened(tmp_path, "billnum;name\n1001;Työmaa Åkerö\n".encode("cp1252"))
    assert table.findings == []
    assert table.facts["encoding"] == "Windows-1252 (ISO-8859-1 and ISO-8859-15 read this file alike)"


def test_undecided_between_one_byte_encodings(tmp_path: Path) -> None:
    """Where they differ and nothing decides, Windows-1252 is taken, and a warning shows the first line."""
    table = opened(tmp_path, "billnum;name\r\n1001;Työ\r\n1002;35 €\r\n".encode("iso-8859-15"))
    assert cells(table)[2] == ["1002", "35 ¤"]
    (warning,) = table.findings
    path = tmp_path / "export.csv"
    assert (warning.code, warning.severity) == ("encoding-ambiguous", "warning")
    assert warning.message == (
        f"{path} can be in Windows-1252 or in ISO-8859-15 and was read as Windows-1252; "
        "they first differ in line 3: “1002;35 ¤”."
    )
    assert warning.remedy == (
        'If that line reads wrong (¤ where € is meant), set `encoding = "iso-8859-15"` under [reading] '
        'in the profile; otherwise set it to "windows-1252".'
    )
    declared = opened(tmp_path, path.read_bytes(), encoding="iso-8859-15")
    assert cells(declared)[2] == ["1002", "35 €"]
    assert declared.findings == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_mixed_encodings_are_refused(tmp_path: Path, end: str) -> None:
    """One line in Windows-1252 late in a UTF-8 file is refused with its line."""
    content = (
        f"a;b{end}1;Työ{end}".encode() + LONG.replace("\r\n", end).encode() + f"ö;x{end}".encode("cp1252")
    )
    assert refused(tmp_path, content) == (
        "encoding-mixed",
        "FILE mixes encodings: it is in UTF-8, but not in line 60003 (“�;x”).",
    )


def test_a_byte_order_mark_binds(tmp_path: Path) -> None:
    """A file marked as UTF-8 or UTF-16 must be that to its end."""
    code, message = refused(tmp_path, b"\xef\xbb\xbfa;b\n1;\xe4\n")
    assert code == "encoding-mixed"
    assert "line 2 (“1;�”)" in message
    assert refused(tmp_path, codecs.BOM_UTF16_LE + "a;b\n1;2\n".encode("utf-16-le") + b"\x00\xd8x")[0] == (
        "encoding-mixed"
    )


def test_a_declared_encoding_that_does_not_fit(tmp_path: Path) -> None:
    """It is refused with the first line that it cannot read."""
    assert refused(tmp_path, "a;b\n1;Työ\n".encode("cp1252"), "utf-8") == (
        "encoding-misfit",
        "FILE is not in utf-8, as was set: line 2 cannot be read in it (“1;Ty�”).",
    )
    assert refused(tmp_path, b"a;b\n1;x\x81\n", "cp1252")[0] == "encoding-misfit"
    assert refused(tmp_path, "a;b\n1;Työ\n".encode(), "ascii")[0] == "encoding-misfit"


def test_a_declared_encoding_that_utf8_contradicts(tmp_path: Path) -> None:
    """Valid UTF-8 read as Windows-1252 on request is read so, with a warning that shows the first line."""
    table = opened(tmp_path, "a;b\n1;Työ\n".encode(), encoding="cp1252")
    (warning,) = table.findings
    assert warning.message == (
        f"{tmp_path / 'export.csv'} was read in cp1252, as was set, but all of it is valid UTF-8. "
        "Line 2 reads “1;TyÃ¶”."
    )


@pytest.mark.parametrize("name", ["utf-88", "hex", "rot13"])
def test_an_unknown_encoding_is_refused(tmp_path: Path, name: str) -> None:
    """A name that is no text encoding is a mistake in the profile."""
    assert refused(tmp_path, b"a;b\n", name) == ("encoding-name", f"There is no text encoding “{name}”.")


def test_bytes_of_no_known_encoding(tmp_path: Path) -> None:
    """A byte that neither UTF-8 nor Windows-1252 has is refused, not replaced."""
    assert refused(tmp_path, b"a;b\n1;\xe4\n2;x\x8fy\n") == (
        "encoding-unknown",
        "The encoding of FILE is not known: line 3 reads “2;x�y” in Windows-1252, and it is no UTF-8.",
    )


@pytest.mark.parametrize("old", ["cp850", "mac-roman"])
def test_an_old_file_is_not_taken_for_windows(tmp_path: Path, old: str) -> None:
    """The letters of DOS and old Macs are other signs in Windows-1252: refused until the encoding is set."""
    content = "a;b\n1;Meikäläinen\n".encode(old)
    assert refused(tmp_path, content)[0] == "encoding-unknown"
    assert cells(opened(tmp_path, content, encoding=old))[1] == ["1", "Meikäläinen"]
