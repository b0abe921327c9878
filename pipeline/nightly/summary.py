"""What people are told of an export: counts, sums and first causes; nobody's data unless it is allowed."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePath

from pipeline.document import Outcome
from pipeline.findings import Finding, Severity, catalogue
from pipeline.language import shown_money, shown_number, translate
from pipeline.nightly.logs import NightScreen
from pipeline.report.words import outcome_label

CAUSES = 5
"""How many causes a message names."""

_CITES_NO_CELL = frozenset(
    {
        *("another-run", "credentials-refused", "disk-full", "ledger-unwritable", "report-unwritable"),
        *("service-busy", "service-unreachable", "inbox-no-source", "inbox-unreadable-export"),
    }
)
"""Findings about the service or the machine: their texts can be told whole.

What the service answers to a dataset, and an exception of unknown making, may cite the dataset.
"""


def described(found: Finding, *, personal: bool) -> str:
    """Message and remedy; what the message cites of cells is left out unless it is allowed."""
    if personal or found.code in _CITES_NO_CELL:
        return f"{found.message} {found.remedy} ({found.code})"
    entry = catalogue()[found.code]
    file = found.place.file and PurePath(found.place.file).name
    known = {"field": found.field, "file": file, "sheet": found.place.sheet}
    names = defaultdict(lambda: "…", {name: text for name, text in known.items() if text})
    message, remedy = (translate(entry[part]).format_map(names) for part in ("message", "remedy"))
    return f"{message} {remedy} ({found.code})".replace("….", "…")


def outcome_lines(screen: NightScreen) -> list[str]:
    """How many invoices have which outcome, and what they add up to."""
    totals = screen.totals
    if totals is None:
        return []
    return [
        translate(
            "{outcome}: {count}, {total} in all",
            outcome=outcome_label(each),
            count=shown_number(part.count),
            total=shown_money(part.total),
        )
        for each in Outcome
        if (part := totals.outcomes[each]).count
    ]


def cause_lines(screen: NightScreen, *, personal: bool) -> list[str]:
    """The first causes, the most frequent first, each with how often it was found."""
    causes = sorted(screen.causes.of(Severity.ERROR), key=lambda each: -each.findings)
    lines = []
    for cause in causes[:CAUSES]:
        text = described(cause.examples[0], personal=personal and cause.alike)
        lines.append(f"{shown_number(cause.findings)} × {text}")
    return lines
