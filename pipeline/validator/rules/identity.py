"""What tells one document from another."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.document import Document, Kind
from pipeline.validator.rules.base import Broken, Context


def identity_is_sure(document: Document, _: Context) -> Iterator[Broken]:
    """Without a bill number the content is the identity, so its date must not come from the clock.

    Otherwise the same export, run again the next day, would be new invoices. The bill number of an
    allocation or payment is another document's.
    """
    if not document.clock_fields:
        return
    if document.billnum is None or document.kind in {Kind.ALLOCATION, Kind.PAYMENT}:
        field = min(document.clock_fields)
        yield Broken("identity-from-clock", field, document.dataset.get(field))
