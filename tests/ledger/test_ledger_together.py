"""Threads that wait for their turn to write commit together, and each learns what became of its own part."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_made import execute, opened, rows
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from pipeline.ledger import Ledger, Unrecordable, together

Part = Callable[[Connection], None]


def _note(name: str) -> Part:
    return lambda connection: execute(connection, [f"INSERT INTO meta (key, value) VALUES ('{name}', '')"])


def _fails(name: str) -> Part:
    def part(connection: Connection) -> None:
        _note(name)(connection)
        raise ValueError(name)

    return part


def _noted(ledger: Ledger) -> set[str]:
    return {each for each in rows(ledger, "SELECT key FROM meta") if each.startswith("part")}


def _all_at_once(ledger: Ledger, parts: Sequence[Part]) -> list[Future[None]]:
    """Have each part written by a thread of its own, when all of them wait for their turn."""
    turns = ledger._turns

    def write(part: Part) -> None:
        with ledger.writing(joins=True) as connection:
            part(connection)

    with ThreadPoolExecutor(len(parts)) as pool:
        with turns.idle():
            futures = []
            for number, part in enumerate(parts, start=1):
                futures.append(pool.submit(write, part))
                while turns._waiting < number:
                    time.sleep(0.001)
        wait(futures)
    return futures


def _commits(ledger: Ledger, heard: Callable[[], Any]) -> None:
    event.listen(ledger.engine, "commit", lambda _: heard())


@given(failing=st.lists(st.booleans(), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_exception_undoes_its_own_part_only(
    tmp_path_factory: pytest.TempPathFactory, failing: list[bool]
) -> None:
    """Whatever parts fail, the others are there, all after one commit, and those that failed are told why."""
    parts = [_fails(f"part{at}") if fails else _note(f"part{at}") for at, fails in enumerate(failing)]
    with opened(tmp_path_factory.mktemp("ledger")) as ledger:
        commits: list[None] = []
        _commits(ledger, lambda: commits.append(None))
        written = _all_at_once(ledger, parts)
        assert [type(each.exception()) for each in written] == [
            ValueError if fails else type(None) for fails in failing
        ]
        assert _noted(ledger) == {f"part{at}" for at, fails in enumerate(failing) if not fails}
        assert len(commits) == (not all(failing))


def test_nobody_goes_on_before_the_commit(tmp_path: Path) -> None:
    """A part that is written counts as done when it is durable, not before."""
    with opened(tmp_path) as ledger:
        done: list[str] = []
        done_at_commit: list[int] = []
        _commits(ledger, lambda: done_at_commit.append(len(done)))

        def write(name: str) -> None:
            with ledger.writing(joins=True) as connection:
                _note(name)(connection)
            done.append(name)

        turns = ledger._turns
        with ThreadPoolExecutor(4) as pool:
            with turns.idle():
                futures = [pool.submit(write, f"part{number}") for number in range(4)]
                while turns._waiting < 4:
                    time.sleep(0.001)
            wait(futures)
        assert (done_at_commit, len(done)) == ([0], 4)


def test_a_commit_that_fails_fails_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them learns that nothing is recorded, and nothing is; the next may write again."""
    with opened(tmp_path) as ledger:
        dialect: Any = ledger.engine.dialect

        def full(connection: Any) -> None:
            if dialect.name == "postgresql":
                connection.rollback()  # as a server does whose commit fails
            raise dialect.dbapi.OperationalError("database or disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(dialect, "do_commit", full)
            written = _all_at_once(ledger, [_note(f"part{number}") for number in range(3)])
        for each in written:
            with pytest.raises(Unrecordable, match="cannot be written: database or disk is full"):
                each.result()
        assert _noted(ledger) == set()
        for each in _all_at_once(ledger, [_note("part0"), _note("part1")]):
            each.result()
        assert _noted(ledger) == {"part0", "part1"}


def test_what_the_database_undid_is_nobodys(tmp_path: Path) -> None:
    """When the database gives up the whole transaction, as with a full disk, nobody believes otherwise."""
    came = count(1)

    def part(connection: Connection) -> None:
        number = next(came)
        if number < 3:
            _note(f"part{number}")(connection)
        else:
            connection.exec_driver_sql("ROLLBACK")
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    with opened(tmp_path) as ledger:
        written = _all_at_once(ledger, [part] * 3)
        for each in written:
            with pytest.raises(Unrecordable, match="database or disk is full"):
                each.result()
        assert _noted(ledger) == set()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_commit_that_was_not_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes persistently does so again, each for himself, and finds what is there."""
    with opened(tmp_path) as ledger:
        dialect: Any = ledger.engine.dialect
        commit, unheard = dialect.do_commit, [True]

        def commit_unheard(connection: object) -> None:
            commit(connection)
            if unheard:
                unheard.pop()
                raise dialect.dbapi.OperationalError("the server was gone")

        def once(name: str) -> Part:
            text = f"INSERT INTO meta (key, value) VALUES ('{name}', '') ON CONFLICT DO NOTHING"
            return lambda connection: execute(connection, [text])

        turns = ledger._turns
        monkeypatch.setattr(dialect, "do_commit", commit_unheard)
        with ThreadPoolExecutor(3) as pool:
            with turns.idle():
                futures = [
                    pool.submit(ledger.persistently, once(f"part{number}"), joins=True) for number in range(3)
                ]
                while turns._waiting < 3:
                    time.sleep(0.001)
            for each in futures:
                each.result()
        assert unheard == []
        assert _noted(ledger) == {"part0", "part1", "part2"}


@pytest.mark.parametrize("who", ["itself", "a lock", "another"])
def test_one_that_was_waited_for_and_never_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """What was left to it is committed by whoever writes or locks next, else by who waits, in a while."""
    monkeypatch.setattr(together, "_LEFT", 0.01 if who == "itself" else 60.0)
    with opened(tmp_path) as ledger, ThreadPoolExecutor(1) as pool:
        ledger._turns._count(1)

        def write() -> None:
            with ledger.writing(joins=True) as connection:
                _note("part0")(connection)

        written = pool.submit(write)
        while ledger._turns._joint is None and not written.done():
            time.sleep(0.001)
        if who == "a lock":
            with ledger.lock("sandbox", "another customer"):
                pass
        elif who == "another":
            with ledger.writing() as connection:
                _note("part1")(connection)
        written.result(timeout=30)
        assert "part0" in _noted(ledger)
