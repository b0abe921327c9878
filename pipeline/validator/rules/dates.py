"""Dates of one document."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.document import Document
from pipeline.validator.rules.base import Broken, Context


def dates_in_order(document: Document, _: Context) -> Iterator[Broken]:
    """An invoice falls due on its own date or later."""
    dataset = document.dataset
    billdate, paydate = dataset.get("billdate"), dataset.get("paydate")
    if billdate and paydate and paydate < billdate:
        yield Broken("paydate-before-billdate", "paydate", paydate, details={"billdate": billdate})
