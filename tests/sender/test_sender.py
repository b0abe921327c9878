"""Sending: recorded before it leaves, recorded when it is answered, nothing twice."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import StartService
from ledger_made import begin, findings, invoice, invoices, outcomes, rows, settled, states, table
from scripted import Reply, Request, Scripted, accept, in_turn

from pipeline import sender
from pipeline.document import Document
from pipeline.ledger import Ledger, Planned, Run, database
from pipeline.ledger.states import State
from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.state import SandboxState
from pipeline.sender import SendResult, send
from pipeline.service import Service

NO_PAUSES = (0.0, 0.0)


def _batches(planned: list[Planned], size: int) -> list[list[Planned]]:
    return [planned[start : start + size] for start in range(0, len(planned), size)]


def _send(run: Run, documents: list[Document], url: str, size: int = 3, **options: Any) -> SendResult:
    with Service(url, "1001", "secret", timeout=(1.0, 1.0)) as service:
        batches = _batches(run.plan(documents), size)
        return send(batches, run=run, service=service, **{"pauses": NO_PAUSES, **options})


def _at_the_service(tmp_path: Path) -> Counter[str | None]:
    with closing(SandboxState(tmp_path / "service.sqlite")) as records:
        return Counter(each["billnum"] for each in records.accepted())


# -- the ordinary way


def test_all_are_accepted_once(tmp_path: Path, ledger: Ledger, service: StartService) -> None:
    """Every invoice is with the service once, with its job id in the ledger; a second run sends nothing."""
    sandbox = service()
    told: list[int] = []
    run = begin(ledger)
    batches = _batches(run.plan(invoices(25)), 4)
    result = send(batches, run=run, service=sandbox, on_progress=told.append)
    assert (result.settled, result.batches, result.halted, result.try_again) == (25, 7, None, False)
    assert sum(told) == 25
    assert outcomes(run) == ["accepted"] * 25
    assert _at_the_service(tmp_path) == Counter(str(1001 + number) for number in range(25))
    with closing(SandboxState(tmp_path / "service.sqlite")) as records:
        ids = {each["billnum"]: str(each["jobid"]) for each in records.accepted()}
    assert dict(table(ledger, "SELECT billnum, jobid FROM document")) == ids
    again = begin(ledger)
    assert send(_batches(again.plan(invoices(25)), 4), run=again, service=sandbox).batches == 0
    assert outcomes(again) == ["already-accepted"] * 25


def test_nothing_to_send_asks_nobody(ledger: Ledger, server: Scripted) -> None:
    """Without planned documents not even a token is asked for."""
    assert _send(begin(ledger), [], server.url) == SendResult(0, 0, None)
    assert server.requests == []


def test_it_is_recorded_before_the_first_byte_leaves(tmp_path: Path, ledger: Ledger, server: Scripted) -> None:
    """When a request arrives, another process already sees its documents as being sent, and its batch."""
    seen = []

    def look(request: Request) -> Reply:
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as other:
            seen.append(
                other.execute(
                    "SELECT d.billnum, d.state FROM document d JOIN batch b ON b.id = d.batch_id"
                    " WHERE b.data_identifier = ? ORDER BY d.id",
                    [request.headers["DataIdentifier"]],
                ).fetchall()
            )
        return accept(request)

    server.jobs = look
    _send(begin(ledger), invoices(4), server.url, size=2)
    assert sorted(seen) == [
        [("1001", "sending"), ("1002", "sending")],
        [("1003", "sending"), ("1004", "sending")],
    ]
    assert set(states(ledger).values()) == {"accepted"}


def test_what_came_back_is_kept(ledger: Ledger, server: Scripted) -> None:
    """Job id and a changed reference are in the ledger, without identity codes."""
    entry = {"jobid": 77, "billnum": "1001", "billcode": "RF18539007547034", "govid": "131052-308T"}
    server.jobs = lambda _: Reply(201, {"accepted": 1, "jobs": [entry]})
    _send(begin(ledger), [invoice()], server.url)
    ((jobid, answer),) = table(ledger, "SELECT jobid, answer FROM document")
    assert jobid == "77"
    assert '"billcode":"RF18539007547034"' in answer
    assert "131052-308T" not in answer


def test_requests_are_made_side_by_side_and_batches_taken_as_they_go(ledger: Ledger, server: Scripted) -> None:
    """As many requests at a time as there are workers; the source is a few batches ahead, no more."""
    at_once = threading.Barrier(3, timeout=5)
    taken = 0
    ahead: list[int] = []

    def together(request: Request) -> Reply:
        at_once.wait()
        ahead.append(taken - len(ahead))
        return accept(request)

    def source(run: Run) -> Iterator[list[Planned]]:
        nonlocal taken
        for batch in _batches(run.plan(invoices(30)), 1):
            taken += 1
            yield batch

    server.jobs = together
    run = begin(ledger)
    with Service(server.url, "1001", "secret", timeout=(1.0, 5.0)) as service:
        send(source(run), run=run, service=service, workers=3)
    assert outcomes(run) == ["accepted"] * 30
    assert max(ahead) <= 6


# -- the table of issue C, point 3, against the sandbox: what the request meets, and how it ends

ACCEPTED, UNKNOWN = ["accepted"] * 3, ["unknown"] * 3
AFTER = {"when": "after"}


@pytest.mark.parametrize(
    ("fault", "expected", "there"),
    [
        # no answer
        ({"kind": "close"}, UNKNOWN, 0),
        ({"kind": "close"} | AFTER, UNKNOWN, 3),
        ({"kind": "reset"}, UNKNOWN, 0),
        ({"kind": "reset"} | AFTER, UNKNOWN, 3),
        ({"kind": "slow", "seconds": 0.8}, UNKNOWN, 3),
        # 5xx
        *[({"kind": "status", "status": status}, UNKNOWN, 0) for status in (500, 502, 503)],
        *[({"kind": "status", "status": status} | AFTER, UNKNOWN, 3) for status in (500, 502, 503)],
        # busy: once, and the batch goes again
        ({"kind": "status", "status": 429, "retry_after": 0}, ACCEPTED, 3),
        ({"kind": "status", "status": 429, "retry_after": "Fri, 20 Nov 2020 10:00:00 GMT"}, ACCEPTED, 3),
        ({"kind": "status", "status": 429, "retry_after": 0} | AFTER, ACCEPTED, 3),
        # tokens
        ({"kind": "expired-token"}, ACCEPTED, 3),
        # answers that cannot be read or true
        ({"kind": "half"}, UNKNOWN, 0),
        ({"kind": "half"} | AFTER, UNKNOWN, 3),
        ({"kind": "garbage"}, UNKNOWN, 0),
        ({"kind": "garbage"} | AFTER, UNKNOWN, 3),
        ({"kind": "empty"} | AFTER, UNKNOWN, 3),
        ({"kind": "wrong-count", "offset": 1}, UNKNOWN, 3),
        ({"kind": "wrong-count", "offset": -1}, ["accepted", "accepted", "accepted"], 3),
        # some refused
        ({"kind": "partial"}, ["refused", "accepted", "accepted"], 2),
        ({"kind": "partial", "positions": (0, 2)}, ["refused", "accepted", "refused"], 1),
        ({"kind": "partial", "named": False}, UNKNOWN, 2),
        ({"kind": "duplicate", "positions": (1,)}, ["accepted", "refused", "accepted"], 2),
        # all refused for one
        ({"kind": "whole", "positions": (1,)}, ["accepted", "refused", "accepted"], 2),
        ({"kind": "whole", "billnums": ("1002",), "named": False}, ["accepted", "refused", "accepted"], 2),
        # a 4xx that cannot be read
        ({"kind": "status", "status": 400}, UNKNOWN, 0),
    ],
)
def test_what_an_answer_does(
    tmp_path: Path, ledger: Ledger, service: StartService, fault: dict[str, Any], expected: list[str], there: int
) -> None:
    """Each way to fail has its outcome, and never brings anything twice."""
    always = fault["kind"] == "whole" and not fault.get("named", True)
    rule = Fault.model_validate(fault if always else fault | {"nth": 1})
    sandbox = service(faults=Faults([rule]), timeout=(2.0, 0.5))
    run = begin(ledger)
    result = send(_batches(run.plan(invoices(3)), 3), run=run, service=sandbox, pauses=NO_PAUSES)
    if fault["kind"] == "wrong-count" and fault["offset"] == -1:
        expected = UNKNOWN if outcomes(run) == UNKNOWN else ["accepted", "accepted", "refused"]
    assert outcomes(run) == expected
    assert result.halted is None
    held = _at_the_service(tmp_path)
    assert sum(held.values()) == there
    assert max(held.values(), default=0) <= 1
