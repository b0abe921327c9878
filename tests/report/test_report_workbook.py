"""`report.xlsx`: what an accountant opens."""

from __future__ import annotations

import datetime as dt
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.report import as_workbook, write_report
from pipeline.report.as_workbook import link, money, rows_text
from pipeline.report.mass_rows import Number, text_xml, texts_xml
from pipeline.report.read import RunFacts


@pytest.fixture
def book(ledger: Any, night: str, tmp_path: Path) -> Any:
    """The workbook of the mixed night."""
    return load_workbook(write_report(ledger.engine, night, tmp_path / "out").workbook)


def values(sheet: Worksheet) -> list[tuple[Any, ...]]:
    """All rows of a sheet."""
    return list(sheet.iter_rows(values_only=True))


def test_the_sheets_in_order(book: Any) -> None:
    """The verdict first, then what to do, then everything."""
    assert book.sheetnames == ["Summary", "Needs attention", "All invoices", "Notes"]


def test_the_summary_tells_verdict_sums_and_files(book: Any) -> None:
    """It answers whether all went, and shows that the sums agree and what was understood."""
    rows = [[cell for cell in row if cell is not None] for row in values(book["Summary"])]
    (said,) = rows[1]
    assert said == (
        "2 of 7 invoices are with the service. "
        "Need attention: 1 refused by the service, 1 invalid, 1 in conflict, 1 unknown, 1 not sent."
    )
    for expected in (
        ["accepted", 1, 100, 25.5, 125.5, "sent in this run and accepted by the service"],
        ["all", 7, 700, 178.5, 878.5],
        ["rows", 14, 14, "yes"],
        ["rows in two invoices", 0, 0, "yes"],
        ["invoices", 7, 7, "yes"],
        ["total", 878.5, 878.5, "yes"],
        ["set aside: title rows above the header", 2],
        ["in invoices", 10],
        ["exit code", "3"],
        ["File", "laskut.xlsx", "Tammi 'A'"],
        ["header row", "3"],
        ["encoding", "windows-1252"],
        ["column at A3", "Laskunumero", "billnum"],
        ["column at F3", "Muistio", "ignored; closest: freetext"],
    ):
        assert expected in rows


def test_what_needs_attention_says_what_where_and_what_to_do(book: Any) -> None:
    """One row a finding that is an error, and one for each invoice that did not go for another reason."""
    header, *rows = values(book["Needs attention"])
    assert header == (
        *("Code", "What is wrong", "What to do", "Bill number", "Customer", "File", "Sheet", "Cell"),
        *("Column", "Value", "Outcome"),
    )
    assert rows[0] == (
        *("postcode-form", "This is not a Finnish postcode: 7010", "Write its five digits.", "1010"),
        *("=cmd|'/c calc'!A1", "laskut.xlsx", "Tammi 'A'", "F12", "Postinumero", "7010", "invalid"),
    )
    assert [(row[0], row[3], row[-1]) for row in rows[3:]] == [
        ("conflict", "1007", "in conflict"),
        ("refused-by-service", "1006", "refused by the service"),
        ("outcome-unknown", "1008", "unknown"),
        ("not-sent", "1009", "not sent"),
    ]


def test_warnings_and_repairs_are_notes(book: Any) -> None:
    """They need no action, so they stand apart."""
    assert [(row[0], row[-1]) for row in values(book["Notes"])[1:]] == [
        ("postcode-zeros", "repair"),
        ("column-ignored", "warning"),
    ]


def test_all_invoices_with_sums_as_numbers_and_dates_as_dates(book: Any) -> None:
    """An accountant can add up and filter them."""
    sheet = book["All invoices"]
    rows = values(sheet)
    assert len(rows) == 8
    assert rows[1] == (
        *("1004", "0", "Matin konepaja Oy", dt.datetime(2026, 11, 1), "accepted", 100, 25.5, 125.5),  # noqa: DTZ001 - Excel's dates have no zone
        *("900004", "Tammi 'A' 4-6, lisää.csv 2", "postcode-zeros", None),
    )
    assert [cell.number_format for cell in sheet[2]][3:8] == ["yyyy-mm-dd", "General", "0.00", "0.00", "0.00"]


