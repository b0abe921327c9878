"""The workbook that `template` writes: in every language, and accepted when it is filled in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flow_desk import Desk, outcomes, told
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.columns.layouts import find_field
from pipeline.language import LANGUAGES, set_language
from pipeline.profile import Profile
from pipeline.template import HEADER_ROW, field_sets, header, write_template
from pipeline.validator.schema import fields

DAY = dt.date(2026, 11, 20)
INVOICE: dict[str, Any] = {
    "billnum": "00017",
    "billdate": DAY,
    "paydate": DAY + dt.timedelta(days=14),
    "name": "Acme Oy",
    "address": "Katu 1",
    "postcode": "00100",
    "city": "HELSINKI",
    "payrow.desc": "Työ",
    "payrow.count": 2,
    "payrow.amount": 50,
    "payrow.taxpr": 25.5,
}
MORE: dict[str, dict[str, Any]] = {
    "credit": {"refundtobillnum": "00016", "credit": 1, "payrow.amount": -50},
    "reminder": {"billcode": "1232", "amount": 125.5},
    "collection": {"billcode": "1232", "amount": 125.5, "noticedate": DAY},
}
JOBTYPES = {"reminder": "1", "collection": "2"}


def sheet_of(path: Path) -> Worksheet:
    """The sheet to fill in."""
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert isinstance(sheet, Worksheet)
    return sheet


def choices(path: Path) -> dict[str, list[Any]]:
    """By header what each list offers."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    assert isinstance(sheet, Worksheet)
    found = {}
    for rule in sheet.data_validations.dataValidation:
        if rule.type == "list":
            name, cells = rule.formula1.split("!")
            column = next(iter(rule.sqref.ranges)).min_col
            listed = book[name.strip("='")][cells.replace("$", "")]
            rows = listed if isinstance(listed, tuple) else ((listed,),)
            found[str(sheet.cell(HEADER_ROW, column).value)] = [row[0].value for row in rows]
    return found


