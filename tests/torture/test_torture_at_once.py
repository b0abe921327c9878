"""Two runs started at once: one works, the other is told to wait. And a run that is to stop at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from torture_world import CHECKOUT, Driver, World, assert_agree, assert_all_there_once, bills, sandbox

SLOW = '[[fault]]\nkind = "slow"\nseconds = 0.7\n'


@pytest.mark.parametrize("name", ["ledger.sqlite", "link.sqlite"])
def test_one_works_one_waits(driver: Driver, tmp_path: Path, name: str) -> None:
    """Of two processes on one file and one ledger, also under another name of it, one ends with 4 at once."""
    faults = tmp_path / "faults.toml"
    faults.write_text(SLOW)
    with sandbox(tmp_path / "service.sqlite", "--faults", str(faults)) as service:
        world = World(driver, service, tmp_path / "desk", "two")
        (world.folder / "link.sqlite").symlink_to(world.folder / "ledger.sqlite")
        world.export(bills(30))
        started = [
            _start(world, f"--out={number}", f"--ledger=sqlite:///{ledger}")
            for number, ledger in enumerate(["ledger.sqlite", name])
        ]
        said = [each.communicate(timeout=60)[1] for each in started]
        codes = [each.returncode for each in started]
        assert sorted(codes) == [0, 4], said
        refused, worked = codes.index(4), codes.index(0)
        assert said[refused] == (
            "Another run is at work for customer two in sandbox. Wait until it has ended, then run the same"
            " command again. (another-run)\n"
        )
        (world.folder / str(worked)).rename(world.folder / "out")
        assert_agree(world)
        assert_all_there_once(world)


def test_a_second_ctrl_c_waits_for_nothing(driver: Driver, tmp_path: Path) -> None:
    """It ends in the middle of its requests with 3; the next runs look them up, and all is there once."""
    faults = tmp_path / "faults.toml"
    faults.write_text(SLOW)
    with sandbox(tmp_path / "service.sqlite", "--faults", str(faults)) as service:
        world = World(driver, service, tmp_path / "desk", "stopped")
        world.export(bills(30))
        with _start(world) as process:
            while not world.ledger("SELECT 1 FROM sqlite_master WHERE name = 'batch'") or not world.ledger(
                "SELECT 1 FROM batch"
            ):
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            assert process.stdout
            while "once more stops at once" not in process.stdout.readline():
                pass
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (3, "")
        assert out.endswith("Stopped at once. What was in flight is looked up by the next run.\n")
        assert world.ledger("SELECT count(*) FROM document WHERE state = 'sending'") != [(0,)]
        assert world.run().code in {0, 3}
        assert_agree(world)
        assert world.run().code == 0
        assert_agree(world)
        assert_all_there_once(world)


def _start(world: World, *more: str) -> subprocess.Popen[str]:
    """Run the export as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", "export.csv", *world.options, *more],
        cwd=world.folder,
        env=world.env | {"PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
