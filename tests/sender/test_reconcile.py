"""Unknown outcomes: asked about, decided by a person, never guessed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from ledger_made import (
    CID,
    ENVIRONMENT,
    begin,
    findings,
    invoice,
    invoices,
    opened,
    outcomes,
    rows,
    settled,
    states,
    table,
    url,
)
from scripted import Reply, Scripted, StartService, in_turn

from pipeline.document import Kind
from pipeline.findings import Refusal
from pipeline.ledger import AnotherRunAtWork, Ledger, open_ledger
from pipeline.ledger.states import State
from pipeline.sandbox.faults import Fault, Faults
from pipeline.sender.reconcile import Reconciled, reconcile, resolve
from pipeline.sender.send import send
from pipeline.sender.service import Service


def _reconcile(ledger: Ledger, address: str, **options: Any) -> tuple[Reconciled, list[str]]:
    run = ledger.begin_run("reconcile", ENVIRONMENT, CID, {})
    with Service(address, CID, "secret", timeout=(1.0, 1.0)) as service:
        result = reconcile(run, service, **{"grace": 0.0, "pauses": (0.0, 0.0)} | options)
    return result, outcomes(run)


FOUND = [{"id": 3, "jobid": 77, "billnum": "1001", "status": "open"}]


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        # 200 that carries the bill number, in any shape
        (Reply(200, FOUND), "accepted"),
        (Reply(200, {"updates": FOUND}), "accepted"),
        (Reply(200, {"billNum": 1001, "job_id": 77}), "accepted"),
        # not there
        (Reply(204), "planned"),
        (Reply(200, []), "planned"),
        (Reply(200, {"updates": []}), "planned"),
        # anything else
        (Reply(200, {}), "unknown"),
        (Reply(200, [{"billnum": "1"}]), "unknown"),
        (Reply(200, {"message": "billnum 1001 not found"}), "unknown"),
        (Reply(200, "not JSON"), "unknown"),
        (Reply(404, {"title": "Not Found"}), "unknown"),
        (Reply(400, {"title": "Bad Request"}), "unknown"),
        (Reply(500), "unknown"),
        (Reply(429), "unknown"),
        (Reply(302, b"", {"Location": "/"}), "unknown"),
        (Reply(200, b"[", {"Content-Length": "9"}), "unknown"),
    ],
)
def test_what_a_look_up_means(ledger: Ledger, server: Scripted, reply: Reply, state: str) -> None:
    """Found is accepted; not found, guarded, after the grace period may go again; all else stays unknown."""
    settled(ledger, [invoice()], State.UNKNOWN)
    server.look_ups = lambda _: reply
    result, ended = _reconcile(ledger, server.url)
    assert states(ledger) == {"1001": state}
    assert ended == [{"planned": "not-sent"}.get(state, state)]
    assert result == Reconciled(
        int(state == "accepted"), int(state == "planned"), int(state == "unknown"), 0, None
    )
    assert all(each.path == "/rest/jobs/statusupdates?billnum=1001" for each in server.requests[1:])


def test_what_was_found_is_kept(ledger: Ledger, server: Scripted) -> None:
    """The job id is known from then on."""
    settled(ledger, [invoice()], State.UNKNOWN)
    server.look_ups = lambda _: Reply(200, FOUND)
    _reconcile(ledger, server.url)
    assert table(ledger, "SELECT jobid, reason FROM document") == [("77", "the service has it")]


def test_without_the_guard_a_person_decides(ledger: Ledger, server: Scripted) -> None:
    """Not found and unguarded stays unknown, whatever the time."""
    settled(ledger, [invoice(checkbillnum=None)], State.UNKNOWN)
    result, _ = _reconcile(ledger, server.url)
    assert states(ledger) == {"1001": "unknown"}
    assert result.unknown == 1


def test_what_has_no_number_is_not_asked_about(ledger: Ledger, server: Scripted) -> None:
    """The bare form of the look-up would consume other systems' updates."""
    settled(ledger, [invoice(None)], State.UNKNOWN)
    _reconcile(ledger, server.url)
    assert server.requests == []
    assert list(states(ledger).values()) == ["unknown"]


def test_a_number_like_an_identity_code_is_not_put_into_a_url(ledger: Ledger, server: Scripted) -> None:
    """It stays unknown and is a person's to decide."""
    settled(ledger, [invoice("131052-308T")], State.UNKNOWN)
    _reconcile(ledger, server.url)
    assert server.requests == []


