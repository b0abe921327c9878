"""Sending: recorded before it leaves, recorded when it is answered, nothing twice."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ledger_made import begin, findings, invoice, invoices, outcomes, rows, settled, states, table
from scripted import Reply, Request, Scripted, StartService, accept, in_turn

from pipeline.document import Document
from pipeline.ledger import Ledger, Planned, Run, sqlite
from pipeline.ledger.states import State
from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.state import SandboxState
from pipeline.sender import send as sender
from pipeline.sender.send import SendResult, send
from pipeline.sender.service import Service

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


def test_it_is_recorded_before_the_first_byte_leaves(
    tmp_path: Path, ledger: Ledger, server: Scripted
) -> None:
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


def test_requests_are_made_side_by_side_and_batches_taken_as_they_go(
    ledger: Ledger, server: Scripted
) -> None:
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
        ({"kind": "slow", "seconds": 0.8} | AFTER, UNKNOWN, 3),
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
        ({"kind": "wrong-count", "offset": -1}, UNKNOWN, 3),
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
    tmp_path: Path,
    ledger: Ledger,
    service: StartService,
    fault: dict[str, Any],
    expected: list[str],
    there: int,
) -> None:
    """Each way to fail has its outcome, and never brings anything twice."""
    always = fault["kind"] == "whole" and not fault.get("named", True)
    rule = Fault.model_validate(fault if always else fault | {"nth": 1})
    sandbox = service(faults=Faults([rule]), timeout=(2.0, 0.5))
    run = begin(ledger)
    result = send(_batches(run.plan(invoices(3)), 3), run=run, service=sandbox, pauses=NO_PAUSES)
    assert outcomes(run) == expected
    assert result.halted is None
    held = _at_the_service(tmp_path)
    assert sum(held.values()) == there
    assert max(held.values(), default=0) <= 1


def test_the_barest_answer(tmp_path: Path, ledger: Ledger, service: StartService) -> None:
    """With the count and plain error texts alone, what is not certain is unknown."""
    sandbox = service(bare=True)
    run = begin(ledger)
    bad = invoice("2", row=3, postcode="")
    send([run.plan([invoice("1"), bad]), run.plan([invoice("3", row=4)])], run=run, service=sandbox)
    assert outcomes(run) == ["unknown", "unknown", "accepted"]
    assert sum(_at_the_service(tmp_path).values()) == 2


def test_refusals_are_told_with_the_services_words(ledger: Ledger, server: Scripted) -> None:
    """Each outcome that needs a person has its finding, at its invoice's place."""
    server.jobs = in_turn(
        Reply(400, {"errorText": "postcode is missing"}),
        Reply(400, {"errorText": "billnum 1002 already exists"}),
        Reply(500, "oops"),
    )
    run = begin(ledger)
    _send(run, invoices(3), server.url, size=1, workers=1)
    assert findings(run) == [
        ("refused-by-service", "The service refused this invoice: postcode is missing."),
        (
            "refused-as-duplicate",
            "The service already has bill number 1002, not from this ledger: billnum 1002 already exists.",
        ),
        (
            "outcome-unknown",
            "It is not known whether the service has this invoice: the service answered with HTTP 500.",
        ),
    ]
    assert table(ledger, "SELECT invoice_number, file, row, billnum FROM finding ORDER BY number") == [
        (2, "orders.csv", 2, "1001"),
        (3, "orders.csv", 3, "1002"),
        (4, "orders.csv", 4, "1003"),
    ]


