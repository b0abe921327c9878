"""Reads a run back from the ledger, as a stream: nothing here grows with the number of invoices."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import orjson
from sqlalchemy import URL, ColumnElement, Connection, Engine, Row, and_, case, func, null, or_, select

from pipeline.document import Outcome
from pipeline.findings import Finding, Place, Severity, finding
from pipeline.ledger import tables
from pipeline.ledger.life import Life, Stage, lives
from pipeline.ledger.states import State
from pipeline.privacy import mask

CHUNK = 2_000
"""How many rows are fetched at a time."""

_SECRET_PARAMETERS = frozenset({"password", "passwd", "sslpassword"})
_OWN_ANSWER = (Outcome.ACCEPTED, Outcome.ALREADY_ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN)
"""Outcomes whose document in the ledger is this invoice; in a conflict it is the one sent before."""

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}

_UNEXPLAINED = {
    Outcome.REFUSED: "refused-by-service",
    Outcome.UNKNOWN: "outcome-unknown",
    Outcome.NOT_SENT: "not-sent",
    Outcome.CONFLICT: "sent-with-other-content",
    Outcome.INVALID: "invalid-unexplained",
}


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the ledger knows of the run itself.

    `facts` is what the run recorded when it began (version, country, base_url, inputs, options …),
    `sources` how each table was understood, by source number, `counted` what was counted while
    reading and grouping (rows_read, invoices, net, vat, total); empty if the run never came so far.
    `ledger` is the ledger's URL without its password.
    """

    id: str
    command: str
    environment: str
    started: str
    finished: str | None
    exit_code: int | None
    facts: dict[str, Any]
    sources: list[dict[str, Any]]
    counted: dict[str, Any]
    ledger: str

    @property
    def only_checked(self) -> bool:
        """Whether the command is one that never sends."""
        return self.command == "check"

    def where(self, source: int) -> tuple[str | None, str | None]:
        """File and sheet of a source; a run that died early may not have told."""
        described = self.sources[source] if source < len(self.sources) else {}
        return described.get("file"), described.get("sheet")


class InvoiceLine(NamedTuple):
    """One invoice of a run. `rows` are [source number, first row, last row]; sums are decimal text."""

    number: int
    kind: str
    billnum: str | None
    jobtype: str | None
    customer: str | None
    billdate: str | None
    outcome: Outcome
    net: str
    vat: str
    total: str
    rows: list[list[int]]
    jobid: str | None
    answer: Any
    codes: list[str]
    explained: bool
    life: Life | None = None


class Remark(NamedTuple):
    """A finding with the invoice it concerns (all None when it concerns a file)."""

    finding: Finding
    invoice: int | None
    customer: str | None
    outcome: Outcome | None


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that reads in chunks and sees the ledger at one moment, however long that takes.

    The ledger's engine begins a transaction at the first read; SQLite keeps what it sees until its end.
    """
    with engine.connect() as connection:
        yield connection.execution_options(yield_per=CHUNK)


def run_facts(connection: Connection, run_id: str) -> RunFacts:
    """The run itself.

    Raises:
        KeyError: the ledger has no run of that id.
    """
    row = connection.execute(select(tables.run).where(tables.run.c.id == run_id)).one_or_none()
    if row is None:
        raise KeyError(run_id)
    return RunFacts(
        row.id,
        row.command,
        row.environment,
        row.started,
        row.finished,
        row.exit_code,
        masked(orjson.loads(row.facts)),
        masked(orjson.loads(row.sources or b"[]")),
        orjson.loads(row.totals or b"{}"),
        shown_url(connection.engine.url),
    )


def rows_aside(connection: Connection, run_id: str) -> dict[str, int]:
    """How many rows were set aside, by reason."""
    aside = tables.aside
    query = select(aside.c.reason, func.sum(aside.c.rows)).where(aside.c.run_id == run_id)
    rows = connection.execute(query.group_by(aside.c.reason).order_by(aside.c.reason))
    return {reason: int(count) for reason, count in rows}


def invoices(
    connection: Connection, run: RunFacts, outcomes: Collection[Outcome] = tuple(Outcome)
) -> Iterator[InvoiceLine]:
    """The run's invoices of those outcomes with the codes of their findings, in the order of the export."""
    for line in _invoice_lines(connection, run, outcomes):
        said = unexplained(run, line)
        yield line._replace(codes=[*line.codes, said.code]) if said else line


def remarks(connection: Connection, run: RunFacts) -> Iterator[Remark]:
    """Every finding: those recorded, in the order of the run, then those of unexplained invoices.

    Unexplained are invoices that are not with the service though no recorded error tells why.
    """
    recorded, invoice = tables.finding, tables.invoice
    same = and_(invoice.c.run_id == recorded.c.run_id, invoice.c.number == recorded.c.invoice_number)
    query = (
        select(recorded, invoice.c.customer, invoice.c.outcome)
        .select_from(recorded.outerjoin(invoice, same))
        .where(recorded.c.run_id == run.id)
        .order_by(recorded.c.number)
    )
    for row in connection.execute(query):
        outcome = Outcome(row.outcome) if row.outcome else None
        yield Remark(recorded_finding(row), row.invoice_number, _masked(row.customer), outcome)
    for line in _invoice_lines(connection, run, _UNEXPLAINED, or_refused_later=True):
        if said := unexplained(run, line):
            yield Remark(said, line.number, line.customer, line.outcome)


