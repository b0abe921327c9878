"""What was usual so far: of the invoices that the service has, by customer and by number."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median_low
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from pipeline.document import Kind
from pipeline.ledger import tables
from pipeline.ledger.content import without_codes
from pipeline.ledger.states import State

if TYPE_CHECKING:
    from pipeline.ledger.run import Run

LEAST = 3
"""With fewer invoices than so many, nothing is usual yet."""

_MOST = 100_000
"""So many of the ledger's last documents are looked at: what was usual years ago does not matter."""
_AT_ONCE = 10_000


def usual_totals(run: Run) -> dict[str, int]:
    """By customer number, as `shown_customer` gives it, the middle total of its invoices in cents.

    Only invoices that charge something count, and customers with at least `LEAST` of them.
    """
    document = tables.document.c
    with run.ledger.engine.connect() as connection:
        last = connection.scalar(select(func.max(document.id))) or 0
        rows = connection.execute(
            select(document.custnum, document.total).where(
                document.id > last - _MOST,
                document.environment == run.environment,
                document.cid == run.cid,
                document.kind == Kind.INVOICE.value,
                document.state == State.ACCEPTED.value,
                document.custnum.is_not(None),
            )
        ).all()
    totals: dict[str, list[int]] = {}
    for custnum, total in rows:
        cents = int(total.replace(".", ""))  # the ledger's sums have two decimals
        if cents > 0:
            totals.setdefault(custnum, []).append(cents)
    return {custnum: median_low(each) for custnum, each in totals.items() if len(each) >= LEAST}


def shown_customer(run: Run, custnum: str) -> str:
    """A customer number as the ledger keeps it: without personal identity codes."""
    return without_codes(run.ledger.key, custnum)


def known_numbers(run: Run, billnums: Iterable[str]) -> set[str]:
    """Which of these bill numbers the ledger knows as invoices, whatever became of them."""
    document = tables.document.c
    asked, found = sorted(billnums), set[str]()
    with run.ledger.engine.connect() as connection:
        for start in range(0, len(asked), _AT_ONCE):
            found.update(
                connection.scalars(
                    select(document.identity).where(
                        document.environment == run.environment,
                        document.cid == run.cid,
                        document.kind == Kind.INVOICE.value,
                        document.identity.in_(asked[start : start + _AT_ONCE]),
                    )
                )
            )
    return found
