"""What a run comes to, before anything is sent: its first invoices, its dates, and what is unusual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from pipeline.document import Kind, Outcome
from pipeline.findings import Finding, Place, finding
from pipeline.language import shown_date, shown_money, translate
from pipeline.ledger import tables
from pipeline.ledger.usual import known_numbers, usual_totals
from pipeline.validator.unusual import Numbers, times_usual, usual_month
from pipeline.values.money import from_cents, to_cents

if TYPE_CHECKING:
    from pipeline.columns.layouts import Layout
    from pipeline.ledger import Run
    from pipeline.ledger.entry import Entry

FIRST = 5
"""So many invoices are shown as they would look."""

_MOST_OUTSIDE = 20  # of each month


class Shown(NamedTuple):
    """One invoice in the preview."""

    billnum: str
    customer: str
    billdate: str
    paydate: str
    rows: int
    net: str
    vat: str
    total: str


class _Dated(NamedTuple):
    number: int
    billnum: str | None
    billdate: str
    row: tuple[int, int]


@dataclass(slots=True)
class Preview:
    """Looks on while documents are read. `first` are the first of them, `warnings` what was unusual.

    `meaning` are the sentences that tell what the profile says of cells and prices.
    """

    run: Run
    layouts: Sequence[Layout]
    warnings: list[Finding] = field(default_factory=list)
    meaning: Sequence[str] = ()
    first: list[Shown] = field(default_factory=list)
    billdates: list[str] = field(default_factory=list)
    paydates: list[str] = field(default_factory=list)
    _usual: dict[str, int] | None = None
    _numbers: Numbers = field(default_factory=Numbers)
    _months: Counter[str] = field(default_factory=Counter)
    _dated: dict[str, list[_Dated]] = field(default_factory=dict)
    _told: bool = False

    def add(self, entries: Sequence[Entry]) -> None:
        """Look at these documents too, which gives some of them a warning."""
        self.first += [_shown(each) for each in entries[: FIRST - len(self.first)]]
        _widen(self.billdates, {each.billdate for each in entries})
        _widen(self.paydates, {each.paydate for each in entries})
        invoices = [each for each in entries if each.kind is Kind.INVOICE]
        self._compare(invoices)
        for each in invoices:
            if billnum := each.billnum:
                self._numbers.add(billnum, each.number)
            if date := each.billdate:
                month = date[:7]
                self._months[month] += 1
                if self._months[month] <= _MOST_OUTSIDE:
                    dated = _Dated(each.number, each.billnum, date, each.billdate_row)
                    self._dated.setdefault(month, []).append(dated)

    def finish(self) -> None:
        """All documents were read: tell what is unusual about them as a whole, and record it."""
        if self._told:
            return
        self._told = True
        found = [*self._of_numbers(), *self._of_months()]
        self.warnings += [each for _, each in found]
        if found:
            with self.run.ledger.writing() as connection:
                self.run.write_findings(connection, found)

    def to_send(self) -> tuple[int, Decimal]:
        """How many of the documents may be sent, and what they come to: neither wrong, nor sent before."""
        invoice = tables.invoice.c
        query = select(invoice.total).where(
            invoice.run_id == self.run.id, invoice.outcome == Outcome.NOT_SENT.value
        )
        count, whole = 0, Decimal("0.00")
        with self.run.ledger.engine.connect() as connection:
            for total in connection.scalars(query):
                count += 1
                whole += Decimal(total)
        return count, whole

    def _compare(self, entries: Sequence[Entry]) -> None:
        """Warn of invoices that are many times as large as their customer's usual ones."""
        if self._usual is None:
            self._usual = usual_totals(self.run)
        if not self._usual:
            return
        for each in entries:
            usual = self._usual.get(each.custnum or "")
            if times := times_usual(to_cents(Decimal(each.total)), usual):
                details = {
                    "total": shown_money(Decimal(each.total)),
                    "usual": shown_money(from_cents(usual or 0)),
                    "times": str(times),
                }
                found = finding(
                    "unusual-total", self._place(each.first_row, "custnum"), billnum=each.billnum, **details
                )
                each.findings.append(found)
                self.warnings.append(found)

    def _of_numbers(self) -> list[tuple[int, Finding]]:
        found = []
        for gap in self._numbers.gaps(lambda some: known_numbers(self.run, some)):
            row = divmod(gap.at, 1 << 32)
            one, *more = gap.missing
            missing = translate("{first} to {last}", first=one, last=more[-1]) if more else one
            place = self._place(row, "billnum")
            found.append((gap.at, finding("billnum-gap", place, billnum=gap.billnum, missing=missing)))
        return found

    def _of_months(self) -> list[tuple[int, Finding]]:
        usual = usual_month(self._months)
        if usual is None:
            return []
        return [
            (
                each.number,
                finding(
                    "date-outside-month",
                    self._place(each.row, "billdate"),
                    field="billdate",
                    value=shown_date(each.billdate),
                    billnum=each.billnum,
                    month=usual,
                ),
            )
            for month, some in sorted(self._dated.items())
            if month != usual
            for each in some
        ]

    def _place(self, row: tuple[int, int], path: str) -> Place:
        source, number = row
        return self.layouts[source].place(number, path)


def _widen(span: list[str], dates: set[str | None]) -> None:
    """Have a span, empty or first and last date, hold these dates as well."""
    if told := [*span, *filter(None, dates)]:
        span[:] = [min(told), max(told)]


def _shown(entry: Entry) -> Shown:
    return Shown(
        entry.billnum or "–",
        entry.customer or "–",
        shown_date(entry.billdate),
        shown_date(entry.paydate),
        entry.payrows,
        *(shown_money(Decimal(each)) for each in (entry.net, entry.vat, entry.total)),
    )