def recorded_finding(row: Row[Any]) -> Finding:
    """The finding in a row of the table `finding`."""
    place = Place(_masked(row.file), _masked(row.sheet), row.row, _masked(row.column), row.cell)
    texts = (_masked(row.field), _masked(row.value), mask(row.message), mask(row.remedy), row.billnum)
    return Finding(row.code, Severity(row.severity), place, *texts)


def _first_place(run: RunFacts, line: InvoiceLine) -> Place:
    """Where the invoice's first row lies."""
    if not line.rows:
        return Place()
    source, row, _ = line.rows[0]
    return Place(*run.where(source), row)


def answer_text(answer: Any) -> str:
    """The service's answer in one line, whatever its shape: `error: Bad postcode; jobid: 12`."""
    if isinstance(answer, dict):
        return "; ".join(
            f"{name}: {answer_text(part)}" for name, part in answer.items() if part not in (None, "", [], {})
        )
    if isinstance(answer, list):
        return ", ".join(answer_text(part) for part in answer)
    return "" if answer is None else str(answer)


def shown_url(url: URL) -> str:
    """A database's URL without its password, wherever it stands in it."""
    return url.difference_update_query(_SECRET_PARAMETERS).render_as_string(hide_password=True)


def masked(value: Any) -> Any:
    """The JSON value with every personal identity code in its texts replaced by words."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [masked(part) for part in value]
    if isinstance(value, dict):
        return {mask(name): masked(part) for name, part in value.items()}
    return value


def _masked(text: str | None) -> str | None:
    return None if text is None else mask(text)


def _invoice_lines(
    connection: Connection, run: RunFacts, outcomes: Collection[Outcome], *, or_refused_later: bool = False
) -> Iterator[InvoiceLine]:
    invoice, document = tables.invoice.c, tables.document.c
    # A run that died while it was sending left these behind; what the service has is not known.
    left_behind = and_(
        invoice.outcome == Outcome.NOT_SENT,
        document.state == State.SENDING,
        document.run_id == invoice.run_id,
    )
    outcome = case((left_behind, Outcome.UNKNOWN.value), else_=invoice.outcome)
    own = outcome.in_(_OWN_ANSWER)
    wanted: ColumnElement[bool] = outcome.in_(outcomes)
    if or_refused_later:
        told = tables.status_update.c
        refused = select(told.document_id).where(told.stage == Stage.REFUSED.value)
        wanted = or_(wanted, invoice.document_id.in_(refused))
    query = (
        select(
            *(invoice.number, invoice.kind, invoice.billnum, invoice.jobtype, invoice.customer),
            *(invoice.billdate, outcome, invoice.net, invoice.vat, invoice.total, invoice.rows),
            *(case((own, document.jobid), else_=null()), case((own, document.answer), else_=null())),
        )
        .select_from(tables.invoice.outerjoin(tables.document, document.id == invoice.document_id))
        .where(invoice.run_id == run.id, wanted)
        .order_by(invoice.number)
    )
    found = _codes(connection, run)
    waiting = next(found, None)
    later = lives(connection, run.id)
    next_life = next(later, None)
    for row in connection.execute(query):
        number, kind, billnum, jobtype, customer, billdate, ended, net, vat, total, rows, jobid, answer = row
        while waiting and waiting[0] < number:
            waiting = next(found, None)
        while next_life and next_life[0] < number:
            next_life = next(later, None)
        is_heard_of = next_life and next_life[0] == number and _OUTCOMES[ended] in _OWN_ANSWER
        _, codes, explained = waiting if waiting and waiting[0] == number else (0, [], False)
        yield InvoiceLine(
            *(number, kind, billnum, jobtype, _masked(customer), billdate, _OUTCOMES[ended]),
            *(net, vat, total, orjson.loads(rows)),
            *(jobid, answer and masked(orjson.loads(answer)), codes, explained),
            next_life[1] if next_life and is_heard_of else None,
        )


def _codes(connection: Connection, run: RunFacts) -> Iterator[tuple[int, list[str], bool]]:
    """By invoice number: the codes of its findings, each once, and whether one of them is an error."""
    found = tables.finding.c
    query = (
        select(found.invoice_number, found.code, found.severity)
        .where(found.run_id == run.id, found.invoice_number.is_not(None))
        .order_by(found.invoice_number, found.number)
    )
    for number, group in groupby(connection.execute(query), key=attrgetter("invoice_number")):
        rows = list(group)
        codes = list(dict.fromkeys(row.code for row in rows))
        yield number, codes, any(row.severity == Severity.ERROR for row in rows)


def unexplained(run: RunFacts, line: InvoiceLine) -> Finding | None:
    """What to say of an invoice that is not with the service though no error finding tells why.

    One that was accepted and refused later is told of too.
    """
    if line.life and line.life.stage is Stage.REFUSED and line.outcome is not Outcome.UNKNOWN:
        return finding(
            "refused-later",
            _first_place(run, line),
            billnum=line.billnum,
            day=line.life.since,
            words=mask(line.life.words),
        )
    code = _UNEXPLAINED.get(line.outcome)
    if code is None or line.explained or (line.outcome is Outcome.NOT_SENT and run.only_checked):
        return None
    details = {
        "answer": answer_text(line.answer) or "it gave no reason",
        "why": "it was sent, but no usable answer was recorded",
    }
    return finding(code, _first_place(run, line), billnum=line.billnum, **details)
