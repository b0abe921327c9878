"""What became of documents whose outcome is unknown: the service is asked, or a person decides."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, or_, select, text

from pipeline.document import JOBS, Outcome
from pipeline.findings import Finding, finding, refuse
from pipeline.ledger import Ledger, Run
from pipeline.ledger.clock import age
from pipeline.ledger.content import differences, kept_answer
from pipeline.ledger.exposure import exposed_contents
from pipeline.ledger.run import Settlement
from pipeline.ledger.states import State
from pipeline.ledger.tables import OPEN, document
from pipeline.options import GRACE
from pipeline.privacy import mask
from pipeline.sender import replies
from pipeline.sender.answers import Answer
from pipeline.sender.service import CredentialsRefused, Service, Unreachable

PAUSES = (0.5, 1.0, 2.0)
"""Seconds between tries of one look-up."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many unknown documents turned out accepted, may go again, and stay unknown.

    `waiting` of those that stay unknown may go again once their grace is over. `halted` tells why it
    stopped early, if it did.
    """

    accepted: int
    may_go_again: int
    unknown: int
    waiting: int
    halted: Finding | None


class _Is(Enum):
    """What a look-up says of a bill number."""

    FOUND = "found"
    ABSENT = "absent"
    UNCLEAR = "unclear"


class _Look(NamedTuple):
    """The result of a look-up, why it is unclear, and what the service has under the number."""

    result: _Is
    why: str = ""
    entry: Mapping[str, Any] = MappingProxyType({})


class _Halt(Exception):  # noqa: N818 - a decision, not an error
    def __init__(self, found: Finding) -> None:
        super().__init__(found.message)
        self.found = found


@dataclass(frozen=True, slots=True)
class _Asking:
    run: Run
    service: Service
    grace: float
    stop: threading.Event
    pauses: Sequence[float]
    on_progress: Callable[[int], None]


def reconcile(
    run: Run,
    service: Service,
    *,
    grace: float = GRACE,
    patient: bool = False,
    stop: threading.Event | None = None,
    pauses: Sequence[float] = PAUSES,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Reconciled:
    """Ask the service about every document of the run's customer whose outcome is unknown.

    Found: it is accepted. Not found, under `checkbillnum` and unknown for longer than `grace`: it may be
    sent again by the next run, and a refusal as duplicate then means that it was accepted after all. Not
    found and unguarded: only a person can decide (`resolve`). Anything else leaves it unknown.

    Args:
        run: one that sends, so that the ledger's lock is held; its invoices show the result.
        service: whom to ask.
        grace: seconds.
        patient: wait until the grace of all that are not found is over, and ask about them again.
        stop: set by Ctrl-C or SIGTERM.
        pauses: seconds between tries of one look-up.
        on_progress: told how many more documents were asked about.
    """
    asking = _Asking(run, service, grace, stop or threading.Event(), pauses, on_progress)
    rows = _unknown(run)
    tally: Counter[Outcome] = Counter()
    young: list[Row[Any]] = []
    halted = None
    try:
        young = _ask_about(asking, rows, tally)
        if patient and young:
            youngest = min(age(each.updated) for each in young)
            if not asking.stop.wait(max(grace - youngest, 0.0)):
                young = _ask_about(asking, young, tally)
    except _Halt as halt:
        halted = halt.found
        run.note([halted])
    accepted, again = tally[Outcome.ACCEPTED], tally[Outcome.NOT_SENT]
    return Reconciled(accepted, again, len(rows) - accepted - again, len(young), halted)


def any_unknown(run: Run) -> bool:
    """Whether the run's customer has documents whose outcome is unknown."""
    return bool(_unknown(run))


