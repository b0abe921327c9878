"""Killed at every step, restored to every step, run twice at once: nothing twice, nothing lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.sandbox.server import serve_in_thread
from pipeline.sandbox.state import SandboxState

DRIVER = Path(__file__).with_name("crash_driver.py")
NUMBERS = [str(1001 + number) for number in range(23)]
LEAST = {"before-commit": 10, "after-commit": 10, "before-request": 4, "after-answer": 4}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Its URL and state file."""
    file = tmp_path / "sandbox.sqlite"
    with serve_in_thread(file) as running:
        yield running.url, file


def _drive(tmp_path: Path, url: str, moment: str) -> list[dict[str, Any]]:
    driven = subprocess.run(
        [sys.executable, str(DRIVER), str(tmp_path), url, moment], capture_output=True, text=True, check=False
    )
    assert driven.returncode == 0, driven.stderr
    return [json.loads(line) for line in driven.stdout.splitlines()]


def _there(file: Path) -> dict[str, Counter[str | None]]:
    """What the service has of each customer, by bill number."""
    there: dict[str, Counter[str | None]] = {}
    with closing(SandboxState(file)) as records:
        for each in records.accepted():
            there.setdefault(each["cid"], Counter())[each["billnum"]] += 1
    return there


@pytest.mark.parametrize("moment", list(LEAST))
def test_killed_at_every_step(tmp_path: Path, sandbox: tuple[str, Path], moment: str) -> None:
    """After SIGKILL at any commit, request or answer the next runs bring all there once, and say so.

    What has no bill number cannot be asked about: it is there at most once, and unknown when it was
    in the killed run's hands.
    """
    url, file = sandbox
    nights = _drive(tmp_path, url, moment)
    assert len(nights) > LEAST[moment]
    there = _there(file)
    for each in nights:
        held = there[each["cid"]]
        assert {number: held[number] for number in NUMBERS} == dict.fromkeys(NUMBERS, 1), each
        assert held[None] <= 1
        # The first asks about what the killed run left unknown, the second sends what was not there.
        last = dict(each["outcomes"][-1])
        unnumbered = last.pop("")
        assert last == dict.fromkeys(NUMBERS, "already-accepted"), each
        assert unnumbered in ({"already-accepted", "unknown"} if held[None] else {"unknown"})


def test_restored_to_every_earlier_commit(tmp_path: Path, sandbox: tuple[str, Path]) -> None:
    """With any older copy of the ledger nothing that has a bill number goes twice: the guard holds."""
    url, file = sandbox
    nights = _drive(tmp_path, url, "copies")
    assert len(nights) >= 10
    held = _there(file)["copies"]
    assert {number: held[number] for number in NUMBERS} == dict.fromkeys(NUMBERS, 1)
    for each in nights:
        outcomes = dict(each["outcomes"])
        outcomes.pop("")
        assert set(outcomes.values()) <= {"accepted", "already-accepted", "refused"}


SECOND = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from crash_driver import night
from pipeline.ledger import AnotherRunAtWork
print("ready", flush=True)
sys.stdin.readline()
try:
    night(Path(sys.argv[2]), sys.argv[3], "1001")
    print("worked")
except AnotherRunAtWork:
    print("refused")
"""


def test_two_at_once(tmp_path: Path) -> None:
    """Of two runs of one customer one works, the other is refused; together they bring everything once."""
    file = tmp_path / "sandbox.sqlite"
    with serve_in_thread(file, latency=0.5) as sandbox:
        command = [sys.executable, "-c", SECOND, str(DRIVER.parent), str(tmp_path / "ledger"), sandbox.url]
        pair = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        assert [each.stdout.readline() for each in pair if each.stdout] == ["ready\n"] * 2
        for each in pair:
            assert each.stdin
            each.stdin.write("go\n")
            each.stdin.flush()
        told = sorted(each.communicate()[0].strip() for each in pair)
    assert told == ["refused", "worked"]
    assert _there(file)["1001"] == Counter([*NUMBERS, None])
