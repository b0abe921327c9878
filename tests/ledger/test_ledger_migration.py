"""Ledgers as version 2 of the program left them (`ledger_v2.*.sql`), opened by that of today."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest
from ledger_made import begin, findings, invoice, opened, outcomes, rows, settled, states, table, url
from sqlalchemy import inspect

from pipeline.ledger import purge
from pipeline.ledger.database import MIGRATIONS
from pipeline.ledger.exposure import exposed_contents
from pipeline.ledger.states import State


@pytest.fixture
def old(tmp_path: Path, database: str) -> Path:
    """The folder of a ledger of version 2.

    1000 was accepted and purged; 1001 and one without a number were accepted; 1002 is unknown; 1003 was
    unknown, not found, and is planned with another price; 1004 is planned.
    """
    script = Path(__file__).with_name(f"ledger_v2.{database}.sql").read_text(encoding="utf-8")
    if database == "sqlite":
        with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
            connection.executescript(script)
        connection.close()
    else:
        with psycopg.connect(url(tmp_path)) as server:
            server.execute(script.encode())
    return tmp_path


def test_what_documents_say_has_a_table_of_its_own(old: Path) -> None:
    """Every payload that was kept is there once; what was purged stays forgotten."""
    with opened(old) as ledger:
        assert rows(ledger, "SELECT value FROM meta WHERE key = 'schema_version'") == [
            str(len(MIGRATIONS) + 1)
        ]
        assert "payload" not in {each["name"] for each in inspect(ledger.engine).get_columns("document")}
        kept = table(
            ledger,
            "SELECT billnum, payload FROM content JOIN document ON document_id = document.id"
            " WHERE billnum IS NOT NULL ORDER BY billnum",
        )
    assert [billnum for billnum, _ in kept] == ["1001", "1002", "1003", "1004"]
    for billnum, payload in kept:
        assert f'"billnum":"{billnum}"' in payload


def test_nothing_goes_again(old: Path) -> None:
    """What was accepted is known by its content, and what differs is told, unless it was purged."""
    documents = [
        invoice("1000", company="Kallen Oy"),
        invoice("1001", row=3, price="1.00"),
        invoice(None, row=4),
        invoice("1002", row=5),
    ]
    with opened(old) as ledger:
        run = begin(ledger)
        assert run.plan(documents) == []
        assert outcomes(run) == ["already-accepted", "conflict", "already-accepted", "unknown"]
        assert "payrow 1 amount: 100.00 → 1.00" in findings(run)[0][1]
        changed = begin(ledger)
        changed.plan([invoice("1000", company="Pekan Oy")])
        assert "the earlier content is no longer kept (purge)" in findings(changed)[0][1]


def test_what_may_have_arrived_is_known(old: Path) -> None:
    """The content of an earlier attempt is told from the one that is planned now."""
    with opened(old) as ledger:
        [key] = rows(ledger, "SELECT id FROM document WHERE billnum = '1003'")
        [earlier] = exposed_contents(ledger, key)
        assert not earlier.current
        assert '"amount":"100.00"' in earlier.columns["payload"]
        assert '"amount":"7.00"' in earlier.planned_payload


def test_it_goes_on_as_any_other(old: Path) -> None:
    """What was planned can be sent; what ended can be purged."""
    with opened(old) as ledger:
        settled(ledger, [invoice("1003", price="8.00"), invoice("1004", row=3)], State.ACCEPTED)
        assert states(ledger)["1003"] == states(ledger)["1004"] == "accepted"
        assert purge(ledger, "2999-01-01") == 4
        assert rows(ledger, "SELECT identity FROM document JOIN content ON document_id = document.id") == [
            "1002"
        ]
