"""What the service told of invoices after it accepted them, kept durably: question, raw answer, updates.

The bare question consumes what it is answered with. So that it is asked is committed first, and the answer
is committed whole, with what it was taken to mean, before the next question: whatever is lost is known to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, case, func, insert, or_, select, update

from pipeline.document import JOBS, Outcome
from pipeline.ledger import tables
from pipeline.ledger.clock import now
from pipeline.ledger.life import DAY, Stage, Update, life_of, lives
from pipeline.ledger.run import Run
from pipeline.ledger.states import State

MOST = 1000
"""Changes that an answer holds at most (`ropo-one-api.md`, status changes): beyond them may be more."""

_answer, _update, _document, _invoice = (
    table.c for table in (tables.status_answer, tables.status_update, tables.document, tables.invoice)
)


class Heard(NamedTuple):
    """What came back: HTTP status, its body without identity codes, its entries (None: unreadable)."""

    status: int | None
    body: str | None
    entries: int | None
    updates: Sequence[Update] = ()
    lost: bool = False


class Recorded(NamedTuple):
    """How many updates were new, were known before, and are of no job that the ledger knows for certain."""

    new: int
    known: int
    elsewhere: int


def ask(run: Run, question: str) -> int:
    """Record durably that the service is about to be asked; returns the number of the answer to come.

    Args:
        run: the run that asks.
        question: `date=…` or `billnum=…`; empty for all changes not yet read, which counts as lost until
            its answer is recorded.
    """
    row = {"run_id": run.id, "question": question, "asked": now(), "lost": int(not question)}
    with run.ledger.writing() as connection:
        answer = insert(tables.status_answer).values(row).returning(_answer.id)
        return int(connection.scalars(answer).one())


def record(run: Run, number: int, heard: Heard) -> Recorded:
    """Record durably what came back and what it tells of invoices, in one transaction.

    An update that the ledger has already changes nothing. Each invoice with a new one becomes one of the
    run's, so that its report tells of it.
    """
    with run.ledger.writing() as connection:
        connection.execute(
            update(tables.status_answer)
            .where(_answer.id == number)
            .values(
                answered=now(),
                status=heard.status,
                updates=heard.entries,
                body=heard.body,
                lost=int(heard.lost),
            )
        )
        owners = _owners(connection, run, heard.updates)
        found = {
            (owner, each.at, each.stage.value, each.words)
            for each, owner in zip(heard.updates, owners, strict=True)
            if owner is not None
        }
        which = select(_update.document_id, _update.at, _update.stage, _update.words).where(
            _update.document_id.in_({owner for owner, *_ in found})
        )
        new = sorted(found - {tuple(row) for row in connection.execute(which)})
        names = ("document_id", "at", "stage", "words")
        if new:
            rows = [{**dict(zip(names, each, strict=True)), "answer_id": number} for each in new]
            connection.execute(insert(tables.status_update), rows)
            _take_in(connection, run, sorted({owner for owner, *_ in new}))
    elsewhere = owners.count(None)
    return Recorded(len(new), len(owners) - elsewhere - len(new), elsewhere)


def take_in_untold(run: Run) -> int:
    """Make refusals that no report has told of yet the run's own; returns how many invoices it tells of.

    An earlier run may have recorded one and died before its report.
    """
    refused = _of_customer(select(_update.document_id).distinct(), run).where(
        _update.stage == Stage.REFUSED.value, _update.told.is_(None)
    )
    with run.ledger.writing() as connection:
        ids = connection.scalars(refused).all()
        standing = [each for each in ids if _stage(connection, each) is Stage.REFUSED]
        _take_in(connection, run, standing)
        return sum(life.stage is Stage.REFUSED for _, life in lives(connection, run.id))


def mark_told(run: Run) -> None:
    """Record that the report of the run has told of the refusals in it."""
    mine = select(_invoice.document_id).where(_invoice.run_id == run.id)
    with run.ledger.writing() as connection:
        connection.execute(
            update(tables.status_update)
            .where(
                _update.stage == Stage.REFUSED.value, _update.told.is_(None), _update.document_id.in_(mine)
            )
            .values(told=run.id)
        )


def lost_since(run: Run) -> str | None:
    """The first day whose changes may be consumed and not recorded; None if there is none.

    Lost is what was asked for bare and has no recorded answer. It is found again when every day from the
    last good answer before it to its own has been asked for by date since, and answered in full. Both
    ends are a day longer than need be, since the service's days may begin before ours, which are UTC.
    """
    with run.ledger.writing() as connection:
        rows = connection.execute(
            _asked(select(_answer.id, _answer.asked), run).where(_answer.lost == 1).order_by(_answer.id)
        ).all()
        since: list[str] = []
        for number, asked in rows:
            first = _last_good(connection, run, number)
            days = _asked(select(_answer.question), run).where(
                _answer.id > number, _answer.question.like("date=%"), _answer.updates < MOST
            )
            found = {question.removeprefix("date=") for question in connection.scalars(days)}
            if set(_days(first, asked[:DAY])) <= found:
                connection.execute(update(tables.status_answer).where(_answer.id == number).values(lost=0))
            else:
                since.append(first)
    return min(since, default=None)


def _last_good(connection: Connection, run: Run, before: int) -> str:
    """The day before that of the last bare answer that is recorded; else of the customer's first run."""
    asked = connection.scalar(
        _asked(select(func.max(_answer.asked)), run).where(
            _answer.id < before, _answer.question == "", _answer.updates.is_not(None)
        )
    )
    first = select(func.min(tables.run.c.started)).where(
        tables.run.c.environment == run.environment, tables.run.c.cid == run.cid
    )
    known = asked or connection.scalars(first).one()
    return (date.fromisoformat(known[:DAY]) - timedelta(days=1)).isoformat()