def fill(path: Path, values: dict[str, Any]) -> None:
    """Type one row under the header."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    assert isinstance(sheet, Worksheet)
    columns = {cell.value: cell.column for cell in sheet[HEADER_ROW]}
    for field, value in values.items():
        if header(field) in columns:
            sheet.cell(HEADER_ROW + 1, columns[header(field)]).value = value
    book.save(path)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("fields_of", field_sets())
def test_every_header_is_recognised(code: str, fields_of: str, tmp_path: Path) -> None:
    """Each column of each template is understood as the field that it was written for."""
    set_language(code)
    path = tmp_path / "template.xlsx"
    write_template(path, fields_of, "FIN", DAY)
    headers = [str(cell.value) for cell in sheet_of(path)[HEADER_ROW]]
    known = [find_field(each, Profile()) for each in headers]
    assert None not in known
    assert len(set(known)) == len(headers)
    assert [header(each) for each in known if each] == headers


def test_all_fields_are_in_the_template_of_all(tmp_path: Path) -> None:
    """`all` leaves out only what comes in numbered columns, and what only profiles give a meaning."""
    path = tmp_path / "template.xlsx"
    write_template(path, "all", "FIN", DAY)
    headers = [cell.value for cell in sheet_of(path)[HEADER_ROW]]
    for_profiles = ("row.", "included")
    named = [each for each in fields() if "{n}" not in each and not each.startswith(for_profiles)]
    assert headers == [header(each) for each in named]


@pytest.mark.parametrize(
    ("fields_of", "code"), [*((each, "en") for each in field_sets()), ("usual", "fi"), ("usual", "sv")]
)
def test_filled_in_it_is_accepted(desk: Desk, fields_of: str, code: str) -> None:
    """A row typed under the header, with words from the lists, is one invoice without any error."""
    done = desk.here("template", "--fields", fields_of, "--out", "t.xlsx", "--language", code)
    assert (done.code, done.out) == (0, "t.xlsx\n")
    set_language(code)
    path = desk.folder / "t.xlsx"
    offered = choices(path)
    jobtype = JOBTYPES.get(fields_of, "0")
    values = INVOICE | MORE.get(fields_of, {}) | {"customertype": offered[header("customertype")][0]}
    if header("jobtype") in offered:
        values["jobtype"] = offered[header("jobtype")][int(jobtype)]
    if jobtype == "0":
        values.setdefault("credit", None)
    fill(path, values)
    desk.here("check", "t.xlsx", "--out", "out", "--language", "en")
    report = desk.report()
    assert told(report) == []
    assert outcomes(report) == {"00017": "not-sent"}


def test_untouched_it_holds_no_invoice(desk: Desk) -> None:
    """The example stands above the header, where it is never sent."""
    desk.here("template", "--out", "t.xlsx")
    sheet = sheet_of(desk.folder / "t.xlsx")
    assert sheet.cell(3, 1).value == "1001"
    assert "header-only" in desk.here("run", "t.xlsx").one_line
    assert desk.accepted() == []


def test_a_filled_in_invoice_goes_and_the_example_does_not(desk: Desk) -> None:
    """Only what stands under the header is sent, zeros and all."""
    desk.here("template", "--fields", "minimal", "--out", "t.xlsx", "--language", "fi")
    set_language("fi")
    fill(desk.folder / "t.xlsx", INVOICE | {"customertype": "yritys"})
    done, _ = desk.run("t.xlsx")
    assert done.code == 0
    (sent,) = desk.accepted()
    assert (sent["billnum"], sent["postcode"], sent["customertype"]) == ("00017", "00100", "1")


def test_numbers_that_are_names_are_formatted_as_text(tmp_path: Path) -> None:
    """What is typed into these columns keeps its zeros."""
    path = tmp_path / "template.xlsx"
    write_template(path, "usual", "FIN", DAY)
    sheet = sheet_of(path)
    formats = {
        column: dimension.number_format
        for dimension in sheet.column_dimensions.values()
        for column in range(dimension.min, dimension.max + 1)
    }
    columns = {str(cell.value): cell.column for cell in sheet[HEADER_ROW]}
    for field in ("billnum", "billcode", "custnum", "govid", "postcode", "evoice"):
        assert formats[columns[header(field)]] == "@", field


def test_lists_offer_what_the_field_takes(tmp_path: Path) -> None:
    """Words in the user's language, and the VAT rates of the country on the day, as numbers."""
    set_language("fi")
    path = tmp_path / "template.xlsx"
    write_template(path, "usual", "FIN", DAY)
    offered = choices(path)
    assert offered["Asiakastyyppi"] == ["yritys", "henkilö"]
    assert offered["ALV %"] == [25.5, 13.5, 10, 0]
    assert offered["Kieli"] == ["englanti", "suomi", "ruotsi", "norja"]
    other = tmp_path / "se.xlsx"
    write_template(other, "usual", "SWE", DAY)
    assert choices(other)["ALV %"] == [25, 12, 6, 0]


def test_the_guide_tells_of_every_column(tmp_path: Path) -> None:
    """Its table has a row for each column, with meaning, form, example and field."""
    path = tmp_path / "template.xlsx"
    write_template(path, "minimal", "FIN", DAY)
    guide = openpyxl.load_workbook(path).worksheets[1]
    table = [[cell.value for cell in row] for row in guide.iter_rows() if row[5].value]
    assert table[0] == ["Header", "Needed", "Meaning", "Form", "Example", "Field"]
    assert [row[5] for row in table[1:]][:3] == ["billnum", "billdate", "paydate"]
    assert all(row[1] == "yes" for row in table[1:])
    assert len(table) == 13


def test_a_workbook_that_is_there_is_not_overwritten(desk: Desk) -> None:
    """It may be filled in."""
    desk.write("t.xlsx", "mine", header=None)
    done = desk.here("template", "--out", "t.xlsx")
    assert done.code == 2
    assert done.one_line == (
        "t.xlsx exists already. Give another name with --out: a workbook that may be filled in is not "
        "overwritten. (template-exists)"
    )
    assert (desk.folder / "t.xlsx").read_text() == "mine\n"
