"""What the user sees while a command runs: progress, lines, and at the end a table.

On a terminal with bars, rates and remaining time; elsewhere as plain dated lines, so that a log of
the night stays readable. Whatever is shown is masked and cleaned first: a customer's name may hold
escape sequences, markup or a personal identity code.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

from pipeline.document import Outcome
from pipeline.findings import Finding, Place
from pipeline.privacy import mask

if TYPE_CHECKING:
    from rich.progress import Progress

    from pipeline.columns import Layout
    from pipeline.report.totals import Totals

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
        self._clock, self._now = clock, now
        self._lock = threading.RLock()
        self._shown: Progress | None = None
        self._open = 0

    @property
    def interactive(self) -> bool:
        """Whether a person sits before it."""
        return self._console.is_terminal

    def say(self, line: str) -> None:
        """Show a line; with the time before it where it goes to a log."""
        text = clean(line)
        self._write(text if self.interactive else f"{self._now():%Y-%m-%dT%H:%M:%SZ} {text}")

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
        bar = Bar(self, clean(description), total, unit)
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
            facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in table.facts.items())
            name = " ".join(filter(None, (table.file, table.sheet)))
            self.say(
                f"{name}: header in row {layout.header_row}, {len(layout.fields)} columns understood"
                f"{facts and f'; {facts}'}"
            )
            for column, closest in layout.ignored.items():
                hint = f" (closest: {', '.join(closest)})" if closest else ""
                self.say(f"{name}: column “{layout.headers[column]}” is ignored{hint}")

    def confirm(self, question: str) -> bool:
        """Ask the person before the terminal; anything but a yes is a no."""
        self._write(f"{clean(question)} [y/N] ", end="")
        try:
            answer = input()
        except EOFError:
            return False
        return answer.strip().lower() in {"y", "yes"}

    def outcome_table(self, totals: Totals) -> None:
        """Show counts and sums of every outcome that occurred, and of all."""
        from rich import box  # noqa: PLC0415 - start-up time
        from rich.table import Table  # noqa: PLC0415 - start-up time
        from rich.text import Text  # noqa: PLC0415 - start-up time

        from pipeline.report.words import outcome_label  # noqa: PLC0415 - start-up time

        table = Table(box=box.SIMPLE if self.interactive else box.ASCII)
        for number, title in enumerate(("Outcome", "Invoices", "Net", "VAT", "Total")):
            table.add_column(title, justify="right" if number else "left", no_wrap=True)
        parts = [
            (outcome_label(each), totals.outcomes[each]) for each in Outcome if totals.outcomes[each].count
        ]
        for label, part in [*parts, ("all", totals.whole)]:
            sums = (f"{amount:,.2f}" for amount in (part.net, part.vat, part.total))
            table.add_row(*(Text(cell) for cell in (label, f"{part.count:,}", *sums)))
        with self._lock:
            # A log is as wide as it needs to be.
            self._console.print(table, width=None if self.interactive else 200, crop=False)

    def finding_lines(self, findings: Iterable[Finding], limit: int = 20) -> None:
        """Show the first findings, one a line, and how many more the report has."""
        rest = iter(findings)
        for each in islice(rest, limit):
            self._write(finding_line(each))
        if more := sum(1 for _ in rest):
            self._write(f"… and {more:,} more in the report")

    def log(self, line: str) -> None:
        """Show a dated line, for progress where there are no bars."""
        self._write(f"{self._now():%Y-%m-%dT%H:%M:%SZ} {line}")

    def seconds(self) -> float:
        """The clock that rates are measured with."""
        return self._clock()

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

    def _write(self, text: str, end: str = "\n") -> None:
        from rich.text import Text  # noqa: PLC0415 - start-up time

        with self._lock:
            self._console.print(Text(text), end=end, soft_wrap=True)


class Bar:
    """One progress. Its methods may be called from any thread, as often as one likes."""

    def __init__(self, screen: Screen, description: str, total: float | None, unit: str | None) -> None:
        self._screen, self._description, self._total, self._unit = screen, description, total, unit
        self._lock = threading.Lock()
        self._done: float = 0
        self._began = self._told = screen.seconds()
        self._bars: Progress | None = None
        self._task: Any = None
        self._said = ""

    def begin(self, bars: Progress | None) -> None:
        """Show it, on these bars or as lines."""
        self._bars = bars
        if bars:
            self._task = bars.add_task(self._description, total=self._total, done=self._state())

    def expect(self, total: float) -> None:
        """Tell how much there is to do."""
        with self._lock:
            self._total = total
        self._show()

    def advance(self, more: float = 1) -> None:
        """So much more is done."""
        with self._lock:
            self._done += more
        self._show()

    def reach(self, done: float) -> None:
        """So much is done in all."""
        with self._lock:
            self._done = done
        self._show()

    def end(self) -> None:
        """Tell the last state."""
        if self._bars:
            self._bars.update(self._task, total=self._total, completed=self._done, done=self._state())
        else:
            self._tell(self._state())

    def _show(self) -> None:
        if self._bars:
            self._bars.update(self._task, total=self._total, completed=self._done, done=self._state())
            return
        with self._lock:
            due = self._screen.seconds() - self._told >= PLAIN_INTERVAL
            if due:
                self._told = self._screen.seconds()
        if due:
            self._tell(f"{self._state()}{self._left()}")

    def _tell(self, state: str) -> None:
        if state != self._said:
            self._screen.log(f"{self._description}: {state}")
            self._said = state

    def _state(self) -> str:
        """`12,300 of 60,000 invoices (20 %), 850/s`."""
        share = f"{self._done / self._total:.0%}".replace("%", " %") if self._total else ""
        if self._unit is None:
            return share or "…"
        seconds = self._screen.seconds() - self._began
        of = f" of {self._total:,.0f}" if self._total else ""
        rate = f", {self._done / seconds:,.0f}/s" if seconds >= 1 else ""
        return f"{self._done:,.0f}{of} {self._unit}{share and f' ({share})'}{rate}"

    def _left(self) -> str:
        seconds = self._screen.seconds() - self._began
        if not self._total or not self._done or self._done >= self._total:
            return ""
        return f", about {seconds * (self._total - self._done) / self._done:,.0f} s left"


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
    spot = place.cell or (f"row {place.row}" if place.row else "")
    inside = (
        f"{place.sheet}!{spot}" if place.sheet and place.cell else " ".join(filter(None, (place.sheet, spot)))
    )
    return " ".join(filter(None, (place.file, inside)))
