"""What the user sees while a command runs: progress, lines, and at the end a table.

On a terminal with bars, rates and remaining time; elsewhere as plain dated lines, so that a log of
the night stays readable. Whatever is shown is masked and cleaned first: a customer's name may hold
escape sequences, markup or a personal identity code.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

from pipeline.document import Outcome
from pipeline.findings import Finding, Place
from pipeline.language import shown_date, shown_money, shown_number, shown_percent, translate
from pipeline.privacy import mask

if TYPE_CHECKING:
    from rich.progress import Progress

    from pipeline.columns.layouts import Layout
    from pipeline.report.totals import Totals
    from pipeline.screens.preview import Preview
    from pipeline.values.money import Sums

PLAIN_INTERVAL = 5.0
"""Seconds between two plain lines of one progress."""


class Screen:
    """Where a command writes to. Threads may share it.

    Args:
        file: standard output unless given.
        clock: seconds that only grow; now: the time of day. Given in tests.
    """

    def __init__(
        self,
        file: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        from rich.console import Console  # noqa: PLC0415 - start-up time

        stream = file or sys.stdout
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")  # a letter that the terminal lacks is no reason to fail
        self._console = Console(file=stream, markup=False, highlight=False, emoji=False)
        if not self.interactive:
            self._console.width = 200  # a log is as wide as it needs to be
        self._clock, self._now = clock, now
        self.run: str | None = None
        self._lock = threading.RLock()
        self._shown: Progress | None = None
        self._open = 0

    @property
    def interactive(self) -> bool:
        """Whether a person sits before it."""
        return self._console.is_terminal

    def begins(self, run: str) -> None:
        """Hear the id of the run whose events follow."""
        self.run = run

    def say(self, line: str) -> None:
        """Show a line; with the time before it where it goes to a log."""
        text = clean(line)
        self.write_line(text if self.interactive else f"{self.moment()} {text}")

    def leave(self) -> None:
        """Give the terminal back in good order, before an end without ado."""
        self._console.show_cursor()
        self._console.file.flush()

    @contextmanager
    def progress(
        self, description: str, total: float | None = None, unit: str | None = "invoices"
    ) -> Iterator[Bar]:
        """A progress to report to; several may be open at once.

        Args:
            description: `Reading`, `Checking`, `Sending`.
            total: how much there is to do; None until it is known (`Bar.expect`). 1.0 with no unit
                is a share.
            unit: what is counted; None shows percent only.
        """
        bar = Bar(self, description, total, unit)
        with self._lock:
            self._open += 1
            bar.begin(self._bars() if self.interactive else None)
        try:
            yield bar
        finally:
            with self._lock:
                bar.end()
                self._open -= 1
                if not self._open and self._shown:
                    self._shown.stop()
                    self._shown = None

    def understood(self, layouts: Iterable[Layout]) -> None:
        """Show how each table was understood: its header row, encoding and so on, and what is ignored."""
        for layout in layouts:
            table = layout.table
            facts = ", ".join(
                f"{translate(name.replace('_', ' '))} {translate(value)}"
                for name, value in table.facts.items()
            )
            name = " ".join(filter(None, (table.file, table.sheet)))
            row, columns = layout.header_row, len(layout.read)
            told = (
                translate(
                    "{name}: header in row {row}, {columns} columns understood",
                    name=name,
                    row=row,
                    columns=columns,
                )
                if row
                else translate("{name}: no header, {columns} columns understood", name=name, columns=columns)
            )
            self.say(f"{told}{facts and f'; {facts}'}")
            for column, closest in layout.ignored.items():
                header = layout.headers[column]
                hint = translate(" (closest: {names})", names=", ".join(closest)) if closest else ""
                self.say(translate("{name}: column “{header}” is ignored", name=name, header=header) + hint)

    def preview(self, seen: Preview, rates: Mapping[str, Sums]) -> None:
        """Show what was read as it would be sent: the first invoices, dates, VAT rates, what is unusual."""
        head = ("Bill number", "Customer", "Invoice date", "Due date", "Rows", "Net", "VAT", "Total")
        for sentence in seen.meaning:
            self.say(sentence)
        if seen.first:
            self.say(translate("The first invoices:"))
            self._table(
                [translate(title) for title in head],
                [[*map(str, each)] for each in seen.first],
                numbers_from=4,
            )
            self._table(
                [translate(title) for title in ("VAT rate", "Net", "VAT")],
                [
                    [shown_percent(rate) if rate else "–", shown_money(each.net), shown_money(each.vat)]
                    for rate, each in rates.items()
                ],
                numbers_from=1,
            )
        for title, dates in (("Invoice date", seen.billdates), ("Due date", seen.paydates)):
            if dates:
                self.say(f"{translate(title)}: {shown_date(dates[0])} – {shown_date(dates[1])}")
        self.finding_lines(seen.warnings)

    def confirm(self, question: str) -> bool:
        """Ask the person before the terminal; anything but a yes is a no."""
        self.write_line(f"{clean(question)} [{translate('y/N')}] ", end="")
        try:
            answer = input()
        except EOFError:
            return False
        return answer.strip().lower() in {"y", "yes", *translate("y, yes").split(", ")}

    def outcome_table(self, totals: Totals) -> None:
        """Show counts and sums of every outcome that occurred, and of all."""
        from pipeline.report.words import outcome_label  # noqa: PLC0415 - start-up time

        parts = [
            (outcome_label(each), totals.outcomes[each]) for each in Outcome if totals.outcomes[each].count
        ]
        self._table(
            [translate(title) for title in ("Outcome", "Invoices", "Net", "VAT", "Total")],
            [
                [label, shown_number(part.count), *map(shown_money, (part.net, part.vat, part.total))]
                for label, part in [*parts, (translate("all"), totals.whole)]
            ],
            numbers_from=1,
        )

    def finding_lines(self, findings: Iterable[Finding], limit: int = 20) -> None:
        """Show the first findings, one a line, and how many more the report has."""
        rest = iter(findings)
        for each in islice(rest, limit):
            self.write_line(finding_line(each))
        if more := sum(1 for _ in rest):
            self.write_line(translate("… and {more} more in the report", more=shown_number(more)))

    def told(self, bar: Bar, state: str) -> None:
        """Show how far a progress is, where there are no bars."""
        self.write_line(f"{self.moment()} {bar.title}: {state}")

    def refused(self, found: Finding) -> None:
        """Tell that nothing was attempted; whoever runs the command prints why."""

    def moment(self) -> str:
        """The time of day, in UTC."""
        return f"{self._now():%Y-%m-%dT%H:%M:%SZ}"

    def seconds(self) -> float:
        """The clock that rates are measured with."""
        return self._clock()

    def _table(self, titles: list[str], rows: list[list[str]], numbers_from: int) -> None:
        """Show a table whose columns from that one on are numbers."""
        from rich import box  # noqa: PLC0415 - start-up time
        from rich.table import Table  # noqa: PLC0415 - start-up time
        from rich.text import Text  # noqa: PLC0415 - start-up time

        table = Table(box=box.SIMPLE if self.interactive else box.ASCII)
        for number, title in enumerate(titles):
            is_number = number >= numbers_from
            # Where the terminal is narrow, names and dates go on two lines: no digit of a sum is cut off.
            table.add_column(title, justify="right" if is_number else "left", no_wrap=is_number or not number)
        for cells in rows:
            table.add_row(*(Text(clean(cell)) for cell in cells))
        with self._lock:
            self._console.print(table, crop=False)

    def _bars(self) -> Progress:
        from rich import progress  # noqa: PLC0415 - start-up time

        if not self._shown:
            self._shown = progress.Progress(
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(),
                progress.TextColumn("{task.fields[done]}", markup=False),
                progress.TimeRemainingColumn(),
                console=self._console,
                get_time=self._clock,
            )
            self._shown.start()
        return self._shown

    def write_line(self, text: str, end: str = "\n") -> None:
        """Show a text that is clean already."""
        from rich.text import Text  # noqa: PLC0415 - start-up time

        with self._lock:
            self._console.print(Text(text), end=end, soft_wrap=True)


class Bar:
    """One progress. Its methods may be called from any thread, as often as one likes.

    `done` of `total` `unit`s are done; `description` is told in the user's language as `title`.
    """

    def __init__(self, screen: Screen, description: str, total: float | None, unit: str | None) -> None:
        self.description, self.title = description, clean(translate(description))
        self._screen, self.total, self.unit = screen, total, unit
        self._lock = threading.Lock()
        self.done: float = 0
        self._began = self._told = screen.seconds()
        self._bars: Progress | None = None
        self._task: Any = None
        self._said = ""

    def begin(self, bars: Progress | None) -> None:
        """Show it, on these bars or as lines."""
        self._bars = bars
        if bars:
            self._task = bars.add_task(self.title, total=self.total, done=self._state())

    def expect(self, total: float) -> None:
        """Tell how much there is to do."""
        with self._lock:
            self.total = total
        self._show()

    def advance(self, more: float = 1) -> None:
        """So much more is done."""
        with self._lock:
            self.done += more
        self._show()

    def reach(self, done: float) -> None:
        """So much is done in all."""
        with self._lock:
            self.done = done
        self._show()

    def end(self) -> None:
        """Tell the last state."""
        if self._bars:
            self._bars.update(self._task, total=self.total, completed=self.done, done=self._state())
        else:
            self._tell(self._state())

    def _show(self) -> None:
        if self._bars:
            self._bars.update(self._task, total=self.total, completed=self.done, done=self._state())
            return
        with self._lock:
            due = self._screen.seconds() - self._told >= PLAIN_INTERVAL
            if due:
                self._told = self._screen.seconds()
        if due:
            self._tell(f"{self._state()}{self._left()}")

    def _tell(self, state: str) -> None:
        if state != self._said:
            self._screen.told(self, state)
            self._said = state

    def _state(self) -> str:
        """`12,300 of 60,000 invoices (20 %), 850/s`."""
        share = f"{self.done / self.total:.0%}".replace("%", " %") if self.total else ""
        if self.unit is None:
            return share or "…"
        seconds = self._screen.seconds() - self._began
        done = shown_number(round(self.done))
        if self.total:
            done = translate("{done} of {total}", done=done, total=shown_number(round(self.total)))
        rate = f", {shown_number(round(self.done / seconds))}/s" if seconds >= 1 else ""
        return f"{done} {translate(self.unit)}{share and f' ({share})'}{rate}"

    def _left(self) -> str:
        seconds = self._screen.seconds() - self._began
        if not self.total or not self.done or self.done >= self.total:
            return ""
        left = shown_number(round(seconds * (self.total - self.done) / self.done))
        return translate(", about {seconds} s left", seconds=left)


def finding_line(found: Finding) -> str:
    """`file sheet!F12: message — remedy (code)`, on one line and safe to show."""
    where = _where(found.place)
    return clean(f"{where}: {found.message} — {found.remedy} ({found.code})".removeprefix(": "))


def clean(text: str) -> str:
    """The text without personal identity codes, on one line, and with nothing that a terminal would obey.

    Control characters, escape sequences and marks that turn the writing direction show as U+FFFD.
    """
    return mask("".join(sign if sign.isprintable() else " " if sign.isspace() else "\ufffd" for sign in text))


def _where(place: Place) -> str:
    spot = place.cell or (translate("row {row}", row=place.row) if place.row else "")
    inside = (
        f"{place.sheet}!{spot}" if place.sheet and place.cell else " ".join(filter(None, (place.sheet, spot)))
    )
    return " ".join(filter(None, (place.file, inside)))
