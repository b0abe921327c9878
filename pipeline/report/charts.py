"""What the page's charts show, in numbers: parts of bars in percent. The template draws them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from pipeline.document import Outcome
from pipeline.report.read import WITH_THE_SERVICE, RunFacts
from pipeline.report.totals import Totals
from pipeline.values.money import Sums
from pipeline.values.rates import NO_RATE


class Part(NamedTuple):
    """A part of a bar: what it stands for, where it begins and how long it is, in percent of the chart."""

    name: str
    start: float
    length: float


class RateRow(NamedTuple):
    """The sums of a VAT rate (`NO_RATE`: of what has none), its bar, and what the files say in all."""

    rate: str
    sums: Sums
    bar: list[Part]
    read: Decimal | None


class RateChart(NamedTuple):
    """The sums per VAT rate of what is with the service, or of what was read (`of`: `sent` or `read`).

    `agree`: whether they add up to the sums of the outcomes; None when some of the content is not known.
    """

    of: str
    rows: list[RateRow]
    whole: Sums
    agree: bool | None


def outcome_bars(totals: Totals) -> dict[str, list[Part]]:
    """By how many invoices, and by how much money: the share of each outcome that occurred."""
    sizes = {outcome: totals.outcomes[outcome] for outcome in Outcome if totals.outcomes[outcome].count}
    bars = {
        "by_count": _stacked({outcome: Decimal(each.count) for outcome, each in sizes.items()}),
        "by_total": _stacked({outcome: abs(each.total) for outcome, each in sizes.items()}),
    }
    return {name: parts for name, parts in bars.items() if parts}


def rates_read(run: RunFacts) -> dict[str, Sums]:
    """The sums per VAT rate of all that was read, as they were counted then."""
    return {
        rate: Sums(Decimal(net), Decimal(vat), Decimal(net) + Decimal(vat))
        for rate, (net, vat) in run.counted.get("rates", {}).items()
    }


def rate_chart(run: RunFacts, totals: Totals, there: dict[str, Sums], purged: int) -> RateChart:
    """The sums per VAT rate: of what is with the service, or of all that was read where nothing is."""
    read = rates_read(run)
    of = "sent" if there or not read else "read"
    shown = there if of == "sent" else read
    outcomes = WITH_THE_SERVICE if of == "sent" else tuple(Outcome)
    expected = [
        sum((getattr(totals.outcomes[each], name) for each in outcomes), Decimal(0)) for name in Sums._fields
    ]
    whole = _added(list(shown.values()))
    rates = sorted(read | shown, key=lambda rate: (rate == NO_RATE, -Decimal(rate or 0)))
    zero = Sums(Decimal(0), Decimal(0), Decimal(0))
    rows = [
        RateRow(rate, each, bar, read[rate].total if rate in read and of == "sent" else None)
        for rate, bar in zip(rates, _bars([shown.get(rate, zero) for rate in rates]), strict=True)
        for each in (shown.get(rate, zero),)
    ]
    known = of == "read" or not purged
    return RateChart(of, rows, whole, list(whole) == expected if known else None)


def _added(sums: Sequence[Sums]) -> Sums:
    return Sums(*(sum((getattr(each, name) for each in sums), Decimal("0.00")) for name in Sums._fields))


def _stacked(sizes: dict[Outcome, Decimal]) -> list[Part]:
    whole = sum(sizes.values(), Decimal(0))
    parts, start = [], 0.0
    for outcome, size in sizes.items():
        length = _percent(size, whole) if whole else 0.0
        parts += [Part(outcome, start, length)] if length else []
        start += length
    return parts


def _bars(sums: Sequence[Sums]) -> list[list[Part]]:
    """For each of the sums a bar of its net and VAT, all on one scale, credits to the left of zero."""
    low = min([Decimal(0), *(each.total for each in sums), *(each.net for each in sums)])
    high = max([Decimal(0), *(each.total for each in sums), *(each.net for each in sums)])
    span = high - low or Decimal(1)

    def part(name: str, one: Decimal, other: Decimal) -> Part:
        return Part(name, _percent(min(one, other) - low, span), _percent(abs(one - other), span))

    return [[part("net", Decimal(0), each.net), part("vat", each.net, each.total)] for each in sums]


def _percent(part: Decimal, whole: Decimal) -> float:
    """Of a length in the chart; no money comes of it."""
    return round(float(part / whole * 100), 3)
