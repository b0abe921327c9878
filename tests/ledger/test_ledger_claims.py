"""Several senders on one ledger: each document goes with one of them, and only its batch may decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import ledger_made
import pytest
from ledger_made import CID, ENVIRONMENT, begin, invoice, invoices, outcomes, rows, states, table, url
from sqlalchemy import text

from pipeline.document import Document, Outcome
from pipeline.findings import finding
from pipeline.ledger import AnotherRunAtWork, Hold, Ledger, Run, Unrecordable, open_ledger, outbox, purge
from pipeline.ledger import claims as claiming
from pipeline.ledger.claims import SharedRun
from pipeline.ledger.run import Answered, Batch, Settlement
from pipeline.ledger.states import State

ANSWERED = Answered(201, "counted", "", 1)


@contextmanager
def sender(folder: Path, size: int = 2) -> Iterator[SharedRun]:
    """A run that sends, in a ledger of its own, as another process has."""
    with open_ledger(url(folder)) as ledger, ledger.lock(ENVIRONMENT, CID, Hold.SENDING):
        yield ledger.begin_sending("send", ENVIRONMENT, CID, {}, size=size)


def planned(folder: Path, documents: Sequence[Document], *, late: bool = False) -> Run:
    """A run that put those documents into the outbox."""
    with open_ledger(url(folder)) as ledger, ledger.lock(ENVIRONMENT, CID, Hold.PLANNING):
        run = begin(ledger)
        outbox.put(run, run.plan(documents), late=late)
    return run


def settle(run: SharedRun, batch: Batch, state: State, **more: Any) -> None:
    """Record that answer for all of a batch."""
    run.end_batch(
        batch,
        ANSWERED,
        [
            Settlement(each.document_id, (state,), Outcome(state.value), "so it was told", **more)
            for each in batch.documents
        ],
    )


def numbers(batch: Batch) -> list[str | None]:
    """The bill numbers of a batch."""
    return [each.billnum for each in batch.documents]


def open_of(folder: Path) -> tuple[dict[str, str], list[Any]]:
    """The documents' states, and what is in the outbox."""
    with open_ledger(url(folder)) as ledger:
        return states(ledger), rows(ledger, "SELECT document_id FROM outbox ORDER BY 1")


def test_from_the_outbox_to_an_answer(tmp_path: Path) -> None:
    """A claim hands out the real bodies in order; what is settled leaves, and both runs tell of it."""
    plan = planned(tmp_path, invoices(3))
    with sender(tmp_path) as run:
        first, second, third = (run.begin_batch([]) for _ in range(3))
        assert [numbers(each) for each in (first, second, third)] == [["1001", "1002"], ["1003"], []]
        assert first.data_identifier == f"{run.id}-1"
        assert b'"company":"Matin konepaja Oy"' in first.documents[0].body
        assert outcomes(replace_ledger(plan, run.ledger)) == ["unknown"] * 3
        assert sorted(outcomes(run)) == ["unknown"] * 3
        settle(run, first, State.ACCEPTED, jobid="7")
        found = finding("refused-by-service", billnum="1003", answer="no")
        settle(run, second, State.REFUSED, found=found)
        assert outcomes(replace_ledger(plan, run.ledger)) == ["accepted", "accepted", "refused"]
        assert sorted(outcomes(run)) == ["accepted", "accepted", "refused"]
        told = 'SELECT run_id, file, "row", billnum, code FROM finding ORDER BY run_id'
        assert table(run.ledger, told) == sorted(
            [
                (plan.id, "orders.csv", 4, "1003", "refused-by-service"),
                (run.id, None, None, "1003", "refused-by-service"),
            ]
        )
    assert open_of(tmp_path) == ({"1001": "accepted", "1002": "accepted", "1003": "refused"}, [])


def replace_ledger(run: Run, ledger: Ledger) -> Run:
    """The run, read with an open ledger."""
    run.ledger = ledger
    return run


def test_a_personal_code_is_in_the_outbox_alone(tmp_path: Path) -> None:
    """It has to be sent, so it waits there; it leaves with its document."""
    planned(tmp_path, [invoice(customertype="2", govid=ledger_made.HETU, company=None, person="Matti")])
    with sender(tmp_path) as run:
        assert ledger_made.HETU.encode() in ledger_made.held(run.ledger, tmp_path)
        batch = run.begin_batch([])
        assert ledger_made.HETU.encode() in batch.documents[0].body
        settle(run, batch, State.ACCEPTED)
        run.ledger.database.forget(run.ledger.engine)
        assert ledger_made.HETU.encode() not in ledger_made.held(run.ledger, tmp_path)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_two_claim_at_once(tmp_path: Path) -> None:
    """While one's claim is not yet committed the other claims the next ones, and waits for nothing."""
    planned(tmp_path, invoices(5))
    with sender(tmp_path) as one, sender(tmp_path) as other:
        with one.ledger.writing() as connection:
            first = one._claim(connection, "one", [])
            second = other.begin_batch([])
        assert [numbers(each) for each in (first, second)] == [["1001", "1002"], ["1003", "1004"]]
        assert [numbers(each.begin_batch([])) for each in (one, other)] == [["1005"], []]


