"""The corrections workbook: what did not go, in the user's own columns, repaired there and run again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flow_desk import HEADER, SAMPLES, Desk, outcomes, row, told
from openpyxl.worksheet.worksheet import Worksheet

RED, YELLOW = "FFFFC7CE", "FFFFF2CC"
STATUS = ["Ropo: outcome", "Ropo: what is wrong", "Ropo: what to do", "Ropo: original row"]
CUT = row().rpartition(";")[0].rpartition(";")[0]
"""A row that was cut short."""

OTHER = {"Laskunumero": "1002", "Nimi": "Toinen Oy", "Y-tunnus": "0112038-9"}

# What repairs each of the sample's mistakes, by the invoice's number: column and what to type there.
REPAIRS: dict[str, tuple[str, Any]] = {
    "262002": ("L", "70100"),
    "262004": ("D", "4.11.2026"),
    "262005": ("V", 12.5),
    "262007": ("D", "30.11.2026"),
    "262008": ("W", 0.255),
    "262009": ("V", 10),
    "262011": ("V", 10),
    "262013": ("F", "2620138"),
    "262014": ("V", "1234,00"),
    "262015": ("H", "Tuulia Mallikas"),
    "262016": ("Y", 142.76),
    "262020": ("I", "Yritys"),
}


def first_sheet(path: Path) -> Worksheet:
    """The first sheet of a workbook."""
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert isinstance(sheet, Worksheet)
    return sheet


def texts(sheet: Worksheet, number: int) -> list[Any]:
    """The values of a row, without the empty columns before the table."""
    return [cell.value for cell in sheet[number] if cell.value is not None]


def marks(sheet: Worksheet) -> dict[str, str]:
    """By cell the colour of every marked one below the header."""
    return {
        cell.coordinate: cell.fill.fgColor.rgb
        for cells in sheet.iter_rows(min_row=2)
        for cell in cells
        if cell.fill.fill_type == "solid"
    }


def number_of(sheet: Worksheet, billnum: str, header: str = "Laskunumero") -> list[int]:
    """The rows of an invoice."""
    column = next(cell.column for cell in sheet[1] if cell.value == header)
    return [n for n in range(2, sheet.max_row + 1) if str(sheet.cell(n, column).value) == billnum]


def test_it_holds_only_what_did_not_go_in_the_users_own_columns(desk: Desk) -> None:
    """The header stands first, then the rows of invoices that did not go; columns keep their letters."""
    desk.run(SAMPLES / "mistakes.xlsx")
    theirs = openpyxl.load_workbook(SAMPLES / "mistakes.xlsx", data_only=True).worksheets[0]
    sheet = first_sheet(desk.folder / "out" / "corrections.xlsx")
    assert texts(sheet, 1) == [cell.value for cell in theirs[5] if cell.value is not None] + STATUS
    ended = outcomes(desk.report())
    invalid = {number for number, outcome in ended.items() if outcome == "invalid"}
    assert {str(cell.value) for cell in sheet["B"][1:]} == invalid
    assert "262001" not in invalid
    # One cell of each kind, its value and its format as the export has them.
    for column in "BCHLVWY":
        ours, original = sheet[f"{column}3"], theirs[f"{column}10"]
        assert (ours.value, ours.number_format) == (original.value, original.number_format)


def test_wrong_cells_are_marked_and_say_why(desk: Desk) -> None:
    """Every finding colours its cell, red for an error, and a comment gives reason and remedy."""
    desk.run(SAMPLES / "mistakes.xlsx")
    sheet = first_sheet(desk.folder / "out" / "corrections.xlsx")
    coloured = marks(sheet)
    for billnum, (column, _) in REPAIRS.items():
        cells = {f"{column}{number}" for number in number_of(sheet, billnum)} & coloured.keys()
        assert [coloured[cell] for cell in cells] == [RED], billnum
    due = sheet["D3"]
    assert due.comment is not None
    assert due.comment.text == (
        "The due date 2026-09-04 is before the invoice date 2026-10-05. Correct one of the two dates."
    )
    assert [cell.value for cell in sheet[3][26:30]] == [
        "invalid",
        "The due date 2026-09-04 is before the invoice date 2026-10-05.",
        "Correct one of the two dates.",
        f"{SAMPLES / 'mistakes.xlsx'}, Myyntilaskut, 10",
    ]


def repair(path: Path) -> None:
    """Type the right values over the marked cells of the sample's corrections."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    assert isinstance(sheet, Worksheet)
    coloured = marks(sheet)
    for billnum, (column, value) in REPAIRS.items():
        for number in number_of(sheet, billnum):
            if f"{column}{number}" in coloured:
                sheet[f"{column}{number}"].value = value
            if billnum == "262013":  # as the remedy says
                sheet[f"{column}{number}"].number_format = "@"
            if billnum in {"262005", "262009", "262011", "262014"}:
                sheet[f"Y{number}"].value = None  # the sum of the row was computed from another price
    book.save(path)


