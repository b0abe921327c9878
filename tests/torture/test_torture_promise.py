"""What the promise rests on, attacked from outside: the ledger's file, the guard, decisions, other files."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from torture_world import (
    HEADER,
    Bill,
    Driver,
    Sandbox,
    World,
    assert_agree,
    assert_all_there_once,
    bills,
)

from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.server import serve_in_thread
from pipeline.sandbox.state import SandboxState

LOOK_UP = "GET /rest/jobs/statusupdates"
HETU = "131052-308T"


@contextmanager
def _failing(driver: Driver, folder: Path, *faults: dict[str, Any]) -> Iterator[World]:
    """A world whose sandbox has those faults."""
    file = folder / "service.sqlite"
    with serve_in_thread(file, faults=Faults([Fault.model_validate(each) for each in faults])) as running:
        yield World(driver, Sandbox(running.url, file), folder / "desk", "promise")


def _outcomes(world: World) -> dict[str, str]:
    return {each["billnum"]: each["outcome"] for each in world.report()["invoices"]}


def _codes(world: World) -> list[str]:
    return sorted(each["code"] for each in world.report()["findings"])


def _datasets(world: World) -> list[dict[str, Any]]:
    state = SandboxState(world.sandbox.file)
    try:
        return [each["dataset"] for each in state.accepted() if each["cid"] == world.cid]
    finally:
        state.close()


# -- the file


def test_only_the_owner_reads_the_ledger(world: World) -> None:
    """Killed in the middle, the log files lie there too: each of them 0600."""
    world.export(bills(20))
    assert world.run(kill_at=30).code == -9
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in world.folder.glob("ledger*")}
    assert {"ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"} <= files.keys()
    assert set(files.values()) == {0o600}


def test_no_identity_code_stays_behind(world: World) -> None:
    """A person's code goes to the service; no file of ours and no line on the screen has it."""
    world.export([])
    lines = [
        f"{number};C{number};1.10.2026;15.10.2026;Meikäläinen Matti;{HETU};Katu 1;00100;HELSINKI;"
        f"{HETU} hoito;1;10,00;25,5"
        for number in range(1001, 1007)
    ]
    text = "\n".join([HEADER.replace("Y-tunnus", "Henkilötunnus"), *lines, ""])
    (world.folder / "export.csv").write_text(text, encoding="utf-8")
    for order in ({"kill_at": 28}, {}):
        ended = world.run(**order)
        written = [path for path in world.folder.rglob("*") if path.is_file() and path.name != "export.csv"]
        assert [path.name for path in written if HETU.encode() in path.read_bytes()] == []
        assert HETU not in ended.said
    assert ended.code == 0, ended.said
    assert {each["govid"] for each in _datasets(world)} == {HETU}


def test_purge_forgets_and_still_knows(world: World) -> None:
    """After it no content is left in the file, and still nothing goes twice, changed or not."""
    first = Bill("1001", (("3", "777.31", "25.5"),), "Salainen Oy")
    world.export([first, *bills(2, 1002)])
    assert world.run().code == 0
    assert world.command("purge", "--before", "2999-01-01").code == 0
    kept = b"".join(path.read_bytes() for path in world.folder.glob("ledger.sqlite*"))
    assert b"777.31" not in kept
    assert b"Salainen" not in kept
    assert world.run().code == 0
    assert_agree(world)
    changed = first._replace(rows=(("3", "777.32", "25.5"),))
    world.export([changed, *bills(2, 1002)])
    assert world.run().code == 1
    assert _outcomes(world)["1001"] == "conflict"
    world.export([first, *bills(2, 1002)])
    assert_all_there_once(world)


def test_history_and_report_after_the_fact(world: World) -> None:
    """What happened to a number can be told from first to last, and the last report made again."""
    world.export(bills(3))
    assert world.run(kill_at=20).code == -9
    assert world.run().code == 0
    told = world.command("history", "1002").said
    states = re.findall(r"(new|\w+) → (\w+)", told)
    assert states[0] == ("new", "planned")
    assert states[-1][1] == "accepted"
    assert all(after[0] == before[1] for before, after in pairwise(states))
    last = world.report()["run"]["id"]
    (world.folder / "out" / "report.json").unlink()
    assert world.command("report").code == 0
    assert world.report()["run"]["id"] == last
    assert_agree(world)