def test_a_lease_that_ran_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was claimed becomes unknown, never planned; an answer that comes late decides all the same."""
    plan = planned(tmp_path, invoices(4))
    with sender(tmp_path) as run:
        still = run.begin_batch([])
        monkeypatch.setattr(claiming, "LEASE", -1.0)
        late = run.begin_batch([])
        with run.ledger.writing() as connection:
            claiming.leave_unknown(connection, run, expired=True)
        assert states(run.ledger) == {
            "1001": "sending",
            "1002": "sending",
            "1003": "unknown",
            "1004": "unknown",
        }
        assert rows(run.ledger, "SELECT DISTINCT reason FROM document WHERE state = 'unknown'") == [
            "the lease of its sender ran out before the service's answer was recorded"
        ]
        assert rows(run.ledger, "SELECT DISTINCT exposed FROM document WHERE state = 'unknown'") == [1]
        assert run.begin_batch([]).documents == []
        settle(run, late, State.UNKNOWN)  # no change: it is that already
        settle(run, late, State.ACCEPTED)
        settle(run, still, State.ACCEPTED)
        assert outcomes(replace_ledger(plan, run.ledger)) == ["accepted"] * 4
    assert open_of(tmp_path) == (dict.fromkeys(["1001", "1002", "1003", "1004"], "accepted"), [])


def test_only_its_batch_may_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found to be free and went with another batch is not touched by the first one's answer."""
    planned(tmp_path, [invoice()])
    monkeypatch.setattr(claiming, "LEASE", -1.0)
    with sender(tmp_path) as run:
        first = run.begin_batch([])
        with run.ledger.writing() as connection:
            claiming.leave_unknown(connection, run, expired=True)
        free = Settlement(
            first.documents[0].document_id, (State.PLANNED,), Outcome.NOT_SENT, "it is not there"
        )
        run.settle_unknown([free])
        settle(run, first, State.ACCEPTED)
        assert states(run.ledger) == {"1001": "planned"}
        second = run.begin_batch([])
        assert numbers(second) == ["1001"]
        settle(run, first, State.REFUSED)
        assert states(run.ledger) == {"1001": "sending"}
        settle(run, second, State.ACCEPTED)
        settle(run, first, State.UNKNOWN)
        assert states(run.ledger) == {"1001": "accepted"}
        assert sorted(set(outcomes(run))) == ["accepted"]


def test_an_answer_is_recorded_twice(tmp_path: Path) -> None:
    """A commit whose acknowledgement was lost is done again: the second time changes nothing."""
    planned(tmp_path, invoices(3))
    with sender(tmp_path, size=3) as run:
        batch = run.begin_batch([])
        one, two, three = (each.document_id for each in batch.documents)
        settlements = [
            Settlement(one, (State.ACCEPTED,), Outcome.ACCEPTED, "yes"),
            Settlement(two, (State.REFUSED, State.PLANNED), Outcome.NOT_SENT, "again"),
            Settlement(three, (State.UNKNOWN,), Outcome.UNKNOWN, "who knows", exposed=True),
        ]
        run.end_batch(batch, ANSWERED, settlements)
        before = table(run.ledger, "SELECT * FROM event ORDER BY id")
        run.end_batch(batch, ANSWERED, settlements)
        assert table(run.ledger, "SELECT * FROM event ORDER BY id") == before
        assert states(run.ledger) == {"1001": "accepted", "1002": "planned", "1003": "unknown"}
        assert sorted(outcomes(run)) == ["accepted", "unknown"]  # the other may be another sender's
        assert numbers(run.begin_batch(batch.documents)) == ["1002"]  # in a smaller piece
    assert open_of(tmp_path)[1] == [two, three]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_claim_whose_commit_was_not_heard_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found again under its name, and is the same claim."""
    planned(tmp_path, invoices(2))
    with sender(tmp_path) as run:
        writing, deaf = run.ledger.writing, [True]

        @contextmanager
        def unheard(*, joins: bool) -> Iterator[Any]:
            with writing(joins=joins) as connection:
                yield connection
            if deaf.pop() if deaf else False:
                raise Unrecordable(finding("ledger-unwritable", path="", reason="the connection was cut"))

        monkeypatch.setattr(run.ledger, "writing", unheard)
        batch = run.begin_batch([])
        assert (deaf, numbers(batch)) == ([], ["1001", "1002"])
        assert rows(run.ledger, "SELECT id FROM batch") == [batch.id]


def test_credit_notes_come_after_all_else(tmp_path: Path) -> None:
    """What names an invoice waits until nothing else is planned or under way, whoever sends it."""
    planned(tmp_path, [invoice("2001", row=9)], late=True)
    planned(tmp_path, invoices(2))
    with sender(tmp_path, size=1) as run:
        first, second = run.begin_batch([]), run.begin_batch([])
        assert [numbers(first), numbers(second)] == [["1001"], ["1002"]]
        settle(run, first, State.ACCEPTED)
        assert run.begin_batch([]).documents == []
        settle(run, second, State.UNKNOWN, exposed=True)
        assert numbers(run.begin_batch([])) == ["2001"]


def test_turns_end_when_nothing_is_planned(tmp_path: Path) -> None:
    """A sender goes on until all is claimed; a stop ends it at once."""
    planned(tmp_path, invoices(3))
    with sender(tmp_path) as run:
        claimed = [numbers(run.begin_batch(each)) for each in run.turns(Event())]
        assert claimed == [["1001", "1002"], ["1003"], []]
        stop = Event()
        stop.set()
        assert list(run.turns(stop)) == []


def test_planned_anew(tmp_path: Path) -> None:
    """A document that is planned again, changed, goes with its new content, and once."""
    planned(tmp_path, invoices(2))
    planned(tmp_path, [invoice("1002", row=3, price="7.00")])
    with sender(tmp_path) as run:
        batch = run.begin_batch([])
        assert [b'"amount":"7.00"' in each.body for each in batch.documents] == [False, True]
        assert run.begin_batch([]).documents == []


def test_a_run_takes_documents_out_of_the_outbox(tmp_path: Path) -> None:
    """What `run` plans itself nobody else may send."""
    planned(tmp_path, invoices(2))
    with ledger_made.opened(tmp_path) as ledger:
        begin(ledger).plan(invoices(1))
    with sender(tmp_path) as run:
        assert numbers(run.begin_batch([])) == ["1002"]


def test_what_is_under_way_is_not_planned_anew(tmp_path: Path) -> None:
    """While senders are at work a file may be planned again: what they have claimed stays theirs."""
    planned(tmp_path, invoices(2))
    with sender(tmp_path, size=1) as run:
        batch = run.begin_batch([])
        again = planned(tmp_path, invoices(2))
        assert outcomes(replace_ledger(again, run.ledger)) == ["unknown", "not-sent"]
        settle(run, batch, State.ACCEPTED)
        assert states(run.ledger) == {"1001": "accepted", "1002": "planned"}


def test_large_bodies_make_smaller_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request stays within its bytes, whatever the batch size; one document always goes."""
    planned(tmp_path, invoices(3))
    monkeypatch.setattr(claiming, "LARGEST", 300)
    with sender(tmp_path, size=3) as run:
        assert [numbers(run.begin_batch([])) for _ in range(3)] == [["1001"], ["1002"], ["1003"]]


