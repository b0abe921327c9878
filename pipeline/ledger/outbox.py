"""Planned documents that any sender may claim: the only place where the ledger has what is really sent.

A document lies here from `plan` until it is settled what became of it; personal identity codes too, since
they have to be sent. One whose outcome is unknown stays: should it turn out that it may go again, it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Select, bindparam, delete, func, select

from pipeline.ledger import tables
from pipeline.ledger.database import execute_rows, insert_rows
from pipeline.ledger.states import State

if TYPE_CHECKING:
    from pipeline.ledger.plan import Planned
    from pipeline.ledger.run import Run

_AT_ONCE = 2_000
_LARGEST = 8_000_000  # bytes written at once, where documents have attachments

_outbox, _document = tables.outbox.c, tables.document.c
_RELEASED = delete(tables.outbox).where(_outbox.document_id == bindparam("key"))
_COLUMNS = ("document_id", "environment", "cid", "late", "run_id", "number", "size", "body")


def put(run: Run, documents: Iterable[Planned], *, late: bool) -> int:
    """Put documents that the run has planned into the outbox; returns how many.

    Args:
        run: it holds the ledger for planning.
        documents: with whole bodies, attachments too: a sender has no files.
        late: they are claimed after all that is not late.
    """
    count = size = 0
    rows: list[tuple[Any, ...]] = []
    for each in chain(documents, [None]):
        if rows and (each is None or len(rows) == _AT_ONCE or size > _LARGEST):
            with run.ledger.writing() as connection:
                insert_rows(connection, tables.outbox, _COLUMNS, rows)
            count, size = count + len(rows), 0
            rows.clear()
        if each is not None:
            body = each.body
            of = (each.document_id, run.environment, run.cid, int(late), run.id, each.number)
            rows.append((*of, len(body), body))
            size += len(body)
    return count


def release(connection: Connection, ids: Iterable[int]) -> None:
    """Take documents out: they are settled, or planned anew."""
    execute_rows(connection, _RELEASED, ("key",), [(each,) for each in ids])


def planners(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Which run planned each of the documents that lie in the outbox."""
    which = select(_outbox.document_id, _outbox.run_id).where(_outbox.document_id.in_(ids))
    return {row.document_id: row.run_id for row in connection.execute(which)}


def of_customer(environment: str, cid: str) -> Select[tuple[int]]:
    """A customer's documents in the outbox, with their states to ask for."""
    return (
        select(_outbox.document_id)
        .join(tables.document, _document.id == _outbox.document_id)
        .where(_outbox.environment == environment, _outbox.cid == cid)
    )


def waiting(engine: Engine, environment: str, cid: str) -> int:
    """How many of a customer's documents in the outbox are planned."""
    statement = of_customer(environment, cid).where(_document.state == State.PLANNED.value)
    with engine.connect() as connection:
        return connection.scalar(statement.with_only_columns(func.count())) or 0


def forget(connection: Connection, before: str) -> None:
    """Take out what was planned before a day and still is: its file has to be planned again."""
    old = (
        select(_outbox.document_id)
        .join(tables.document, _document.id == _outbox.document_id)
        .where(_document.state == State.PLANNED.value, _document.updated < before)
        .with_for_update(skip_locked=True, of=[tables.outbox, tables.document])
    )
    release(connection, connection.scalars(old).all())