def test_a_report_that_cannot_be_written(world: World) -> None:
    """The invoices are there and known to be; the report is made again when it can be."""
    world.export(bills(3))
    (world.folder / "out" / "report.xlsx").mkdir(parents=True)
    ended = world.run()
    assert ended.code == 4
    assert ended.said.splitlines()[-1] == (
        "out: The report could not be written: Is a directory. The ledger knows everything that it would "
        "say. Make room, or close the file where it is open, and write it again with “report”. "
        "(report-unwritable)"
    )
    assert_all_there_once(world)
    (world.folder / "out" / "report.xlsx").rmdir()
    assert world.command("report").code == 0
    assert_agree(world)


# -- the guard


def test_the_guard_is_on(world: World) -> None:
    """Every invoice with a number carries `checkbillnum`; a cell cannot take it away, a profile can."""
    world.export(bills(2))
    lines = (world.folder / "export.csv").read_text(encoding="utf-8").splitlines()
    with_flag = [f"{lines[0]};checkbillnum", *(f"{line};0" for line in lines[1:]), ""]
    (world.folder / "export.csv").write_text("\n".join(with_flag), encoding="utf-8")
    assert world.run().code == 0
    assert [each["checkbillnum"] for each in _datasets(world)] == ["1", "1"]
    profile = world.folder / "profile.toml"
    profile.write_text("[sending]\ncheckbillnum = false\n")
    world.export(bills(1, 1003))
    assert world.run("--profile", "profile.toml").code == 0
    assert "checkbillnum" not in _datasets(world)[-1]


def test_what_may_yet_arrive_goes_again_under_the_guard_only(driver: Driver, tmp_path: Path) -> None:
    """A profile that gives up the guard between two attempts does not open a way to a double send."""
    with _failing(driver, tmp_path, {"kind": "close", "nth": 1}) as world:
        world.export(bills(2))
        assert world.run().code == 1  # not found, so it may go again
        (world.folder / "profile.toml").write_text("[sending]\ncheckbillnum = false\n")
        assert world.run("--profile", "profile.toml").code == 0
        assert [each["checkbillnum"] for each in _datasets(world)] == ["1", "1"]
        assert_all_there_once(world)


# -- decisions and changes between two attempts


def test_a_person_decides_and_is_remembered(driver: Driver, tmp_path: Path) -> None:
    """Who and why are in the history for good; what was not accepted goes with the next run."""
    unclear = {"kind": "garbage", "endpoint": LOOK_UP}
    with _failing(driver, tmp_path, {"kind": "close", "nth": 1}, unclear) as world:
        world.export(bills(1))
        assert world.run(hasty=True).code == 3
        decided = world.command(
            "resolve", "1001", "--not-accepted", "--who", "Maija", "--why", "not in Ropo One"
        )
        assert decided.code == 0
        assert (
            "Maija decided that it is not accepted: not in Ropo One" in world.command("history", "1001").said
        )
        assert world.command("resolve", "1001", "--accepted", "--why", "x").code == 2
        assert world.run(hasty=True).code == 0
        assert_agree(world)
        assert_all_there_once(world)


def test_an_invoice_changed_while_unknown(driver: Driver, tmp_path: Path) -> None:
    """Found at last, it is the first content that the service has: a conflict, told field by field."""
    faults = [
        {"kind": "close", "when": "after", "nth": 1},
        {"kind": "garbage", "endpoint": LOOK_UP, "nth": 1},
        {"kind": "garbage", "endpoint": LOOK_UP, "nth": 2},
    ]
    with _failing(driver, tmp_path, *faults) as world:
        world.export([Bill("1001", (("3", "10.00", "25.5"),))])
        assert world.run(hasty=True).code == 3
        world.export([Bill("1001", (("3", "12.00", "25.5"),))])
        assert world.run(hasty=True).code == 1
        assert _outcomes(world) == {"1001": "conflict"}
        (told,) = world.report()["findings"]
        assert told["message"] == (
            "The service has this bill number from an earlier attempt, with the content of that attempt: "
            "payrow 1 amount: 10.00 → 12.00."
        )
        assert (told["billnum"], told["row"]) == ("1001", 2)
        assert_agree(world)


