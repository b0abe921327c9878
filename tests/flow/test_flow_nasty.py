"""What an accountant's export may hold: each is right, or refused with a finding that says what to do."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest
from flow_desk import GOOD, HEADER, Desk, outcomes, row, told

CELLS = GOOD.split(";")


def sent(desk: Desk) -> dict[str | None, Any]:
    """The accepted datasets by bill number."""
    return {each.get("billnum"): each for each in desk.accepted()}


def workbook(desk: Desk, *rows: Sequence[Any], title: str = "Laskut", merged: Sequence[str] = ()) -> str:
    """A workbook of those rows."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for cells in rows:
        sheet.append(list(cells))
    for cells in merged:
        sheet.merge_cells(cells)
    book.save(desk.folder / "invoices.xlsx")
    return "invoices.xlsx"


# -- rows that are in no invoice, or in the wrong one ------------------------------------------------


def test_a_row_below_without_its_number_holds_the_invoice_back(desk: Desk) -> None:
    """Fields on an invoice's first row only: without the rows below the sum would be wrong."""
    desk.write("a.csv", row(), ";;;;;;;;Lisätyö;1;10,00;25,5", row(Laskunumero="1002"))
    done, report = desk.run("a.csv")
    assert done.code == 1
    assert told(report) == [("row-below-unnamed", "A2", "1001"), ("row-without-invoice", "row 3", None)]
    assert [*sent(desk)] == ["1002"]


def test_a_row_below_with_the_customer_only_holds_it_back_too(desk: Desk) -> None:
    """The customer on every row, number and dates on the first."""
    desk.write("a.csv", row(), ";;;Acme Oy;2262509-5;;;;Lisätyö;1;10,00;25,5", row(Laskunumero="1002"))
    _, report = desk.run("a.csv")
    assert ("row-below-unnamed", "A2", "1001") in told(report)
    assert [*sent(desk)] == ["1002"]


def test_merged_cells_hold_it_back_too(desk: Desk) -> None:
    """A merged cell's value lies in its first row."""
    rows = (HEADER.split(";"), CELLS, [None] * 8 + ["Lisätyö", 1, "10,00", "25,5"])
    name = workbook(desk, *rows, merged=[f"{letter}2:{letter}3" for letter in "ABCDEFGH"])
    _, report = desk.run(name)
    assert ("row-below-unnamed", "A2", "1001") in told(report)
    assert "merged-cells" in {each["code"] for each in report["findings"]}
    assert desk.accepted() == []


def test_a_number_on_every_row_is_enough(desk: Desk) -> None:
    """With its number on each row, an invoice's other fields may stand on the first only."""
    desk.write("a.csv", row(), "1001;;;;;;;;Lisätyö;1;10,00;25,5")
    done, _ = desk.run("a.csv")
    assert done.code == 0
    assert [each["desc"] for each in sent(desk)["1001"]["payrow"]] == ["Työ", "Lisätyö"]


def test_a_row_with_only_a_comment(desk: Desk) -> None:
    """It is told, and the invoices beside it go."""
    comment = ";;;;;;;;;;;;tarkista"
    desk.write("a.csv", f"{row()};", comment, f"{row(Laskunumero='1002')};", header=f"{HEADER};Kommentti")
    done, report = desk.run("a.csv")
    assert done.code == 1
    assert told(report) == [("row-without-invoice", "row 3", None)]
    assert [*sent(desk)] == ["1001", "1002"]


def test_many_rows_without_a_number_are_told_in_part(desk: Desk) -> None:
    """A finding for each of a million rows would help nobody; all are counted."""
    rows = [row() if number % 2 == 0 else ";;;;;;;;Lisätyö;1;10,00;25,5" for number in range(3000)]
    desk.write("a.csv", *rows)
    _, report = desk.run("a.csv")
    assert len(report["findings"]) == 1001
    assert report["totals"]["rows_aside"] == {"header": 1, "no-invoice": 1500}
    assert report["control"]["agree"] is True


def test_total_rows_are_set_aside(desk: Desk) -> None:
    """Whichever column the word stands in; a word of another kind is no total."""
    desk.write(
        "a.csv", row(), "Yhteensä;;;;;;;;;2;100,00;", ";;;;;;;;Summa;2;100,00;", row(Laskunumero="Summa Oy 1")
    )
    done, report = desk.run("a.csv")
    assert done.code == 0
    assert report["totals"]["rows_aside"] == {"header": 1, "total": 2}
    assert [*sent(desk)] == ["1001", "Summa Oy 1"]


# -- several files -----------------------------------------------------------------------------------


def test_an_invoice_in_two_files_is_held_back(desk: Desk) -> None:
    """Exported twice, its sum would be double; the other invoices of both files go."""
    desk.write("a.csv", row(), row(Laskunumero="1002"))
    desk.write("b.csv", row(Laskunumero="1002"), row(Laskunumero="1003"))
    done, report = desk.run("a.csv", "b.csv")
    assert done.code == 1
    (found,) = report["findings"]
    assert (found["code"], found["file"], found["cell"]) == ("invoice-in-two-tables", "b.csv", "A2")
    assert "here and in a.csv, row 3" in found["message"]
    assert [*sent(desk)] == ["1001", "1003"]


