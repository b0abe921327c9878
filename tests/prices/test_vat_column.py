"""A column says which prices have VAT in them: each row, or its invoice where the row says nothing."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from made import GOOD, HEADER, documents, table, told
from settling import DAYS, said, settle, settled, sums_of
from test_gross_prices import export_total, sign
from test_gross_prices import rows as invoice_rows

from pipeline.prices.settle import explain, settle_prices
from pipeline.profile import Prices, Profile

GROSS = {"desc": "Työ", "count": "1", "amount": "124.00", "taxpr": "25.5"}
NET = {"desc": "Muu", "count": "2", "amount": "50.00", "taxpr": "25.5"}


def flagged(row: dict[str, str], flag: str) -> dict[str, str]:
    """The row with what its column says."""
    return {**row, "row.included": flag}


@settings(max_examples=300, deadline=None)
@given(invoice_rows, st.data())
def test_the_total_is_the_exports(made: list[dict[str, str]], data: st.DataObject) -> None:
    """Rows with VAT reach their sums together, those without stay as they are, whatever the mix."""
    flags = data.draw(st.lists(st.sampled_from("01"), min_size=len(made), max_size=len(made)))
    found = settle(*map(flagged, made, flags), vat="column", rounding_row="Pyöristys")
    assert {each.code for each in found.told} <= {"prices-made-net"}
    of_gross = [row for row, flag in zip(made, flags, strict=True) if flag == "1"]
    of_net = [row for row, flag in zip(made, flags, strict=True) if flag == "0"]
    expected = export_total(of_gross) + Fraction(sums_of(of_net).total)
    assert Fraction(sums_of(found.rows).total) == expected
    for before, after, flag in zip(made, found.rows, flags, strict=False):
        assert after == before or flag == "1"
        assert sign(after["amount"]) in {0, sign(before["amount"])}
    assert len(found.rows) <= len(made) + 1


@settings(max_examples=100, deadline=None)
@given(invoice_rows)
def test_all_alike_is_as_declared_for_all(made: list[dict[str, str]]) -> None:
    """Every row with VAT is `included`, every row without is `excluded`."""
    for flag, vat in (("1", "included"), ("0", "excluded")):
        column = settle(*(flagged(row, flag) for row in made), vat="column")
        declared = settle(*made, vat=vat)
        assert (column.rows, column.told) == (declared.rows, declared.told)


def test_the_first_price_with_vat_is_told() -> None:
    """The repair stands on its row; prices without VAT say nothing."""
    found = settle(flagged(NET, "0"), flagged({**GROSS, "amount": "125.50"}, "1"), vat="column")
    assert [row["amount"] for row in found.rows] == ["50.00", "100.00"]
    assert said(found.told) == [
        (
            "prices-made-net",
            "payrow.amount",
            1,
            "The prices include VAT: the total 251.00 stays, without VAT it is 200.00; rounding 0.00.",
        )
    ]
    assert settle(flagged(NET, "0"), vat="column").told == []


def test_a_row_that_says_nothing_takes_what_its_invoice_says() -> None:
    """Its own word counts more."""
    made = {**GROSS, "amount": "125.50"}
    rows = [made, flagged(made, "0")]
    found = settle_prices(rows, ["", ""], Prices(vat="column"), days=DAYS, home="FIN", included="1")
    assert [row["amount"] for row in found.rows] == ["100.00", "125.50"]


def test_a_sum_is_the_base_of_a_price_as_the_row_says() -> None:
    """Without a price, that of a row with VAT follows from its gross sum and then loses the VAT."""
    sums = {"count": "2", "taxpr": "25.5", "row.net": "100.00", "row.gross": "125.50"}
    for flag in "01":
        assert settled(flagged({"desc": "Työ", **sums}, flag), vat="column")["amount"] == "50.00"


def test_nothing_is_guessed() -> None:
    """Neither row nor invoice says it, or a column says what the profile does not."""
    assert said(settle(GROSS, vat="column").told) == [
        ("included-missing", "row.included", 0, "Nothing says whether the row's price has VAT in it.")
    ]
    otherwise = "A column says of the row's price whether it has VAT in it, and the profile says otherwise."
    for vat, flag in (("excluded", "1"), ("included", "0")):
        undeclared = [("included-undeclared", "row.included", 0, otherwise)]
        assert said(settle(flagged(GROSS, flag), vat=vat).told) == undeclared
    assert settle(flagged(GROSS, "0")).told == []


def test_a_column_that_the_profile_does_not_count_with_is_told() -> None:
    """In its cell; prices with VAT are never taken for prices without it."""
    for field, cell in (("row.included", "M2"), ("included", None)):
        profile = Profile.model_validate({"columns": {"Sis. ALV": field}})
        found, _ = documents(table([[*HEADER, "Sis. ALV"], [*GOOD, "k"]]), profile=profile)
        assert told(found) == [("included-undeclared", cell)]


def test_without_a_profile_no_header_is_taken_for_it() -> None:
    """A column `Included` of a plain export may mean anything."""
    found, _ = documents(table([[*HEADER, "Included"], [*GOOD, "3 kk"]]))
    assert told(found) == []


def test_the_invoices_own_column() -> None:
    """It is no field of the service: nothing of it is sent."""
    profile = Profile.model_validate(
        {"columns": {"Sis. ALV": "included"}, "prices": {"vat": "column", "rounding_row": "Pyöristys"}}
    )
    (document,), _ = documents(
        table([[*HEADER, "Sis. ALV"], [*GOOD, "k"], [*GOOD, ""]]), profile=profile, home="FIN"
    )
    assert document.valid
    assert [row["amount"] for row in document.dataset["payrow"]] == ["39.84", "39.84"]
    assert document.total == 200
    assert "included" not in document.dataset


def test_it_is_explained() -> None:
    """The preview says that a column decides."""
    assert explain(Prices(vat="column")) == [
        "A column says which prices include VAT; those without it are found so that an invoice's total stays."
    ]
