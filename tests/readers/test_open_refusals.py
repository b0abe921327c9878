"""A file that cannot be read whole and for certain is refused in one line, before anything is read of it."""

from __future__ import annotations

import os
import random
import struct
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
import xlwt
from workbook_files import archive, raw_ods, raw_xlsx, refused, texts, worksheet, xlsx

from pipeline.findings import Refusal, Severity
from pipeline.readers import files, open_tables
from pipeline.readers.files import kinds, size_text

ROWS = [["billnum", "amount"], ["1001", 35.5]]
SHEET = worksheet('<row r="1"><c r="A1"><v>1</v></c></row>')
PDF = b"%PDF-1.7\n1 0 obj\n"


def xls(path: Path) -> Path:
    """An Excel 97-2003 workbook."""
    book = xlwt.Workbook()
    book.add_sheet("Laskut").write(0, 0, "billnum")
    book.save(path)
    return path


def test_a_file_that_does_not_exist(tmp_path: Path) -> None:
    """A missing file is named, with what to check."""
    path = tmp_path / "laskut.xlsx"
    found = refused(path)
    assert (found.code, found.severity) == ("file-missing", Severity.ERROR)
    assert found.message == f"There is no file {path}."
    assert found.remedy == "Check the name and the folder."
    assert found.place.file == str(path)


def test_a_folder(tmp_path: Path) -> None:
    """A folder is no file, whatever its name ends in."""
    path = tmp_path / "laskut.xlsx"
    path.mkdir()
    assert refused(path).message == f"{path} is a folder or device, not a file."


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A named pipe is refused at once instead of waiting for its other end."""
    path = tmp_path / "laskut.csv"
    os.mkfifo(path)
    assert refused(path).code == "file-is-folder"


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """The system's reason is told when a file cannot be opened."""
    path = tmp_path / "laskut.csv"
    path.symlink_to(path)
    assert refused(path).message == f"{path} cannot be opened: Too many levels of symbolic links."


def test_a_file_without_permission(tmp_path: Path) -> None:
    """A file that may not be read is refused with that reason."""
    path = xlsx(tmp_path / "laskut.xlsx", ROWS)
    path.chmod(0)
    user = os.geteuid()
    os.seteuid(user or 65534)  # root may read everything: be nobody meanwhile
    try:
        assert refused(path).message == f"{path} cannot be opened: Permission denied."
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("name", ["laskut.csv", "laskut.xlsx", "laskut.xls", "laskut.ods"])
def test_an_empty_file(tmp_path: Path, name: str) -> None:
    """A file of no bytes is a failed export, never a success."""
    path = tmp_path / name
    path.touch()
    assert refused(path).message == f"{path} is empty (0 bytes)."


def test_a_file_over_the_limit(tmp_path: Path) -> None:
    """A file with more bytes than allowed is refused with both sizes; one with just as many is read."""
    path = tmp_path / "laskut.csv"
    path.write_text("billnum;amount\n1001;35,50\n" * 100)
    size = path.stat().st_size
    found = refused(path, max_bytes=size - 1)
    assert found.message == f"{path} has 2.6 kB, more than the limit of 2.6 kB."
    assert len(open_tables(path, max_bytes=size)) == 1


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (12_345_678, "12.3 MB"), (4 << 30, "4.3 GB")],
)
def test_sizes_for_people(size: int, text: str) -> None:
    """Sizes are told in the unit that suits them."""
    assert size_text(size) == text


@pytest.mark.parametrize("name", ["laskut.pdf", "laskut.xlsb", "laskut.docx", "laskut"])
def test_an_extension_that_is_not_supported(tmp_path: Path, name: str) -> None:
    """What is supported is listed."""
    path = tmp_path / name
    path.write_text("billnum;amount\n")
    found = refused(path)
    assert found.code == "file-type-unsupported"
    assert f"({path.suffix or 'no extension'})" in found.message
    assert found.remedy == (
        "Supported are .csv, .tsv, .txt, .xlsx, .xlsm, .xls, .ods, .zip: export or save it as one of these."
    )


