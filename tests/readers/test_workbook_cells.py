"""Every cell of a workbook becomes its exact text, and every cell that is not certain becomes a problem."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import xlsxwriter
import xlwt
from hypothesis import given, settings
from hypothesis import strategies as st
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table as OdfTable
from odf.table import TableCell, TableRow
from odf.text import LineBreak, P, S, Span
from workbook_files import problems, raw_ods, raw_xlsx, texts, worksheet, xlsx

from pipeline.findings import finding
from pipeline.readers import open_tables
from pipeline.readers.cells import PERCENT, SLOT, column, moment_text, number_text, shape, shown_number
from pipeline.readers.table import EXACT, Problem

NUMBERS = {
    0.1 + 0.2: f"0.3{EXACT}",
    1e-7: f"0.0000001{EXACT}",
    1.5e-10: f"0.00000000015{EXACT}",
    100.0: "100",
    1234.5: f"1234.5{EXACT}",
    -0.0: "0",
    -12.25: f"-12.25{EXACT}",
    123456789012345.0: "123456789012345",
    123456789012345.67: "123456789012346",
    0.28999999999999998: f"0.29{EXACT}",
}
SHOWN = [
    (0.255, "0.0%", f"25.5%{EXACT}"),
    (0.255, "0%", f"25.5%{EXACT}"),
    (0.14, "0 %", "14%"),
    (1, "0.00%", "100%"),
    (0, "0%", "0%"),
    (-0.05, "0%;[Red]-0%", "-5%"),
    (0.1, '"ALV "0.0%', "10%"),
    (100, "00000", "00100"),
    (2, "0000000000", "0000000002"),
    (12345, "000 00", "123 45"),
    (12345, "000\\ 00", "123 45"),
    (22625095, "0000000-0", "2262509-5"),
    (1234567, "000-000", "1234-567"),
    (12, '"INV-"0000', "INV-0012"),
    (100, "[$-40B]00000", "00100"),
    (100, "00000_ ;-00000", "00100"),
    (0.5, "00000", f"0.5{EXACT}"),
    (-5, "00000", "-5"),
    (100, "0", "100"),
    (100, '0" kpl"', "100"),
    (100, "0.00", "100"),
    (100, "#,##0.00 €", "100"),
    (100, "# ##0", "100"),
    (100, '"50%" 0', "100"),
    (100, "0\\%", "100"),
    (100, "@", "100"),
    (100, "[<=99999]00000;0", "100"),
    (100, "[$€-2] 00", "100"),
    (100, "0.00E+00", "100"),
]


def one(path: Path) -> list[list[str]]:
    """The texts of the only table of the file."""
    [table] = open_tables(path)
    return texts(table)


# -- numbers ---------------------------------------------------------------------------------------


def test_numbers_are_read_at_excels_own_precision(tmp_path: Path) -> None:
    """A number gives its shortest text of 15 digits, never an exponent; a fraction is marked as exact."""
    assert one(xlsx(tmp_path / "a.xlsx", [[number] for number in NUMBERS])) == [
        [text] for text in NUMBERS.values()
    ]


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_no_number_changes(value: float) -> None:
    """The text says the number that Excel's 15 digits say, in plain digits without needless zeros."""
    text = number_text(value).removesuffix(EXACT)
    assert Decimal(text) == Decimal(f"{value:.14e}")
    assert set(text) <= set("-.0123456789")
    assert "." not in text or text[-1] not in ".0"


@settings(deadline=None)
@given(st.decimals(min_value=-999999, max_value=999999, places=4, allow_nan=False))
def test_every_amount_survives(amount: Decimal) -> None:
    """What a person typed comes back as typed, though it was stored as a binary fraction."""
    assert Decimal(number_text(float(amount)).removesuffix(EXACT)) == amount
    assert Decimal(shown_number(float(amount), PERCENT).removesuffix(EXACT)[:-1]) == amount * 100


@pytest.mark.parametrize(("value", "number_format", "text"), SHOWN)
def test_the_display_format_counts(tmp_path: Path, value: float, number_format: str, text: str) -> None:
    """Percent and leading zeros are read as shown, in .xlsx as in .xls; no other format alters a number."""
    assert one(xlsx(tmp_path / "a.xlsx", [[value]], [number_format])) == [[text]]
    book = xlwt.Workbook()
    book.add_sheet("A").write(0, 0, value, xlwt.easyxf(num_format_str=number_format))
    book.save(tmp_path / "a.xls")
    assert one(tmp_path / "a.xls") == [[text]]


