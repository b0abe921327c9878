"""An export of two files is one export: run together, once, and never with a file of another one."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest
from night_desk import KILLED, Desk, Message
from pydantic import ValidationError

from pipeline.nightly.clock import Clock
from pipeline.nightly.config import Inbox, Source
from pipeline.nightly.inbox import Places, inbox
from pipeline.nightly.together import together

INBOX = """
settle = 30
patience = 600
tell = ["it"]
[[source]]
name = "sales"
folder = "sales"
files = ["laskut*.csv", "rivit*.csv"]
profile = "sales.toml"
target = "sandbox"
grace = 0
tell = ["accounting"]
"""
PROFILE = """
[[tables]]
part = "invoices"
file = "laskut*.csv"
[[tables]]
part = "rows"
file = "rivit*.csv"
"""
NIGHT = "2026-11-16T02:15:00+00:00"
LATER = "2026-11-16T03:15:00+00:00"
NEXT = "2026-11-17T02:15:00+00:00"


def invoices(*numbers: int, postcode: str = "00100") -> str:
    """The file of invoices."""
    header = "Laskunumero;Laskupäivä;Eräpäivä;Nimi;Y-tunnus;Osoite;Postinumero;Postitoimipaikka\n"
    same = f"1.10.2026;15.10.2026;Acme Oy;2262509-5;Katu 1;{postcode};HELSINKI\n"
    return header + "".join(f"{number};{same}" for number in numbers)


def rows(*numbers: int, price: str = "50,00") -> str:
    """The file of their rows."""
    return "Laskunumero;Tuote;Määrä;Veroton hinta;ALV %\n" + "".join(
        f"{number};Työ;2;{price};25,5\n" for number in numbers
    )


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """An inbox with one source of two files."""
    desk.declare(INBOX)
    (desk.root / "sales.toml").write_text(PROFILE, encoding="utf-8")
    return desk


def test_both_are_run_and_put_away_together(desk: Desk) -> None:
    """One run, one report, one folder; the file that comes second is waited for."""
    desk.put("sales/laskut.csv", invoices(1, 2))
    late = [(300.0, str(desk.root / "inbox/sales/rivit.csv"), rows(1, 2))]
    assert desk.night(NIGHT, meanwhile=late) == 0
    folder = desk.root / "done/2026-11-16/laskut"
    assert sorted(path.name for path in folder.iterdir()) == ["laskut.csv", "report", "rivit.csv"]
    assert [each["event"] for each in desk.log()].count("outcomes") == 1
    assert desk.at_the_service() == {"1": 1, "2": 1}
    assert desk.people.messages == []


def test_exports_are_told_apart_by_what_the_star_stands_for(desk: Desk) -> None:
    """Two nights' exports at once are two runs, each of its own two files; each file has its marker."""
    desk.declare(INBOX, "marker = true")
    for day in ("-1", "-2"):
        desk.put(f"sales/laskut{day}.csv", invoices(int(day[1])))
        desk.put(f"sales/rivit{day}.csv", rows(int(day[1])))
        desk.put(f"sales/laskut{day}.csv.done", "")
    desk.put("sales/rivit-2.csv.done", "")
    assert desk.night(NIGHT) == 0
    assert sorted(desk.files()) == [
        "done/2026-11-16/laskut-2/laskut-2.csv",
        "done/2026-11-16/laskut-2/rivit-2.csv",
        "inbox/sales/laskut-1.csv",
        "inbox/sales/laskut-1.csv.done",
        "inbox/sales/rivit-1.csv",
    ]
    desk.put("sales/rivit-1.csv.done", "")
    assert desk.night(LATER) == 0
    assert desk.at_the_service() == {"1": 1, "2": 1}


def test_people_are_told_which_file_is_missing(desk: Desk) -> None:
    """Once a day, when it has been waited for; nothing is run, and when it comes all is well."""
    desk.put("sales/rivit-16.csv", rows(1))
    assert desk.night(NIGHT) == 1
    assert desk.night(LATER) == 1
    assert list(desk.files()) == ["inbox/sales/rivit-16.csv"]
    assert desk.people.messages == [
        Message(
            "accounting",
            "Ropo: a file of sales is missing",
            "Of an export of sales there is rivit-16.csv, but not laskut*.csv. It waits in inbox/sales and "
            "is run when all its files are there. See that the rest is made, or take away what is there.",
        )
    ]
    assert desk.night(NEXT) == 1
    assert len(desk.people.messages) == 2
    desk.put("sales/laskut-16.csv", invoices(1))
    assert desk.night(NEXT) == 0
    assert desk.at_the_service() == {"1": 1}
    assert len(desk.people.messages) == 2


