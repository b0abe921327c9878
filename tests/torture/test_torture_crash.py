"""Killed at every step, restored to every step, short of disk at every write: nothing twice, nothing lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

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

BILLS = bills(40 if FULL else 20)
KILLED = -9
PAGES = range(4096, 4096 * 400, 4096 * (1 if FULL else 7))


def _settle(world: World, most: int = 3) -> list[int]:
    """Run until all is well, at most so often; the exit codes."""
    codes: list[int] = []
    while len(codes) < most and 0 not in codes:
        codes.append(world.run().code)
        assert_agree(world)
    return codes


def test_killed_at_every_step(driver: Driver, good_sandbox: Sandbox, tmp_path: Path) -> None:
    """After SIGKILL before or after any commit, or around any request, the next runs bring all there once."""
    for number in range(1, 1000):
        world = World(driver, good_sandbox, tmp_path / f"{number}", f"killed-{number}")
        world.export(BILLS)
        killed = world.run(kill_at=number)
        if killed.code != KILLED:
            break
        assert_ledger_is_true(world)
        assert _settle(world)[-1] == 0
        assert_all_there_once(world)
    assert killed.code == 0
    assert_agree(world)
    kinds = Counter(killed.moments)
    assert kinds["committed"] == kinds["committing"] >= 9
    assert min(kinds[each] for each in ("request", "request left", "answered", "answer read")) >= 5


def test_the_report_of_a_killed_run(driver: Driver, good_sandbox: Sandbox, tmp_path: Path) -> None:
    """Made again from the ledger it tells the truth: what may be there is unknown, the rest not sent."""
    for number in (25, 30, 35):
        world = World(driver, good_sandbox, tmp_path / f"{number}", f"reported-{number}")
        world.export(BILLS)
        assert world.run(kill_at=number).code == KILLED
        assert world.command("report").code == 0
        report, there = world.report(), world.at_the_service()
        assert report["run"]["finished"] is None
        assert report["verdict"].startswith("The run was interrupted before its end.")
        assert {each["billnum"] for each in report["invoices"]} == {each.number for each in BILLS}
        for each in report["invoices"]:
            if each["outcome"] == "accepted":
                assert each["billnum"] in there
            if each["outcome"] == "not-sent":
                assert each["billnum"] not in there


def test_restored_to_every_earlier_commit(world: World, tmp_path: Path) -> None:
    """With any older ledger in its place, nothing that carries a bill number goes twice.

    The history has a killed run, one that goes on, and one of a changed and longer export.
    """
    world.export(BILLS)
    copies = [tmp_path / name for name in ("killed", "went-on", "changed")]
    for each in copies:
        each.mkdir()
    assert world.run(copies=str(copies[0]), kill_at=34).code == KILLED
    assert world.run(copies=str(copies[1])).code == 0
    changed = [BILLS[0]._replace(rows=(("1", "5.00", "25.5"),)), *BILLS[1:], *bills(5, 2001)]
    world.export(changed)
    assert world.run(copies=str(copies[2])).code == 1  # the changed one is a conflict
    before = world.at_the_service()
    ledgers = [copy for folder in copies for copy in sorted(folder.iterdir())]
    assert len(ledgers) > 20
    for copy in ledgers:
        world.restore(copy)
        ended = world.run()
        assert ended.code == 1, ended.said
        outcomes = {each["billnum"]: each["outcome"] for each in world.report()["invoices"]}
        assert set(outcomes.values()) <= {"already-accepted", "accepted", "refused", "conflict"}
        assert outcomes[BILLS[0].number] in {"refused", "conflict"}
        assert world.at_the_service() == before
        assert_agree(world, known=False)


def test_short_of_disk_at_every_write(driver: Driver, good_sandbox: Sandbox, tmp_path: Path) -> None:
    """Whichever write fails for lack of room: what may have left is recorded, and the next run goes on."""
    codes = []
    for limit in PAGES:
        world = World(driver, good_sandbox, tmp_path / f"{limit}", f"disk-{limit}")
        world.export(BILLS)
        ended = world.run(file_limit=limit)
        codes.append(ended.code)
        assert_ledger_is_true(world)
        if ended.code == 0:
            break
        assert ended.code in {2, 3, 4}, ended.said
        if ended.code == 2:
            assert world.at_the_service() == {}
        assert _settle(world)[-1] == 0
        assert_all_there_once(world)
    assert codes[-1] == 0
    assert_agree(world)
    assert {2, 3, 4} & set(codes)
