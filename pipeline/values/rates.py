"""Sums per VAT rate: of documents as they are made, and of what the ledger keeps of them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson

from pipeline.document import Document
from pipeline.values.money import Sums, decimal_text, from_cents, row_sums_bulk, to_cents

NO_RATE = ""
"""Stands for the rate where there is none: an open sum without rows."""

_FACTORS = ("count", "amount", "taxpr", "discount")
_AT_ONCE = 20_000  # rows to compute in one go


class Rates:
    """Net and VAT of each VAT rate; the rates are in percent, as shortest text (`25.5`)."""

    def __init__(self) -> None:
        self._cents: dict[str | None, list[int]] = {}  # by the rate as it is written
        self._factors: tuple[list[Any], ...] = ([], [], [], [])

    def add_documents(self, documents: Iterable[Document]) -> None:
        """Add the rows of documents, or their open sums."""
        for document in documents:
            rows = document.dataset.get("payrow")
            if not rows:
                self._add(None, to_cents(document.net), to_cents(document.vat))
                continue
            for row, at in zip(rows, document.payrows, strict=True):
                net, vat, _ = document.row_sums[at]
                self._add(row.get("taxpr"), net, vat)

    def add(self, other: Rates) -> None:
        """Add what others have; nothing of theirs may wait to be computed (`add_payload`)."""
        for rate, (net, vat) in other._cents.items():
            self._add(rate, net, vat)

    def add_payload(self, payload: str, net: str) -> None:
        """Add the rows of a dataset as the ledger keeps it, or its open sum `net`.

        Raises:
            ValueError: a factor of a row is not a plain decimal number.
        """
        rows = orjson.loads(payload).get("payrow")
        if not rows:
            self._add(None, to_cents(Decimal(net)), 0)
            return
        for tag, factors in zip(_FACTORS, self._factors, strict=True):
            factors.extend([row.get(tag) for row in rows])
        if len(self._factors[0]) >= _AT_ONCE:
            self._compute()

    def sums(self) -> dict[str, Sums]:
        """The sums of each rate."""
        self._compute()
        cents: dict[str, tuple[int, int]] = {}
        for written, (net, vat) in self._cents.items():
            rate = decimal_text(Decimal(written)) if written else NO_RATE
            before = cents.get(rate, (0, 0))
            cents[rate] = (before[0] + net, before[1] + vat)
        return {
            rate: Sums(from_cents(net), from_cents(vat), from_cents(net + vat))
            for rate, (net, vat) in cents.items()
        }

    def as_totals(self) -> dict[str, tuple[str, str]]:
        """Net and VAT of each rate as decimal text, as the ledger keeps them."""
        return {rate: (format(each.net, "f"), format(each.vat, "f")) for rate, each in self.sums().items()}

    def _add(self, rate: str | None, net: int, vat: int) -> None:
        sums = self._cents.setdefault(rate, [0, 0])
        sums[0] += net
        sums[1] += vat

    def _compute(self) -> None:
        rates = self._factors[_FACTORS.index("taxpr")]
        for rate, (net, vat, _) in zip(rates, row_sums_bulk(*self._factors), strict=True):
            self._add(rate, net, vat)
        for factors in self._factors:
            factors.clear()
