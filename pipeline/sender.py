"""Sending: batches go out from several threads, each recorded before it leaves and after it is answered.

For every batch: one durable transaction that says what is about to be sent; the request; one durable
transaction that says what became of it. Whatever happens in between leaves documents in `sending`,
which the next run turns into `unknown`: nothing is ever sent again on a guess.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from pipeline.answers import Answer, JobAnswer, Meaning, Verdict, judge, meaning
from pipeline.document import Outcome
from pipeline.findings import Finding, Refusal, finding
from pipeline.ledger import Planned, Run
from pipeline.ledger.duplicates import what_it_has
from pipeline.ledger.run import Answered, Settlement
from pipeline.ledger.states import State
from pipeline.service import CredentialsRefused, Service, Unreachable

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between tries to reach a service that nothing has reached yet; then the run stops."""

LONGEST_WAIT = 120.0
"""Seconds that a Retry-After is obeyed at most."""

BUSY_TRIES = 10
"""How many 429 in a row a batch meets before the run stops."""

_REFUSES_ALL = frozenset({403, 404, 405})


@dataclass(frozen=True, slots=True)
class SendResult:
    """How sending went.

    `halted` tells why it stopped early, if it did; whatever it did not send is planned and `not-sent`.
    `try_again` is whether running the same later may well succeed (exit code 4).
    """

    settled: int
    batches: int
    halted: Finding | None

    @property
    def try_again(self) -> bool:
        """Whether it stopped for a reason that may be gone later."""
        return self.halted is not None


class Halt(Exception):  # noqa: N818 - a decision, not an error
    """Sending stops here; `code` and `details` make the finding that tells why."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


@dataclass(slots=True)
class _State:
    """What the threads share."""

    run: Run
    service: Service
    pauses: Sequence[float]
    stop: threading.Event
    halt: threading.Event = field(default_factory=threading.Event)
    accepted_any: bool = False

    @property
    def over(self) -> bool:
        return self.stop.is_set() or self.halt.is_set()


class _Done(NamedTuple):
    settled: int
    batches: int
    halted: Halt | None = None


def send(
    batches: Iterable[Sequence[Planned]],
    *,
    run: Run,
    service: Service,
    workers: int = 4,
    on_progress: Callable[[int], None] = lambda _: None,
    stop: threading.Event | None = None,
    pauses: Sequence[float] = PAUSES,
) -> SendResult:
    """Send planned documents, each to an outcome in the ledger.

    Batches are taken as there is room for them, so that a generator which plans them is ahead by
    a few only. When the service cannot be reached, refuses the credentials or the disk is full, or `stop`
    is set, requests in flight are finished and recorded, and no more batches are taken.

    Args:
        batches: what `run.plan` gave, in batches.
        run: it holds the ledger's lock.
        service: where to.
        workers: requests at a time.
        on_progress: told in this thread how many documents were settled since the last call.
        stop: set by Ctrl-C or SIGTERM.
        pauses: seconds between tries to reach the service.

    Returns:
        How it went; the outcomes are in the ledger.

    Raises:
        Exception: what `batches` raises, or the ledger when it cannot be written. Requests in flight
            are finished before.
    """
    state = _State(run, service, pauses, stop or threading.Event())
    settled = sent = 0
    halted: Halt | None = None

    def take(done: Iterable[Future[_Done]]) -> None:
        nonlocal settled, sent, halted
        for each in done:
            result = each.result()
            settled += result.settled
            sent += result.batches
            halted = halted or result.halted
            on_progress(result.settled)

    with ThreadPoolExecutor(workers, thread_name_prefix="sender") as pool:
        flying: set[Future[_Done]] = set()
        try:
            for batch in batches:
                flying.add(pool.submit(_send_whole, state, batch))
                if len(flying) >= 2 * workers:
                    done, flying = wait(flying, return_when=FIRST_COMPLETED)
                    take(done)
                if state.over:
                    break
            take(wait(flying).done)
        finally:
            state.halt.set()  # after an exception: those that wait for a thread do not begin
    if halted is None and state.stop.is_set():
        halted = Halt("stopped")
    return SendResult(settled, sent, halted and _told(halted, run))


def _told(halt: Halt, run: Run) -> Finding:
    left = run.outcomes()[Outcome.NOT_SENT]
    invoices = "1 invoice" if left == 1 else f"{left} invoices"
    found = finding(halt.code, **{"left": invoices, **halt.details})
    run.note([found])
    return found


def _send_whole(state: _State, batch: Sequence[Planned]) -> _Done:
    """Send a batch, in smaller pieces where the service refuses it whole."""
    pieces = [list(batch)]
    settled = sent = 0
    refused: set[int | None] = set()
    while pieces and not state.over:
        piece = pieces.pop()
        try:
            result = _send_piece(state, piece)
        except Halt as halt:
            state.halt.set()
            return _Done(settled, sent, halt)
        sent += 1
        settled += len(piece) - sum(map(len, result.again))
        pieces += result.again
        refused.add(result.status if result.all_refused else None)
    if refused and refused <= _REFUSES_ALL and not pieces and not state.accepted_any:
        state.halt.set()
        return _Done(settled, sent, Halt("service-refuses-all", reason=f"HTTP {min(filter(None, refused))}"))
    return _Done(settled, sent)


class _Piece(NamedTuple):
    again: list[list[Planned]]
    status: int | None
    all_refused: bool


def _send_piece(state: _State, piece: list[Planned]) -> _Piece:
    try:
        state.service.authorise()
        batch = state.run.begin_batch(piece)
    except CredentialsRefused as error:
        raise Halt("credentials-refused", reason=error) from error
    except Refusal as refusal:
        raise _Full(refusal.finding) from refusal
    ...
