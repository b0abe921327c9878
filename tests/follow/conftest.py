"""A user's desk with a sandbox of its own, in which time goes on as a test wants."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ledger"))  # for ledger_made
sys.path.insert(0, str(Path(__file__).parents[1] / "sender"))  # for scripted

from follow_world import STATUS_UPDATES, StartWorld, World, new_desk
from scripted import Scripted, scripted

from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.server import serve_in_thread


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartWorld]:
    """Starts the sandbox with those faults; tries follow each other at once."""
    monkeypatch.setattr("pipeline.follow.ask.PAUSES", (0.0, 0.0))
    with ExitStack() as stack:

        def begin(*faults: dict[str, Any]) -> World:
            file = tmp_path / "service.sqlite"
            rules = Faults([Fault(**{"endpoint": STATUS_UPDATES, **each}) for each in faults])
            sandbox = stack.enter_context(serve_in_thread(file, faults=rules))
            return World(new_desk(tmp_path, sandbox.url), file)

        yield begin


@pytest.fixture
def world(start: StartWorld) -> World:
    """A desk, and a sandbox that does all right."""
    return start()


@pytest.fixture
def server() -> Iterator[Scripted]:
    """A service that answers as a test tells it to."""
    with scripted() as server:
        yield server


@pytest.fixture
def told(tmp_path: Path, server: Scripted, monkeypatch: pytest.MonkeyPatch) -> World:
    """A desk that has sent 1001 and 1002 to that service, which told no job ids."""
    monkeypatch.setattr("pipeline.follow.ask.PAUSES", (0.0, 0.0))
    world = World(new_desk(tmp_path, server.url), tmp_path / "none")
    assert world.send("1001", "1002").code == 0
    return world