@settings(deadline=None)
@given(st.integers(0, 10**15 - 1), st.lists(st.sampled_from(["0", "-", " "]), min_size=2).map("".join))
def test_a_format_of_zeros_shows_every_digit(value: int, number_format: str) -> None:
    """Whatever the format, the digits shown are the number's, after zeros, and literals stand in place."""
    as_shown = shape(number_format)
    if number_format.count("0") < 2:
        assert as_shown is None
        return
    assert as_shown == number_format.replace("0", SLOT)
    text = shown_number(float(value), as_shown)
    digits = "".join(filter(str.isdigit, text))
    assert int(digits) == value
    assert len(digits) == max(number_format.count("0"), len(str(value)))
    assert [each for each in text if not each.isdigit()] == [each for each in number_format if each != "0"]


def test_builtin_percent_formats(tmp_path: Path) -> None:
    """Excel's own percent formats have numbers and no text in the file."""
    book = openpyxl.Workbook()
    for row, number_format in enumerate(("0%", "0.00%"), 1):
        book.active.cell(row, 1, 0.255).number_format = number_format
    book.save(tmp_path / "a.xlsx")
    assert one(tmp_path / "a.xlsx") == [[f"25.5%{EXACT}"], [f"25.5%{EXACT}"]]


def test_formats_may_change_within_a_column(tmp_path: Path) -> None:
    """The format is the cell's, not the column's."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row, number_format in enumerate(["0%", None, "00000", "0%", "@", "00000"]):
            style = book.add_format({"num_format": number_format}) if number_format else None
            sheet.write(row, 1, 0.5 if row < 4 else 7, style)
        sheet.write(6, 1, "0.5", book.add_format({"num_format": "0%"}))
    shown = ["50%", f"0.5{EXACT}", f"0.5{EXACT}", "50%", "7", "00007", "0.5"]
    [table] = open_tables(path)
    for size in (1, 2, 7):
        assert [row[1] for row in texts(table, size)] == shown


@pytest.mark.parametrize("number", [1e15, 12345678901234567890.0, -1234567890123456.0, 1e22])
@pytest.mark.parametrize("number_format", [None, "0", "00000"])
def test_a_number_of_too_many_digits(tmp_path: Path, number: float, number_format: str | None) -> None:
    """Excel has lost digits of a whole number of more than 15, whatever the format shows."""
    [table] = open_tables(xlsx(tmp_path / "a.xlsx", [["billcode"], [number]], [number_format]))
    text = format(Decimal(f"{number:.15g}"), "f")
    assert problems(table) == {2: [Problem(0, "digits-lost", text)]}
    assert texts(table)[1] == [text]


def test_long_digits_as_text_are_kept(tmp_path: Path) -> None:
    """A number stored as text is a text, with all of its digits and zeros."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row, text in enumerate(["12345678901234567890", "007", "1,50", " 7 ", "1e5"]):
            sheet.write_string(row, 0, text)
    [table] = open_tables(path)
    assert texts(table) == [["12345678901234567890"], ["007"], ["1,50"], [" 7 "], ["1e5"]]
    assert problems(table) == {}


def test_no_number_at_all(tmp_path: Path) -> None:
    """What some programs write for a failed computation is an error like Excel's."""
    path = raw_xlsx(
        tmp_path / "a.xlsx", worksheet('<row r="1"><c r="A1"><v>NaN</v></c><c r="B1"><v>INF</v></c></row>')
    )
    [table] = open_tables(path)
    assert problems(table) == {1: [Problem(0, "error-cell", "nan"), Problem(1, "error-cell", "inf")]}


# -- texts, dates, truth ---------------------------------------------------------------------------

TEXTS = [
    "NA",
    "null",
    "None",
    "NaN",
    "TRUE",
    " kaksi  väliä ",
    "rivi\nvaihto",
    "ä€😀",
    "<&>\"'",
    "_x000D_",
    "=1+1",
    "'",
]


