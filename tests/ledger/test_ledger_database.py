"""The file of the ledger: who may read it, what it survives, how it grows older."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_made import begin, invoice, invoices, opened, rows, settled, states, table, url
from sqlalchemy import event, inspect, text

from pipeline.findings import Refusal
from pipeline.ledger import Unrecordable, open_ledger, sqlite
from pipeline.ledger.database import MIGRATIONS, open_database, shown
from pipeline.ledger.states import State

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@SQLITE
def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    """Every file is 0600, the folder 0700, also when the file was open to others before."""
    folder = tmp_path / "new" / "ledger"
    with opened(folder) as ledger:
        settled(ledger, [invoice()], State.ACCEPTED)
        files = {path.name.rsplit("-")[-1]: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert len(files) == 6
        assert set(files.values()) == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "ledger.sqlite").chmod(0o644)
    with opened(folder):
        assert stat.S_IMODE((folder / "ledger.sqlite").stat().st_mode) == 0o600


@SQLITE
def test_a_commit_is_on_the_disk(tmp_path: Path) -> None:
    """Write-ahead log, full sync, foreign keys: on every connection."""
    with opened(tmp_path) as ledger, ledger.engine.connect() as one, ledger.engine.connect() as two:
        for connection in (one, two):
            settings = [
                connection.execute(text(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
            ]
            assert settings == ["wal", 2, 1, 1]


@SQLITE
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "“” is not the URL of a ledger."),
        ("ledger.sqlite", "“ledger.sqlite” is not the URL of a ledger."),
        ("sqlite://", "“sqlite://” is not the URL of a ledger."),
        ("sqlite:///:memory:", "“sqlite:///:memory:” is not the URL of a ledger."),
        ("mysql://me:secret@db/x", "“mysql://me:***@db/x” is not the URL of a ledger."),
    ],
)
def test_what_is_no_ledger_url(given: str, message: str) -> None:
    """Anything but a file of SQLite or a server of PostgreSQL is refused, without showing a password."""
    with pytest.raises(Refusal) as refused:
        open_ledger(given)
    assert str(refused.value) == message


@SQLITE
def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    """Another file is refused and stays as it is."""
    file = tmp_path / "ledger.sqlite"
    file.write_text("Laskunumero;Summa\n" * 100)
    with pytest.raises(Refusal) as refused:
        open_ledger(url(tmp_path))
    assert str(refused.value) == f"The ledger {file} cannot be used: file is not a database."
    assert file.read_text() == "Laskunumero;Summa\n" * 100


@SQLITE
def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    """Nor is a folder."""
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(Refusal, match=r"cannot be used: \[Errno 21\] Is a directory"):
        open_ledger(url(tmp_path))


@SQLITE
def test_another_programs_database(tmp_path: Path) -> None:
    """A database with a `meta` table of its own is refused."""
    with sqlite3.connect(tmp_path / "ledger.sqlite") as other:
        other.execute("CREATE TABLE meta (name TEXT)")
    other.close()
    with pytest.raises(Refusal, match=r"cannot be used: no such column: meta\.value"):
        open_ledger(url(tmp_path))


def test_a_newer_ledger_is_left_alone(tmp_path: Path) -> None:
    """A version that this program does not know is refused."""
    with opened(tmp_path) as ledger, ledger.writing() as connection:
        connection.execute(text("UPDATE meta SET value = '99' WHERE key = 'schema_version'"))
    with pytest.raises(Refusal) as refused:
        open_ledger(url(tmp_path))
    assert str(refused.value) == (
        f"The ledger {shown(ledger.engine)} was written by a newer version of this program"
        " (schema 99; this one knows 3)."
    )


@SQLITE
def test_the_schema_of_a_version_never_changes(tmp_path: Path) -> None:
    """What is created today is what the kept schema of its version says: a change needs a migration."""
    with opened(tmp_path) as ledger:
        (version,) = rows(ledger, "SELECT value FROM meta WHERE key = 'schema_version'")
        made = rows(ledger, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name")
    kept = Path(__file__).with_name(f"schema_v{version}.sql").read_text(encoding="utf-8")
    assert _plain(";".join(made)) == _plain(kept)


def _plain(statements: str) -> list[str]:
    return [line for each in statements.split(";") if (line := " ".join(each.split()))]


def test_an_older_ledger_is_migrated(tmp_path: Path) -> None:
    """Each migration that a ledger lacks runs once, in order; the documents stay."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice()], State.ACCEPTED)
    steps = [
        lambda connection: connection.execute(text("ALTER TABLE document ADD COLUMN colour TEXT")),
        lambda connection: connection.execute(text("UPDATE document SET colour = 'red'")),
    ]
    for known in (steps[:1], steps, steps):
        open_database(url(tmp_path), (*MIGRATIONS, *known)).dispose()
    engine = open_database(url(tmp_path), (*MIGRATIONS, *steps))
    with engine.connect() as connection:
        assert [*connection.execute(text("SELECT identity, state, colour FROM document"))] == [
            ("1001", "accepted", "red")
        ]
        version = connection.scalar(text("SELECT value FROM meta WHERE key = 'schema_version'"))
        assert version == str(len(MIGRATIONS) + 3)
    engine.dispose()