def test_a_profile_lets_an_invoice_lie_in_two_files(desk: Desk) -> None:
    """Declared, its rows meet."""
    desk.write("a.csv", row())
    desk.write("b.csv", row(Tuote="Lisätyö"))
    (desk.folder / "profile.toml").write_text("[reading]\nseveral_tables = true")
    done, _ = desk.run("a.csv", "b.csv", "--profile", "profile.toml")
    assert done.code == 0
    assert [each["desc"] for each in sent(desk)["1001"]["payrow"]] == ["Työ", "Lisätyö"]


def test_one_file_proves_nothing_of_anothers_numbers(desk: Desk) -> None:
    """`1,234` is settled by the file that it stands in, or not at all."""
    desk.write("finnish.csv", row(Veroton_hinta="12,50"))
    english = row(Laskunumero="1002", Veroton_hinta="1,234", ALV_pr="10")
    desk.write("english.csv", english)
    done, report = desk.run("finnish.csv", "english.csv")
    assert done.code == 1
    assert told(report) == [("number-ambiguous", "K2", "1002")]
    desk.write("english.csv", english, row(Laskunumero="1003", Veroton_hinta="7.50", ALV_pr="10"))
    done, _ = desk.run("finnish.csv", "english.csv")
    assert done.code == 0
    assert sent(desk)["1002"]["payrow"][0]["amount"] == "1234.00"


# -- numbers, dates, codes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "outcome"),
    [
        (1001.0, {"1001": "accepted"}),
        ("001001", {"001001": "accepted"}),
        (" 1001 ", {"1001": "accepted"}),
        ("\u20671001\u2069", {"1001": "accepted"}),
        ("10\u00ad01", {"1001": "accepted"}),
        ("=1+1", {"=1+1": "accepted"}),
        (1001.5, {None: "invalid"}),
        ("1001.0", {None: "invalid"}),
        ("1,23457E+14", {None: "invalid"}),
        (123456789012345678, {"123456789012346000": "invalid"}),
        ("131052-308T", {None: "invalid"}),
    ],
)
def test_a_bill_number_is_what_it_was_or_nothing(
    desk: Desk, cell: object, outcome: dict[str | None, str]
) -> None:
    """A number cell gives its digits; what has lost some on the way is no bill number."""
    name = workbook(desk, HEADER.split(";"), [None, *CELLS[1:]])
    book = openpyxl.load_workbook(desk.folder / name)
    target = book["Laskut"]["A2"]
    target.value = cell
    if isinstance(cell, str):
        target.data_type = "s"
    book.save(desk.folder / name)
    _, report = desk.run(name)
    assert outcomes(report) == outcome


def test_dates_of_every_kind_in_one_column(desk: Desk) -> None:
    """Date cells, day numbers and texts mean one day; what could be two days is a finding."""
    same = [
        46296,
        "46296",
        "2026-10-01",
        dt.date(2026, 10, 1),
        "1.10.2026",
        "01.10.2026",
        "2026-10-01 12:00",
    ]
    wrong = ["1/10/2026", "1.10.26", "31.9.2026", "1. lokakuuta", 46296.5]
    cells = [[str(1001 + at), date, "2027-01-01", *CELLS[3:]] for at, date in enumerate([*same, *wrong])]
    _, report = desk.run(workbook(desk, HEADER.split(";"), *cells))
    assert {each["billdate"] for each in desk.accepted()} == {"2026-10-01"}
    assert len(desk.accepted()) == len(same)
    codes = ["date-ambiguous", "date-form", "date-impossible", "date-form", "date-form"]
    assert [code for code, _, _ in told(report)] == codes


@pytest.mark.parametrize(
    ("price", "code"),
    [
        ("99999999999999999999,99", "number-too-large"),
        ("NaN", "number-form"),
        ("Infinity", "number-form"),
        ("1e3", "number-form"),
        ("١٢", "number-form"),
        ("1.234", "number-ambiguous"),
        ("12,34,56", "number-form"),
        ("", "field-missing"),
    ],
)
def test_a_price_that_is_none(desk: Desk, price: str, code: str) -> None:
    """What is not surely a number of money is never sent."""
    desk.write("a.csv", row(Veroton_hinta=price, Määrä="1", ALV_pr="24"))
    done, report = desk.run("a.csv")
    assert done.code == 1
    assert told(report) == [(code, "K2", "1001")]
    assert report["control"]["agree"] is True


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ("1 234,50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("\u221212,00", "-12.00"),
        ("12,00-", "-12.00"),
        ("(5,00)", "-5.00"),
        ("0,0125", "0.0125"),
        ("7,5 €", "7.50"),
        ("0", "0.00"),
    ],
)
def test_a_price_that_is_one(desk: Desk, price: str, amount: str) -> None:
    """However the country writes it, it is one decimal text."""
    desk.write("a.csv", row(Veroton_hinta=price))
    desk.run("a.csv")
    assert sent(desk)["1001"]["payrow"][0]["amount"] == amount