def test_texts_are_unchanged(tmp_path: Path) -> None:
    """A text is a text, whatever it looks like, in every type of workbook."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row, text in enumerate(TEXTS):
            sheet.write_string(row, 0, text)
    assert one(path) == [[text] for text in TEXTS]
    old = xlwt.Workbook()
    sheet = old.add_sheet("A")
    for row, text in enumerate(TEXTS):
        sheet.write(row, 0, text)
    old.save(tmp_path / "a.xls")
    assert one(tmp_path / "a.xls") == [[text] for text in TEXTS]


@pytest.mark.parametrize("date_1904", [False, True])
def test_dates_are_iso(tmp_path: Path, date_1904: bool) -> None:
    """Dates, times and both are ISO 8601, also where days are counted from 1904."""
    path = tmp_path / "a.xlsx"
    values = [
        (dt.date(2026, 2, 1), "d.m.yyyy", "2026-02-01"),
        (dt.datetime.fromisoformat("2026-02-01"), "d.m.yyyy h:mm", "2026-02-01"),
        (dt.datetime.fromisoformat("2026-02-01T10:30:00"), "d.m.yyyy", "2026-02-01T10:30:00"),
        (dt.time(10, 30), "h:mm", "10:30:00"),
        (dt.timedelta(hours=30), "[h]:mm", "30:00:00"),
        (dt.date(2026, 12, 31), "[$-40B]d. mmmm yyyy;@", "2026-12-31"),
    ]
    with xlsxwriter.Workbook(path, {"date_1904": date_1904}) as book:
        sheet = book.add_worksheet()
        for row, (value, number_format, _) in enumerate(values):
            sheet.write_datetime(row, 0, value, book.add_format({"num_format": number_format}))
    assert one(path) == [[text] for _, _, text in values]
    old = xlwt.Workbook()
    old.dates_1904 = date_1904
    sheet = old.add_sheet("A")
    for row, (value, number_format, _) in enumerate(values):
        stored = value / dt.timedelta(days=1) if isinstance(value, dt.timedelta) else value
        sheet.write(row, 0, stored, xlwt.easyxf(num_format_str=number_format))
    old.save(tmp_path / "a.xls")
    assert one(tmp_path / "a.xls") == [[text] for _, _, text in values]


@settings(deadline=None)
@given(st.datetimes())
def test_a_moments_text_says_it_whole(moment: dt.datetime) -> None:
    """The text can be read back to the same moment; midnight needs no time."""
    assert dt.datetime.fromisoformat(moment_text(moment)) == moment
    assert moment_text(dt.datetime.combine(moment.date(), dt.time())) == moment.date().isoformat()


def test_iso_dates_of_the_strict_format(tmp_path: Path) -> None:
    """The strict form of the format stores dates as ISO texts."""
    path = raw_xlsx(
        tmp_path / "a.xlsx", worksheet('<row r="1"><c r="A1" t="d"><v>2026-02-01T00:00:00</v></c></row>')
    )
    assert one(path) == [["2026-02-01"]]


def test_truth_values(tmp_path: Path) -> None:
    """Booleans are TRUE and FALSE, and never the numbers 1 and 0 that Python takes them for."""
    assert one(xlsx(tmp_path / "a.xlsx", [[True], [1], [False], [0], ["TRUE"]])) == [
        ["TRUE"],
        ["1"],
        ["FALSE"],
        ["0"],
        ["TRUE"],
    ]
    book = xlwt.Workbook()
    sheet = book.add_sheet("A")
    for row, value in enumerate([True, 1, False, 0]):
        sheet.write(row, 0, value)
    book.save(tmp_path / "a.xls")
    assert one(tmp_path / "a.xls") == [["TRUE"], ["1"], ["FALSE"], ["0"]]


CELLS = st.one_of(
    st.just(""),
    st.sampled_from(["1", "0.5", "TRUE", "2026-02-01", "x"]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, 1.0, 0.5, 1e15]),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(dt.timedelta(), dt.timedelta(days=1000)),
)


def obvious(cell: Any, as_shown: str | None) -> str:
    """What `column` does, for one cell."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return shown_number(cell, as_shown) if as_shown else number_text(cell)
    return moment_text(cell)


@settings(deadline=None)
@given(st.lists(st.tuples(CELLS, st.sampled_from([None, None, PERCENT, SLOT * 5])), min_size=1))
def test_a_column_is_its_cells_one_by_one(cells: list[tuple[Any, str | None]]) -> None:
    """Converting distinct values gives what converting every cell gives, however they are mixed."""
    values = [cell for cell, _ in cells]
    shapes = [
        (each, np.array([at for at, (_, as_shown) in enumerate(cells) if as_shown == each], np.intp))
        for each in (PERCENT, SLOT * 5)
    ]
    categorical, lost = column(values, shapes)
    assert list(categorical) == [obvious(*cell) for cell in cells]
    assert sorted(lost) == [
        at for at, cell in enumerate(values) if isinstance(cell, float) and abs(cell) >= 1e15
    ]
    assert categorical.categories.dtype == object
    assert categorical.categories.is_unique


