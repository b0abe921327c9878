"""The table of answers (`docs/answers.md`), over real HTTP and through the whole program."""

from __future__ import annotations

import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from torture_world import (
    Driver,
    Sandbox,
    World,
    assert_agree,
    assert_all_there_once,
    assert_code,
    bills,
)

from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.server import serve_in_thread
from pipeline.sender.answers import TABLE, Meaning

AFTER = {"when": "after"}
ACCEPTED, UNKNOWN, NOT_SENT = ({name: 3} for name in ("accepted", "unknown", "not-sent"))
ONCE = {"nth": 1}


def _status(status: int, **more: Any) -> dict[str, Any]:
    return {"kind": "status", "status": status, **more}


# What each request to POST /rest/jobs meets; how the three invoices of the one batch end after the look-up
# at the end of the run (60 seconds of grace); the exit code; what the batches' answers meant.
# An answer that was lost though the batch was processed is found by the look-up: accepted.
CASES: dict[str, tuple[dict[str, Any], dict[str, int], int, set[str]]] = {
    "closed": ({"kind": "close"} | ONCE, UNKNOWN, 3, {"unknown"}),
    "closed after": ({"kind": "close"} | AFTER | ONCE, ACCEPTED, 0, {"unknown"}),
    "reset": ({"kind": "reset"} | ONCE, UNKNOWN, 3, {"unknown"}),
    "reset after": ({"kind": "reset"} | AFTER | ONCE, ACCEPTED, 0, {"unknown"}),
    **{f"{code}": (_status(code) | ONCE, UNKNOWN, 3, {"unknown"}) for code in (408, 500, 502, 503, 504)},
    **{
        f"{code} after": (_status(code) | AFTER | ONCE, ACCEPTED, 0, {"unknown"})
        for code in (408, 500, 502, 503, 504)
    },
    "401 once": ({"kind": "expired-token"} | ONCE, ACCEPTED, 0, {"counted"}),
    "401 always": ({"kind": "expired-token"}, NOT_SENT, 4, {"not-sent"}),
    "429 once": (_status(429, retry_after=0) | ONCE, ACCEPTED, 0, {"counted"}),
    "429 after processing": (_status(429, retry_after=0) | AFTER | ONCE, ACCEPTED, 0, {"counted"}),
    "429 always": (_status(429, retry_after=0), NOT_SENT, 4, {"not-sent"}),
    "413 always": (_status(413), {"refused": 3}, 1, {"refused"}),
    "413 once": (_status(413) | ONCE, ACCEPTED, 0, {"refused", "counted"}),
    "400 unreadable": (_status(400) | ONCE, UNKNOWN, 3, {"unknown"}),
    "whole, named": ({"kind": "whole"} | ONCE, {"refused": 1, "accepted": 2}, 1, {"refused", "counted"}),
    "whole, unnamed": (
        {"kind": "whole", "billnums": ("1002",), "named": False},
        {"refused": 1, "accepted": 2},
        1,
        {"refused", "counted"},
    ),
    "some": ({"kind": "partial"} | ONCE, {"refused": 1, "accepted": 2}, 1, {"counted"}),
    "some, unnamed": (
        {"kind": "partial", "named": False} | ONCE,
        {"unknown": 1, "accepted": 2},
        3,
        {"counted"},
    ),
    "duplicate": (
        {"kind": "duplicate", "billnums": ("1002",)},
        {"refused": 1, "accepted": 2},
        1,
        {"counted"},
    ),
    "too many": ({"kind": "wrong-count", "offset": 1} | ONCE, ACCEPTED, 0, {"counted"}),
    "too few": ({"kind": "wrong-count"} | ONCE, ACCEPTED, 0, {"counted"}),
    "half": ({"kind": "half"} | ONCE, UNKNOWN, 3, {"unknown"}),
    "half after": ({"kind": "half"} | AFTER | ONCE, ACCEPTED, 0, {"unknown"}),
    "garbage": ({"kind": "garbage"} | ONCE, UNKNOWN, 3, {"unknown"}),
    "garbage after": ({"kind": "garbage"} | AFTER | ONCE, ACCEPTED, 0, {"unknown"}),
    "empty after": ({"kind": "empty"} | AFTER | ONCE, ACCEPTED, 0, {"unknown"}),
    "slow": ({"kind": "slow", "seconds": 0.2} | ONCE, ACCEPTED, 0, {"counted"}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_an_answer_leads_to(driver: Driver, tmp_path: Path, case: str) -> None:
    """Each way to fail ends as the table says, and after good weather each invoice is there once."""
    fault, expected, code, meanings = CASES[case]
    file = tmp_path / "service.sqlite"
    with serve_in_thread(file, faults=Faults([Fault.model_validate(fault)])) as running:
        world = World(driver, Sandbox(running.url, file), tmp_path / "desk", "answers")
        world.export(bills(3))
        ended = world.run("--grace=60", hasty=True)
        assert_agree(world)
        assert_code(world.report(), ended.code)
        assert Counter(each["outcome"] for each in world.report()["invoices"]) == expected
        assert ended.code == code
        assert {meaning for (meaning,) in world.ledger("SELECT meaning FROM batch")} == meanings
    with serve_in_thread(file) as running:
        world.sandbox = Sandbox(running.url, file)
        assert world.run().code == 0
        assert_agree(world)
        assert_all_there_once(world)


def test_nobody_listens(driver: Driver, tmp_path: Path) -> None:
    """No byte left, so nothing is unknown: the run stops, exit 4, and the next one sends all."""
    file = tmp_path / "service.sqlite"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    world = World(driver, Sandbox(f"http://127.0.0.1:{port}", file), tmp_path / "desk", "answers")
    world.export(bills(12))
    with serve_in_thread(file):
        ended = world.run(hasty=True)
        assert ended.code == 4
        assert_agree(world)
        assert {each["outcome"] for each in world.report()["invoices"]} == {"not-sent"}
        assert {each["code"] for each in world.report()["findings"]} == {"service-unreachable", "not-sent"}


def test_every_meaning_was_met() -> None:
    """The cases above meet every row of the table but the one that needs a closed port."""
    met = set().union(*(meanings for *_, meanings in CASES.values()))
    assert met - {"not-sent"} == {Meaning.REFUSED, Meaning.COUNTED, Meaning.UNKNOWN}
    assert {row.meaning for row in TABLE} - met == {Meaning.UNREACHABLE, Meaning.UNAUTHORISED, Meaning.BUSY}
    # Those three end in another meaning: tried again, or after all not sent.
    assert {"401 once", "401 always", "429 once", "429 always"} <= CASES.keys()
