"""Rows settled by themselves, and what is said of them."""

from __future__ import annotations

from typing import Any

from pipeline.findings import finding
from pipeline.prices.settle import Settled, settle_prices
from pipeline.profile.model import Prices
from pipeline.validator.rules.base import Broken
from pipeline.values.money import Sums, document_sums, row_sums_bulk

DAYS = ("2026-10-01",)


def settled(row: dict[str, str], total: str = "", **declared: Any) -> dict[str, str]:
    """One row settled without anything told but that its price is net now."""
    found = settle(row, total=total, **declared)
    assert {each.code for each in found.told} <= {"prices-made-net"}
    return found.rows[0]


def settle(*rows: dict[str, str], total: str = "", credit: bool = False, **declared: Any) -> Settled:
    """Rows settled in Finland in October 2026; `total` stands in the sum column of each."""
    prices = Prices(**declared)
    return settle_prices(rows, [total] * len(rows), prices, days=DAYS, home="FIN", credit=credit)


def said(told: list[Broken]) -> list[tuple[str, str, int | None, str]]:
    """Code, field, row and message of each."""
    return [
        (
            each.code,
            each.field,
            each.row,
            finding(each.code, field=each.field, value=each.value, **each.details).message,
        )
        for each in told
    ]


def sums_of(rows: list[dict[str, str]]) -> Sums:
    """What rows come to by the one rule."""
    columns = [[row.get(tag) for row in rows] for tag in ("count", "amount", "taxpr", "discount")]
    return document_sums(row_sums_bulk(*columns))
