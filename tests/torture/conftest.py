"""A driver of commands and a sandbox, each in a process of its own, for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from torture_world import Driver, Sandbox, World, sandbox


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


@pytest.fixture
def world(driver: Driver, good_sandbox: Sandbox, tmp_path: Path) -> World:
    """A customer of the sandbox without faults."""
    return World(driver, good_sandbox, tmp_path / "desk", tmp_path.name)
