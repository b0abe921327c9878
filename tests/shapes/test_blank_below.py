"""What follows from a blank cell is the invoice's only where the invoice's own cells stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import documents, table
from shapes.exports import invoices, profile, repeated
from shapes.record_files import ABOVE, above, opened, text
from shapes.thirty import CONDITIONS, SHAPES, THIRTY, told
from test_same_thirty import datasets

from pipeline.profile import Profile

HEADER = ["Laskunumero", "Laskupäivä", "Eräpäivä", "Nimi", "Y-tunnus", "Osoite", "Postinumero"]
HEADER += ["Postitoimipaikka", "Tuote", "Määrä", "Veroton hinta", "ALV %"]
COMPANY = ["1", "1.10.2026", "15.10.2026", "Acme Oy", "2262509-5", "Katu 1", "00100", "HELSINKI"]
ROW = ["Työ", "2", "50,00", "25,5"]
BELOW = [HEADER, [*COMPANY, *ROW], [*[""] * 8, *ROW]]
NO_ID = {"Y-tunnus": ""}


@pytest.mark.parametrize(
    "declared",
    [
        {"set": [{"when": NO_ID, "to": {"customertype": "2"}}]},
        {"expressions": {"customertype": '"2" if cell("Y-tunnus") == "" else ""'}},
        {"columns": {"Y-tunnus": "customertype"}, "values": {"customertype": {"": "2", "*": ""}}},
    ],
    ids=["set", "expression", "value"],
)
def test_a_company_stays_one_on_the_rows_below(declared: dict[str, object]) -> None:
    """The blank id of a row that belongs to the invoice above makes no consumer of its customer."""
    found, _ = documents(table(BELOW), profile=profile(reading={"carry": True}, **declared))
    (document,) = found
    assert document.dataset.get("customertype") != "2"
    assert "person" not in document.dataset


def test_a_company_stays_one_on_its_row_records(tmp_path: Path) -> None:
    """Likewise where the customer's cells stand in a record of their own."""
    kinds = ABOVE.model_dump(exclude_defaults=True)
    kinds["records"][0]["columns"]["4"] = "@Tunnus"  # of which row records know nothing
    declared = profile(**kinds, set=[{"when": {"@Tunnus": ""}, "to": {"customertype": "2"}}])
    path = tmp_path / "export.csv"
    path.write_text(text(above(invoices(3))), encoding="utf-8")
    found, _ = documents(*opened(path, declared), profile=declared)
    assert len(found) == 3
    assert all("customertype" not in document.dataset for document in found)
    assert all("person" not in document.dataset for document in found)


def test_an_invoice_record_makes_no_row(tmp_path: Path) -> None:
    """An expression for the rows is not asked of the invoice's record, which has none of their cells."""
    kinds = ABOVE.model_dump(exclude_defaults=True)
    kinds["records"][2]["columns"]["4"] = "@Hinta"
    declared = profile(**kinds, expressions={"payrow.amount": 'number(cell("@Hinta")) * 2'})
    made = invoices(2)
    path = tmp_path / "export.csv"
    path.write_text(text(above(made)), encoding="utf-8")
    found, _ = documents(*opened(path, declared), profile=declared)
    assert [len(document.dataset["payrow"]) for document in found] == [len(each.rows) for each in made]
    assert all(document.valid for document in found)


def test_conditions_that_ask_for_a_blank_cell_in_every_shape(tmp_path: Path) -> None:
    """A type that stands on an invoice's first row only is not blank on the others."""
    for name in ("first row only", "records"):
        found = datasets(SHAPES[name], told(CONDITIONS), tmp_path / name)
        kinds = {each.billnum: each.dataset["customertype"] for each in found.documents}
        assert kinds == {str(bill.number): "1" if bill.customer.company else "2" for bill in THIRTY}


def _price_in_cents(filled: bool) -> tuple[list[list[str]], Profile]:
    rows = repeated(invoices(3))
    header, *others = rows
    prices = [at for at, name in enumerate(header) if name.startswith("Veroton hinta")]
    for row in others:
        for at in prices:
            row[at] = row[at].replace(",", "")
    if filled:
        others[0][prices[1]] = "700"  # alone among the cells of its repetition
    names = ["Tuote {n}", "Määrä {n}", "ALV % {n}", "Alennus-% {n}", "Veroton hinta {n}"]
    fields = ["payrow.desc", "payrow.count", "payrow.taxpr", "payrow.discount", ""]
    return [header, *others], profile(
        columns=dict(zip(names, fields, strict=True)),
        expressions={"payrow.amount": 'number(cell("Veroton hinta {n}")) / 100'},
    )


def test_a_repeated_column_that_only_an_expression_reads() -> None:
    """Each repetition has the price from its own cell."""
    rows, declared = _price_in_cents(filled=False)
    found, _ = documents(table(rows), profile=declared)
    expected, _ = documents(
        table(repeated(invoices(3))),
        profile=profile(
            columns={
                "Tuote {n}": "payrow.desc",
                "Määrä {n}": "payrow.count",
                "ALV % {n}": "payrow.taxpr",
                "Alennus-% {n}": "payrow.discount",
                "Veroton hinta {n}": "payrow.amount",
            }
        ),
    )
    assert [each.dataset for each in found] == [each.dataset for each in expected]
    assert all(each.valid for each in found)


def test_a_repetition_with_nothing_but_such_a_cell_is_not_lost() -> None:
    """Its price makes a row, which lacks the rest."""
    rows, declared = _price_in_cents(filled=True)
    first = documents(table(rows), profile=declared)[0][0]
    assert [row["amount"] for row in first.dataset["payrow"]] == ["50.00", "7.00"]
    assert not first.valid
