"""Findings grouped by cause: what an accountant works through, one cause after the other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from pipeline.findings import Finding, Severity, catalogue
from pipeline.language import translate
from pipeline.report.totals import EXACT

EXAMPLES = 20
"""How many findings of a cause are told one by one."""

_GROUP_NUMBER = re.compile(r"[0-9]+(?=\.)")
_WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.REPAIR: 2}


@dataclass(slots=True)
class Cause:
    """Findings with one code about one field; `total` is that of the invoices concerned.

    `number` counts the causes of a run from 0. `about` is the field without the numbers of repeated groups:
    `accountrow.debit` for the debits of all accounting rows.
    """

    number: int
    code: str
    severity: Severity
    about: str | None
    findings: int = 0
    invoices: int = 0
    total: Decimal = Decimal("0.00")
    examples: list[Finding] = field(default_factory=list)
    _messages: set[str] = field(default_factory=set)
    _remedies: set[str] = field(default_factory=set)

    @property
    def heading(self) -> str:
        """What is wrong, in words that are true of every one of these findings."""
        return _common(self._messages, self.code, "message", self.about)

    @property
    def alike(self) -> bool:
        """Whether the heading is what was said of every one of them."""
        return len(self._messages) == 1

    @property
    def remedy(self) -> str:
        """What to do about each of them."""
        return _common(self._remedies, self.code, "remedy", self.about)

    def add(self, found: Finding) -> None:
        """Count a finding; the first ones are kept as examples."""
        self.findings += 1
        if len(self._messages) < 2:
            self._messages.add(found.message)
        if len(self._remedies) < 2:
            self._remedies.add(found.remedy)
        if len(self.examples) < EXAMPLES:
            self.examples.append(found)


class Causes:
    """The causes of a run. Their number is that of codes and fields, not of findings."""

    def __init__(self) -> None:
        self._causes: dict[tuple[str, Severity, str | None], Cause] = {}

    def add(self, findings: Iterable[Finding], total: str | None = None) -> list[int]:
        """Add all findings of one invoice with its total, or findings that concern no invoice.

        Returns:
            The numbers of their causes, each once.
        """
        mine = {cause.number: cause for cause in map(self._counted, findings)}
        if total is not None:
            for cause in mine.values():
                cause.invoices += 1
                cause.total = EXACT.add(cause.total, Decimal(total))
        return list(mine)

    def names(self) -> list[tuple[str, str | None]]:
        """Code and field of every cause, by number."""
        return [(each.code, each.about) for each in self._causes.values()]

    def of(self, *severities: Severity) -> list[Cause]:
        """The causes of those severities, the heaviest and most frequent first."""
        chosen = (each for each in self._causes.values() if each.severity in severities)
        return sorted(chosen, key=lambda each: (_WEIGHT[each.severity], -each.invoices, -each.findings))

    def _counted(self, found: Finding) -> Cause:
        about = found.field and _GROUP_NUMBER.sub("", found.field)
        key = (found.code, found.severity, about)
        if key not in self._causes:
            self._causes[key] = Cause(len(self._causes), *key)
        self._causes[key].add(found)
        return self._causes[key]


def _common(said: set[str], code: str, part: str, about: str | None) -> str:
    """The one text that was said; of several their template, with … where they differ."""
    entry = catalogue().get(code)
    if len(said) == 1 or entry is None:
        return min(said)
    names = defaultdict(lambda: "…", {"field": about} if about else {})
    return translate(entry[part]).format_map(names).replace("….", "…")
