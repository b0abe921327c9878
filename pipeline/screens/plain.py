"""Screens for those who do not read along: one that says only what matters, one for log collectors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipeline.document import Outcome
from pipeline.findings import Finding
from pipeline.screens.terminal import Bar, Screen, clean

if TYPE_CHECKING:
    from pipeline.columns.layouts import Layout
    from pipeline.report.totals import Totals
    from pipeline.screens.preview import Preview
    from pipeline.values.money import Sums


def make_screen(*, quiet: bool = False, as_json: bool = False) -> Screen:
    """The screen for these options; `as_json` goes before `quiet`."""
    return JsonScreen() if as_json else QuietScreen() if quiet else Screen()


class QuietScreen(Screen):
    """Says what needs attention, the verdict, and where the report lies."""

    @property
    def interactive(self) -> bool:
        """No bars; and no questions, which would come without what they are about."""
        return False

    def understood(self, layouts: Iterable[Layout]) -> None:
        """Nothing."""

    def preview(self, seen: Preview, rates: Mapping[str, Sums]) -> None:
        """Nothing: what is unusual stands in the report."""

    def outcome_table(self, totals: Totals) -> None:
        """Nothing: the verdict has the numbers."""

    def told(self, bar: Bar, state: str) -> None:
        """Nothing."""


class JsonScreen(Screen):
    """One JSON object a line for each event, with its `time` and the name of the `event`.

    Its keys and codes are the same in every language; texts are in the user's. Sums are decimal text.
    """

    @property
    def interactive(self) -> bool:
        """Whoever collects logs answers no questions."""
        return False

    def say(self, line: str) -> None:
        """`message`: a line as others see it."""
        self.event("message", text=line)

    def understood(self, layouts: Iterable[Layout]) -> None:
        """`table`: how a table was understood."""
        for layout in layouts:
            self.event(
                "table",
                file=layout.table.file,
                sheet=layout.table.sheet,
                header_row=layout.header_row,
                facts=layout.table.facts,
                columns={layout.headers[at]: ", ".join(paths) for at, paths in layout.read.items()},
                ignored=[layout.headers[at] for at in layout.ignored],
            )

    def preview(self, seen: Preview, rates: Mapping[str, Sums]) -> None:
        """`preview`: dates, sums per VAT rate, what the profile says; then what is unusual."""
        self.event(
            "preview",
            billdates=seen.billdates,
            paydates=seen.paydates,
            meaning=[*seen.meaning],
            rates={rate: {"net": str(each.net), "vat": str(each.vat)} for rate, each in rates.items()},
        )
        self.finding_lines(seen.warnings)

    def outcome_table(self, totals: Totals) -> None:
        """`outcomes`: count and sums of each outcome, and of all."""
        self.event(
            "outcomes",
            outcomes={each.value: totals.outcomes[each].as_dict() for each in Outcome},
            all=totals.whole.as_dict(),
        )

    def finding_lines(self, findings: Iterable[Finding], limit: int = 0) -> None:  # noqa: ARG002 - all of them
        """`finding`: each one."""
        for each in findings:
            self.event("finding", **of_finding(each))

    def told(self, bar: Bar, state: str) -> None:
        """`progress`: how much is done."""
        self.event(
            "progress", what=bar.description, done=bar.done, total=bar.total, unit=bar.unit, text=state
        )

    def refused(self, found: Finding) -> None:
        """`refused`: nothing was attempted."""
        self.event("refused", **of_finding(found))

    def event(self, event: str, **facts: Any) -> None:
        """One line: the event with its facts, and the run's id once there is one."""
        run = {"run": self.run} if self.run else {}
        line = json.dumps(
            {"time": self.moment(), "event": event, **run, **cleaned(facts)}, ensure_ascii=False
        )
        self.write_line(line)


def of_finding(found: Finding) -> dict[str, Any]:
    """The finding as facts of an event."""
    facts: dict[str, Any] = asdict(found)
    place: dict[str, Any] = facts.pop("place")
    return facts | place


def cleaned(value: Any) -> Any:
    """The value with every text in it safe to show (`terminal.clean`)."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(name)): cleaned(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(part) for part in value]
    return value
