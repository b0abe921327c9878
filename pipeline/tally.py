"""What was counted of a run before anything had an outcome: the other side of the report's control sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pipeline.document import Document
from pipeline.findings import Severity
from pipeline.rows.named import Intake
from pipeline.values.rates import Rates


@dataclass(slots=True)
class Counts:
    """Documents, and what they come to."""

    documents: int = 0
    net: Decimal = Decimal("0.00")
    vat: Decimal = Decimal("0.00")
    total: Decimal = Decimal("0.00")
    rates: Rates = field(default_factory=Rates)

    def count(self, documents: Sequence[Document]) -> None:
        """Count those documents."""
        self.documents += len(documents)
        self.net += sum((each.net for each in documents), Decimal(0))
        self.vat += sum((each.vat for each in documents), Decimal(0))
        self.total += sum((each.total for each in documents), Decimal(0))
        self.rates.add_documents(documents)

    def add(self, other: Counts) -> None:
        """Add what was counted elsewhere."""
        self.documents += other.documents
        self.net += other.net
        self.vat += other.vat
        self.total += other.total
        self.rates.add(other.rates)


@dataclass(slots=True)
class Tally:
    """What was counted of a run; `in_outbox` of its documents wait for `send`."""

    counts: Counts = field(default_factory=Counts)
    intake: Intake = field(default_factory=Intake)
    in_outbox: int = 0

    @property
    def has_errors(self) -> bool:
        """Whether the files themselves have errors, beside those of single invoices."""
        return any(each.severity is Severity.ERROR for each in self.intake.findings)

    def as_totals(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        counts = self.counts
        sums = {name: format(getattr(counts, name), "f") for name in ("net", "vat", "total")}
        waiting = {"in_outbox": self.in_outbox} if self.in_outbox else {}
        read = {"rows_read": self.intake.rows_read, "invoices": counts.documents}
        return read | sums | {"rates": counts.rates.as_totals()} | waiting
