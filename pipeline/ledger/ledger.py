"""The ledger itself: opened by URL, locked for one run at a time, the place of every run."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

import orjson
from filelock import FileLock, Timeout
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import OperationalError

from pipeline.findings import Refusal, finding
from pipeline.ledger import database, tables
from pipeline.ledger.clock import now
from pipeline.ledger.run import Run
from pipeline.ledger.states import State


class AnotherRunAtWork(Refusal):
    """Another run holds the ledger for this customer."""

    exit_code = 4


class Ledger:
    """An open ledger. Threads may share it: writes take turns, reads see the last commit."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = database.open_database(url)
        self._writer = database.writer(self.engine)
        self._turn = threading.Lock()
        self._locked: set[tuple[str, str]] = set()
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
    def writing(self) -> Iterator[Connection]:
        """One transaction that writes; it is durable when the block ends without an exception.

        Raises:
            Unrecordable: the disk is full or broken, or another program holds the file.
        """
        try:
            with self._turn, self._writer.begin() as connection:
                yield connection
        except OperationalError as error:
            path, reason = self.engine.url.database, database.first_line(error)
            raise database.Unrecordable(finding("ledger-unwritable", path=path, reason=reason)) from error

    def require_room(self, wanted: int = 0) -> None:
        """See that the disk can take `wanted` more bytes beside what sending will have to record.

        Raises:
            Refusal: `disk-full`.
        """
        database.require_room(self.engine, wanted)

    @contextmanager
    def lock(self, environment: str, cid: str) -> Iterator[None]:
        """Hold the ledger for one customer in one environment, against every other process.

        The operating system frees it when the process ends, however it ends.

        Raises:
            AnotherRunAtWork: somebody else holds it.
        """
        key = hashlib.sha256(f"{environment}\n{cid}".encode()).hexdigest()[:16]
        # Resolved: the same file under another name, by a link, is the same ledger.
        path = f"{database.database_path(self.url).resolve()}.{key}.lock"
        # A soft lock is a file that a dead process leaves behind: rather none than that.
        held = FileLock(path, timeout=0, mode=0o600, thread_local=False, fallback_to_soft=False)
        try:
            held.acquire()
        except Timeout as error:
            raise AnotherRunAtWork(finding("another-run", environment=environment, cid=cid)) from error
        self._locked.add((environment, cid))
        try:
            yield
        finally:
            self._locked.remove((environment, cid))
            held.release()

    def begin_run(
        self, command: str, environment: str, cid: str, facts: Mapping[str, Any], *, sends: bool = True
    ) -> Run:
        """Begin a run.

        A run that may send needs the lock. Whatever is still `sending` then was being sent by a process
        that died: it becomes `unknown`.

        Args:
            command: as on the command line (`run`, `check`, `reconcile`…).
            environment: the ledger's name of the service (`sandbox`, `test-fi`, `production-fi`…).
            cid: the customer at the service.
            facts: for the report: version, inputs, profile, options, base URL…
            sends: False for a run that only looks (`check`): it changes no document.

        Raises:
            RuntimeError: it may send and the lock is not held.
        """
        if sends and (environment, cid) not in self._locked:
            raise RuntimeError("a run that sends needs the lock")
        run = Run(self, _new_id(), environment, cid, sends=sends)
        with self.writing() as connection:
            connection.execute(
                insert(tables.run).values(
                    id=run.id,
                    command=command,
                    environment=environment,
                    cid=cid,
                    started=now(),
                    facts=orjson.dumps(facts).decode(),
                )
            )
            if sends:
                _leave_unknown(connection, run)
        return run


def open_ledger(url: str) -> Ledger:
    """Open the ledger at `url` (`sqlite:///FILE`), creating or migrating it first. A context manager.

    Raises:
        Refusal: `ledger-url`, `ledger-unusable`, `ledger-newer`.
    """
    return Ledger(url)


def _leave_unknown(connection: Connection, run: Run) -> None:
    column = tables.document.c
    connection.execute(
        update(tables.document)
        .where(
            column.environment == run.environment,
            column.cid == run.cid,
            text(tables.OPEN),
            column.state == State.SENDING,
        )
        .values(
            state=State.UNKNOWN,
            exposed=1,
            **run.stamp("the program stopped before the service's answer was recorded"),
        )
    )


def _new_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