# -- errors and formulas ---------------------------------------------------------------------------


def test_error_cells(tmp_path: Path) -> None:
    """Every error that Excel shows is a problem of its cell, told word for word."""
    errors = ["#N/A", "#REF!", "#DIV/0!", "#NAME?", "#VALUE!", "#NUM!", "#NULL!"]
    book = openpyxl.Workbook()
    for row, error in enumerate(errors, 2):
        book.active.cell(row, 3, error)
    book.save(tmp_path / "a.xlsx")
    [table] = open_tables(tmp_path / "a.xlsx")
    expected = {row: [Problem(2, "error-cell", error)] for row, error in enumerate(errors, 2)}
    assert problems(table) == expected
    assert problems(table, 2) == expected
    assert [row[2] for row in texts(table)] == ["", *errors]
    told = finding("error-cell", value="#N/A", detail="")
    assert told.message == "The cell shows the error #N/A instead of a value."


def test_error_cells_of_old_workbooks(tmp_path: Path) -> None:
    """Likewise in .xls."""
    book = xlwt.Workbook()
    book.add_sheet("A").row(1).set_cell_error(2, 0x2A)
    book.save(tmp_path / "a.xls")
    [table] = open_tables(tmp_path / "a.xls")
    assert problems(table) == {2: [Problem(2, "error-cell", "#N/A")]}


FORMULAS = {
    '<c r="B2"><f>A1*2</f></c>': "=A1*2",
    '<c r="B2"><f>A1*2</f><v></v></c>': "=A1*2",
    '<c r="B2"><f>A1*2</f><v/></c>': "=A1*2",
    '<c r="B2">\n <f>A1*2</f>\n <v/>\n</c>': "=A1*2",
    '<c r="B2" s="0"><f t="shared" ref="B2:B9" si="0">A1&amp;"&lt;"</f></c>': '=A1&"<"',
    '<c r="B2"><f t="shared" si="0"/></c>': "=",
}
COMPUTED = {
    '<c r="B2"><f>A1*2</f><v>7</v></c>': "7",
    '<c r="B2"><f>A1*2</f><v>0</v></c>': "0",
    '<c r="B2">\n <f>A1*2</f>\n <v>7</v>\n</c>': "7",
    '<c r="B2" t="str"><f>A1&amp;"x"</f><v>x</v></c>': "x",
    '<c r="B2" t="b"><f>A1=1</f><v>1</v></c>': "TRUE",
    '<c r="B2"><f t="shared" si="0"/><v>7</v></c>': "7",
    '<c r="B2" t="str"><f>""</f><v></v></c>': "",
}


def formula(path: Path, cell: str, *, stale: bool = False) -> tuple[str, dict[int, list[Problem]]]:
    """How cell B2 is read, and the problems."""
    sheet = worksheet(f'<row r="1"><c r="A1"><v>1</v></c></row><row r="2">{cell}<c r="C2"><v>1</v></c></row>')
    [table] = open_tables(
        raw_xlsx(path, sheet, book='<calcPr calcId="1" fullCalcOnLoad="1"/>' if stale else "")
    )
    return texts(table)[1][1], problems(table)


@pytest.mark.parametrize(("cell", "shown"), FORMULAS.items())
def test_a_formula_that_was_never_computed(tmp_path: Path, cell: str, shown: str) -> None:
    """A formula without a result is an error that shows the formula, never an empty cell."""
    assert formula(tmp_path / "a.xlsx", cell) == (shown, {2: [Problem(1, "formula-not-computed", shown)]})
    told = finding("formula-not-computed", value="=A1*2", detail="")
    assert told.message == "The cell holds a formula whose result was never computed: =A1*2"
    assert told.remedy == "Open the workbook in Excel, save it, and try again."


@pytest.mark.parametrize(("cell", "text"), COMPUTED.items())
def test_a_formula_that_was_computed(tmp_path: Path, cell: str, text: str) -> None:
    """A formula with a result is its result, also when that is an empty text."""
    assert formula(tmp_path / "a.xlsx", cell) == (text, {})


