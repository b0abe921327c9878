"""What became of each export that was taken, and what people were told: `journal.sqlite` beside the inbox.

The ledger alone keeps an invoice from being sent twice; the journal keeps exports from being lost, run
again for nothing, or told of twice. It is written before each step and after it, so that a start after a
crash knows where to go on.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Self

from pipeline.findings import refuse
from pipeline.nightly.config import is_corrections_name
from pipeline.nightly.folders import Stamp

NAME = "journal.sqlite"

_VERSION = 1
_SCHEMA = """
CREATE TABLE export (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- stands in the keys of facts
    name TEXT NOT NULL,                -- its first file, as it was named in inbox/
    files TEXT NOT NULL,               -- JSON: every file's name in inbox/ to its stamp there
    source TEXT,                       -- null: inbox.toml has none for it
    place TEXT NOT NULL,               -- its folder, from the inbox's own; its files lie in it
    goes_to TEXT,                      -- where the folder goes once it is run; null: it stays
    state TEXT NOT NULL CHECK (state IN ('taken', 'run', 'moved')),
    taken TEXT NOT NULL,               -- times are UTC, ISO 8601
    tried TEXT,                        -- when it was last run
    sha256 TEXT,
    exit_code INTEGER,
    run_id TEXT,
    seconds REAL,
    outcomes TEXT,                     -- JSON: outcome to {count, net, vat, total}
    same_as INTEGER REFERENCES export  -- it was not run: the same content was done before
);
CREATE INDEX export_content ON export (sha256);
CREATE TABLE fact (
    key TEXT PRIMARY KEY,              -- what is told once
    at TEXT NOT NULL,
    level TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    attachment TEXT,                   -- a file, from the inbox's own folder
    tags TEXT NOT NULL,                -- JSON: who is told
    told INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE told (
    key TEXT NOT NULL REFERENCES fact,
    server TEXT NOT NULL,              -- a hash of its URL
    at TEXT NOT NULL,
    PRIMARY KEY (key, server)
);
CREATE TABLE beginning (at TEXT NOT NULL);
"""


class Export(NamedTuple):
    """A row of the journal; see its schema above."""

    id: int
    name: str
    files: str
    source: str | None
    place: str
    goes_to: str | None
    state: str
    taken: str
    tried: str | None
    sha256: str | None
    exit_code: int | None
    run_id: str | None
    seconds: float | None
    outcomes: str | None
    same_as: int | None

    @property
    def stamps(self) -> dict[str, Stamp]:
        """Each file's name, without folders, and what it looked like in the inbox."""
        return {PurePosixPath(name).name: Stamp(*stamp) for name, stamp in json.loads(self.files).items()}

    @property
    def shown(self) -> str:
        """Its files' names, for people."""
        return ", ".join(self.stamps)


class Fact(NamedTuple):
    """Something that people are told once. `tags` says whom; none means everybody."""

    key: str
    level: str
    title: str
    body: str
    attachment: str | None = None
    tags: Sequence[str] = ()


class Journal:
    """The journal of one folder. A context manager; one process at a time has it open.

    Args:
        folder: where it lies.
        now: the time, UTC, ISO 8601; kept as the journal's beginning when it is made.

    Raises:
        Refusal: `journal-unusable`.
    """

    def __init__(self, folder: Path, now: str) -> None:
        path = folder / NAME
        try:
            # Its own transactions: what is not committed is not there after a crash. No write-ahead log,
            # since the folder may be on a network share.
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA synchronous = FULL")
            with self.writing():
                version = self._database.execute("PRAGMA user_version").fetchone()[0]
                if version == 0:
                    self._create(now)
                elif version != _VERSION:
                    raise refuse("journal-unusable", path=path, reason=f"version {version}")
            path.chmod(0o600)
        except (OSError, sqlite3.Error) as error:
            raise refuse("journal-unusable", path=path, reason=error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction; it is durable when the block ends without an exception."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @property
    def beginning(self) -> str:
        """When the journal was made."""
        return str(self._database.execute("SELECT at FROM beginning").fetchone()[0])

    def add(self, files: Mapping[str, Stamp], source: str | None, place: str, taken: str) -> Export:
        """Record durably that an export is about to be taken to a place."""
        row = self._database.execute(
            "INSERT INTO export (name, files, source, place, state, taken)"
            " VALUES (?, ?, ?, ?, 'taken', ?) RETURNING *",
            (next(iter(files)), json.dumps(files), source, place, taken),
        ).fetchone()
        return Export(*row)

    def change(self, export: Export, **columns: Any) -> Export:
        """Record new values of an export."""
        changes = ", ".join(f"{name} = ?" for name in columns)
        self._database.execute(
            f"UPDATE export SET {changes} WHERE id = ?",  # noqa: S608 - names of columns, from the code
            (*columns.values(), export.id),
        )
        return export._replace(**columns)

    def forget(self, export: Export) -> None:
        """Remove an export that was never taken after all."""
        self._database.execute("DELETE FROM export WHERE id = ?", (export.id,))

    def unfinished(self) -> list[Export]:
        """Exports that a crash has left half-way, in the order in which they were taken."""
        return self._exports("state <> 'moved' ORDER BY id")

    def to_try_again(self, before: str) -> list[Export]:
        """Exports whose run could not be finished (3, 4) and was tried before that time."""
        return self._exports("state = 'moved' AND exit_code IN (3, 4) AND tried < ? ORDER BY id", before)

    def done_before(self, export: Export) -> Export | None:
        """An earlier export of the same source with the same content of which nothing is left to do."""
        found = self._exports(
            "sha256 = ? AND source = ? AND exit_code = 0 AND same_as IS NULL AND id <> ? ORDER BY id",
            *(export.sha256, export.source, export.id),
        )
        return found[0] if found else None

    def came(self, source: str, since: str) -> bool:
        """Whether an export of the source was taken since then.

        One that was done before does not count, nor do corrections of one.
        """
        found = self._exports("source = ? AND taken >= ? AND same_as IS NULL", source, since)
        return not all(is_corrections_name(PurePosixPath(each.name).name) for each in found)

    def last_day(self, source: str) -> list[Export]:
        """The exports that were run on the last day, by UTC, on which any of the source was."""
        return self._exports(
            "source = ? AND same_as IS NULL AND substr(tried, 1, 10) ="
            " (SELECT max(substr(tried, 1, 10)) FROM export WHERE source = ?) ORDER BY tried, id",
            *(source, source),
        )

    def last_success(self, source: str) -> str | None:
        """When a run of the source last ended with 0."""
        query = "SELECT max(tried) FROM export WHERE source = ? AND exit_code = 0 AND same_as IS NULL"
        found: str | None = self._database.execute(query, (source,)).fetchone()[0]
        return found

    def note(self, fact: Fact, at: str) -> None:
        """Have people told of a fact, unless they are or will be."""
        self._database.execute(
            "INSERT OR IGNORE INTO fact (key, at, level, title, body, attachment, tags)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (fact.key, at, fact.level, fact.title, fact.body, fact.attachment, json.dumps(list(fact.tags))),
        )

    def untold(self) -> list[Fact]:
        """Facts of which not everybody concerned has been told, oldest first."""
        rows = self._database.execute(
            "SELECT key, level, title, body, attachment, tags FROM fact WHERE NOT told ORDER BY at, key"
        ).fetchall()
        return [
            Fact(key, level, title, body, attachment, tuple(json.loads(tags)))
            for key, level, title, body, attachment, tags in rows
        ]

    def told(self, fact: Fact) -> set[str]:
        """The servers that have taken the message."""
        rows = self._database.execute("SELECT server FROM told WHERE key = ?", (fact.key,))
        return {server for (server,) in rows}

    def tell(self, fact: Fact, server: str, at: str) -> None:
        """Record that a server has taken the message."""
        self._database.execute("INSERT OR IGNORE INTO told VALUES (?, ?, ?)", (fact.key, server, at))

    def all_told(self, fact: Fact) -> None:
        """Record that everybody concerned has been told."""
        self._database.execute("UPDATE fact SET told = 1 WHERE key = ?", (fact.key,))

    def _create(self, now: str) -> None:
        for statement in _SCHEMA.split(";\n"):
            self._database.execute(statement)
        self._database.execute("INSERT INTO beginning VALUES (?)", (now,))
        self._database.execute(f"PRAGMA user_version = {_VERSION}")

    def _exports(self, where: str, *values: object) -> list[Export]:
        query = f"SELECT * FROM export WHERE {where}"  # noqa: S608 - texts of this module
        return [Export(*row) for row in self._database.execute(query, values)]
