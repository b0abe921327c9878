"""Folders, archives and files of records as a user gives them: run, reported, corrected."""

from __future__ import annotations

import zipfile

import openpyxl
from flow_desk import Desk, outcomes, row, told

RECORDS = """
[[records]]
mark = "A"
fields = 7
[records.columns]
2 = "custnum"
3 = "company"
4 = "govid"
5 = "address"
6 = "postcode"
7 = "city"
[[records]]
mark = "L"
columns = {2 = "billnum", 3 = "billdate", 4 = "paydate"}
[[records]]
mark = "R"
fields = 5
columns = {2 = "payrow.desc", 3 = "payrow.count", 4 = "payrow.amount", 5 = "payrow.taxpr"}
"""


def packed(desk: Desk, name: str, *files: str) -> None:
    """Move files into an archive."""
    with zipfile.ZipFile(desk.folder / name, "w") as archive:
        for each in files:
            archive.write(desk.folder / each, each)
            (desk.folder / each).unlink()


def test_a_folder_with_an_archive(desk: Desk) -> None:
    """All files go in one run; findings, report and corrections name the file in the archive."""
    (desk.folder / "vienti").mkdir()
    desk.write("vienti/2.csv", row(Laskunumero="1002"), encoding="cp1252")
    desk.write("3.csv", row(Laskunumero="1003", Eräpäivä="heti"))
    desk.write("vienti/kuitti.pdf", "x")
    packed(desk, "vienti/10.zip", "3.csv")
    done, report = desk.run("vienti/")
    assert done.code == 1
    assert outcomes(report) == {"1002": "accepted", "1003": "invalid"}
    assert told(report) == [("date-form", "C2", "1003")]
    assert told(report, "warning") == [("files-left-out", None, None)]
    assert [each["file"] for each in report["findings"]] == ["vienti/10.zip/3.csv", "vienti"]
    paths = {each["file"]: each["path"] for each in report["inputs"]}
    assert paths == {
        "vienti/2.csv": str(desk.folder / "vienti/2.csv"),
        "vienti/10.zip/3.csv": str(desk.folder / "vienti/10.zip"),
    }
    book = openpyxl.load_workbook(desk.folder / "out/corrections.xlsx")
    assert book.sheetnames[0] == "3"
    assert book["3"]["P2"].value == "vienti/10.zip/3.csv, 2"
    with zipfile.ZipFile(desk.folder / "out/report.xlsx") as report_book:
        links = b"".join(report_book.read(name) for name in report_book.namelist() if ".rels" in name)
    assert b"vienti/10.zip" in links
    assert b"ropo-pipeline-" not in desk.everything_written()


def test_a_workbook_in_an_archive_is_corrected_with_its_formats(desk: Desk) -> None:
    """Its cells come back as they were, though the archive was unpacked for the run only."""
    book = openpyxl.Workbook()
    desk.write("a.csv", row())
    header, cells = ((desk.folder / "a.csv").read_text(encoding="utf-8").splitlines()[at] for at in (0, 1))
    book.active.append(header.split(";"))
    book.active.append(cells.split(";"))
    book.active["J2"], book.active["C2"] = 2.5, "heti"
    book.active["J2"].number_format = "0.000"
    book.save(desk.folder / "laskut.xlsx")
    packed(desk, "vienti.zip", "laskut.xlsx")
    desk.run("vienti.zip")
    sheet = openpyxl.load_workbook(desk.folder / "out/corrections.xlsx").worksheets[0]
    assert (sheet["J2"].value, sheet["J2"].number_format, sheet["C2"].value) == (2.5, "0.000", "heti")


def test_one_invoice_in_two_files_of_a_folder(desk: Desk) -> None:
    """An export that overlaps with another must not double its invoices."""
    (desk.folder / "vienti").mkdir()
    desk.write("vienti/1.csv", row())
    desk.write("vienti/2.csv", row(), row(Laskunumero="1002"))
    _, report = desk.run("vienti")
    assert outcomes(report) == {"1001": "invalid", "1002": "accepted"}
    assert {code for code, _, _ in told(report)} == {"invoice-in-two-tables"}