def test_a_zero_that_no_one_computed(tmp_path: Path) -> None:
    """XlsxWriter gives formulas the result 0 and asks Excel to compute on opening: that 0 is no result."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_formula(0, 0, "=1+1")
        sheet.write_formula(0, 1, "=1+1", None, 2)
        sheet.write_number(0, 2, 0)
    [table] = open_tables(path)
    assert texts(table) == [["=1+1", "2", "0"]]
    assert problems(table) == {1: [Problem(0, "formula-not-computed", "=1+1")]}


@pytest.mark.parametrize(("cell", "text"), COMPUTED.items())
def test_other_results_are_believed(tmp_path: Path, cell: str, text: str) -> None:
    """In such a workbook only the result 0 is doubted."""
    doubted = {2: [Problem(1, "formula-not-computed", "=A1*2")]} if text == "0" else {}
    assert formula(tmp_path / "a.xlsx", cell, stale=True) == ("=A1*2" if doubted else text, doubted)


def test_formulas_that_openpyxl_wrote(tmp_path: Path) -> None:
    """A workbook made by a script has formulas without results, and is not read as empty, nor shortened."""
    book = openpyxl.Workbook()
    book.active.append(["billnum", "amount"])
    book.active.append(["1001", "=2*17.5"])
    book.active["D9"] = "=SUM(B:B)"
    book.save(tmp_path / "a.xlsx")
    [table] = open_tables(tmp_path / "a.xlsx")
    assert texts(table)[1] == ["1001", "=2*17.5", "", ""]
    assert len(texts(table)) == 9
    assert problems(table) == {
        2: [Problem(1, "formula-not-computed", "=2*17.5")],
        9: [Problem(3, "formula-not-computed", "=SUM(B:B)")],
    }


def test_a_sheet_of_nothing_but_formulas(tmp_path: Path) -> None:
    """A sheet that would be empty but for formulas never computed is not empty."""
    book = openpyxl.Workbook()
    book.active["B2"] = "=1+1"
    book.save(tmp_path / "a.xlsx")
    [table] = open_tables(tmp_path / "a.xlsx")
    assert texts(table) == [["", ""], ["", "=1+1"]]


def test_formulas_of_old_workbooks(tmp_path: Path) -> None:
    """In .xls an empty result counts as one only if Excel itself computed the workbook."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("A")
    sheet.write(0, 0, "billnum")
    sheet.write(1, 1, xlwt.Formula("1+1"))
    book.save(tmp_path / "a.xls")
    [table] = open_tables(tmp_path / "a.xls")
    assert problems(table) == {2: [Problem(1, "formula-not-computed", "=")]}
    stream = book.get_biff_data()
    computed = stream.replace(b"\x0a\0\0\0", b"\xc1\x01\x08\0\xc1\x01\0\0\x35\xea\x02\0\x0a\0\0\0", 1)
    at = stream.index(b"\x85\0") + 4  # where the sheet begins: the record before it grew by 12 bytes
    begins = int.from_bytes(stream[at : at + 4], "little") + 12
    computed = computed[:at] + begins.to_bytes(4, "little") + computed[at + 4 :]
    xlwt.CompoundDoc.XlsDoc().save(str(tmp_path / "b.xls"), computed)
    [table] = open_tables(tmp_path / "b.xls")
    assert texts(table) == [["billnum", ""]]
    assert problems(table) == {}


# -- OpenDocument ----------------------------------------------------------------------------------


def ods_row(*cells: str) -> str:
    """A row of OpenDocument cells."""
    return f"<table:table-row>{''.join(cells)}</table:table-row>"