@SQLITE
def test_a_ledger_of_version_1_becomes_one_of_today(tmp_path: Path) -> None:
    """After all migrations its tables are those of a new ledger, and what was in it is there."""
    schema = Path(__file__).with_name("schema_v1.sql").read_text(encoding="utf-8")
    with sqlite3.connect(tmp_path / "ledger.sqlite") as old:
        tables_first = sorted(schema.split(";\n\n"), key=lambda each: not each.startswith("CREATE TABLE"))
        for statement in tables_first:
            old.execute(statement)
        old.execute("INSERT INTO meta VALUES ('schema_version', '1'), ('hash_key', 'ab12')")
        old.execute(
            "INSERT INTO run (id, command, environment, cid, started, facts)"
            " VALUES ('r1', 'run', 'sandbox', '1001', '2026-11-20T02:15:00Z', '{}')"
        )
    old.close()
    schemas = []
    for folder in (tmp_path, tmp_path / "new"):
        with opened(folder) as ledger:
            made = rows(ledger, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name")
            schemas.append(_plain(";".join(made)))
            version = rows(ledger, "SELECT value FROM meta WHERE key = 'schema_version'")
            assert version == [str(len(MIGRATIONS) + 1)]
    assert schemas[0] == schemas[1]
    with opened(tmp_path) as ledger:
        assert rows(ledger, "SELECT id FROM run") == ["r1"]
        assert ledger.key == bytes.fromhex("ab12")


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """All of it is one transaction."""

    def fail(_: object) -> None:
        raise RuntimeError("in the middle")

    with opened(tmp_path):
        pass
    steps = [lambda connection: connection.execute(text("ALTER TABLE run ADD COLUMN colour TEXT")), fail]
    with pytest.raises(RuntimeError, match="in the middle"):
        open_database(url(tmp_path), (*MIGRATIONS, *steps))
    with opened(tmp_path) as ledger:
        assert "colour" not in {each["name"] for each in inspect(ledger.engine).get_columns("run")}


def test_many_processes_make_one_ledger(tmp_path: Path) -> None:
    """Programs that start at once agree on one file and one key."""
    program = f"from pipeline.ledger import open_ledger; print(open_ledger({url(tmp_path)!r}).key.hex())"
    started = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(4)]
    keys = {each.communicate()[0] for each in started}
    assert [each.returncode for each in started] == [0] * 4
    assert len(keys) == 1


@SQLITE
def test_without_room_nothing_is_planned_or_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk stops before sending: there must be room to record what is sent."""
    with opened(tmp_path) as ledger:
        run = begin(ledger)
        planned = run.plan([invoice()])
        monkeypatch.setattr(sqlite, "ROOM", 10**18)
        with pytest.raises(Refusal) as refused:
            run.begin_batch(planned)
        assert str(refused.value).startswith(f"The disk of {tmp_path} has only ")
        assert str(refused.value).endswith(
            " left; 1000000000000 MB are needed to record what is sent. Nothing more was sent."
        )
        with pytest.raises(Refusal):
            run.plan([invoice("2", row=3)])
        assert states(ledger) == {"1001": "planned"}


@SQLITE
def test_a_database_that_is_full(tmp_path: Path) -> None:
    """When SQLite itself cannot write, the chunk is not planned, and nothing is half there."""
    with opened(tmp_path) as ledger:
        run = begin(ledger)

        @event.listens_for(ledger.engine, "checkout")
        def no_more(connection: sqlite3.Connection, *_: object) -> None:
            connection.execute("PRAGMA max_page_count = 40").close()

        with pytest.raises(Unrecordable) as refused:
            run.plan(invoices(1000))
        assert str(refused.value) == (
            f"The ledger {tmp_path / 'ledger.sqlite'} cannot be written: database or disk is full."
            " Nothing more was sent."
        )
        assert states(ledger) == {}
        assert table(ledger, "SELECT * FROM invoice") == []
