"""An invoice's life is the same in whatever order, and however often, its updates come."""

from __future__ import annotations

import threading
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_made import invoices, opened, settled
from scripted import Reply, Scripted, in_turn

from pipeline.follow.ask import _ask_all, _Asking, _Tally
from pipeline.ledger.life import Life, Stage, life_of, lives
from pipeline.ledger.states import State
from pipeline.sender.service import Service

DAYS = st.integers(1, 9).map(lambda day: f"2026-11-0{day}")
WORDS = {
    "open": Stage.OPEN,
    "reminder sent": Stage.REMINDED,
    "collection": Stage.COLLECTED,
    "paid": Stage.PAID,
    "credited": Stage.CREDITED,
    "rejected": Stage.REFUSED,
    "partly paid": Stage.NOTED,
    "something new": Stage.NOTED,
}
CHANGES = st.lists(
    st.tuples(st.sampled_from(["1001", "1002", "9009"]), DAYS, st.sampled_from(sorted(WORDS))), max_size=12
)


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[Any], list[list[Any]]]:
    """Changes, and how they come: each at least once, in any order, in answers of any size."""
    changes = draw(CHANGES)
    again = draw(st.lists(st.sampled_from(changes), max_size=6)) if changes else []
    left = draw(st.permutations([*changes, *again]))
    answers = []
    while left:
        size = draw(st.integers(1, len(left)))
        answers.append(left[:size])
        left = left[size:]
    return changes, answers


@given(st.lists(st.tuples(DAYS, st.sampled_from(list(Stage)), st.sampled_from(["a", "b"]))), st.randoms())
def test_order_and_repetition_do_not_matter(updates: list[Any], chance: Any) -> None:
    """The life is a function of the set."""
    shuffled = [*updates, *updates]
    chance.shuffle(shuffled)
    assert life_of(shuffled) == life_of(updates)


def test_the_later_counts_and_of_one_day_the_further() -> None:
    """Paid after a reminder is paid, reminded after that is reminded; noted is nothing."""
    early, late = "2026-11-01", "2026-11-02"
    assert life_of([]) is None
    assert life_of([(late, "noted", "x")]) is None
    assert life_of([(late, "paid", "p"), (early, "reminded", "r"), (late, "reminded", "r")]) == Life(
        Stage.PAID, late, "p", {Stage.REMINDED: [early, late], Stage.PAID: [late]}
    )
    again = life_of([(early, "paid", "p"), (late, "reminded", "r"), ("2026-11-03", "noted", "n")])
    assert again
    assert (again.stage, again.since) == (Stage.REMINDED, late)
    times = life_of([(f"{late}T08:00:00", "paid", "p"), (f"{late}T09:00:00", "open", "o")])
    assert times
    assert (times.stage, times.since) == (Stage.OPEN, late)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(telling=tellings())
def test_the_ledger_has_the_same_life_however_it_was_told(
    tmp_path_factory: Any, server: Scripted, telling: tuple[list[Any], list[list[Any]]]
) -> None:
    """Over HTTP, in answers of any size and order, with repetitions: one row an update, one life."""
    changes, answers = telling
    ids = count(1)
    replies = [
        Reply(200, [{"id": next(ids), "billnum": b, "date": day, "status": words} for b, day, words in each])
        for each in answers
    ]
    server.look_ups = in_turn(*replies, Reply(204))
    folder: Path = tmp_path_factory.mktemp("ledger")
    with opened(folder) as ledger, Service(server.url, "1001", "secret") as service:
        sent = settled(ledger, invoices(2), State.ACCEPTED)
        run = ledger.begin_run("follow", "sandbox", "1001", {}, sends=False)
        tally = _Tally()
        _ask_all(_Asking(run, service, threading.Event(), (), tally), [], [])
        with ledger.engine.connect() as connection:
            found = {life for _, life in _by_number(lives(connection, sent.id))}
            kept = connection.exec_driver_sql("SELECT count(*) FROM status_update").scalar_one()
            of_run = {
                number
                for (number,) in connection.exec_driver_sql(
                    "SELECT billnum FROM invoice WHERE run_id = ?", (run.id,)
                )
            }
    ours = {each for each in changes if each[0] != "9009"}
    expected = {
        billnum: life_of((day, WORDS[words], words) for each, day, words in ours if each == billnum)
        for billnum in ("1001", "1002")
    }
    assert found == {_plain(life) for life in expected.values() if life}
    assert kept == len(ours)
    assert of_run == {billnum for billnum, _, _ in ours}
    assert tally.elsewhere == sum(each[0] == "9009" for answer in answers for each in answer)
    assert tally.halted is None


def _by_number(found: Any) -> list[tuple[int, Any]]:
    return [(number, _plain(life)) for number, life in found]


def _plain(life: Life) -> tuple[Any, ...]:
    days = tuple((stage, tuple(each)) for stage, each in life.days.items())
    return (life.stage, life.since, life.words, days)