def test_the_grace_period(ledger: Ledger, server: Scripted) -> None:
    """What is not found may still be on its way; when it is over the look-up is made again."""
    settled(ledger, [invoice()], State.UNKNOWN)
    assert _reconcile(ledger, server.url, grace=60.0)[0] == Reconciled(0, 0, 1, 1, None)
    assert states(ledger) == {"1001": "unknown"}
    asked = len(server.requests)
    server.look_ups = in_turn(Reply(204), Reply(200, FOUND))
    assert _reconcile(ledger, server.url, grace=0.4, patient=True)[0].accepted + asked >= 1
    assert states(ledger) == {"1001": "accepted"}


def test_stopping_ends_the_wait(ledger: Ledger, server: Scripted) -> None:
    """Ctrl-C leaves what is not decided unknown."""
    settled(ledger, invoices(3), State.UNKNOWN)
    stop = threading.Event()

    def once(_: object) -> Reply:
        stop.set()
        return Reply(204)

    server.look_ups = once
    result, _ = _reconcile(ledger, server.url, grace=60.0, patient=True, stop=stop)
    assert result == Reconciled(0, 0, 3, 1, None)


def test_a_namesake_of_another_kind_makes_it_unclear(ledger: Ledger, server: Scripted) -> None:
    """The invoice may be what the service has under the reminder's number."""
    settled(ledger, [invoice()], State.ACCEPTED)
    reminder = invoice(row=3)
    reminder.kind = Kind.REMINDER
    settled(ledger, [reminder], State.UNKNOWN)
    server.look_ups = lambda _: Reply(200, FOUND)
    _reconcile(ledger, server.url)
    assert rows(ledger, "SELECT state FROM document WHERE kind = 'reminder'") == ["unknown"]


def test_two_contents_make_it_unclear(ledger: Ledger, server: Scripted) -> None:
    """When a changed invoice got no answer either, nobody knows which one was found."""
    settled(ledger, [invoice()], State.UNKNOWN)
    _reconcile(ledger, server.url)
    settled(ledger, [invoice(price="1.00")], State.UNKNOWN)
    server.look_ups = lambda _: Reply(200, FOUND)
    assert _reconcile(ledger, server.url)[0].unknown == 1


def test_a_service_that_cannot_be_asked(ledger: Ledger, server: Scripted) -> None:
    """Nothing is decided, and the reason is told."""
    settled(ledger, invoices(2), State.UNKNOWN)
    server.look_ups = lambda _: Reply(0)
    result, ended = _reconcile(ledger, server.url)
    assert result.halted
    assert result.halted.code == "service-unreachable"
    assert (result.unknown, ended) == (2, [])
    assert len([each for each in server.requests if each.method == "GET"]) == 3


def test_the_report_of_a_reconcile_tells_of_documents_that_it_did_not_read(
    ledger: Ledger, server: Scripted
) -> None:
    """An invoice of an earlier run appears with its customer, sums, outcome, and why it stays unknown."""
    settled(ledger, [invoice(checkbillnum=None)], State.UNKNOWN)
    run = ledger.begin_run("reconcile", ENVIRONMENT, CID, {})
    with Service(server.url, CID, "secret") as service:
        reconcile(run, service, grace=0.0)
    assert table(
        ledger, "SELECT billnum, customer, total, outcome, rows FROM invoice WHERE run_id = :run", run=run.id
    ) == [("1001", "Matin konepaja Oy", "125.50", "unknown", "[]")]
    ((code, message),) = findings(run)
    assert code == "outcome-unknown"
    assert message == (
        "It is not known whether the service has this invoice: so it was told; the service does not show it,"
        " and without checkbillnum it could come to be there twice."
    )


def test_reconcile_at_the_end_of_a_run(ledger: Ledger, service: StartService) -> None:
    """An answer lost on its way is found at once, and the run's own report says accepted."""
    lost = Fault.model_validate({"kind": "close", "when": "after", "nth": 1})
    sandbox = service(faults=Faults([lost]))
    run = begin(ledger)
    send([run.plan(invoices(3))], run=run, service=sandbox)
    assert outcomes(run) == ["unknown"] * 3
    assert reconcile(run, sandbox).accepted == 3
    assert outcomes(run) == ["accepted"] * 3
    assert findings(run) == []


