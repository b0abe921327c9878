"""What became of accepted invoices: the service is asked, its answers recorded, a report tells of them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from pipeline import __version__
from pipeline.findings import Finding, Severity, finding, refuse
from pipeline.follow import updates
from pipeline.language import translate
from pipeline.ledger import Run, heard, open_ledger
from pipeline.ledger.content import kept_answer
from pipeline.ledger.heard import Heard
from pipeline.options import Options
from pipeline.privacy import mask
from pipeline.profile.load import load_profile
from pipeline.screens.terminal import Screen
from pipeline.sender.answers import Answer
from pipeline.sender.service import CredentialsRefused, Service, Unreachable
from pipeline.sender.session import exit_code, honest_exit, make_folder, open_service, show_report, stopping
from pipeline.settings import account

PAUSES = (0.5, 1.0, 2.0)
"""Seconds between tries of one question."""

MOST_LOOK_UPS = 100
"""Bill numbers that are looked up one by one: "single look-ups only" (`ropo-one-api.md`, status changes)."""

_MOST_WORDS = 20


@dataclass(slots=True)
class _Tally:
    """What came of all questions together, and why they ended early, if they did."""

    elsewhere: int = 0
    strange: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    cut: dict[str, int] = field(default_factory=dict)
    halted: Finding | None = None


@dataclass(frozen=True, slots=True)
class _Asking:
    run: Run
    service: Service
    stop: threading.Event
    pauses: Sequence[float]
    tally: _Tally


class _Came(NamedTuple):
    body: bytes
    reading: updates.Reading


class _Halt(Exception):  # noqa: N818 - a decision, not an error
    def __init__(self, found: Finding) -> None:
        super().__init__(found.message)
        self.found = found


def follow(
    options: Options, billnums: Sequence[str], days: Sequence[date], *, consume: bool, screen: Screen
) -> int:
    """Ask what became of invoices, record it, and report on those of which there is news.

    Args:
        options: where to ask, ledger, report; the profile may consent to consuming.
        billnums: look these up, and nothing else.
        days: ask for the changes of these days, and nothing else. With neither, all changes not yet read.
        consume: whether somebody agreed to that last form, which gives each change once.
        screen: where to tell of it.

    Returns:
        0; 1 if invoices were refused later or something else needs attention, 3 if there is news of one
        whose outcome is unknown, 4 if the service could not be asked to the end.

    Raises:
        Refusal: `consent-to-consume`, `too-many-look-ups`, `number-not-asked`, wrong configuration, or
            another `follow` is at work.
    """
    profile = load_profile(options.profile)
    bare = not (billnums or days)
    if bare and not (consume or profile.following.consume_status_updates):
        raise refuse("consent-to-consume")
    if len(billnums) > MOST_LOOK_UPS:
        raise refuse("too-many-look-ups", count=len(billnums), limit=MOST_LOOK_UPS)
    check_numbers(billnums)
    where = account(options.target, options.country)
    make_folder(options.out)
    base_url = where.base_url or "the built-in sandbox, on this machine only"
    with ExitStack() as stack:
        ledger = stack.enter_context(open_ledger(options.ledger))
        # A lock of its own: it changes no document, so it may work beside a run, but not beside another.
        stack.enter_context(ledger.lock(where.environment, f"{where.cid}/follow"))
        facts = {"version": __version__, "base_url": base_url}
        this = ledger.begin_run("follow", where.environment, where.cid, facts, sends=False)
        stack.enter_context(honest_exit(this))
        if bare:
            screen.say(translate("Asking for all status updates not yet read; this consumes them."))
        with open_service(where) as service, stopping(screen) as stop:
            asking = _Asking(this, service, stop, PAUSES, _Tally())
            _ask_all(asking, billnums, days)
        refused = heard.take_in_untold(this)
        notes = list(_notes(this, asking.tally))
        this.note(notes)
        problems = any(each.severity is Severity.ERROR for each in notes)
        halted = asking.tally.halted is not None or stop.is_set()
        code = exit_code(this, halted=halted, errors=problems or refused > 0)
        this.finish(code)
        screen.finding_lines(each for each in notes if each.severity is not Severity.ERROR)
        show_report(this, options.out, screen)
        heard.mark_told(this)
    return code


def check_numbers(billnums: Sequence[str]) -> None:
    """See that the numbers can stand in a URL, which ends in logs.

    Raises:
        Refusal: `number-not-asked`.
    """
    if any(mask(billnum) != billnum or not billnum.strip() for billnum in billnums):
        raise refuse("number-not-asked")


def days_since(first: date) -> list[date]:
    """Every day from that one to today, wherever today is."""
    today = max(datetime.now(UTC).date(), datetime.now().astimezone().date())
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


def _ask_all(asking: _Asking, billnums: Sequence[str], days: Sequence[date]) -> None:
    try:
        for billnum in dict.fromkeys(billnums):
            _ask(asking, {"billnum": billnum})
        for day in dict.fromkeys(days):
            came = _ask(asking, {"date": day.isoformat()})
            if came and came.reading.entries >= heard.MOST:
                asking.tally.cut[day.isoformat()] = came.reading.entries
        if not (billnums or days):
            _ask_for_unread(asking)
    except _Halt as halt:
        asking.tally.halted = halt.found


def _ask_for_unread(asking: _Asking) -> None:
    """Ask until there is nothing more.

    It ends before that when an answer is not understood at all, so that the rest stays unread; and when
    the answer is the one before it.
    """
    before = None
    while not asking.stop.is_set():
        came = _ask(asking, {})
        if came is None or not came.reading.updates:
            return
        if came.body == before:
            raise _Halt(finding("status-updates-repeated"))
        before = came.body


def _ask(asking: _Asking, question: Mapping[str, str]) -> _Came | None:
    """Ask, and record the answer before anything else; tried again until there is a readable one.

    Returns:
        The answer; None when the program is to stop.

    Raises:
        _Halt: there is none.
    """
    for pause in (*asking.pauses, None):
        if asking.stop.is_set():
            return None
        answer, reading = _ask_once(asking, question)
        if reading is not None:
            return _Came(answer.body, reading)
        if answer.status == 401:
            raise _Halt(finding("credentials-refused", reason=answer.text or "HTTP 401"))
        again = answer.status is None or answer.status in {408, 429} or not 400 <= answer.status < 500
        if not again or pause is None:
            break
        asking.stop.wait(pause if answer.retry_after is None else answer.retry_after)
    if answer.status is None:
        raise _Halt(finding("service-unreachable", reason=answer.text))
    raise _Halt(finding("status-updates-refused", reason=f"HTTP {answer.status} {answer.text}".strip()))


def _ask_once(asking: _Asking, question: Mapping[str, str]) -> tuple[Answer, updates.Reading | None]:
    run = asking.run
    number = heard.ask(run, "&".join(f"{name}={value}" for name, value in question.items()))
    try:
        answer = asking.service.status_updates(question)
    except CredentialsRefused as error:
        heard.record(run, number, Heard(None, None, None))  # nothing was asked, nothing is lost
        raise _Halt(finding("credentials-refused", reason=error)) from error
    except Unreachable as error:
        heard.record(run, number, Heard(None, None, None))
        raise _Halt(finding("service-unreachable", reason=error)) from error
    reading = _read(answer, question)
    came = Heard(answer.status, _body(run, answer), None)
    if reading is None:
        lost = not question and _may_have_consumed(answer)
        heard.record(run, number, came._replace(lost=lost))
    else:
        recorded = heard.record(run, number, came._replace(entries=reading.entries, updates=reading.updates))
        asking.tally.elsewhere += recorded.elsewhere
        asking.tally.strange += reading.strange
        asking.tally.unknown.update(reading.unknown)
    return answer, reading


def _read(answer: Answer, question: Mapping[str, str]) -> updates.Reading | None:
    """What an answer says; None when it is of no use.

    204 is nothing new, and so is 404 for a bill number; a 2xx with JSON is read.
    """
    if answer.complete and (answer.status == 204 or (answer.status == 404 and "billnum" in question)):
        return updates.Reading(0, [], 0, [])
    content = answer.content
    if answer.status is not None and 200 <= answer.status < 300 and isinstance(content, list | dict):
        return updates.read(content, question.get("date") or datetime.now(UTC).date().isoformat())
    return None


def _may_have_consumed(answer: Answer) -> bool:
    """Whether the service may have marked changes as read; a request that it refused has not."""
    return answer.status is None or answer.status == 408 or not 400 <= answer.status < 500


def _body(run: Run, answer: Answer) -> str | None:
    """The body as the ledger keeps it: without personal identity codes."""
    if not answer.body:
        return None
    kept = kept_answer(run.ledger.key, answer.content)
    return mask(kept or answer.body.decode(errors="replace"))


def _notes(run: Run, tally: _Tally) -> Iterator[Finding]:
    """What is to be said of the answers."""
    since = heard.lost_since(run)
    if since:
        yield finding("status-updates-lost", since=since)
    for day, count in tally.cut.items():
        yield finding("status-updates-cut", count=count, day=day, limit=heard.MOST)
    if tally.strange:
        yield finding("status-updates-strange", count=tally.strange)
    if tally.unknown:
        words = [f"“{each}” ({count})" for each, count in tally.unknown.most_common(_MOST_WORDS)]
        yield finding("status-words-unknown", words=", ".join(words))
    if tally.elsewhere:
        yield finding("status-updates-elsewhere", count=tally.elsewhere)
    if tally.halted:
        yield tally.halted
