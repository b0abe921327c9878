"""The sandbox misbehaves as it is told to, at the level of the socket, and the same way each time."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from pydantic import ValidationError

from pipeline.findings import Refusal
from pipeline.sandbox import faults
from pipeline.sandbox.faults import Fault, Faults

if TYPE_CHECKING:
    from sandbox_client import Client, Job, MakeInvoice, StartSandbox

BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


def rules(*each: dict[str, Any]) -> Faults:
    """Faults by these rules."""
    return Faults([Fault(**rule) for rule in each])


def numbers(client: Client) -> list[str]:
    """The bill numbers that the sandbox has accepted."""
    return [job["billnum"] for job in client.accepted()]


@pytest.mark.parametrize(("when", "kept"), [("before", []), ("after", ["2001"])])
@pytest.mark.parametrize("kind", ["close", "reset", "half"])
def test_a_broken_connection(
    sandbox: StartSandbox, invoice: MakeInvoice, kind: str, when: str, kept: list[str]
) -> None:
    """The sender gets no whole answer; the batch was processed or not, as told; the next request works."""
    client = sandbox(faults=rules({"kind": kind, "when": when, "nth": 1}))
    with pytest.raises(BROKEN):
        client.send(invoice())
    assert numbers(client) == kept
    assert client.send(invoice(billnum="2002")).json()["accepted"] == 1


def raw_answer(client: Client, job: Job) -> bytes:
    """What comes back on the socket itself until it closes."""
    host, port = client.url.removeprefix("http://").split(":")
    body = json.dumps({"datastream": {"dataset": [job]}}).encode()
    token = client.session.headers["Authorization"]
    lines = [
        "POST /rest/jobs HTTP/1.1",
        f"Host: {host}",
        f"Authorization: {token}",
        f"Content-Length: {len(body)}",
    ]
    head = "\r\n".join([*lines, "", ""])
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def test_a_closed_connection_closes_without_a_byte(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """`close` ends the stream in good order, with nothing on it."""
    assert raw_answer(sandbox(faults=rules({"kind": "close", "when": "after"})), invoice()) == b""


def test_a_reset_is_a_reset(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """`reset` resets the TCP connection."""
    client = sandbox(faults=rules({"kind": "reset", "when": "after"}))
    with pytest.raises(ConnectionResetError):
        raw_answer(client, invoice())


def test_half_an_answer_is_a_half(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """`half` announces the whole answer, brings its first half and closes."""
    head, _, body = raw_answer(sandbox(faults=rules({"kind": "half", "when": "after"})), invoice()).partition(
        b"\r\n\r\n"
    )
    assert head.startswith(b"HTTP/1.1 201 Created\r\n")
    whole = b'{"accepted":1,"jobs":[{"jobid":1000001,"billnum":"2001"}],"errors":[]}'
    assert f"content-length: {len(whole)}".encode() in head.lower()
    assert body == whole[: len(whole) // 2]


@pytest.mark.parametrize(("when", "kept"), [("before", []), ("after", ["2001"])])
@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_an_error_status(
    sandbox: StartSandbox, invoice: MakeInvoice, status: int, when: str, kept: list[str]
) -> None:
    """The answer has the status, with Retry-After or without, whether or not the batch was processed."""
    client = sandbox(
        faults=rules(
            {"kind": "status", "status": status, "when": when, "nth": 1, "retry_after": 2},
            {"kind": "status", "status": status, "when": "before", "nth": 2},
        )
    )
    answers = [client.send(invoice()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    assert [answer.headers.get("Retry-After") for answer in answers] == ["2", None]
    assert numbers(client) == kept


@pytest.mark.parametrize(("when", "kept"), [("before", []), ("after", ["2001"])])
@pytest.mark.parametrize(("kind", "content"), [("garbage", b"<html>\xff\xfe"), ("empty", b"")])
def test_an_unreadable_success(
    sandbox: StartSandbox, invoice: MakeInvoice, kind: str, content: bytes, when: str, kept: list[str]
) -> None:
    """The answer is a 201 that says nothing."""
    client = sandbox(faults=rules({"kind": kind, "when": when}))
    answer = client.send(invoice())
    assert (answer.status_code, answer.content) == (201, content)
    assert numbers(client) == kept


def test_an_unreadable_success_in_place_of_none(sandbox: StartSandbox) -> None:
    """A look-up that finds nothing can be answered with garbage too."""
    client = sandbox(
        faults=rules({"kind": "garbage", "when": "after", "endpoint": "GET /rest/jobs/statusupdates"})
    )
    answer = client.get("/statusupdates", billnum="1")
    assert (answer.status_code, answer.content) == (200, b"<html>\xff\xfe")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_slow_answer(sandbox: StartSandbox, invoice: MakeInvoice, when: str) -> None:
    """A sender that does not wait so long gets nothing, though the batch is processed in the end."""
    client = sandbox(faults=rules({"kind": "slow", "when": when, "seconds": 0.4, "nth": 1}))
    with pytest.raises(requests.ReadTimeout):
        client.send(invoice(), timeout=0.1)
    deadline = time.monotonic() + 10
    while not numbers(client) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert numbers(client) == ["2001"]


@pytest.mark.parametrize(("offset", "told"), [(-1, 1), (2, 4)])
def test_a_wrong_count(sandbox: StartSandbox, invoice: MakeInvoice, offset: int, told: int) -> None:
    """The batch is processed, but the answer counts too few or too many."""
    client = sandbox(faults=rules({"kind": "wrong-count", "offset": offset}), bare=True)
    answer = client.send(invoice(), invoice(billnum="2002"))
    assert answer.json() == {"accepted": told, "errors": []}
    assert numbers(client) == ["2001", "2002"]


def test_an_expired_token(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """The token is refused with 401 and stays refused; a new one works."""
    client = sandbox(faults=rules({"kind": "expired-token", "nth": 1}))
    assert [client.send(invoice()).status_code for _ in range(2)] == [401, 401]
    client.renew("1001")
    assert client.send(invoice()).status_code == 201


def test_partial_acceptance_with_names(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """The chosen jobs are refused by name, the others accepted."""
    client = sandbox(faults=rules({"kind": "partial", "positions": [0, 2, 9]}))
    answer = client.send(invoice(billnum="1"), invoice(billnum="2"), invoice(billnum="3")).json()
    refused = {"error": "the sandbox was asked to refuse this job"}
    assert answer["errors"] == [
        refused | {"index": 0, "billnum": "1"},
        refused | {"index": 2, "billnum": "3"},
    ]
    assert (answer["accepted"], answer["jobs"]) == (1, [{"jobid": 1000001, "billnum": "2"}])
    assert numbers(client) == ["2"]


def test_partial_acceptance_without_names(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """The answer counts, but nothing in it tells which jobs were refused."""
    client = sandbox(faults=rules({"kind": "partial", "named": False, "billnums": ["2"]}))
    answer = client.send(invoice(billnum="1"), invoice(billnum="2"))
    assert answer.json() == {"accepted": 1, "errors": [{"error": "the sandbox was asked to refuse this job"}]}
    assert numbers(client) == ["1"]


def test_a_duplicate_refusal(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """The chosen jobs are refused as used bill numbers, though nobody has used them."""
    client = sandbox(faults=rules({"kind": "duplicate"}))
    answer = client.send(invoice()).json()
    assert answer["errors"] == [{"error": "billnum 2001 already exists", "index": 0, "billnum": "2001"}]
    assert numbers(client) == []


@pytest.mark.parametrize(
    ("named", "detail"),
    [
        (True, "The batch is refused: city is missing; jobtype 0 needs it (billnum 2002, index 1)"),
        (False, "The batch is refused: city is missing; jobtype 0 needs it"),
    ],
)
def test_a_whole_batch_for_one_bad_job(
    sandbox: StartSandbox, invoice: MakeInvoice, named: bool, detail: str
) -> None:
    """One bad job makes the whole batch a 400 of which nothing is kept; a batch without one goes."""
    client = sandbox(faults=rules({"kind": "whole", "named": named, "positions": []}))
    answer = client.send(invoice(), invoice(billnum="2002", city=None), invoice(billnum="2003"))
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)
    assert numbers(client) == []
    assert client.send(invoice()).json()["accepted"] == 1


def test_a_whole_batch_for_a_chosen_job(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """The job that a whole batch is refused for can be chosen by its bill number."""
    client = sandbox(faults=rules({"kind": "whole", "billnums": ["2002"]}))
    assert client.send(invoice(), invoice(billnum="2002")).status_code == 400
    assert client.send(invoice()).json()["accepted"] == 1


def test_latency_delays_every_answer(sandbox: StartSandbox) -> None:
    """With latency a sender that does not wait so long gets nothing."""
    client = sandbox(latency=0.3)
    with pytest.raises(requests.ReadTimeout):
        client.session.get(f"{client.url}/rest/jobs?jobid=1", timeout=0.1)


def test_rules_strike_where_they_say() -> None:
    """nth, every, times and the endpoint decide; each counts its own requests; the first rule wins."""
    told = rules(
        {"kind": "close", "nth": 2},
        {"kind": "reset", "every": 2, "times": 2},
        {"kind": "empty", "endpoint": "GET /rest/jobs"},
    )
    struck = [told.next("POST /rest/jobs") for _ in range(8)]
    assert [fault and fault.kind for fault in struck] == [
        None,
        "close",
        None,
        "reset",
        None,
        "reset",
        None,
        None,
    ]
    assert told.next("GET /rest/jobs").kind == "empty"
    assert told.next("POST /rest/token") is None


def test_a_probability_is_reproducible() -> None:
    """The same seed strikes the same requests, another one others, about as many as it should."""
    rule = [Fault(kind="close", probability=0.25)]
    first, second = Faults(rule, seed=1), Faults(rule, seed=1)
    struck = [bool(first.next("POST /rest/jobs")) for _ in range(2000)]
    assert struck == [bool(second.next("POST /rest/jobs")) for _ in range(2000)]
    other = Faults(rule, seed=2)
    assert struck != [bool(other.next("POST /rest/jobs")) for _ in range(2000)]
    assert 400 < sum(struck) < 600


def test_a_seed_draws_from_every_way_to_fail() -> None:
    """A seed fails a fifth of the requests in every way of its list, the same again another time."""
    first, second = faults.parse("seed:42"), Faults.from_seed(42)
    struck = [first.next("POST /rest/jobs") for _ in range(5000)]
    again = []
    for _ in range(5000):
        second.next("POST /rest/token")
        again.append(second.next("POST /rest/jobs"))
    assert struck == again
    ways = Counter(fault for fault in struck if fault)
    assert 900 < ways.total() < 1100
    assert set(ways) == set(first._rules)
    assert {fault.kind for fault in ways} == set(Fault.model_fields["kind"].annotation.__args__) - {
        "duplicate",
        "refuse-later",
    }


def test_a_token_request_never_meets_an_expired_token() -> None:
    """What needs no token does not meet a fault of tokens."""
    told = Faults.from_seed(42, rate=1)
    struck = {told.next("POST /rest/token").kind for _ in range(500)}
    assert struck == {"close", "reset", "status", "slow", "half", "garbage", "empty"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("faults.toml", 'seed = 7\n[[fault]]\nkind = "status"\nstatus = 503\nretry_after = 1\nnth = 1\n'),
        (
            "faults.json",
            '{"seed": 7, "fault": [{"kind": "status", "status": 503, "retry_after": 1, "nth": 1}]}',
        ),
    ],
)
def test_faults_come_from_a_file(
    tmp_path: Path, sandbox: StartSandbox, invoice: MakeInvoice, name: str, text: str
) -> None:
    """A file of rules, TOML or JSON, does what it says."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    client = sandbox(faults=faults.parse(str(tmp_path / name)))
    answers = [client.send(invoice()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 201]
    assert answers[0].headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[[fault]]\nkind = "explode"\n', "fault.0.kind: Input should be 'close', 'reset', 'status'"),
        ('[[fault]]\nkind = "close"\nnht = 2\n', "fault.0.nht: Extra inputs are not permitted"),
        ('[[fault]]\nkind = "close"\nnth = 0\n', "fault.0.nth: Input should be greater than or equal to 1"),
        ("", "fault: Field required"),
        ("fault = [", "Invalid value (at end of document)"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    """A faults file that says something else is refused with the place and the reason."""
    path = tmp_path / "faults.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as refusal:
        faults.parse(str(path))
    assert refusal.value.finding.code == "faults-unreadable"
    assert str(refusal.value).startswith(f"The faults for the sandbox in {path} cannot be used: {reason}")


def test_a_missing_file_and_a_wrong_seed_are_refused(tmp_path: Path) -> None:
    """What cannot be read at all is refused likewise."""
    with pytest.raises(Refusal, match="No such file or directory"):
        faults.parse(str(tmp_path / "none.toml"))
    with pytest.raises(Refusal, match=r"a seed is a whole number: seed:42$"):
        faults.parse("seed:many")


def test_a_fault_does_not_change() -> None:
    """A rule is a fact, not a counter."""
    with pytest.raises(ValidationError):
        Fault(kind="close").nth = 2
