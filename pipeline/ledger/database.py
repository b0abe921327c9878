"""The database below the ledger: opened by URL, brought to today's schema, written to in bulk.

What differs between the databases lies in `sqlite` and `postgresql`; only this module chooses.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Protocol

from sqlalchemy import (
    URL,
    Connection,
    Delete,
    Dialect,
    Engine,
    Table,
    Update,
    insert,
    inspect,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoResultFound, OperationalError

from pipeline.findings import Refusal, finding, refuse
from pipeline.ledger import postgresql, sqlite
from pipeline.ledger.recording import Unrecordable, cause
from pipeline.ledger.states import TRANSITIONS
from pipeline.ledger.tables import content, meta, metadata, outbox, status_answer, status_update, transition

NUL = "␀"
"""What stands for the character 0, which PostgreSQL's texts cannot hold; exports have it by mistake only."""

Migration = Callable[[Connection], None]


def _to_2(connection: Connection) -> None:
    """What `follow` hears: the answers, and the changes that they told. What waits for shared senders."""
    for table in (status_answer, status_update, outbox):
        table.create(connection)
    connection.execute(text("ALTER TABLE batch ADD COLUMN lease_until TEXT"))


def _to_3(connection: Connection) -> None:
    """What documents say gets a table of its own."""
    content.create(connection)
    connection.execute(
        text(
            "INSERT INTO content (document_id, payload)"
            " SELECT id, payload FROM document WHERE payload IS NOT NULL ORDER BY id"
        )
    )
    connection.execute(text("ALTER TABLE document DROP COLUMN payload"))


MIGRATIONS: tuple[Migration, ...] = (_to_2, _to_3)
"""`MIGRATIONS[n]` turns a ledger of version n + 1 into one of version n + 2."""


class HeldLocks(Protocol):
    """What a ledger holds against other processes, and what it writes with."""

    def take(self, name: str, *, shared: bool) -> bool:
        """Take the lock of that name if it is free; one that is shared, if nobody has it alone."""

    def give(self, name: str) -> None:
        """Give a lock free."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """One transaction that writes, durable at its end."""


class Backend(Protocol):
    """What a database has to have; `sqlite` and `postgresql` are such modules."""

    COMES_BACK: bool
    TRIGGERS: tuple[str, ...]

    def open_engine(self, url: URL, /) -> Engine:
        """An engine on the database."""

    def opening(self, engine: Engine, /) -> AbstractContextManager[Connection]:
        """The transaction in which the tables are made or migrated, one process after the other."""

    def shown(self, url: URL, /) -> str:
        """The ledger's name in messages, never with a password."""

    def new_ids(self, connection: Connection, table: Table, count: int, /) -> Sequence[int]:
        """Ids for so many new rows, rising."""

    def take_turn(self, connection: Connection, name: str, /, *, shared: bool) -> None:
        """Wait until no other transaction has that turn; until no other has it alone, if `shared`."""

    def clock(self, connection: Connection, ahead: float = 0.0, /) -> str:
        """The time so many seconds from now, the same for all who use the ledger."""

    def reader(self, engine: Engine, /) -> Engine:
        """The engine for transactions that see the ledger at one moment."""

    def require_room(self, engine: Engine, wanted: int = 0, /) -> None:
        """See that there is room for so many bytes more."""

    def damage(self, engine: Engine, /) -> str | None:
        """What is wrong with the database itself."""

    def forget(self, engine: Engine, /) -> None:
        """See that what was purged is nowhere."""

    def Locks(self, engine: Engine, /) -> HeldLocks:  # noqa: N802 - a class in each
        """The locks of one open ledger."""


_BACKENDS: Mapping[str, Backend] = {"sqlite": sqlite, "postgresql": postgresql}


def backend(url: URL) -> Backend:
    """The module of the database at `url`.

    Raises:
        Refusal: `ledger-url`: none of ours.
    """
    found = _BACKENDS.get(url.get_backend_name())
    if found is None:
        raise refuse("ledger-url", url=url.render_as_string(hide_password=True))
    return found


def parsed(url: str) -> URL:
    """The URL of a ledger.

    Raises:
        Refusal: `ledger-url`.
    """
    try:
        return make_url(url)
    except ArgumentError as error:
        raise refuse("ledger-url", url=url) from error


