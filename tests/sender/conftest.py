"""A ledger of one customer, and services to send to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ledger"))  # for ledger_made

from ledger_made import opened
from scripted import Scripted, StartService, scripted

from pipeline.ledger import Ledger
from pipeline.sandbox.server import serve_in_thread
from pipeline.sender.service import Service


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger, locked."""
    with opened(tmp_path) as ledger:
        yield ledger


@pytest.fixture
def service(tmp_path: Path) -> Iterator[StartService]:
    """Starts a sandbox, with faults if any, and gives a service that speaks to it."""
    with ExitStack() as stack:

        def start(**options: Any) -> Service:
            timeout = options.pop("timeout", (2.0, 5.0))
            sandbox = stack.enter_context(serve_in_thread(tmp_path / "service.sqlite", **options))
            return stack.enter_context(Service(sandbox.url, "1001", "secret", timeout=timeout))

        yield start


@pytest.fixture
def server() -> Iterator[Scripted]:
    """A server that answers as a test tells it to."""
    with scripted() as server:
        yield server
