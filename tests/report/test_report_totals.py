"""Counts and sums: exact, complete, and shown to add up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.document import Outcome
from pipeline.report.totals import MONEY, Totals

MONIES = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40, places=2)
INVOICES = st.lists(st.tuples(st.sampled_from(Outcome), MONIES, MONIES, MONIES))


def added(invoices: list[Any], counted: dict[str, Any] | None = None) -> Totals:
    """Totals of invoices with one row each, from row 1 on."""
    totals = Totals(counted=counted or {})
    for row, (outcome, *money) in enumerate(invoices, 1):
        totals.add(outcome, *(format(each, "f") for each in money), rows=[[0, row, row]])
    return totals


@given(INVOICES)
def test_outcomes_add_up_to_the_whole_without_rounding(invoices: list[Any]) -> None:
    """Whatever the amounts, the sums are those of exact fractions."""
    totals = added(invoices).as_dict()
    for place, name in enumerate(MONEY, 1):
        exact = sum(Fraction(invoice[place]) for invoice in invoices)
        assert Fraction(totals[name]) == exact
        assert sum(Fraction(part[name]) for part in totals["outcomes"].values()) == exact
    assert totals["invoices"] == len(invoices) == sum(part["count"] for part in totals["outcomes"].values())


@given(INVOICES)
def test_every_outcome_has_its_own_invoices(invoices: list[Any]) -> None:
    """Each outcome counts and sums just the invoices that ended so."""
    totals = added(invoices)
    for outcome in Outcome:
        mine = [invoice for invoice in invoices if invoice[0] is outcome]
        assert totals.outcomes[outcome].count == len(mine)
        assert Fraction(totals.outcomes[outcome].total) == sum(Fraction(each[3]) for each in mine)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60), st.integers(0, 9)), max_size=12))
def test_a_row_in_two_invoices_is_noticed(ranges: list[tuple[int, int, int]]) -> None:
    """Exactly the rows that were there before count as rows in two invoices."""
    totals, seen, twice = Totals(), set[tuple[int, int]](), 0
    for source, first, more in ranges:
        rows = {(source, row) for row in range(first, first + more + 1)}
        twice += len(seen & rows)
        seen |= rows
        totals.add(Outcome.ACCEPTED, "0.00", "0.00", "0.00", [[source, first, first + more]])
    assert totals.rows_twice == twice
    assert totals.rows_in_invoices == len(seen) + twice


def test_rows_that_went_missing_are_shown() -> None:
    """Rows read are rows in invoices and rows set aside, or the report says that they are not."""
    totals = added([(Outcome.ACCEPTED, *[Decimal("1.00")] * 3)], {"rows_read": 3})
    totals.rows_aside = {"blank": 1}
    assert totals.control()["rows"] == {
        "read": 3,
        "in_invoices": 1,
        "set_aside": 1,
        "in_two_invoices": 0,
        "agree": False,
    }
    assert not totals.agree


def test_a_row_counted_twice_cannot_hide_a_lost_one() -> None:
    """The numbers agree, and still the rows do not."""
    totals = Totals(counted={"rows_read": 2})
    for _ in range(2):
        totals.add(Outcome.ACCEPTED, "1.00", "0.00", "1.00", [[0, 5, 5]])
    assert totals.control()["rows"]["agree"] is False


def test_money_that_changed_on_the_way_is_shown() -> None:
    """What was grouped and what has an outcome are compared as numbers, to the last cent."""
    invoices = [(Outcome.ACCEPTED, Decimal("10.00"), Decimal("2.55"), Decimal("12.55"))]
    counted = {"invoices": 1, "net": "10.0", "vat": "2.55", "total": "12.56"}
    control = added(invoices, counted).control()
    assert {name: control[name]["agree"] for name in ("invoices", *MONEY)} == {
        "invoices": True,
        "net": True,
        "vat": True,
        "total": False,
    }


def test_what_was_never_counted_is_not_said_to_agree() -> None:
    """A run that died before it had counted has no control sums, and none that disagree."""
    totals = added([])
    assert [check["agree"] for check in totals.control().values()] == [None] * 5
    assert totals.agree
