"""Prices with VAT become prices without, and the total stays, to the cent."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import pairwise, product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from settling import said, settle, settled, sums_of

from pipeline.prices.gross import net_below, with_vat
from pipeline.values.money import row_sums, to_cents

RATES = ("25.5", "24", "14", "13.5", "10", "25", "12", "15", "6", "0", "7.75", "100")

counts = st.sampled_from(["1", "2", "3", "0.5", "7.25", "12", "1000", "0", "-1", "-2.5"]) | st.decimals(
    "-9999", "9999", places=3
).map(lambda number: f"{number:f}")
gross = st.decimals("-9999", "9999", places=2).map(lambda number: f"{number:f}") | st.decimals(
    "-99", "99", places=4
).map(lambda number: f"{number:f}")
discounts = st.sampled_from(["", "0", "10", "50", "12.5", "33.3333", "100"])
rows = st.lists(
    st.builds(
        lambda count, amount, discount, taxpr: {
            "desc": "Työ",
            "count": count,
            "amount": amount,
            "taxpr": taxpr,
            **({"discount": discount} if discount else {}),
        },
        counts,
        gross,
        discounts,
        st.sampled_from(RATES) | st.decimals("0", "25.5", places=2).map(lambda number: f"{number:f}"),
    ),
    min_size=1,
    max_size=30,
)
charges = rows.filter(lambda made: all(row["amount"][0] != "-" and row["count"][0] != "-" for row in made))


def export_total(made: list[dict[str, str]]) -> Fraction:
    """The total as the export has it: each row's sum with VAT to the cent, said once more in fractions."""
    total = Fraction(0)
    for row in made:
        exact = Fraction(row["count"]) * Fraction(row["amount"])
        exact *= 1 - Fraction(row.get("discount", "0")) / 100
        total += Fraction(int(abs(exact) * 100 + Fraction(1, 2)), 100) * (1 if exact > 0 else -1)
    return total


def sign(text: str) -> int:
    """-1, 0 or 1."""
    number = Decimal(text)
    return (number > 0) - (number < 0)


@settings(max_examples=400, deadline=None)
@given(rows)
@example([{"desc": "a", "count": "1", "amount": "0.01", "taxpr": "100"}])
@example([{"desc": "a", "count": "0.8", "amount": "0.006", "taxpr": "10"}])
@example([{"desc": "a", "count": "-1", "amount": "0.02", "taxpr": "25.5"}])
@example([{"desc": "a", "count": "1", "amount": "0.02", "taxpr": "25.5"}] * 3)
@example([{"desc": "a", "count": "1", "amount": a, "taxpr": r} for a, r in (("0.02", "25.5"), ("-5", "0"))])
def test_with_a_rounding_row_the_total_is_always_the_exports(made: list[dict[str, str]]) -> None:
    """It is reached to the cent, by one cent at most, and no price changes its sign."""
    found = settle(*made, vat="included", rounding_row="Pyöristys")
    assert {each.code for each in found.told} <= {"prices-made-net"}
    assert Fraction(sums_of(found.rows).total) == export_total(made)
    for before, after in zip(made, found.rows, strict=False):
        assert sign(after["amount"]) in {0, sign(before["amount"])}
        assert {**after, "amount": before["amount"]} == before
        places = after["amount"].partition(".")[2]
        assert len(places) <= max(10, len(before["amount"].partition(".")[2]))
    for extra in found.rows[len(made) :]:
        total = export_total(made)
        cent = "-0.01" if total < 0 else "0.01"
        assert extra == {"desc": "Pyöristys", "count": "1", "amount": cent, "taxpr": "0"}
    assert len(found.rows) <= len(made) + 1


@settings(max_examples=300, deadline=None)
@given(rows)
def test_without_one_it_is_reached_or_told(made: list[dict[str, str]]) -> None:
    """An invoice whose total is another than the export's has an error that says so; else there is none."""
    found = settle(*made, vat="included")
    reached = Fraction(sums_of(found.rows).total) == export_total(made)
    assert reached == ("gross-unreachable" not in {each.code for each in found.told})
    assert len(found.rows) == len(made)


@settings(max_examples=200, deadline=None)
@given(charges)
def test_every_row_is_the_exports_or_a_cent_off(made: list[dict[str, str]]) -> None:
    """Rows that no net gives are off by a cent, up and down in turn; no other row is off at all."""
    found = settle(*made, vat="included", rounding_row="Pyöristys")
    apart = []
    for before, after in zip(made, found.rows, strict=False):
        target = to_cents(row_sums(before["count"], before["amount"], None, before.get("discount")).net)
        off = to_cents(sums_of([after]).total) - target
        reachable = any(with_vat(net, Decimal(after["taxpr"])) == target for net in near(target, after))
        assert (off == 0) == reachable
        apart += [off] if off else []
    assert all(one == -other for one, other in pairwise(apart))
    assert set(apart) <= {-1, 1}
    assert len(found.rows) - len(made) == len(apart) % 2


def near(target: int, row: dict[str, str]) -> range:
    """The nets around the one that is wanted."""
    about = int(Fraction(target) / (1 + Fraction(row["taxpr"]) / 100))
    return range(about - 3, about + 4)


