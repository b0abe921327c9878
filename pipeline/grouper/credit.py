"""Where the minus of a credit note stands, and whether it is beyond doubt that it is one.

The service wants prices and row totals negative and quantities positive
(`seeds/credit-note-allocation.txt`). Exports write a negative price, a negative quantity, or plain numbers
beside a column that says what is a credit note (`finnish-exports.md`, Signs and prices).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.validator.rules.base import Broken

CREDIT, NO_CREDIT = "1", "0"
"""What a `credit` column says."""

_TOTALS = ("netamount", "vatamount", "totalamount")


class Signs(NamedTuple):
    """A credit note's rows as the service wants them, and what to tell about it.

    `negated`: the rows' sums, and the sums that the export gives, have changed their sign with them.
    """

    rows: list[dict[str, str]]
    negated: bool
    told: list[Broken]


def settle_signs(rows: Sequence[dict[str, str]], mark: str | None, *, refunds: bool) -> Signs:
    """Bring the minus of each row to its price, where it is certain what is meant.

    Args:
        rows: the entries of `payrow` of a document that is marked as credit note, names an original, or
            comes to less than nothing.
        mark: what its `credit` column says (`1`, `0`), if it has one.
        refunds: whether it names the invoice that it credits.

    Returns:
        The rows, which are left as they are where there is doubt; that is told as an error.
    """
    as_they_are = list(rows)
    if refunds and mark == NO_CREDIT:
        return Signs(as_they_are, negated=False, told=[Broken("credit-or-invoice", "credit", mark)])
    meant = refunds or mark == CREDIT
    positive = next((number for number, row in enumerate(rows) if _sign_of_product(row) > 0), None)
    if meant and positive is not None:
        price, count = rows[positive]["amount"], rows[positive].get("count", "1")
        if mark == CREDIT and _all_plain(rows):
            told = [Broken("credit-negated", "payrow.amount", price, positive)]
            return Signs([_negated(row) for row in rows], negated=True, told=told)
        told = [Broken("credit-row-positive", "payrow.amount", price, positive, {"count": count})]
        return Signs(as_they_are, negated=False, told=told)
    settled = [_with_minus_at_price(row, every=meant) for row in rows]
    moved = [number for number, row in enumerate(rows) if row != settled[number]]
    told = [
        Broken("credit-sign-moved", "payrow.count", rows[number]["count"], number, {"rows": len(moved)})
        for number in moved[:1]
    ]
    return Signs(settled, negated=False, told=told)


def negative(number: str) -> str:
    """The number with a minus, unless it is zero or blank."""
    return f"-{number.removeprefix('-')}" if _sign(number) else number


def _sign(number: str) -> int:
    if not number.strip("-0."):
        return 0
    return -1 if number.startswith("-") else 1


def _sign_of_product(row: dict[str, str]) -> int:
    return _sign(row.get("count", "1")) * _sign(row.get("amount", ""))


def _all_plain(rows: Sequence[dict[str, str]]) -> bool:
    """No quantity and no price has a minus."""
    return all(_sign(row.get(tag, "")) >= 0 for row in rows for tag in ("count", "amount"))


def _negated(row: dict[str, str]) -> dict[str, str]:
    return {tag: negative(value) if tag in {"amount", *_TOTALS} else value for tag, value in row.items()}


def _with_minus_at_price(row: dict[str, str], *, every: bool) -> dict[str, str]:
    """The row with its minus at the price; with `every`, also a row that comes to nothing."""
    sign = _sign_of_product(row)
    if sign > 0 or (sign == 0 and not every) or "count" not in row or "amount" not in row:
        return row
    return {**row, "count": row["count"].removeprefix("-"), "amount": negative(row["amount"])}
