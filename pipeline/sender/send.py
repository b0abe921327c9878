"""Sending: batches go out from several threads, each recorded before it leaves and after it is answered.

For every batch: one durable transaction that says what is about to be sent; the request; one durable
transaction that says what became of it. Whatever happens in between leaves documents in `sending`,
which the next run turns into `unknown`: nothing is ever sent again on a guess.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from pipeline.attachments import AttachmentChanged, Attachments
from pipeline.document import Outcome
from pipeline.findings import Finding, Refusal, finding
from pipeline.ledger import Planned, Run
from pipeline.ledger.content import differences, kept_answer
from pipeline.ledger.exposure import exposed_contents
from pipeline.ledger.run import Answered, Batch, Settlement
from pipeline.ledger.states import State
from pipeline.sender.answers import Answer, Meaning, meaning
from pipeline.sender.judge import JobAnswer, Verdict, judge, judge_entry
from pipeline.sender.service import CredentialsRefused, Service, Unreachable

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between tries to reach a service that nothing has reached yet; then the run stops."""

LONGEST_WAIT = 120.0
"""Seconds that a Retry-After is obeyed at most."""

BUSY_TRIES = 10
"""How many 429 in a row a batch meets before the run stops."""

_REFUSES_ALL = frozenset({403, 404, 405})
"""Refusals that are hardly about an invoice: when the service gives nothing else, the run stops."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """How sending went: how many documents got an outcome, in how many requests' worth of batches.

    `halted` tells why it stopped early, if it did; whatever it did not send is planned and `not-sent`.
    """

    settled: int
    batches: int
    halted: Finding | None

    @property
    def try_again(self) -> bool:
        """Whether the same run may well do more later (exit code 4)."""
        return self.halted is not None


class _Halt(Exception):  # noqa: N818 - a decision, not an error
    """Sending stops here, for the reason that `found` tells."""

    def __init__(self, found: Finding) -> None:
        super().__init__(found.message)
        self.found = found


@dataclass(slots=True)
class _Shared:
    """What the threads share."""

    run: Run
    service: Service
    pauses: Sequence[float]
    stop: threading.Event
    path: str | None
    attachments: Attachments
    halt: threading.Event = field(default_factory=threading.Event)
    accepted: bool = False

    @property
    def over(self) -> bool:
        return self.stop.is_set() or self.halt.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, at most until sending is over.

        Raises:
            _Halt: it is over.
        """
        until = time.monotonic() + seconds
        while not self.over and (left := until - time.monotonic()) > 0:
            self.halt.wait(min(left, 0.1))
        if self.over:
            raise _Halt(finding("stopped"))


class _Done(NamedTuple):
    """What became of a batch: documents with an outcome, batches recorded, why sending stops."""

    settled: int
    batches: int
    halted: Finding | None = None


def send(
    batches: Iterable[Sequence[Planned]],
    *,
    run: Run,
    service: Service,
    workers: int = 4,
    on_progress: Callable[[int], None] = lambda _: None,
    stop: threading.Event | None = None,
    pauses: Sequence[float] = PAUSES,
    path: str | None = None,
    attachments: Attachments | None = None,
) -> SendResult:
    """Send planned documents, each to an outcome in the ledger.

    Batches are taken as there is room for them, so that a generator which plans them is ahead by
    a few only. When the service cannot be reached, refuses the credentials, the disk is full, or `stop`
    is set, requests in flight are finished and recorded, and no more batches are taken.

    Args:
        batches: what `run.plan` gave, in batches.
        run: one that sends.
        service: where to.
        workers: requests at a time.
        on_progress: told, in this thread, how many more documents have an outcome.
        stop: set by Ctrl-C or SIGTERM.
        pauses: seconds between tries to reach the service.
        path: where documents that are no jobs go, one in a batch.
        attachments: where the files lie that the documents name.

    Returns:
        How it went; the outcomes are in the ledger, as is the reason for stopping early.

    Raises:
        Exception: what `batches` raises, or the ledger when it cannot be written. Requests in flight
            are finished and recorded before, as far as that is possible.
    """
    files = attachments or Attachments()
    shared = _Shared(run, service, pauses, stop or threading.Event(), path, files)
    done: list[_Done] = []
    with ThreadPoolExecutor(workers, thread_name_prefix="sender") as pool:
        try:
            for future in _flown(pool, shared, batches, 2 * workers):
                done.append(future.result())
                on_progress(done[-1].settled)
        finally:
            shared.halt.set()  # after an exception: batches that wait for a thread are not begun
    reasons = [each.halted for each in done if each.halted]
    if shared.stop.is_set():
        reasons.append(finding("stopped"))
    # When one thread has a reason to stop, those that wait are stopped: its reason is the one to tell.
    halted = min(reasons, key=lambda each: each.code == "stopped", default=None)
    if halted:
        run.note([halted])
    return SendResult(sum(each.settled for each in done), sum(each.batches for each in done), halted)


