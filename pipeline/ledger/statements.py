"""The statements of every batch, built once: SQLAlchemy takes longer to build one than SQLite to execute it.

Each `…_NAMES` are its parameters in the order in which SQLite takes them (`database.execute_rows`).
"""

from __future__ import annotations

from sqlalchemy import bindparam, func, insert, literal_column, update

from pipeline.document import Outcome
from pipeline.ledger import tables
from pipeline.ledger.states import State

_document, _invoice = tables.document.c, tables.invoice.c
BEGUN = (
    insert(tables.batch)
    .values({name: bindparam(name) for name in ("run_id", "data_identifier", "attempt", "size", "sent")})
    .returning(tables.batch.c.id)
)
SENDING = (
    update(tables.document)
    .where(
        _document.id == bindparam("key"),
        _document.state == literal_column(f"'{State.PLANNED}'"),
        _document.run_id == bindparam("of_run"),
    )
    .values(
        state=literal_column(f"'{State.SENDING}'"),
        batch_id=bindparam("in_batch"),
        attempt=_document.attempt + literal_column("1"),
        updated=bindparam("at"),
        changed_by=bindparam("by_run"),
        reason=bindparam("why"),
    )
)
SENDING_NAMES = ("in_batch", "at", "by_run", "why", "key", "of_run")
MAYBE_SENT = (
    update(tables.invoice)
    .where(_invoice.run_id == bindparam("of_run"), _invoice.number == bindparam("key"))
    .values(outcome=literal_column(f"'{Outcome.UNKNOWN}'"))
)
MAYBE_SENT_NAMES = ("of_run", "key")
ANSWERED = (
    update(tables.batch)
    .where(tables.batch.c.id == bindparam("key"))
    .values(
        {name: bindparam(f"new_{name}") for name in ("answered", "status", "meaning", "answer", "attempt")}
    )
)
SETTLED = (
    update(tables.document)
    .where(_document.id == bindparam("key"))
    .values(
        state=bindparam("to_state"),
        exposed=_document.exposed.op("|")(bindparam("exposes")),
        jobid=func.coalesce(bindparam("new_jobid"), _document.jobid),
        answer=func.coalesce(bindparam("new_answer"), _document.answer),
        updated=bindparam("at"),
        changed_by=bindparam("by_run"),
        reason=bindparam("why"),
    )
)
SETTLED_NAMES = ("to_state", "exposes", "new_jobid", "new_answer", "at", "by_run", "why", "key")
ENDED = (
    update(tables.invoice)
    .where(_invoice.run_id == bindparam("of_run"), _invoice.document_id == bindparam("key"))
    .values(outcome=bindparam("to_outcome"))
)
ENDED_NAMES = ("to_outcome", "of_run", "key")
