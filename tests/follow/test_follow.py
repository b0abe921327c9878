"""`follow` through the whole program: what the service tells later is kept, shown, and told once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from follow_world import STATUS_UPDATES, StartWorld, World, codes, messages, stages
from scripted import Reply, Scripted, in_turn

from pipeline.follow.ask import MOST_LOOK_UPS
from pipeline.ledger import open_ledger

TODAY = datetime.now(UTC).date().isoformat()


def asked(world: World, columns: str = "question, status, lost") -> list[tuple[object, ...]]:
    """The questions that the ledger has."""
    return world.desk.ledger(f"SELECT {columns} FROM status_answer ORDER BY id")


def test_nothing_is_consumed_without_consent(world: World) -> None:
    """The bare form is refused before anything is asked; the profile or the environment consents."""
    world.send("1001")
    done = world.desk.here("follow", "--out", "out")
    assert done.code == 2
    assert done.one_line.endswith("(consent-to-consume)")
    assert asked(world) == []
    (world.desk.folder / "ours.toml").write_text("[following]\nconsume_status_updates = true\n")
    done, report = world.follow("--profile", "ours.toml")
    assert (done.code, stages(report)) == (0, {"1001": "open"})
    assert "Asking for all status updates not yet read; this consumes them." in done.out
    world.desk.env["ROPO_CONSUME_STATUS_UPDATES"] = "1"
    assert world.desk.here("follow").code == 0


def test_an_invoices_life(world: World) -> None:
    """Every stage with its day, in the follow report, the report of the run that sent it, and history."""
    world.send("1001", "1002", "1003")
    world.happens("1001", "Reminder sent", "2026-01-03")
    world.happens("1001", "PAID", "2026-01-18")
    world.happens("1002", "debt collection", "2026-01-19")
    world.happens("1002", "partly paid")
    done, report = world.follow("--date", "2026-01-03", "--date", "2026-01-18", "--date", "2026-01-19")
    assert done.code == 0
    assert report["verdict"] == ("Invoices with news: 2. Where they stand: 1 in collection, 1 paid.")
    assert [each["life"] for each in report["invoices"] if each["billnum"] == "1001"] == [
        {
            "stage": "paid",
            "since": "2026-01-18",
            "words": "PAID",
            "days": {"reminded": ["2026-01-03"], "paid": ["2026-01-18"]},
        }
    ]
    assert report["totals"]["lives"] == {"collected": 1, "paid": 1}
    (run_id,) = world.desk.ledger("SELECT id FROM run WHERE command = 'run'")[0]
    world.desk.here("report", run_id, "--out", "again")
    again = world.desk.report("again")
    assert stages(again) == {"1001": "paid", "1002": "collected"}
    assert {each["outcome"] for each in again["invoices"]} == {"accepted"}
    sheet = openpyxl.load_workbook(world.desk.folder / "again" / "report.xlsx")["All invoices"]
    assert [(row[0].value, row[-1].value) for row in sheet.iter_rows()] == [
        ("Bill number", "Since then"),
        ("1001", "paid 2026-01-18 (reminded 2026-01-03)"),
        ("1002", "in collection 2026-01-19"),
        ("1003", None),
    ]
    history = world.desk.here("history", "1001")
    assert history.code == 0
    assert "paid 2026-01-18 (reminded 2026-01-03)" in history.out
    assert "2026-01-18T" not in history.out
    assert "2026-01-18  paid: “PAID”, heard " in history.out


def test_a_refusal_that_came_later(start: StartWorld) -> None:
    """The outcome stays accepted; report and history say refused later, and exit with 1, told once."""
    world = start({"kind": "refuse-later", "endpoint": "POST /rest/jobs", "billnums": ("1002",)})
    assert world.send("1001", "1002").code == 0
    done, report = world.follow()
    assert done.code == report["run"]["exit_code"] == 1
    assert stages(report) == {"1001": "open", "1002": "refused"}
    assert codes(report) == ["refused-later"]
    assert messages(report) == [
        f"The service accepted the invoice and refused it later, on {TODAY}: “refused”."
    ]
    assert done.out.count("(refused-later)") == 1
    (run_id,) = world.desk.ledger("SELECT id FROM run WHERE command = 'run'")[0]
    world.desk.here("report", run_id, "--out", "again")
    again = world.desk.report("again")
    assert again["verdict"].startswith("Every invoice is with the service: 2 of 2")
    assert "Refused later, after they had been accepted: 1." in again["verdict"]
    assert [(each["billnum"], each["row"]) for each in again["findings"]] == [("1002", 3)]
    assert world.desk.ledger("SELECT state FROM document ORDER BY id") == [("accepted",), ("accepted",)]
    history = world.desk.here("history", "1002")
    assert history.code == 1
    assert f"accepted, total 125.50, job 1000002, refused later {TODAY} (open {TODAY})" in history.out
    assert "Refused later" in (world.desk.folder / "again" / "report.html").read_text()
    done, report = world.follow()
    assert (done.code, codes(report)) == (0, [])


def test_a_refusal_is_told_by_the_next_report_if_a_run_died_before_its_own(world: World) -> None:
    """Recorded and never reported is not told."""
    world.send("1001")
    world.happens("1001", "rejected", "2026-01-18")
    question = ("--date", "2026-01-18", "--date", "2026-01-19")
    assert world.follow(*question)[0].code == 1
    ledger = next(world.desk.home.rglob("ledger.sqlite"))
    _sql(ledger, "UPDATE status_update SET told = NULL")
    done, report = world.follow(*question)
    assert (done.code, codes(report)) == (1, ["refused-later"])
    world.happens("1001", "credited", "2026-01-19")
    _sql(ledger, "UPDATE status_update SET told = NULL")
    done, report = world.follow(*question)
    assert (done.code, stages(report)) == (0, {"1001": "credited"})


def _sql(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as ledger:
        ledger.execute(statement)
        ledger.commit()


def test_the_same_again_changes_nothing(world: World) -> None:
    """Updates that come twice, by whatever question, are known."""
    world.send("1001")
    world.happens("1001", "paid")
    world.follow()
    before = world.desk.ledger("SELECT document_id, at, stage, words FROM status_update ORDER BY id")
    for question in (["--date", TODAY], ["1001"], ["--since", TODAY], ["--consume"]):
        done, report = world.follow(*question)
        assert (done.code, report["verdict"]) == (0, "There is no news of any invoice.")
    assert world.desk.ledger("SELECT document_id, at, stage, words FROM status_update ORDER BY id") == before
    assert len(before) == 2


def test_more_than_one_answer_holds(world: World) -> None:
    """At most 1,000 a call: asked again until there is nothing more."""
    world.send("1001", "1002")
    for number in range(2000):
        world.happens("1001", f"word {number}")
    world.happens("1002", "paid")
    done, report = world.follow()
    assert (done.code, stages(report)) == (0, {"1001": "open", "1002": "paid"})
    assert asked(world, "question, updates, lost") == [("", 1000, 0), ("", 1000, 0), ("", 3, 0), ("", 0, 0)]
    done, report = world.follow("--date", TODAY)
    assert done.code == 1
    assert messages(report)[0] == (
        f"The service had at least 1000 changes on {TODAY}, and gives no more than 1000 at a time:"
        " some may be missing."
    )
    assert codes(report)[0] == "status-updates-cut"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "close", "when": "after", "nth": 1},
        {"kind": "reset", "when": "after", "nth": 1},
        {"kind": "half", "when": "after", "nth": 1},
        {"kind": "status", "status": 502, "when": "after", "nth": 1},
        {"kind": "garbage", "when": "after", "nth": 1},
        {"kind": "empty", "when": "after", "nth": 1},
    ],
    ids=lambda fault: fault["kind"],
)
def test_an_answer_lost_on_its_way_is_told_and_healed_by_date(
    start: StartWorld, fault: dict[str, object]
) -> None:
    """What was consumed and not recorded is told until every day in question was asked for."""
    world = start(fault)
    world.send("1001", "1002")
    world.happens("1001", "paid")
    done, report = world.follow()
    assert (done.code, stages(report)) == (1, {})
    assert codes(report) == ["status-updates-lost"]
    done, report = world.follow()
    assert (done.code, codes(report)) == (1, ["status-updates-lost"])
    since = messages(report)[0].split(" of ")[-1].split(" or ")[0]
    assert f"Run “follow --since {since}”" in report["findings"][0]["remedy"]
    done, report = world.follow("--date", TODAY)
    assert (done.code, codes(report)) == (1, ["status-updates-lost"])  # not every day yet
    assert stages(report) == {"1001": "paid", "1002": "open"}
    done, report = world.follow("--since", since)
    assert (done.code, codes(report)) == (0, [])
    assert world.follow()[0].code == 0


@pytest.mark.parametrize(
    ("fault", "codes_told", "code"),
    [
        ({"kind": "status", "status": 429, "retry_after": 0, "times": 2}, [], 0),
        ({"kind": "expired-token", "nth": 1}, [], 0),
        ({"kind": "status", "status": 403}, ["status-updates-refused"], 4),
        ({"kind": "status", "status": 503}, ["status-updates-lost", "status-updates-refused"], 4),
        ({"kind": "close"}, ["status-updates-lost", "service-unreachable"], 4),
    ],
)
def test_a_service_that_does_not_answer(
    start: StartWorld, fault: dict[str, object], codes_told: list[str], code: int
) -> None:
    """What it refused is not lost; what it may have done is; it is asked a few times, then no more."""
    world = start(fault)
    world.send("1001")
    done, report = world.follow()
    assert (done.code, codes(report)) == (code, codes_told)


def test_a_service_that_is_not_there(start: StartWorld) -> None:
    """Without a token nothing is asked and nothing is lost."""
    world = start()
    world.send("1001")
    world.desk.env["ROPO_BASE_URL"] = "http://127.0.0.1:9"
    done, report = world.follow()
    assert (done.code, codes(report)) == (4, ["service-unreachable"])
    assert asked(world) == [("", None, 0)]


def test_wrong_questions(world: World) -> None:
    """Too many numbers, one of a person, days with numbers, a PDF of nothing: nothing is asked."""
    for args, code in (
        ([str(number) for number in range(MOST_LOOK_UPS + 1)], "too-many-look-ups"),
        (["1001", "131052-308T"], "number-not-asked"),
        ([" "], "number-not-asked"),
        (["1001", "--date", TODAY], "follow-choice"),
        (["--pdf"], "follow-choice"),
    ):
        done = world.desk.here("follow", *args, "--out", "out")
        assert done.code == 2
        assert done.one_line.endswith(f"({code})")
        assert "131052" not in done.err
    assert asked(world) == []


def test_jobs_of_others(told: World, server: Scripted) -> None:
    """They are counted and told, kept as they came, and no error; identity codes are not kept."""
    server.look_ups = in_turn(
        Reply(
            200,
            [
                {"jobid": 7, "billnum": "9001", "status": "paid", "date": "2026-01-19"},
                {"jobid": 8, "billnum": "9002", "status": "paid", "payer": "Teppo 131052-308T"},
                {"jobid": 9, "billnum": "1001", "status": "paid", "date": "2026-01-19", "131052-308T": 1},
            ],
        ),
        Reply(204),
    )
    done, report = told.follow()
    assert (done.code, stages(report)) == (0, {"1001": "paid"})
    assert codes(report) == ["status-updates-elsewhere"]
    assert messages(report) == [
        "Status updates about jobs that this ledger does not know, or not for certain: 2."
    ]
    assert "(status-updates-elsewhere)" in done.out
    (body,) = told.desk.ledger("SELECT body FROM status_answer WHERE body IS NOT NULL")[0]
    assert "9002" in body
    assert b"131052" not in told.desk.everything_written()


def test_words_that_are_not_known(told: World, server: Scripted) -> None:
    """They are kept and told and change nothing."""
    server.look_ups = in_turn(
        Reply(200, [{"billnum": "1001", "status": "paid", "date": "2026-01-01"}]),
        Reply(200, [{"billnum": "1001", "status": 47, "date": "2026-01-19"}]),
        Reply(200, [{"billnum": "1002", "status": "open", "statustext": "Maksettu"}]),
        Reply(204),
    )
    done, report = told.follow()
    assert (done.code, stages(report)) == (0, {"1001": "paid"})
    assert codes(report) == ["status-words-unknown"]
    words = "“47” (1), “open; Maksettu” (1)"
    assert messages(report) == [
        f"The service tells a status that is not known here: {words}. It is kept and changes nothing."
    ]
    assert "2026-01-19  noted: “47”, heard" in told.desk.here("history", "1001").out


def test_a_shape_that_is_not_known(told: World, server: Scripted) -> None:
    """It is kept as it came and told, and the rest stays unread."""
    server.look_ups = lambda _: Reply(200, {"changes": [["1001", "paid"], ["1002", "open"]]})
    done, report = told.follow()
    assert (done.code, codes(report)) == (1, ["status-updates-strange"])
    assert messages(report) == [
        "Entries in the service's answers about status updates that cannot be understood: 2."
    ]
    assert asked(told, "body, lost") == [('{"changes":[["1001","paid"],["1002","open"]]}', 0)]


def test_a_service_that_marks_nothing_as_read(told: World, server: Scripted) -> None:
    """The same answer twice ends it."""
    server.look_ups = lambda _: Reply(200, [{"billnum": "1001", "status": "paid"}])
    done, report = told.follow()
    assert (done.code, codes(report)) == (4, ["status-updates-repeated"])
    assert stages(report) == {"1001": "paid"}
    assert len(asked(told)) == 2


def test_a_number_that_two_documents_have(told: World, server: Scripted) -> None:
    """Without a job id nobody can tell which is meant: it is no news of either."""
    told.desk.write(
        "muistutus.csv",
        "1;1001;1.10.2026;15.10.2026;Acme Oy;2262509-5;Katu 1;00100;HELSINKI;125,50;13",
        header="jobtype;Laskunumero;Laskupäivä;Eräpäivä;Nimi;Y-tunnus;Osoite;Postinumero;Postitoimipaikka;"
        "amount;billcode",
    )
    assert told.desk.here("run", "muistutus.csv", "--out", "r").code == 0
    server.look_ups = in_turn(Reply(200, [{"billnum": "1001", "status": "paid"}]), Reply(204))
    done, report = told.follow()
    assert (done.code, stages(report), codes(report)) == (0, {}, ["status-updates-elsewhere"])


def test_news_of_an_invoice_whose_outcome_is_unknown(start: StartWorld) -> None:
    """It is told with its outcome, and exit code 3: reconcile decides."""
    world = start(
        {"kind": "close", "when": "after", "endpoint": "POST /rest/jobs"},
        {"kind": "status", "status": 503, "times": 4},
    )
    assert world.send("1001").code in {3, 4}
    done, report = world.follow("--date", TODAY)
    assert (done.code, stages(report)) == (3, {"1001": "open"})
    assert [each["outcome"] for each in report["invoices"]] == ["unknown"]
    assert world.desk.here("reconcile", "--out", "r").code == 0
    assert world.desk.ledger("SELECT state FROM document") == [("accepted",)]


def test_it_works_beside_a_run_and_not_beside_itself(world: World) -> None:
    """It changes no document, so it takes a lock of its own."""
    world.send("1001")
    url = f"sqlite:///{next(world.desk.home.rglob('ledger.sqlite'))}"
    with open_ledger(url) as ledger:
        with ledger.lock("sandbox", "sandbox"):
            assert world.follow()[0].code == 0
        with ledger.lock("sandbox", "sandbox/follow"):
            done = world.desk.here("follow", "--consume")
    assert done.code == 4
    assert done.one_line.endswith("(another-run)")


def test_purge_forgets_the_answers(world: World) -> None:
    """What came is gone, what it meant stays."""
    world.send("1001")
    world.follow()
    assert world.desk.here("purge", "--before", "2999-01-01").code == 0
    assert set(asked(world, "body")) == {(None,)}
    assert world.desk.ledger("SELECT stage FROM status_update") == [("open",)]


def test_a_look_up_of_a_number_that_the_service_does_not_have(told: World, server: Scripted) -> None:
    """404 is no news."""
    server.look_ups = lambda _: Reply(404, {"title": "Not Found"})
    assert told.follow("1001")[0].code == 0
    assert STATUS_UPDATES.split()[1] in server.requests[-1].path


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_it_speaks_finnish_and_swedish(start: StartWorld, language: str) -> None:
    """Verdict and stages are translated."""
    world = start({"kind": "refuse-later", "endpoint": "POST /rest/jobs"})
    world.send("1001")
    _, report = world.follow("--consume", "--language", language)
    assert (
        report["verdict"]
        == {
            "fi": "Laskuja, joista on uutta tietoa: 1. Niiden tila: 1 myöhemmin hylätty.",
            "sv": "Fakturor med nyheter: 1. Deras status: 1 avvisad i efterhand.",
        }[language]
    )
