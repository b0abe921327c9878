"""What other tests have made serves here too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

for _folder in ("torture", "flow", "follow", "ledger"):
    sys.path.insert(0, str(Path(__file__).parents[1] / _folder))

from torture_world import Driver, Sandbox, sandbox  # noqa: E402 - found by the lines above


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    """Runs commands."""
    driver = Driver()
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def good_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One without faults; each world is a customer of its own."""
    with sandbox(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite") as running:
        yield running
