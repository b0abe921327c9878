"""Rates and prices from sums, discounts in money, and the place of the minus: found exactly, or told."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from settling import DAYS, said, settle, settled, sums_of

from pipeline.prices.settle import explain, found_fields, has_prices, settle_prices
from pipeline.profile.model import Prices
from pipeline.values.money import cents, money_text, row_sums

ROW = {"desc": "Työ", "count": "2", "amount": "50.00", "taxpr": "25.5"}

money = st.decimals("0.01", "99999", places=2)
counts = st.decimals("0.001", "9999", places=3)
percents = st.sampled_from(["0", "5", "10", "12.5", "33.33", "99"])


def given_row(**tags: str) -> dict[str, str]:
    """A row of those tags; `net`, `vat`, `gross` and `off` are the helper fields."""
    helpers = {"net": "row.net", "vat": "row.vat", "gross": "row.gross", "off": "row.discount"}
    return {"desc": "Työ"} | {helpers.get(tag, tag): text for tag, text in tags.items()}


# -- the rate --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sums",
    [
        {"net": "100.00", "vat": "25.50"},
        {"net": "100.00", "gross": "125.50"},
        {"vat": "25.50", "gross": "125.50"},
        {"net": "100.00", "vat": "25.50", "gross": "125.50"},
    ],
)
def test_two_sums_give_the_rate_and_the_price(sums: dict[str, str]) -> None:
    """Net, VAT and gross, any two of them; no helper field is left."""
    row = given_row(count="3", **sums)
    assert settled(row, rate="sums") == {"desc": "Työ", "count": "3", "taxpr": "25.5", "amount": "33.333"}


def test_the_known_rates_are_those_around_the_dates() -> None:
    """14 % is of 2025: three months later it is known, a year later on a credit; without dates always."""
    prices = Prices(rate="sums")
    row = given_row(count="1", net="100.00", vat="14.00")
    back = given_row(count="1", net="-100.00", vat="-14.00")

    def rate(row: dict[str, str], *days: str) -> str | None:
        return settle_prices([row], [""], prices, days=days, home="FIN").rows[0].get("taxpr")

    assert rate(row, "2026-03-01") == "14"
    assert rate(row, "2026-10-01") is None
    assert rate(row, "2026-10-01", "2025-12-31") == "14"
    assert rate(back, "2026-10-01") == "14"
    assert rate(back, "2029-10-01") is None
    assert rate(row) == "14"
    assert rate(row, "0001-01-01") is None


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        (given_row(net="100.00", vat="23.00"), "row.vat", "100.00 without VAT and 23.00 of VAT fit –."),
        (
            given_row(net="0.05", vat="0.01"),
            "row.vat",
            "0.05 without VAT and 0.01 of VAT fit 25.5 %, 13.5 %, 10 %.",
        ),
        (given_row(net="0.00", vat="0.00"), "row.vat", "0.00 without VAT and 0.00 of VAT fit –."),
        (given_row(net="100.00"), "row.net", "100.00 without VAT and – of VAT fit –."),
        (given_row(), "payrow.taxpr", "– without VAT and – of VAT fit –."),
    ],
)
def test_a_rate_that_is_not_certain_is_an_error(row: dict[str, str], field: str, words: str) -> None:
    """No rate fits, several do, or there is nothing to find it from."""
    found = settle({**row, "count": "1"}, rate="sums")
    message = f"The VAT rate does not follow from the row's sums: {words}"
    assert said(found.told) == [("vat-rate-unclear", field, 0, message)]
    assert "taxpr" not in found.rows[0]


def test_without_a_country_no_rate_is_known() -> None:
    """Nothing is guessed where the country has no rates."""
    row = given_row(count="1", net="100.00", vat="25.50")
    found = settle_prices([row], [""], Prices(rate="sums"), days=DAYS, home=None)
    assert [each.code for each in found.told] == ["vat-rate-unclear"]


def test_a_rate_that_is_given_must_agree() -> None:
    """It is not found from sums then, but held against them; a row of nothing needs it."""
    assert settled(given_row(count="1", net="0.00", vat="0.00", taxpr="10"), rate="sums")["amount"] == "0.00"
    found = settle(given_row(count="1", net="100.00", vat="25.50", taxpr="14"), rate="sums")
    message = "row.vat is 25.50, but quantity, price, discount and VAT rate give 14.00."
    assert said(found.told) == [("sum-and-price", "row.vat", 0, message)]


def test_three_sums_must_agree() -> None:
    """Net and VAT are the gross sum together."""
    found = settle(given_row(count="1", net="100.00", vat="25.50", gross="124.00"), rate="sums")
    message = "The row is 124.00 with VAT, but 100.00 without VAT and 25.50 of VAT are 125.50 together."
    assert said(found.told) == [("row-sums-disagree", "row.gross", 0, message)]


@settings(max_examples=300, deadline=None)
@given(money, counts, st.sampled_from(["25.5", "13.5", "10", "0"]), percents, st.booleans(), st.booleans())
def test_sums_are_reached_exactly_or_told(
    net: Decimal, count: Decimal, rate: str, discount: str, back: bool, with_vat: bool
) -> None:
    """What is sent has the sums that the export has; of small sums it is told that the rate is unclear."""
    net = -net if back else net
    vat = row_sums("1", net, rate, None).vat
    row = given_row(count=f"{count:f}", discount=discount, net=money_text(net), gross=money_text(net + vat))
    declared = {"vat": "included", "rounding_row": "Pyöristys"} if with_vat else {}
    found = settle(row, rate="sums", **declared)
    if {each.code for each in found.told} <= {"prices-made-net"}:
        assert found.rows[0]["taxpr"] == rate
        assert sums_of(found.rows).total == net + vat
        assert with_vat or sums_of(found.rows).net == net
    else:
        [told] = found.told
        assert told.code == "vat-rate-unclear"
        assert abs(net) < (4 if back else 1)  # a credit may have a rate of another year


# -- the price -------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(money, counts, percents, st.sampled_from([("", ""), ("-", ""), ("", "-"), ("-", "-")]))
@example(Decimal("0.01"), Decimal(9999), "99", ("", ""))
def test_a_price_from_a_sum_gives_the_sum(
    net: Decimal, count: Decimal, discount: str, signs: tuple[str, str]
) -> None:
    """To the cent, with its sign, whatever quantity and discount; and with no decimal too many."""
    total = f"{signs[0]}{net:f}"
    row = settled(given_row(count=f"{signs[1]}{count:f}", discount=discount, taxpr="25.5", net=total))
    assert sums_of([row]).net == Decimal(total)
    price = Decimal(row["amount"])
    places = -int(price.as_tuple().exponent)
    if places > 2:
        shorter = cents(price) if places == 3 else round(price, places - 1)
        assert row_sums(row["count"], shorter, None, discount).net != Decimal(total)


@pytest.mark.parametrize("tags", [{"count": "0"}, {"count": "2", "discount": "100"}])
def test_no_price_makes_a_sum_of_nothing(tags: dict[str, str]) -> None:
    """Without quantity, or with a full discount, only a sum of nothing has a price."""
    assert settled(given_row(net="0.00", taxpr="24", **tags))["amount"] == "0.00"
    found = settle(given_row(net="10.00", taxpr="24", **tags))
    message = (
        f"No unit price of at most 10 decimals comes to 10.00 for the quantity {tags['count']} "
        f"and a discount of {tags.get('discount', '0')} %."
    )
    assert said(found.told) == [("price-from-sum", "row.net", 0, message)]


def test_with_prices_that_include_vat_the_gross_sum_counts() -> None:
    """The price is found from the gross sum, then the VAT is taken out of it."""
    row = settled(given_row(count="2", gross="251.00", taxpr="25.5"), vat="included")
    assert row == {"desc": "Työ", "count": "2", "amount": "100.00", "taxpr": "25.5"}


def test_a_sum_beside_a_price_must_agree() -> None:
    """To the cent, on the sum's cell."""
    found = settle({**ROW, "row.net": "99.99"})
    message = "row.net is 99.99, but quantity, price, discount and VAT rate give 100.00."
    assert said(found.told) == [("sum-and-price", "row.net", 0, message)]
    assert settled({**ROW, "row.net": "100.00", "row.gross": "125.50"}) == ROW


