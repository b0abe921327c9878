"""The ledger itself: opened by URL, locked for one run at a time, the place of every run."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Self, TypeVar

import orjson
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import OperationalError

from pipeline.findings import Refusal, finding
from pipeline.ledger import database, tables
from pipeline.ledger.claims import SharedRun, leave_unknown
from pipeline.ledger.clock import now
from pipeline.ledger.recording import LockLost, Unrecordable, cause
from pipeline.ledger.run import Run
from pipeline.ledger.together import Turns

PATIENCE = 120.0
"""Seconds for which a ledger is tried again whose server is gone."""

_PAUSE = 0.25

_T = TypeVar("_T")


class AnotherRunAtWork(Refusal):
    """Another run holds the ledger for this customer."""

    exit_code = 4


class Hold(Enum):
    """For what a ledger is held, for one customer, against other processes.

    `ALONE` (run, reconcile, resolve) bears no other. `PLANNING` and `SENDING` bear each other, and `SENDING`
    others of its kind, where the database can share a lock (PostgreSQL).
    """

    ALONE = "alone"
    PLANNING = "planning"
    SENDING = "sending"


class Ledger:
    """An open ledger. Threads may share it: writes take turns, reads see the last commit."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = database.open_database(url)
        self.database = database.backend(self.engine.url)
        self._locks = self.database.Locks(self.engine)
        self._turns = Turns(self._locks.transaction)
        self._held: dict[tuple[str, str], Hold] = {}
        with self.engine.connect() as connection:
            hash_key = connection.scalars(
                select(tables.meta.c.value).where(tables.meta.c.key == "hash_key")
            ).one()
        self.key = bytes.fromhex(hash_key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the files free."""
        self.engine.dispose()

    @contextmanager
    def writing(self, *, joins: bool = False) -> Iterator[Connection]:
        """One transaction that writes; it is durable when the block ends without an exception.

        Args:
            joins: threads that wait for their turn may write in the same transaction; all go on when it is
                durable. For what is short and many threads do.

        Raises:
            Unrecordable: the disk is full or broken, another program holds the file, or the server is gone.
        """
        try:
            with self._turns.joining() if joins else self._turns.alone() as connection:
                yield connection
        except OperationalError as error:
            path, reason = database.shown(self.engine), cause(error)
            raise Unrecordable(finding("ledger-unwritable", path=path, reason=reason)) from error

    def patiently(self, do: Callable[[], _T]) -> _T:
        """Do what may be done twice, again and again for a while where the server may come back.

        Raises:
            Unrecordable: it did not, or what was held alone is lost.
        """
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return do()
            except LockLost:
                raise
            except Unrecordable:
                if not self.database.COMES_BACK or time.monotonic() > until:
                    raise
            time.sleep(_PAUSE)

    def persistently(self, write: Callable[[Connection], _T], *, joins: bool = False) -> _T:
        """As `writing`, patiently; `write` must be safe to do twice: a commit may be done unheard."""

        def once() -> _T:
            with self.writing(joins=joins) as connection:
                return write(connection)

        return self.patiently(once)

    def require_room(self, wanted: int = 0) -> None:
        """See that the disk can take `wanted` more bytes beside what sending will have to record.

        Raises:
            Refusal: `disk-full`.
        """
        self.database.require_room(self.engine, wanted)

    @contextmanager
    def lock(self, environment: str, cid: str, hold: Hold = Hold.ALONE) -> Iterator[None]:
        """Hold the ledger for one customer in one environment, against other processes.

        The operating system, or the server, frees it when the process ends, however it ends.

        Raises:
            AnotherRunAtWork: somebody else holds it.
        """
        name = hashlib.sha256(f"{environment}\n{cid}".encode()).hexdigest()[:16]
        with ExitStack() as stack:
            if hold is not Hold.SENDING:
                stack.enter_context(self._locked(f"{name}.plan", environment, cid))
            if hold is not Hold.PLANNING:
                shared = hold is Hold.SENDING
                stack.enter_context(self._locked(name, environment, cid, shared=shared))
            self._held[environment, cid] = hold
            try:
                yield
            finally:
                del self._held[environment, cid]

    @contextmanager
    def _locked(self, name: str, environment: str, cid: str, *, shared: bool = False) -> Iterator[None]:
        with self._turns.idle():
            if not self._locks.take(name, shared=shared):
                raise AnotherRunAtWork(finding("another-run", environment=environment, cid=cid))
        try:
            yield
        finally:
            with self._turns.idle():
                self._locks.give(name)

    def begin_run(
        self, command: str, environment: str, cid: str, facts: Mapping[str, Any], *, sends: bool = True
    ) -> Run:
        """Begin a run.

        A run that may send, or plans, needs the lock. When it is alone, whatever is still `sending` was being
        sent by a process that died: it becomes `unknown`.

        Args:
            command: as on the command line (`run`, `check`, `reconcile`…).
            environment: the ledger's name of the service (`sandbox`, `test-fi`, `production-fi`…).
            cid: the customer at the service.
            facts: for the report: version, inputs, profile, options, base URL…
            sends: False for a run that only looks (`check`): it changes no document.

        Raises:
            RuntimeError: it may send and the lock is not held.
        """
        hold = self._held.get((environment, cid))
        if sends and hold is None:
            raise RuntimeError("a run that sends needs the lock")
        run = Run(self, _new_id(), environment, cid, sends=sends)
        with self.writing() as connection:
            _record(connection, run, command, facts)
            if sends and hold is Hold.ALONE:
                leave_unknown(connection, run)
        return run

    def begin_sending(
        self, command: str, environment: str, cid: str, facts: Mapping[str, Any], *, size: int
    ) -> SharedRun:
        """Begin a run that sends what lies in the outbox, beside others that do; the arguments as before.

        `size` is how many documents it claims at once.

        Raises:
            RuntimeError: the lock is not held.
        """
        if (environment, cid) not in self._held:
            raise RuntimeError("a run that sends needs the lock")
        run = SharedRun(self, _new_id(), environment, cid, size=size)
        with self.writing() as connection:
            _record(connection, run, command, facts)
        return run


def open_ledger(url: str) -> Ledger:
    """Open the ledger at `url`, creating or migrating it first. A context manager.

    Args:
        url: `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`.

    Raises:
        Refusal: `ledger-url`, `ledger-unusable`, `ledger-newer`, `ledger-not-durable`.
    """
    return Ledger(url)


def _record(connection: Connection, run: Run, command: str, facts: Mapping[str, Any]) -> None:
    connection.execute(
        insert(tables.run).values(
            id=run.id,
            command=command,
            environment=run.environment,
            cid=run.cid,
            started=now(),
            facts=orjson.dumps(facts).decode(),
        )
    )


def _new_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
