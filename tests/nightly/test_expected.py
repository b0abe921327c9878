"""When people are told that no export came."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from pipeline.nightly.clock import written
from pipeline.nightly.config import Source
from pipeline.nightly.expected import missing
from pipeline.nightly.folders import Stamp
from pipeline.nightly.journal import Fact, Journal


def source(**more: object) -> Source:
    """A source that must have come by 02:00."""
    return Source.model_validate({"name": "sales", "target": "sandbox", "expected_by": "02:00", **more})


def at(text: str) -> datetime:
    """A time in Helsinki's winter."""
    return datetime.fromisoformat(f"2026-11-{text}+02:00")


def journal(folder: Path, *taken: str, began: str = "01T12:00") -> Journal:
    """A journal in which exports of the source were taken at those times."""
    made = Journal(folder, written(at(began)))
    for each in taken:
        made.add({"a.csv": Stamp(1, 1)}, "sales", "attention/a", written(at(each)))
    return made


@pytest.mark.parametrize(
    ("now", "taken", "told"),
    [
        ("17T01:59", [], "16"),  # Monday's was missing, Tuesday's has time yet
        ("17T02:00", [], "17"),
        ("17T23:00", [], "17"),
        ("17T02:15", ["16T23:30"], None),  # the evening before
        ("17T02:15", ["16T13:59"], "17"),  # that was an earlier day's
        ("17T02:15", ["17T02:15"], None),  # at the last moment
        ("17T09:00", ["17T08:00"], None),  # late, but there when somebody looks
        ("18T02:15", ["17T08:00"], "18"),  # yesterday's late one is not today's
    ],
)
def test_by_its_hour(tmp_path: Path, now: str, taken: list[str], told: str | None) -> None:
    """An export counts if it was taken within twelve hours before its hour, or since."""
    with journal(tmp_path, *taken) as kept:
        fact = missing(kept, source(), at(now))
    assert (fact and fact.key) == (told and f"missing:sales:2026-11-{told}")


def test_what_is_told(tmp_path: Path) -> None:
    """Source, hour and folder, to those whom the source names."""
    with journal(tmp_path) as kept:
        told = missing(kept, source(folder="sales", tell=["accounting"]), at("17T02:15"))
    assert told == Fact(
        "missing:sales:2026-11-17",
        "failure",
        "Ropo: no export of sales",
        "No export of sales came by 2026-11-17 02:00. See that it is made, and put it into inbox/sales.",
        tags=("accounting",),
    )


def test_no_hour_no_message(tmp_path: Path) -> None:
    """A source without an hour is never missed."""
    with journal(tmp_path) as kept:
        assert missing(kept, source(expected_by=None), at("17T02:15")) is None


def test_only_on_its_days(tmp_path: Path) -> None:
    """On Sunday the hour that counts is Friday's."""
    weekdays = source(expected_on=["mon", "tue", "wed", "thu", "fri"])
    with journal(tmp_path, "20T01:00") as kept:
        assert missing(kept, weekdays, at("22T03:00")) is None
        told = missing(kept, weekdays, at("23T03:00"))
    assert told
    assert told.key == "missing:sales:2026-11-23"


def test_nothing_is_missing_before_the_beginning(tmp_path: Path) -> None:
    """An inbox that was set up in the morning does not ask for the night before."""
    with journal(tmp_path, began="17T09:00") as kept:
        assert missing(kept, source(), at("17T09:01")) is None
        assert missing(kept, source(), at("18T02:15"))


def test_a_duplicate_has_not_come(tmp_path: Path) -> None:
    """Yesterday's export once more is not today's."""
    with journal(tmp_path) as kept:
        export = kept.add({"a.csv": Stamp(1, 1)}, "sales", "attention/a", written(at("17T01:00")))
        kept.change(export, same_as=export.id)
        assert missing(kept, source(), at("17T02:15"))
