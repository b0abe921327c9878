"""What is said of exports of another shape, word for word, and in which cell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made import documents, table, told
from shapes.exports import (
    CARRY,
    FIELDS,
    POSITIONS,
    REPEATED,
    TABLES,
    TWO_ROWS,
    Invoice,
    first_row_only,
    invoices,
    profile,
    repeated,
    standard,
    two_header_rows,
    two_tables,
    without_header,
)

from pipeline.columns.layouts import understand
from pipeline.document import Document
from pipeline.findings import Refusal
from pipeline.profile import Profile
from pipeline.readers.table import Problem, Table
from pipeline.subject import ALLOCATIONS

MADE = invoices(3)


def sheets(*named: tuple[str, list[list[str]]]) -> list[Table]:
    """The sheets of one workbook."""
    return [replace(table(rows, file="laskutus.xlsx"), sheet=name) for name, rows in named]


def refused(files: list[list[Table]], declared: Profile) -> str:
    """The code and the message with which the files are refused."""
    with pytest.raises(Refusal) as raised:
        understand(files, declared)
    return f"{raised.value.finding.code}: {raised.value.finding.message}"


def messages(found: list[Document], billnum: str) -> list[str]:
    """What is said of an invoice."""
    return [each.message for each in of(found, billnum).findings]


def of(found: list[Document], billnum: str) -> Document:
    """The document of that number."""
    (document,) = (each for each in found if each.dataset.get("billnum") == billnum)
    return document


# -- only the first row says whose it is -----------------------------------------------------------


def test_a_row_above_all_invoices_belongs_to_none() -> None:
    """The first data row has nothing to take its identity from."""
    rows = first_row_only(MADE)
    rows.insert(1, [*[""] * 9, "Työ", "1", "10,00", "25,5", ""])
    found, intake = documents(table(rows), profile=CARRY)
    assert [(each.code, each.place.row) for each in intake.findings] == [("row-without-invoice", 2)]
    assert [document.valid for document in found] == [True] * 3


def test_a_total_row_is_no_row_of_the_invoice_above() -> None:
    """Neither with its word, nor in the middle of the table, nor at its end."""
    rows = first_row_only(MADE)
    total = [*[""] * 9, "Yhteensä", "", "100,00", "", ""]
    found, intake = documents(table([rows[0], rows[1], total, *rows[2:], total]), profile=CARRY)
    assert intake.aside == {(0, "header"): [1], (0, "total"): [3, len(rows) + 2]}
    assert len(of(found, "1001").dataset["payrow"]) == 1


def test_a_row_of_mere_numbers_may_be_a_total() -> None:
    """It is given to no invoice, and the invoice above waits, since it may have been its row."""
    given = {"payrow.desc": "Palvelut", "payrow.count": "1", "payrow.taxpr": "25,5"}
    declared = profile(reading={"carry": True}, columns={"Summa": "payrow.amount"}, constants=given)
    header = standard(MADE)[0][:9]
    rows = [[*header, "Summa"], [*MADE[0].own, "10,00"], [*MADE[1].own, "20,00"], [*[""] * 9, "30,00"]]
    found, intake = documents(table(rows), profile=declared)
    assert [(each.code, each.place.row) for each in intake.findings] == [("row-without-invoice", 4)]
    assert told(found) == [("row-below-unnamed", "A3")]


def test_another_debtor_below_contradicts() -> None:
    """A row without bill number, but with a debtor of its own, makes the invoice above unsure."""
    rows = first_row_only(MADE)
    rows[3][4] = "Kolmas Ab"
    found, _ = documents(table(rows), profile=CARRY)
    assert messages(found, "1002") == [
        "The rows of one invoice disagree on name: “Kolmas Ab” here, “Toinen Oy” in E3."
    ]


def test_without_bill_numbers_all_of_the_invoices_own_fields_are_taken() -> None:
    """A row below may repeat what is the same, and has nothing else of its own."""
    rows = [row[1:] for row in first_row_only(MADE)]
    rows[3][0] = rows[2][0]  # the date again
    found, intake = documents(table(rows), profile=CARRY)
    assert [len(document.dataset["payrow"]) for document in found] == [1, 2, 4]
    assert intake.findings == []
    rows[3][0] = "5.5.2026"
    found, intake = documents(table(rows), profile=CARRY)
    assert [(each.code, each.place.row) for each in intake.findings] == [("row-without-invoice", 4)]
    assert [each.code for document in found for each in document.findings] == ["row-below-unnamed"]


def test_numbers_of_two_kinds_stay_apart() -> None:
    """An invoice and a reminder may have one number: the rows below each are its own."""
    rows = first_row_only([MADE[1], MADE[2]])
    rows = [[*row, text] for row, text in zip(rows, ["Työlaji", "0", "", "1", "", "", ""], strict=False)]
    rows[3][0] = "1002"
    found, _ = documents(
        table([["jobtype" if x == "Työlaji" else x for x in rows[0]], *rows[1:]]), profile=CARRY, check=False
    )
    assert [(each.kind.value, len(each.rows)) for each in found] == [("invoice", 2), ("reminder", 4)]


def test_a_bill_number_of_two_cells_is_carried_whole() -> None:
    """Where two columns make the number, both are taken from above."""
    rows = [["Sarja", *row] for row in first_row_only(MADE)[:1]]
    rows += [["A" if row[0] else "", *row] for row in first_row_only(MADE)[1:]]
    rows[0][1] = "Numero"
    declared = profile(reading={"carry": True}, texts={"billnum": "{Sarja}{Numero}"})
    found, _ = documents(table(rows), profile=declared)
    assert [each.dataset["billnum"] for each in found] == ["A1001", "A1002", "A1003"]
    assert [len(each.dataset["payrow"]) for each in found] == [1, 2, 4]


# -- two tables ------------------------------------------------------------------------------------


def files(ours: list[list[str]], rows: list[list[str]]) -> list[Table]:
    """The two files."""
    return [table(ours, file="laskut.csv"), table(rows, file="rivit.csv")]


def test_rows_of_an_invoice_that_is_not_there() -> None:
    """The finding is on the row, and names its number."""
    ours, rows = two_tables(MADE)
    found, _ = documents(*files(ours[:-1], rows), profile=TABLES)
    (said,) = of(found, "1003").findings
    assert (said.code, said.place.file, said.place.cell) == ("rows-without-invoice", "rivit.csv", "A5")
    assert said.message == (
        "No row of the invoices' table has the number 1003, so these rows belong to no invoice."
    )
    assert not of(found, "1003").valid
    assert of(found, "1001").valid


def test_an_invoice_without_rows() -> None:
    """It is an invoice with a mistake, not one with a row made of the profile's values."""
    ours, rows = two_tables(MADE)
    given = {"payrow.desc": "Palvelut", "payrow.count": "1"}
    declared = TABLES.model_copy(update={"defaults": given})
    found, _ = documents(*files(ours, rows[:-4]), profile=declared)
    assert [each.code for each in of(found, "1003").findings] == ["field-missing"]
    assert "payrow" not in of(found, "1003").dataset