def test_the_extension_may_be_in_capitals(tmp_path: Path) -> None:
    """`LASKUT.XLSX` is as good a name as `laskut.xlsx`."""
    [table] = open_tables(xlsx(tmp_path / "LASKUT.XLSX", ROWS))
    assert table.head[0] == ["billnum", "amount"]


WRONG = {
    "a CSV": (b"billnum;amount\n1001;35,50\n", "text"),
    "a UTF-16 text": ("billnum\tamount\n".encode("utf-16"), "text"),
    "a web page": (b"\xef\xbb\xbf <!DOCTYPE html><html><table><tr><td>1</td></tr></table></html>", "html"),
    "a bare table": (b"\r\n<TABLE border=1><tr><td>1</td></tr></TABLE>", "html"),
    "a web page as XML": (b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml">', "html"),
    "Excel 2003 XML": (b'<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com">', "xml"),
    "a PDF": (PDF, "pdf"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image"),
    "a rich text": (b"{\\rtf1\\ansi billnum}", "rtf"),
    "a compressed file": (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "archive"),
    "something else": (b"\x01\x02\0\0\x03\x04\0\0", "binary"),
}


@pytest.mark.parametrize("extension", [".xlsx", ".xlsm", ".xls", ".ods"])
@pytest.mark.parametrize("what", WRONG)
def test_content_that_is_no_workbook(tmp_path: Path, what: str, extension: str) -> None:
    """A file that is not what its name says is refused with what it seems to be and what to do."""
    content, kind = WRONG[what]
    path = tmp_path / f"laskut{extension}"
    path.write_bytes(content)
    found = refused(path)
    assert (
        found.message == f"{path} is named {extension}, but its content seems to be {kinds()[kind]['name']}."
    )
    assert found.remedy == kinds()[kind]["remedy"]


@pytest.mark.parametrize("what", ["a web page", "Excel 2003 XML", "a PDF", "a picture", "a compressed file"])
@pytest.mark.parametrize("extension", [".csv", ".tsv", ".txt"])
def test_content_that_is_no_table_of_text(tmp_path: Path, what: str, extension: str) -> None:
    """Likewise for files with the name of a text."""
    path = tmp_path / f"laskut{extension}"
    path.write_bytes(WRONG[what][0])
    assert refused(path).code == "file-not-as-named"


@pytest.mark.parametrize("extension", [".csv", ".xls", ".ods"])
def test_a_workbook_under_another_name(tmp_path: Path, extension: str) -> None:
    """A new workbook that came as .csv, .xls or .ods is to be renamed."""
    path = xlsx(tmp_path / f"laskut{extension}", ROWS)
    found = refused(path)
    assert found.message == (
        f"{path} is named {extension}, but its content seems to be an Excel workbook (.xlsx)."
    )
    assert found.remedy == "Rename it to end in .xlsx."


@pytest.mark.parametrize("extension", [".csv", ".xlsx", ".xlsm", ".ods"])
def test_an_old_workbook_under_another_name(tmp_path: Path, extension: str) -> None:
    """Likewise an old one."""
    found = refused(xls(tmp_path / f"laskut{extension}"))
    assert found.message.endswith("seems to be an Excel 97-2003 workbook (.xls).")
    assert found.remedy == "Rename it to end in .xls."


@pytest.mark.parametrize("extension", [".csv", ".xlsx", ".xls"])
def test_an_opendocument_spreadsheet_under_another_name(tmp_path: Path, extension: str) -> None:
    """Likewise an OpenDocument spreadsheet."""
    found = refused(raw_ods(tmp_path / f"laskut{extension}", ""))
    assert found.message.endswith("seems to be an OpenDocument spreadsheet (.ods).")
    assert found.remedy == "Rename it to end in .ods."


def test_a_macro_workbook_may_be_named_either_way(tmp_path: Path) -> None:
    """.xlsx and .xlsm are one format to a reader."""
    assert len(open_tables(xlsx(tmp_path / "laskut.xlsm", ROWS))) == 1


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({"[Content_Types].xml": "<Types/>", "xl/workbook.bin": b"\x83\x01"}, "xlsb"),
        ({"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"}, "document"),
        (
            {
                "mimetype": "application/vnd.oasis.opendocument.text",
                "content.xml": "<x/>",
                "META-INF/manifest.xml": "<m/>",
            },
            "document",
        ),
    ],
)
def test_other_office_files(tmp_path: Path, parts: dict[str, str | bytes], kind: str) -> None:
    """A binary workbook and a text document are told apart from a workbook, though all are archives."""
    found = refused(archive(tmp_path / "laskut.xlsx", parts))
    assert found.message.endswith(f"seems to be {kinds()[kind]['name']}.")