def ods_cell(kind: str, value: str, shown: str, more: str = "") -> str:
    """An OpenDocument cell with a value of that type."""
    name = {"date": "date-value", "time": "time-value", "boolean": "boolean-value"}.get(kind, "value")
    attributes = f'office:value-type="{kind}" office:{name}="{value}" {more}'
    return f"<table:table-cell {attributes}><text:p>{shown}</text:p></table:table-cell>"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (ods_cell("float", "0.30000000000000004", "0,3"), f"0.3{EXACT}"),
        (ods_cell("float", "100", "00100"), "00100"),
        (ods_cell("float", "22625095", "2262509-5"), "2262509-5"),
        (ods_cell("float", "1234", "1 234"), "1234"),
        (ods_cell("float", "-5", "-5"), "-5"),
        (ods_cell("float", "0.05", "0,05"), f"0.05{EXACT}"),
        (ods_cell("float", "20260201", "2026-02-01"), "2026-02-01"),
        (ods_cell("currency", "35.5", "35,50 €"), f"35.5{EXACT}"),
        (ods_cell("percentage", "0.255", "26 %"), f"25.5%{EXACT}"),
        (ods_cell("date", "2026-02-01", "1.2.2026"), "2026-02-01"),
        (ods_cell("date", "2026-02-01T00:00:00", "1.2.2026"), "2026-02-01"),
        (ods_cell("date", "2026-02-01T10:30:00.000000000", "1.2.2026"), "2026-02-01T10:30:00"),
        (ods_cell("time", "PT10H30M00S", "10.30"), "10:30:00"),
        (ods_cell("time", "PT30H00M00.000S", "30:00:00"), "30:00:00"),
        (ods_cell("boolean", "true", "TOSI"), "TRUE"),
        ('<table:table-cell office:value-type="string"><text:p>NA</text:p></table:table-cell>', "NA"),
        ('<table:table-cell office:value-type="string" office:string-value="x"/>', "x"),
        ("<table:table-cell><text:p>ilman tyyppiä</text:p></table:table-cell>", "ilman tyyppiä"),
        (
            (
                '<table:table-cell office:value-type="string"><office:annotation><text:p>huomautus</text:p>'
                "</office:annotation><text:p>Katu 1</text:p></table:table-cell>"
            ),
            "Katu 1",
        ),
    ],
)
def test_opendocument_cells(tmp_path: Path, cell: str, text: str) -> None:
    """The cells of an OpenDocument spreadsheet give the same texts as Excel's."""
    assert one(raw_ods(tmp_path / "a.ods", f'<table:table table:name="A">{ods_row(cell)}</table:table>')) == [
        [text]
    ]


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (
            (
                '<table:table-cell table:formula="of:=1/0" office:value-type="string" '
                'calcext:value-type="error"><text:p>#DIV/0!</text:p></table:table-cell>'
            ),
            Problem(1, "error-cell", "#DIV/0!"),
        ),
        (ods_cell("float", "0", "Err:502", 'table:formula="of:=FOO()"'), Problem(1, "error-cell", "Err:502")),
        ('<table:table-cell table:formula="of:=[.A1]*2"/>', Problem(1, "formula-not-computed", "=[.A1]*2")),
        (
            ods_cell("float", "12345678901234567890", "1,23E19"),
            Problem(1, "digits-lost", "12345678901234600000"),
        ),
    ],
)
def test_opendocument_problems(tmp_path: Path, cell: str, problem: Problem) -> None:
    """Errors, formulas without a result and too long numbers are problems there too."""
    first = '<table:table-cell office:value-type="string"><text:p>1001</text:p></table:table-cell>'
    path = raw_ods(tmp_path / "a.ods", f'<table:table table:name="A">{ods_row(first, cell)}</table:table>')
    [table] = open_tables(path)
    assert problems(table) == {1: [problem]}
    assert texts(table) == [["1001", problem.value]]


def test_opendocument_of_a_library(tmp_path: Path) -> None:
    """Runs of spaces, tabs, line breaks, spans and several paragraphs make one text."""
    document = OpenDocumentSpreadsheet()
    sheet, row, cell = OdfTable(name="Laskut"), TableRow(), TableCell(valuetype="string")
    first = P(text="a")
    first.addElement(S(c=2))
    first.addText("b")
    first.addElement(LineBreak())
    first.addElement(Span(text="c"))
    cell.addElement(first)
    cell.addElement(P(text="toinen"))
    row.addElement(cell)
    sheet.addElement(row)
    document.spreadsheet.addElement(sheet)
    document.save(tmp_path / "a.ods")
    assert one(tmp_path / "a.ods") == [["a  b\nc\ntoinen"]]


# -- findings' texts -------------------------------------------------------------------------------


def test_the_texts_of_lost_digits() -> None:
    """The finding says what Excel did and what to do."""
    told = finding("digits-lost", value="12345678901234600000", detail="")
    assert told.message == (
        "The number 12345678901234600000 has more than the 15 digits that Excel can hold: "
        "it has lost digits already."
    )
    assert told.remedy == "Format the cell as text and type the number again, with all its digits."


def test_the_largest_number_that_is_whole() -> None:
    """The limit is where Excel's precision ends, not a digit later."""
    assert column([999_999_999_999_999.0])[1].tolist() == []
    assert column([math.nextafter(1e15, 2e15)])[1].tolist() == [0]
