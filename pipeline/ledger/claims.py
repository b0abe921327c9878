"""Several senders on one ledger: each claims what it sends next, for the time of a lease.

The number of the batch is the fence: what a sender records counts only for documents that still carry it.
A lease is never renewed. When it runs out the documents are `unknown`, never `planned`: the request may be
under way. An answer that comes late still decides.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from threading import Event
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, delete, insert, or_, select, text, update

from pipeline.document import Outcome
from pipeline.ledger import outbox, tables
from pipeline.ledger.clock import now
from pipeline.ledger.database import execute_rows
from pipeline.ledger.plan import Planned
from pipeline.ledger.run import Answered, Batch, Run, Settlement
from pipeline.ledger.statements import (
    ENDED,
    ENDED_NAMES,
    MAYBE_SENT,
    MAYBE_SENT_NAMES,
    SENDING,
    SENDING_NAMES,
    alike,
    listed,
)
from pipeline.ledger.states import State

if TYPE_CHECKING:
    from pipeline.ledger.ledger import Ledger

LEASE = 1_200.0
"""Seconds of a lease. The longest request takes some 500: twice 10 s to connect, 120 s of silence before
and while reading (`service.py`), since it is repeated once with a new token."""

LEAST = 600.0
"""Seconds that must be left of a lease when a request leaves."""

LARGEST = 8_000_000
"""Bytes of a batch with attachments, whatever its size."""

_POLL = 0.5
_AT_ONCE = 10_000

_document, _outbox, _batch = tables.document.c, tables.outbox.c, tables.batch.c


class SharedRun(Run):
    """A run that sends what lies in the outbox, beside others that do the same."""

    def __init__(self, ledger: Ledger, run_id: str, environment: str, cid: str, *, size: int) -> None:
        super().__init__(ledger, run_id, environment, cid, sends=True)
        self._size = size
        self._found_none = Event()

    def turns(self, stop: Event) -> Iterator[Sequence[Planned]]:
        """An empty batch as often as there may be something to claim, until nothing in the outbox is planned.

        What waits for others' requests (a credit note) is waited for.
        """
        engine = self.ledger.engine
        while not stop.is_set():
            if self._found_none.is_set():
                self.ledger.persistently(lambda connection: leave_unknown(connection, self, expired=True))
                if not self.ledger.patiently(lambda: outbox.waiting(engine, self.environment, self.cid)):
                    return
                stop.wait(_POLL)
                self._found_none.clear()
            yield ()

    def begin_batch(self, batch: Sequence[Planned]) -> Batch:
        """Claim these documents, as far as they are still planned; the next of the outbox, if there are none.

        Returns:
            The batch with its documents, which may be none; it may be sent until its time.
        """
        identifier = f"{self.id}-{next(self._batch_numbers)}"
        until = time.monotonic() + LEASE - LEAST
        wanted = [each.document_id for each in batch]
        tried = False

        def claim(connection: Connection) -> Batch:
            nonlocal tried
            if tried and (claimed := _claimed(connection, self, identifier)):
                return claimed
            tried = True
            return self._claim(connection, identifier, wanted)

        claimed = self.ledger.persistently(claim, joins=True)
        if not claimed.documents and not wanted:
            self._found_none.set()
        return claimed._replace(until=until)

    def end_batch(self, batch: Batch, answered: Answered, settlements: Sequence[Settlement]) -> None:
        """Record what was answered, and what became of each document that is still the batch's.

        Those that somebody has settled meanwhile, or sent again, are left alone; so it may be done twice.
        """
        self.ledger.persistently(
            lambda connection: self._end(connection, batch, answered, settlements), joins=True
        )

    def _claim(self, connection: Connection, identifier: str, wanted: Sequence[int]) -> Batch:
        self.take_turn(connection, shared=True)
        rows = _next(connection, self, self._size, wanted)
        if not rows:
            return Batch(0, identifier, [])
        at, why = now(), f"in batch {identifier}"
        batch_id = connection.scalars(
            insert(tables.batch)
            .values(
                run_id=self.id,
                data_identifier=identifier,
                attempt=1,
                size=len(rows),
                sent=at,
                lease_until=self.ledger.database.clock(connection, LEASE),
            )
            .returning(_batch.id)
        ).one()
        claimed = execute_rows(
            connection,
            SENDING,
            SENDING_NAMES,
            [
                (batch_id, at, self.id, why, keys, planner)
                for keys, (planner,) in alike((each.document_id, (each.run_id,)) for each in rows)
            ],
        )
        if claimed != len(rows):
            raise RuntimeError(f"batch {identifier} is not what was claimed")  # the rows were ours
        # Should the program stop before the answer is recorded, both reports say what is true.
        execute_rows(
            connection,
            MAYBE_SENT,
            MAYBE_SENT_NAMES,
            [
                (planner, numbers)
                for numbers, (planner,) in alike((each.number, (each.run_id,)) for each in rows)
            ],
        )
        ids = [each.document_id for each in rows]
        self.adopt(connection, ids)
        execute_rows(connection, ENDED, ENDED_NAMES, [(Outcome.UNKNOWN.value, self.id, listed(ids))])
        return Batch(batch_id, identifier, _documents(connection, ids))

    def _end(
        self, connection: Connection, batch: Batch, answered: Answered, settlements: Sequence[Settlement]
    ) -> None:
        self.take_turn(connection, shared=True)
        open_here = (
            select(_document.id, _document.state)
            .where(
                _document.id.in_([each.document_id for each in settlements]),
                _document.batch_id == batch.id,
                _document.state.in_([State.SENDING.value, State.UNKNOWN.value]),
            )
            .with_for_update()
        )
        mine = {row.id: row.state for row in connection.execute(open_here)}
        counting = [
            each
            for each in settlements
            if each.document_id in mine and each.states != (mine[each.document_id],)  # unknown it is already
        ]
        self.record_answer(connection, batch, answered)
        self.forget_unknown(connection, [each.document_id for each in counting])
        self.settle(connection, counting)
        self.settle_for_planners(connection, counting)
        # What may go again is not this run's any more, unless it claims it again.
        again = [each.document_id for each in counting if each.states[-1] is State.PLANNED]
        of_mine = (tables.invoice.c.run_id == self.id, tables.invoice.c.document_id.in_(again))
        connection.execute(delete(tables.invoice).where(*of_mine))


def leave_unknown(connection: Connection, run: Run, *, expired: bool = False) -> None:
    """Make what is still `sending` unknown: its program died, or may have.

    Args:
        connection: that writes.
        run: the run that finds it so; of its customer.
        expired: only where the lease has run out, or there is none: other senders are at work.
    """
    statement = (
        select(_document.id)
        .join(tables.batch, _batch.id == _document.batch_id)
        .where(
            _document.environment == run.environment,
            _document.cid == run.cid,
            text(tables.OPEN),
            _document.state == State.SENDING.value,
        )
        .with_for_update(skip_locked=expired, of=tables.document)
    )
    why = "the program stopped before the service's answer was recorded"
    if expired:
        moment = run.ledger.database.clock(connection)
        statement = statement.where(or_(_batch.lease_until.is_(None), _batch.lease_until < moment))
        why = "the lease of its sender ran out before the service's answer was recorded"
    left = connection.scalars(statement).all()
    values = {"state": State.UNKNOWN.value, "exposed": 1, **run.stamp(why)}
    for start in range(0, len(left), _AT_ONCE):
        some = _document.id.in_(left[start : start + _AT_ONCE])
        connection.execute(update(tables.document).where(some).values(**values))


def _next(connection: Connection, run: Run, size: int, wanted: Sequence[int]) -> Sequence[Any]:
    """The documents to send next that nobody else is claiming; of `wanted`, if there are any.

    Credit notes that name an invoice come when all else is settled, as in `run`.
    """
    free = (
        select(_outbox.document_id, _outbox.run_id, _outbox.number, _outbox.size)
        .join(tables.document, _document.id == _outbox.document_id)
        .where(
            _outbox.environment == run.environment,
            _outbox.cid == run.cid,
            _document.state == State.PLANNED.value,
            _document.run_id == _outbox.run_id,
        )
        .order_by(_outbox.document_id)
        .limit(size)
        .with_for_update(skip_locked=True, of=[tables.outbox, tables.document])
    )
    if wanted:
        return connection.execute(free.where(_outbox.document_id.in_(wanted))).all()
    rows = connection.execute(free.where(_outbox.late == 0)).all()
    if not rows and not connection.scalar(_any_before(run)):
        rows = connection.execute(free.where(_outbox.late == 1)).all()
    sizes = accumulate(each.size for each in rows)
    fitting = sum(size <= LARGEST for size in sizes)
    return rows[: max(fitting, 1)]


def _any_before(run: Run) -> Select[tuple[bool]]:
    """Whether anything that is not late is still to be sent, or on its way."""
    open_states = [State.PLANNED.value, State.SENDING.value]
    others = outbox.of_customer(run.environment, run.cid).where(
        _outbox.late == 0, _document.state.in_(open_states)
    )
    return select(others.exists())


def _claimed(connection: Connection, run: Run, identifier: str) -> Batch | None:
    """What was claimed under that name, when the answer to the commit was lost."""
    batch_id = connection.scalar(
        select(_batch.id).where(_batch.run_id == run.id, _batch.data_identifier == identifier)
    )
    if batch_id is None:
        return None
    ids = connection.scalars(
        select(_document.id)
        .where(
            _document.environment == run.environment,
            _document.cid == run.cid,
            text(tables.OPEN),
            _document.state == State.SENDING.value,
            _document.batch_id == batch_id,
        )
        .order_by(_document.id)
    ).all()
    return Batch(batch_id, identifier, _documents(connection, ids))


def _documents(connection: Connection, ids: Sequence[int]) -> list[Planned]:
    rows = connection.execute(
        select(_outbox.document_id, _outbox.number, _document.billnum, _outbox.body)
        .join(tables.document, _document.id == _outbox.document_id)
        .where(_outbox.document_id.in_(ids))
        .order_by(_outbox.document_id)
    )
    return [Planned(*row, (0, 0)) for row in rows]
