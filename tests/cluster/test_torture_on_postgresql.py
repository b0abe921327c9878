"""The torture tests that are not about a file, with the ledger on PostgreSQL; and killed at any step."""

from __future__ import annotations

from pathlib import Path

import pytest
import test_torture_promise
from cluster_world import SharedWorld
from test_torture_promise import (  # noqa: F401 - tests that run here too, with the world below
    test_a_person_decides_and_is_remembered,
    test_an_invoice_changed_while_unknown,
    test_collection_only_of_what_was_never_sent,
    test_history_and_report_after_the_fact,
    test_one_of_two_contents,
    test_the_guard_is_on,
    test_the_same_export_without_numbers_goes_once,
    test_what_another_file_left_open_is_told,
    test_what_may_yet_arrive_goes_again_under_the_guard_only,
)
from torture_world import (
    FULL,
    Driver,
    Sandbox,
    World,
    assert_agree,
    assert_all_there_once,
    assert_ledger_is_true,
    bills,
)

KILLED = -9


@pytest.fixture(autouse=True)
def _at_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_torture_promise, "World", SharedWorld)


@pytest.fixture
def world(driver: Driver, good_sandbox: Sandbox, tmp_path: Path) -> World:
    """A customer of the sandbox without faults."""
    return SharedWorld(driver, good_sandbox, tmp_path / "desk", tmp_path.name)


def test_killed_at_many_steps(driver: Driver, good_sandbox: Sandbox, tmp_path: Path) -> None:
    """After SIGKILL before or after a commit, or around a request, the next runs bring all there once."""
    for number in range(2, 1000, 1 if FULL else 7):
        world = SharedWorld(driver, good_sandbox, tmp_path / f"{number}", f"pg-{number}")
        world.export(bills(20))
        killed = world.run(kill_at=number)
        assert_ledger_is_true(world)
        if killed.code != KILLED:
            break
        for _ in range(3):
            code = world.run().code
            assert_agree(world)
            if code == 0:
                break
        assert code == 0
        assert_all_there_once(world)
    assert killed.code == 0
    assert killed.moments.count("committed") == killed.moments.count("committing") >= 9