def test_columns_of_an_archive(desk: Desk) -> None:
    """`columns` shows the files in it."""
    desk.write("laskut.csv", row())
    packed(desk, "vienti.zip", "laskut.csv")
    done = desk.here("columns", "vienti.zip")
    assert done.code == 0
    assert "vienti.zip/laskut.csv: header in row 1" in done.out + done.err


def test_an_archive_that_is_empty(desk: Desk) -> None:
    """One line, exit code 2, nothing recorded."""
    packed(desk, "vienti.zip")
    done = desk.here("run", "vienti.zip")
    assert (done.code, done.one_line) == (
        2,
        (
            "The archive vienti.zip holds no file that can be read. Check that it is the right archive. Read "
            "are .csv, .tsv, .txt, .xlsx, .xlsm, .xls, .ods, .zip, but no archive within it; "
            "hidden files, and reports and corrections of this program are left out. (archive-empty)"
        ),
    )
    assert desk.ledger("select * from run") == []


def test_records_corrected_and_run_again(desk: Desk) -> None:
    """The corrections hold the invoice with its customer, and its rows; corrected, they are the invoice."""
    desk.write("p.toml", RECORDS, header=None)
    lines = [
        *("A;C1;Acme Oy;2262509-5;Katu 1;;HELSINKI", "L;1001;1.10.2026;15.10.2026", "R;Työ;2;50,00;25,5"),
        *("A;C2;Toinen Oy;0112038-9;Kuja 2;00100;HELSINKI", "L;1002;1.10.2026;15.10.2026"),
        *("R;Työ;1;50,00;25,5", "R;Matka;kaksi;10,00;25,5"),
    ]
    desk.write("laskut.csv", *lines, header=None)
    done, report = desk.run("laskut.csv", "--profile", "p.toml")
    assert done.code == 1
    assert sorted(told(report)) == [("field-missing", "F1", "1001"), ("number-form", "C7", "1002")]
    path = desk.folder / "out/corrections.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    rows = [list(cells) for cells in sheet.iter_rows(values_only=True)]
    at = rows[0].index
    assert [each[at("Ropo: original row")] for each in rows[1:]] == [
        f"laskut.csv, row {number}" for number in (2, 3, 5, 6, 7)
    ]
    assert rows[1][: at("billnum") + 1] == ["C1", "Acme Oy", "2262509-5", "Katu 1", None, "HELSINKI", "1001"]
    assert rows[2][: at("billnum") + 1] == [*[None] * 6, "1001"]
    assert sheet.cell(2, at("postcode") + 1).comment is not None
    assert sheet.cell(6, at("payrow.count") + 1).comment is not None
    sheet.cell(2, at("postcode") + 1).value = "00100"
    sheet.cell(6, at("payrow.count") + 1).value = "2"
    book.save(desk.folder / "korjattu.xlsx")
    again, _ = desk.run("korjattu.xlsx", "--profile", "p.toml")
    assert again.code == 0
    fixed = [line.replace(";;", ";00100;").replace("kaksi", "2") for line in lines]
    desk.write("laskut.csv", *fixed, header=None)
    _, report = desk.run("laskut.csv", "--profile", "p.toml")
    assert outcomes(report) == {"1001": "already-accepted", "1002": "already-accepted"}


def test_records_that_are_refused(desk: Desk) -> None:
    """One line, exit code 2, and nothing is sent."""
    desk.write("p.toml", RECORDS, header=None)
    desk.write("laskut.csv", "L;1001;1.10.2026;15.10.2026", "R;Työ;2;50,00;25,5", header=None)
    done = desk.here("run", "laskut.csv", "--profile", "p.toml")
    assert (done.code, done.one_line) == (
        2,
        (
            "laskut.csv: The record of the kind “L” in row 1 comes before any of the kind “A” that it "
            "could belong to. Look at the rows above it: a record is missing, or of another kind than it "
            "should be. Export the file again. (record-without-parent)"
        ),
    )
    assert desk.accepted() == []