def test_repaired_there_and_run_again_all_is_accepted_and_nothing_twice(desk: Desk) -> None:
    """After the round trip the service has each of the 20 invoices exactly once."""
    desk.run(SAMPLES / "mistakes.xlsx")
    repair(desk.folder / "out" / "corrections.xlsx")
    done, report = desk.run("out/corrections.xlsx")
    assert (done.code, told(report)) == (0, [])
    assert set(outcomes(report).values()) == {"accepted"}
    sent = [each["billnum"] for each in desk.accepted()]
    assert sorted(sent) == [str(number) for number in range(262001, 262021)]
    postcodes = {each["billnum"]: each["postcode"] for each in desk.accepted()}
    assert postcodes["262002"] == "70100"
    # Run a third time, whole or in part: nothing goes again.
    for file in ("out/corrections.xlsx", SAMPLES / "mistakes.xlsx"):
        desk.here("run", file, "--out", "third")
    assert len(desk.accepted()) == 20


def test_what_was_not_repaired_names_its_original_place(desk: Desk) -> None:
    """A finding on a corrections workbook names the cell there and the cell in the export."""
    desk.run(SAMPLES / "mistakes.xlsx")
    shutil.copy(desk.folder / "out" / "corrections.xlsx", desk.folder / "mine.xlsx")
    _, report = desk.run("mine.xlsx")
    found = next(each for each in report["findings"] if each["billnum"] == "262004")
    assert (found["file"], found["cell"]) == ("mine.xlsx", "D3")
    assert found["message"] == (
        "The due date 2026-09-04 is before the invoice date 2026-10-05. "
        f"In the original: {SAMPLES / 'mistakes.xlsx'}, Myyntilaskut, D10."
    )
    # And so does the corrections workbook of the corrections workbook.
    again = first_sheet(desk.folder / "out" / "corrections.xlsx")
    assert again["AD3"].value == f"{SAMPLES / 'mistakes.xlsx'}, Myyntilaskut, 10"
    assert texts(again, 1).count("Ropo: original row") == 1


def test_its_own_columns_are_ignored_without_a_word(desk: Desk) -> None:
    """Neither terminal nor report mention the columns that were added, in whatever language they are."""
    desk.here("run", SAMPLES / "mistakes.xlsx", "--out", "out", "--language", "fi")
    assert "Ropo: outcome" not in texts(first_sheet(desk.folder / "out" / "corrections.xlsx"), 1)
    done = desk.here("check", "out/corrections.xlsx", "--out", "again", "--language", "sv")
    assert "Ropo:" not in done.out
    assert desk.report("again")["inputs"][0]["ignored"] == []
    assert desk.report("again")["inputs"][0]["header_row"] == 1


def test_text_keeps_its_zeros(desk: Desk) -> None:
    """Of a CSV file every cell is text, in the columns that are typed into as well."""
    desk.write("laskut.csv", row(Postinumero="00100", Eräpäivä="31.11.2026"))
    desk.run("laskut.csv")
    path = desk.folder / "out" / "corrections.xlsx"
    sheet = first_sheet(path)
    assert texts(sheet, 1) == [*HEADER.split(";"), *STATUS]
    assert (sheet["G2"].value, sheet["G2"].number_format) == ("00100", "@")
    assert sheet.column_dimensions["G"].width > 0
    book = openpyxl.load_workbook(path)
    book.worksheets[0]["C2"].value = "30.11.2026"
    book.save(path)
    done, _ = desk.run("out/corrections.xlsx")
    assert done.code == 0
    assert [each["postcode"] for each in desk.accepted()] == ["00100"]


def test_invoices_of_which_rows_may_be_missing_are_not_in_it(desk: Desk) -> None:
    """A row cut short may touch the invoice below, too: both are to be repaired in the file itself."""
    below = row(Laskunumero="1003")
    desk.write("laskut.csv", row(), CUT, below, row(**OTHER, Eräpäivä="31.11.2026"))
    _, report = desk.run("laskut.csv")
    assert outcomes(report) == {"1001": "invalid", "1003": "invalid", "1002": "invalid"}
    book = openpyxl.load_workbook(desk.folder / "out" / "corrections.xlsx")
    sheet, guide = book.worksheets
    assert isinstance(sheet, Worksheet)
    assert [cell.value for cell in sheet["A"]] == ["Laskunumero", "1002"]
    assert [cell.value for cell in guide["A"]][-3:] == [
        (
            "These invoices are not in this workbook, because rows of them may be missing or damaged in the "
            "file itself. Repair the file and run it again:"
        ),
        "1001 Acme Oy 125.50",
        "1003 Acme Oy 125.50",
    ]


def test_a_number_that_was_doubtful_stays_so(desk: Desk) -> None:
    """With fewer rows around it, a doubtful number must not become clear by accident."""
    desk.write(
        "laskut.csv",
        row(Veroton_hinta="1,50"),
        row(Laskunumero="1002", Veroton_hinta="1.50"),
        row(Laskunumero="1003", Veroton_hinta="1.234"),
        row(Laskunumero="1004", Veroton_hinta="2.50", Eräpäivä="31.11.2026"),
    )
    desk.run("laskut.csv")
    sheet = first_sheet(desk.folder / "out" / "corrections.xlsx")
    assert [cell.value for cell in sheet["K"]] == ["Veroton hinta", "1.234 ?", "2.50"]
    _, report = desk.run("out/corrections.xlsx")
    assert told(report)[0] == ("number-form", "K2", "1003")


