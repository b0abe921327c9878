"""What the user sees: progress, lines, findings and the closing table."""

from __future__ import annotations

import datetime as dt
import io
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.columns.layouts import Layout
from pipeline.document import Outcome
from pipeline.findings import Finding, Place, Severity
from pipeline.readers.table import Table
from pipeline.report.totals import Totals
from pipeline.screens.terminal import Screen, clean, finding_line

NIGHT = dt.datetime(2026, 11, 20, 2, 15, 3, tzinfo=dt.UTC)


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """The time now."""
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """A clock at 0."""
    return Clock()


@pytest.fixture
def log() -> io.StringIO:
    """What is written where there is no terminal."""
    return io.StringIO()


@pytest.fixture
def screen(log: io.StringIO, clock: Clock) -> Screen:
    """A screen that writes to the log."""
    return Screen(log, clock=clock, now=lambda: NIGHT)


@pytest.fixture
def tty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[Screen], object]], str]]:
    """A function that lets something be shown on a real terminal and returns what came out of it."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    ends: list[int] = []

    def show(story: Callable[[Screen], object]) -> str:
        ours, theirs = os.openpty()
        ends.append(ours)
        shown: list[bytes] = []

        def read() -> None:
            while True:
                try:
                    part = os.read(ours, 65536)
                except OSError:  # Linux's way to say that the other end is closed
                    return
                if not part:
                    return
                shown.append(part)

        reader = threading.Thread(target=read)
        reader.start()
        with open(theirs, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor has no path
            story(Screen(file))
        reader.join()
        return b"".join(shown).decode()

    yield show
    for end in ends:
        os.close(end)


def found(message: str = "This is not a Finnish postcode: 7010", **place: Any) -> Finding:
    """A finding at a place."""
    return Finding(
        "postcode-form", Severity.ERROR, Place(**place), "postcode", "7010", message, "Write its five digits."
    )


def test_a_line_in_a_log_has_its_time(screen: Screen, log: io.StringIO) -> None:
    """Plain lines begin with the time in UTC."""
    screen.say("Sending to https://rc.ropo24.fi [bold]")
    assert log.getvalue() == "2026-11-20T02:15:03Z Sending to https://rc.ropo24.fi [bold]\n"


def test_a_long_line_stays_one_line(screen: Screen, log: io.StringIO) -> None:
    """Whoever reads the log by program finds one line an event."""
    screen.say("word " * 100)
    assert log.getvalue().count("\n") == 1


def test_progress_in_a_log_tells_itself_every_few_seconds(
    screen: Screen, log: io.StringIO, clock: Clock
) -> None:
    """However often it is told, a line comes at most every five seconds; the end is told once."""
    with screen.progress("Sending", 60_000) as bar:
        for _ in range(30):
            clock.seconds += 0.5
            bar.advance(1_000)
        clock.seconds += 5
        bar.advance(30_000)
    assert log.getvalue().splitlines() == [
        "2026-11-20T02:15:03Z Sending: 10,000 of 60,000 invoices (17 %), 2,000/s, about 25 s left",
        "2026-11-20T02:15:03Z Sending: 20,000 of 60,000 invoices (33 %), 2,000/s, about 20 s left",
        "2026-11-20T02:15:03Z Sending: 30,000 of 60,000 invoices (50 %), 2,000/s, about 15 s left",
        "2026-11-20T02:15:03Z Sending: 60,000 of 60,000 invoices (100 %), 3,000/s",
    ]


def test_reading_is_told_as_a_share(screen: Screen, log: io.StringIO, clock: Clock) -> None:
    """Of a file only the part that was read is known."""
    with screen.progress("Reading", 1.0, unit=None) as bar:
        clock.seconds = 6
        bar.reach(0.4)
        bar.reach(1.0)
    assert log.getvalue().splitlines() == [
        "2026-11-20T02:15:03Z Reading: 40 %, about 9 s left",
        "2026-11-20T02:15:03Z Reading: 100 %",
    ]


def test_a_total_may_become_known_later(screen: Screen, log: io.StringIO, clock: Clock) -> None:
    """Until then only the count is told."""
    with screen.progress("Checking") as bar:
        clock.seconds = 6
        bar.advance(12)
        clock.seconds = 12
        bar.expect(24)
    assert log.getvalue().splitlines() == [
        "2026-11-20T02:15:03Z Checking: 12 invoices, 2/s",
        "2026-11-20T02:15:03Z Checking: 12 of 24 invoices (50 %), 1/s, about 12 s left",
        "2026-11-20T02:15:03Z Checking: 12 of 24 invoices (50 %), 1/s",
    ]


def test_threads_share_a_progress(screen: Screen, log: io.StringIO) -> None:
    """Nothing that a worker tells is lost."""
    with screen.progress("Sending", 4_000) as bar:
        workers = [
            threading.Thread(target=lambda: [bar.advance() for _ in range(1_000)] and None) for _ in range(4)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert log.getvalue() == "2026-11-20T02:15:03Z Sending: 4,000 of 4,000 invoices (100 %)\n"


def test_a_progress_that_fails_tells_how_far_it_came(screen: Screen, log: io.StringIO) -> None:
    """An error passes through, and its progress is closed."""

    def fail() -> None:
        with screen.progress("Sending", 10) as bar:
            bar.advance(3)
            raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        fail()
    assert log.getvalue() == "2026-11-20T02:15:03Z Sending: 3 of 10 invoices (30 %)\n"


def test_a_terminal_shows_bars_side_by_side(tty: Any) -> None:
    """Reading and sending go on at once, each with its count; lines come above them."""

    def story(screen: Screen) -> None:
        assert screen.interactive
        with (
            screen.progress("Reading", 1.0, unit=None) as reading,
            screen.progress("Sending", 60_000) as sending,
        ):
            reading.reach(0.5)
            screen.say("One line [red]between[/red]")
            sending.reach(60_000)
        with screen.progress("Again", 2) as again:
            again.advance()

    shown = tty(story)
    assert "Reading" in shown
    assert " 50 %" in shown
    assert "60,000 of 60,000 invoices (100 %)" in shown
    assert "One line [red]between[/red]\r\n" in shown
    assert "1 of 2 invoices (50 %)" in shown


def test_a_terminal_has_no_times_before_lines(tty: Any) -> None:
    """A person knows what time it is."""
    assert tty(lambda screen: screen.say("Report: out/report.xlsx")) == "Report: out/report.xlsx\r\n"


def test_the_closing_table_has_counts_and_sums(screen: Screen, log: io.StringIO) -> None:
    """One row an outcome that occurred, and one for all."""
    totals = Totals()
    totals.add(Outcome.ACCEPTED, "1000.00", "255.00", "1255.00", [])
    totals.add(Outcome.ACCEPTED, "1000.00", "255.00", "1255.00", [])
    totals.add(Outcome.REFUSED, "-10.00", "-2.55", "-12.55", [])
    screen.outcome_table(totals)
    assert [line.rstrip() for line in log.getvalue().splitlines()] == [
        "+------------------------------------------------------------------+",
        "| Outcome                | Invoices |      Net |    VAT |    Total |",
        "|------------------------+----------+----------+--------+----------|",
        "| accepted               |        2 | 2,000.00 | 510.00 | 2,510.00 |",
        "| refused by the service |        1 |   -10.00 |  -2.55 |   -12.55 |",
        "| all                    |        3 | 1,990.00 | 507.45 | 2,497.45 |",
        "+------------------------------------------------------------------+",
    ]


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ({"file": "a.xlsx", "sheet": "Laskut", "row": 12, "cell": "F12"}, "a.xlsx Laskut!F12: "),
        ({"file": "a.csv", "row": 12, "cell": "F12"}, "a.csv F12: "),
        ({"file": "a.xlsx", "sheet": "Laskut", "row": 12}, "a.xlsx Laskut row 12: "),
        ({"file": "a.csv"}, "a.csv: "),
        ({}, ""),
    ],
)
def test_a_finding_in_one_line(place: dict[str, Any], line: str) -> None:
    """Where, what, what to do, and the code to look up."""
    assert finding_line(found(**place)) == (
        f"{line}This is not a Finnish postcode: 7010 — Write its five digits. (postcode-form)"
    )


def test_many_findings_are_cut_short(screen: Screen, log: io.StringIO) -> None:
    """The first twenty, and how many more the report has."""
    screen.finding_lines(found(f"number {number}") for number in range(54))
    lines = log.getvalue().splitlines()
    assert len(lines) == 21
    assert lines[19] == "number 19 — Write its five digits. (postcode-form)"
    assert lines[20] == "… and 34 more in the report"


def test_few_findings_are_all_told(screen: Screen, log: io.StringIO) -> None:
    """No line speaks of more when there are none."""
    screen.finding_lines([found()] * 20)
    assert log.getvalue().count("postcode-form") == log.getvalue().count("\n") == 20


def test_data_cannot_command_the_terminal(tty: Any) -> None:
    """Escape sequences and markup in a customer's name are shown, not obeyed."""
    shown = tty(
        lambda screen: screen.finding_lines([found("\x1b]0;owned\x07 \x9b2J [bold red]x[/] :smile:")])
    )
    assert (
        shown
        == "\ufffd]0;owned\ufffd \ufffd2J [bold red]x[/] :smile: — Write its five digits. (postcode-form)\r\n"
    )


