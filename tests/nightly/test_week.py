"""A week of nights, each with its trouble and a power cut: nothing twice, nothing lost, people told once."""

from __future__ import annotations

from collections import Counter

import pytest
from night_desk import KILLED, Desk, export, line

INBOX = """
settle = 30
tell = ["it"]

[[source]]
name = "sales"
folder = "sales"
pattern = "*.csv"
target = "sandbox"
grace = 0
expected_by = 02:00:00
tell = ["accounting"]

[[source]]
name = "books"
folder = "books"
target = "sandbox"
grace = 0
tell = ["accounting", "it"]
"""


def numbers(*of: int) -> list[str]:
    """Rows of invoices with those numbers."""
    return [line(each) for each in of]


def power_cut(desk: Desk, begins: str, moment: str, nth: int = 1) -> None:
    """A night that ends when a moment of that name comes for the n-th time."""
    assert desk.night(begins, kill_at=(moment, nth)) == KILLED, f"no {moment!r} in {desk.moments}"


def test_a_week(desk: Desk) -> None:
    """Late, empty, half-written, duplicate and broken exports, the service down, a power cut each night."""
    desk.declare(INBOX)
    monday = export(*numbers(*range(1001, 1011)))

    # Monday: all is well but the power.
    desk.put("sales/monday.csv", monday)
    power_cut(desk, "2026-11-16T02:15:00+00:00", "rename done")
    assert desk.night("2026-11-16T02:16:00+00:00") == 0

    # Tuesday: the export is late. People are told, once however often it is looked for.
    power_cut(desk, "2026-11-17T02:15:00+00:00", "journal note done")
    assert desk.night("2026-11-17T02:16:00+00:00") == 1
    assert desk.night("2026-11-17T03:15:00+00:00") == 1
    desk.put("sales/tuesday.csv", export(*numbers(1011, 1012)))
    power_cut(desk, "2026-11-17T09:05:00+00:00", "journal change done")
    assert desk.night("2026-11-17T09:06:00+00:00") == 0

    # Wednesday: an empty file, one that belongs nowhere, and the power fails while invoices are sent.
    desk.put("sales/empty.csv", "")
    desk.put("readme.txt", "Hello")
    desk.put("sales/wednesday.csv", export(*numbers(1013, 1014)))
    power_cut(desk, "2026-11-18T02:15:00+00:00", "request left", nth=2)
    assert desk.night("2026-11-18T02:16:00+00:00") == 0

    # Thursday: the export is still being written when the night begins; a workbook is broken.
    path = desk.put("sales/thursday.csv", export(*numbers(1015)))
    desk.put("books/entries.xlsx", b"PK\x03\x04 and no more")
    grows = [(20.0, str(path), f"{line(1016)}\n"), (45.0, str(path), f"{line(1017)}\n")]
    assert desk.night("2026-11-19T02:15:00+00:00", meanwhile=grows, kill_at=("rename done", 2)) == KILLED
    assert desk.night("2026-11-19T02:20:00+00:00") == 0

    # Friday: Monday's export once more, and nobody can be told.
    desk.people.deaf = True
    desk.put("sales/friday.csv", monday)
    power_cut(desk, "2026-11-20T02:15:00+00:00", "rename")
    assert desk.night("2026-11-20T02:16:00+00:00") == 1
    desk.people.deaf = False

    # Saturday: the service is down.
    up, desk.url = desk.url, "http://127.0.0.1:9"
    desk.put("sales/saturday.csv", export(*numbers(1018, 1019)))
    power_cut(desk, "2026-11-21T02:15:00+00:00", "journal note done")
    assert desk.night("2026-11-21T02:16:00+00:00") == 4
    assert desk.night("2026-11-21T06:15:00+00:00") == 4

    # Sunday: it is up again.
    desk.url = up
    desk.put("sales/sunday.csv", export(*numbers(1020)))
    power_cut(desk, "2026-11-22T02:15:00+00:00", "rename done", nth=2)
    assert desk.night("2026-11-22T02:16:00+00:00") == 0

    assert desk.at_the_service() == {str(number): 1 for number in range(1001, 1021)}
    assert sorted(desk.files()) == [
        "attention/empty/empty.csv",
        "attention/entries/entries.xlsx",
        "attention/readme/readme.txt",
        "done/2026-11-16/monday/monday.csv",
        "done/2026-11-17/tuesday/tuesday.csv",
        "done/2026-11-18/wednesday/wednesday.csv",
        "done/2026-11-19/thursday/thursday.csv",
        "done/2026-11-20/friday/friday.csv",
        "done/2026-11-22/saturday/saturday.csv",
        "done/2026-11-22/sunday/sunday.csv",
    ]
    assert desk.files()["done/2026-11-19/thursday/thursday.csv"] == export(*numbers(1015, 1016, 1017))
    assert desk.people.titles == Counter(
        [
            ("accounting", "Ropo: no export of sales"),  # Tuesday
            ("accounting", "Ropo: no export of sales"),  # Friday, told on Saturday
            ("accounting", "Ropo: empty.csv needs attention"),
            ("it", "Ropo: readme.txt needs attention"),
            ("accounting", "Ropo: entries.xlsx needs attention"),
            ("it", "Ropo: entries.xlsx needs attention"),
            ("accounting", "Ropo: friday.csv was done before"),
            ("accounting", "Ropo: saturday.csv needs attention"),
            ("accounting", "Ropo: saturday.csv is done after all"),
        ]
    )


@pytest.mark.parametrize("postcode", ["00100", "1"])
def test_killed_at_every_moment(desk: Desk, postcode: str) -> None:
    """Wherever the power fails, the next start ends as if it had not: nothing twice, lost or told twice.

    Only a cut between a server's answer and its record makes a message come again: it would else be lost.
    """
    folder = desk.root.parent
    for number in range(1, 100):
        desk.root = folder / str(number) / "nights"
        desk.people.messages.clear()
        desk.declare(INBOX)
        first = 1000 + 2 * number
        content = export(line(first), line(first + 1, postcode))
        desk.put("sales/a.csv", content)
        code = desk.night("2026-11-16T01:00:00+00:00", kill_at=number)
        cut, told_already = desk.moments[-1], 0
        if code == KILLED:
            told_already = len(desk.people.messages)
            assert sum(text == content for text in desk.files().values()) == 1
            desk.night("2026-11-16T01:10:00+00:00")
        right = postcode == "00100"
        place = "done/2026-11-16/a" if right else "attention/a"
        assert desk.files() == {f"{place}/a.csv": content}, cut
        assert (desk.root / place / "report" / "report.html").is_file()
        there = desk.at_the_service()
        assert (there[str(first)], there[str(first + 1)]) == (1, int(right))
        again = told_already and cut in {"request left", "answered", "journal tell"}
        told = 0 if right else 2 if again else 1
        assert len(desk.people.messages) == told, cut
        if code != KILLED:
            break
    assert code == int(not right)
    assert number > 15
