"""Rows and columns keep the numbers that Excel shows, wherever the table stands and however it is read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import xlsxwriter
import xlwt
from hypothesis import given, settings
from hypothesis import strategies as st
from workbook_files import problems, raw_ods, raw_xlsx, refused, texts, worksheet, xlsx

from pipeline.findings import Severity
from pipeline.readers import open_tables, workbook
from pipeline.readers.table import EXACT, HEAD_ROWS, PROBLEMS, ROW

HEADER = ["billnum", "postcode", "taxpr", "billdate", "amount"]
VALUES = [["1001", 100, 0.255, dt.date(2026, 2, 1), 35.5], ["1002", 70100, 0.14, dt.date(2026, 2, 28), 1234]]
FORMATS = [None, "00000", "0.0%", "d.m.yyyy", "0.00"]
TEXTS = [
    HEADER,
    ["1001", "00100", f"25.5%{EXACT}", "2026-02-01", f"35.5{EXACT}"],
    ["1002", "70100", "14%", "2026-02-28", "1234"],
]


def xls(path: Path) -> Path:
    """The table as an old workbook."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Laskut")
    for row, cells in enumerate([HEADER, *VALUES]):
        for column, (cell, number_format) in enumerate(zip(cells, FORMATS, strict=True)):
            sheet.write(row, column, cell, xlwt.easyxf(num_format_str=number_format or "General"))
    book.save(path)
    return path


def ods(path: Path) -> Path:
    """The table as an OpenDocument spreadsheet."""

    def cell(value: object, number_format: str | None) -> str:
        if isinstance(value, dt.date):
            return f'<table:table-cell office:value-type="date" office:date-value="{value}"/>'
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        kind = "percentage" if "%" in (number_format or "") else "float"
        shown = f"{value:05}" if number_format == "00000" else str(value)
        return (
            f'<table:table-cell office:value-type="{kind}" office:value="{value}">'
            f"<text:p>{shown}</text:p></table:table-cell>"
        )

    rows = ("".join(cell(*each) for each in zip(cells, FORMATS, strict=True)) for cells in [HEADER, *VALUES])
    content = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    return raw_ods(path, f'<table:table table:name="Laskut">{content}</table:table>')


@pytest.mark.parametrize("extension", [".xlsx", ".xls", ".ods"])
def test_one_table_in_every_type_of_workbook(tmp_path: Path, extension: str) -> None:
    """The same table gives the same texts, whatever program saved it."""
    path = tmp_path / f"laskut{extension}"
    {".xls": xls, ".ods": ods}.get(extension, lambda path: xlsx(path, [HEADER, *VALUES], FORMATS))(path)
    [table] = open_tables(path)
    assert texts(table) == TEXTS
    assert table.head == TEXTS
    assert (table.file, table.sheet) == (str(path), "Laskut")
    assert table.facts == {"type": extension[1:]}
    assert table.findings == []
    assert problems(table) == {}


def test_the_form_of_a_frame(tmp_path: Path) -> None:
    """Columns are categoricals of `str` objects numbered from Excel's A; row numbers are integers."""
    [table] = open_tables(xlsx(tmp_path / "a.xlsx", [HEADER, *VALUES], FORMATS))
    [frame] = table.frames(10)
    assert list(frame.columns) == [0, 1, 2, 3, 4, PROBLEMS, ROW]
    for name in range(5):
        assert isinstance(frame[name].dtype, pd.CategoricalDtype)
        assert frame[name].cat.categories.dtype == object
        assert set(map(type, frame[name].cat.categories)) == {str}
    assert frame[ROW].dtype == np.int64
    assert frame[PROBLEMS].dtype == object
    assert frame[PROBLEMS].tolist() == ["", "", ""]


