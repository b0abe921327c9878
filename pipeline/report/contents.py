"""What the page shows of an invoice beside its line: its content, the request it went with, its findings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, and_, case, null, or_, select

from pipeline.document import Outcome
from pipeline.findings import Finding
from pipeline.ledger import tables
from pipeline.ledger.content import GUARD
from pipeline.ledger.life import lives
from pipeline.report.columns import Columns, Contents
from pipeline.report.read import (
    FINDING,
    WITH_THE_SERVICE,
    Beside,
    InvoiceLine,
    RunFacts,
    invoice_columns,
    invoice_query,
    masked,
    recorded_finding,
    unexplained,
)

_STAYS = (Outcome.ACCEPTED, Outcome.ALREADY_ACCEPTED, Outcome.CONFLICT, Outcome.UNKNOWN)
"""Outcomes whose document was sent, so that no later run gave it other content."""


class Aside(NamedTuple):
    """Rows of a table that were set aside for a reason: how many, and the first of them as ranges."""

    reason: str
    rows: int
    first: list[list[int]]


def contents(connection: Connection, run: RunFacts) -> Iterator[Contents]:
    """All invoices of the run, in the order of the export, some at a time."""
    found, later = Beside(_findings(connection, run)), Beside(lives(connection, run.id))
    query = invoice_query(run, *_content_columns()).outerjoin(
        tables.content, tables.content.c.document_id == tables.document.c.id
    )
    for rows in connection.execute(query).partitions():
        numbers = [row[0] for row in rows]
        findings = [found.of(number) or [] for number in numbers]
        *columns, payloads, guarded, batch = zip(*rows, strict=True)
        lines = invoice_columns(columns, findings, [later.of(number) for number in numbers])
        _explain(run, lines, findings)
        sent = [
            f'{{"{GUARD}":"1",{payload[1:]}' if guard and payload else payload
            for payload, guard in zip(payloads, guarded, strict=True)
        ]
        yield Contents(lines, sent, batch, findings)


def _explain(run: RunFacts, lines: Columns, findings: list[list[Finding]]) -> None:
    """Add what is to be said of invoices that no recorded finding explains."""
    for at, (outcome, life) in enumerate(zip(lines.outcome, lines.life, strict=True)):
        if life or outcome not in WITH_THE_SERVICE:  # of others `unexplained` has nothing to say
            line = InvoiceLine(*next(lines.part(at, at + 1).fields()))
            if said := unexplained(run, line):
                line.codes.append(said.code)
                findings[at] = [*findings[at], said]


def batches(connection: Connection, run: RunFacts) -> dict[int, dict[str, Any]]:
    """The requests that the run's invoices went with, by id; the body only of an answer that was no yes."""
    invoice, document, batch = tables.invoice.c, tables.document.c, tables.batch.c
    of_run = (
        select(document.batch_id)
        .join(tables.invoice, document.id == invoice.document_id)
        .where(invoice.run_id == run.id)
    )
    query = select(
        batch.id, batch.data_identifier, batch.sent, batch.status, batch.meaning,
        case((batch.status.between(200, 299), null()), else_=batch.answer),
    ).where(batch.id.in_(of_run)).order_by(batch.id)  # fmt: skip
    names = ("name", "sent", "status", "meaning", "answer")
    return {key: masked(dict(zip(names, rest, strict=True))) for key, *rest in connection.execute(query)}


def asides(connection: Connection, run: RunFacts) -> dict[int, list[Aside]]:
    """The rows set aside, by source number."""
    aside = tables.aside.c
    query = (
        select(aside.source, aside.reason, aside.rows, aside.first_rows)
        .where(aside.run_id == run.id)
        .order_by(aside.source, aside.reason)
    )
    found: dict[int, list[Aside]] = {}
    for source, reason, rows, first in connection.execute(query):
        found.setdefault(source, []).append(Aside(reason, rows, orjson.loads(first)))
    return found


def _content_columns() -> tuple[ColumnElement[Any], ...]:
    """Payload, whether it went with the guard, and batch."""
    invoice, document = tables.invoice.c, tables.document.c
    own = document.run_id == invoice.run_id
    of_this_content = or_(own, invoice.outcome.in_(_STAYS))
    in_batch = and_(of_this_content, invoice.outcome != Outcome.CONFLICT)
    return (
        case((of_this_content, tables.content.c.payload), else_=null()),
        document.guarded,
        case((in_batch, document.batch_id), else_=null()),
    )


def _findings(connection: Connection, run: RunFacts) -> Iterator[tuple[int, list[Finding]]]:
    """The findings of each invoice that has any."""
    found = tables.finding.c
    query = (
        select(found.invoice_number, *FINDING)
        .where(found.run_id == run.id, found.invoice_number.is_not(None))
        .order_by(found.invoice_number, found.number)
    )
    for number, rows in groupby(connection.execute(query), key=itemgetter(0)):
        yield number, [recorded_finding(row[1:]) for row in rows]
