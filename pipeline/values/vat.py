"""Which VAT rates were in force when: for warnings, never for refusals."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from pipeline.resources import data_text


class _Rate(NamedTuple):
    rate: Decimal
    since: date
    until: date | None

    def in_force(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on <= self.until)


def vat_rate_known(country: str, rate: str | Decimal, on: date) -> bool:
    """Whether a VAT rate was in force, as far as `data/vat_rates.toml` can tell.

    Args:
        country: whose VAT it is, as alpha-3 (`FIN`).
        rate: in percent (`25.5`).
        on: the day of delivery or performance.

    Returns:
        True also for a country or a day of which the table says nothing: there is then nothing to
        hold the rate against.
    """
    in_force = rates_in_force(country, on)
    return not in_force or Decimal(rate) in in_force


def rates_in_force(country: str, on: date) -> list[Decimal]:
    """The rates of a country on a day, highest first; none where the table says nothing."""
    rates = (each.rate for each in _table().get(country, []) if each.in_force(on))
    return sorted(rates, reverse=True)


def rates_between(country: str, since: date, until: date) -> list[Decimal]:
    """The rates of a country on any of those days, both included, highest first."""
    rates = {
        each.rate
        for each in _table().get(country, [])
        if each.since <= until and (each.until is None or each.until >= since)
    }
    return sorted(rates, reverse=True)


@cache
def _table() -> dict[str, list[_Rate]]:
    countries = tomllib.loads(data_text("vat_rates.toml"))
    return {
        country: [_Rate(Decimal(each["rate"]), each["since"], each.get("until")) for each in rates]
        for country, rates in countries.items()
    }