@given(st.text())
def test_nothing_unprintable_comes_through(text: str) -> None:
    """Whatever the text, it stays on one line and holds nothing that a terminal would obey."""
    assert clean(text).isprintable()


def test_numbers_with_hard_spaces_stay_readable() -> None:
    """A space that does not break is a space."""
    assert clean("1\u00a0234,50\u202f€\nnext") == "1 234,50 € next"


def test_no_personal_identity_code_is_shown(screen: Screen, log: io.StringIO) -> None:
    """Neither in a line, nor in a finding, nor in the name of a progress."""
    code = "131052-308T"
    screen.say(f"for {code}")
    screen.finding_lines([found(f"not {code}", file=f"{code}.csv")])
    with screen.progress(f"Reading {code}.csv"):
        pass
    assert code not in log.getvalue()
    assert log.getvalue().count("[personal identity code]") == 4


def test_a_letter_that_the_terminal_lacks_is_no_error() -> None:
    """A log in an old encoding shows a question mark."""
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii", write_through=True) as file:
        Screen(file, now=lambda: NIGHT).say("Mäki — ✓")
        assert raw.getvalue() == b"2026-11-20T02:15:03Z M?ki ? ?\n"


@pytest.mark.parametrize(
    ("typed", "yes"),
    [("y\n", True), (" YES \n", True), ("n\n", False), ("\n", False), ("yesterday\n", False), ("", False)],
)
def test_only_a_yes_is_a_yes(
    screen: Screen, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, typed: str, *, yes: bool
) -> None:
    """Silence, an end of input or anything else sends nothing."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert screen.confirm("Send 6 invoices to https://ropo24.fi?") is yes
    assert log.getvalue() == "Send 6 invoices to https://ropo24.fi? [y/N] "


def test_how_a_file_was_understood(screen: Screen, log: io.StringIO) -> None:
    """Header row, encoding and delimiter, and the columns that are ignored with the nearest fields."""
    table = Table("a.csv", None, {"encoding": "utf-8", "delimiter": ";"}, [], lambda _: iter(()))
    headers = {0: "Laskunumero", 1: "Postinumer", 2: "Muistio"}
    screen.understood([Layout(0, table, 3, headers, {0: "billnum"}, {1: ("postcode",), 2: ()})])
    assert log.getvalue().splitlines() == [
        "2026-11-20T02:15:03Z a.csv: header in row 3, 1 columns understood; encoding utf-8, delimiter ;",
        "2026-11-20T02:15:03Z a.csv: column “Postinumer” is ignored (closest: postcode)",
        "2026-11-20T02:15:03Z a.csv: column “Muistio” is ignored",
    ]


def test_standard_output_is_the_default(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without a file, lines go where the command's output goes."""
    Screen(now=lambda: NIGHT).say(f"Report: {tmp_path.name}")
    assert capsys.readouterr().out == f"2026-11-20T02:15:03Z Report: {tmp_path.name}\n"
