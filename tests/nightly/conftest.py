"""A driver of nights, people who listen, and a service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from night_desk import Desk, Driver, People

from pipeline.sandbox.server import serve_in_thread


@pytest.fixture(scope="session")
def night_driver() -> Iterator[Driver]:
    """Has nights pass."""
    driver = Driver()
    yield driver
    driver.close()


@pytest.fixture
def people() -> Iterator[People]:
    """Those who are told."""
    people = People()
    with people.listening():
        yield people


@pytest.fixture
def desk(night_driver: Driver, people: People, tmp_path: Path) -> Iterator[Desk]:
    """An inbox at a service that is up."""
    state = tmp_path / "service.sqlite"
    with serve_in_thread(state) as service:
        yield Desk(night_driver, tmp_path / "nights", people, state, service.url)
