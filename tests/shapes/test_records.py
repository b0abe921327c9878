"""Files with several kinds of records: the invoices they hold, where their cells stand, what is refused."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from exports import Invoice, invoices, profile, standard
from hypothesis import given, settings
from hypothesis import strategies as st
from made import documents, table
from record_files import ABOVE, BY_KEY, A, L, R, above, by_key, opened, text, told

from pipeline.document import Document
from pipeline.findings import Refusal
from pipeline.profile import Profile
from pipeline.readers.table import PROBLEMS, ROW, Problem

MADE = invoices()
WRITTEN = {"above": (above, ABOVE), "by key": (by_key, BY_KEY)}


def comparable(found: list[Document]) -> dict[str, tuple[dict[str, Any], Any, Any, Any]]:
    """Dataset and sums by bill number; none of them may have an error."""
    assert [each.message for document in found for each in document.findings if not document.valid] == []
    return {each.dataset["billnum"]: (each.dataset, each.net, each.vat, each.total) for each in found}


def refused(folder: Path, records: list[list[str]], declared: Profile = ABOVE) -> tuple[str, str]:
    """The code of the refusal, and its place and message."""
    path = folder / "laskut.csv"
    path.write_text(text(records), encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        [list(each.frames(100)) for each in opened(path, declared)]
    return caught.value.finding.code, told(caught.value.finding)


# -- the invoices ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part_bytes", [1, 30_000_000], ids=["in memory", "on disk"])
@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("shape", WRITTEN)
def test_the_standard_shape_s_datasets(tmp_path: Path, shape: str, size: int, part_bytes: int) -> None:
    """Thirty invoices with discounts, credits and three VAT rates, however frames and parts cut them."""
    write, declared = WRITTEN[shape]
    path = tmp_path / "laskut.csv"
    path.write_text(text(write(MADE)), encoding="utf-8")
    found, intake = documents(*opened(path, declared), profile=declared, size=size, part_bytes=part_bytes)
    assert comparable(found) == comparable(documents(table(standard(MADE)))[0])
    assert len(found) == 30
    assert intake.findings == []


@pytest.mark.parametrize("shape", WRITTEN)
def test_records_in_a_workbook(tmp_path: Path, shape: str) -> None:
    """A workbook's rows are as long as the longest; a sheet that does not begin with a record is left out."""
    write, declared = WRITTEN[shape]
    path = tmp_path / "laskut.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Ohje").write_row(0, 0, ["Laskut", "viikko 47"])
        sheet = book.add_worksheet("Laskut")
        for row, record in enumerate(write(MADE)):
            sheet.write_row(row, 0, record)
    found, _ = documents(*opened(path, declared), profile=declared)
    assert comparable(found) == comparable(documents(table(standard(MADE)))[0])


def test_a_text_file_that_excel_has_saved(tmp_path: Path) -> None:
    """All its records are as long as the longest: the fields too many are blank, and no damage."""
    path = tmp_path / "laskut.csv"
    path.write_text(text([*row, *[""] * (7 - len(row))] for row in above(MADE)), encoding="utf-8")
    found, _ = documents(*opened(path, ABOVE), profile=ABOVE)
    assert comparable(found) == comparable(documents(table(standard(MADE)))[0])


CELLS = st.text("aäö 0;\"'", max_size=4).map(lambda text: f"x{text}x")
ROWS = st.lists(
    st.tuples(CELLS, st.sampled_from(["1", "-2", "0,5"]), st.sampled_from(["10,00", "3,33"])).map(
        lambda row: [*row, "25,5", ""]
    ),
    min_size=1,
    max_size=4,
)


@given(
    cells=st.lists(st.tuples(st.integers(0, 2), CELLS, ROWS), min_size=1, max_size=8),
    shape=st.sampled_from([*WRITTEN]),
    size=st.sampled_from([1, 2, 5, 1000]),
    order=st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=80)