def test_beside_gross_prices_net_and_vat_may_be_rounded_either_way() -> None:
    """0.02 with VAT is 0.0159… without: 0.01 and 0.02 are both right, 0.03 is not; the gross sum is exact."""
    row = {**ROW, "count": "1", "amount": "0.02"}
    for net in ("0.01", "0.02"):
        assert (
            settle({**row, "row.net": net}, vat="included", rounding_row="±").told[0].code
            == "prices-made-net"
        )
    found = settle({**row, "row.net": "0.03"}, {**row, "row.gross": "0.03"}, vat="included")
    assert [(each.code, each.field, each.row) for each in found.told] == [
        ("sum-and-price", "row.net", 0),
        ("sum-and-price", "row.gross", 1),
    ]


# -- the discount ----------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(
    counts,
    st.decimals("0.0001", "9999", places=4),
    st.fractions(0, 1),
    st.sampled_from(["row", "unit"]),
    st.booleans(),
)
def test_money_off_is_taken_off_exactly(
    count: Decimal, price: Decimal, share: Fraction, kind: str, back: bool
) -> None:
    """Row or unit, invoice or credit: the row comes to what the money leaves, to the cent."""
    base = price if kind == "unit" else count * price
    off = cents(base * share.numerator / share.denominator)
    assume(off <= base)
    amount = money_text(-price if back else price)
    row = settled(given_row(count=f"{count:f}", amount=amount, taxpr="24", off=f"{off:f}"), discount=kind)
    left = count * (price - off) if kind == "unit" else count * price - off
    assert abs(sums_of([row]).net) == cents(left)
    assert row["amount"] == amount
    assert 0 <= Decimal(row.get("discount", "0")) <= 100


