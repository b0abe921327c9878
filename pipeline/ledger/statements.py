"""The statements of every batch, built once: SQLAlchemy takes longer to build one than SQLite to execute it.

Each `…_NAMES` are its parameters in the order in which SQLite takes them (`database.execute_rows`). `keys` is
a JSON list: what is the same for many rows is one statement, in two thirds of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import String, bindparam, func, insert, literal_column, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from pipeline.document import Outcome
from pipeline.ledger import tables
from pipeline.ledger.states import State

_document, _invoice = tables.document.c, tables.invoice.c
_KEYS = bindparam("keys", type_=String())


class _Among(FunctionElement[Any]):
    """Whether a column of numbers is in a JSON list of them.

    It has no type: a Boolean would be compared with 1, and SQLite look through the whole table.
    """

    name = "among"
    inherit_cache = True


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: Any, **_: Any) -> str:
    column, keys = map(compiler.process, element.clauses)
    return f"{column} IN (SELECT value FROM json_each({keys}))"  # noqa: S608 - made of our own


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: Any, **_: Any) -> str:
    # An array, not a table: for that it would look through all of a run, having no statistics.
    column, keys = map(compiler.process, element.clauses)
    return f"{column} = ANY (CAST(translate({keys}, '[]', '{{}}') AS bigint[]))"


BEGUN = (
    insert(tables.batch)
    .values({name: bindparam(name) for name in ("run_id", "data_identifier", "attempt", "size", "sent")})
    .returning(tables.batch.c.id)
)
SENDING = (
    update(tables.document)
    .where(
        _Among(_document.id, _KEYS),
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
SENDING_NAMES = ("in_batch", "at", "by_run", "why", "keys", "of_run")
MAYBE_SENT = (
    update(tables.invoice)
    .where(_invoice.run_id == bindparam("of_run"), _Among(_invoice.number, _KEYS))
    .values(outcome=literal_column(f"'{Outcome.UNKNOWN}'"))
)
MAYBE_SENT_NAMES = ("of_run", "keys")
ANSWERED = (
    update(tables.batch)
    .where(tables.batch.c.id == bindparam("key"))
    .values(
        {name: bindparam(f"new_{name}") for name in ("answered", "status", "meaning", "answer", "attempt")}
    )
)
SETTLED = (
    update(tables.document)
    .where(_Among(_document.id, _KEYS))
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
SETTLED_NAMES = ("to_state", "exposes", "new_jobid", "new_answer", "at", "by_run", "why", "keys")
ENDED = (
    update(tables.invoice)
    .where(_invoice.run_id == bindparam("of_run"), _Among(_invoice.document_id, _KEYS))
    .values(outcome=bindparam("to_outcome"))
)
ENDED_NAMES = ("to_outcome", "of_run", "keys")


def alike(rows: Iterable[tuple[int, tuple[Any, ...]]]) -> list[tuple[str, tuple[Any, ...]]]:
    """Keys, each with what is to be said of it, as JSON lists of those of which the same is to be said."""
    keys: dict[tuple[Any, ...], list[int]] = {}
    for key, said in rows:
        keys.setdefault(said, []).append(key)
    return [(listed(each), said) for said, each in keys.items()]


def listed(keys: Sequence[int]) -> str:
    """The JSON list that `keys` of a statement takes."""
    return orjson.dumps(keys).decode()