def test_a_link_leads_to_the_cell(book: Any) -> None:
    """Clicking a cell's name opens the user's own file at that cell; a CSV file just opens."""
    attention = book["Needs attention"]
    assert attention["H2"].hyperlink.target == "File:///data/vienti%20%231/Mäki%20&%20Co/laskut.xlsx"
    assert attention["H2"].hyperlink.location == "'Tammi ''A'''!F12"
    assert attention["H5"].value == "row 9"
    assert attention["H5"].hyperlink.location == "'Tammi ''A'''!A9"
    warning = book["Notes"]["F3"].hyperlink
    assert (warning.target, warning.location) == ("File:///data/lisää.csv", None)


def test_text_that_looks_like_a_formula_stays_text(book: Any) -> None:
    """Nothing that a customer is called is ever computed."""
    for sheet in book:
        for row in sheet.iter_rows():
            assert all(cell.data_type != "f" for cell in row)
    assert book["All invoices"]["C8"].value == "=cmd|'/c calc'!A1"
    assert [book["Needs attention"][cell].value for cell in ("J3", "J4")] == ["-1", "@x"]


def test_tables_can_be_filtered_under_a_header_that_stays(book: Any) -> None:
    """Every table has its filter over all its rows."""
    assert {name: (book[name].auto_filter.ref, book[name].freeze_panes) for name in book.sheetnames[1:]} == {
        "Needs attention": ("A1:K8", "A2"),
        "All invoices": ("A1:L8", "A2"),
        "Notes": ("A1:K3", "A2"),
    }


def test_an_empty_table_says_so(ledger: Any, tmp_path: Path) -> None:
    """Nobody wonders whether the report is broken."""
    run = ledger.run()
    ledger.document(run, 1, "accepted")
    ledger.invoice(run, 4, "accepted", document_id=1)
    made = load_workbook(write_report(ledger.engine, run, tmp_path).workbook)
    assert made["Needs attention"]["A2"].value == "Nothing needs attention."
    assert made["Notes"]["A2"].value == "There are no warnings and no repairs."


NAMES = [
    "=1+1",
    "+358",
    "-1",
    "@x",
    "\tx",
    "\rx",
    "<r>&amp;</r>",
    "_x0041_",
    " both ends ",
    "a\x1b[31mb",
    "Ünïcødé 🧾 & <b>",
    "\ufffe",
    "x" * 40_000,
    "http://example.invalid",
    "007",
]
SHOWN = [
    *NAMES[:4],
    *(" x", " x", "<r>&amp;</r> ", "_x0041_", " both ends ", "a\ufffd[31mb", NAMES[10], "\ufffd"),
    "x" * 16_000 + "…",
    *NAMES[13:],
]


def look(cell: Any) -> tuple[Any, ...]:
    """How a cell is shown."""
    return cell.number_format, cell.alignment.wrap_text, cell.alignment.vertical


def many(ledger: Any) -> str:
    """A run whose customers bear difficult names; its id."""
    run = ledger.run()
    for number, name in enumerate(NAMES, 1):
        ledger.invoice(run, number, "accepted", customer=name, total=f"{number}.10", billdate="2026-02-30")
        ledger.finding(run, number, number, value=name)
    return run


