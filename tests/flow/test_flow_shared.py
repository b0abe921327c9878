"""Planning and sending apart: `plan` puts into the outbox, `send` sends, each with its own report."""

from __future__ import annotations

import base64
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from flow_desk import HEADER, SAMPLES, Desk, outcomes, row, told

from pipeline.flow import run
from pipeline.ledger import open_ledger, outbox
from pipeline.options import Options
from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.server import serve_in_thread
from pipeline.screens.terminal import Screen
from pipeline.targets import Country, Target

ROWS = [row(Laskunumero=str(1001 + number)) for number in range(4)]


def plan(desk: Desk, *args: object) -> tuple[int, dict[str, Any]]:
    """`plan` with its report in `planned/`."""
    done = desk.here("plan", *args, "--out", "planned")
    return done.code, desk.report("planned")


def send(desk: Desk, *args: object) -> tuple[int, dict[str, Any]]:
    """`send` with its report in `sent/`."""
    done = desk.here("send", *args, "--out", "sent")
    assert done.err == ""
    return done.code, desk.report("sent")


def test_planned_here_and_sent_there(desk: Desk) -> None:
    """Nothing leaves before `send`; then both reports say what became of each invoice."""
    desk.write("a.csv", *ROWS, row(Laskunumero="1009", Postinumero="?"))
    code, report = plan(desk, "a.csv")
    assert code == 1  # one is invalid
    assert report["verdict"].startswith(
        "4 of 5 invoices are with the service or wait in the outbox; 4 wait. Need attention: 1 invalid."
    )
    assert outcomes(report) == dict.fromkeys(["1001", "1002", "1003", "1004"], "not-sent") | {
        "1009": "invalid"
    }
    assert {each[2] for each in told(report)} == {"1009"}
    assert desk.accepted() == []
    code, sent = send(desk, "--batch-size", "3")
    assert (code, sent["run"]["command"]) == (0, "send")
    assert outcomes(sent) == dict.fromkeys(["1001", "1002", "1003", "1004"], "accepted")
    assert sorted(each["billnum"] for each in desk.accepted()) == ["1001", "1002", "1003", "1004"]
    assert desk.here("report", report["run"]["id"], "--out", "planned").code == 0
    after = desk.report("planned")
    assert outcomes(after) == outcomes(sent) | {"1009": "invalid"}
    assert after["verdict"].startswith("4 of 5 invoices are with the service or wait in the outbox; 0 wait.")
    assert after["control"]["agree"] is True
    done = desk.here("send", "--out", "none")
    assert (done.code, done.out.splitlines()[-1][21:]) == (0, "Nothing waits to be sent.")
    assert plan(desk, "a.csv")[1]["totals"]["outcomes"]["already-accepted"]["count"] == 4


def test_all_wait(desk: Desk) -> None:
    """When every invoice can go the code of `plan` is 0; planned again they are there once."""
    desk.write("a.csv", *ROWS)
    code, report = plan(desk, "a.csv")
    assert (code, told(report)) == (0, [])
    assert report["verdict"].startswith(
        "Every invoice is with the service or waits in the outbox: 4 of 4, total 502.00; 4 wait."
    )
    assert plan(desk, "a.csv")[0] == 0
    assert send(desk)[0] == 0
    assert len(desk.accepted()) == 4


def test_a_run_takes_over(desk: Desk) -> None:
    """What was planned for others may be sent by `run`; nothing is left for them."""
    desk.write("a.csv", *ROWS)
    plan(desk, "a.csv")
    done, report = desk.run("a.csv")
    assert (done.code, set(outcomes(report).values())) == (0, {"accepted"})
    assert desk.here("send").out.splitlines()[-1].endswith("Nothing waits to be sent.")