def test_records_and_the_standard_shape_agree(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[tuple[int, str, list[list[str]]]],
    shape: str,
    size: int,
    order: Any,
) -> None:
    """Whatever the invoices: their records, by key in any order, give what one table of them gives."""
    made = [
        Invoice(
            [
                str(1 + at),
                "1.10.2026",
                "1.11.2026",
                f"C{who}",
                f"Acme {who} Oy",
                "2262509-5",
                f"Katu {who}",
                "00100",
                "X",
            ],
            rows,
        )
        for at, (who, _, rows) in enumerate(cells)
    ]
    write, declared = WRITTEN[shape]
    records = write(made)
    if shape == "by key":
        rows = [record for record in records if record[0] == "R"]
        others = [record for record in records if record[0] != "R"]
        order.shuffle(others)
        records = [*rows, *others]
    path = tmp_path_factory.getbasetemp() / "laskut.csv"
    path.write_text(text(records), encoding="utf-8")
    found, _ = documents(*opened(path, declared), profile=declared, size=size, check=False)
    expected, _ = documents(table(standard(made)), check=False)
    assert comparable(found) == comparable(expected)


def test_an_invoice_without_rows_is_not_lost(tmp_path: Path) -> None:
    """It is an invoice that cannot be sent, and says so in its own row."""
    path = tmp_path / "laskut.csv"
    path.write_text(text([*above(MADE[:1])[:2], *above(MADE[1:2])]), encoding="utf-8")
    found, _ = documents(*opened(path, ABOVE), profile=ABOVE)
    assert [(document.billnum, document.valid) for document in found] == [("1001", False), ("1002", True)]
    assert [told(each).split(". ")[0] for each in found[0].findings] == ["2: payrow is missing"]


def test_without_a_bill_number_rows_stay_together(tmp_path: Path) -> None:
    """A row then takes from its invoice all by which rows are put together."""
    declared = profile(
        records=[
            {"mark": "A", "columns": A},
            {"mark": "L", "columns": {"3": "billdate", "4": "paydate"}},
            {"mark": "R", "columns": R},
        ]
    )
    path = tmp_path / "laskut.csv"
    path.write_text(text(above(MADE)[:-1]), encoding="utf-8")
    found, intake = documents(*opened(path, declared), profile=declared, check=False)
    assert [len(document.payrows) for document in found] == [len(each.rows) for each in MADE]
    assert intake.findings == []


def test_a_job_type_reaches_the_rows(tmp_path: Path) -> None:
    """Else the rows of a reminder would be an invoice of their own."""
    declared = profile(
        records=[
            {"mark": "A", "columns": A},
            {"mark": "L", "columns": {**L, "5": "jobtype"}},
            {"mark": "R", "columns": R},
        ]
    )
    records = [[*record, "1"] if record[0] == "L" else record for record in above(MADE[:3])[:-1]]
    path = tmp_path / "laskut.csv"
    path.write_text(text(records), encoding="utf-8")
    found, _ = documents(*opened(path, declared), profile=declared, check=False)
    assert [document.billnum for document in found] == ["1001", "1002", "1003"]


# -- where cells stand -----------------------------------------------------------------------------------


def test_a_cell_is_named_where_it_stands(tmp_path: Path) -> None:
    """An invoice's customer in the customer's record, its number in its own, its price in the row's."""
    records = above(MADE[:2])
    records[0][5] = "1"  # the customer's postcode
    records[1][2] = "31.9.2026"  # the invoice's date
    records[2][3] = "10,0,0"  # the row's price
    path = tmp_path / "laskut.csv"
    path.write_text(text(records), encoding="utf-8")
    found, _ = documents(*opened(path, ABOVE), profile=ABOVE, check=False)
    assert [(each.place.row, each.place.cell, each.place.column) for each in found[0].findings] == [
        (2, "C2", "billdate"),
        (3, "D3", "payrow.amount"),
    ]
    [virtual] = opened(path, ABOVE)
    assert virtual.fields is not None
    assert virtual.origin is not None
    at = {field: number for number, field in enumerate(virtual.fields)}
    assert virtual.origin(2, at["postcode"]) == (1, 5)
    assert virtual.origin(2, at["billnum"]) == (2, 1)
    assert virtual.origin(3, at["billnum"]) == (2, 1)
    assert virtual.origin(3, at["payrow.desc"]) == (3, 1)
    assert virtual.origin(2, at["payrow.desc"]) is None
    assert virtual.origin(1, at["postcode"]) == (1, 5)


