"""Reads a run back from the ledger, as a stream: nothing here grows with the number of invoices."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    case,
    event,
    func,
    null,
    or_,
    select,
)

from pipeline.document import Outcome
from pipeline.findings import Finding, Place, Severity, finding
from pipeline.language import shown_date
from pipeline.ledger import tables
from pipeline.ledger.database import reader
from pipeline.ledger.life import Life, Stage, lives
from pipeline.ledger.recording import shown_url
from pipeline.ledger.states import State
from pipeline.privacy import mask
from pipeline.report.columns import Columns, loaded

WITH_THE_SERVICE = (Outcome.ACCEPTED, Outcome.ALREADY_ACCEPTED)

CHUNK = 2_000
"""How many rows are fetched at a time."""

_T = TypeVar("_T")

_OWN_ANSWER = (Outcome.ACCEPTED, Outcome.ALREADY_ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN)
"""Outcomes whose document in the ledger is this invoice; in a conflict it is the one sent before."""

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_SEVERITIES = {severity.value: severity for severity in Severity}

_invoice, _document, _found = tables.invoice.c, tables.document.c, tables.finding.c

# A run that died while it was sending left these behind; what the service has is not known.
_left_behind = and_(
    _invoice.outcome == Outcome.NOT_SENT,
    _document.state == State.SENDING,
    _document.run_id == _invoice.run_id,
)
_outcome = case((_left_behind, Outcome.UNKNOWN.value), else_=_invoice.outcome)

FINDING = (
    *(_found.code, _found.severity, _found.file, _found.sheet, _found.row, _found.column, _found.cell),
    *(_found.field, _found.value, _found.message, _found.remedy, _found.billnum),
)
"""The columns that `recorded_finding` takes."""

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

    @property
    def leaves_unsent(self) -> bool:
        """Whether what is not sent is as it should be: only checked, or put into the outbox."""
        return self.only_checked or bool(self.counted.get("in_outbox"))

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

    SQLite keeps what a transaction sees until its end; PostgreSQL does when it is asked to.
    """
    cursors: list[Any] = []
    with reader(engine).connect() as connection:
        event.listen(connection, "after_cursor_execute", lambda *told: cursors.append(told[1]))
        try:
            yield connection.execution_options(yield_per=CHUNK)
        finally:
            for each in cursors:  # of what was not read to its end PostgreSQL has some left
                each.close()


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


def all_went(connection: Connection, run: RunFacts) -> bool:
    """Whether all invoices that were counted are with the service, and what is there is known."""
    known = and_(_invoice.outcome.in_(WITH_THE_SERVICE), tables.content.c.document_id.is_not(None))
    query = (
        select(func.count(), func.count(case((known, 1))))
        .select_from(
            tables.invoice.outerjoin(tables.content, tables.content.c.document_id == _invoice.document_id)
        )
        .where(_invoice.run_id == run.id)
    )
    return set(connection.execute(query).one()) == {run.counted.get("invoices")}


def invoices(
    connection: Connection, run: RunFacts, outcomes: Collection[Outcome] = tuple(Outcome)
) -> Iterator[InvoiceLine]:
    """The run's invoices of those outcomes with the codes of their findings, in the order of the export."""
    codes, later = Beside(_codes(connection, run)), Beside(lives(connection, run.id))
    for row in connection.execute(invoice_query(run).where(_outcome.in_(outcomes))):
        line = invoice_line(row, codes.of(row[0]) or (), later.of(row[0]))
        said = unexplained(run, line)
        yield line._replace(codes=[*line.codes, said.code]) if said else line


def remarks(
    connection: Connection, run: RunFacts, severities: Collection[Severity] = tuple(Severity)
) -> Iterator[Remark]:
    """The findings of those severities: recorded ones, in the run's order, then of unexplained invoices.

    Unexplained are invoices that are not with the service though no recorded error tells why.
    """
    same = and_(_invoice.run_id == _found.run_id, _invoice.number == _found.invoice_number)
    query = (
        select(_found.invoice_number, _invoice.customer, _invoice.outcome, *FINDING)
        .select_from(tables.finding.outerjoin(tables.invoice, same))
        .where(_found.run_id == run.id, _found.severity.in_(severities))
        .order_by(_found.number)
    )
    for number, customer, outcome, *row in connection.execute(query):
        yield Remark(recorded_finding(row), number, _masked(customer), outcome and _OUTCOMES[outcome])
    if Severity.ERROR in severities:
        later = Beside(lives(connection, run.id))
        for of_invoice in connection.execute(_perhaps_unexplained(run)):
            *columns, explained = of_invoice
            line = invoice_line(columns, life=later.of(of_invoice[0]))._replace(explained=bool(explained))
            if said := unexplained(run, line):
                yield Remark(said, line.number, line.customer, line.outcome)


def recorded_finding(row: Sequence[Any]) -> Finding:
    """The finding in a row of the columns `FINDING`."""
    code, severity, file, sheet, number, column, cell, field, value, message, remedy, billnum = row
    place = Place(_masked(file), _masked(sheet), number, _masked(column), cell)
    texts = (_masked(field), _masked(value), mask(message), mask(remedy), billnum)
    return Finding(code, _SEVERITIES[severity], place, *texts)


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