def resolve(
    ledger: Ledger,
    environment: str,
    cid: str,
    billnum: str,
    *,
    accepted: bool,
    who: str,
    why: str,
    kind: str | None = None,
    content: int | None = None,
) -> str:
    """Let a person decide about a document whose outcome is unknown; who and why are kept for good.

    Args:
        ledger: the ledger; its lock is taken.
        environment: as for `begin_run`.
        cid: the customer.
        billnum: the bill number; for a document without one, its identity as `history` shows it.
        accepted: whether the service has it. If not, the next run may send it.
        who: the person.
        why: the reason.
        kind: which kind of document, when several have the number.
        content: which of the contents tried, counted from 1, the service has, when there were several.

    Returns:
        The id of the run that records it.

    Raises:
        Refusal: `nothing-to-resolve`, `several-to-resolve`, `several-contents`, `another-run`.
    """
    with ledger.lock(environment, cid):
        facts = {"billnum": billnum, "accepted": accepted, "who": who, "why": why}
        run = ledger.begin_run("resolve", environment, cid, facts)
        named = [document.c.billnum == billnum, document.c.identity == billnum]
        rows = [each for each in _unknown(run, or_(*named)) if kind in {None, each.kind}]
        if len(rows) != 1:
            run.finish(2)
            kinds = ", ".join(sorted(each.kind for each in rows))
            code = "several-to-resolve" if rows else "nothing-to-resolve"
            raise refuse(code, billnum=billnum, environment=environment, cid=cid, kinds=kinds)
        state, outcome = (State.ACCEPTED, Outcome.ACCEPTED) if accepted else (State.REFUSED, Outcome.REFUSED)
        word = "accepted" if accepted else "not accepted"
        reason = mask(f"{who} decided that it is {word}: {why}")
        version = _content_there(run, rows[0].id, billnum, content) if accepted else None
        run.settle_unknown([Settlement(rows[0].id, (state,), outcome, reason, version=version)])
        run.finish(0)
    return run.id


def _content_there(run: Run, document_id: int, billnum: str, number: int | None) -> Mapping[str, Any]:
    """The columns of the content that the service has: the n-th tried, or the only one.

    Raises:
        Refusal: `several-contents`: nobody has said which.
    """
    tried = [each.columns for each in exposed_contents(run.ledger, document_id)]
    if number is not None and 0 < number <= len(tried):
        return tried[number - 1]
    if len(tried) == 1 and number is None:
        return tried[0]
    run.finish(2)
    shown = [f"{place}. total {each['total']}" for place, each in enumerate(tried, start=1)]
    for place in range(1, len(tried)):
        changes = "; ".join(differences(tried[place - 1]["payload"], tried[place]["payload"]))
        shown[place] += f" ({changes})"
    raise refuse("several-contents", billnum=billnum, contents=", ".join(shown))


def _unknown(run: Run, also: ColumnElement[bool] | None = None) -> list[Row[Any]]:
    """The customer's documents with an unknown outcome, longest unknown first."""
    column = document.c
    statement = (
        select(column.id, column.kind, column.billnum, column.guarded, column.updated, column.reason)
        .where(
            column.environment == run.environment,
            column.cid == run.cid,
            text(OPEN),
            column.state == State.UNKNOWN.value,
        )
        .order_by(column.updated, column.id)
    )
    with run.ledger.engine.connect() as connection:
        return list(connection.execute(statement if also is None else statement.where(also)))


def _ask_about(asking: _Asking, rows: Sequence[Row[Any]], tally: Counter[Outcome]) -> list[Row[Any]]:
    """Settle those for which the answer suffices; returns those whose grace is not over.

    Raises:
        _Halt: the service cannot be asked.
    """
    young = []
    for row in rows:
        if asking.stop.is_set():
            break
        settlement = _settlement(asking, row)
        if settlement is None:
            young.append(row)
        else:
            asking.run.settle_unknown([settlement])
            tally[settlement.outcome] += 1
        asking.on_progress(1)
    return young


