"""The ledger on a PostgreSQL server: all that knows PostgreSQL.

Whoever holds a lock writes over the connection that holds it: when that is cut, lock and writing are lost
together, and nobody writes in the belief that he is alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, text
from sqlalchemy.exc import InterfaceError, OperationalError

from pipeline.findings import Finding, finding, refuse
from pipeline.ledger.recording import LockLost, Unrecordable, cause, shown_url

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

COMES_BACK = True
"""Whether a connection that is lost may be had again: the server may have been restarted."""

_NETWORK = {
    "application_name": "ropo-pipeline",
    "connect_timeout": "10",
    # A server that is gone without a word is noticed within a minute.
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}

_SESSION = (
    # A commit that was acknowledged must survive; what is stronger is left as it is.
    """
    SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                      WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)
    """,
    "SET lock_timeout = '60s'",
)

_NOTICED = 1.0
"""Seconds in which a server notices that a process is dead, and frees its locks."""

_REFUSALS = """
    CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$
"""

TRIGGERS: tuple[str, ...] = (
    _REFUSALS.format(name="refuse_beginning", message="a document begins as planned"),
    _REFUSALS.format(name="refuse_identity", message="the identity of a document never changes"),
    _REFUSALS.format(name="refuse_deletion", message="a document is never deleted"),
    _REFUSALS.format(name="refuse_forgetting", message="history is never deleted"),
    """
    CREATE FUNCTION check_transition() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM transition WHERE from_state = OLD.state AND to_state = NEW.state) THEN
            RAISE EXCEPTION 'this change of state is not allowed'
            USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION add_event() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO event (document_id, at, run_id, batch_id, from_state, to_state, detail)
        VALUES (NEW.id, NEW.updated, NEW.changed_by, NEW.batch_id,
                CASE TG_OP WHEN 'UPDATE' THEN OLD.state END, NEW.state, NEW.reason);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER document_begins BEFORE INSERT ON document FOR EACH ROW
    WHEN (NEW.state <> 'planned') EXECUTE FUNCTION refuse_beginning()
    """,
    """
    CREATE TRIGGER document_moves BEFORE UPDATE OF state ON document FOR EACH ROW
    EXECUTE FUNCTION check_transition()
    """,
    """
    CREATE TRIGGER document_is_itself BEFORE UPDATE OF environment, cid, kind, identity ON document
    FOR EACH ROW EXECUTE FUNCTION refuse_identity()
    """,
    """
    CREATE TRIGGER document_stays BEFORE DELETE OR TRUNCATE ON document
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion()
    """,
    "CREATE TRIGGER document_began AFTER INSERT ON document FOR EACH ROW EXECUTE FUNCTION add_event()",
    """
    CREATE TRIGGER document_moved AFTER UPDATE OF state ON document FOR EACH ROW
    EXECUTE FUNCTION add_event()
    """,
    """
    CREATE TRIGGER event_stays BEFORE DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_forgetting()
    """,
)
"""The rules that hold whatever program writes to the database."""

# Advisory locks are one database's; other ledgers may be in other schemas of it.
_KEY = "hashtextextended(current_schema() || '/' || CAST(:name AS text), 0)"


def open_engine(url: URL) -> Engine:
    """An engine on the server, by psycopg."""
    network: dict[str, Any] = {name: value for name, value in _NETWORK.items() if name not in url.query}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args=network,
        pool_size=8,
        max_overflow=32,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        hide_parameters=True,
    )
    event.listen(engine, "connect", _on_connect)
    return engine


@contextmanager
def opening(engine: Engine) -> Iterator[Connection]:
    """The transaction in which the tables are made or migrated, one process after the other.

    Raises:
        Refusal: `ledger-not-durable`.
    """
    with engine.begin() as connection:
        if connection.exec_driver_sql("SHOW fsync").scalar_one() != "on":
            raise refuse("ledger-not-durable", path=shown(engine.url))
        take_turn(connection, "tables", shared=False)
        yield connection
    # From now on: whoever reads or writes need not know which errors a lost connection has.
    event.listen(engine, "handle_error", _as_refusal)


def shown(url: URL) -> str:
    """The ledger's name in messages: its URL without a password, wherever it stands in it."""
    return shown_url(url)


