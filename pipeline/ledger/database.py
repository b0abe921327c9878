"""The database below the ledger: connections, durability, schema versions, and what it enforces itself.

Everything that knows SQLite is in this module.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    Table,
    Update,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoResultFound

from pipeline.findings import Refusal, finding, refuse
from pipeline.ledger.states import TRANSITIONS
from pipeline.ledger.tables import meta, metadata, status_answer, status_update, transition

Migration = Callable[[Connection], None]


def _to_2(connection: Connection) -> None:
    """What `follow` hears: the answers, and the changes that they told."""
    for table in (status_answer, status_update):
        table.create(connection)


MIGRATIONS: tuple[Migration, ...] = (_to_2,)
"""`MIGRATIONS[n]` turns a ledger of version n + 1 into one of version n + 2."""

ROOM = 64 * 1024 * 1024
"""Bytes that must be free beside the ledger before anything is sent: what is sent must be recorded after."""

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",  # macOS: an fsync there does not reach the disk without it
    "foreign_keys = ON",
    "busy_timeout = 30000",
    "secure_delete = ON",  # what is purged is gone
)

# The rules that hold whatever program writes to the file.
_TRIGGERS = (
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


class Unrecordable(Refusal):
    """What has to be recorded cannot be: nothing more may be sent. 3 when something may be on its way."""

    exit_code = 4


def open_database(url: str, migrations: Sequence[Migration] = MIGRATIONS) -> Engine:
    """An engine on the ledger at `url`, created or brought to the current version first.

    Args:
        url: `sqlite:///FILE`. The file and its companions are readable by its owner only.
        migrations: all there are, oldest first.

    Raises:
        Refusal: `ledger-url` (not a ledger's URL), `ledger-unusable` (not a ledger, or not ours to
            write), `ledger-newer` (written by a newer version of this program).
    """
    path = database_path(url)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its -wal and -shm files the mode of the file itself.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
        engine = create_engine(make_url(url), pool_size=32, hide_parameters=True)
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
        # Two processes may both find an empty file: one creates the tables, the other waits.
        with (
            FileLock(f"{path}.lock", mode=0o600, fallback_to_soft=False),
            writer(engine).begin() as connection,
        ):
            _bring_up_to_date(connection, migrations, path)
    except (OSError, sqlite3.Error, DBAPIError, NoResultFound) as error:
        raise refuse("ledger-unusable", path=path, reason=first_line(error)) from error
    return engine


def database_path(url: str) -> Path:
    """The file of a `sqlite:///FILE` URL.

    Raises:
        Refusal: `ledger-url`.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise refuse("ledger-url", url=url) from error
    if parsed.get_backend_name() != "sqlite":
        raise refuse("ledger-url", url=parsed.render_as_string(hide_password=True))
    if parsed.database in {None, "", ":memory:"}:
        raise refuse("ledger-url", url=url)
    return Path(str(parsed.database))


def writer(engine: Engine) -> Engine:
    """The engine for transactions that write: they take the write lock at their beginning.

    A transaction that reads first and then writes could otherwise fail half way.
    """
    return engine.execution_options(writes=True)


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same keys, column names of the table.

    SQLAlchemy's own `execute(insert(table), rows)` takes three times as long: it looks at every value.
    All ours are texts and integers.
    """
    if not rows:
        return
    names = list(rows[0])
    statement = str(insert(table).compile(connection.engine, column_keys=names))
    # The statement's order of values is the table's order of columns.
    pick = itemgetter(*[column.name for column in table.columns if column.name in rows[0]])
    connection.exec_driver_sql(statement, [pick(row) for row in rows])


def execute_rows(connection: Connection, statement: Update, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute an update once for each row; all its values are parameters. Why: see `insert_rows`."""
    written, pick = _positional(statement, connection.dialect)
    connection.exec_driver_sql(written, [pick(row) for row in rows])


@cache
def _positional(statement: Update, dialect: Dialect) -> tuple[str, itemgetter[Any]]:
    compiled = statement.compile(dialect=dialect)
    return str(compiled), itemgetter(*(compiled.positiontup or ()))


def require_room(engine: Engine, wanted: int = 0) -> None:
    """See that the disk can take `wanted` more bytes, and what sending will have to record.

    Raises:
        Unrecordable: `disk-full`. Nothing that is planned after it may be sent.
    """
    folder = Path(str(engine.url.database)).absolute().parent
    free = shutil.disk_usage(folder).free
    if free < wanted + ROOM:
        needed = _megabytes(wanted + ROOM)
        raise Unrecordable(finding("disk-full", folder=folder, free=_megabytes(free), needed=needed))


def damage(engine: Engine) -> str | None:
    """What the database itself finds wrong with its file, in a line; None if nothing.

    Raises:
        Refusal: `ledger-unusable`: it cannot even be read.
    """
    if engine.dialect.name != "sqlite":
        return None  # a database server looks after its own
    try:
        with engine.connect() as connection:
            told = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one())
            lost = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    except DBAPIError as error:
        raise refuse("ledger-unusable", path=engine.url.database, reason=first_line(error)) from error
    if told != "ok":
        return told.splitlines()[-1]
    return f"{lost[0]} {lost[1]} → {lost[2]}" if lost else None


def truncate_log(engine: Engine) -> None:
    """Empty the write-ahead log into the file, so that what was purged is in neither."""
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")  # a checkpoint is no part of a transaction
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # sqlite3 would begin transactions by rules of its own
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _bring_up_to_date(connection: Connection, migrations: Sequence[Migration], path: Path) -> None:
    current = len(migrations) + 1
    if not inspect(connection).has_table(meta.name):
        _create(connection, current)
        return
    version = int(connection.scalars(select(meta.c.value).where(meta.c.key == "schema_version")).one())
    if version > current:
        raise refuse("ledger-newer", path=path, version=version, known=current)
    for migrate in migrations[version - 1 :]:
        migrate(connection)
    if version < current:
        connection.execute(update(meta).where(meta.c.key == "schema_version").values(value=str(current)))


def _create(connection: Connection, version: int) -> None:
    metadata.create_all(connection)
    for trigger in _TRIGGERS:
        connection.execute(text(trigger))
    connection.execute(
        insert(transition),
        [{"from_state": before, "to_state": after} for before, after in sorted(TRANSITIONS)],
    )
    connection.execute(
        insert(meta),
        [
            {"key": "schema_version", "value": str(version)},
            {"key": "hash_key", "value": secrets.token_hex(32)},
        ],
    )


def first_line(error: Exception) -> str:
    """What the database says, without what SQLAlchemy adds."""
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.0f} MB"