@settings(max_examples=200, deadline=None)
@given(counts, money, money, st.sampled_from(["row", "unit"]))
def test_a_price_is_found_beside_money_off(count: Decimal, net: Decimal, off: Decimal, kind: str) -> None:
    """Sum and discount in money give a price and a percentage that come to the sum."""
    row = settled(given_row(count=f"{count:f}", net=f"{net:f}", taxpr="24", off=f"{off:f}"), discount=kind)
    assert sums_of([row]).net == net


def test_the_percentage_has_as_few_decimals_as_will_do() -> None:
    """5 of 50 are 10 %, 5 of 33 are 15.15 %."""
    assert (
        settled(given_row(count="1", amount="50.00", taxpr="24", off="5.00"), discount="row")["discount"]
        == "10"
    )
    assert (
        settled(given_row(count="1", amount="33.00", taxpr="24", off="5.00"), discount="row")["discount"]
        == "15.15"
    )
    assert (
        settled(given_row(count="3", amount="33.00", taxpr="24", off="33.00"), discount="unit")["discount"]
        == "100"
    )


@pytest.mark.parametrize(
    ("row", "declared", "code", "message"),
    [
        (
            {"off": "-5.00"},
            "row",
            "discount-negative",
            "The discount in money is -5.00, which is less than nothing.",
        ),
        (
            {"off": "5.00", "discount": "10"},
            "row",
            "discount-twice",
            "The row has a discount of 5.00 in money and one of 10 %.",
        ),
        (
            {"off": "5.00"},
            "percent",
            "discount-undeclared",
            "The row has a discount of 5.00 in money, and the profile does not say what it is taken off.",
        ),
        (
            {"off": "100.01"},
            "row",
            "discount-too-large",
            "The discount of 100.01 is more than the 100.00 that it is taken off.",
        ),
        (
            {"off": "50.01"},
            "unit",
            "discount-too-large",
            "The discount of 50.01 is more than the 50.00 that it is taken off.",
        ),
        (
            {"off": "0.01", "amount": "0.00"},
            "unit",
            "discount-too-large",
            "The discount of 0.01 is more than the 0.00 that it is taken off.",
        ),
        (
            {"off": "0.01", "amount": "1000000.00", "count": "1000000"},
            "row",
            "discount-no-percent",
            "No percentage of at most 10 decimals takes 0.01 off 1000000000000.00.",
        ),
    ],
)
def test_a_discount_that_cannot_be_is_an_error(
    row: dict[str, str], declared: Any, code: str, message: str
) -> None:
    """On its own cell, in words."""
    tags = {"count": "2", "amount": "50.00", "taxpr": "25.5"} | row
    found = settle(given_row(**tags), discount=declared)
    assert said(found.told) == [(code, "row.discount", 0, message)]


def test_no_discount_is_no_discount() -> None:
    """0.00 in money is nothing, beside a percentage too."""
    row = given_row(count="2", amount="50.00", taxpr="25.5", off="0.00", discount="10")
    for declared in ("percent", "row", "unit"):
        assert settled(row, discount=declared)["discount"] == "10"


# -- the minus -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minus", "count", "amount", "field"),
    [
        ("price", "-2", "50.00", "payrow.count"),
        ("quantity", "2", "-50.00", "payrow.amount"),
        ("total", "-2", "50.00", "payrow.count"),
        ("total", "2", "-50.00", "payrow.amount"),
        ("column", "-2", "50.00", "payrow.count"),
        ("column", "2", "-50.00", "payrow.amount"),
    ],
)
def test_a_minus_stands_where_it_is_declared_to(minus: Any, count: str, amount: str, field: str) -> None:
    """Elsewhere it is an error on its cell."""
    found = settle({**ROW, "count": count, "amount": amount}, total="-100.00", minus=minus)
    assert [(each.code, each.field, each.row) for each in found.told] == [("minus-elsewhere", field, 0)]


