"""What one row's sums, discount and signs come to as `payrow`, if a profile says what they mean.

In this order: the VAT rate, the price from a sum, the discount, the minus; then the sums that the export
gives must be those of the row. The arithmetic is that of the context of `pipeline.prices.settle`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pipeline.language import shown_percent, translate
from pipeline.prices.gross import rounded
from pipeline.profile.model import Prices
from pipeline.validator.rules.base import Broken
from pipeline.values.money import cents, decimal_text, money_text, row_sums
from pipeline.values.vat import rates_between

SUMS = ("row.net", "row.vat", "row.gross")
HELPERS = ("row.discount", "row.included", *SUMS)
"""What an export may have beside the tags of `payrow`; none of it is sent."""

_CENT = Decimal("0.01")

_BEFORE = dt.timedelta(days=92)
"""How long before its dates an invoice's goods may have been delivered."""
_BEFORE_CREDIT = dt.timedelta(days=3 * 366)
"""How old the sale may be that a row with a minus takes back: it keeps the rate of its own day."""


@dataclass(slots=True)
class Row:
    """A row under way: `tags` are those of `payrow`, `given` its helper fields, `told` what is wrong with it.

    `total` is its text in the sum column. `unsigned`: a minus at a sum says no more than what the credit
    note's column says already. `base` is where its price is looked at: its own column, or the sum that it
    was found from. `included`: its price has VAT in it.
    """

    number: int
    tags: dict[str, str]
    given: dict[str, Decimal]
    total: str
    unsigned: bool = False
    base: str = "payrow.amount"
    included: bool = False
    told: list[Broken] = field(default_factory=list)

    def value(self, tag: str, missing: str = "0") -> Decimal:
        """The number of that tag of `payrow`."""
        return Decimal(self.tags.get(tag) or missing)

    def sum(self, discount: Decimal | None = None) -> Decimal:
        """What the row comes to, with VAT if its price has it; `discount` instead of its own."""
        off = self.value("discount") if discount is None else discount
        return row_sums(self.value("count", "1"), self.value("amount"), None, off).net

    def tell(self, code: str, name: str, value: Decimal | None = None, **details: object) -> None:
        """Note what is wrong, on the cell of that field."""
        text = None if value is None else money_text(value)
        self.told.append(Broken(code, name, text, self.number, details))

    @property
    def countable(self) -> bool:
        """Whether discount and rate can be counted with; otherwise the schema refuses the row."""
        return 0 <= self.value("discount") <= 100 and 0 <= self.value("taxpr") <= 100


def row_of(number: int, texts: Mapping[str, str], total: str, *, unsigned: bool) -> Row:
    """The row that is to be settled."""
    return Row(
        number,
        {tag: text for tag, text in texts.items() if tag not in HELPERS},
        {name: Decimal(text) for name in HELPERS if (text := texts.get(name))},
        total,
        unsigned,
    )


def settle_row(row: Row, prices: Prices, days: Sequence[str], home: str | None) -> None:
    """Give the row its rate, price, discount and sign; what keeps it from them is told."""
    _see_included(row, prices)
    _complete_sums(row)
    if prices.rate == "sums" and not row.tags.get("taxpr"):
        _find_rate(row, days, home)
    _see_discount(row, prices)
    if not row.countable:
        return
    if not row.tags.get("amount"):
        _find_price(row, prices)
    if row.told or not row.tags.get("amount"):
        return
    _find_discount(row, prices)
    _settle_minus(row, prices)
    if not row.told:
        _compare_sums(row)


def _see_included(row: Row, prices: Prices) -> None:
    """Whether the price has VAT in it: the profile says it, or leaves it to a column."""
    flag = row.given.get("row.included")
    if prices.vat == "column":
        row.included = bool(flag)
        if flag is None:
            row.tell("included-missing", "row.included")
        return
    row.included = prices.vat == "included"
    if flag is not None and bool(flag) != row.included:
        row.tell("included-undeclared", "row.included")


def _complete_sums(row: Row) -> None:
    """Of net, VAT and gross any two give the third; all three must agree."""
    net, vat, gross = (row.given.get(f"row.{name}") for name in ("net", "vat", "gross"))
    if net is not None and vat is not None and gross is not None:
        if net + vat != gross:
            row.tell("row-sums-disagree", "row.gross", gross, net=net, vat=vat, together=net + vat)
    elif net is not None and vat is not None:
        row.given["row.gross"] = net + vat
    elif gross is not None and vat is not None:
        row.given["row.net"] = gross - vat
    elif gross is not None and net is not None:
        row.given["row.vat"] = gross - net


def _find_rate(row: Row, days: Sequence[str], home: str | None) -> None:
    """The one known rate of which the row's VAT is that of its net, but for the rounding of a cent."""
    net, vat = row.given.get("row.net"), row.given.get("row.vat")
    fitting = []
    if net and vat is not None:
        known = _known_rates(tuple(days), home, credit=net < 0)
        fitting = [rate for rate in known if abs(net * rate / 100 - vat) < _CENT]
    if len(fitting) == 1:
        row.tags["taxpr"] = decimal_text(fitting[0])
        return
    shown = {
        "net": "–" if net is None else money_text(net),
        "vat": "–" if vat is None else money_text(vat),
        "fits": ", ".join(shown_percent(decimal_text(rate)) for rate in fitting) or "–",
    }
    name = next((name for name in ("row.vat", "row.net", "row.gross") if name in row.given), "payrow.taxpr")
    row.tell("vat-rate-unclear", name, row.given.get(name), **shown)


