"""Credit notes, as far as the note itself tells. Its signs are settled before, in `pipeline.grouper.credit`.

What needs the original is not asked here but where the ledger is, in planning: whether it is known (and
its `refundtojobid`), whether each product was on it, and whether enough of it is left to credit.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.document import Document, Kind
from pipeline.validator.rules.base import Broken, Context

REFUNDS = ("refundtobillnum", "refundtojobid")
"""The tags by which a credit note names its original."""


def is_credit(document: Document) -> bool:
    """Whether it is a credit note: it names an original, or comes to less than nothing."""
    return document.total < 0 or any(tag in document.dataset for tag in REFUNDS)


def names_original(document: Document) -> bool:
    """Whether it is a credit note that says which invoice it credits."""
    return any(tag in document.dataset for tag in REFUNDS) and is_credit(document)


def credit_names_its_original(document: Document, _: Context) -> Iterator[Broken]:
    """A credit note names the invoice that it credits; without one it has to be allocated later."""
    dataset = document.dataset
    billnum = dataset.get("refundtobillnum")
    if billnum is not None and billnum == document.billnum:
        yield Broken("credit-of-itself", "refundtobillnum", billnum)
    if document.kind is Kind.INVOICE and document.total < 0 and not any(tag in dataset for tag in REFUNDS):
        yield Broken("credit-unallocated", "refundtobillnum", details={"total": document.total})