def test_reconcile_at_the_beginning_of_a_run(ledger: Ledger, service: StartService) -> None:
    """What an earlier run left is asked about first; in this run's report each invoice is there once."""
    lost = [{"kind": "close", "nth": 1}, {"kind": "close", "when": "after", "nth": 2}]
    sandbox = service(faults=Faults([Fault.model_validate(each) for each in lost]))
    run = begin(ledger)
    planned = run.plan(invoices(3))
    send([planned[:1], planned[1:]], run=run, service=sandbox, workers=1)
    assert outcomes(run) == ["unknown"] * 3
    again = begin(ledger)
    result = reconcile(again, sandbox, grace=0.0)
    assert (result.accepted, result.may_go_again) == (2, 1)
    send([again.plan(invoices(3))], run=again, service=sandbox)
    assert outcomes(again) == ["accepted", "already-accepted", "already-accepted"]


def test_a_lost_request_goes_again_and_is_accepted_once(ledger: Ledger, service: StartService) -> None:
    """Not processed, not found, sent by the next run."""
    sandbox = service(faults=Faults([Fault.model_validate({"kind": "close", "nth": 1})]))
    run = begin(ledger)
    send([run.plan(invoices(3))], run=run, service=sandbox)
    assert reconcile(run, sandbox, grace=0.0).may_go_again == 3
    assert outcomes(run) == ["not-sent"] * 3
    again = begin(ledger)
    send([again.plan(invoices(3))], run=again, service=sandbox)
    assert outcomes(again) == ["accepted"] * 3


# -- resolve


def test_a_person_decides(tmp_path: Path) -> None:
    """Who and why are kept; what is not accepted may be sent by the next run."""
    with opened(tmp_path) as ledger:
        settled(ledger, invoices(2), State.UNKNOWN)
    with open_ledger(url(tmp_path)) as ledger:
        resolve(ledger, ENVIRONMENT, CID, "1001", accepted=True, who="Maija", why="seen in Ropo One")
        resolve(ledger, ENVIRONMENT, CID, "1002", accepted=False, who="Maija", why="not there")
        assert states(ledger) == {"1001": "accepted", "1002": "refused"}
        assert rows(ledger, "SELECT detail FROM event WHERE from_state = 'unknown' ORDER BY id") == [
            "Maija decided that it is accepted: seen in Ropo One",
            "Maija decided that it is not accepted: not there",
        ]
        with ledger.lock(ENVIRONMENT, CID):
            assert [each.billnum for each in begin(ledger).plan(invoices(2))] == ["1002"]


def test_only_the_unknown_can_be_decided(tmp_path: Path) -> None:
    """What is known stays as it is."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice()], State.REFUSED)
    with open_ledger(url(tmp_path)) as ledger:
        with pytest.raises(Refusal) as refused:
            resolve(ledger, ENVIRONMENT, CID, "1001", accepted=True, who="Maija", why="so")
        assert str(refused.value) == ("No document 1001 of customer 1001 in sandbox has an unknown outcome.")
        assert states(ledger) == {"1001": "refused"}


def test_of_two_kinds_one_is_named(tmp_path: Path) -> None:
    """An invoice and its reminder with one number need the kind; the identity names what has no number."""
    reminder = invoice(row=3)
    reminder.kind = Kind.REMINDER
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice(), reminder, invoice(None, row=4)], State.UNKNOWN)
        (identity,) = rows(ledger, "SELECT identity FROM document WHERE billnum IS NULL")
    decision = {"accepted": True, "who": "Maija", "why": "seen"}
    with open_ledger(url(tmp_path)) as ledger:
        with pytest.raises(Refusal) as refused:
            resolve(ledger, ENVIRONMENT, CID, "1001", **decision)
        assert str(refused.value) == (
            "Several documents have the number 1001 and an unknown outcome: invoice, reminder."
        )
        resolve(ledger, ENVIRONMENT, CID, "1001", kind="reminder", **decision)
        resolve(ledger, ENVIRONMENT, CID, identity, **decision)
        assert rows(ledger, "SELECT state FROM document ORDER BY id") == ["unknown", "accepted", "accepted"]


def test_nobody_decides_while_a_run_is_at_work(tmp_path: Path) -> None:
    """The lock holds for people too."""
    with opened(tmp_path), open_ledger(url(tmp_path)) as second, pytest.raises(AnotherRunAtWork):
        resolve(second, ENVIRONMENT, CID, "1001", accepted=True, who="Maija", why="so")
