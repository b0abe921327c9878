"""Looking back: all that ever happened to a bill number; and forgetting what need not be kept."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import and_, delete, or_, select, update

from pipeline.ledger import outbox, tables
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.states import State

_SHOWN = (
    "id", "environment", "cid", "kind", "identity", "billnum", "jobtype", "state", "content_hash", "guarded",
    "net", "vat", "total", "billdate", "attempt", "jobid", "answer", "updated", "reason",
)  # fmt: skip

_FORGOTTEN = {"payload": None, "custnum": None}  # of an earlier content


def history(ledger: Ledger, billnum: str) -> list[dict[str, Any]]:
    """Everything that ever happened to a bill number, in every environment.

    Args:
        ledger: the ledger.
        billnum: the number; for a document without one, its identity (`#` and a hash).

    Returns:
        A dict a document, its columns and three lists: `events`, oldest first, each with the run that
        caused it and the batch that it was in; `runs`, the runs that read it, with the outcome and the
        rows in each; `updates`, what the service told of it later, by the service's date.
    """
    document, event, run = tables.document.c, tables.event, tables.run
    batch, invoice = tables.batch, tables.invoice
    which = (
        select(*(document[name] for name in _SHOWN))
        .where(or_(document.billnum == billnum, document.identity == billnum))
        .order_by(document.environment, document.cid, document.id)
    )
    events = (
        select(
            event.c.at, event.c.from_state, event.c.to_state, event.c.detail, event.c.run_id, run.c.command,
            batch.c.data_identifier, batch.c.sent, batch.c.answered, batch.c.status, batch.c.meaning,
            batch.c.answer,
        )
        .join(run, run.c.id == event.c.run_id)
        .outerjoin(batch, batch.c.id == event.c.batch_id)
        .order_by(event.c.id)
    )  # fmt: skip
    runs = (
        select(
            invoice.c.run_id, run.c.command, run.c.started, invoice.c.outcome, invoice.c.total, invoice.c.rows
        )
        .join(run, run.c.id == invoice.c.run_id)
        .order_by(run.c.started, run.c.id)
    )
    told, answer = tables.status_update, tables.status_answer
    updates = (
        select(told.c.at, told.c.stage, told.c.words, answer.c.answered)
        .join(answer, answer.c.id == told.c.answer_id)
        .order_by(told.c.at, told.c.id)
    )
    with ledger.engine.connect() as connection:
        return [
            {
                **row,
                "updates": [
                    dict(each)
                    for each in connection.execute(updates.where(told.c.document_id == row["id"])).mappings()
                ],
                "events": [
                    dict(each)
                    for each in connection.execute(events.where(event.c.document_id == row["id"])).mappings()
                ],
                "runs": [
                    dict(each)
                    for each in connection.execute(runs.where(invoice.c.document_id == row["id"])).mappings()
                ],
            }
            for row in connection.execute(which).mappings().all()
        ]


def purge(ledger: Ledger, before: str) -> int:
    """Forget the contents of what ended before a day; keep the proof: hashes, numbers, sums, rows, events.

    Args:
        ledger: the ledger.
        before: an ISO date, in UTC.

    Returns:
        How many documents lost their payload. Those whose outcome is unknown keep it.
    """
    document, content = tables.document, tables.content
    invoice, finding = tables.invoice, tables.finding
    runs = select(tables.run.c.id).where(tables.run.c.started < before)
    ended = [State.ACCEPTED.value, State.REFUSED.value, State.PLANNED.value]
    with ledger.writing() as connection:
        over = and_(document.c.updated < before, document.c.state.in_(ended))
        said = select(content.c.document_id)
        connection.execute(
            update(document).where(over, document.c.id.in_(said)).values(custnum=None, answer=None)
        )
        purged = connection.execute(
            delete(content).where(content.c.document_id.in_(select(document.c.id).where(over)))
        ).rowcount
        connection.execute(
            update(document)
            .where(document.c.updated < before, document.c.state == State.ACCEPTED.value)
            .values(earlier=None)
        )
        for key, earlier in connection.execute(
            select(document.c.id, document.c.earlier).where(over, document.c.earlier.is_not(None))
        ).all():
            kept = orjson.dumps([each | _FORGOTTEN for each in orjson.loads(earlier)]).decode()
            connection.execute(update(document).where(document.c.id == key).values(earlier=kept))
        connection.execute(update(tables.batch).where(tables.batch.c.sent < before).values(answer=None))
        answer = tables.status_answer
        connection.execute(update(answer).where(answer.c.asked < before).values(body=None))
        connection.execute(update(invoice).where(invoice.c.run_id.in_(runs)).values(customer=None))
        connection.execute(
            update(finding).where(finding.c.run_id.in_(runs)).values(value=None, message="(removed by purge)")
        )
        outbox.forget(connection, before)
    ledger.database.forget(ledger.engine)
    return purged