def test_an_invoice_twice_with_other_values() -> None:
    """Both cells are named."""
    ours, rows = two_tables(MADE)
    found, _ = documents(*files([*ours, [*ours[1][:-1], "ESPOO"]], rows), profile=TABLES)
    assert told(found) == [("contradiction", "I5")]


def test_rows_of_one_invoice_in_two_files_of_rows() -> None:
    """The export of the rows given twice would double the sum; the invoices' table is no second one."""
    ours, rows = two_tables(MADE)
    again = table(rows[:2], file="rivit-uudet.csv")
    found, _ = documents(*files(ours, rows), again, profile=TABLES)
    assert told(found) == [("invoice-in-two-tables", "A2")]
    several = TABLES.model_copy(
        update={"reading": TABLES.reading.model_copy(update={"several_tables": True})}
    )
    layouts = understand([[each] for each in [*files(ours, rows), again]], several)
    assert [layout.table.file for layout in layouts] == ["laskut.csv", "rivit.csv", "rivit-uudet.csv"]


def test_two_sheets_of_one_workbook() -> None:
    """Sheets are told apart by their names, and a third one is not read."""
    ours, rows = two_tables(MADE)
    declared = profile(tables=[{"part": "rows", "sheet": "rivit"}, {"part": "invoices", "sheet": "Laskut"}])
    layouts = understand([sheets(("Rivit", rows), ("Ohje", standard(MADE)), ("Laskut", ours))], declared)
    assert [(layout.number, layout.table.sheet) for layout in layouts] == [(0, "Laskut"), (1, "Rivit")]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["laskut.csv"],
            (
                "table-missing: The profile needs a table “rivit*.csv”, which is not there. "
                "There are: “laskut.csv”."
            ),
        ),
        (
            ["laskut.csv", "rivit.csv", "muut.csv"],
            (
                "file-undeclared: The file muut.csv fits none of the profile's [[tables]]: "
                "“laskut*.csv” and “rivit*.csv”."
            ),
        ),
    ],
)
def test_files_that_are_missing_or_too_many(names: list[str], message: str) -> None:
    """Nothing is sent without one of the tables, and no file is passed over."""
    ours, rows = two_tables(MADE)
    made = [[table(rows if "rivit" in name else ours, file=name)] for name in names]
    assert refused(made, TABLES) == message