def invoice_query(run: RunFacts, *more: ColumnElement[Any]) -> Select[Any]:
    """The columns that `invoice_line` takes, and `more` of invoice and document: all invoices of a run."""
    own = _outcome.in_(_OWN_ANSWER)
    return (
        select(
            *(_invoice.number, _invoice.kind, _invoice.billnum, _invoice.jobtype, _invoice.customer),
            *(_invoice.billdate, _outcome, _invoice.net, _invoice.vat, _invoice.total, _invoice.rows),
            *(case((own, _document.jobid), else_=null()), case((own, _document.answer), else_=null())),
            *more,
        )
        .select_from(tables.invoice.outerjoin(tables.document, _document.id == _invoice.document_id))
        .where(_invoice.run_id == run.id)
        .order_by(_invoice.number)
    )


def invoice_line(
    row: Sequence[Any], found: Sequence[tuple[str, str]] = (), life: Life | None = None
) -> InvoiceLine:
    """The invoice in a row of an `invoice_query`.

    Args:
        row: it begins with the columns of the query.
        found: code and severity of its findings.
        life: that of its document.
    """
    number, kind, billnum, jobtype, customer, billdate, ended, net, vat, total, rows, jobid, answer = row[:13]
    outcome = _OUTCOMES[ended]
    codes = list(dict.fromkeys([code for code, _ in found]))
    explained = any(severity == Severity.ERROR for _, severity in found)
    return InvoiceLine(
        *(number, kind, billnum, jobtype, _masked(customer), billdate, outcome),
        *(net, vat, total, orjson.loads(rows)),
        *(jobid, answer and masked(orjson.loads(answer)), codes, explained),
        life if outcome in _OWN_ANSWER else None,
    )


def invoice_columns(
    columns: Sequence[Sequence[Any]], found: Sequence[list[Finding]], lives: Sequence[Life | None]
) -> Columns:
    """`invoice_line` of many: the columns of an `invoice_query`, their findings and lives."""
    number, kind, billnum, jobtype, customers, billdate, ended, net, vat, total, rows, jobid, answers = (
        columns
    )
    outcomes = list(map(_OUTCOMES.__getitem__, ended))
    return Columns(
        *(number, kind, billnum, jobtype, list(map(_masked, customers)), billdate, outcomes),
        *(net, vat, total, loaded(rows), jobid),
        [answer and masked(orjson.loads(answer)) for answer in answers],
        [list(dict.fromkeys([each.code for each in those])) if those else [] for those in found],
        [any(each.severity is Severity.ERROR for each in those) if those else False for those in found],
        [life if life and end in _OWN_ANSWER else None for life, end in zip(lives, outcomes, strict=True)],
    )


class Beside(Generic[_T]):
    """What belongs to some invoices, read along with all of them: `found` by number, in the same order."""

    def __init__(self, found: Iterator[tuple[int, _T]]) -> None:
        self._found = found
        self._next = next(found, None)

    def of(self, number: int) -> _T | None:
        """What belongs to an invoice; the numbers asked for must rise."""
        while self._next and self._next[0] < number:
            self._next = next(self._found, None)
        return self._next[1] if self._next and self._next[0] == number else None


def _perhaps_unexplained(run: RunFacts) -> Select[Any]:
    """The invoices of which `unexplained` may have something to say, and whether an error is recorded."""
    # Not by `NOT EXISTS`: SQLite would search all findings of the run for each invoice.
    told = select(_found.invoice_number).where(
        _found.run_id == run.id, _found.severity == Severity.ERROR, _found.invoice_number.is_not(None)
    )
    later = tables.status_update.c
    refused = select(later.document_id).where(later.stage == Stage.REFUSED.value)
    has_error = _invoice.number.in_(told)
    # `_outcome` is one of these just when the recorded one is, which is known without the document.
    unexplained_now = and_(_invoice.outcome.in_(_UNEXPLAINED), ~has_error)
    return invoice_query(run, has_error).where(or_(unexplained_now, _invoice.document_id.in_(refused)))


def _codes(connection: Connection, run: RunFacts) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """By invoice number: code and severity of its findings."""
    query = (
        select(_found.invoice_number, _found.code, _found.severity)
        .where(_found.run_id == run.id, _found.invoice_number.is_not(None))
        .order_by(_found.invoice_number, _found.number)
    )
    for number, rows in groupby(connection.execute(query), key=itemgetter(0)):
        yield number, [(code, severity) for _, code, severity in rows]


def unexplained(run: RunFacts, line: InvoiceLine) -> Finding | None:
    """What to say of an invoice that is not with the service though no error finding tells why.

    One that was accepted and refused later is told of too.
    """
    if line.life and line.life.stage is Stage.REFUSED and line.outcome is not Outcome.UNKNOWN:
        return finding(
            "refused-later",
            _first_place(run, line),
            billnum=line.billnum,
            day=shown_date(line.life.since),
            words=mask(line.life.words),
        )
    code = _UNEXPLAINED.get(line.outcome)
    if code is None or line.explained or (line.outcome is Outcome.NOT_SENT and run.leaves_unsent):
        return None
    details = {
        "answer": answer_text(line.answer) or "it gave no reason",
        "why": "it was sent, but no usable answer was recorded",
    }
    return finding(code, _first_place(run, line), billnum=line.billnum, **details)
