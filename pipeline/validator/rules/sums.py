"""Sums: what the export itself gives as totals must agree with its rows, to the cent.

Rows are computed by `pipeline.values.money`, the one place of the rounding rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

from pipeline.document import Document
from pipeline.validator.rules.base import Broken, Context
from pipeline.values.money import cents, from_cents

_TAGS = ("netamount", "vatamount", "totalamount")


def vat_percent(document: Document, _: Context) -> Iterator[Broken]:
    """A VAT rate below one percent is a fraction that lost its percent sign: 0.255 for 25.5."""
    for number, row in enumerate(document.dataset.get("payrow", ())):
        if percent := _lost_percent(row["taxpr"]):
            yield Broken("vat-rate-fraction", "payrow.taxpr", row["taxpr"], number, {"percent": percent})


@lru_cache(maxsize=4096)
def _lost_percent(rate: str) -> str | None:
    """The percentage that a rate was meant to be, if it is a fraction."""
    return format(Decimal(rate).scaleb(2).normalize(), "f") if 0 < Decimal(rate) < 1 else None


def row_totals(document: Document, _: Context) -> Iterator[Broken]:
    """A row's own totals are count × amount less discount, its VAT, and both together."""
    sums, places = document.row_sums, document.payrows
    for number, row in enumerate(document.dataset.get("payrow", ())):
        for at, tag in enumerate(_TAGS):
            if tag in row and not _says(row[tag], computed := sums[places[number]][at]):
                details = {"computed": from_cents(computed)}
                yield Broken("row-total-disagrees", f"payrow.{tag}", row[tag], number, details)


def _says(text: str, number: int) -> bool:
    """Whether a sum is so many cents. `12.34` is mostly compared as text: a quarter of the time."""
    return (text[-3:-2] == "." and text[:-3] + text[-2:] == str(number)) or Decimal(text) == from_cents(
        number
    )


def open_sum(document: Document, _: Context) -> Iterator[Broken]:
    """A reminder's or collection's open sum is more than nothing."""
    amount = document.dataset.get("amount")
    if amount is not None and Decimal(amount) <= 0:
        yield Broken("amount-not-positive", "amount", amount)


def sum_column(document: Document, _: Context) -> Iterator[Broken]:
    """A sum column holds one of four sums on all rows: the row's or the invoice's, without VAT or with it.

    Rows that are no invoice row, such as those of a table of invoices beside one of rows, have the invoice's.
    """
    if not any(document.given_totals) or "payrow" not in document.dataset:
        return
    given = [(at, cents(Decimal(text))) for at, text in enumerate(document.given_totals) if text]
    payrows = set(document.payrows)
    meanings = [
        [from_cents(net) for net, _, _ in document.row_sums],
        [from_cents(total) for _, _, total in document.row_sums],
        [document.net] * len(document.rows),
        [document.total] * len(document.rows),
    ]
    groups = (
        ([(at, value) for at, value in given if at in payrows], meanings),
        ([(at, value) for at, value in given if at not in payrows], meanings[2:]),
    )
    for told, possible in groups:
        wrong = [[(at, value) for at, value in told if meaning[at] != value] for meaning in possible]
        if all(wrong):
            at, value = min(wrong, key=len)[0]
            names = ("net", "total", "invoice_net", "invoice_total")
            details = {name: meaning[at] for name, meaning in zip(names, meanings, strict=True)}
            row = document.payrows.index(at) if at in payrows else None
            yield Broken("sum-disagrees", "check.total", str(value), row, details)
            return
