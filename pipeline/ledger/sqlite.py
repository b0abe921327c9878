"""The ledger in a SQLite file: all that knows SQLite."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy.exc import DBAPIError

from pipeline.findings import finding, refuse
from pipeline.ledger.clock import now
from pipeline.ledger.recording import Unrecordable, cause

ROOM = 64 * 1024 * 1024
"""Bytes that must be free beside the ledger before anything is sent: what is sent must be recorded after."""

COMES_BACK = False
"""Whether a connection that is lost may be had again: what fails here is the disk."""

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",  # macOS: an fsync there does not reach the disk without it
    "foreign_keys = ON",
    "busy_timeout = 30000",
    "secure_delete = ON",  # what is purged is gone
    "cache_size = -65536",  # 64 MB: a chunk that is planned goes to the log once, not whenever 2 MB are full
)

TRIGGERS: tuple[str, ...] = (
    """
    CREATE TRIGGER document_begins BEFORE INSERT ON document WHEN NEW.state <> 'planned'
    BEGIN SELECT RAISE(ABORT, 'a document begins as planned'); END
    """,
    """
    CREATE TRIGGER document_moves BEFORE UPDATE OF state ON document
    WHEN NOT EXISTS (SELECT 1 FROM transition WHERE from_state = OLD.state AND to_state = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'this change of state is not allowed'); END
    """,
    """
    CREATE TRIGGER document_is_itself BEFORE UPDATE OF environment, cid, kind, identity ON document
    BEGIN SELECT RAISE(ABORT, 'the identity of a document never changes'); END
    """,
    """
    CREATE TRIGGER document_stays BEFORE DELETE ON document
    BEGIN SELECT RAISE(ABORT, 'a document is never deleted'); END
    """,
    """
    CREATE TRIGGER document_began AFTER INSERT ON document
    BEGIN
        INSERT INTO event (document_id, at, run_id, batch_id, from_state, to_state, detail)
        VALUES (NEW.id, NEW.updated, NEW.changed_by, NEW.batch_id, NULL, NEW.state, NEW.reason);
    END
    """,
    """
    CREATE TRIGGER document_moved AFTER UPDATE OF state ON document
    BEGIN
        INSERT INTO event (document_id, at, run_id, batch_id, from_state, to_state, detail)
        VALUES (NEW.id, NEW.updated, NEW.changed_by, NEW.batch_id, OLD.state, NEW.state, NEW.reason);
    END
    """,
    """
    CREATE TRIGGER event_stays BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'history is never deleted'); END
    """,
)
"""The rules that hold whatever program writes to the file."""


def open_engine(url: URL) -> Engine:
    """An engine on the file, which is created; it and its companions are readable by its owner only.

    Raises:
        Refusal: `ledger-url`.
        OSError: it cannot be made.
    """
    path = database_path(url)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its -wal and -shm files the mode of the file itself.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)
    engine = create_engine(url, pool_size=32, hide_parameters=True)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


@contextmanager
def opening(engine: Engine) -> Iterator[Connection]:
    """The transaction in which the tables are made or migrated, one process after the other."""
    with (
        FileLock(f"{database_path(engine.url).resolve()}.lock", mode=0o600, fallback_to_soft=False),
        _writer(engine).begin() as connection,
    ):
        yield connection


def shown(url: URL) -> str:
    """The ledger's name in messages."""
    return str(url.database)


def database_path(url: URL) -> Path:
    """The ledger's file.

    Raises:
        Refusal: `ledger-url`.
    """
    if url.database in {None, "", ":memory:"}:
        raise refuse("ledger-url", url=f"sqlite:///{url.database}" if url.database else "sqlite://")
    return Path(str(url.database))


def new_ids(connection: Connection, table: Table, count: int) -> Sequence[int]:
    """Ids for so many new rows: the write lock is ours until the commit, nobody else gives any meanwhile."""
    first = (connection.scalar(select(func.max(table.c.id))) or 0) + 1
    return range(first, first + count)


def take_turn(_connection: Connection, _name: str, *, shared: bool) -> None:
    """Nothing: transactions that write take turns by themselves, `shared` or not."""


def clock(_connection: Connection, ahead: float = 0.0) -> str:
    """The time so many seconds from now: there is one machine, so its own."""
    return now(ahead)


def reader(engine: Engine) -> Engine:
    """The engine for transactions that see the ledger at one moment: every one does."""
    return engine


def require_room(engine: Engine, wanted: int = 0) -> None:
    """See that the disk can take `wanted` more bytes, and what sending will have to record.

    Raises:
        Unrecordable: `disk-full`. Nothing that is planned after it may be sent.
    """
    folder = database_path(engine.url).absolute().parent
    free = shutil.disk_usage(folder).free
    if free < wanted + ROOM:
        needed = _megabytes(wanted + ROOM)
        raise Unrecordable(finding("disk-full", folder=folder, free=_megabytes(free), needed=needed))


def damage(engine: Engine) -> str | None:
    """What the database itself finds wrong with its file, in a line; None if nothing.

    Raises:
        Refusal: `ledger-unusable`: it cannot even be read.
    """
    try:
        with engine.connect() as connection:
            told = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one())
            lost = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    except DBAPIError as error:
        raise refuse("ledger-unusable", path=shown(engine.url), reason=cause(error)) from error
    if told != "ok":
        return told.splitlines()[-1]
    return f"{lost[0]} {lost[1]} → {lost[2]}" if lost else None


def forget(engine: Engine) -> None:
    """Empty the write-ahead log into the file, so that what was purged is in neither."""
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")  # a checkpoint is no part of a transaction
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")


class Locks:
    """The operating system's locks on files beside the ledger's; it frees them when the process ends.

    A lock cannot be shared here: what wants to share it has it alone.
    """

    def __init__(self, engine: Engine) -> None:
        self._writer = _writer(engine)
        # Resolved: the same file under another name, by a link, is the same ledger.
        self._path = database_path(engine.url).resolve()
        self._held: dict[str, FileLock] = {}

    def take(self, name: str, *, shared: bool) -> bool:  # noqa: ARG002 - see the class
        """Take the lock of that name if it is free."""
        # A soft lock is a file that a dead process leaves behind: rather none than that.
        path = f"{self._path}.{name}.lock"
        lock = FileLock(path, timeout=0, mode=0o600, thread_local=False, fallback_to_soft=False)
        try:
            lock.acquire()
        except Timeout:
            return False
        self._held[name] = lock
        return True

    def give(self, name: str) -> None:
        """Give a lock free."""
        self._held.pop(name).release()

    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction that writes: it takes the write lock at its beginning.

        One that reads first and then writes could otherwise fail half way.
        """
        return self._writer.begin()


def _writer(engine: Engine) -> Engine:
    return engine.execution_options(writes=True)


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # sqlite3 would begin transactions by rules of its own
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _on_begin(connection: Connection) -> None:
    writes: Any = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.0f} MB"