def test_by_key_a_cell_is_named_where_it_stands(tmp_path: Path) -> None:
    """However far away the record is; a row's own bill number stands in the row."""
    path = tmp_path / "laskut.csv"
    path.write_text(text(by_key(MADE)), encoding="utf-8")
    [virtual] = opened(path, BY_KEY)
    assert virtual.fields is not None
    assert virtual.origin is not None
    at = {field: number for number, field in enumerate(virtual.fields)}
    assert virtual.origin(6, at["city"]) == (3, 6)  # the third invoice's is the third customer
    assert virtual.origin(6, at["custnum"]) == (6, 4)
    assert virtual.origin(34, at["billnum"]) == (34, 6)


def test_what_could_not_be_read_travels_with_its_cell(tmp_path: Path) -> None:
    """A customer's damaged record keeps all invoices of that customer from being sent, and no others."""
    records = text(above(MADE[:2])).replace("Acme Oy", 'Ac"me Oy', 1).replace(";Ac", ';"Ac', 1)
    path = tmp_path / "laskut.csv"
    path.write_text(records, encoding="utf-8")
    [virtual] = opened(path, ABOVE)
    assert virtual.fields is not None
    found = {
        row: Problem.unpack(packed)
        for frame in virtual.frames(1)
        for row, packed in zip(frame[ROW], frame[PROBLEMS], strict=True)
        if packed
    }
    assert [(row, virtual.fields[each.column or 0], each.code) for row, [each] in found.items()] == [
        (2, "name", "stray-quote")
    ]
    assert virtual.suspects
    invoiced, _ = documents(virtual, profile=ABOVE, check=False)
    assert [[told(each).partition(" (")[0] for each in document.findings] for document in invoiced] == [
        [
            "C1: The cell has a quotation mark in the wrong place",
            (
                "B2: A damaged row of the file holds “1001”, which is this invoice's: "
                "a row of it may be missing."
            ),
        ],
        [],
    ]


# -- what is refused -----------------------------------------------------------------------------------


def changed(at: int, record: list[str] | None) -> list[list[str]]:
    """The records of three invoices with one of them changed, or left out."""
    records = above(MADE[:3])
    return [*records[:at], *([record] if record else []), *records[at + 1 :]]


def keyed(at: int, column: int, cell: str) -> list[list[str]]:
    """The records of three invoices by key, with a cell changed."""
    records = by_key(MADE[:3])
    records[at][column] = cell
    return records


@pytest.mark.parametrize(
    ("records", "declared", "code", "message"),
    [
        (
            changed(2, ["X", "Työ", "1"]),
            ABOVE,
            "record-mark-unknown",
            (
                "A3: Row 3 is a record of the kind “X”, which the profile does not know"
                " (it knows “A”, “L”, “R”, “T”)."
            ),
        ),
        (
            changed(2, ["R", "Työ", "osa 2", "1", "50,00", "25,5", ""]),
            ABOVE,
            "record-fields",
            "3: Records of the kind “R” must have 6 fields; 1 have not, first the one in row 3.",
        ),
        (
            changed(1, None),
            ABOVE,
            "record-without-parent",
            (
                "2: The record of the kind “R” in row 2 comes before any of the kind “L"
                "” that it could belong to."
            ),
        ),
        (
            changed(4, None),  # the second invoice's, below its customer's
            ABOVE,
            "record-without-parent",
            (
                "5: The record of the kind “R” in row 5 comes before any of the kind “L"
                "” that it could belong to."
            ),
        ),
        (
            changed(4, ["L", "1001", "1.10.2026", "1.11.2026"]),
            ABOVE,
            "record-key-twice",
            "B5: The records of the kind “L” in rows 2 and 5 have the same number “1001”.",
        ),
        (
            [*by_key(MADE[:3]), ["A", "C1", "Toinen", "", "Katu 9", "00100", "HELSINKI"]],
            BY_KEY,
            "record-key-twice",
            "B14: The records of the kind “A” in rows 1 and 14 have the same number “C1”.",
        ),
        (
            keyed(3, 4, "C9"),
            BY_KEY,
            "record-key-unknown",
            (
                "E4: The record of the kind “L” in row 4 belongs to “C9”, but no record"
                " of the kind “A” has that number."
            ),
        ),
        (
            keyed(6, 6, " "),
            BY_KEY,
            "record-key-missing",
            "G7: The record of the kind “R” in row 7 has no billnum, by which records are put together.",
        ),
        (
            keyed(0, 1, ""),
            BY_KEY,
            "record-key-missing",
            "B1: The record of the kind “A” in row 1 has no custnum, by which records are put together.",
        ),
    ],
)
def test_what_is_not_certain_is_refused(
    tmp_path: Path, records: list[list[str]], declared: Profile, code: str, message: str
) -> None:
    """Nothing is left out, shifted, or put under another invoice by guess."""
    found, text_of_it = refused(tmp_path, records, declared)
    assert (found, text_of_it) == (code, message)