def new_ids(connection: Connection, table: Table, count: int) -> Sequence[int]:
    """Ids for so many new rows, rising."""
    sequence = text(
        "SELECT nextval(pg_get_serial_sequence(:of, 'id')) FROM generate_series(1, CAST(:count AS bigint))"
    )
    return sorted(connection.scalars(sequence, {"of": table.name, "count": count}))


def take_turn(connection: Connection, name: str, *, shared: bool) -> None:
    """Wait until no other transaction has that turn; until no other has it alone, if `shared`."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    connection.execute(text(f"SELECT {function}({_KEY})"), {"name": f"turn/{name}"})


def clock(connection: Connection, ahead: float = 0.0) -> str:
    """The time so many seconds from now by the server's clock: those of the senders may differ."""
    return str(
        connection.scalar(
            text(
                "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC' + make_interval(secs => :ahead),"
                """ 'YYYY-MM-DD"T"HH24\\:MI\\:SS.MS"Z"')"""
            ),
            {"ahead": ahead},
        )
    )


def reader(engine: Engine) -> Engine:
    """The engine for transactions that see the ledger at one moment, however long they take."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def require_room(_engine: Engine, _wanted: int = 0) -> None:
    """Nothing: the server looks after its own disk."""


def damage(_engine: Engine) -> None:
    """Nothing: the server looks after its own files."""


def forget(_engine: Engine) -> None:
    """Nothing: what was purged is gone from pages and log as the server writes them anew."""


class Locks:
    """Session-level advisory locks, all on one connection, which also writes: the server frees both."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held: dict[str, bool] = {}
        self._connection: Connection | None = None

    def take(self, name: str, *, shared: bool) -> bool:
        """Take the lock of that name if it is free, or shared too."""
        if name in self._held:  # the server would give it to the same connection again
            return False
        if self._connection is None:
            self._connection = self._engine.connect()
        until = time.monotonic() + _NOTICED
        while not _try(self._connection, name, shared=shared):
            if time.monotonic() > until:
                self._close_unused()
                return False
            time.sleep(0.1)
        self._held[name] = shared
        return True

    def give(self, name: str) -> None:
        """Give a lock free."""
        shared = self._held.pop(name)
        if self._connection is None or self._connection.invalidated:
            return
        with suppress(Unrecordable):  # cut: the server has freed it
            function = "pg_advisory_unlock_shared" if shared else "pg_advisory_unlock"
            with self._connection.begin():
                self._connection.execute(text(f"SELECT {function}({_KEY})"), {"name": name})
        self._close_unused()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that writes.

        Raises:
            Unrecordable: the connection was cut, and what was held alone may be another's by now.
        """
        if not self._held:
            with self._engine.begin() as connection:
                yield connection
            return
        connection = self._standing()
        with connection.begin():
            yield connection

    def _standing(self) -> Connection:
        """The connection that holds the locks; a new one, if it was cut and all of them are shared."""
        if self._connection is not None and not self._connection.invalidated:
            return self._connection
        if not all(self._held.values()):
            raise LockLost(self._why("the connection was cut, and with it the lock is lost"))
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        connection = self._engine.connect()
        for name in self._held:
            if not _try(connection, name, shared=True):
                connection.invalidate()
                connection.close()
                why = "the connection was cut, and another run has the lock by now"
                raise Unrecordable(self._why(why))
        self._connection = connection
        return connection

    def _why(self, reason: str) -> Finding:
        return finding("ledger-unwritable", path=shown(self._engine.url), reason=reason)

    def _close_unused(self) -> None:
        if self._connection is not None and not self._held:
            self._connection.close()
            self._connection = None


def _try(connection: Connection, name: str, *, shared: bool) -> bool:
    function = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
    with connection.begin():
        return bool(connection.scalar(text(f"SELECT {function}({_KEY})"), {"name": name}))


def _on_connect(connection: Any, _record: object) -> None:
    for statement in _SESSION:
        connection.execute(statement)
    connection.commit()


def _as_refusal(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    if isinstance(error, (OperationalError, InterfaceError)) and not context.is_pre_ping:
        path = shown(context.engine.url) if context.engine is not None else ""
        context.chained_exception = Unrecordable(
            finding("ledger-unwritable", path=path, reason=cause(error).rstrip("."))
        )
