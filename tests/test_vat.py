"""A VAT rate is held against the day of delivery, and against nothing where nothing is known."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from pipeline.values.vat import rates_in_force, vat_rate_known


@pytest.mark.parametrize(
    ("country", "rate", "on", "known"),
    [
        ("FIN", "24", date(2024, 8, 31), True),
        ("FIN", "25.5", date(2024, 8, 31), False),
        ("FIN", "24", date(2024, 9, 1), False),
        ("FIN", "25.5", date(2024, 9, 1), True),
        ("FIN", "14", date(2025, 12, 31), True),
        ("FIN", "13.5", date(2025, 12, 31), False),
        ("FIN", "14", date(2026, 1, 1), False),
        ("FIN", "13.5", date(2026, 1, 1), True),
        ("FIN", "24.00", date(2017, 3, 3), True),
        ("FIN", "23", date(2017, 3, 4), False),
        ("FIN", "0.255", date(2026, 1, 1), False),
        ("SWE", "25", date(2026, 1, 1), True),
        ("SWE", "25.5", date(2026, 1, 1), False),
        ("NOR", "15", date(2026, 1, 1), True),
        ("NOR", "14", date(2026, 1, 1), False),
    ],
)
def test_a_rate_is_known_on_its_days(country: str, rate: str, on: date, known: bool) -> None:
    """A rate is known from its first day to its last, both included, however it is written."""
    assert vat_rate_known(country, rate, on) is known


@pytest.mark.parametrize(("country", "on"), [("DEU", date(2026, 1, 1)), ("FIN", date(2010, 1, 1))])
def test_nothing_is_said_where_nothing_is_known(country: str, on: date) -> None:
    """A country or a day that the table does not have makes no rate unusual."""
    assert rates_in_force(country, on) == []
    assert vat_rate_known(country, "19", on)


def test_the_rates_of_a_day() -> None:
    """The rates in force are told highest first."""
    assert rates_in_force("FIN", date(2026, 11, 1)) == [
        Decimal("25.5"),
        Decimal("13.5"),
        Decimal(10),
        Decimal(0),
    ]