@given(st.integers(0, 10**14), st.decimals("0", "100", places=4))
@example(0, Decimal(0))
@example(2, Decimal("25.5"))
def test_the_net_below_is_the_greatest(target: int, rate: Decimal) -> None:
    """The next net is above; the search around the exact quotient misses none."""
    net = net_below(target, rate)
    assert with_vat(net, rate) <= target < with_vat(net + 1, rate)
    assert with_vat(net + 1, rate) - with_vat(net, rate) in {1, 2}


@pytest.mark.parametrize("rate", RATES)
def test_the_choice_is_what_brute_force_finds(rate: str) -> None:
    """Of all sums to 3.00: the net is the only one that gives it; where none does, both beside it are."""
    of_gross: dict[int, list[int]] = {}
    for net in range(400):
        vat = (Decimal(net) * Decimal(rate) / 100).quantize(Decimal(1), ROUND_HALF_UP)
        of_gross.setdefault(net + int(vat), []).append(net)
    for target in range(301):
        row = {"desc": "a", "count": "1", "amount": f"{Decimal(target) / 100:.2f}", "taxpr": rate}
        found = settle(row, vat="included")
        if target in of_gross:
            [net] = of_gross[target]
            assert to_cents(sums_of(found.rows).net) == net
        else:
            assert {target - 1, target + 1} <= of_gross.keys()
            assert [each.code for each in found.told] == ["gross-unreachable"]


def test_two_rows_that_cannot_be_reached_cancel() -> None:
    """Over all pairs of small sums a total is missed only where exactly one row has no net."""
    amounts = [f"0.{cent:02}" for cent in range(1, 30)]
    missing = {amount for amount in amounts if "gross-unreachable" in codes_of(amount)}
    assert missing
    for one, other in product(amounts, repeat=2):
        missed = "gross-unreachable" in codes_of(one, other)
        assert missed == ((one in missing) != (other in missing))


def codes_of(*amounts: str) -> set[str]:
    """What is told of rows of one piece at these prices with VAT."""
    return {each.code for each in settle(*map(row_of, amounts), vat="included").told}


def row_of(amount: str, taxpr: str = "25.5", **tags: str) -> dict[str, str]:
    """A row of one piece."""
    return {"desc": "Työ", "count": "1", "amount": amount, "taxpr": taxpr, **tags}


def test_the_price_has_as_few_decimals_as_will_do() -> None:
    """Three at 9.99 are 23.88 without VAT; three at 10.01 are 23.93, which two decimals do not give."""
    assert settled(row_of("9.99", count="3"), vat="included")["amount"] == "7.96"
    assert settled(row_of("10.01", count="3"), vat="included")["amount"] == "7.977"
    assert settled(row_of("10.01", count="-3"), vat="included")["amount"] == "7.977"


@pytest.mark.parametrize("tags", [{"count": "0"}, {"discount": "100"}])
def test_a_row_that_comes_to_nothing_keeps_its_price(tags: dict[str, str]) -> None:
    """Without quantity or with a full discount, the price without VAT is that of one, to the cent."""
    assert settled(row_of("125.50", **tags), vat="included")["amount"] == "100.00"


def test_without_vat_there_is_nothing_to_take_out() -> None:
    """Rows of rate 0, as under reverse charge, stay as they are, and nothing is told."""
    row = row_of("99.999", "0")
    assert settle(row, vat="included").rows == [row]
    assert settle(row, vat="included").told == []


def test_it_is_told_once_with_the_rounding() -> None:
    """Total, net and rounding of the invoice, on the first price."""
    found = settle(row_of("124.00"), vat="included", rounding_row="Pyöristys")
    assert [row["amount"] for row in found.rows] == ["98.80", "0.01"]
    message = "The prices include VAT: the total 124.00 stays, without VAT it is 98.80; rounding 0.01."
    assert said(found.told) == [("prices-made-net", "payrow.amount", 0, message)]


def test_a_total_that_cannot_be_reached_is_an_error() -> None:
    """The nearest totals are named, on the row that has no net."""
    found = settle(row_of("125.50"), row_of("124.00"), vat="included")
    message = (
        "The export's total 249.50 cannot be reached with prices without VAT: "
        "the nearest totals are 249.49 and 249.51."
    )
    assert said(found.told) == [("gross-unreachable", "payrow.amount", 1, message)]


def test_a_quantity_too_large_for_any_price_is_an_error() -> None:
    """Ten decimals of a price are not enough for a hundred milliards of pieces."""
    found = settle(row_of("0.05", count="123456789012"), vat="included")
    message = (
        "No price without VAT of at most 10 decimals comes to the row's 4918597171.79 without VAT; "
        "with VAT the price is 0.05."
    )
    assert said(found.told) == [("price-without-vat", "payrow.amount", 0, message)]


@pytest.mark.parametrize(
    "row",
    [
        {"desc": "a", "count": "1", "amount": "10.00"},
        {"desc": "a", "count": "1", "taxpr": "25.5"},
        row_of("10.00", "125"),
        row_of("10.00", "-24"),
        row_of("10.00", discount="101"),
    ],
)
def test_what_the_schema_refuses_is_left_to_it(row: dict[str, str]) -> None:
    """Without price or rate, or with one that cannot be, the rows stay as they are."""
    assert settle(row_of("5.00"), row, vat="included").rows == [row_of("5.00"), row]
