"""One run in the ledger: what it read, planned, sent and found."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import Connection, delete, exists, func, insert, select, text, update

from pipeline.document import Document, Outcome
from pipeline.findings import Finding, Place, finding
from pipeline.ledger import outbox, tables
from pipeline.ledger.clock import now
from pipeline.ledger.database import NUL, execute_rows, insert_rows
from pipeline.ledger.entry import Entry, Sealing, entry_of
from pipeline.ledger.exposure import DESCRIBING, renew_payloads
from pipeline.ledger.plan import Planned, plan
from pipeline.ledger.statements import (
    ANSWERED,
    BEGUN,
    ENDED,
    ENDED_NAMES,
    MAYBE_SENT,
    MAYBE_SENT_NAMES,
    SENDING,
    SENDING_NAMES,
    SETTLED,
    SETTLED_NAMES,
    alike,
    listed,
)
from pipeline.ledger.states import State

if TYPE_CHECKING:
    from pipeline.ledger.ledger import Ledger

_document = tables.document.c


class Batch(NamedTuple):
    """A batch that is recorded and may now be sent, until that moment of the monotonic clock."""

    id: int
    data_identifier: str
    documents: Sequence[Planned]
    until: float = inf


class Answered(NamedTuple):
    """What came back for a batch: HTTP status if any, what it was taken to mean, its text, the tries."""

    status: int | None
    meaning: str
    text: str
    tries: int


class Settlement(NamedTuple):
    """What became of one document, and why.

    `states` are gone through in turn: (REFUSED, PLANNED) is a document that is certainly not with the
    service and may go again. `exposed` marks that its content may have reached the service. `version`
    is the content that the service turned out to have (`exposure.VERSION`).
    """

    document_id: int
    states: tuple[State, ...]
    outcome: Outcome
    reason: str
    jobid: str | None = None
    answer: str | None = None
    exposed: bool = False
    version: Mapping[str, Any] | None = None
    found: Finding | None = None


class Run:
    """One run. Its methods may be called from several threads, except `plan`."""

    def __init__(self, ledger: Ledger, run_id: str, environment: str, cid: str, *, sends: bool) -> None:
        self.ledger = ledger
        self.id = run_id
        self.environment = environment
        self.cid = cid
        self.sends = sends
        self.sources: Sequence[Mapping[str, Any]] = ()
        self.repeats: Collection[int] = ()
        self.changed: dict[int, str] = {}
        """How this run's content differs, for documents that were sent with another and are unknown."""
        self._finding_numbers = count(1)
        self._batch_numbers = count(1)

    def describe(self, sources: Sequence[Mapping[str, Any]], repeats: Collection[int] = ()) -> None:
        """Keep how the inputs were understood: by source number, at least `file` and `sheet`.

        `repeats` are the numbers of the sources whose rows a table's repeated columns make once more.
        Findings made here name them, so this comes before `plan`; it may be called again.
        """
        self.sources, self.repeats = sources, repeats
        self._update(sources=orjson.dumps(list(sources)).decode())

    def note(self, findings: Iterable[Finding], *, of: int | None = None) -> None:
        """Keep findings that concern the invoice of that number, or a file rather than one invoice."""
        rows = [(of, each) for each in findings]
        self.ledger.persistently(lambda connection: self.write_findings(connection, rows))

    def set_aside(self, source: int, reason: str, rows: int, first_rows: Sequence[Sequence[int]]) -> None:
        """Keep how many rows of a source are in no invoice for a reason, and ranges of the first of them."""
        with self.ledger.writing() as connection:
            connection.execute(
                insert(tables.aside).values(
                    run_id=self.id,
                    source=source,
                    reason=reason,
                    rows=rows,
                    first_rows=orjson.dumps(first_rows).decode(),
                )
            )

    def plan(self, documents: Sequence[Document], *, guards: bool = False) -> list[Planned]:
        """`plan_entries` of those documents; jobs go with `checkbillnum` if it `guards`."""
        sealing = Sealing(self.ledger.key, guards, self.repeats)
        return self.plan_entries([entry_of(each, sealing) for each in documents])

    def plan_entries(self, entries: Sequence[Entry]) -> list[Planned]:
        """Decide for each document whether it may be sent, and record all of them in one transaction.

        A document with an error is `invalid`. One that was accepted before is `already-accepted`, with
        other content a `conflict`; one whose outcome is unknown stays `unknown`. The rest are planned
        and `not-sent` until `send` says otherwise. A run that does not send (`check`) plans nothing.

        Args:
            entries: up to some 50,000; no number twice in a run.

        Returns:
            Those that may be sent, in the order given.

        Raises:
            Refusal: `disk-full`.
        """
        return plan(self, entries)

    def begin_batch(self, batch: Sequence[Planned]) -> Batch:
        """Record durably that these documents are about to be sent, before the first byte leaves.

        Raises:
            Refusal: `disk-full`; nothing may be sent.
            RuntimeError: one of them is not planned by this run (any more); nothing may be sent.
        """
        self.ledger.require_room()
        number = next(self._batch_numbers)
        identifier = f"{self.id}-{number}"
        with self.ledger.writing(joins=True) as connection:
            at, why = now(), f"in batch {identifier}"
            begun = {"run_id": self.id, "data_identifier": identifier, "attempt": 1, "size": len(batch)}
            batch_id = connection.scalars(BEGUN, {**begun, "sent": at}).one()
            changed = execute_rows(
                connection,
                SENDING,
                SENDING_NAMES,
                [(batch_id, at, self.id, why, listed([each.document_id for each in batch]), self.id)],
            )
            if changed != len(batch):
                raise RuntimeError(f"{len(batch) - changed} documents of batch {identifier} were not planned")
            # Should the program stop before the answer is recorded, the report says what is true.
            numbers = listed([each.number for each in batch])
            execute_rows(connection, MAYBE_SENT, MAYBE_SENT_NAMES, [(self.id, numbers)])
        return Batch(batch_id, identifier, batch)

    def end_batch(self, batch: Batch, answered: Answered, settlements: Sequence[Settlement]) -> None:
        """Record durably what the service answered and what became of each document of the batch."""
        with self.ledger.writing(joins=True) as connection:
            self.record_answer(connection, batch, answered)
            self.settle(connection, settlements)

    def record_answer(self, connection: Connection, batch: Batch, answered: Answered) -> None:
        """Keep what the service answered to the batch."""
        connection.execute(
            ANSWERED,
            {
                "key": batch.id,
                "new_answered": now(),
                "new_status": answered.status,
                "new_meaning": answered.meaning,
                "new_answer": answered.text.replace("\0", NUL),
                "new_attempt": answered.tries,
            },
        )

    def settle(self, connection: Connection, settlements: Sequence[Settlement]) -> None:
        """Record what became of documents, in the ledger and in this run's invoices."""
        at = now()
        for step in range(max((len(each.states) for each in settlements), default=0)):
            execute_rows(
                connection,
                SETTLED,
                SETTLED_NAMES,
                [
                    (*what, at, self.id, reason, keys)
                    for keys, (*what, reason) in alike(
                        (each.document_id, _said(each, step))
                        for each in settlements
                        if step < len(each.states)
                    )
                ],
            )
        for each in settlements:
            if each.version:
                described = {name: each.version[name] for name in DESCRIBING}
                connection.execute(
                    update(tables.document).where(_document.id == each.document_id).values(**described)
                )
                renew_payloads(connection, [(each.document_id, each.version["payload"])])
        self._settle_invoices(connection, settlements)

    def settle_unknown(self, settlements: Sequence[Settlement]) -> None:
        """Record what became of documents whose outcome was unknown until now.

        This run's finding that it was unknown goes. In a run that reads nothing itself (`reconcile`), each
        gets an invoice, so that its report tells of it; in others only what they read counts.
        """
        settlements = [self._as_read(each) for each in settlements]
        ids = [each.document_id for each in settlements]
        with self.ledger.writing() as connection:
            self.forget_unknown(connection, ids)
            if not self.sources:
                self.adopt(connection, ids)
            self.settle(connection, settlements)
            self.settle_for_planners(connection, settlements)

    def forget_unknown(self, connection: Connection, ids: Sequence[int]) -> None:
        """Take back that the outcome of documents is unknown: what is found now is told instead."""
        invoice, found = tables.invoice.c, tables.finding.c
        mine = select(invoice.number).where(invoice.run_id == self.id, invoice.document_id.in_(ids))
        connection.execute(
            delete(tables.finding).where(
                found.run_id == self.id, found.code == "outcome-unknown", found.invoice_number.in_(mine)
            )
        )

    def settle_for_planners(self, connection: Connection, settlements: Sequence[Settlement]) -> None:
        """Have the runs that put documents into the outbox tell what became of them; the settled leave."""
        planners = outbox.planners(connection, [each.document_id for each in settlements])
        for run_id in sorted({*planners.values()} - {self.id}):
            theirs = [each for each in settlements if planners.get(each.document_id) == run_id]
            planner = Run(self.ledger, run_id, self.environment, self.cid, sends=True)
            sources = connection.scalar(select(tables.run.c.sources).where(tables.run.c.id == run_id))
            planner.sources = orjson.loads(sources or b"[]")
            # Above its own, and others may be adding some now.
            planner._finding_numbers = count(1 << 61 | secrets.randbits(61))
            planner.forget_unknown(connection, [each.document_id for each in theirs])
            planner._settle_invoices(connection, theirs)
        ended = (State.ACCEPTED, State.REFUSED)
        outbox.release(
            connection,
            [
                each.document_id
                for each in settlements
                if each.document_id in planners and each.states[-1:] and each.states[-1] in ended
            ],
        )

    def take_turn(self, connection: Connection, *, shared: bool) -> None:
        """Wait until no other transaction plans for the customer, and none claims unless `shared`."""
        self.ledger.database.take_turn(connection, f"{self.environment}\n{self.cid}", shared=shared)

    def _as_read(self, settlement: Settlement) -> Settlement:
        """What became of a document, for the invoice of this run: in conflict if that has other content."""
        changes = self.changed.get(settlement.document_id)
        if changes is None or settlement.outcome is not Outcome.ACCEPTED:
            return settlement
        found = finding("accepted-with-earlier-content", differences=changes)
        return settlement._replace(outcome=Outcome.CONFLICT, found=found)

    def open_elsewhere(self) -> list[str]:
        """The customer's documents that were tried, may not be with the service, and are not in this run.

        Returns:
            Bill numbers, or identities, in the order in which they were first planned.
        """
        document, invoice = tables.document.c, tables.invoice.c
        mine = exists().where(invoice.run_id == self.id, invoice.document_id == document.id)
        statement = (
            select(func.coalesce(document.billnum, document.identity))
            .where(
                document.environment == self.environment,
                document.cid == self.cid,
                text(tables.OPEN),
                ~mine,
            )
            .order_by(document.id)
        )
        with self.ledger.engine.connect() as connection:
            return list(connection.scalars(statement))

    def write_findings(self, connection: Connection, findings: Iterable[tuple[int | None, Finding]]) -> None:
        """Keep findings with the number of the invoice that each concerns."""
        rows = [
            (
                *(self.id, next(self._finding_numbers), number, each.code, each.severity.value),
                *(each.place.file, each.place.sheet, each.place.row, each.place.column, each.place.cell),
                *(each.field, each.value, each.message, each.remedy, each.billnum),
            )
            for number, each in findings
        ]
        insert_rows(connection, tables.finding, tables.finding.columns.keys(), rows)

    def finish(self, exit_code: int, totals: Mapping[str, Any] | None = None) -> None:
        """Keep how the run ended."""
        written = None if totals is None else orjson.dumps(totals).decode()
        self._update(finished=now(), exit_code=exit_code, totals=written)

    def outcomes(self) -> Counter[Outcome]:
        """How many of this run's invoices have which outcome."""
        invoice = tables.invoice.c
        statement = (
            select(invoice.outcome, func.count()).where(invoice.run_id == self.id).group_by(invoice.outcome)
        )

        def read() -> Counter[Outcome]:
            with self.ledger.engine.connect() as connection:
                return Counter(
                    {Outcome(outcome): number for outcome, number in connection.execute(statement)}
                )

        return self.ledger.patiently(read)

    def place(self, row: tuple[int, int]) -> Place:
        """Where a row lies, as the user sees it."""
        source, number = row
        if source >= len(self.sources):
            return Place(row=number)
        return Place(self.sources[source].get("file"), self.sources[source].get("sheet"), number)

    def stamp(self, reason: str) -> dict[str, str]:
        """The columns of `document` that say when, by whom and why its state changed."""
        return {"updated": now(), "changed_by": self.id, "reason": reason}

    def _update(self, **values: Any) -> None:
        statement = update(tables.run).where(tables.run.c.id == self.id).values(**values)
        self.ledger.persistently(lambda connection: connection.execute(statement))

    def _settle_invoices(self, connection: Connection, settlements: Sequence[Settlement]) -> None:
        invoice = tables.invoice.c
        execute_rows(
            connection,
            ENDED,
            ENDED_NAMES,
            [
                (outcome, self.id, keys)
                for keys, (outcome,) in alike(
                    (each.document_id, (each.outcome.value,)) for each in settlements
                )
            ],
        )
        found = {each.document_id: each.found for each in settlements if each.found}
        if found:
            mine = connection.execute(
                select(invoice.document_id, invoice.number, invoice.rows, invoice.billnum)
                .where(invoice.run_id == self.id, invoice.document_id.in_(list(found)))
                .order_by(invoice.number)
            )
            self.write_findings(
                connection,
                [
                    (
                        row.number,
                        replace(found[row.document_id], place=self._place_of(row.rows), billnum=row.billnum),
                    )
                    for row in mine
                ],
            )

    def _place_of(self, rows: str) -> Place:
        ranges = orjson.loads(rows)
        return self.place((ranges[0][0], ranges[0][1])) if ranges else Place()

    def adopt(self, connection: Connection, ids: Sequence[int]) -> None:
        """Give this run an invoice for each of the documents: that of the run that planned it."""
        invoice, document = tables.invoice.c, tables.document.c
        mine = select(invoice.document_id).where(invoice.run_id == self.id, invoice.document_id.in_(ids))
        missing = connection.execute(
            select(tables.invoice)
            .join(tables.document, (document.id == invoice.document_id) & (document.run_id == invoice.run_id))
            .where(document.id.in_(ids), document.id.not_in(mine))
        )
        # Its rows were another run's; a number below all that rows give keeps it apart.
        rows = [
            {**row, "run_id": self.id, "number": -row["document_id"], "rows": "[]"}
            for row in missing.mappings()
        ]
        if rows:
            connection.execute(insert(tables.invoice), rows)


def _said(settlement: Settlement, step: int) -> tuple[Any, ...]:
    state = settlement.states[step].value
    return state, int(settlement.exposed), settlement.jobid, settlement.answer, settlement.reason