def test_purge_clears_what_nobody_sent(tmp_path: Path) -> None:
    """Bodies of old plans go; what is unknown keeps its own."""
    planned(tmp_path, invoices(3))
    with sender(tmp_path, size=1) as run:
        settle(run, run.begin_batch([]), State.UNKNOWN, exposed=True)
        purge(run.ledger, "2000-01-01")
        assert len(rows(run.ledger, "SELECT document_id FROM outbox")) == 3
        purge(run.ledger, "2999-01-01")
        assert rows(run.ledger, "SELECT state FROM outbox JOIN document ON id = document_id") == ["unknown"]


def test_who_bears_whom(tmp_path: Path, database: str) -> None:
    """Planning and sending go on beside each other; what is alone bears neither, and is borne by neither."""
    bears = {
        (Hold.PLANNING, Hold.SENDING),
        (Hold.SENDING, Hold.PLANNING),
        *([(Hold.SENDING, Hold.SENDING)] if database == "postgresql" else []),
    }
    with open_ledger(url(tmp_path)) as one, open_ledger(url(tmp_path)) as other:
        for first in Hold:
            for second in Hold:
                with one.lock(ENVIRONMENT, CID, first):
                    try:
                        with other.lock(ENVIRONMENT, CID, second):
                            borne = True
                    except AnotherRunAtWork:
                        borne = False
                assert borne is ((first, second) in bears), (first, second)


def test_a_claim_needs_the_lock(tmp_path: Path) -> None:
    """Nobody sends without it."""
    with open_ledger(url(tmp_path)) as ledger, pytest.raises(RuntimeError, match="needs the lock"):
        ledger.begin_sending("send", ENVIRONMENT, CID, {}, size=1)


def test_a_run_alone_finds_what_dead_senders_left(tmp_path: Path) -> None:
    """Under the lock that bears nobody no lease is waited for."""
    planned(tmp_path, invoices(2))
    with sender(tmp_path) as run:
        run.begin_batch([])
    with ledger_made.opened(tmp_path) as ledger:
        begin(ledger)
        assert states(ledger) == {"1001": "unknown", "1002": "unknown"}


def test_another_customer_s_outbox(tmp_path: Path) -> None:
    """A sender claims what is its own customer's only."""
    planned(tmp_path, invoices(1))
    with (
        open_ledger(url(tmp_path)) as ledger,
        ledger.lock(ENVIRONMENT, "other", Hold.SENDING),
    ):
        run = ledger.begin_sending("send", ENVIRONMENT, "other", {}, size=5)
        assert run.begin_batch([]).documents == []
        with ledger.engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM outbox")) == 1
