"""What tells one document from another."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.document import Document
from pipeline.rules.base import Broken, Context


def identity_is_sure(document: Document, _: Context) -> Iterator[Broken]:
    """Without a bill number the content is the identity, so its date must not come from the clock.

    Otherwise the same export, run again the next day, would be new invoices.
    """
    if document.billnum is None and document.clock_fields:
        field = min(document.clock_fields)
        yield Broken("identity-from-clock", field, document.dataset.get(field))