def _settlement(asking: _Asking, row: Row[Any]) -> Settlement | None:
    """What a look-up means for the document; None when it is too early to say."""
    look = _look_up(asking, row)
    if look.result is _Is.FOUND:
        answer = kept_answer(asking.run.ledger.key, look.entry)
        jobid = replies.jobid(look.entry)
        return Settlement(row.id, (State.ACCEPTED,), Outcome.ACCEPTED, "the service has it", jobid, answer)
    if look.result is _Is.UNCLEAR:
        return _stays(row, look.why)
    if not row.guarded:
        why = "the service does not show it, and without checkbillnum it could come to be there twice"
        return _stays(row, f"{row.reason}; {why}")
    if age(row.updated) < asking.grace:
        return None
    why = f"the service did not have it {asking.grace:g} s later: it may go again, under checkbillnum"
    return Settlement(row.id, (State.PLANNED,), Outcome.NOT_SENT, why)


def _stays(row: Row[Any], why: str) -> Settlement:
    found = finding("outcome-unknown", billnum=row.billnum, why=why)
    return Settlement(row.id, (), Outcome.UNKNOWN, why, found=found)


def _look_up(asking: _Asking, row: Row[Any]) -> _Look:
    """Ask the service for the document, where a bill number can tell."""
    if row.billnum is None or row.kind not in JOBS:
        return _Look(_Is.UNCLEAR, f"{row.reason}; it has no bill number to look up")
    if mask(row.billnum) != row.billnum:
        return _Look(
            _Is.UNCLEAR,
            f"{row.reason}; its number looks like a personal identity code, which is not sent in a URL",
        )
    look = _read(_ask(asking, row.billnum), row.billnum)
    if look.result is not _Is.FOUND:
        return look
    if _has_namesake(asking.run, row):
        return _Look(
            _Is.UNCLEAR, f"{row.reason}; the service has the number, but another document of ours has it too"
        )
    if len(exposed_contents(asking.run.ledger, row.id)) > 1:
        return _Look(
            _Is.UNCLEAR, f"{row.reason}; the service has the number, but more than one content was tried"
        )
    return look


def _ask(asking: _Asking, billnum: str) -> Answer:
    """A look-up changes nothing, so it is tried again until there is an answer to it.

    Raises:
        _Halt: there is none.
    """
    for pause in (*asking.pauses, None):
        try:
            answer = asking.service.look_up(billnum)
        except CredentialsRefused as error:
            raise _Halt(finding("credentials-refused", reason=error)) from error
        except Unreachable as error:
            answer = Answer(None, sent=False, error=str(error))
        if answer.status == 401:
            raise _Halt(finding("credentials-refused", reason=answer.text or "HTTP 401"))
        settled = (
            answer.complete and answer.status is not None and answer.status < 500 and answer.status != 429
        )
        if (
            settled
            or pause is None
            or asking.stop.wait(pause if answer.retry_after is None else answer.retry_after)
        ):
            break
    if answer.status is None:
        raise _Halt(finding("service-unreachable", reason=answer.text))
    return answer


def _read(answer: Answer, billnum: str) -> _Look:
    """What an answer to a look-up says; its shape is not published (`ropo-one-api.md`, status changes).

    A 200 that carries the bill number is found; a 204 or an empty list is not; all else is unclear.
    """
    content = answer.content
    if answer.status == 204 and answer.complete:
        return _Look(_Is.ABSENT)
    if answer.status == 200:
        if content == [] or (
            isinstance(content, dict) and content and all(each == [] for each in content.values())
        ):
            return _Look(_Is.ABSENT)
        for entry in replies.entries(content):
            if replies.billnum(entry) == billnum:
                return _Look(_Is.FOUND, entry=entry)
    return _Look(
        _Is.UNCLEAR,
        f"the service's answer to the question for it (HTTP {answer.status}) cannot be understood",
    )


def _has_namesake(run: Run, row: Row[Any]) -> bool:
    """Whether a document of another kind may be what the service has under the number."""
    column = document.c
    statement = select(column.id).where(
        column.billnum == row.billnum,
        column.environment == run.environment,
        column.cid == run.cid,
        column.kind.in_(JOBS),
        column.id != row.id,
        or_(column.state.in_([State.ACCEPTED.value, State.UNKNOWN.value]), column.exposed == 1),
    )
    with run.ledger.engine.connect() as connection:
        return connection.execute(statement).first() is not None