def _flown(
    pool: ThreadPoolExecutor, shared: _Shared, batches: Iterable[Sequence[Planned]], most: int
) -> Iterator[Future[_Done]]:
    """Batches as they are done; at most `most` are under way or wait for a thread."""
    flying: set[Future[_Done]] = set()
    for batch in batches:
        flying.add(pool.submit(_send_batch, shared, batch))
        if len(flying) >= most:
            landed, flying = wait(flying, return_when=FIRST_COMPLETED)
            yield from landed
        if shared.over:
            break
    yield from wait(flying).done


def _send_batch(shared: _Shared, batch: Sequence[Planned]) -> _Done:
    """Send a batch, in smaller pieces where the service refuses it whole."""
    pieces = [list(batch)]
    settled = batches = 0
    statuses: set[int | None] = set()
    try:
        while pieces and not shared.over:
            piece = pieces.pop()
            result = _send_piece(shared, piece)
            batches += 1
            settled += result.size - sum(map(len, result.again))
            pieces += result.again
            statuses.add(result.refused_with)
    except _Halt as halt:
        shared.halt.set()
        return _Done(settled, batches, halt.found)
    if not shared.path and statuses and statuses <= _REFUSES_ALL and not shared.accepted and not shared.over:
        shared.halt.set()
        return _Done(settled, batches, finding("service-refuses-all", reason=f"HTTP {statuses.pop()}"))
    return _Done(settled, batches)


class _Piece(NamedTuple):
    """What became of a piece: how many documents it had in the end, what is to go again in smaller ones.

    `refused_with` is the status, when nothing was taken.
    """

    size: int = 0
    again: Sequence[list[Planned]] = ()
    refused_with: int | None = None


class _Late(Exception):  # noqa: N818 - a decision, not an error
    """The time in which a batch may leave is over, and nothing of it was taken."""


def _send_piece(shared: _Shared, piece: list[Planned]) -> _Piece:
    """Record, send, record.

    Raises:
        _Halt: the service could not be reached and nothing was taken; the documents are planned again.
    """
    ready = with_files(shared.run, shared.attachments, piece)
    if piece and not ready:
        return _Piece()
    _patiently(shared, lambda: _token(shared.service))
    try:
        batch = shared.run.begin_batch(ready)
    except Refusal as refusal:
        raise _Halt(refusal.finding) from refusal
    sent = batch.documents
    if not sent:
        return _Piece()
    try:
        heard = _patiently(shared, lambda: _post(shared, batch))
    except (_Halt, _Late) as over:
        why = f"not sent: {over}"
        shared.run.end_batch(
            batch, Answered(None, "not-sent", why, 1), [_planned(each, why) for each in sent]
        )
        if isinstance(over, _Late):
            return _Piece()
        raise
    answer = heard.answer
    said = [judge_entry(answer)] if shared.path else judge(answer, [each.billnum for each in sent])
    shared.run.end_batch(
        batch,
        Answered(answer.status, meaning(answer), answer.text, heard.tries),
        [_settlement(shared.run, *each, busy=heard.busy) for each in zip(sent, said, strict=True)],
    )
    verdicts = {each.verdict for each in said}
    shared.accepted |= Verdict.ACCEPTED in verdicts
    again = [each for each, job in zip(sent, said, strict=True) if job.verdict is Verdict.AGAIN]
    refused = verdicts <= {Verdict.AGAIN, Verdict.REFUSED}
    return _Piece(len(sent), _split(again, len(sent)), answer.status if refused else None)


def with_files(run: Run, attachments: Attachments, piece: Iterable[Planned]) -> list[Planned]:
    """The documents whose attachments are still what was checked, with these in their bodies.

    The others stay planned and `not-sent`, and the report says why.
    """
    ready: list[Planned] = []
    for each in piece:
        try:
            body = attachments.expand(each.body)
        except AttachmentChanged as changed:
            found = finding("attachment-changed", value=changed.name, billnum=each.billnum)
            run.note([found], of=each.number)
        else:
            ready.append(each if body is each.body else each._replace(body=body))
    return ready


def _post(shared: _Shared, batch: Batch) -> Answer:
    if time.monotonic() > batch.until:
        raise _Late("the time in which it might leave was over")
    bodies = [each.body for each in batch.documents]
    if shared.path:
        [body] = bodies
        return shared.service.send_entry(shared.path, body, batch.data_identifier)
    datastream = b'{"datastream":{"dataset":[%s]}}' % b",".join(bodies)
    return shared.service.send_jobs(datastream, batch.data_identifier)