def test_an_archive_of_exports(tmp_path: Path) -> None:
    """An archive is to be unpacked, under whatever name it came."""
    for name in ("laskut.csv", "laskut.xlsx", "laskut.xls", "laskut.ods"):
        found = refused(archive(tmp_path / name, {"laskut.csv": "billnum;amount\n"}))
        assert found.message.endswith("its content seems to be a zip archive.")
        assert found.remedy == ("Rename it to end in .zip, or unpack it and give the files that are inside.")
    assert refused(archive(tmp_path / "laskut.zip", {"laskut.csv": "a;b\n"})).code == "archive-nested"


# -- encrypted -------------------------------------------------------------------------------------


def test_an_encrypted_workbook(tmp_path: Path) -> None:
    """Excel wraps an encrypted workbook into a document of another kind; under any name it is told."""
    old = xls(tmp_path / "old.xls").read_bytes()
    plain, encrypted = (
        name.encode("utf-16-le").ljust(64, b"\0") for name in ("Workbook", "EncryptedPackage")
    )
    assert old.count(plain) == 1
    for extension in (".xlsx", ".xls", ".csv"):
        path = tmp_path / f"laskut{extension}"
        path.write_bytes(old.replace(plain, encrypted))
        found = refused(path)
        assert found.message == f"{path} is protected with a password and cannot be read."
        assert found.remedy == "Open it with its password, save it without one, and give that file."


def test_an_encrypted_old_workbook(tmp_path: Path) -> None:
    """In an old workbook a record after the first one tells that the rest is encrypted."""
    book = xlwt.Workbook()
    book.add_sheet("Laskut").write(0, 0, "billnum")
    stream = book.get_biff_data()
    after = 4 + struct.unpack("<HH", stream[:4])[1]
    path = tmp_path / "laskut.xls"
    xlwt.CompoundDoc.XlsDoc().save(
        str(path), stream[:after] + b"\x2f\0\x06\0\0\0\x01\x02\x03\x04" + stream[after:]
    )
    assert refused(path).code == "file-encrypted"


def test_an_encrypted_opendocument_spreadsheet(tmp_path: Path) -> None:
    """An OpenDocument spreadsheet tells it in its manifest."""
    assert (
        refused(raw_ods(tmp_path / "laskut.ods", "", manifest="<encryption-data/>")).code == "file-encrypted"
    )


def test_an_archive_with_a_password(tmp_path: Path) -> None:
    """So does an archive of which a part is encrypted."""
    path = xlsx(tmp_path / "laskut.xlsx", ROWS)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert refused(path).code == "file-encrypted"


# -- damaged ---------------------------------------------------------------------------------------


def _tries(path: Path, whole: list[list[str]], content: bytes) -> str:
    """`refused`, or `same` if all was read as it was; anything else fails."""
    path.write_bytes(content)
    try:
        [table] = open_tables(path)
        read = texts(table)
    except Refusal:
        return "refused"
    assert read == whole
    return "same"


