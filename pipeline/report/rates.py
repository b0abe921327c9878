"""Sums per VAT rate: of documents as they are made, and of what the ledger keeps of them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any

import orjson

from pipeline.document import Document
from pipeline.money import Sums, decimal_text, from_cents, row_sums_bulk, to_cents

NO_RATE = ""
"""Stands for the rate where there is none: an open sum without rows."""

_AT_ONCE = 20_000  # rows to compute in one go


class Rates:
    """Net and VAT of each VAT rate; the rates are in percent, as shortest text (`25.5`)."""

    def __init__(self) -> None:
        self._cents: dict[str, list[int]] = {}
        self._waiting: list[tuple[Any, ...]] = []

    def add(self, rate: str | None, net: int, vat: int) -> None:
        """Add a sum in cents."""
        sums = self._cents.setdefault(_shortest(rate) if rate else NO_RATE, [0, 0])
        sums[0] += net
        sums[1] += vat

    def add_documents(self, documents: Iterable[Document]) -> None:
        """Add the rows of documents, or their open sums."""
        for document in documents:
            rows = document.dataset.get("payrow")
            if not rows:
                self.add(None, to_cents(document.net), to_cents(document.vat))
                continue
            for row, at in zip(rows, document.payrows, strict=True):
                net, vat, _ = document.row_sums[at]
                self.add(row.get("taxpr"), net, vat)

    def add_payload(self, payload: str, net: Decimal) -> None:
        """Add the rows of a dataset as the ledger keeps it, or its open sum `net`.

        Raises:
            ValueError: a factor of a row is not a plain decimal number.
        """
        rows = orjson.loads(payload).get("payrow")
        if not rows:
            self.add(None, to_cents(net), 0)
            return
        for row in rows:
            get = row.get
            self._waiting.append((get("count"), get("amount"), get("taxpr"), get("discount")))
        if len(self._waiting) >= _AT_ONCE:
            self._compute()

    def sums(self) -> dict[str, Sums]:
        """The sums of each rate."""
        self._compute()
        return {
            rate: Sums(from_cents(net), from_cents(vat), from_cents(net + vat))
            for rate, (net, vat) in self._cents.items()
        }

    def as_totals(self) -> dict[str, tuple[str, str]]:
        """Net and VAT of each rate as decimal text, as the ledger keeps them."""
        return {rate: (format(each.net, "f"), format(each.vat, "f")) for rate, each in self.sums().items()}

    def _compute(self) -> None:
        if not self._waiting:
            return
        factors = list(zip(*self._waiting, strict=True))
        for rate, (net, vat, _) in zip(factors[2], row_sums_bulk(*factors), strict=True):
            self.add(rate, net, vat)
        self._waiting.clear()


@cache
def _shortest(rate: str) -> str:
    return decimal_text(Decimal(rate))
