"""Folders and archives as inputs: which files they come to, how these are named, and what is refused."""

from __future__ import annotations

import filecmp
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.findings import Finding, Refusal
from pipeline.profile import Profile
from pipeline.readers import files
from pipeline.readers.inputs import expanded, natural, open_input, refuse_copies

CSV = "Laskunumero;Nimi;Tuote\n1001;Acme Oy;Työ\n"


def archive(path: Path, members: dict[str, str | bytes]) -> Path:
    """A zip of those members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in members.items():
            book.writestr(name, content)
    return path


def names(*paths: Path) -> list[str]:
    """The files that the inputs come to, as they are shown from the folder of the first."""
    with expanded(paths) as found:
        return [each.name.removeprefix(f"{paths[0]}/") for each in found.files]


def refused(path: Path) -> Finding:
    """Why an input is refused."""
    with pytest.raises(Refusal) as caught:
        read(path)
    return caught.value.finding


def read(path: Path) -> None:
    """Open every file of an input."""
    with expanded([path]) as found:
        for each in found.files:
            open_input(each, Profile())


def warned(path: Path) -> list[str]:
    """What is warned of; the input is called INPUT."""
    with expanded([path]) as found:
        return [each.message.replace(str(path), "INPUT") for each in found.findings]


# -- folders -------------------------------------------------------------------------------------------


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    """Every file that can be read, in the order that people give names in; nothing from its folders."""
    for name in ("laskut 10.csv", "laskut 2.csv", "Laskut 1.XLSX", "b.ods", "a.tsv", "ä.txt", "c.xls"):
        (tmp_path / name).write_text(CSV)
    (tmp_path / "empty").mkdir()
    order = ["a.tsv", "b.ods", "c.xls", "Laskut 1.XLSX", "laskut 2.csv", "laskut 10.csv", "ä.txt"]
    assert names(tmp_path) == order
    assert warned(tmp_path) == []


def test_what_is_left_out_of_a_folder(tmp_path: Path) -> None:
    """Hidden files, lock files and reports silently; corrections and what cannot be read with a warning."""
    for name in (".hidden.csv", "~$laskut.xlsx", "report.html", "report.json", "kuitti.pdf", "laskut.csv"):
        (tmp_path / name).write_text(CSV)
    for title, name in (("Run 2026", "report.xlsx"), ("Run 2026", "laskut.xlsx")):
        book = openpyxl.Workbook()
        book.properties.title = title
        book.save(tmp_path / name)
    book = openpyxl.Workbook()
    book.defined_names["_ropo_corrections"] = openpyxl.workbook.defined_name.DefinedName(
        "_ropo_corrections", attr_text="1"
    )
    book.save(tmp_path / "korjattu.xlsx")
    for folder in ("old", "out/2026", ".git"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("old/laskut.csv", "out/2026/laskut.csv", ".git/laskut.csv"):
        (tmp_path / name).write_text(CSV)
    assert names(tmp_path) == ["laskut.csv", "laskut.xlsx"]
    assert warned(tmp_path) == ["In INPUT is what was not read (3): korjattu.xlsx, kuitti.pdf, old."]


@pytest.mark.parametrize("name", ["kuitti.pdf", ".laskut.csv", "report.html"])
def test_a_folder_without_exports(tmp_path: Path, name: str) -> None:
    """An empty folder is a failed export, never a success."""
    (tmp_path / name).write_text(CSV)
    assert refused(tmp_path).code == "folder-empty"


@given(st.lists(st.integers(0, 10**20), min_size=1, max_size=6))
def test_numbers_in_names_count_as_numbers(numbers: list[int]) -> None:
    """However many digits they have."""
    made = [f"laskut {number} v2.csv" for number in numbers]
    assert sorted(made, key=natural) == [f"laskut {number} v2.csv" for number in sorted(numbers)]


def test_files_and_folders_in_the_order_they_are_given(tmp_path: Path) -> None:
    """A file that is named is read, whatever its name: the reader tells what is wrong with it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("folder/a.csv", ".hidden.csv", "b.csv"):
        (tmp_path / name).write_text(CSV)
    with expanded([tmp_path / "b.csv", folder, tmp_path / ".hidden.csv"]) as found:
        assert [each.path.name for each in found.files] == ["b.csv", "a.csv", ".hidden.csv"]
    assert refused(tmp_path / "missing.csv").code == "file-missing"
    assert refused(tmp_path / "missing.zip").code == "file-missing"


# -- archives ------------------------------------------------------------------------------------------


