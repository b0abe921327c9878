"""What ledgers of long ago hold stays comparable: hashes and payloads of today are those of then."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import pytest
from ledger_made import HETU, invoice

from pipeline.document import Document
from pipeline.ledger.content import content, guarded

KEY = bytes(range(32))


def _clocked(document: Document) -> Document:
    document.clock_fields = frozenset({"billdate"})
    return document


def _crediting(document: Document) -> Document:
    document.sent_as = {**document.dataset, "refundtojobid": 7}
    return document


@pytest.mark.parametrize(
    ("document", "guard", "kept_hash", "written"),
    [
        (invoice(), "1", "62b874e98a3a641df4d196ee5c692284", "52e3d0da652d1e819fc378b4864b2cfe"),
        (
            invoice(checkbillnum=None),
            None,
            "62b874e98a3a641df4d196ee5c692284",
            "c85f6eadbb30a5a353917c01b83cfbb1",
        ),
        (_clocked(invoice()), "1", "3c7c3fb9303f9165515c9c21c6ee3af2", "52e3d0da652d1e819fc378b4864b2cfe"),
        (
            invoice(customertype="2", govid=HETU),
            "1",
            "8d64cb118e254a8182349ebf43be274c",
            "5cd449de880db377564c3b43c043cb34",
        ),
        (
            invoice(freetext=f"Ääkkönen\n{HETU}, 003714377140"),
            "1",
            "6cd4c3619e99832168786ab14db60ee9",
            "985d27052356b600408a0e1fc987b9a0",
        ),
        (
            invoice(accountrow=[{"debit": Decimal("10.10"), "credit": Decimal("0.00")}]),
            None,
            "1af0e4ecb1a834261a977e195c31c3f2",
            "15cd3205f66b760365f9647a321768f3",
        ),
        (_crediting(invoice()), "1", "62b874e98a3a641df4d196ee5c692284", "1811c82e92d19b8b1e47efb973ec120c"),
    ],
    ids=["plain", "unguarded", "clock", "person", "code in a text", "numbers", "credit note"],
)
def test_hash_payload_and_body_never_change(
    document: Document, guard: str | None, kept_hash: str, written: str
) -> None:
    """Otherwise an invoice sent before would be in conflict with itself."""
    made = content(KEY, document, guard)
    assert made.hash.startswith(kept_hash)
    payload = made.other_payload or guarded(made.body, guard, None).decode()
    assert hashlib.sha256(payload.encode() + made.body).hexdigest().startswith(written)
