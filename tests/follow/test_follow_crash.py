"""Killed at every step of `follow`: what is lost is known to be, and found again by date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from flow.flow_desk import CHECKOUT
from follow_driver import MOMENTS
from follow_world import StartWorld, World, codes, messages, stages

DRIVER = Path(__file__).with_name("follow_driver.py")
LOSES = {
    ("before-question", 1),
    ("before-question", 2),
    ("after-answer", 1),
    ("after-answer", 2),
    ("within-record", 1),
}
"""Moments between the question and the record of its answer; of the second question, too, nobody knows."""


def _killed(world: World, moment: str, number: int) -> None:
    ended = subprocess.run(
        [sys.executable, str(DRIVER), moment, str(number), "--consume", "--out", "killed"],
        cwd=world.desk.folder,
        env=world.desk.environment(PYTHONPATH=str(CHECKOUT)),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == -9, ended.stderr


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_every_step(start: StartWorld, moment: str, number: int) -> None:
    """The next `follow` knows whether an answer may be lost; by date all is found; a refusal is told."""
    if number == 2 and moment in {"within-record", "before-told"}:
        number = 1  # it comes only once
    world = start({"kind": "refuse-later", "endpoint": "POST /rest/jobs", "billnums": ("1002",)})
    world.send("1001", "1002")
    world.happens("1001", "paid")
    _killed(world, moment, number)
    done, report = world.follow()
    assert done.code == 1
    told = codes(report).count("refused-later")
    assert ("status-updates-lost" in codes(report)) == ((moment, number) in LOSES)
    if (moment, number) in LOSES:
        (message,) = (each for each in messages(report) if "was lost on its way" in each)
        since = message.split(" of ")[-1].split(" or ")[0]
        done, report = world.follow("--since", since)
        told += codes(report).count("refused-later")
        assert "status-updates-lost" not in codes(report)
    assert told == 1
    assert world.follow()[0].code == 0
    (run_id,) = world.desk.ledger("SELECT id FROM run WHERE command = 'run'")[0]
    world.desk.here("report", run_id, "--out", "again")
    assert stages(world.desk.report("again")) == {"1001": "paid", "1002": "refused"}