def test_the_files_of_an_archive(tmp_path: Path) -> None:
    """Also those in its folders, under names that say where they are; nothing stays when the run is over."""
    members = {"10.csv": CSV, "2.csv": CSV, "2026-10/laskut.csv": CSV, "win\\laskut.csv": CSV}
    others = {"__MACOSX/._2.csv": "x", "2026-10/.DS_Store": "x", "lue.pdf": "x", "report.html": "x"}
    path = archive(tmp_path / "exports.ZIP", members | others)
    with expanded([path]) as found:
        shown = [each.name.removeprefix(f"{tmp_path}/") for each in found.files]
        assert shown == [
            "exports.ZIP/2.csv",
            "exports.ZIP/10.csv",
            "exports.ZIP/2026-10/laskut.csv",
            "exports.ZIP/win/laskut.csv",
        ]
        assert [each.path.read_text(encoding="utf-8") for each in found.files] == [CSV] * 4
        assert {stat.S_IMODE(each.path.parent.stat().st_mode) for each in found.files} == {0o700}
        unpacked = [each.path.parent for each in found.files]
    assert not any(folder.exists() for folder in unpacked)
    assert warned(path) == ["In INPUT is what was not read (1): lue.pdf."]


def test_an_archive_in_a_folder(tmp_path: Path) -> None:
    """It is unpacked as one that was given."""
    archive(tmp_path / "b.zip", {"laskut.csv": CSV})
    (tmp_path / "a.csv").write_text(CSV)
    assert names(tmp_path) == ["a.csv", "b.zip/laskut.csv"]


def test_a_copy_in_an_archive_is_a_copy(tmp_path: Path) -> None:
    """The same file in a folder and in an archive would double the rows of its invoices."""
    (tmp_path / "a.csv").write_text(CSV, encoding="utf-8")
    archive(tmp_path / "b.zip", {"laskut.csv": CSV, "rivit.csv": CSV[:-1] + "ä"})
    with expanded([tmp_path]) as found, pytest.raises(Refusal) as caught:
        refuse_copies(found.files)
    assert caught.value.finding.code == "file-twice"
    assert caught.value.finding.place.file == f"{tmp_path}/b.zip/laskut.csv"
    assert f"{tmp_path}/a.csv" in caught.value.finding.message
    assert filecmp.cmp(tmp_path / "a.csv", tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "file-empty"),
        ('Laskunumero;Nimi\n1;"Acme\n2;Toinen\n', "quote-unclosed"),
        (b"PK\x03\x04 not really", "file-not-as-named"),
        (b"\x89PNG", "file-not-as-named"),
    ],
)
def test_what_is_wrong_in_an_archive_names_the_file_in_it(
    tmp_path: Path, content: str | bytes, code: str
) -> None:
    """And nothing of where it was unpacked to."""
    path = archive(tmp_path / "exports.zip", {"sub/laskut.csv": content})
    found = refused(path)
    assert found.code == code
    assert found.place.file == f"{path}/sub/laskut.csv"
    assert f"{path}/sub/laskut.csv" in found.message
    assert "ropo-pipeline-" not in found.message + found.remedy


def test_what_is_found_while_reading_names_the_file_too(tmp_path: Path) -> None:
    """Warnings of the file as a whole, and what is refused when its rows are read."""
    path = archive(tmp_path / "exports.zip", {"laskut.csv": (CSV + "1002;Bolag \xa4;x\n").encode("cp1252")})
    with expanded([path]) as found:
        [each] = found.files
        [table] = open_input(each, Profile())
        assert [(known.code, known.place.file) for known in table.findings] == [
            ("encoding-ambiguous", f"{path}/laskut.csv")
        ]
        assert table.findings[0].message.startswith(f"{path}/laskut.csv can be in Windows-1252")
        assert (table.path, table.own_file) == (each.path, path)
        each.path.write_text(CSV)
        with pytest.raises(Refusal) as caught:
            list(table.frames(10))
    assert caught.value.finding.message == f"{path}/laskut.csv was changed while it was being read."


@pytest.mark.parametrize(
    "name",
    [
        "../laskut.csv",
        "a/../../laskut.csv",
        "/etc/laskut.csv",
        "C:laskut.csv",
        "..\\laskut.csv",
        "a\x1b[2J.csv",
    ],
)
def test_a_name_that_leads_out_of_an_archive(tmp_path: Path, name: str) -> None:
    """Nothing is written anywhere, and the archive is not trusted."""
    found = refused(archive(tmp_path / "exports.zip", {"laskut.csv": CSV, name: CSV}))
    assert found.code == "archive-unsafe"
    assert found.message.isprintable()
    assert [*tmp_path.rglob("*")] == [tmp_path / "exports.zip"]