def test_rows_in_mass_read_as_those_that_xlsxwriter_writes(
    ledger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fast path and the obvious one give the same cells and formats; only links differ."""
    run = many(ledger)
    obvious = load_workbook(write_report(ledger.engine, run, tmp_path / "obvious").workbook)
    monkeypatch.setattr(as_workbook, "FIRST_ROWS", 1)
    mass = load_workbook(write_report(ledger.engine, run, tmp_path / "mass").workbook)
    assert [cell.value for cell in obvious["All invoices"]["C"][1:]] == SHOWN
    for sheet in obvious:
        other = mass[sheet.title]
        assert other.dimensions == sheet.dimensions
        assert other.auto_filter.ref == sheet.auto_filter.ref
        for row, same in zip(sheet.iter_rows(), other.iter_rows(), strict=True):
            for cell, twin in zip(row, same, strict=True):
                # openpyxl forgets to unescape texts that stand in their cell, as ours do.
                value = unescape(twin.value) if isinstance(twin.value, str) else twin.value
                assert (value, twin.data_type) == (cell.value, cell.data_type)
                assert cell.hyperlink or look(twin) == look(cell)
    assert mass["Needs attention"]["H2"].hyperlink is not None
    assert mass["Needs attention"]["H3"].hyperlink is None


def test_a_table_goes_on_on_further_sheets(
    ledger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No invoice is left out because a sheet of Excel is full."""
    monkeypatch.setattr(as_workbook, "SHEET_ROWS", 7)
    monkeypatch.setattr(as_workbook, "FIRST_ROWS", 3)
    made = load_workbook(write_report(ledger.engine, many(ledger), tmp_path).workbook)
    assert made.sheetnames[2:] == [
        *(
            "All invoices",
            "Notes",
            "All invoices 2",
            "All invoices 3",
            "Needs attention 2",
            "Needs attention 3",
        )
    ]
    parts = [values(made[name]) for name in ("All invoices", "All invoices 2", "All invoices 3")]
    assert [len(part) for part in parts] == [7, 7, 4]
    assert [row[7] for part in parts for row in part[1:]] == [number + 0.1 for number in range(1, 16)]
    assert {part[0] for part in parts} == {parts[0][0]}
    assert made["All invoices 2"].auto_filter.ref == "A1:L7"


def deflated_quickly(part: bytes) -> int:
    """How long the part is when zlib packs it at its quickest."""
    quickest = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return len(quickest.compress(part) + quickest.flush())


def test_the_archive_is_sound(ledger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every part is there once, unpacks whole, was packed the quick way, and tells nothing of the clock."""
    monkeypatch.setattr(as_workbook, "FIRST_ROWS", 1)
    with ZipFile(write_report(ledger.engine, many(ledger), tmp_path).workbook) as archive:
        assert archive.testzip() is None
        assert len(set(archive.namelist())) == len(archive.namelist())
        packed = {part.filename: part.compress_size for part in archive.infolist()}
        quickly = {name: deflated_quickly(archive.read(name)) for name in packed}
        assert {part.date_time for part in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert packed == quickly


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**16), max_value=10**16, places=2))
def test_a_sum_in_excel_is_exact_to_the_cent_or_a_text(amount: Decimal) -> None:
    """What Excel shows of the float that it makes, 15 digits, is the sum; else it gets a text."""
    cell = money(format(amount, "f"))
    assert Decimal(f"{float(cell.text):.15G}" if isinstance(cell, Number) else str(cell)) == amount


def test_the_file_holds_the_very_digits(ledger: Any, tmp_path: Path) -> None:
    """A sum goes into the workbook as it is, not as the nearest float (8.359999999999999)."""
    run = ledger.run()
    ledger.invoice(run, 4, "accepted", total="8.36")
    with ZipFile(write_report(ledger.engine, run, tmp_path).workbook) as archive:
        assert b"<v>8.36</v>" in archive.read("xl/worksheets/sheet3.xml")


def test_a_usual_sum_is_a_number() -> None:
    """Sums up to ten million million are numbers, beyond that texts."""
    assert money("-1234.50") == Number("-1234.50", "money")
    assert money("9999999999999.99") == Number("9999999999999.99", "money")
    assert money("99999999999999.99") == "99999999999999.99"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/data/a b.csv", "File:///data/a%20b.csv"),
        ("C:/Vienti/läsku 50%.xlsx", "File:///C:/Vienti/läsku%2050%25.xlsx"),
        ("//server/share/a#1.xlsx", "File://server/share/a%231.xlsx"),
    ],
)
def test_the_address_of_a_file(path: str, target: str) -> None:
    """A path of any kind becomes an address that Excel follows."""
    assert link(path) == target


def test_many_ranges_of_rows_are_cut_short() -> None:
    """A cell stays readable; `report.json` has every row."""
    run = RunFacts("1", "run", "test-fi", "", None, None, {}, [{"file": "a.csv", "sheet": None}], {}, "")
    assert rows_text(run, [[0, 2, 2], [0, 5, 7], [1, 3, 3]]) == "a.csv 2, 5-7, row 3"
    assert rows_text(run, [[0, row, row] for row in range(1, 100, 2)]).endswith(", 37, 39 and 30 more")


TEXTS = st.lists(st.one_of(st.sampled_from(NAMES), st.text(max_size=8), st.text("ab <&_x\n", max_size=8)))


@given(TEXTS)
def test_texts_made_together_are_those_made_one_by_one(texts: list[str]) -> None:
    """What one text of a column needs does not change the others."""
    assert texts_xml(texts, 27, 3) == [text_xml(text, 27, 3) for text in texts]