def test_a_batch_refused_whole_is_split_to_find_the_bad(ledger: Ledger, server: Scripted) -> None:
    """The good ones go, the bad ones are refused alone, nothing is accepted twice."""
    taken: Counter[str | None] = Counter()

    def picky(request: Request) -> Reply:
        if {"1003", "1008"} & set(request.billnums):
            return Reply(400, {"title": "Bad Request"})
        taken.update(request.billnums)
        return accept(request)

    server.jobs = picky
    run = begin(ledger)
    result = _send(run, invoices(9), server.url, size=9)
    assert outcomes(run) == ["refused" if number in (3, 8) else "accepted" for number in range(1, 10)]
    assert taken == Counter(str(number) for number in range(1001, 1010) if number not in (1003, 1008))
    assert (result.settled, result.halted) == (9, None)
    assert rows(ledger, "SELECT count(*) FROM batch") == [len(server.sent())]
    assert rows(
        ledger, "SELECT DISTINCT to_state FROM event WHERE document_id = 1 AND from_state = 'refused'"
    ) == ["planned"]


def test_too_large_is_split(ledger: Ledger, server: Scripted) -> None:
    """A 413 needs no body that can be read."""
    server.jobs = lambda request: accept(request) if len(request.billnums) < 3 else Reply(413, "<html>")
    run = begin(ledger)
    _send(run, invoices(8), server.url, size=8)
    assert outcomes(run) == ["accepted"] * 8
    assert max(len(each) for each in server.sent()) == 8


# -- refusals as duplicate


def _guarded_but_lost(ledger: Ledger, **changes: Any) -> None:
    """An invoice that was sent, got no answer, was not found, and is planned anew."""
    settled(ledger, [invoice(**changes)], State.UNKNOWN)
    with ledger.writing() as connection:
        connection.exec_driver_sql("UPDATE document SET state = 'planned'")


def test_a_duplicate_after_an_unknown_attempt_is_accepted(ledger: Ledger, server: Scripted) -> None:
    """The first attempt arrived after all."""
    _guarded_but_lost(ledger)
    server.jobs = lambda _: Reply(400, {"errorText": "billnum 1001 already exists"})
    run = begin(ledger)
    _send(run, [invoice()], server.url)
    assert outcomes(run) == ["accepted"]
    assert rows(ledger, "SELECT reason FROM document") == [
        "the service already has it: an earlier attempt was accepted"
    ]


def test_a_duplicate_of_an_earlier_content_is_a_conflict(ledger: Ledger, server: Scripted) -> None:
    """When it was changed since, the service has what was sent first, and the ledger says so."""
    _guarded_but_lost(ledger, price="100.00")
    server.jobs = lambda _: Reply(400, {"errorText": "billnum 1001 already exists"})
    run = begin(ledger)
    _send(run, [invoice(price="120.00")], server.url)
    assert outcomes(run) == ["conflict"]
    ((code, message),) = findings(run)
    assert code == "accepted-with-earlier-content"
    assert message == (
        "The service has this bill number from an earlier attempt, with the content of that attempt:"
        " payrow 1 amount: 100.00 → 120.00."
    )
    assert table(ledger, "SELECT state, net FROM document") == [("accepted", "100.00")]
    again = begin(ledger)
    again.plan([invoice(price="100.00")])
    assert outcomes(again) == ["already-accepted"]


def test_a_duplicate_of_one_of_two_contents_is_unknown(ledger: Ledger, server: Scripted) -> None:
    """When two contents were tried without an answer, nobody can say which one the service has."""
    _guarded_but_lost(ledger, price="100.00")
    server.jobs = lambda _: Reply(0)
    _send(begin(ledger), [invoice(price="120.00")], server.url)
    with ledger.writing() as connection:
        connection.exec_driver_sql("UPDATE document SET state = 'planned'")
    server.jobs = lambda _: Reply(400, {"errorText": "billnum 1001 already exists"})
    run = begin(ledger)
    _send(run, [invoice(price="120.00")], server.url)
    assert outcomes(run) == ["unknown"]


