"""The unit of the whole flow after grouping: one document, which becomes one entry at the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pipeline.findings import Finding, Severity
from pipeline.values.money import Cents


class Kind(StrEnum):
    """What a document is to the service; numbers are unique within one kind.

    A credit note is an invoice to the service (jobtype 0, `seeds/credit-note-allocation.txt`) and
    shares the invoices' number series.
    """

    INVOICE = "invoice"
    REMINDER = "reminder"
    COLLECTION = "collection"
    ALLOCATION = "allocation"
    PAYMENT = "payment"


KIND_OF_JOBTYPE = {"1": Kind.REMINDER, "2": Kind.COLLECTION}
"""Every other jobtype (0, 300, 301) is an invoice."""


JOBS = frozenset({Kind.INVOICE, Kind.REMINDER, Kind.COLLECTION})
"""What is sent as a job. Allocations and payments name another document's number, not one of their own."""


class Outcome(StrEnum):
    """How a document ended in a run; each has exactly one."""

    ACCEPTED = "accepted"
    ALREADY_ACCEPTED = "already-accepted"
    REFUSED = "refused"
    INVALID = "invalid"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"
    NOT_SENT = "not-sent"


@dataclass(slots=True)
class Document:
    """One dataset with where it came from and what was found about it.

    `dataset` is what goes to the service, money as decimal text. `rows` are (source number, row as
    Excel shows it) in the order of the export; the source number counts the run's tables from 0.
    `net`, `vat`, `total` are in the invoice's currency, rounded to cents (`pipeline.values.money`).
    `clock_fields` are the tags whose value came from today's date: they do not count as content.
    `sent_as` is the dataset as it leaves, where the ledger knows more than the file: on a credit note the
    job id of its original, whose `original_id` in the ledger it is.
    `given_totals` is the export's own sum column, one text a row, where it has one (for checking only).
    `payrows` tells for each entry of `payrow` which of `rows` it is; `cells` for invoice fields
    that were blank on the first row which of `rows` they came from. `row_sums` are those of `rows`, in cents.
    A row for rounding (`prices.settle`) is none of `rows`: it is -1 in `payrows`, last in `row_sums`.
    """

    dataset: dict[str, Any]
    kind: Kind
    rows: list[tuple[int, int]]
    net: Decimal = Decimal("0.00")
    vat: Decimal = Decimal("0.00")
    total: Decimal = Decimal("0.00")
    findings: list[Finding] = field(default_factory=list)
    sent_as: dict[str, Any] | None = None
    original_id: int | None = None
    clock_fields: frozenset[str] = frozenset()
    given_totals: tuple[str, ...] = ()
    cells: dict[str, int] = field(default_factory=dict)
    payrows: Sequence[int] = ()
    row_sums: Sequence[Cents] = ()

    @property
    def number(self) -> int:
        """Its place in the export, by its first row: unique in a run and rising, whatever the frame size."""
        source, row = self.rows[0]
        return source << 32 | row

    @property
    def billnum(self) -> str | None:
        """The bill number, if it has one."""
        return self.dataset.get("billnum")

    @property
    def valid(self) -> bool:
        """Whether it may be sent: nothing found about it is an error."""
        return not any(each.severity is Severity.ERROR for each in self.findings)
