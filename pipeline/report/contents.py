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
from pipeline.report.read import (
    FINDING,
    Beside,
    InvoiceLine,
    RunFacts,
    invoice_line,
    invoice_query,
    masked,
    recorded_finding,
    unexplained,
)

_STAYS = (Outcome.ACCEPTED, Outcome.ALREADY_ACCEPTED, Outcome.CONFLICT, Outcome.UNKNOWN)
"""Outcomes whose document was sent, so that no later run gave it other content."""


class Content(NamedTuple):
    """An invoice with what is kept of it.

    `sent` is the JSON of its dataset as it was or would have been sent, but for personal identity codes
    and attached files, of which it has hashes; of a conflict that of the one sent before. None when it
    is not kept. `batch` is the id of the request that it last went with.
    """

    line: InvoiceLine
    sent: str | None
    batch: int | None
    findings: list[Finding]


class Aside(NamedTuple):
    """Rows of a table that were set aside for a reason: how many, and the first of them as ranges."""

    reason: str
    rows: int
    first: list[list[int]]


def contents(connection: Connection, run: RunFacts) -> Iterator[Content]:
    """Every invoice of the run, in the order of the export."""
    found, later = Beside(_findings(connection, run)), Beside(lives(connection, run.id))
    query = invoice_query(run, *_content_columns()).outerjoin(
        tables.content, tables.content.c.document_id == tables.document.c.id
    )
    for row in connection.execute(query):
        findings = found.of(row[0]) or []
        line = invoice_line(row, [(each.code, each.severity) for each in findings], later.of(row[0]))
        if said := unexplained(run, line):
            line.codes.append(said.code)
            findings = [*findings, said]
        payload, guarded, batch = row[-3:]
        sent = f'{{"{GUARD}":"1",{payload[1:]}' if payload and guarded else payload
        yield Content(line, sent, batch, findings)


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