def test_a_first_attempt_refused_as_duplicate_is_refused(ledger: Ledger, server: Scripted) -> None:
    """Somebody else has used the number; an attempt that was refused before has not brought it there."""
    server.jobs = in_turn(
        Reply(400, {"errorText": "postcode is missing"}), Reply(400, {"errorText": "billnum already exists"})
    )
    for _ in range(2):
        run = begin(ledger)
        _send(run, [invoice()], server.url)
        assert outcomes(run) == ["refused"]


# -- stopping early


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def test_a_service_that_cannot_be_reached_stops_the_run(ledger: Ledger) -> None:
    """After a few tries; nothing was sent, all is planned, and the next run may send it."""
    run = begin(ledger)
    result = _send(run, invoices(6), f"http://127.0.0.1:{_free_port()}", size=2)
    assert result.halted
    assert result.halted.message == (
        "The service cannot be reached: ConnectionRefusedError: [Errno 111] Connection refused."
        " What is left was not sent."
    )
    assert (result.settled, result.try_again) == (0, True)
    assert outcomes(run) == ["not-sent"] * 6
    assert [code for code, _ in findings(run)] == ["service-unreachable"]
    assert len(begin(ledger).plan(invoices(6))) == 6


def test_a_service_that_goes_away_stops_the_run(ledger: Ledger, server: Scripted) -> None:
    """With a token in hand too: what had not left when it failed goes back to planned."""
    run = begin(ledger)
    planned = run.plan(invoices(4))
    with Service(server.url, "1001", "secret", timeout=(1.0, 1.0)) as service:
        service.authorise()
        service.base_url = f"http://127.0.0.1:{_free_port()}"
        result = send(_batches(planned, 2), run=run, service=service, workers=1, pauses=NO_PAUSES)
    assert result.halted
    assert result.halted.code == "service-unreachable"
    assert outcomes(run) == ["not-sent"] * 4
    assert states(ledger) == dict.fromkeys(("1001", "1002", "1003", "1004"), "planned")
    assert rows(ledger, "SELECT exposed FROM document") == [0] * 4


@pytest.mark.parametrize("stage", ["token", "jobs"])
def test_refused_credentials_stop_the_run(ledger: Ledger, server: Scripted, stage: str) -> None:
    """Nothing was taken; the reason is told once."""
    refuse = Reply(400, {"errorId": 1, "errorText": "unknown cid"}) if stage == "token" else Reply(401)
    setattr(server, stage, lambda _: refuse)
    run = begin(ledger)
    result = _send(run, invoices(6), server.url, size=2)
    assert result.halted
    assert result.halted.code == "credentials-refused"
    assert outcomes(run) == ["not-sent"] * 6
    assert [code for code, _ in findings(run)] == ["credentials-refused"]