def _days(first: str, last: str) -> Iterable[str]:
    start = date.fromisoformat(first)
    for day in range((date.fromisoformat(last) - start).days + 1):
        yield (start + timedelta(days=day)).isoformat()


def _asked(statement: Select[Any], run: Run) -> Select[Any]:
    """Of the answers, those to questions for the run's customer."""
    return statement.join(tables.run, tables.run.c.id == _answer.run_id).where(
        tables.run.c.environment == run.environment, tables.run.c.cid == run.cid
    )


def _of_customer(statement: Select[Any], run: Run) -> Select[Any]:
    """Of the updates, those of documents of the run's customer."""
    return statement.join(tables.document, _document.id == _update.document_id).where(
        _document.environment == run.environment, _document.cid == run.cid
    )


def _owners(connection: Connection, run: Run, updates: Sequence[Update]) -> list[int | None]:
    """The document of each update, where there is exactly one that it can be.

    Only what may be with the service counts. The job id decides; the bill number where a document has no
    job id to compare (answers that only count tell none), or the update has none.
    """
    rows = connection.execute(
        select(_document.id, _document.jobid, _document.billnum).where(
            _document.environment == run.environment,
            _document.cid == run.cid,
            _document.kind.in_(JOBS),
            or_(
                _document.jobid.in_({each.jobid for each in updates if each.jobid}),
                _document.billnum.in_({each.billnum for each in updates if each.billnum}),
            ),
            or_(
                _document.state.in_([State.ACCEPTED.value, State.UNKNOWN.value, State.SENDING.value]),
                _document.exposed == 1,
            ),
        )
    ).all()
    by_jobid: dict[str, list[int]] = {}
    by_billnum: dict[str, list[tuple[int, str | None]]] = {}
    for number, jobid, billnum in rows:
        by_jobid.setdefault(jobid or "", []).append(number)
        by_billnum.setdefault(billnum or "", []).append((number, jobid))

    def owner(told: Update) -> int | None:
        found = by_jobid.get(told.jobid, []) if told.jobid else []
        if not found and told.billnum:
            named = by_billnum.get(told.billnum, [])
            found = [number for number, jobid in named if jobid is None or told.jobid is None]
        return found[0] if len(found) == 1 else None

    return [owner(each) for each in updates]


def _take_in(connection: Connection, run: Run, ids: Sequence[int]) -> None:
    """Give the run an invoice for each of the documents, as the ledger has it now."""
    if not ids:
        return
    run.adopt(connection, ids)
    state = select(_document.state).where(_document.id == _invoice.document_id).scalar_subquery()
    outcome = case(
        (state == State.ACCEPTED.value, Outcome.ALREADY_ACCEPTED.value), else_=Outcome.UNKNOWN.value
    )
    connection.execute(
        update(tables.invoice)
        .where(_invoice.run_id == run.id, _invoice.document_id.in_(ids))
        .values(outcome=outcome)
    )


def _stage(connection: Connection, document_id: int) -> Stage | None:
    query = select(_update.at, _update.stage, _update.words).where(_update.document_id == document_id)
    life = life_of((at, stage, words) for at, stage, words in connection.execute(query))
    return life.stage if life else None