def test_a_table_that_does_not_start_at_a1(tmp_path: Path) -> None:
    """Rows and columns before the table are empty, so that every cell keeps its name."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write("C5", "billnum")
        sheet.write("D5", "amount")
        sheet.write("C8", "1001")
        sheet.write("D8", 0.5, book.add_format({"num_format": "0%"}))
        sheet.write("D9", 1e20)
    [table] = open_tables(path)
    empty = [""] * 4
    expected = [
        *([empty] * 4),
        ["", "", "billnum", "amount"],
        *([empty] * 2),
        ["", "", "1001", "50%"],
        ["", "", "", "100000000000000000000"],
    ]
    for size in (1, 3, 100):
        assert texts(table, size) == expected
        assert [row for frame in table.frames(size) for row in frame[ROW]] == list(range(1, 10))
        assert list(problems(table, size)) == [9]
    assert table.head == expected


def test_rows_and_cells_without_a_name_in_the_file(tmp_path: Path) -> None:
    """Some programs leave out the names of rows and cells: they follow each other then."""
    rows = (
        "<row><c><v>1</v></c><c t='str'><v>b</v></c></row><row/>"
        "<row><c s='1'><v>0.5</v></c><c t='e'><v>#REF!</v></c><c r='E3'><f>1+1</f></c></row>"
    )
    [table] = open_tables(raw_xlsx(tmp_path / "a.xlsx", worksheet(rows), styles=["0", "0%"]))
    assert texts(table) == [["1", "b", "", "", ""], [""] * 5, ["50%", "#REF!", "", "", "=1+1"]]
    assert [(each.column, each.code) for each in problems(table)[3]] == [
        (1, "error-cell"),
        (4, "formula-not-computed"),
    ]


def test_a_sheet_written_with_name_prefixes(tmp_path: Path) -> None:
    """XML may write every name with a prefix."""
    sheet = worksheet('<row r="2"><c r="B2" s="0"><v>0.5</v></c><c r="C2" t="e"><v>#N/A</v></c></row>')
    for name in ("worksheet", "sheetData", "row", "c ", "v"):
        sheet = sheet.replace(f"<{name}", f"<x:{name}").replace(f"</{name.strip()}>", f"</x:{name.strip()}>")
    sheet = sheet.replace("xmlns=", "xmlns:x=")
    [table] = open_tables(raw_xlsx(tmp_path / "a.xlsx", sheet, styles=["0%"]))
    assert texts(table) == [["", "", ""], ["", "50%", "#N/A"]]


def test_rows_may_come_in_any_order(tmp_path: Path) -> None:
    """The rows' names count, not their order in the file."""
    rows = '<row r="3"><c r="A3" s="0"><v>3</v></c></row><row r="1"><c r="A1" s="0"><v>1</v></c></row>'
    [table] = open_tables(raw_xlsx(tmp_path / "a.xlsx", worksheet(rows), styles=["000"]))
    assert texts(table) == [["001"], [""], ["003"]]


def test_empty_rows_between_are_rows_and_those_at_the_end_are_not(tmp_path: Path) -> None:
    """Empty rows count as Excel counts them; after the last row with a text there are none."""
    rows = (
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="4"><c r="A4"><v>4</v></c></row>'
        '<row r="6"><c r="A6" t="str"><f>""</f><v></v></c></row><row r="9"><c r="A9" s="0"/></row>'
    )
    [table] = open_tables(raw_xlsx(tmp_path / "a.xlsx", worksheet(rows)))
    assert texts(table) == [["1"], [""], [""], ["4"]]


def test_a_row_of_zeros_is_not_empty(tmp_path: Path) -> None:
    """Nor is one of FALSE or of blanks."""
    [table] = open_tables(xlsx(tmp_path / "a.xlsx", [["x", "y"], [0, None], [False, None], [" ", None]]))
    assert texts(table) == [["x", "y"], ["0", ""], ["FALSE", ""], [" ", ""]]


def test_the_head_is_the_first_rows(tmp_path: Path) -> None:
    """The head has as many rows as the header is looked for in."""
    [table] = open_tables(xlsx(tmp_path / "a.xlsx", [[f"{row}"] for row in range(200)]))
    assert table.head == [[f"{row}"] for row in range(HEAD_ROWS)]


