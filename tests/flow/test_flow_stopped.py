"""Ctrl-C, SIGTERM and a second run, while a run is sending."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flow_desk import Desk, outcomes, row

from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.server import serve_in_thread

TEN = [row(Laskunumero=str(1001 + number)) for number in range(10)]
SLOW = Faults([Fault(kind="slow", when="before", seconds=0.2)])


def await_row(process: subprocess.Popen[str], path: Path, query: str) -> None:
    """Wait until the query gives something; the process must live meanwhile."""
    while process.poll() is None:
        if path.exists():
            with closing(sqlite3.connect(path)) as database:
                try:
                    if database.execute(query).fetchone():
                        return
                except sqlite3.OperationalError:
                    pass  # its tables are not there yet
        time.sleep(0.01)
    pytest.fail(f"it ended too early: {process.communicate()}")


def jobs(path: Path) -> Counter[str]:
    """How often the service has each bill number."""
    with closing(sqlite3.connect(path)) as state:
        return Counter(number for (number,) in state.execute("select billnum from job"))


def start(desk: Desk, url: str) -> subprocess.Popen[str]:
    """A run that sends one invoice at a time, each answer taking its while; back when one is under way."""
    desk.write("a.csv", *TEN)
    desk.env = {
        "ROPO_BASE_URL": url,
        "ROPO_WORKERS": "1",
        "ROPO_BATCH_SIZE": "1",
        "ROPO_LEDGER": f"sqlite:///{desk.home}/ledger.sqlite",
    }
    process = desk.start("run", "a.csv", "--out", "out")
    await_row(process, desk.home / "ledger.sqlite", "select 1 from document where state = 'sending'")
    return process


def settled(desk: Desk) -> dict[str, Any]:
    """The report of the run that was stopped, once it agrees with itself and with the ledger."""
    report = desk.report()
    assert report["control"]["agree"] is True
    assert report["run"]["finished"]
    states = dict(desk.ledger("select billnum, state from document"))
    by_state = {"accepted": "accepted", "planned": "not-sent"}
    assert {number: by_state[state] for number, state in states.items()} == outcomes(report)
    return report


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_finishes_what_is_in_flight(desk: Desk, number: signal.Signals) -> None:
    """Ledger and report are written, exit code 4, and the next run sends the rest once."""
    service = desk.home / "service.sqlite"
    with serve_in_thread(service, faults=SLOW) as server, start(desk, server.url) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (4, "")
    assert f"{number.name}: finishing the requests in flight; once more stops at once." in out
    report = settled(desk)
    assert 0 < Counter(outcomes(report).values())["not-sent"] < 10
    accepted = {number for number, outcome in outcomes(report).items() if outcome == "accepted"}
    assert jobs(service) == dict.fromkeys(accepted, 1)
    with serve_in_thread(service) as server:
        desk.env["ROPO_BASE_URL"] = server.url
        done, report = desk.run("a.csv")
    assert done.code == 0
    assert jobs(service) == dict.fromkeys((str(1001 + n) for n in range(10)), 1)


def test_a_second_run_meanwhile_ends_at_once(desk: Desk) -> None:
    """It is told that another one is at work, exit code 4, and the first one goes on to its end."""
    service = desk.home / "service.sqlite"
    with serve_in_thread(service, faults=SLOW) as server, start(desk, server.url) as process:
        second = desk.here("run", "a.csv", "--out", "second")
        out, _ = process.communicate(timeout=60)
    assert (second.code, process.returncode) == (4, 0), out
    assert second.one_line.endswith("(another-run)")
    assert jobs(service) == dict.fromkeys((str(1001 + n) for n in range(10)), 1)


def test_twice_stopped_is_stopped_at_once(desk: Desk) -> None:
    """The second Ctrl-C does not wait; what was in flight is unknown to the report, and never sent twice."""
    service = desk.home / "service.sqlite"
    with serve_in_thread(service, faults=SLOW) as server:
        with start(desk, server.url) as process:
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert process.returncode in {3, 4}
        assert "Traceback" not in err
        desk.run("a.csv", "--grace", "0")
        done, _ = desk.run("a.csv", "--grace", "0")
    assert done.code == 0
    assert jobs(service) == dict.fromkeys((str(1001 + n) for n in range(10)), 1)