def open_database(url: str, migrations: Sequence[Migration] = MIGRATIONS) -> Engine:
    """An engine on the ledger at `url`, created or brought to the current version first.

    Args:
        url: `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`.
        migrations: all there are, oldest first.

    Raises:
        Refusal: `ledger-url` (not a ledger's URL), `ledger-unusable` (not a ledger, or not ours to
            write), `ledger-newer` (written by a newer version of this program), `ledger-not-durable`.
    """
    at = parsed(url)
    database = backend(at)
    try:
        engine = database.open_engine(at)
        try:
            with database.opening(engine) as connection:
                _bring_up_to_date(connection, migrations, database)
        except BaseException:
            engine.dispose()
            raise
    except (OSError, DBAPIError, NoResultFound) as error:
        found = finding("ledger-unusable", path=database.shown(at), reason=cause(error).rstrip("."))
        later = database.COMES_BACK and isinstance(error, OperationalError)
        raise (Unrecordable if later else Refusal)(found) from error
    return engine


def shown(engine: Engine) -> str:
    """The ledger's name in messages, never with a password."""
    return backend(engine.url).shown(engine.url)


def reader(engine: Engine) -> Engine:
    """The engine for transactions that see the ledger at one moment, however long they take."""
    return backend(engine.url).reader(engine)


def damage(engine: Engine) -> str | None:
    """What the database itself finds wrong with its file, in a line; None if nothing.

    Raises:
        Refusal: `ledger-unusable`: it cannot even be read.
    """
    return backend(engine.url).damage(engine)


def insert_rows(
    connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows: values of the columns of those names, in that order.

    SQLAlchemy's own `execute(insert(table), rows)` takes three times as long: it looks at every value.
    All ours are texts, integers and bytes.
    """
    if rows:
        values = list(rows) if connection.dialect.positional else list(map(_storable, rows))
        connection.exec_driver_sql(_insertion(table, tuple(names), connection.dialect), values)


def execute_rows(
    connection: Connection,
    statement: Update | Delete,
    names: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
) -> int:
    """Execute an update, or a deletion, once for each row; returns how many rows of the table it changed.

    Args:
        connection: in a transaction.
        statement: built once, so that it is compiled once; why: see `insert_rows`.
        names: its parameters, in the order of SQLite's statement, which takes them as they are.
        rows: their values.
    """
    if not rows:
        return 0
    written, by_place = compiled_for(connection.dialect, statement, names)
    values = list(rows) if by_place else [dict(zip(names, _storable(row), strict=True)) for row in rows]
    return connection.exec_driver_sql(written, values).rowcount


def _storable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each.replace("\0", NUL) if type(each) is str and "\0" in each else each for each in row)


@cache
def _insertion(table: Table, names: tuple[str, ...], dialect: Dialect) -> str:
    mark = "?" if dialect.positional else "%s"
    quote = dialect.identifier_preparer.quote
    return (
        f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, names))})"  # noqa: S608 - our own names
        f" VALUES ({', '.join([mark] * len(names))})"
    )


@cache
def compiled_for(dialect: Dialect, statement: Update | Delete, names: tuple[str, ...]) -> tuple[str, bool]:
    """The statement as the driver takes it, and whether its parameters go by place, not by name."""
    compiled: Any = statement.compile(dialect=dialect)
    if compiled.positional and tuple(compiled.positiontup) != names:
        raise RuntimeError(f"the statement takes {compiled.positiontup}")
    return str(compiled), compiled.positional


def _bring_up_to_date(connection: Connection, migrations: Sequence[Migration], database: Backend) -> None:
    current = len(migrations) + 1
    if not inspect(connection).has_table(meta.name):
        _create(connection, current, database.TRIGGERS)
        return
    version = int(connection.scalars(select(meta.c.value).where(meta.c.key == "schema_version")).one())
    if version > current:
        path = database.shown(connection.engine.url)
        raise refuse("ledger-newer", path=path, version=version, known=current)
    for migrate in migrations[version - 1 :]:
        migrate(connection)
    if version < current:
        connection.execute(update(meta).where(meta.c.key == "schema_version").values(value=str(current)))


def _create(connection: Connection, version: int, triggers: Sequence[str]) -> None:
    metadata.create_all(connection)
    for trigger in triggers:
        connection.exec_driver_sql(trigger)
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