def test_a_file_that_could_be_both() -> None:
    """Which table it is, is never guessed."""
    ours, _ = two_tables(MADE)
    declared = profile(tables=[{"part": "invoices", "file": "*.csv"}, {"part": "rows", "file": "laskut*"}])
    assert refused([[table(ours, file="laskut.csv")]], declared) == (
        "table-in-two-parts: The table fits two of the profile's [[tables]]: “*.csv” and “laskut*”."
    )


def test_needed_columns_of_two_tables() -> None:
    """They may be in either; the bill number must be in both."""
    ours, rows = two_tables(MADE)
    short = [row[1:] for row in rows]
    assert refused([[each] for each in files(ours, short)], TABLES).startswith(
        "column-missing: No column for billnum. The headers found are: “Laskunumero”"
    )
    short = [row[:-3] for row in rows]
    assert refused([[each] for each in files(ours, short)], TABLES).startswith(
        "column-missing: No column for payrow.amount, payrow.taxpr."
    )


def test_a_sum_in_the_table_of_invoices_is_no_row() -> None:
    """`Veroton hinta` beside an invoice makes no invoice row, but its total is checked."""
    ours, rows = two_tables(MADE)
    sums = ["125,50", "195,30", "1"]
    ours = [[*row, "1", text] for row, text in zip(ours, ["Yhteensä", *sums], strict=True)]
    ours[0][-2] = "Veroton hinta"
    found, _ = documents(*files(ours, rows), profile=TABLES)
    assert [len(each.dataset["payrow"]) for each in found] == [1, 2, 4]
    assert [code for code, _ in told(found)] == ["sum-disagrees"]
    assert of(found, "1003").findings[0].place.file == "laskut.csv"


def test_rows_follow_the_job_type_of_their_invoice() -> None:
    """The table of rows does not have it: its rows are the reminder's all the same."""
    ours, rows = two_tables(MADE)
    ours = [[*row, text] for row, text in zip(ours, ["jobtype", "", "1", ""], strict=True)]
    found, _ = documents(*files(ours, rows), profile=TABLES, check=False)
    assert [(each.kind.value, len(each.rows)) for each in found] == [
        *(("invoice", 2), ("reminder", 3), ("invoice", 5))
    ]


# -- no header -------------------------------------------------------------------------------------


def test_a_field_more_or_less() -> None:
    """A file whose rows have another number of fields is refused."""
    rows = [[*row, "uusi"] for row in without_header(MADE)]
    assert refused([[table(rows)]], POSITIONS) == (
        "fields-changed: A row of export.csv has 15 fields, but the profile counts on 14."
    )
    assert refused([[table([row[:-1] for row in rows])]], profile(**_positions(15))).startswith("fields-ch")


def _positions(fields: int) -> dict[str, object]:
    return {
        "reading": {"header": False, "fields": fields},
        "columns": {str(at): field for at, field in enumerate(FIELDS, 1)},
    }


