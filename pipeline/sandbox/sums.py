"""The sandbox's own money: what rows and jobs come to, and whether given row totals agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any, NamedTuple

_CENT = Decimal("0.01")
_EXACT = Context(prec=150)  # more digits than any product of three numbers that `checks` lets through


class Sums(NamedTuple):
    """Money in the invoice's currency, to the cent."""

    net: Decimal
    vat: Decimal
    total: Decimal


def cents(value: Decimal) -> Decimal:
    """The value to the cent, halves away from zero."""
    return value.quantize(_CENT, ROUND_HALF_UP, _EXACT)


def add_up(values: Iterable[Decimal]) -> Decimal:
    """The sum, exact, with at least two decimals."""
    with localcontext(_EXACT):
        return sum(values, Decimal("0.00"))


def share(value: Decimal, percent: str) -> Decimal:
    """So many percent of the value, to the cent."""
    with localcontext(_EXACT):
        return cents(value * Decimal(percent) / 100)


def row_sums(row: dict[str, str]) -> Sums:
    """What a `payrow` comes to: count x amount less the discount, VAT on the net sum, each to the cent."""
    with localcontext(_EXACT):
        net = Decimal(row["count"]) * Decimal(row["amount"]) * (100 - Decimal(row.get("discount", "0"))) / 100
    net = cents(net)
    vat = share(net, row["taxpr"])
    return Sums(net, vat, net + vat)


def job_sums(job: dict[str, Any]) -> Sums:
    """What a job comes to: its rows, or for a reminder or debt collection without any its `amount`."""
    rows = [row_sums(row) for row in job.get("payrow", ())]
    if not rows:
        amount = cents(Decimal(job.get("amount", "0")))
        return Sums(amount, Decimal("0.00"), amount)
    return Sums(*(add_up(column) for column in zip(*rows, strict=True)))


def check_rows(job: dict[str, Any]) -> Iterator[str]:
    """Row totals are optional; given ones agree to the cent with what the row comes to (invoice page)."""
    for index, row in enumerate(job.get("payrow", ())):
        sums = row_sums(row)
        for tag, value in zip(("netamount", "vatamount", "totalamount"), sums, strict=True):
            if tag in row and Decimal(row[tag]) != value:
                yield f"payrow[{index}].{tag} is {row[tag]}, but the row comes to {value}"