def test_a_record_that_says_it_is_another_s(tmp_path: Path) -> None:
    """Where the record above and the record itself disagree, nobody knows which is right."""
    declared = profile(
        records=[
            {"mark": "A", "columns": A},
            {"mark": "L", "columns": {**L, "5": "custnum"}},
            {"mark": "R", "columns": R},
        ]
    )
    records = [[*each, "C1"] if each[0] == "L" else each for each in above(MADE[:2])[:-1]]
    assert refused(tmp_path, records, declared) == (
        "record-of-another",
        "E5: The record of the kind “L” in row 5 has the custnum “C1”, but belongs to a record with “C2”.",
    )


def test_rows_swallowed_by_what_is_left_out(tmp_path: Path) -> None:
    """Nobody else would tell of the invoice rows in a comment's cell."""
    records = text(above(MADE[:2])).replace("T;", 'T;"x\nR;Työ;2;50,00;25,5;\ny";')
    path = tmp_path / "laskut.csv"
    path.write_text(records, encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        opened(path, ABOVE)
    assert (caught.value.finding.code, caught.value.finding.place.cell) == ("swallowed-rows", "B8")


def test_a_key_that_only_one_side_has(tmp_path: Path) -> None:
    """The profile is wrong, and nothing is put together by a field that is not there."""
    declared = profile(records=[{"mark": "L", "columns": L, "key": "billnum"}, {"mark": "R", "columns": R}])
    assert refused(tmp_path, [["L", "1", "", ""], ["R", "x", "1", "1", "0", ""]], declared) == (
        "record-key-undeclared",
        (
            "None: In the profile, records of the kind “L” are to be found by “billnum”, so both they and "
            "those of the kind “R” need a column for it."
        ),
    )


# -- size ------------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Of ten times as many records only the row numbers are kept: some 16 bytes each."""
    peaks = []
    for count in (10_000, 100_000):
        path = tmp_path / f"{count}.csv"
        with path.open("w", encoding="utf-8") as file:
            for number in range(count):
                file.write(f"A;{number};Acme {number} Oy;;Katu {number};00100;HELSINKI\n")
                file.write(f"L;{number};1.10.2026;1.11.2026\nR;Työ {number};1;{number},50;25,5;\n")
        script = """
            import resource, sys
            from pathlib import Path
            sys.path.insert(0, sys.argv[2])
            from record_files import ABOVE, opened
            [table] = opened(Path(sys.argv[1]), ABOVE)
            print(sum(len(frame) for frame in table.frames(2000)))
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        """
        command = [sys.executable, "-c", textwrap.dedent(script), str(path), str(Path(__file__).parent)]
        rows, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        assert int(rows) == 2 * count
        peaks.append(int(peak))
    assert peaks[1] - peaks[0] < 60_000  # kB; the larger file has 14 MB, as Python texts 60