def test_one_of_two_contents(driver: Driver, tmp_path: Path) -> None:
    """When two were sent without an answer, a person says which is there, and the ledger has its money."""
    faults = [{"kind": "reset", "nth": 1}, {"kind": "reset", "when": "after", "nth": 2}]
    with _failing(driver, tmp_path, *faults) as world:
        world.export([Bill("1001", (("3", "10.00", "25.5"),))])
        assert world.run(hasty=True).code == 1
        world.export([Bill("1001", (("3", "12.00", "25.5"),))])
        assert world.run(hasty=True).code == 3
        which = world.command("resolve", "1001", "--accepted", "--why", "seen")
        assert which.code == 2
        assert which.said == (
            "More than one content of 1001 was sent without an answer: 1. total 37.65, 2. total 45.18 "
            "(payrow 1 amount: 10.00 → 12.00). Look the invoice up in Ropo One, and name the content that is "
            "there with --content and its number. (several-contents)\n"
        )
        assert world.command("resolve", "1001", "--accepted", "--why", "seen", "--content", "2").code == 0
        assert world.run().code == 0
        assert_agree(world)
        assert_all_there_once(world)


# -- other files


def test_what_another_file_left_open_is_told(driver: Driver, tmp_path: Path) -> None:
    """A run that finds out about another file's invoices says so: they are not in its own report."""
    with _failing(driver, tmp_path, {"kind": "close", "nth": 1}) as world:
        world.export(bills(2))
        assert world.run("--grace=60", hasty=True).code == 3
        world.export(bills(2, 2001))
        ended = world.run()
        assert ended.code == 0
        assert_agree(world)
        assert _codes(world) == ["earlier-runs-open"]
        told = (
            "Invoices of earlier runs that were tried and are not known to be with the service, and that are "
            "not in this file: 2 (1001, 1002). Run their file again, or “reconcile”: what the service has is "
            "not sent again."
        )
        assert told in ended.said
        world.export(bills(2))
        assert world.run().code == 0
        world.export([*bills(2), *bills(2, 2001)])
        assert world.run().code == 0
        assert_agree(world)
        assert _codes(world) == []
        assert_all_there_once(world)


def test_collection_only_of_what_was_never_sent(world: World) -> None:
    """What went as an invoice does not go to debt collection as well (`jobtype` 2)."""
    world.export(bills(1))
    assert world.run().code == 0
    header = (
        "Laskunumero;Laskupäivä;Eräpäivä;Nimi;Y-tunnus;Osoite;Postinumero;Postitoimipaikka;"
        "Työtyyppi;Avoin summa;Huomautuspäivä;Viitenumero"
    )
    collected = ";1.10.2026;15.10.2026;Acme Oy;2262509-5;Katu 1;00100;HELSINKI;2;50,00;1.11.2026;1232"
    text = "\n".join([header, *(f"{number}{collected}" for number in (1001, 1002)), ""])
    (world.folder / "export.csv").write_text(text, encoding="utf-8")
    ended = world.run()
    assert ended.code == 1, ended.said
    assert _outcomes(world) == {"1001": "invalid", "1002": "accepted"}
    assert _codes(world) == ["collection-after-invoice"]
    assert [each["jobtype"] for each in _datasets(world)] == ["0", "2"]


def test_the_same_export_without_numbers_goes_once(world: World) -> None:
    """Without bill numbers the content tells: run again it is known, changed it is another invoice."""
    first = Bill("", (("3", "10.00", "25.5"),), "C1")
    world.export([first])
    assert [world.run().code for _ in range(2)] == [0, 0]
    assert_agree(world)
    changed = first._replace(rows=(("3", "11.00", "25.5"),))
    world.export([changed])
    assert world.run().code == 0
    assert world.at_the_service() == {"C1": [first.sums, changed.sums]}


def test_purge_forgets_earlier_contents_too(driver: Driver, tmp_path: Path) -> None:
    """Of contents that were tried only hashes and sums stay, and they still tell what the service has."""
    with _failing(driver, tmp_path, {"kind": "close", "nth": 1}, {"kind": "partial", "nth": 2}) as world:
        world.export([Bill("1001", (("3", "777.31", "25.5"),), "Salainen Oy")])
        assert world.run().code == 1
        world.export([Bill("1001", (("3", "12.00", "25.5"),))])
        assert world.run().code == 1
        assert world.ledger("SELECT state, earlier IS NULL FROM document") == [("refused", 0)]
        assert world.command("purge", "--before", "2999-01-01").code == 0
        kept = b"".join(path.read_bytes() for path in world.folder.glob("ledger.sqlite*"))
        assert b"777.31" not in kept
        assert b"Salainen" not in kept
        assert world.run().code == 0
        assert_agree(world)
        assert_all_there_once(world)