@pytest.mark.parametrize(
    ("minus", "count", "amount"),
    [("price", "2", "-50.00"), ("quantity", "-2", "50.00"), ("any", "-2", "50.00"), ("any", "2", "-50.00")],
)
def test_a_minus_in_its_place_stays(minus: Any, count: str, amount: str) -> None:
    """What follows is `pipeline.grouper.credit`'s."""
    row = {**ROW, "count": count, "amount": amount}
    assert settled(row, minus=minus) == row


def test_the_place_is_told_in_words() -> None:
    """The field, its value, and where the minus belongs."""
    found = settle({**ROW, "count": "-2"}, minus="price")
    message = "payrow.count is -2.00, but by the profile a credit's minus stands at the price."
    assert said(found.told) == [("minus-elsewhere", "payrow.count", 0, message)]


@pytest.mark.parametrize("sums", [{"row.net": "-100.00"}, {"row.gross": "-125.50"}, {}])
def test_the_sum_gives_its_sign_to_the_price(sums: dict[str, str]) -> None:
    """Net or gross, else the sum column."""
    assert settled(ROW | sums, total="-125.50", minus="total")["amount"] == "-50.00"
    assert settled(ROW, total="125.50", minus="total")["amount"] == "50.00"
    found = settled(
        {key: ROW[key] for key in ("desc", "count", "taxpr")} | {"row.net": "-100.00"}, minus="total"
    )
    assert found["amount"] == "-50.00"


def test_a_row_without_a_sum_has_no_sign() -> None:
    """Unless it comes to nothing, it is an error."""
    found = settle(ROW, minus="total")
    message = (
        "By the profile the row's sum tells whether it is a credit, and this row of price 50.00 has no sum."
    )
    assert said(found.told) == [("minus-unknown", "payrow.amount", 0, message)]
    assert settled({**ROW, "count": "0"}, minus="total")["amount"] == "50.00"


def test_a_credit_notes_column_speaks_for_its_sums() -> None:
    """Sums with or without minus are those of a credit note; on an invoice a minus contradicts the column."""
    row = {**ROW, "row.net": "-100.00"}
    found = settle(row, minus="column", credit=True)
    assert (found.rows, found.told) == ([ROW], [])
    assert [each.code for each in settle(row, minus="column").told] == ["sum-and-price"]
    priceless = {key: text for key, text in row.items() if key != "amount"}
    assert settle(priceless, minus="column", credit=True).rows[0]["amount"] == "50.00"
    found = settle(priceless, minus="column")
    message = "row.net is -100.00, but by the profile a credit's minus stands at a column of its own."
    assert said(found.told) == [("minus-elsewhere", "row.net", 0, message)]


# -- what is declared ------------------------------------------------------------------------------


def test_only_what_is_declared_is_looked_at() -> None:
    """The default and fields of the service alone need nothing; a helper field does."""
    assert not has_prices(Prices(), ["billnum", "payrow.amount", "check.total"])
    assert has_prices(Prices(), ["row.discount"])
    assert has_prices(Prices(minus="price"), [])


def test_what_follows_needs_no_column() -> None:
    """A price follows from the sum of its kind or from two, a rate from two where that is declared."""
    assert found_fields(Prices(), {"row.gross", "row.discount"}) == set()
    assert found_fields(Prices(), {"row.net"}) == {"payrow.amount"}
    assert found_fields(Prices(vat="included"), {"row.gross"}) == {"payrow.amount"}
    assert found_fields(Prices(), {"row.vat", "row.gross"}) == {"payrow.amount"}
    assert found_fields(Prices(rate="sums"), {"row.vat", "row.gross"}) == {"payrow.amount", "payrow.taxpr"}


def test_what_is_declared_is_explained() -> None:
    """A sentence each, in their order; nothing of what is as usual."""
    assert explain(Prices()) == []
    declared = Prices(vat="included", rounding_row="Pyöristys", discount="row", rate="sums", minus="total")
    assert explain(declared) == [
        "Prices include VAT; those without it are found so that an invoice's total stays.",
        "Where a cent is left over, a row “Pyöristys” without VAT makes up for it.",
        "The discount in money is taken off the sum of its row.",
        "The VAT rate of a row follows from its sums.",
        "A credit has its minus at the row's sum; one at a price or quantity is an error.",
    ]
    others = [
        Prices(discount="unit"),
        Prices(minus="price"),
        Prices(minus="quantity"),
        Prices(minus="column"),
    ]
    assert [explain(each) for each in others] == [
        ["The discount in money is taken off the price of each unit."],
        ["A credit has its minus at the price; a quantity with a minus is an error."],
        ["A credit has its minus at the quantity; a price with a minus is an error."],
        ["A column says what is a credit; a minus at a price or quantity is an error."],
    ]
