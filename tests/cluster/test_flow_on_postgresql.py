"""The command line with its ledger on PostgreSQL: the same tests as with the user's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from flow_desk import Desk, outcomes, row
from follow_world import World
from postgres import ledger_url
from test_flow_again import (  # noqa: F401 - tests that run here too, with the desk below
    impatient,
    test_a_changed_invoice_is_a_conflict,
    test_a_check_sends_nothing,
    test_a_second_run_sends_nothing_and_says_so,
    test_an_answer_that_never_came_is_3,
    test_an_unreachable_service_is_4,
    test_refused_credentials_are_4,
    test_unknown_wins_over_everything_else,
)
from test_flow_credit import (  # noqa: F401 - likewise
    invoiced,
    test_an_original_of_an_earlier_run_is_named_by_its_job_id,
    test_an_unknown_original_is_a_warning,
    test_credit_command_sends_when_asked,
    test_credit_command_writes_a_file_to_run,
    test_credits_stay_within_the_original,
    test_invoice_and_credit_note_in_one_file,
    test_part_of_an_invoice_can_be_credited,
    test_the_same_credit_note_again_is_not_sent_again,
)

from pipeline.sandbox.server import serve_in_thread


class DeskAtServer(Desk):
    """A desk whose ledger lies on the server."""

    def ledger(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the ledger."""
        with psycopg.connect(self.env["ROPO_LEDGER"]) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty home and an empty working directory."""
    home, folder = tmp_path / "home", tmp_path / "desk"
    home.mkdir()
    folder.mkdir()
    return DeskAtServer(home, folder, {"ROPO_LEDGER": ledger_url(str(tmp_path))})


def test_the_ledger_is_named_without_its_password(desk: Desk) -> None:
    """Neither the screen nor the report shows it; nor does the one line of a server that is not there."""
    desk.write("a.csv", "1001;1.10.2026;15.10.2026;Acme Oy;2262509-5;Katu 1;00100;HELSINKI;Työ;2;50,00;25,5")
    desk.env["ROPO_LEDGER"] = desk.env["ROPO_LEDGER"].replace("postgres:@", "postgres:not-to-be-shown@")
    assert "not-to-be-shown" in desk.env["ROPO_LEDGER"]
    done, report = desk.run("a.csv")
    assert done.code == 0
    assert report["run"]["ledger"].startswith("postgresql://postgres:***@")
    assert "Ledger: postgresql://postgres:***@" in done.out
    assert "not-to-be-shown" not in done.out + done.err
    written = [path for path in (desk.folder / "out").rglob("*") if path.is_file()]
    assert not [path for path in written if b"not-to-be-shown" in path.read_bytes()]
    gone = desk.here("history", "1001", "--ledger", "postgresql://me:not-to-be-shown@127.0.0.1:1/ledger")
    assert gone.code == 4
    assert gone.one_line.startswith("The ledger postgresql://me:***@127.0.0.1:1/ledger cannot be used: ")
    assert "not-to-be-shown" not in gone.one_line


def test_a_character_that_the_database_cannot_hold(desk: Desk) -> None:
    """A zero byte in a cell is found and told as in a file of SQLite, not a failure of the ledger."""
    good = "1001;1.10.2026;15.10.2026;Acme Oy;2262509-5;Katu 1;00100;HELSINKI;Työ;2;50,00;25,5"
    desk.write("a.csv", good, good.replace("1001", "1002").replace("Acme", "Ac\0me"))
    done, report = desk.run("a.csv")
    assert done.code in {0, 1, 2}
    assert "internal" not in done.err
    assert {each["billnum"] for each in report["invoices"]} == {"1001", "1002"}


def test_what_became_of_invoices(desk: Desk, tmp_path: Path) -> None:
    """`follow` keeps what it hears, once; `history`, `purge` and `report` read it."""
    with serve_in_thread(tmp_path / "service.sqlite") as service:
        desk.env["ROPO_BASE_URL"] = service.url
        world = World(desk, tmp_path / "service.sqlite")
        assert world.send("1001", "1002").code == 0
        world.happens("1001", "paid", "2026-11-20")
        for _ in range(2):
            done, _ = world.follow("--date", "2026-11-20")
            assert done.code == 0, done.err
    assert desk.ledger("SELECT stage, at FROM status_update WHERE stage = 'paid'") == [("paid", "2026-11-20")]
    history = desk.here("history", "1001")
    assert history.code == 0
    assert "paid" in history.out
    assert desk.here("purge", "--before", "2999-01-01").code == 0
    assert desk.ledger("SELECT * FROM content") == []
    assert desk.here("report", "--out", "again").code == 0


def test_planned_and_sent(desk: Desk) -> None:
    """`plan` and `send` with the ledger at the server, beside a check, which nobody needs to wait for."""
    desk.write("a.csv", *(row(Laskunumero=str(1001 + number)) for number in range(5)))
    assert desk.here("plan", "a.csv", "--out", "planned").code == 0
    assert desk.here("check", "a.csv", "--out", "checked").code == 0
    assert desk.here("send", "--batch-size", "2", "--out", "sent").code == 0
    assert set(outcomes(desk.report("sent")).values()) == {"accepted"}
    assert len(desk.accepted()) == 5
    assert desk.ledger("SELECT * FROM outbox") == []