@settings(deadline=None)
@given(size=st.integers(1, 40), at_once=st.integers(1, 40))
def test_the_size_of_frames_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, size: int, at_once: int
) -> None:
    """However many rows a frame has, the rows, formats and problems are the same."""
    path = tmp_path_factory.mktemp("sizes") / "a.xlsx"
    cells = "".join(
        f'<row r="{row}"><c r="B{row}" s="{row % 2}"><v>0.5</v></c>'
        + (f'<c r="C{row}" t="e"><v>#N/A</v></c>' if row % 5 == 0 else "")
        + "</row>"
        for row in range(3, 41, 2)
    )
    [table] = open_tables(raw_xlsx(path, worksheet(cells), styles=["0", "0%"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbook, "_ROWS_AT_ONCE", at_once)
        rows, found = texts(table, size), problems(table, size)
    assert [row[1] for row in rows[2::2]] == ["50%"] * 19
    assert [row[1] for row in rows[3::2]] == [""] * 18
    assert sorted(found) == [5, 15, 25, 35]


def test_every_reading_is_anew(tmp_path: Path) -> None:
    """A table can be read twice, also one reading within another, and tells how far it is."""
    [table] = open_tables(xlsx(tmp_path / "a.xlsx", [[f"{row}"] for row in range(100)]))
    first = table.frames(40)
    next(first)
    assert texts(table) == [[f"{row}"] for row in range(100)]
    assert [row for frame in first for row in frame[ROW]] == list(range(41, 101))
    shares = [table.share_read for _ in table.frames(40)]
    assert shares == [0.4, 0.8, 1.0]
    assert table.share_read == 1.0


def test_the_file_is_not_held_open(tmp_path: Path) -> None:
    """An opened workbook can be replaced, and the table still reads what it was."""
    path = xlsx(tmp_path / "a.xlsx", [["1001"]])
    [table] = open_tables(path)
    path.unlink()
    assert texts(table) == [["1001"]]


# -- merged cells, hidden rows ---------------------------------------------------------------------


def test_merged_cells_over_several_rows(tmp_path: Path) -> None:
    """Only a merged range's first cell has the value; a range that leaves later rows blank is told."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Laskut")
        sheet.merge_range("A1:C2", "Myyntilaskut 2026")
        sheet.write_row("A3", ["billnum", "desc", "amount"])
        sheet.merge_range("A4:A6", "1001")
        sheet.merge_range("B7:C7", "välisumma")
        for row in range(3, 6):
            sheet.write(row, 1, "työ")
    [table] = open_tables(path)
    assert texts(table)[3:] == [["1001", "työ", ""], ["", "työ", ""], ["", "työ", ""], ["", "välisumma", ""]]
    [found] = table.findings
    assert (found.code, found.severity, found.place.sheet, found.place.cell) == (
        "merged-cells",
        Severity.WARNING,
        "Laskut",
        "A4",
    )
    assert found.message == (
        "Merged cells span several rows (A4:A6): "
        "only the first row of each has the value, the others are read as blank."
    )
    assert (
        found.remedy
        == "Check that the rows below are to be blank; otherwise unmerge the cells and fill them in."
    )


def test_many_merged_cells_are_one_finding(tmp_path: Path) -> None:
    """A sheet full of merged cells gives one finding that names the first of them."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row in range(0, 100, 2):
            sheet.merge_range(row, 0, row + 1, 0, f"{row}")
            sheet.write_column(row, 1, ["a", "b"])
    [table] = open_tables(path)
    [found] = table.findings
    assert "(A1:A2, A3:A4, A5:A6 and 47 more)" in found.message


def test_merged_cells_of_other_workbooks(tmp_path: Path) -> None:
    """Likewise in .xls and .ods; what is under a merged cell is not shown and not read."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("A")
    sheet.write_merge(0, 1, 0, 0, "1001")
    sheet.write(1, 1, "työ")
    book.save(tmp_path / "a.xls")
    merged = (
        '<table:table-cell office:value-type="string" table:number-rows-spanned="2" '
        'table:number-columns-spanned="1"><text:p>1001</text:p></table:table-cell>'
    )
    text = '<table:table-cell office:value-type="string"><text:p>työ</text:p></table:table-cell>'
    covered = text.replace("table-cell", "covered-table-cell")
    raw_ods(
        tmp_path / "a.ods",
        f'<table:table table:name="A"><table:table-row>{merged}</table:table-row>'
        f"<table:table-row>{covered}{text}</table:table-row></table:table>",
    )
    for name in ("a.xls", "a.ods"):
        [table] = open_tables(tmp_path / name)
        assert texts(table) == [["1001", ""], ["", "työ"]]
        assert [(found.code, found.place.cell) for found in table.findings] == [("merged-cells", "A1")]


def test_hidden_rows_are_read_and_told(tmp_path: Path) -> None:
    """Hidden and filtered rows are part of the export; a warning and the facts tell how many."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_column(0, 0, ["billnum", "1001", "1002", "1003"])
        sheet.set_row(1, None, None, {"hidden": True})
        sheet.set_row(3, None, None, {"hidden": True})
        sheet.set_row(9, None, None, {"hidden": True})
        sheet.set_column(5, 5, None, None, {"hidden": True})
    [table] = open_tables(path)
    assert texts(table) == [["billnum"], ["1001"], ["1002"], ["1003"]]
    assert table.facts == {"type": "xlsx", "hidden rows": "2"}
    [found] = table.findings
    assert (found.code, found.severity) == ("hidden-rows", Severity.WARNING)
    assert found.message == "Rows of the sheet are hidden or filtered out (2); they are read like all others."
    assert found.remedy == "Delete them from the workbook if they are not to be invoiced."


def test_hidden_rows_and_sheets_of_opendocument(tmp_path: Path) -> None:
    """Likewise in .ods, where a style hides a sheet."""
    cell = '<table:table-cell office:value-type="string"><text:p>1001</text:p></table:table-cell>'
    row = (
        f'<table:table-row table:visibility="filter" table:number-rows-repeated="2">{cell}</table:table-row>'
    )
    unused = '<table:table-row table:visibility="collapse" table:number-rows-repeated="1048574"/>'
    style = (
        '<style:style style:name="ta2" style:family="table">'
        '<style:table-properties xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'table:display="false"/></style:style>'
    )
    path = raw_ods(
        tmp_path / "a.ods",
        f'<table:table table:name="A" table:style-name="ta1">{row}{unused}</table:table>'
        f'<table:table table:name="B" table:style-name="ta2">{row}</table:table>',
        styles=style,
    )
    [table] = open_tables(path)
    assert table.sheet == "A"
    assert texts(table) == [["1001"], ["1001"]]
    assert table.facts == {"type": "ods", "hidden sheets": "B", "hidden rows": "2"}


def test_hidden_sheets_of_old_workbooks(tmp_path: Path) -> None:
    """Likewise in .xls."""
    book = xlwt.Workbook()
    book.add_sheet("A").write(0, 0, "1001")
    hidden = book.add_sheet("B")
    hidden.write(0, 0, "1002")
    hidden.visibility = 1
    book.add_sheet("C")
    book.save(tmp_path / "a.xls")
    [table] = open_tables(tmp_path / "a.xls")
    assert (table.sheet, table.facts["hidden sheets"]) == ("A", "B")
    assert refused(tmp_path / "a.xls", sheet="C").code == "sheet-empty"


def test_repeated_rows_and_cells_of_opendocument(tmp_path: Path) -> None:
    """OpenDocument writes rows and cells that are alike once; empty ones at the end are not rows."""
    gap = '<table:table-cell table:number-columns-repeated="{}"/>'
    cell = gap.replace("/>", ' office:value-type="percentage" office:value="0.5"/>')
    rows = (
        f'<table:table-row table:number-rows-repeated="3">{gap.format(16384)}</table:table-row>'
        '<table:table-header-rows><table:table-row table:number-rows-repeated="2">'
        f"{gap.format(1)}{cell.format(2)}{gap.format(16381)}</table:table-row></table:table-header-rows>"
        '<table:table-row-group><table:table-row table:number-rows-repeated="1048571">'
        f"{gap.format(16384)}</table:table-row></table:table-row-group>"
    )
    [table] = open_tables(raw_ods(tmp_path / "a.ods", f'<table:table table:name="A">{rows}</table:table>'))
    assert texts(table) == [[""] * 3] * 3 + [["", "50%", "50%"]] * 2


def test_chart_sheets_are_no_tables(tmp_path: Path) -> None:
    """A chart on a sheet of its own holds no rows."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Laskut").write_column(0, 0, [1, 2])
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=Laskut!$A$1:$A$2"})
        book.add_chartsheet("Kuva").set_chart(chart)
    assert [table.sheet for table in open_tables(path)] == ["Laskut"]


def test_sheets_moved_about_in_excel(tmp_path: Path) -> None:
    """A sheet's name leads to its own part, whatever the parts are called."""
    book = openpyxl.Workbook()
    for number in range(3):
        sheet = book.create_sheet(f"S{number}")
        sheet["A1"] = 0.5
        sheet["A1"].number_format = ["0", "0%", "000"][number]
    del book["Sheet"]
    book.move_sheet("S2", -2)
    book.save(tmp_path / "a.xlsx")
    read = {table.sheet: texts(table)[0][0] for table in open_tables(tmp_path / "a.xlsx")}
    assert read == {"S2": f"0.5{EXACT}", "S0": f"0.5{EXACT}", "S1": "50%"}