def test_without_a_number_of_fields_the_last_position_counts() -> None:
    """A position that no row has cannot be read."""
    declared = POSITIONS.model_copy(update={"reading": POSITIONS.reading.model_copy(update={"fields": None})})
    assert refused([[table([row[:-2] for row in without_header(MADE)])]], declared) == (
        "fields-changed: A row of export.csv has 12 fields, but the profile counts on 14."
    )


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (
            2,
            9,
            "Field 2 of export.csv is billdate by the profile, but it holds “HELSINKI”, “TAMPERE”, “ÅBO”.",
        ),
        (
            8,
            9,
            "Field 8 of export.csv is postcode by the profile, but it holds “HELSINKI”, “TAMPERE”, “ÅBO”.",
        ),
        (6, 7, "Field 6 of export.csv is govid by the profile, but it holds “Katu 1”, “Kuja 2”, “Gränd 3”."),
        (
            11,
            10,
            "Field 11 of export.csv is payrow.count by the profile, but it holds “Työ”, “Kirja”, “Matka”.",
        ),
    ],
)
def test_fields_that_have_moved(one: int, other: int, message: str) -> None:
    """A file with the same number of fields, two of them exchanged, is refused."""
    rows = without_header(MADE)
    for row in rows:
        row[one - 1], row[other - 1] = row[other - 1], row[one - 1]
    assert refused([[table(rows)]], POSITIONS) == f"fields-shifted: {message}"


def test_a_few_wrong_cells_are_no_other_layout() -> None:
    """They are told in their cells, as in any file."""
    rows = without_header(MADE)
    rows[0][1] = "ensi viikolla"
    found, _ = documents(table(rows), profile=POSITIONS)
    assert told(found) == [("date-form", "B1")]
    assert found[0].findings[0].place.column == "2"


def test_words_that_a_profile_translates_are_no_other_layout() -> None:
    """A column is held against what its field can be after `[values]`."""
    rows = [[*row, "K"] for row in without_header(MADE)]
    declared = _positions(15)
    declared["columns"] = POSITIONS.columns | {"15": "payrow.netamount"}
    assert refused([[table(rows)]], profile(**declared)) == (
        "fields-shifted: Field 15 of export.csv is payrow.netamount by the profile, but it holds “K”."
    )
    for words in ({"k": "100,00"}, {"*": ""}):
        (layout,) = understand([[table(rows)]], profile(**declared, values={"payrow.netamount": words}))
        assert layout.fields[14] == "payrow.netamount"


# -- a header of several rows ----------------------------------------------------------------------


def test_header_rows_are_no_data() -> None:
    """All of them are set aside, where they are repeated too; titles above are titles."""
    rows = two_header_rows(MADE)
    found, intake = documents(table([["Laskut 10/2026"], *rows, *rows[:2], *rows[-4:]]), profile=TWO_ROWS)
    assert intake.aside[0, "title"] == [1]
    assert intake.aside[0, "header"] == [2, 3, 11, 12]
    assert len(of(found, "1003").dataset["payrow"]) == 8


def test_a_missing_column_names_the_joined_headers() -> None:
    """As they are to be written in the profile."""
    declared = TWO_ROWS.model_copy(
        update={"columns": {name: path for name, path in TWO_ROWS.columns.items() if path != "city"}}
    )
    assert refused([[table(two_header_rows(MADE))]], declared).startswith(
        "column-missing: No column for city. The headers found are: “Lasku Nro”, “Lasku Pvm”, “Lasku Eräpvm”"
    )


# -- columns that repeat ---------------------------------------------------------------------------


def test_each_repetition_has_its_own_cells() -> None:
    """A finding names the cell of the second product, not of the first."""
    rows = repeated(MADE)
    at = rows[0].index("Veroton hinta 2")
    rows[3][at] = "paljon"
    found, intake = documents(table(rows), profile=REPEATED)
    assert told(found) == [("number-form", "Q4")]
    assert found[2].findings[0].place.column == "Veroton hinta 2"
    assert intake.rows_read == len(rows)
    assert intake.aside == {(0, "header"): [1]}


def test_what_repetitions_share_is_told_once() -> None:
    """A wrong date is one finding, and so is a cell that could not be read."""
    rows = repeated(MADE)
    rows[3][1] = "joskus"
    problem = Problem(2, "formula-not-computed", "=A1")
    found, _ = documents(table(rows, {4: [problem]}), profile=REPEATED)
    assert sorted(told(found)) == [("date-form", "B4"), ("formula-not-computed", "C4")]


def test_a_repetition_that_lacks_a_column() -> None:
    """It would make rows without a price."""
    rows = [[cell for at, cell in enumerate(row) if at != 21] for row in repeated(MADE)]
    assert refused([[table(rows)]], REPEATED).startswith("column-missing: No column for payrow.amount.")