def _known_rates(days: Sequence[str], home: str | None, *, credit: bool) -> list[Decimal]:
    dates = [dt.date.fromisoformat(day) for day in days]
    if not dates:
        return rates_between(home or "", dt.date.min, dt.date.max)
    before = _BEFORE_CREDIT if credit else _BEFORE
    earliest = max(min(dates), dt.date.min + before)
    return rates_between(home or "", earliest - before, max(dates))


def _see_discount(row: Row, prices: Prices) -> None:
    """A discount is in money or in percent, not below nothing, and what money is taken off is declared."""
    off = row.given.get("row.discount", Decimal(0))
    if off < 0:
        row.tell("discount-negative", "row.discount", off)
    elif off and prices.discount == "percent":
        row.tell("discount-undeclared", "row.discount", off)
    elif off and row.value("discount"):
        row.tell("discount-twice", "row.discount", off, percent=decimal_text(row.value("discount")))


def _find_price(row: Row, prices: Prices) -> None:
    """The unit price of which the row comes to the sum that the export gives."""
    row.base = "row.gross" if row.included else "row.net"
    given = row.given.get(row.base)
    if given is None:
        return
    total, off = abs(given), row.given.get("row.discount", Decimal(0))
    count, left = abs(row.value("count", "1")), 1 - row.value("discount") / 100

    def comes_to_total(price: Decimal) -> bool:
        before = count * (price - off) if prices.discount == "unit" else count * price * left - off
        return cents(before) == total

    price: Decimal | None = Decimal(0) if not total and not off else None
    if count and left:
        exact = total / count / left + off if prices.discount == "unit" else (total + off) / (count * left)
        price = rounded(exact, 2, comes_to_total)
    if price is None:
        details = {"count": decimal_text(count), "discount": decimal_text(row.value("discount"))}
        row.tell("price-from-sum", row.base, given, **details)
        return
    has_minus = (given < 0) != (row.value("count", "1") < 0)
    unsigned = row.unsigned or prices.minus == "total"
    row.tags["amount"] = money_text(-price if has_minus and not unsigned else price)


def _find_discount(row: Row, prices: Prices) -> None:
    """The discount in percent that takes as much off the row as the one in money."""
    off = row.given.get("row.discount")
    if not off:
        return
    count, price = abs(row.value("count", "1")), abs(row.value("amount"))
    before = price if prices.discount == "unit" else count * price
    if off > before:
        row.tell("discount-too-large", "row.discount", off, before=money_text(before))
        return
    left = cents(count * (price - off) if prices.discount == "unit" else before - off)
    percent = rounded(100 * off / before, 0, lambda number: abs(row.sum(number)) == left)
    if percent is None:
        row.tell("discount-no-percent", "row.discount", off, before=money_text(before))
    else:
        row.tags["discount"] = decimal_text(percent)


def _settle_minus(row: Row, prices: Prices) -> None:
    """Only what is declared to may have a minus; with `total`, the row's sum gives its own to the price."""
    count, price = row.value("count", "1"), row.value("amount")
    if count < 0 and prices.minus in {"price", "total", "column"}:
        row.tell("minus-elsewhere", "payrow.count", count, where=_minus_place(prices))
    elif price < 0 and prices.minus in {"quantity", "total", "column"}:
        row.tell("minus-elsewhere", row.base, row.given.get(row.base, price), where=_minus_place(prices))
    elif prices.minus == "total" and count and price:
        total = row.given.get("row.net", row.given.get("row.gross"))
        if total is None and row.total:
            total = Decimal(row.total)
        if total is None:
            row.tell("minus-unknown", row.base, price)
        elif total < 0:
            row.tags["amount"] = money_text(-price)


def _minus_place(prices: Prices) -> str:
    return {
        "price": translate("the price"),
        "quantity": translate("the quantity"),
        "total": translate("the row's sum"),
        "column": translate("a column of its own"),
    }[prices.minus]


def _compare_sums(row: Row) -> None:
    """The sums that the export gives are those of its row: to the cent, but for net and VAT of gross prices.

    There an export may round them one way or the other.
    """
    own, rate = row.sum(), row.value("taxpr") / 100
    if not row.included:
        computed = own, cents(own * rate), own + cents(own * rate)
    else:
        computed = own / (1 + rate), own - own / (1 + rate), own
    for name, mine in zip(("row.net", "row.vat", "row.gross"), computed, strict=True):
        given = row.given.get(name)
        if given is None:
            continue
        apart = abs(abs(given) - abs(mine)) if row.unsigned else abs(given - mine)
        if apart >= _CENT or (apart and (not row.included or name == "row.gross")):
            row.tell("sum-and-price", name, given, computed=cents(mine))
            return