MAKERS = {
    ".xlsx": lambda path: xlsx(path, [[f"{row}", row * 1.5, f"text {row % 7}"] for row in range(200)]),
    ".ods": lambda path: raw_ods(
        path,
        '<table:table table:name="A">'
        + "".join(
            f'<table:table-row><table:table-cell office:value-type="float" office:value="{row}"/>'
            f'<table:table-cell office:value-type="string"><text:p>text {row % 7}</text:p></table:table-cell>'
            "</table:table-row>"
            for row in range(200)
        )
        + "</table:table>",
    ),
}


@pytest.mark.parametrize("extension", MAKERS)
def test_a_file_cut_short_anywhere(tmp_path: Path, extension: str) -> None:
    """Wherever a workbook is cut short, it is refused: part of it is never read as the whole."""
    path = MAKERS[extension](tmp_path / f"laskut{extension}")
    content = path.read_bytes()
    [table] = open_tables(path)
    whole = texts(table)
    cuts = [*range(1, len(content), max(1, len(content) // 60)), len(content) - 1]
    assert {_tries(path, whole, content[:cut]) for cut in cuts} == {"refused"}


@pytest.mark.parametrize("extension", MAKERS)
def test_a_byte_changed_anywhere(tmp_path: Path, extension: str) -> None:
    """Whichever byte is changed, the workbook is refused or read as it was, never read as something else."""
    path = MAKERS[extension](tmp_path / f"laskut{extension}")
    content = path.read_bytes()
    [table] = open_tables(path)
    whole = texts(table)
    chance = random.Random(20261120)
    outcomes = set()
    for _ in range(150):
        changed = bytearray(content)
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        outcomes.add(_tries(path, whole, bytes(changed)))
    assert outcomes == {"refused", "same"}


def test_an_old_workbook_cut_short(tmp_path: Path) -> None:
    """An old workbook that lost its end is refused."""
    path = tmp_path / "laskut.xls"
    book = xlwt.Workbook()
    sheet = book.add_sheet("Laskut")
    for row in range(500):
        sheet.write(row, 0, f"text {row}")
    book.save(path)
    content = path.read_bytes()
    for share in (0.05, 0.3, 0.6, 0.9):
        path.write_bytes(content[: int(len(content) * share)])
        assert refused(path).code == "file-damaged"


def test_no_old_workbook_however_damaged_ends_in_anything_but_a_refusal(tmp_path: Path) -> None:
    """An old workbook has no checksums; whatever stands in it, it is read or refused."""
    path = tmp_path / "laskut.xls"
    book = xlwt.Workbook()
    sheet = book.add_sheet("Laskut")
    for row in range(40):
        sheet.write(row, 0, f"text {row}")
        sheet.write(row, 1, row / 100, xlwt.easyxf(num_format_str="0%"))
        sheet.write(row, 2, 46054, xlwt.easyxf(num_format_str="d.m.yyyy"))
    book.save(path)
    content = path.read_bytes()
    chance = random.Random(20261120)
    outcomes = set()
    for _ in range(300):
        changed = bytearray(content)
        for _ in range(chance.randrange(1, 5)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed)
        try:
            for table in open_tables(path):
                texts(table)
            outcomes.add("read")
        except Refusal:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize("tail", ["", "<row", '<row r="2"><c r="A2"><v>2', "</sheetData"])
def test_a_sheet_that_ends_too_early(tmp_path: Path, tail: str) -> None:
    """An archive can be whole and the sheet in it not."""
    broken = SHEET.partition("</sheetData>")[0] + tail
    assert refused(raw_xlsx(tmp_path / "laskut.xlsx", broken)).code == "file-damaged"


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/_rels/workbook.xml.rels"])
def test_a_part_that_is_missing(tmp_path: Path, part: str) -> None:
    """A workbook without one of its parts is damaged."""
    path = raw_xlsx(tmp_path / "laskut.xlsx", SHEET)
    with zipfile.ZipFile(path) as whole:
        parts = {name: whole.read(name) for name in whole.namelist() if name != part}
    assert refused(archive(path, parts)).code == "file-damaged"


def test_two_parts_of_one_name(tmp_path: Path) -> None:
    """Which of two parts of one name is meant is not guessed."""
    path = raw_xlsx(tmp_path / "laskut.xlsx", SHEET)
    with zipfile.ZipFile(path, "a") as whole:
        whole.writestr("XL/worksheets/sheet1.xml", SHEET.replace("<v>1<", "<v>2<"))
    assert refused(path).message == (
        f"{path} is damaged or cut short and cannot be read whole (two of its parts have one name)."
    )


def test_a_text_that_the_workbook_does_not_have(tmp_path: Path) -> None:
    """A cell that refers to a text that is not there makes the file damaged."""
    sheet = worksheet('<row r="1"><c r="A1" t="s"><v>7</v></c></row>')
    assert refused(raw_xlsx(tmp_path / "laskut.xlsx", sheet)).code == "file-damaged"


# -- bombs -----------------------------------------------------------------------------------------


def test_an_archive_made_to_fill_the_machine(tmp_path: Path) -> None:
    """A small archive that unpacks to far more than any real workbook would is refused."""
    path = raw_xlsx(tmp_path / "laskut.xlsx", SHEET.encode() + b" " * (120 * 1024**2))
    found = refused(path)
    assert found.message == (
        f"{path} has {size_text(path.stat().st_size)}, but unpacks to more than 104.9 MB."
    )
    assert found.remedy == "If it is a real export, split it into parts; otherwise do not trust the file."


def test_an_archive_that_lies_about_its_size(tmp_path: Path) -> None:
    """The sizes that an archive declares are not believed."""
    path = raw_xlsx(tmp_path / "laskut.xlsx", SHEET.encode() + b" " * (120 * 1024**2))
    with zipfile.ZipFile(path) as bomb:
        size = bomb.getinfo("xl/worksheets/sheet1.xml").file_size
    content = path.read_bytes()
    assert content.count(struct.pack("<L", size)) == 2
    path.write_bytes(content.replace(struct.pack("<L", size), struct.pack("<L", len(SHEET))))
    assert refused(path).code == "file-unpacks-too-big"


def test_many_parts_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for all parts together."""
    monkeypatch.setattr(files, "MAX_UNPACKED", 10_000)
    path = raw_xlsx(tmp_path / "laskut.xlsx", SHEET)
    assert len(open_tables(path)) == 1
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as more:
        for number in range(4):
            more.writestr(f"xl/media/{number}", b"x" * 3000)
    assert refused(path).code == "file-unpacks-too-big"


@pytest.mark.parametrize(
    ("cells", "corner"),
    [
        (
            '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
            "XFD1048576",
        ),
        (
            "<row r='1'><c r='A1'><v>1</v></c></row><row r='1048576'><c r='ZZ1048576'><v>1</v></c></row>",
            "ZZ1048576",
        ),
        (
            '<row r="1"><c r="CV1"><v>1</v></c></row><row r="99999999"><c r="A99999999"><v>1</v></c></row>',
            "CV99999999",
        ),
    ],
)
def test_a_stray_cell_in_a_far_corner(tmp_path: Path, cells: str, corner: str) -> None:
    """A sheet whose rectangle of cells would fill the machine is refused; its corner is named."""
    path = raw_xlsx(tmp_path / "laskut.xlsx", worksheet(cells))
    assert (
        refused(path).message == f"A sheet of {path} reaches to cell {corner}, which is too large to be read."
    )


def test_far_cells_without_a_value_do_no_harm(tmp_path: Path) -> None:
    """Cells that are only formatted do not make a sheet large."""
    first = '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1" s="0"/></row>'
    last = '<row r="1048576"><c r="XFD1048576" s="0"/></row>'
    [table] = open_tables(raw_xlsx(tmp_path / "laskut.xlsx", worksheet(first + last)))
    assert texts(table) == [["1"]]


def test_a_spreadsheet_that_repeats_without_end(tmp_path: Path) -> None:
    """A few bytes of OpenDocument can repeat a cell as often as they like."""
    cell = (
        '<table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="1"/>'
    )
    row = f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row>'
    path = raw_ods(tmp_path / "laskut.ods", f'<table:table table:name="A">{row}</table:table>')
    assert refused(path).code == "sheet-too-big"


# -- sheets ----------------------------------------------------------------------------------------


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A workbook with a cover, a hidden sheet, an empty one and the invoices."""
    path = tmp_path / "laskut.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Kansi").write(0, 0, "Myyntilaskut")
        hidden = book.add_worksheet("Apu")
        hidden.write(0, 0, "apu")
        hidden.hide()
        book.add_worksheet("Tyhjä")
        book.add_worksheet("Laskut").write(0, 0, "billnum")
    return path


def test_every_visible_sheet_that_holds_anything_is_a_table(several: Path) -> None:
    """Hidden and empty sheets are left out; the hidden ones are named in the facts."""
    tables = open_tables(several)
    assert [table.sheet for table in tables] == ["Kansi", "Laskut"]
    assert all(table.facts["hidden sheets"] == "Apu" for table in tables)
    assert all(table.file == str(several) for table in tables)


@pytest.mark.parametrize("name", ["Laskut", "laskut", " LASKUT "])
def test_a_sheet_can_be_named(several: Path, name: str) -> None:
    """Excel does not tell sheet names apart by case either."""
    assert [table.sheet for table in open_tables(several, sheet=name)] == ["Laskut"]


def test_a_hidden_sheet_can_be_named(several: Path) -> None:
    """Who names a hidden sheet means it."""
    [table] = open_tables(several, sheet="Apu")
    assert texts(table) == [["apu"]]


def test_a_sheet_that_the_workbook_does_not_have(several: Path) -> None:
    """The sheets that it has are listed."""
    found = refused(several, sheet="Lasku")
    assert found.message == f"{several} has no sheet named Lasku."
    assert found.remedy == "Name one of its sheets: Kansi, Apu, Tyhjä, Laskut."


def test_a_named_sheet_that_is_empty(several: Path) -> None:
    """A sheet that was asked for and holds nothing is an error."""
    found = refused(several, sheet="Tyhjä")
    assert found.message == f"The sheet Tyhjä of {several} holds nothing."
    assert found.remedy == "Name another sheet. Sheets: Kansi, Apu, Tyhjä, Laskut."


def test_a_workbook_that_holds_nothing(tmp_path: Path) -> None:
    """A workbook without anything in a visible sheet is a failed export."""
    path = tmp_path / "laskut.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Laskut").write_blank(3, 3, None, book.add_format({"bold": True}))
        hidden = book.add_worksheet("Apu")
        hidden.write(0, 0, "apu")
        hidden.hide()
    found = refused(path)
    assert found.message == f"{path} has no visible sheet that holds anything."
    assert found.remedy == (
        "Check that it is the right file; to read a hidden sheet, name it. Sheets: Laskut, Apu."
    )


def test_a_sheet_of_a_text_file_is_not_looked_for(tmp_path: Path) -> None:
    """One profile serves a workbook and a CSV: a text file has no sheets and ignores the name."""
    path = tmp_path / "laskut.csv"
    path.write_text("billnum;amount\n1001;35,50\n")
    [table] = open_tables(path, sheet="Laskut", encoding="utf-8", delimiter=";")
    assert table.sheet is None
    assert table.head[1] == ["1001", "35,50"]