def test_an_empty_first_repetition_makes_no_row() -> None:
    """The invoice is there with the rows that say something, whatever rate all of them share."""
    rows = repeated(MADE)
    for number, row in enumerate(rows):
        row.append("25,5" if number else "ALV %")
        for at in [at for at, header in enumerate(rows[0]) if header.startswith("ALV % ")]:
            row[at] = "" if number else "x"
    rows[2][9:14] = [""] * 5
    declared = REPEATED.model_copy(
        update={"columns": {name: path for name, path in REPEATED.columns.items() if path != "payrow.taxpr"}}
    )
    found, _ = documents(table(rows), profile=declared)
    assert [row["desc"] for row in of(found, "1002").dataset["payrow"]] == ["Matka"]
    assert of(found, "1002").valid


def test_rows_of_repetitions_keep_their_order() -> None:
    """First by the row of the file, then by the number of the repetition."""
    made = [Invoice(MADE[0].own, [[f"{at}", "1", "1", "25,5", ""] for at in "abc"])] * 2
    found, _ = documents(table(repeated(made)), profile=REPEATED, size=1)
    assert [row["desc"] for row in found[0].dataset["payrow"]] == [*"abcabc"]
    assert found[0].rows == [(0, 2), (1, 2), (2, 2), (0, 3), (1, 3), (2, 3)]


# -- what the profile completes --------------------------------------------------------------------


def test_values_of_the_profile_make_no_row() -> None:
    """Defaults and constants complete a row of which the file says something, and no other."""
    rows = standard(MADE)
    rows.append([*MADE[0].own, "", "", "", "", ""])
    declared = profile(defaults={"payrow.itemtype": "kpl"}, constants={"payrow.taxpr": "24"})
    found, _ = documents(table(rows), profile=declared)
    assert of(found, "1001").dataset["payrow"] == [
        {"desc": "Työ", "count": "2", "amount": "50.00", "taxpr": "24", "itemtype": "kpl"}
    ]
    assert of(found, "1001").valid


def test_a_made_field_is_told_in_the_cell_that_it_comes_from() -> None:
    """A postcode split from an address stands in the address's cell."""
    rows = [
        [*row[:7], "Paikka" if not at else f"{row[7]} {row[8]}", *row[9:]]
        for at, row in enumerate(standard(MADE))
    ]
    rows[1][7] = "1234567890123456789 HELSINKI"
    declared = profile(split=[{"column": "Paikka", "pattern": r"(\S+) (.+)", "into": ["postcode", "city"]}])
    found, _ = documents(table(rows), profile=declared)
    assert told(found) == [("value-form", "H2")]


def test_entries_of_several_files_keep_their_places() -> None:
    """Allocations are no invoices with rows: no table is joined, no column repeats, every file counts."""
    rows = [["Laskunumero", "Summa", "Päivä 1"], ["1001", "10,00", "1.10.2026"]]
    declared = profile(columns={"Summa": "amount", "Päivä {n}": "date"}, tables=TABLES.model_dump()["tables"])
    layouts = understand([[table(rows)], [table(rows, file="toinen.csv")]], declared, ALLOCATIONS)
    assert [(each.number, each.table.file, each.repeats) for each in layouts] == [
        *((0, "export.csv", ()), (1, "toinen.csv", ()))
    ]


@pytest.mark.parametrize("origin", ["{}, {}, 7", "{}.xlsx, {}, 7"])
def test_sheets_of_corrections_are_known_by_where_their_rows_stood(origin: str) -> None:
    """Whatever the sheets are called, though their guide has one as well, and though a part is missing."""
    ours, _ = two_tables(MADE[:1])
    status = ["Ropo: original row", origin.format("vienti, uusi", "laskut, 10/2026")]
    corrected = [
        replace(table([[*row, text] for row, text in zip(ours, status, strict=True)]), sheet="1"),
        replace(table([["Ohje"]]), sheet="2"),
    ]
    declared = profile(
        tables=[{"part": "invoices", "sheet": "laskut, 10/2026"}, {"part": "rows", "file": "*rivit*"}]
    )
    (layout,) = understand([corrected], declared)
    assert layout.part == declared.tables[0]
