"""Every shape of an export gives the datasets that the standard shape gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import documents, table
from shapes.exports import (
    CARRY,
    POSITIONS,
    REPEATED,
    TABLES,
    TWO_ROWS,
    first_row_only,
    invoices,
    profile,
    repeated,
    standard,
    two_header_rows,
    two_tables,
    without_header,
)

from pipeline.document import Document
from pipeline.profile import Profile
from pipeline.readers.table import Table

MADE = invoices()


def datasets(found: list[Document]) -> dict[str, dict[str, Any]]:
    """Dataset by bill number; none of them may have an error."""
    assert [each.message for document in found for each in document.findings if not document.valid] == []
    return {document.dataset["billnum"]: document.dataset for document in found}


def joined_tables(made: list[Any] = MADE) -> list[Table]:
    """The two tables, that of the rows first."""
    ours, rows = two_tables(made)
    return [table(rows, file="rivit.csv"), table(ours, file="laskut.csv")]


SHAPES: dict[str, tuple[list[Table], Profile]] = {
    "carry": ([table(first_row_only(MADE))], CARRY),
    "two tables": (joined_tables(), TABLES),
    "positions": ([table(without_header(MADE))], POSITIONS),
    "two header rows": ([table(two_header_rows(MADE))], TWO_ROWS),
    "repeated columns": ([table(repeated(MADE))], REPEATED),
}


@pytest.mark.parametrize("part_bytes", [1, 30_000_000], ids=["in memory", "on disk"])
@pytest.mark.parametrize("size", [7, 1000])
@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_gives_the_same_datasets(shape: str, size: int, part_bytes: int) -> None:
    """Thirty invoices with discounts, credits and three VAT rates, however frames and parts cut them."""
    tables, declared = SHAPES[shape]
    expected, _ = documents(table(standard(MADE)))
    found, intake = documents(*tables, profile=declared, size=size, part_bytes=part_bytes)
    assert datasets(found) == datasets(expected)
    assert len(expected) == len(MADE) == 30
    sums = {each.billnum: (each.net, each.vat, each.total) for each in expected}
    assert {each.billnum: (each.net, each.vat, each.total) for each in found} == sums
    assert intake.findings == []


def test_one_row_with_the_sum_only() -> None:
    """Constants complete the row of which the file has nothing but the sum."""
    rows = [[*MADE[0].own, "1240,50"], [*MADE[1].own, "99,00"]]
    header = standard(MADE)[0][:9]
    given = {"payrow.desc": "Palvelut", "payrow.count": "1", "payrow.taxpr": "25,5"}
    found, _ = documents(
        table([[*header, "Summa"], *rows]),
        profile=profile(columns={"Summa": "payrow.amount"}, constants=given),
    )
    payrows = [document.dataset["payrow"] for document in found]
    assert payrows == [
        [{"amount": "1240.50", "desc": "Palvelut", "count": "1", "taxpr": "25.5"}],
        [{"amount": "99.00", "desc": "Palvelut", "count": "1", "taxpr": "25.5"}],
    ]
    assert datasets(found)


@given(
    counts=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    blanks=st.integers(0, 2),
    size=st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_carried_rows_belong_to_the_invoice_above(counts: list[int], blanks: int, size: int) -> None:
    """However many rows each invoice has, whatever blank rows lie between, wherever frames are cut."""
    made = [
        type(each)(each.own, [[f"{each.own[0]}-{at}", "1", "10,00", "25,5", ""] for at in range(count)])
        for each, count in zip(MADE, counts, strict=False)
    ]
    rows = [again for row in first_row_only(made) for again in (row, *([[""] * len(row)] * blanks))]
    found, intake = documents(table(rows), profile=CARRY, size=size)
    descs = [[row["desc"] for row in document.dataset["payrow"]] for document in found]
    assert descs == [[row[0] for row in each.rows] for each in made]
    assert intake.findings == []
