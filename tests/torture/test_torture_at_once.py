"""Two runs started at once: one works, the other is told to wait."""

from __future__ import annotations

import subprocess
import sys
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
            subprocess.Popen(
                [sys.executable, "-m", "pipeline", "run", "export.csv", *world.options, f"--out={number}"],
                cwd=world.folder,
                env=world.env | {"PYTHONPATH": str(CHECKOUT), "ROPO_LEDGER": f"sqlite:///{ledger}"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
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
