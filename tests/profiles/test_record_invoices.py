"""A record of an invoice is an invoice: without a bill number, too, two of them never become one."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from flow.flow_desk import Desk
from profiles.golden import documents_of, told

from pipeline.findings import Refusal
from pipeline.profile import load_profile
from pipeline.readers.table import INVOICE

DECLARED = """
[[records]]
mark = "M"

[records.columns]
2 = "company"
3 = "address"
4 = "postcode"
5 = "city"
6 = "billdate"
7 = "paydate"
8 = "@Valuutta"

[[records]]
mark = "R"

[records.columns]
2 = "payrow.desc"
3 = "payrow.count"
4 = "payrow.amount"
5 = "payrow.taxpr"

[[split]]
column = "@Valuutta"
pattern = "(EUR)"
into = [""]
"""
ACME = "M;Acme Oy;Katu 1;00100;HELSINKI;1.10.2026;15.10.2026;EUR"
WORK, OTHER = "R;Työ;2;50,00;25,5", "R;Muu;1;5,00;10"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A user's desk with the profile `p.toml`."""
    (tmp_path / "home").mkdir()
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "p.toml").write_text(DECLARED, encoding="utf-8")
    return Desk(tmp_path / "home", tmp_path / "desk")


def sums(desk: Desk) -> list[str]:
    """The totals of the invoices that the last run's report has."""
    return [each["total"] for each in desk.report()["invoices"]]


def test_two_of_one_customer_and_day_stay_two(desk: Desk) -> None:
    """Nothing but their records tells them apart."""
    path = desk.write("a.csv", ACME, WORK, WORK, ACME, OTHER, header=None)
    found, intake = documents_of([path], load_profile(desk.folder / "p.toml"))
    assert [[row["desc"] for row in document.dataset["payrow"]] for document in found] == [
        ["Työ", "Työ"],
        ["Muu"],
    ]
    assert told(found) == []
    assert intake.continued == {}


def test_records_of_two_files_stay_apart(desk: Desk) -> None:
    """Each stands in row 1 of its file."""
    paths = [desk.write("a.csv", ACME, WORK, header=None), desk.write("b.csv", ACME, OTHER, header=None)]
    found, _ = documents_of(paths, load_profile(desk.folder / "p.toml"))
    assert [len(document.dataset["payrow"]) for document in found] == [1, 1]


def test_they_stay_apart_when_spilt_to_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the parts are into which the rows are dealt."""
    monkeypatch.setattr("pipeline.rows.gather.BYTES_A_PART", 10)
    desk.write("a.csv", *[ACME, WORK, WORK, ACME, OTHER] * 20, header=None)
    done, _ = desk.run("a.csv", "--profile", "p.toml")
    assert done.code in {0, 1}, done.err
    assert sorted(sums(desk)) == sorted(["251.00", "5.50"] * 20)


def test_corrections_keep_them_apart(desk: Desk) -> None:
    """Their rows come into the workbook with their record, and are two invoices again when they are right."""
    wrong = ACME.replace("15.10.2026", "31.2.2026")
    desk.write("a.csv", wrong, WORK, wrong, OTHER, header=None)
    done, _ = desk.run("a.csv", "--profile", "p.toml")
    assert done.code == 1
    path = desk.folder / "out" / "corrections.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    header = [cell.value for cell in sheet[1]]
    assert INVOICE in header
    at = header.index("paydate") + 1
    for row in range(2, sheet.max_row + 1):
        if sheet.cell(row, at).value:
            sheet.cell(row, at).value = "15.10.2026"
    book.save(desk.folder / "right.xlsx")
    done, _ = desk.run("right.xlsx", "--profile", "p.toml")
    assert done.code == 0, done.err
    assert sums(desk) == ["125.50", "5.50"]


def test_the_same_invoice_twice_is_told(desk: Desk) -> None:
    """Two records with the same content: one is sent, and that the other is not is told."""
    desk.write("a.csv", ACME, WORK, ACME, WORK, header=None)
    done, report = desk.run("a.csv", "--profile", "p.toml")
    assert len(report["invoices"]) == 2
    assert sorted(each["outcome"] for each in report["invoices"]) == ["accepted", "invalid"]
    assert (done.code, [each["code"] for each in report["findings"]]) == (1, ["duplicate-in-run"])


def test_a_currency_that_cannot_be_sent_is_held_back(desk: Desk) -> None:
    """The cell of a column that is no field is named all the same."""
    path = desk.write("a.csv", ACME, WORK, ACME.replace("EUR", "USD"), OTHER, header=None)
    found, _ = documents_of([path], load_profile(desk.folder / "p.toml"))
    assert [document.valid for document in found] == [True, False]
    assert told(found) == [
        "H3 cell-form: “USD” does not have the form that the profile declares for this column."
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[columns]\n"Valuutta" = "@Valuutta"',
            "“@Valuutta” that does not exist. It stands in line 2: columns.Valuutta.",
        ),
        (
            DECLARED.replace("@Valuutta", INVOICE),
            f"“{INVOICE}” that does not exist. It stands in line 12: records.columns.8.",
        ),
    ],
    ids=["with a header", "a name of our own"],
)
def test_names_that_are_no_fields_are_for_records_only(tmp_path: Path, text: str, said: str) -> None:
    """Where there is a header, declarations name columns by it."""
    path = tmp_path / "p.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        load_profile(path)
    assert refused.value.finding.message == f"The profile names a field {said}"


def test_a_user_does_not_see_the_record_numbers(desk: Desk) -> None:
    """They are no field: neither the screen nor `columns` names them."""
    desk.write("a.csv", ACME, WORK, header=None)
    done = desk.here("columns", "a.csv", "--profile", "p.toml")
    assert done.code == 0, done.err
    assert INVOICE not in done.out
    assert "@Valuutta" in done.out