def test_by_its_hour_the_missing_file_is_told_not_the_export(desk: Desk) -> None:
    """Of a file that is there nobody is told that no export came; where there is none, they are."""
    desk.declare(INBOX, "expected_by = 02:00:00")
    assert desk.night("2026-11-15T12:00:00+00:00") == 0
    desk.put("sales/laskut.csv", invoices(1))
    assert desk.night(NIGHT) == 1
    (desk.root / "inbox/sales/laskut.csv").unlink()
    assert desk.night(NEXT) == 1
    assert [each.title for each in desk.people.messages] == [
        "Ropo: a file of sales is missing",
        "Ropo: no export of sales",
    ]


@pytest.mark.parametrize(
    ("hour", "told"),
    [
        ("12:00:00", "2026-11-16T01:10:00.000000Z"),  # when it has been waited for
        ("01:05:00", "2026-11-16T01:05:00.000000Z"),  # by its hour
    ],
)
def test_while_watching(desk: Desk, hour: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `patience` seconds, or when the hour strikes, people are told, without a restart."""
    monkeypatch.setenv("HOME", str(desk.root.parent))
    desk.declare(INBOX, f"expected_by = {hour}")
    desk.put("sales/laskut.csv", invoices(1))
    begins, passed, stop = datetime(2026, 11, 16, 1, tzinfo=UTC), 0.0, threading.Event()

    def wait(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        if passed > 1200:
            stop.set()

    clock = Clock(lambda: begins + timedelta(seconds=passed), lambda: passed, stop, wait)
    places = Places(f"sqlite:///{desk.root.parent / 'ledger.sqlite'}", log=desk.root.parent / "night.log")
    assert inbox(desk.root, places, clock=clock) == 0
    with closing(sqlite3.connect(desk.root / "journal.sqlite")) as journal:
        assert journal.execute("SELECT key, at FROM fact").fetchall() == [
            ("incomplete:sales:laskut.csv:2026-11-16", told)
        ]


def test_all_contents_together_are_the_identity(desk: Desk) -> None:
    """The same two files again are done already; one of them with another one is a new export."""
    for night, price in ((NIGHT, "50,00"), (LATER, "50,00"), (NEXT, "60,00")):
        desk.put("sales/laskut.csv", invoices(1))
        desk.put("sales/rivit.csv", rows(1, price=price))
        desk.night(night)
    assert [each["event"] for each in desk.log() if each["event"] in {"outcomes", "duplicate"}] == [
        *("outcomes", "duplicate", "outcomes")
    ]
    assert desk.why("done/2026-11-16/laskut-2") == (
        "laskut.csv, rivit.csv holds the same as done/2026-11-16/laskut, which is done: it was not run "
        "again. If a new export was meant, see that it is made.\n"
    )
    assert sorted(desk.files()) == [
        *("attention/laskut/laskut.csv", "attention/laskut/rivit.csv"),
        *("done/2026-11-16/laskut-2/laskut.csv", "done/2026-11-16/laskut-2/rivit.csv"),
        *("done/2026-11-16/laskut/laskut.csv", "done/2026-11-16/laskut/rivit.csv"),
    ]


def test_killed_at_every_moment(desk: Desk) -> None:
    """Wherever the power fails, both files are found, and the next start ends as if it had not.

    Also where a marker is wanted, which goes before its file does.
    """
    folder = desk.root.parent
    for number in range(1, 150):
        desk.root = folder / str(number) / "nights"
        desk.people.messages.clear()
        desk.declare(INBOX, "marker = true")
        (desk.root / "sales.toml").write_text(PROFILE, encoding="utf-8")
        bill = 1000 + number
        content = {
            "laskut.csv": invoices(bill),
            "rivit.csv": rows(bill),
        }
        for name, text in content.items():
            desk.put(f"sales/{name}", text)
            desk.put(f"sales/{name}.done", "")
        code = desk.night("2026-11-16T01:00:00+00:00", kill_at=number)
        cut = desk.moments[-1]
        if code == KILLED:
            left = [(Path(place).name, text) for place, text in desk.files().items()]
            assert all(left.count(each) == 1 for each in content.items()), cut
            desk.night("2026-11-16T01:10:00+00:00")
        place = "done/2026-11-16/laskut"
        assert desk.files() == {f"{place}/{name}": text for name, text in content.items()}, cut
        assert (desk.root / place / "report" / "report.html").is_file()
        assert desk.at_the_service()[str(bill)] == 1, cut
        if code != KILLED:
            break
    assert code == 0
    assert number > 20


def test_a_file_that_changed_after_a_crash_is_not_mixed_in(desk: Desk) -> None:
    """The power failed between the two moves, and another export's file came: what was taken is put back."""
    desk.put("sales/laskut-1.csv", invoices(1))
    desk.put("sales/rivit-1.csv", rows(1))
    assert desk.night(NIGHT, kill_at=("rename done", 1)) == KILLED
    assert sorted(desk.files()) == ["attention/laskut-1/laskut-1.csv", "inbox/sales/rivit-1.csv"]
    desk.put("sales/rivit-1.csv", rows(1, price="70,00"))
    assert desk.night(LATER, kill_at=("rename done", 1)) == KILLED
    assert sorted(desk.files()) == ["inbox/sales/laskut-1.csv", "inbox/sales/rivit-1.csv"]
    assert desk.night(LATER) == 0
    assert desk.files()["done/2026-11-16/laskut-1/rivit-1.csv"] == rows(1, price="70,00")
    assert desk.at_the_service() == {"1": 1}


def test_a_profile_of_two_files_needs_a_source_of_two(desk: Desk) -> None:
    """A source that would run each file alone is told of before anything is taken."""
    desk.declare(INBOX.replace('files = ["laskut*.csv", "rivit*.csv"]', 'pattern = "*.csv"'))
    desk.put("sales/laskut.csv", invoices(1))
    desk.put("sales/rivit.csv", rows(1))
    assert desk.night(NIGHT) == 2
    assert sorted(desk.files()) == ["inbox/sales/laskut.csv", "inbox/sales/rivit.csv"]
    assert desk.people.messages[0].body == (
        "The profile of sales speaks of tables in different files (“laskut*.csv”, “rivit*.csv”), but its "
        "source in inbox.toml takes each file for an export of its own. Name the files in inbox.toml: "
        "files = [ … ] in place of pattern; or have them come as one .zip, with pattern = "
        '"*.zip". (inbox-files)'
    )


def test_corrections_go_to_the_one_source_of_their_folder(desk: Desk) -> None:
    """`corrections.xlsx` is put into the inbox as the message says, whatever the source's files are named."""
    desk.put("sales/laskut.csv", invoices(1, postcode="1"))
    desk.put("sales/rivit.csv", rows(1))
    assert desk.night(NIGHT) == 1
    corrections = desk.root / "attention/laskut/report/corrections.xlsx"
    desk.put("sales/corrections.xlsx", corrections.read_bytes())
    assert desk.night(NEXT) == 1
    assert "attention/corrections/corrections.xlsx" in desk.files()
    assert "1 × “1” is not a postcode of Finland." in desk.why("attention/corrections")


def source(**more: object) -> Source:
    """A source of two files."""
    files = ["laskut*.csv", "rivit*.csv"]
    return Source.model_validate({"name": "sales", "target": "sandbox", "files": files, **more})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"files": ["a.csv"]}, "files must be two or more names, each with one * or all without"),
        ({"files": ["a*.csv", "b.csv"]}, "files must be two or more names, each with one * or all without"),
        (
            {"files": ["*a*.csv", "*b*.csv"]},
            "files must be two or more names, each with one * or all without",
        ),
        ({"files": ["*.csv", "rivit*.csv"]}, "one name could be two of files"),
        ({"files": ["a.csv", "a.csv"]}, "one name could be two of files"),
        ({"pattern": "*.csv"}, "pattern and files cannot both be said"),
    ],
)
def test_files_that_cannot_be_told_apart(more: dict[str, object], said: str) -> None:
    """Which files are one export must be certain."""
    with pytest.raises(ValidationError) as refused:
        source(**more)
    assert refused.value.errors()[0]["msg"] == f"Value error, {said}"


@pytest.mark.parametrize(
    ("files", "names", "found"),
    [
        (("a*.csv", "b*.csv"), "b1.csv a1.csv a2.csv", [("a1.csv b1.csv", ""), ("a2.csv", "b*.csv")]),
        (("a.csv", "b.csv"), "b.csv a.csv", [("a.csv b.csv", "")]),
        (("*-a.csv", "*-b.csv"), "1-a.csv 2-b.csv", [("1-a.csv", "*-b.csv"), ("2-b.csv", "*-a.csv")]),
        (("a*.csv", "b*.csv", "c*.csv"), "c.csv", [("c.csv", "a*.csv b*.csv")]),
        (("a*.csv", "b*.csv"), "x.csv", [("x.csv", "")]),
    ],
)
def test_which_files_are_one_export(files: tuple[str, ...], names: str, found: list[tuple[str, str]]) -> None:
    """Those that have the same in the place of the star; what fits nothing is alone."""
    config = Inbox(source=(source(files=files),))
    exports = together(sorted(map(PurePosixPath, names.split())), config)
    assert [(" ".join(map(str, each.files)), " ".join(each.lacking)) for each in exports] == found
