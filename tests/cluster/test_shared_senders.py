"""Four senders and three workers, killed, cut off and without a server at random: nothing twice or lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster_world import Server, SharedWorld, server
from distributed import LocalCluster
from torture_world import (
    FULL,
    WITH_THE_SERVICE,
    Driver,
    assert_agree,
    assert_all_there_once,
    bills,
    sandbox,
)

INVOICES = 50_000 if FULL else 800
SENDERS, WORKERS = 4, 3
ROUNDS = 60
PAUSES = (2.0, 6.0) if FULL else (0.5, 1.5)
BATCH = "--batch-size=50" if FULL else "--batch-size=10"
SLOW = '[[fault]]\nkind = "slow"\nseconds = 0.05\n'
WHILE_PLANNING = (
    *["worker killed", "sender killed"] * (6 if FULL else 2),
    "server restarted",
    "connections cut",
)
"""What happens at first. A plan survives its workers; without the server it ends, and is made again."""
WHILE_SENDING = {"sender killed": 5, "connections cut": 3, "server restarted": 2}
"""What happens once it is made, and how often beside the others."""


def test_senders_and_workers_that_die(tmp_path: Path) -> None:
    """Whatever dies whenever, each invoice is at the service once in the end, as the plan's report says."""
    faults = tmp_path / "faults.toml"
    faults.write_text(SLOW)
    driver = Driver()
    with (
        server() as database,
        sandbox(tmp_path / "service.sqlite", "--faults", str(faults)) as service,
        workers() as cluster,
    ):
        env = {"ROPO_LEDGER": database.url}
        world = SharedWorld(driver, service, tmp_path / "desk", "shared", more_env=env)
        world.export(bills(INVOICES))
        seen = _trouble(world, database, cluster, random.Random(7))
        assert set(seen) == {*WHILE_PLANNING}
        for _ in range(ROUNDS):
            assert world.command("reconcile", "--grace=0").code in {0, 1, 3}
            ended = world.command("send", "--batch-size=100", "--out=sent")
            assert ended.code in {0, 3}, ended.said
            if {state for _, state, *_ in world.documents()} == {"accepted"}:
                break
        planned = world.command("plan", "export.csv")  # once more: its report tells of every invoice
        assert planned.code == 0, planned.said
        assert_agree(world)
        assert_all_there_once(world)
        report = world.report()
        assert {each["outcome"] for each in report["invoices"]} <= {*WITH_THE_SERVICE}
        assert len(report["invoices"]) == INVOICES
        assert world.ledger("SELECT count(*) FROM outbox") == [(0,)]
    driver.close()


@contextmanager
def workers() -> Iterator[LocalCluster]:
    """A Dask cluster of three processes, each of which is started anew when it dies."""
    with LocalCluster(
        n_workers=WORKERS,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as made:
        yield made


def _trouble(
    world: SharedWorld, database: Server, cluster: LocalCluster, chance: random.Random
) -> Counter[str]:
    """Have workers and senders do their work while they are killed, cut off and left without the server."""
    seen: Counter[str] = Counter()
    first = iter(WHILE_PLANNING)
    plan = ["plan", "export.csv", f"--cluster={cluster.scheduler_address}"]
    planner = world.start(*plan)
    while planner.poll() is None and not cluster.scheduler.tasks:
        time.sleep(0.02)  # until it gives its workers work
    number = 0
    senders = [_sender(world, number) for number in range(SENDERS)]
    while planner.poll() is None or _left(world) or sum(seen.values()) < len(WHILE_PLANNING):
        time.sleep(chance.uniform(*PAUSES))
        event = next(first, None)
        if event is None and planner.poll() is None:
            continue
        event = event or chance.choices([*WHILE_SENDING], weights=[*WHILE_SENDING.values()])[0]
        seen[event] += 1
        if event == "worker killed":
            alive = [each.pid for each in cluster.workers.values() if each.pid]
            if alive:  # else they are being started anew
                os.kill(chance.choice(alive), signal.SIGKILL)
            cluster.scale(WORKERS)  # also in the place of one that died while it was started
        elif event == "sender killed":
            chance.choice(senders).kill()
        elif event == "connections cut":
            database.cut()
        else:
            database.restart()
        if planner.poll() is not None and not _is_planned(world):
            _end(planner)
            planner = world.start(*plan)
        for place, each in enumerate(senders):
            if each.poll() is not None:
                _end(each)
                number += 1
                senders[place] = _sender(world, SENDERS + number)
    for each in (planner, *senders):
        _end(each)
    return seen


def _end(process: subprocess.Popen[str]) -> None:
    """Wait until it ends, as it may: killed, with unknown outcomes, or to be tried again."""
    said, _ = process.communicate(timeout=120)
    assert process.returncode in {-signal.SIGKILL, 0, 3, 4}, said


def _left(world: SharedWorld) -> bool:
    """Whether something waits to be sent, or to be planned."""
    if not _is_planned(world):
        return True
    query = "SELECT count(*) FROM outbox JOIN document ON id = document_id WHERE state = 'planned'"
    return world.ledger(query) != [(0,)]


def _sender(world: SharedWorld, number: int) -> subprocess.Popen[str]:
    return world.start("send", BATCH, "--workers=3", f"--out=sent-{number}")


def _is_planned(world: SharedWorld) -> bool:
    """Whether the ledger has every invoice. A plan that came to its end may say 3, of some sent meanwhile."""
    return world.ledger("SELECT count(*) FROM document") == [(INVOICES,)]
