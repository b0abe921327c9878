"""What a PostgreSQL server may do to a ledger: be restarted, cut connections, be gone, not be durable."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from cluster_world import Server, server
from ledger_made import CID, ENVIRONMENT, begin, invoices, outcomes, states
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from pipeline.document import Outcome
from pipeline.findings import Refusal
from pipeline.ledger import AnotherRunAtWork, Hold, Unrecordable, database, ledger, open_ledger, outbox
from pipeline.ledger.recording import LockLost
from pipeline.ledger.run import Answered, Settlement
from pipeline.ledger.states import State

ANSWERED = Answered(201, "counted", "", 1)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """A server that only these tests use."""
    with server() as each:
        yield each


@pytest.fixture
def url(running: Server) -> str:
    """An empty database of it."""
    with psycopg.connect(running.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return running.url


def test_a_sender_outlives_its_connection(running: Server, url: str) -> None:
    """Cut off or restarted, it takes its lock again, and what was answered meanwhile is recorded."""
    with open_ledger(url) as planner, planner.lock(ENVIRONMENT, CID, Hold.PLANNING):
        plan = begin(planner)
        outbox.put(plan, plan.plan(invoices(3)), late=False)
    with open_ledger(url) as held, held.lock(ENVIRONMENT, CID, Hold.SENDING):
        run = held.begin_sending("send", ENVIRONMENT, CID, {}, size=1)
        for trouble in (running.cut, running.restart, running.cut):
            batch = run.begin_batch([])
            assert len(batch.documents) == 1
            trouble()
            yes = [
                Settlement(each.document_id, (State.ACCEPTED,), Outcome.ACCEPTED, "so it was told")
                for each in batch.documents
            ]
            run.end_batch(batch, ANSWERED, yes)
            with open_ledger(url) as other, pytest.raises(AnotherRunAtWork), other.lock(ENVIRONMENT, CID):
                pass
        running.cut()
        run.finish(0)
        assert outcomes(run) == ["accepted"] * 3


def test_who_was_alone_writes_no_more(running: Server, url: str) -> None:
    """When the connection is cut that holds the lock, another may take it; the first cannot write again."""
    with open_ledger(url) as first, open_ledger(url) as second:
        with first.lock(ENVIRONMENT, CID):
            run = begin(first)
            planned = run.plan(invoices(2))
            running.cut()
            with pytest.raises(Unrecordable, match="cannot be written: ") as refused:
                run.begin_batch(planned)
            assert refused.value.exit_code == 4
            with second.lock(ENVIRONMENT, CID):
                begin(second)
                with pytest.raises(LockLost) as lost:
                    run.begin_batch(planned)
                assert str(lost.value).endswith(
                    " cannot be written: the connection was cut, and with it the lock is lost."
                    " Nothing more was sent."
                )
        assert states(second) == {"1001": "planned", "1002": "planned"}


def test_a_sender_that_meets_a_run_alone(running: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off, it does not write while another run has the lock alone, and gives up in the end."""
    monkeypatch.setattr(ledger, "PATIENCE", 0.5)
    with open_ledger(url) as first, open_ledger(url) as second, first.lock(ENVIRONMENT, CID, Hold.SENDING):
        run = first.begin_sending("send", ENVIRONMENT, CID, {}, size=1)
        running.cut()
        with (
            second.lock(ENVIRONMENT, CID),
            pytest.raises(Unrecordable, match="another run has the lock by now"),
        ):
            run.finish(0)
        run.finish(0)


def test_a_server_that_is_gone(running: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for, not for ever; then sending stops with 4, and the next command says so too."""
    monkeypatch.setattr(ledger, "PATIENCE", 0.5)
    with open_ledger(url) as held:
        run = begin(held, sends=False)
        with running.gone():
            with pytest.raises(Unrecordable, match="cannot be written: ") as refused:
                run.finish(0)
            assert refused.value.exit_code == 4
            with pytest.raises(Unrecordable, match="cannot be used: "):
                open_ledger(url)
        run.finish(0)


def test_a_commit_is_durable(running: Server, url: str) -> None:
    """Whatever the database's own setting, a commit waits for the disk; one that never does is refused."""
    with psycopg.connect(running.url, autocommit=True) as connection:
        connection.execute("ALTER DATABASE postgres SET synchronous_commit = off")
        try:
            with open_ledger(url) as held, held.engine.connect() as one:
                assert one.scalar(text("SHOW synchronous_commit")) == "on"
        finally:
            connection.execute("ALTER DATABASE postgres RESET synchronous_commit")
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
        try:
            while connection.execute("SHOW fsync").fetchone() != ("off",):
                pass
            with pytest.raises(Refusal) as refused:
                open_ledger(url)
        finally:
            connection.execute("ALTER SYSTEM RESET fsync")
            connection.execute("SELECT pg_reload_conf()")
        while connection.execute("SHOW fsync").fetchone() != ("on",):
            pass
    assert refused.value.finding.code == "ledger-not-durable"
    assert str(refused.value).endswith(
        " cannot be used: its server is set not to wait for the disk (fsync = off)."
    )


def test_a_report_sees_one_moment(url: str) -> None:
    """What is written while a report is made is in the next report, and a report cannot write."""
    with open_ledger(url) as held, held.lock(ENVIRONMENT, CID):
        run = begin(held)
        run.plan(invoices(1))
        with database.reader(held.engine).connect() as reading:
            count = text("SELECT count(*) FROM document")
            assert reading.scalar(count) == 1
            run.plan(invoices(2, first=2001))
            assert reading.scalar(count) == 1
            with pytest.raises(DBAPIError, match="read-only transaction"):
                reading.execute(text("DELETE FROM finding"))


def test_truncation_is_refused_too(url: str) -> None:
    """History and documents cannot be emptied at once either."""
    with open_ledger(url) as held, held.lock(ENVIRONMENT, CID):
        begin(held).plan(invoices(1))
        for table, message in (
            ("event", "history is never deleted"),
            ("document CASCADE", "a document is never deleted"),
        ):
            with pytest.raises(IntegrityError, match=message), held.writing() as connection:
                connection.execute(text(f"TRUNCATE {table}"))