@pytest.mark.parametrize("text", ["=1+1", "+358401234567", "-5", "@SUM(A1)", "\tx"])
def test_no_text_becomes_a_formula(desk: Desk, text: str) -> None:
    """What begins like a formula is text in the workbook too."""
    desk.write("laskut.csv", row(Nimi=text, Eräpäivä="31.11.2026"))
    desk.run("laskut.csv")
    cell = first_sheet(desk.folder / "out" / "corrections.xlsx")["D2"]
    assert (cell.data_type, cell.value) == ("s", text.replace("\t", " "))


def test_sheets_of_several_files_stay_apart(desk: Desk) -> None:
    """Two exports make two sheets, and both are read when the workbook is run, with no profile."""
    desk.write("laskut.csv", row(Eräpäivä="31.11.2026"))
    (desk.folder / "b").mkdir()
    shutil.copy(desk.folder / "laskut.csv", desk.folder / "b" / "laskut.csv")
    text = (desk.folder / "b" / "laskut.csv").read_text(encoding="utf-8").replace("1001", "1002")
    (desk.folder / "b" / "laskut.csv").write_text(text, encoding="utf-8")
    desk.run("laskut.csv", "b/laskut.csv")
    assert openpyxl.load_workbook(desk.folder / "out" / "corrections.xlsx").sheetnames == [
        "laskut",
        "laskut 2",
        "Read me",
    ]
    _, report = desk.run("out/corrections.xlsx")
    assert outcomes(report) == {"1001": "invalid", "1002": "invalid"}


def test_a_profile_for_the_export_fits_its_corrections(desk: Desk) -> None:
    """The sheet and the header row that a profile names are the export's, not the workbook's."""
    (desk.folder / "p.toml").write_text(
        '[reading]\nsheet = "Myyntilaskut"\nheader_row = 5\n', encoding="utf-8"
    )
    desk.run(SAMPLES / "mistakes.xlsx", "--profile", "p.toml")
    repair(desk.folder / "out" / "corrections.xlsx")
    done, _ = desk.run("out/corrections.xlsx", "--profile", "p.toml")
    assert done.code == 0
    assert len(desk.accepted()) == 20


def test_an_input_is_never_overwritten(desk: Desk) -> None:
    """The corrections of a corrections workbook in the same folder get a name of their own."""
    desk.run(SAMPLES / "mistakes.xlsx")
    path = desk.folder / "out" / "corrections.xlsx"
    before = path.read_bytes()
    done, _ = desk.run("out/corrections.xlsx")
    assert path.read_bytes() == before
    (other,) = (desk.folder / "out").glob("corrections-*.xlsx")
    assert f"out/{other.name}" in done.out


def test_nothing_to_correct_makes_no_workbook(desk: Desk) -> None:
    """When all went, no workbook is written, and that of an earlier night does not stay behind."""
    desk.write("laskut.csv", row(Eräpäivä="31.11.2026"))
    desk.run("laskut.csv")
    assert (desk.folder / "out" / "corrections.xlsx").exists()
    desk.write("laskut.csv", row())
    done, _ = desk.run("laskut.csv")
    assert done.code == 0
    assert not (desk.folder / "out" / "corrections.xlsx").exists()


def test_only_its_owner_can_read_it(desk: Desk) -> None:
    """It holds the user's own cells, personal identity codes too, as the export does."""
    desk.write("laskut.csv", row(**{"Y-tunnus": "131052-308T"}, Eräpäivä="31.11.2026"))
    desk.run("laskut.csv")
    path = desk.folder / "out" / "corrections.xlsx"
    assert first_sheet(path)["E2"].value == "131052-308T"
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_libreoffice_keeps_marks_and_formats(desk: Desk) -> None:
    """Opened and saved by LibreOffice, the workbook has its colours, comments, formats and name."""
    desk.run(SAMPLES / "mistakes.xlsx")
    ours = desk.folder / "out" / "corrections.xlsx"
    subprocess.run(
        ["soffice", "--headless", "--convert-to", "xlsx", "--outdir", "converted", str(ours)],
        cwd=desk.folder,
        env={"HOME": str(desk.home), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        timeout=120,
    )
    path = desk.folder / "converted" / "corrections.xlsx"
    before, after = first_sheet(ours), first_sheet(path)
    assert marks(after) == marks(before)
    for cells in before.iter_rows(min_row=2):
        for cell in cells:
            other = after[cell.coordinate]
            assert (other.comment is None) == (cell.comment is None), cell.coordinate
            if cell.value is not None:
                same = pytest.approx(cell.value) if isinstance(cell.value, float) else cell.value
                assert other.value == same, cell.coordinate
    repair(path)
    done, _ = desk.run("converted/corrections.xlsx")
    assert done.code == 0
    assert len(desk.accepted()) == 20
