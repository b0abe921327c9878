"""The sandbox's server and records: on this machine only, and kept through restarts and kills."""

from __future__ import annotations

import logging
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sandbox_client import Client

from pipeline.findings import Refusal
from pipeline.sandbox.server import serve_forever, serve_in_thread
from pipeline.sandbox.state import SandboxState
from pipeline.sandbox.sums import Sums

if TYPE_CHECKING:
    from sandbox_client import MakeInvoice

PROGRAM = (
    "import sys; from pathlib import Path; from pipeline.sandbox.server import serve_forever; "
    "serve_forever(Path(sys.argv[1]), port=0)"
)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_it_listens_on_this_machine_only(tmp_path: Path, host: str) -> None:
    """Any host but a loopback address is refused before anything listens."""
    with pytest.raises(Refusal) as refusal:
        serve_forever(tmp_path / "state.sqlite", host=host, port=0)
    assert refusal.value.finding.code == "sandbox-not-loopback"
    assert str(refusal.value) == (
        f"The sandbox does not listen on {host}: what is sent to it must not leave this machine."
    )


def test_it_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    """Served in a thread it takes no signal handlers, no logging, and leaves no thread behind."""
    before = (
        signal.getsignal(signal.SIGINT),
        signal.getsignal(signal.SIGTERM),
        logging.getLogger().handlers[:],
    )
    with serve_in_thread(tmp_path / "state.sqlite"):
        during = (
            signal.getsignal(signal.SIGINT),
            signal.getsignal(signal.SIGTERM),
            logging.getLogger().handlers[:],
        )
    assert during == before
    assert "sandbox" not in [thread.name for thread in threading.enumerate()]


def test_the_port_is_free_again(tmp_path: Path) -> None:
    """The port is a free one, closed when the block ends, and may be chosen."""
    with (
        serve_in_thread(tmp_path / "state.sqlite") as first,
        serve_in_thread(tmp_path / "other.sqlite") as second,
    ):
        assert first.url != second.url
    port = int(first.url.rsplit(":", 1)[1])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    with serve_in_thread(tmp_path / "state.sqlite", port=port) as again:
        assert again.url == first.url


def test_a_file_that_is_no_state_is_not_served(tmp_path: Path) -> None:
    """A state file that is something else is an error at once, and is left as it is."""
    path = tmp_path / "state.sqlite"
    path.write_text("not a database, and long enough to look like one" * 100, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(sqlite3.DatabaseError, match="file is not a database"), serve_in_thread(path):
        pass
    assert path.read_bytes() == before


def start(state_file: Path) -> tuple[subprocess.Popen[str], str]:
    """A sandbox in a process of its own, and the line it says at the start."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(state_file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    return process, process.stdout.readline()


def url_of(notice: str) -> str:
    """Where the line says that it listens."""
    return notice.partition(" on ")[2].partition(": nothing")[0]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_it_says_that_nothing_leaves(tmp_path: Path, number: int, code: int) -> None:
    """Alone it says where it listens and that nothing leaves this machine, and ends quietly when told."""
    process, notice = start(tmp_path / "state.sqlite")
    with process:
        url = url_of(notice)
        assert url.startswith("http://127.0.0.1:")
        assert notice == f"Ropo One sandbox on {url}: nothing that is sent here leaves this machine.\n"
        process.send_signal(number)
        assert (process.wait(10), process.communicate()) == (code, ("", ""))


def test_what_was_answered_survives_a_kill(tmp_path: Path, invoice: MakeInvoice) -> None:
    """Whatever an answer said was accepted is there after SIGKILL, and so is the token; ids go on."""
    state_file = tmp_path / "state.sqlite"
    process, notice = start(state_file)
    with process:
        client = Client(url_of(notice), state_file=state_file)
        token = client.session.headers["Authorization"]
        told = [client.send(invoice(billnum=str(number))).json()["jobs"][0] for number in range(5)]
        process.kill()
    client.session.close()
    assert [{"jobid": job["jobid"], "billnum": job["billnum"]} for job in client.accepted()] == told
    with serve_in_thread(state_file) as server:
        client = Client(server.url)
        client.session.headers["Authorization"] = token
        assert client.send(invoice(billnum="5")).json()["jobs"][0]["jobid"] == told[-1]["jobid"] + 1
        assert client.send(invoice(billnum="3", checkbillnum="1")).json()["accepted"] == 0
        client.session.close()


def test_the_state_is_its_owners(tmp_path: Path) -> None:
    """The file holds what was sent, so only its owner may read it, and what SQLite keeps beside it."""
    with serve_in_thread(tmp_path / "state.sqlite") as server:
        Client(server.url).session.close()
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert files == dict.fromkeys(("state.sqlite", "state.sqlite-wal", "state.sqlite-shm"), 0o600)


def test_many_senders_at_once(tmp_path: Path, invoice: MakeInvoice) -> None:
    """Batches from several connections at once all arrive, each once, each with a job id of its own."""
    state_file = tmp_path / "state.sqlite"
    with serve_in_thread(state_file) as server:
        clients = [Client(server.url, state_file=state_file) for _ in range(4)]

        def send(start: int) -> int:
            batch = [invoice(billnum=str(number)) for number in range(start, start + 25)]
            return int(clients[start // 25 % 4].send(*batch).json()["accepted"])

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(send, range(0, 500, 25))) == 500
        for client in clients:
            client.session.close()
    with closing(SandboxState(state_file)) as records:
        assert records.by_billnum() == dict.fromkeys(map(str, range(500)), 1)
        assert records.sums() == Sums(Decimal("50000.00"), Decimal("12750.00"), Decimal("62750.00"))
        assert len({job["jobid"] for job in records.accepted()}) == 500


def test_the_oracle_tells_doubles_apart(tmp_path: Path, invoice: MakeInvoice) -> None:
    """Counts and sums are per kind of document, and a double send counts twice."""
    state_file = tmp_path / "state.sqlite"
    reminder = invoice(jobtype="1", payrow=None, amount="125.50", billcode="1232")
    with serve_in_thread(state_file) as server:
        client = Client(server.url)
        client.send(invoice(), invoice(), invoice(billnum=None), reminder)
        client.session.close()
    with closing(SandboxState(state_file)) as records:
        assert records.by_billnum() == {"2001": 2, None: 1}
        assert records.by_billnum("reminder") == {"2001": 1}
        assert records.sums().total == Decimal("376.50")
        assert records.sums("reminder") == Sums(Decimal("125.50"), Decimal("0.00"), Decimal("125.50"))
        assert records.sums("collection") == Sums(Decimal(0), Decimal(0), Decimal(0))


def test_a_transaction_is_whole_or_nothing(tmp_path: Path) -> None:
    """An exception within a transaction undoes all of it."""

    def fail(records: SandboxState) -> None:
        with records.transaction():
            records.add_token("token", "1001", 10.0)
            records.add_change("1001", 1, None, 0.0)  # a status is needed

    with closing(SandboxState(tmp_path / "state.sqlite")) as records:
        with pytest.raises(sqlite3.IntegrityError):
            fail(records)
        assert records.cid_of("token", 0.0) is None