def _split(again: list[Planned], of: int) -> list[list[Planned]]:
    """What goes again, as it is when the bad ones were named, else in halves to find them."""
    if len(again) < of:
        return [again] if again else []
    half = (len(again) + 1) // 2
    return [again[:half], again[half:]]


class _Heard(NamedTuple):
    answer: Answer
    tries: int
    busy: bool


def _patiently(shared: _Shared, ask: Callable[[], Answer]) -> _Heard:
    """Ask until there is an answer that decides something.

    Raises:
        _Halt: nothing was taken, and there is no sense in asking on.
    """
    busy = 0
    pauses = iter(shared.pauses)
    for tries in count(1):
        try:
            answer = ask()
        except CredentialsRefused as error:
            raise _Halt(finding("credentials-refused", reason=error)) from error
        except Unreachable as error:
            answer = Answer(None, sent=False, error=str(error))
        match meaning(answer):
            case Meaning.UNAUTHORISED:
                raise _Halt(finding("credentials-refused", reason=answer.text or "HTTP 401"))
            case Meaning.BUSY:
                busy += 1
                if busy == BUSY_TRIES:
                    raise _Halt(finding("service-busy", tries=busy))
                asked = answer.retry_after
                shared.pause(min(LONGEST_WAIT, _about(busy / 2) if asked is None else asked))
            case Meaning.UNREACHABLE:
                pause = next(pauses, None)
                if pause is None:
                    raise _Halt(finding("service-unreachable", reason=answer.text))
                shared.pause(_about(pause))
            case _:
                return _Heard(answer, tries, busy > 0)
    raise AssertionError  # count() does not end


def _token(service: Service) -> Answer:
    service.authorise()
    return Answer(201)


def _about(seconds: float) -> float:
    """A little more or less, so that the threads do not all come back at once."""
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311 - not for secrets


def _settlement(run: Run, document: Planned, said: JobAnswer, *, busy: bool) -> Settlement:
    """What a job's answer means for the document.

    `busy` is whether the same request was answered with 429 before: should that have been processed
    nevertheless, a refusal as duplicate tells.
    """
    if said.verdict is Verdict.AGAIN:
        return _planned(document, said.text)
    if said.verdict is Verdict.UNKNOWN:
        return _unknown(document, said.text)
    if said.verdict is Verdict.ACCEPTED:
        settlement = _accepted(document, "accepted by the service")
    elif said.duplicate:
        settlement = _duplicate(run, document, said, busy=busy)
    else:
        settlement = _refused(document, "refused-by-service", said.text)
    kept = said.text if said.entry is None else said.entry
    return settlement._replace(jobid=said.jobid, answer=kept_answer(run.ledger.key, kept))


def _accepted(document: Planned, why: str) -> Settlement:
    return Settlement(document.document_id, (State.ACCEPTED,), Outcome.ACCEPTED, why)


def _refused(document: Planned, code: str, answer: str) -> Settlement:
    found = finding(code, billnum=document.billnum, answer=answer)
    return Settlement(
        document.document_id, (State.REFUSED,), Outcome.REFUSED, f"refused: {answer}", found=found
    )


def _planned(document: Planned, why: str) -> Settlement:
    return Settlement(document.document_id, (State.REFUSED, State.PLANNED), Outcome.NOT_SENT, why)


def _unknown(document: Planned, why: str) -> Settlement:
    found = finding("outcome-unknown", billnum=document.billnum, why=why)
    return Settlement(document.document_id, (State.UNKNOWN,), Outcome.UNKNOWN, why, exposed=True, found=found)


def _duplicate(run: Run, document: Planned, said: JobAnswer, *, busy: bool) -> Settlement:
    """For a bill number that the service already has: ours, if an earlier attempt may have brought it."""
    contents = exposed_contents(run.ledger, document.document_id, also_current=busy)
    if not contents:
        return _refused(document, "refused-as-duplicate", said.text)
    if len(contents) > 1:
        return _unknown(document, "the service has this number, but more than one content was tried")
    accepted = _accepted(document, "the service already has it: an earlier attempt was accepted")
    content = contents[0]
    if content.current:
        return accepted
    changes = "; ".join(differences(content.columns["payload"], content.planned_payload))
    found = finding("accepted-with-earlier-content", billnum=document.billnum, differences=changes)
    return accepted._replace(outcome=Outcome.CONFLICT, version=content.columns, found=found)
