"""Invoice features: what the service asks of them beyond their form (`ropo-one-api.md`, Invoice features).

Companies only, tags that go together or exclude each other: the schema says these. Fields of a group
are named by their number, as in `cashdiscountrow1.discountamount`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

from pipeline.document import Document
from pipeline.validator.rules.base import Broken, Context
from pipeline.validator.rules.credit import is_credit
from pipeline.values.money import cents


def features(document: Document, _: Context) -> Iterator[Broken]:
    """Every feature that the document uses is right in itself and agrees with its sums."""
    dataset = document.dataset
    for tag, rule in _RULES.items():
        if tag in dataset:
            yield from rule(document, dataset)
    if "billcode" not in dataset and (
        dataset["jobtype"] == "300" or dataset.get("collectionprocess") == "T1"
    ):
        yield Broken("print-service-reference", "billcode")


def _cash_discount(document: Document, dataset: dict[str, Any]) -> Iterator[Broken]:
    """The amount is so many percent of the net sum: 2 % of a 1415.00 net row is 28.30 (the API's page)."""
    for number, row in enumerate(dataset["cashdiscountrow"], start=1):
        group = f"cashdiscountrow{number}"
        percent, amount, day = row["discountpercent"], row["discountamount"], row["discountdate"]
        computed = cents(document.net * Decimal(percent) / 100)
        if Decimal(amount) != computed:
            details = {"percent": percent, "net": document.net, "computed": computed}
            yield Broken("cash-discount-amount", f"{group}.discountamount", amount, details=details)
        first, last = dataset.get("billdate", day), dataset.get("paydate", day)
        if not first <= day <= last:
            yield Broken(
                "cash-discount-date",
                f"{group}.discountdate",
                day,
                details={"billdate": first, "paydate": last},
            )


def _payment_plan(document: Document, dataset: dict[str, Any]) -> Iterator[Broken]:
    """The biller's own instalments rise in date and add up to the invoice's total with VAT."""
    instalments = dataset["payplan"]["instalment"]
    planned = sum((Decimal(each["amount"]) for each in instalments), Decimal("0.00"))
    if planned != document.total:
        yield Broken(
            "instalments-sum",
            f"payplan.instalment{len(instalments)}.amount",
            instalments[-1]["amount"],
            details={"planned": planned, "total": document.total},
        )
    for number, (before, after) in enumerate(pairwise(instalments), start=2):
        if after["date"] <= before["date"]:
            details = {"before": before["date"]}
            yield Broken(
                "instalment-dates", f"payplan.instalment{number}.date", after["date"], details=details
            )


def _accounting(document: Document, dataset: dict[str, Any]) -> Iterator[Broken]:
    """Debits equal credits; net and VAT are negative on a credit note."""
    rows = dataset["accountrow"]
    debit, credit = (
        sum((row.get(tag, Decimal(0)) for row in rows), Decimal(0)) for tag in ("debit", "credit")
    )
    if debit != credit:
        yield Broken("accounting-balance", "accountrow1.debit", details={"debit": debit, "credit": credit})
    if is_credit(document):
        for number, row in enumerate(rows, start=1):
            for tag in ("netamount", "vatamount"):
                if row.get(tag, 0) > 0:
                    yield Broken("accounting-sign", f"accountrow{number}.{tag}", format(row[tag], "f"))


def _reverse_charge(_: Document, dataset: dict[str, Any]) -> Iterator[Broken]:
    """Where the buyer accounts for the VAT, the invoice has none."""
    if dataset["negvat"] != "1":
        return
    for number, row in enumerate(dataset.get("payrow", ())):
        if Decimal(row["taxpr"]) > 0:
            yield Broken("reverse-charge-vat", "payrow.taxpr", row["taxpr"], number)
            return


_RULES: dict[str, Callable[[Document, dict[str, Any]], Iterator[Broken]]] = {
    "cashdiscountrow": _cash_discount,
    "payplan": _payment_plan,
    "accountrow": _accounting,
    "negvat": _reverse_charge,
}
"""The rule of each tag, asked only of documents that have it: most have none."""
