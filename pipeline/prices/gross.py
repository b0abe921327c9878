"""From prices with VAT to prices without, so that the document's total stays, to the cent.

A row of gross sum G has a net N with N + round(N × rate) = G, or it has none: between the sums of two
neighbouring nets there is sometimes one that neither gives (0.02 at 25.5 % lies between 0.01 and 0.03). Such
rows are a cent above or below in turn, so that they cancel; of an odd number of them one cent is left.
The arithmetic is that of the context of `pipeline.prices.settle`, the rounding that of `values.money`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

from pipeline.validator.rules.base import Broken
from pipeline.values.money import Cents, cents, from_cents, money_text, row_sums, to_cents

MOST_DECIMALS = 10
"""Of a price or percentage that is found here or in `pipeline.prices.settle`."""
_LONGEST = 30  # digits before the point: beyond, the schema refuses a price anyway
_NEEDED = ("amount", "taxpr")


class Net(NamedTuple):
    """Rows with prices without VAT, what to tell, and the sums of each row as the export has them."""

    rows: list[dict[str, str]]
    told: list[Broken]
    exported: list[Cents]


class _Split(NamedTuple):
    """A row's gross sum and the net nearest to it in size from below, in cents; `exact` if it gives it."""

    gross: int
    net: int
    exact: bool


def gross_to_net(
    rows: Sequence[dict[str, str]], rounding_row: str | None, included: Sequence[bool] | None = None
) -> Net:
    """The rows of a document with prices without VAT.

    Args:
        rows: entries of `payrow` whose rates and discounts lie between 0 and 100.
        rounding_row: the text of the row that may be added at the end, for a cent that is left over.
        included: which rows' prices have VAT in them; all, if it is not given.

    Returns:
        The rows. Without `rounding_row`, a cent that is left over is told as an error.
    """
    has_vat = included or [True] * len(rows)
    splits = [
        _split(*map(row.get, ("count", "amount", "discount", "taxpr")), included=each)
        for row, each in zip(rows, has_vat, strict=True)
    ]
    exported = [
        _exported(split.gross, row.get("taxpr")) if each else _sums(split)
        for split, row, each in zip(splits, rows, has_vat, strict=True)
    ]
    nets = _chosen_nets(splits)
    settled, told = [], []
    for number, (row, net, each) in enumerate(zip(rows, nets, has_vat, strict=True)):
        price: str | None = row["amount"]
        if each:
            price = _net_price(*map(row.get, ("count", "amount", "discount", "taxpr")), net)
        if price is None:
            details = {"net": from_cents(net)}
            told.append(Broken("price-without-vat", "payrow.amount", row["amount"], number, details))
        settled.append(row if price is None else {**row, "amount": price})
    total = sum(split.gross for split in splits)
    left = total - sum(with_vat(net, _number(row["taxpr"])) for net, row in zip(nets, rows, strict=True))
    if told or (not left and settled == list(rows)):
        return Net(settled, told, exported)
    if left and rounding_row is None:
        number = max(number for number, split in enumerate(splits) if not split.exact)
        near = {"total": total, "below": total - 1, "above": total + 1}
        details = {name: from_cents(value) for name, value in near.items()}
        told.append(Broken("gross-unreachable", "payrow.amount", rows[number]["amount"], number, details))
        return Net(settled, told, exported)
    if left and rounding_row is not None:
        amount = money_text(from_cents(left))
        settled.append({"desc": rounding_row, "count": "1", "amount": amount, "taxpr": "0"})
    sums = {"total": total, "net": sum(nets), "rounding": left}
    details = {name: from_cents(value) for name, value in sums.items()}
    first = has_vat.index(True)
    told.append(Broken("prices-made-net", "payrow.amount", rows[first].get("amount"), first, details))
    return Net(settled, told, exported)


def with_vat(net: int, rate: Decimal) -> int:
    """A net sum in cents together with its VAT."""
    return net + int((net * rate / 100).to_integral_value(ROUND_HALF_UP))


def net_below(gross: int, rate: Decimal) -> int:
    """The greatest net, in cents, that with its VAT is not above `gross`, which is not negative."""
    about = int(gross * 100 / (100 + rate))
    return max(net for net in range(max(about - 1, 0), about + 2) if with_vat(net, rate) <= gross)


def rounded(exact: Decimal, least: int, fits: Callable[[Decimal], bool]) -> Decimal | None:
    """The number with as few decimals as `fits` asks, `least` or more; None if ten do not do."""
    if exact.adjusted() > _LONGEST:
        return None
    for places in range(least, MOST_DECIMALS + 1):
        number = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        if fits(number):
            return number
    return None


@lru_cache(maxsize=65536)
def _split(
    count: str | None, amount: str | None, discount: str | None, taxpr: str | None, *, included: bool
) -> _Split:
    if not included:
        net, _, total = map(to_cents, row_sums(count, amount, taxpr, discount))
        return _Split(total, abs(net), exact=True)
    gross = to_cents(row_sums(count, amount, None, discount).net)
    rate = _number(taxpr)
    net = net_below(abs(gross), rate)
    return _Split(gross, net, with_vat(net, rate) == abs(gross))


def _chosen_nets(splits: Sequence[_Split]) -> list[int]:
    """The net of each row, with its sign; the cent that is left over, if any, has the sign of the total."""
    way = 1 if sum(split.gross for split in splits) < 0 else -1  # of the next row that cannot be exact
    nets = []
    for gross, net, exact in splits:
        sign = -1 if gross < 0 else 1
        if exact:
            nets.append(sign * net)
            continue
        nets.append(sign * (net + 1 if sign == way else net))
        way = -way
    return nets


@lru_cache(maxsize=65536)
def _net_price(
    count: str | None, amount: str | None, discount: str | None, taxpr: str | None, net: int
) -> str | None:
    """The unit price that gives that net, of the sign of `amount`; None if ten decimals are too few."""
    price, rate = _number(amount), _number(taxpr)
    if not rate:
        return amount
    plain = price * 100 / (100 + rate)
    share = _number(count or "1") * (100 - _number(discount)) / 100
    if not share:
        return money_text(cents(plain))

    def gives_net(number: Decimal) -> bool:
        return to_cents(row_sums(count, number, None, discount).net) == net

    if net:
        found = rounded(from_cents(net) / share, 2, gives_net)
    else:
        found = rounded(plain, 2, gives_net) or Decimal(0)
    return None if found is None else money_text(found)


def _sums(split: _Split) -> Cents:
    """The sums of a row whose price has no VAT in it."""
    net = -split.net if split.gross < 0 else split.net
    return net, split.gross - net, split.gross


def _exported(gross: int, taxpr: str | None) -> Cents:
    """The sums that an export has for a row whose prices include VAT."""
    net = int((gross * 100 / (100 + _number(taxpr))).to_integral_value(ROUND_HALF_UP))
    return net, gross - net, gross


def _number(text: str | None) -> Decimal:
    return Decimal(text or 0)