def test_negative_rows_beside_others(desk: Desk) -> None:
    """A returned item lowers the invoice's sum."""
    desk.write("a.csv", row(), row(Tuote="Palautus", Määrä="-1"))
    done, report = desk.run("a.csv")
    assert done.code == 0
    assert report["totals"]["net"] == "50.00"


# -- texts -------------------------------------------------------------------------------------------


def test_signs_that_turn_the_writing_direction_are_taken_out(desk: Desk) -> None:
    """Emoji stay, with their joiners; marks that nobody sees go, and that is told."""
    desk.write("a.csv", row(Nimi="\u202eAcme\u202c 👩\u200d🔧 Oy", Tuote="Työ 🧹"))
    _, report = desk.run("a.csv")
    assert sent(desk)["1001"]["company"] == "Acme 👩\u200d🔧 Oy"
    assert told(report, "repair") == [("control-characters", "D2", "1001")]


def test_a_text_longer_than_the_service_takes(desk: Desk) -> None:
    """The finding says how long it is and may be, and does not show all of it."""
    desk.write("a.csv", row(Tuote="x" * 100_000), row(Laskunumero="1002"))
    done, report = desk.run("a.csv")
    (found,) = report["findings"]
    assert (found["code"], found["cell"]) == ("value-form", "I2")
    assert "It has 100,000 characters; at most 4,000 are taken." in found["message"]
    assert len(found["value"]) < 1000
    assert len(done.out) < 5000
    assert [*sent(desk)] == ["1002"]


def test_cells_that_look_like_formulas_stay_texts(desk: Desk) -> None:
    """They are sent as they stand, and no workbook that is written holds a formula."""
    desk.write("a.csv", row(Nimi="=HYPERLINK(1)", Tuote="@SUM(A1)"), row(Laskunumero="+1002", Määrä="=1+1"))
    desk.run("a.csv")
    assert sent(desk)["1001"]["company"] == "=HYPERLINK(1)"
    for path in (desk.folder / "out").glob("*.xlsx"):
        with zipfile.ZipFile(path) as archive:
            sheets = [
                archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/sheet")
            ]
        assert sheets
        assert not any(b"<f>" in sheet or b"<f " in sheet for sheet in sheets)


def test_markup_and_escapes_in_a_name(desk: Desk) -> None:
    """Terminal and report show them, and obey none."""
    desk.write("a.csv", row(Nimi="<script>alert(1)</script> [red]\x1b[31m", Määrä="abc"))
    done, report = desk.run("a.csv")
    assert "\x1b" not in done.out
    assert "control-characters" in {each["code"] for each in report["findings"]}
    page = desk.folder / "out" / "report.html"
    assert not page.exists() or "<script>alert" not in page.read_text()


# -- how the table lies ------------------------------------------------------------------------------


def test_columns_in_another_order_with_empty_ones_between(desk: Desk) -> None:
    """Columns are known by their headers alone."""

    def turned(line: str) -> str:
        cells = line.split(";")[::-1]
        return ";".join([*cells[:5], "", "", *cells[5:]])

    desk.write("a.csv", turned(row()), header=turned(HEADER))
    done, _ = desk.run("a.csv")
    assert done.code == 0
    turned_around = desk.accepted()
    desk.write("a.csv", row())
    done, report = desk.run("a.csv")
    assert outcomes(report) == {"1001": "already-accepted"}
    assert turned_around == desk.accepted()


def test_a_merged_header_above_the_header(desk: Desk) -> None:
    """A band of merged cells above the header is a title row."""
    band = ["Lasku", None, None, "Asiakas", *[None] * 8]
    done, report = desk.run(workbook(desk, band, HEADER.split(";"), CELLS, merged=["A1:C1", "D1:H1"]))
    assert done.code == 0
    assert report["totals"]["rows_aside"] == {"title": 1, "header": 1}


def test_a_sheet_name_with_quotes(desk: Desk) -> None:
    """Findings name it, and the report links to its cell."""
    name = workbook(desk, HEADER.split(";"), [*CELLS[:9], "abc", *CELLS[10:]], title='O\'Hara "1" & Co')
    _, report = desk.run(name)
    (found,) = report["findings"]
    assert (found["sheet"], found["cell"]) == ('O\'Hara "1" & Co', "J2")
    openpyxl.load_workbook(desk.folder / "out" / "report.xlsx")


def test_ten_thousand_rows_in_one_invoice(desk: Desk) -> None:
    """They stay one invoice, in their order."""
    desk.write("a.csv", *[row(Tuote=f"Rivi {number}") for number in range(10_000)])
    done, report = desk.run("a.csv")
    assert done.code == 0
    assert report["totals"]["total"] == "1255000.00"
    assert [each["desc"] for each in sent(desk)["1001"]["payrow"]] == [
        f"Rivi {number}" for number in range(10_000)
    ]


def test_the_header_repeated_in_the_middle(desk: Desk) -> None:
    """Joined exports and printed pages do it."""
    desk.write("a.csv", row(), HEADER, row(Laskunumero="1002"))
    done, report = desk.run("a.csv")
    assert done.code == 0
    assert report["totals"]["rows_aside"] == {"header": 2}
