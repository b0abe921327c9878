"""Running again, and what the exit code says when the service does not play along."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flow_desk import Desk, outcomes, row, told

from pipeline.ledger import open_ledger
from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.server import serve_in_thread
from pipeline.sender.send import send

FIVE = [row(Laskunumero=str(1001 + number)) for number in range(5)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that tries an unreachable service again at once."""
    monkeypatch.setattr("pipeline.sender.send", partial(send, pauses=(0.0, 0.0)))


def against(
    desk: Desk, tmp_path: Path, *faults: dict[str, Any], batch_size: int = 2
) -> tuple[int, dict[str, Any]]:
    """Run `invoices.csv` against a sandbox that misbehaves so."""
    rules = Faults([Fault.model_validate(fault) for fault in faults])
    with serve_in_thread(tmp_path / "sandbox.sqlite", faults=rules) as server:
        desk.env = {"ROPO_BASE_URL": server.url, "ROPO_WORKERS": "1", "ROPO_BATCH_SIZE": str(batch_size)}
        done, report = desk.run("invoices.csv")
    assert done.err == ""
    assert report["control"]["agree"] is True
    return done.code, report


def test_a_second_run_sends_nothing_and_says_so(desk: Desk) -> None:
    """The same file again is 0, with every invoice already accepted."""
    desk.write("invoices.csv", *FIVE)
    first, _ = desk.run("invoices.csv")
    sent = desk.accepted()
    second, report = desk.run("invoices.csv")
    assert (first.code, second.code) == (0, 0)
    assert len(sent) == 5
    assert desk.accepted() == sent
    assert set(outcomes(report).values()) == {"already-accepted"}
    assert report["verdict"].startswith(
        "Every invoice was with the service already: 5 of 5, total 627.50. Nothing was sent again."
    )
    assert "Nothing was sent again." in second.out


def test_the_ledger_is_the_same_from_every_folder(desk: Desk, tmp_path: Path) -> None:
    """Another working directory is no way to send twice; every report names the ledger."""
    desk.write("invoices.csv", *FIVE)
    _, first = desk.run("invoices.csv")
    elsewhere = Desk(desk.home, tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    elsewhere.write("invoices.csv", *FIVE)
    done, second = elsewhere.run("invoices.csv")
    assert set(outcomes(second).values()) == {"already-accepted"}
    assert first["run"]["ledger"] == second["run"]["ledger"]
    assert first["run"]["ledger"] == f"sqlite:///{desk.home}/.local/share/ropo-pipeline/ledger.sqlite"
    assert first["run"]["ledger"] in done.out


def test_a_check_sends_nothing(desk: Desk) -> None:
    """All but sending: the findings are there, the service is not asked, and a run afterwards sends."""
    desk.write("invoices.csv", *FIVE, row(Laskunumero="1006", Määrä="abc"))
    done = desk.here("check", "invoices.csv", "--out", "out")
    report = desk.report()
    assert done.code == 1
    assert told(report) == [("number-form", "J7", "1006")]
    assert desk.accepted() == []
    after, _ = desk.run("invoices.csv")
    assert after.code == 1
    assert len(desk.accepted()) == 5


def test_a_changed_invoice_is_a_conflict(desk: Desk) -> None:
    """Sent once, an invoice is never sent with other content; the difference is told field by field."""
    desk.write("invoices.csv", *FIVE)
    desk.run("invoices.csv")
    desk.write("invoices.csv", row(Veroton_hinta="60,00"), *FIVE[1:])
    done, report = desk.run("invoices.csv")
    assert done.code == 1
    assert outcomes(report)["1001"] == "conflict"
    (found,) = report["findings"]
    assert found["message"].endswith("with other content: payrow 1 amount: 50.00 → 60.00.")
    assert len(desk.accepted()) == 5


@pytest.mark.usefixtures("impatient")
def test_an_unreachable_service_is_4(desk: Desk) -> None:
    """Nothing was sent, everything can go by the same command later."""
    desk.write("invoices.csv", *FIVE)
    desk.env = {"ROPO_BASE_URL": "http://127.0.0.1:9"}
    done, report = desk.run("invoices.csv")
    assert done.code == 4
    assert set(outcomes(report).values()) == {"not-sent"}
    assert {code for code, _, _ in told(report)} == {"service-unreachable", "not-sent"}
    desk.env = {}
    again, _ = desk.run("invoices.csv")
    assert again.code == 0
    assert len(desk.accepted()) == 5


def test_refused_credentials_are_4(desk: Desk, tmp_path: Path) -> None:
    """A service that gives no token is asked for nothing else."""
    desk.write("invoices.csv", *FIVE)
    code, report = against(desk, tmp_path, {"kind": "status", "status": 400, "endpoint": "POST /rest/token"})
    assert code == 4
    assert set(outcomes(report).values()) == {"not-sent"}
    assert ("credentials-refused", None, None) in told(report)


def test_an_answer_that_never_came_is_3(desk: Desk, tmp_path: Path) -> None:
    """The outcome of that batch is unknown, the others go; the next run does not send it blindly."""
    desk.write("invoices.csv", *FIVE)
    code, report = against(
        desk,
        tmp_path,
        {"kind": "close", "when": "after", "nth": 1},
        {"kind": "garbage", "endpoint": "GET /rest/jobs/statusupdates"},
    )
    assert code == 3
    assert sorted(outcomes(report).values()) == ["accepted"] * 3 + ["unknown"] * 2
    code, report = against(desk, tmp_path)
    assert code == 0
    assert set(outcomes(report).values()) == {"already-accepted"}


def test_unknown_wins_over_everything_else(desk: Desk, tmp_path: Path) -> None:
    """With an invalid invoice and a refused one beside an unknown one, the code is 3."""
    desk.write("invoices.csv", *FIVE, row(Laskunumero="1006", Määrä="abc"))
    code, report = against(
        desk,
        tmp_path,
        {"kind": "partial", "nth": 1, "billnums": ["1001"]},
        {"kind": "garbage", "when": "after", "nth": 2},
        {"kind": "garbage", "endpoint": "GET /rest/jobs/statusupdates"},
    )
    assert code == 3
    assert outcomes(report) == {
        "1001": "refused",
        "1002": "accepted",
        "1003": "unknown",
        "1004": "unknown",
        "1005": "accepted",
        "1006": "invalid",
    }


def test_a_second_run_at_the_same_time_is_4(desk: Desk) -> None:
    """Two runs for one customer could send the same invoice twice: the later one ends at once."""
    desk.write("invoices.csv", *FIVE)
    ledger_file = desk.home / "ledger.sqlite"
    with open_ledger(f"sqlite:///{ledger_file}") as ledger, ledger.lock("sandbox", "sandbox"):
        done = desk.here("run", "invoices.csv", "--ledger", f"sqlite:///{ledger_file}")
    assert done.code == 4
    assert done.one_line == (
        "Another run is at work for customer sandbox in sandbox. Wait until it has ended, then run the same "
        "command again. (another-run)"
    )
    assert desk.accepted() == []
