"""Four senders on one ledger, killed, cut off and without a server at random: nothing twice, nothing lost."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from cluster_world import Server, SharedWorld, server
from torture_world import FULL, Driver, assert_agree, assert_all_there_once, bills, sandbox

INVOICES = 50_000 if FULL else 2_000
SENDERS = 4
ROUNDS = 60
PAUSES = (2.0, 6.0) if FULL else (0.3, 1.0)
BATCH = "--batch-size=50" if FULL else "--batch-size=10"
SLOW = '[[fault]]\nkind = "slow"\nseconds = 0.05\n'


def test_senders_that_die(tmp_path: Path) -> None:
    """Whatever dies whenever, each invoice is at the service once in the end, as the plan's report says."""
    faults = tmp_path / "faults.toml"
    faults.write_text(SLOW)
    driver = Driver()
    with server() as database, sandbox(tmp_path / "service.sqlite", "--faults", str(faults)) as service:
        env = {"ROPO_LEDGER": database.url}
        world = SharedWorld(driver, service, tmp_path / "desk", "shared", more_env=env)
        world.export(bills(INVOICES))
        planned = world.command("plan", "export.csv")
        assert planned.code == 0, planned.said
        run = world.report()["run"]["id"]
        seen = _trouble(world, database, random.Random(7))
        assert {"killed", "cut", "restarted"} <= set(seen), seen
        for _ in range(ROUNDS):
            assert world.command("reconcile", "--grace=0").code in {0, 1, 3}
            ended = world.command("send", "--batch-size=100", "--out=sent")
            assert ended.code in {0, 3}, ended.said
            if {state for _, state, *_ in world.documents()} == {"accepted"}:
                break
        assert world.command("report", run).code == 0
        assert_agree(world)
        assert_all_there_once(world)
        report = world.report()
        assert Counter(each["outcome"] for each in report["invoices"]) == {"accepted": INVOICES}
        assert report["findings"] == []
        assert world.ledger("SELECT count(*) FROM outbox") == [(0,)]
    driver.close()


def _trouble(world: SharedWorld, database: Server, chance: random.Random) -> Counter[str]:
    """Have the outbox sent while senders are killed, connections cut and the server restarted."""
    seen: Counter[str] = Counter()
    first = iter(("restarted", "killed", "cut"))  # each of them, however soon all is sent
    senders = [_sender(world, number) for number in range(SENDERS)]
    number = SENDERS
    while _left(world):
        time.sleep(chance.uniform(*PAUSES))
        event = next(first, None) or chance.choices(["killed", "cut", "restarted"], weights=[5, 3, 2])[0]
        seen[event] += 1
        if event == "killed":
            chance.choice(senders).send_signal(signal.SIGKILL)
        elif event == "cut":
            database.cut()
        else:
            database.restart()
        for place, each in enumerate(senders):
            if each.poll() is not None:
                said, _ = each.communicate()
                assert each.returncode in {-9, 0, 3, 4}, said
                senders[place] = _sender(world, number)
                number += 1
    for each in senders:
        said, _ = each.communicate(timeout=120)
        assert each.returncode in {-9, 0, 3, 4}, said
    return seen


def _left(world: SharedWorld) -> bool:
    return world.ledger(
        "SELECT count(*) FROM outbox JOIN document ON id = document_id WHERE state = 'planned'"
    ) != [(0,)]


def _sender(world: SharedWorld, number: int) -> subprocess.Popen[str]:
    return world.start("send", BATCH, "--workers=3", f"--out=sent-{number}")