def test_a_link_in_an_archive(tmp_path: Path) -> None:
    """What it leads to is not what the sender has packed."""
    path = tmp_path / "exports.zip"
    with zipfile.ZipFile(path, "w") as book:
        link = zipfile.ZipInfo("laskut.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        book.writestr(link, "/etc/passwd")
    assert refused(path).code == "archive-unsafe"


def test_an_archive_in_an_archive(tmp_path: Path) -> None:
    """It is not unpacked, and named."""
    inner = archive(tmp_path / "inner.zip", {"laskut.csv": CSV}).read_bytes()
    found = refused(archive(tmp_path / "exports.zip", {"laskut.csv": CSV, "sub/Inner.ZIP": inner}))
    assert (found.code, found.place.file) == ("archive-nested", f"{tmp_path}/exports.zip/sub/Inner.ZIP")


def test_an_archive_in_an_archive_under_another_name(tmp_path: Path) -> None:
    """What a file is shows in its content."""
    inner = archive(tmp_path / "inner.zip", {"laskut.csv": CSV}).read_bytes()
    found = refused(archive(tmp_path / "exports.zip", {"laskut.xlsx": inner}))
    assert found.code == "file-not-as-named"


def test_two_files_of_one_name(tmp_path: Path) -> None:
    """Which one a finding means would not be known; upper and lower case are the same on many systems."""
    path = tmp_path / "exports.zip"
    for pair in (["laskut.csv", "Laskut.CSV"], ["a/laskut.csv", "a\\laskut.csv"]):
        with zipfile.ZipFile(path, "w") as book:
            for number, name in enumerate(pair):
                book.writestr(name, CSV + str(number))
        found = refused(path)
        assert found.code == "file-damaged"
        assert "two of its parts have one name" in found.message


def test_an_archive_with_a_password(tmp_path: Path) -> None:
    """Nothing in it can be read."""
    path = archive(tmp_path / "exports.zip", {"laskut.csv": CSV})
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", content, content.index(signature) + flags, 1)
    path.write_bytes(content)
    assert refused(path).code == "file-encrypted"


def test_an_archive_cut_short_or_changed(tmp_path: Path) -> None:
    """A part of an archive is never read as the whole."""
    path = archive(tmp_path / "exports.zip", {"laskut.csv": CSV * 100, "b.csv": CSV})
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert refused(path).code == "file-damaged"
    content = bytearray(whole)
    content[60] ^= 0xFF
    path.write_bytes(content)
    assert refused(path).code == "file-damaged"


def test_an_archive_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is unpacked up to the limit and no further, and what was written is gone."""
    monkeypatch.setattr(files, "_RATIO_FROM", 1000)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    path = archive(tmp_path / "exports.zip", {"laskut.csv": "0" * 10_000_000})
    assert refused(path).code == "file-unpacks-too-big"
    assert [*tmp_path.iterdir()] == [path]


def test_a_workbook_under_an_archive_s_name(tmp_path: Path) -> None:
    """A workbook is an archive, too, but none of exports."""
    openpyxl.Workbook().save(tmp_path / "laskut.xlsx")
    path = (tmp_path / "laskut.xlsx").rename(tmp_path / "laskut.zip")
    assert (
        refused(path).message
        == f"{path} is named .zip, but its content seems to be an Excel workbook (.xlsx)."
    )


@pytest.mark.parametrize("members", [{}, {"lue.pdf": "x"}, {"__MACOSX/laskut.csv": CSV}])
def test_an_archive_without_exports(tmp_path: Path, members: dict[str, str | bytes]) -> None:
    """An empty archive is a failed export, never a success."""
    assert refused(archive(tmp_path / "exports.zip", members)).code == "archive-empty"


def test_no_room_to_unpack(tmp_path: Path) -> None:
    """Where the disk is full it says so, and not that the archive is damaged."""
    path = archive(tmp_path / "exports.zip", {"laskut.csv": CSV * 100_000})
    script = f"""
import resource, signal
from pathlib import Path
from pipeline.findings import Refusal
from pipeline.readers.inputs import expanded
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with expanded([Path({str(path)!r})]):
        pass
except Refusal as refusal:
    print(refusal.finding.code, refusal.finding.message.partition(": ")[2])
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == "archive-not-unpacked File too large.\n"