def test_a_busy_service_stops_the_run_in_the_end(
    ledger: Ledger, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many 429 in a row are enough; a Retry-After of a day is not waited for."""
    monkeypatch.setattr(sender, "LONGEST_WAIT", 0.01)
    server.jobs = lambda _: Reply(429, b"", {"Retry-After": "86400"})
    run = begin(ledger)
    result = _send(run, invoices(2), server.url, size=2)
    assert result.halted
    assert result.halted.message == (
        "The service asks to send less (429) and did so 10 times in a row. What is left was not sent."
    )
    assert outcomes(run) == ["not-sent"] * 2
    assert rows(ledger, "SELECT exposed FROM document") == [0, 0]


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_service_that_refuses_everything_stops_the_run(
    ledger: Ledger, server: Scripted, status: int
) -> None:
    """One batch is tried to its last invoice, not the whole file."""
    server.jobs = lambda _: Reply(status, {"title": "Forbidden"})
    run = begin(ledger)
    result = _send(run, invoices(40), server.url, size=2, workers=1)
    assert result.halted
    assert result.halted.message == (
        f"The service refuses every request: HTTP {status}. What is left was not sent."
    )
    assert outcomes(run) == ["refused"] * 2 + ["not-sent"] * 38


def test_one_forbidden_invoice_stops_nothing(ledger: Ledger, server: Scripted) -> None:
    """When others were accepted, a 403 is about the invoice."""
    server.jobs = lambda request: (
        Reply(403, {"title": "no"}) if "1004" in request.billnums else accept(request)
    )
    run = begin(ledger)
    result = _send(run, invoices(6), server.url, size=3, workers=1)
    assert result.halted is None
    assert outcomes(run) == ["accepted"] * 3 + ["refused"] + ["accepted"] * 2


def test_stopping_finishes_what_is_in_flight(ledger: Ledger, server: Scripted) -> None:
    """After Ctrl-C the answers in flight are recorded, and nothing more is sent."""
    stop = threading.Event()

    def last(request: Request) -> Reply:
        stop.set()
        return accept(request)

    server.jobs = last
    run = begin(ledger)
    result = _send(run, invoices(40), server.url, size=1, workers=2, stop=stop)
    assert result.halted
    assert result.halted.message == "The run was stopped. What is left was not sent."
    sent = len(server.sent())
    assert 1 <= sent <= 2
    assert Counter(outcomes(run)) == {"accepted": sent, "not-sent": 40 - sent}


def test_stopping_ends_a_wait(ledger: Ledger, server: Scripted) -> None:
    """A batch that waits for its Retry-After is not waited for, and is planned again."""
    stop = threading.Event()

    def busy(_: Request) -> Reply:
        stop.set()
        return Reply(429, b"", {"Retry-After": "100"})

    server.jobs = busy
    run = begin(ledger)
    result = _send(run, [invoice()], server.url, stop=stop)
    assert result.halted
    assert result.halted.code == "stopped"
    assert states(ledger) == {"1001": "planned"}


def test_a_full_disk_stops_before_sending(
    ledger: Ledger, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch that cannot be recorded is not sent, nor any after it."""
    run = begin(ledger)
    planned = run.plan(invoices(6))

    def fill(request: Request) -> Reply:
        monkeypatch.setattr(sqlite, "ROOM", 10**18)
        return accept(request)

    server.jobs = fill
    with Service(server.url, "1001", "secret", timeout=(1.0, 1.0)) as service:
        result = send(_batches(planned, 2), run=run, service=service, workers=1)
    assert result.halted
    assert result.halted.code == "disk-full"
    assert len(server.sent()) == 1
    assert outcomes(run) == ["accepted"] * 2 + ["not-sent"] * 4


def test_an_error_while_planning_ends_sending(ledger: Ledger, server: Scripted) -> None:
    """What was taken before it is sent and recorded; the error is the caller's to tell."""
    run = begin(ledger)

    def source() -> Iterator[list[Planned]]:
        yield run.plan([invoice()])
        raise ValueError("row 3")

    with (
        Service(server.url, "1001", "secret", timeout=(1.0, 1.0)) as service,
        pytest.raises(ValueError, match="row 3"),
    ):
        send(source(), run=run, service=service)
    assert outcomes(run) in (["accepted"], ["not-sent"])
    assert outcomes(run) == (["accepted"] if server.sent() else ["not-sent"])


def test_an_outcome_that_cannot_be_recorded_is_unknown_to_the_next_run(
    ledger: Ledger, server: Scripted
) -> None:
    """When the ledger fails after the request, the error is told and nothing is guessed."""
    run = begin(ledger)
    planned = run.plan([invoice()])

    def break_it(request: Request) -> Reply:
        with ledger.writing() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER broken BEFORE UPDATE ON batch BEGIN SELECT RAISE(ABORT, 'broken'); END"
            )
        return accept(request)

    server.jobs = break_it
    with (
        Service(server.url, "1001", "secret", timeout=(1.0, 1.0)) as service,
        pytest.raises(Exception, match="broken"),
    ):
        send([planned], run=run, service=service)
    assert states(ledger) == {"1001": "sending"}
    begin(ledger)
    assert states(ledger) == {"1001": "unknown"}
