"""Sums: what the export itself gives as totals must agree with its rows, to the cent.

Rows are computed by `pipeline.money`, the one place of the rounding rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pipeline.document import Document
from pipeline.money import cents, from_cents
from pipeline.rules.base import Broken, Context

_TAGS = ("netamount", "vatamount", "totalamount")


def vat_percent(document: Document, _: Context) -> Iterator[Broken]:
    """A VAT rate below one percent is a fraction that lost its percent sign: 0.255 for 25.5."""
    for number, row in enumerate(document.dataset.get("payrow", ())):
        if 0 < Decimal(row["taxpr"]) < 1:
            percent = format(Decimal(row["taxpr"]).scaleb(2).normalize(), "f")
            yield Broken("vat-rate-fraction", "payrow.taxpr", row["taxpr"], number, {"percent": percent})


def row_totals(document: Document, _: Context) -> Iterator[Broken]:
    """A row's own totals are count × amount less discount, its VAT, and both together."""
    for number, row in enumerate(document.dataset.get("payrow", ())):
        for tag, computed in zip(_TAGS, document.row_sums[document.payrows[number]], strict=True):
            if tag in row and Decimal(row[tag]) != from_cents(computed):
                details = {"computed": from_cents(computed)}
                yield Broken("row-total-disagrees", f"payrow.{tag}", row[tag], number, details)


def open_sum(document: Document, _: Context) -> Iterator[Broken]:
    """A reminder's or collection's open sum is more than nothing."""
    amount = document.dataset.get("amount")
    if amount is not None and Decimal(amount) <= 0:
        yield Broken("amount-not-positive", "amount", amount)


def sum_column(document: Document, _: Context) -> Iterator[Broken]:
    """A sum column holds one of four sums on all rows: the row's or the invoice's, without VAT or with it."""
    if not any(document.given_totals) or "payrow" not in document.dataset:
        return
    given = [(at, cents(Decimal(text))) for at, text in enumerate(document.given_totals) if text]
    meanings = [
        [from_cents(net) for net, _, _ in document.row_sums],
        [from_cents(total) for _, _, total in document.row_sums],
        [document.net] * len(document.rows),
        [document.total] * len(document.rows),
    ]
    wrong = [[(at, value) for at, value in given if meaning[at] != value] for meaning in meanings]
    if all(wrong):
        at, value = min(wrong, key=len)[0]
        names = ("net", "total", "invoice_net", "invoice_total")
        details = {name: meaning[at] for name, meaning in zip(names, meanings, strict=True)}
        row = document.payrows.index(at) if at in document.payrows else None
        yield Broken("sum-disagrees", "check.total", str(value), row, details)