def test_a_refusal_is_told_where_the_rows_are_known(desk: Desk, tmp_path: Path) -> None:
    """The report of the plan names file and row of what the service refused; so may an unknown one."""
    desk.write("a.csv", *ROWS)
    plan(desk, "a.csv")
    faults = Faults([Fault(kind="reset", times=1)])
    with serve_in_thread(tmp_path / "sandbox.sqlite", faults=faults) as server:
        desk.env = {"ROPO_BASE_URL": server.url}
        code, sent = send(desk, "--workers", "1", "--batch-size", "2")
        assert code == 3
        assert sorted(outcomes(sent).values()) == ["accepted", "accepted", "unknown", "unknown"]
        planned = plan_report(desk)
        assert {each[:2] for each in told(planned)} == {
            ("outcome-unknown", "row 2"),
            ("outcome-unknown", "row 3"),
        }
        assert desk.here("reconcile", "--grace", "0", "--out", "asked").code in {0, 1}
        assert send(desk)[0] == 0
    planned = plan_report(desk)
    assert (set(outcomes(planned).values()), told(planned)) == ({"accepted"}, [])


def plan_report(desk: Desk) -> dict[str, Any]:
    """The plan's report as the ledger tells it now."""
    (run_id,) = desk.ledger("select id from run where command = 'plan'")[0]
    desk.here("report", run_id, "--out", "planned")
    return desk.report("planned")


def test_files_travel_with_the_plan(desk: Desk) -> None:
    """A sender on another machine has no attachments: they wait with their invoice."""
    code, _ = plan(desk, SAMPLES / "everything.xlsx", "--attachments", SAMPLES / "attachments")
    assert code in {0, 1}
    send(desk)
    (file, *_) = [
        each for job in desk.accepted() for each in job.get("attachment", []) if "attachmentfile" in each
    ]
    assert base64.b64decode(file["attachmentfile"]).startswith(b"%PDF")


def test_production_asks_for_consent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nothing is put into the outbox; `plan` asks as `run` does, and needs no API code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROPO_CID", "1001")
    monkeypatch.delenv("ROPO_APICODE", raising=False)

    class Person(Screen):
        """Somebody who is asked."""

        interactive = True
        answer = False

        def confirm(self, question: str) -> bool:
            """Say what is to be said."""
            assert question.startswith("Send 4 invoices, 502.00 in all, to https://")
            return self.answer

    (tmp_path / "a.csv").write_text("\n".join([HEADER, *ROWS]) + "\n", encoding="utf-8")
    options = Options(
        command="plan",
        inputs=(Path("a.csv"),),
        target=Target.PRODUCTION,
        country=Country.FI,
        profile="none",
        out=Path("out"),
        ledger="sqlite:///ledger.sqlite",
        plans=True,
    )
    for agrees, code, waiting in ((False, 1, 0), (True, 0, 4)):
        person = Person()
        person.answer = agrees
        assert run(options, person) == code
        with open_ledger(options.ledger) as ledger:
            assert outbox.waiting(ledger.engine, "production-fi", "1001") == waiting


def test_watching(desk: Desk, tmp_path: Path) -> None:
    """A sender that watches sends what comes, each time with a report of its own, until it is stopped."""
    desk.env = {"ROPO_LEDGER": f"sqlite:///{desk.home}/ledger.sqlite"}
    with serve_in_thread(tmp_path / "sandbox.sqlite") as server:
        desk.env["ROPO_BASE_URL"] = server.url
        with desk.start("send", "--watch", "--out", "sent") as watching:
            for number, line in enumerate(ROWS[:2]):
                desk.write("a.csv", line)
                assert plan(desk, "a.csv")[0] == 0
                while len(list(desk.folder.glob("sent/*/report.json"))) <= number:
                    assert watching.poll() is None, watching.communicate()
                    time.sleep(0.05)
            watching.send_signal(signal.SIGTERM)
            watching.communicate(timeout=30)
        assert watching.returncode == 0
    assert desk.ledger("select state, count(*) from document group by 1") == [("accepted", 2)]
