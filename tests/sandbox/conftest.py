"""A sandbox at work, a customer of it, a good invoice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sandbox_client import Client, Job, MakeInvoice, StartSandbox

from pipeline.sandbox.server import serve_in_thread


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[StartSandbox]:
    """Starts sandboxes that misbehave or answer as told; they stop when the test ends."""
    with ExitStack() as running:

        def start(**options: Any) -> Client:
            state_file = tmp_path / "sandbox.sqlite"
            server = running.enter_context(serve_in_thread(state_file, **options))
            client = Client(server.url, state_file=state_file)
            running.callback(client.session.close)
            return client

        yield start


@pytest.fixture(scope="module")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """One well-behaved sandbox for a whole module of tests: its URL and state file."""
    state_file = tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite"
    with serve_in_thread(state_file) as server:
        yield server.url, state_file


@pytest.fixture
def client(shared_sandbox: tuple[str, Path], request: pytest.FixtureRequest) -> Iterator[Client]:
    """A customer of the shared sandbox that no other test is."""
    url, state_file = shared_sandbox
    client = Client(url, request.node.name, state_file)
    yield client
    client.session.close()


@pytest.fixture
def invoice() -> MakeInvoice:
    """Makes a good invoice for a company; a change of None leaves the tag out."""

    def make(**changes: Any) -> Job:
        job = {
            "jobtype": "0",
            "billnum": "2001",
            "customertype": "1",
            "company": "Matin konepaja Oy",
            "address": "Mäkikatu 12 B 4",
            "postcode": "70100",
            "city": "KUOPIO",
            "billdate": "2026-10-01",
            "paydate": "2026-10-15",
            "payrow": [{"desc": "Huolto", "count": "2", "itemtype": "h", "amount": "50.00", "taxpr": "25.5"}],
        }
        return {tag: value for tag, value in (job | changes).items() if value is not None}

    return make
