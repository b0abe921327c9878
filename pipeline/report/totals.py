"""Counts and sums of a run, and the proof that they add up from cells to outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from itertools import compress
from typing import Any

from pipeline.document import Outcome
from pipeline.ledger.life import Stage
from pipeline.report.columns import Columns

MONEY = ("net", "vat", "total")

# Exact or not at all: the default context would round a sum of more than 28 digits in silence.
EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])


@dataclass(slots=True)
class Sums:
    """How many invoices, and what they add up to."""

    count: int = 0
    net: Decimal = Decimal("0.00")
    vat: Decimal = Decimal("0.00")
    total: Decimal = Decimal("0.00")

    def add(self, count: int, net: Decimal, vat: Decimal, total: Decimal) -> None:
        """Add invoices."""
        self.count += count
        self.net = EXACT.add(self.net, net)
        self.vat = EXACT.add(self.vat, vat)
        self.total = EXACT.add(self.total, total)

    def as_dict(self) -> dict[str, Any]:
        """As `report.json` has it: money as decimal strings."""
        return {"count": self.count, **{name: format(getattr(self, name), "f") for name in MONEY}}


@dataclass(slots=True)
class Totals:
    """The counts and sums of a run.

    `outcomes` has every outcome, `rows_aside` the rows set aside by reason, `counted` what was
    counted while reading and grouping, before any document had an outcome. `lives` tells where the
    invoices stand that the service told of after it had accepted them.
    """

    outcomes: dict[Outcome, Sums] = field(default_factory=lambda: {each: Sums() for each in Outcome})
    rows_in_invoices: int = 0
    rows_twice: int = 0
    rows_aside: dict[str, int] = field(default_factory=dict)
    counted: dict[str, Any] = field(default_factory=dict)
    lives: Counter[Stage] = field(default_factory=Counter)
    _seen: dict[int, bytearray] = field(default_factory=dict)

    def add(self, outcome: Outcome, net: str, vat: str, total: str, rows: list[list[int]]) -> None:
        """Add one invoice; `rows` are [source number, first row, last row] each.

        Raises:
            decimal.InvalidOperation: a sum is no number.
        """
        self.outcomes[outcome].add(1, Decimal(net), Decimal(vat), Decimal(total))
        self._add_rows(rows)

    def add_columns(self, lines: Columns) -> None:
        """Add many invoices.

        Raises:
            decimal.InvalidOperation: a sum is no number.
        """
        for outcome in set(lines.outcome):
            chosen = [each is outcome for each in lines.outcome]
            sums = [_sum(compress(column, chosen)) for column in (lines.net, lines.vat, lines.total)]
            self.outcomes[outcome].add(sum(chosen), *sums)
        for rows in lines.rows:
            self._add_rows(rows)
        self.lives.update(life.stage for life in lines.life if life)

    def _add_rows(self, rows: list[list[int]]) -> None:
        for source, first, last in rows:
            self.rows_in_invoices += last - first + 1
            self.rows_twice += _mark(self._seen.setdefault(source, bytearray()), first, last)

    @property
    def rows_set_aside(self) -> int:
        """All rows set aside."""
        return sum(self.rows_aside.values())

    @property
    def whole(self) -> Sums:
        """All invoices, added up from their outcomes."""
        whole = Sums()
        for part in self.outcomes.values():
            whole.add(part.count, part.net, part.vat, part.total)
        return whole

    def count(self, *outcomes: Outcome) -> int:
        """How many invoices ended in one of these."""
        return sum(self.outcomes[each].count for each in outcomes)

    @property
    def stages(self) -> list[Stage]:
        """The stages that any invoice is in, in their order."""
        return [stage for stage in Stage if self.lives[stage]]

    def control(self) -> dict[str, dict[str, Any]]:
        """Each control sum with its two sides and whether they agree (None: one side is not known)."""
        read, whole = self.counted.get("rows_read"), self.whole
        found = self.rows_in_invoices + self.rows_set_aside
        rows = {
            "read": read,
            "in_invoices": self.rows_in_invoices,
            "set_aside": self.rows_set_aside,
            "in_two_invoices": self.rows_twice,
            "agree": None if read is None else read == found and not self.rows_twice,
        }
        grouped = self.counted.get("invoices")
        invoices = {
            "grouped": grouped,
            "by_outcome": whole.count,
            "agree": None if grouped is None else grouped == whole.count,
        }
        return {"rows": rows, "invoices": invoices, **{name: self._money(name, whole) for name in MONEY}}

    @property
    def agree(self) -> bool:
        """Whether no control sum disagrees."""
        return all(check["agree"] is not False for check in self.control().values())

    def as_dict(self) -> dict[str, Any]:
        """The `totals` of `report.json`."""
        whole = self.whole.as_dict()
        return {
            "rows_read": self.counted.get("rows_read"),
            "rows_in_invoices": self.rows_in_invoices,
            "rows_set_aside": self.rows_set_aside,
            "rows_aside": self.rows_aside,
            "invoices": whole.pop("count"),
            **whole,
            "outcomes": {outcome.value: part.as_dict() for outcome, part in self.outcomes.items()},
            **({"lives": {stage.value: self.lives[stage] for stage in self.stages}} if self.lives else {}),
        }

    def _money(self, name: str, whole: Sums) -> dict[str, Any]:
        grouped, by_outcome = self.counted.get(name), getattr(whole, name)
        agree = None if grouped is None else Decimal(grouped) == by_outcome
        return {"grouped": grouped, "by_outcome": format(by_outcome, "f"), "agree": agree}


def _sum(texts: Iterable[str]) -> Decimal:
    with localcontext(EXACT):
        return sum(map(Decimal, texts), Decimal())


def _mark(seen: bytearray, first: int, last: int) -> int:
    """Note the rows as seen, one byte a row; how many of them had been seen before."""
    if len(seen) <= last:
        seen.extend(bytes(last + 1 - len(seen) + (1 << 16)))
    before = seen.count(1, first, last + 1)
    seen[first : last + 1] = b"\1" * (last + 1 - first)
    return before
