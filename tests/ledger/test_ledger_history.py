"""Looking back, and forgetting."""

from __future__ import annotations

from pathlib import Path

from ledger_made import begin, findings, held, invoice, opened, outcomes, rows, settled, table

from pipeline.ledger import history, purge
from pipeline.ledger.states import State


def test_history_tells_everything(tmp_path: Path) -> None:
    """Every event with its run and batch, every run with its outcome and rows."""
    with opened(tmp_path) as ledger:
        first = settled(ledger, [invoice()], State.REFUSED)
        second = settled(ledger, [invoice(row=7)], State.ACCEPTED)
        (told,) = history(ledger, "1001")
    assert (told["state"], told["total"], told["attempt"]) == ("accepted", "125.50", 2)
    assert [(each["to_state"], each["run_id"], each["data_identifier"]) for each in told["events"]] == [
        ("planned", first.id, None),
        ("sending", first.id, f"{first.id}-1"),
        ("refused", first.id, f"{first.id}-1"),
        ("planned", second.id, f"{first.id}-1"),
        ("sending", second.id, f"{second.id}-1"),
        ("accepted", second.id, f"{second.id}-1"),
    ]
    assert {(each["run_id"], each["outcome"], each["rows"]) for each in told["runs"]} == {
        (first.id, "refused", "[[0,2,2]]"),
        (second.id, "accepted", "[[0,7,7]]"),
    }


def test_history_finds_what_has_no_number(tmp_path: Path) -> None:
    """A document without a bill number is found by its identity; an unknown number gives nothing."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice(None)], State.ACCEPTED)
        (identity,) = rows(ledger, "SELECT identity FROM document")
        assert len(history(ledger, identity)) == 1
        assert history(ledger, "1001") == []


def test_purge_removes_contents_and_keeps_the_proof(tmp_path: Path) -> None:
    """Names, addresses and texts are gone from the files; hashes, numbers, sums, rows and events stay."""
    with opened(tmp_path) as ledger:
        run = settled(ledger, [invoice(company="Kallen Auto Oy")], State.ACCEPTED)
        changed = begin(ledger)
        changed.plan([invoice(company="Pekan Auto Oy")])
        proof = "SELECT identity, state, content_hash, net, vat, total, billdate, guarded FROM document"
        before = table(ledger, proof)
        assert purge(ledger, "2000-01-01") == 0
        assert purge(ledger, "2999-01-01") == 1
        assert table(ledger, proof) == before
        assert rows(ledger, "SELECT count(*) FROM event") == [3]
        assert outcomes(run) == ["accepted"]
        assert findings(changed) == [("conflict", "(removed by purge)")]
        everything = held(ledger, tmp_path)
    for secret in ("Kallen", "Pekan", "KUOPIO"):
        assert secret.encode() not in everything


def test_what_was_purged_is_still_never_sent_again(tmp_path: Path) -> None:
    """The hash alone tells the same content from another."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice()], State.ACCEPTED)
        purge(ledger, "2999-01-01")
        run = begin(ledger)
        assert run.plan([invoice(), invoice(None, row=3)])[0].billnum is None
        again = begin(ledger)
        assert again.plan([invoice(price="1.00")]) == []
        assert (outcomes(run)[0], outcomes(again)) == ("already-accepted", ["conflict"])
        assert "the earlier content is no longer kept (purge)" in findings(again)[0][1]


def test_the_unknown_keeps_its_content(tmp_path: Path) -> None:
    """It may still have to be compared with what the service has."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice()], State.UNKNOWN)
        assert purge(ledger, "2999-01-01") == 0
        assert rows(ledger, "SELECT count(*) FROM content") == [1]
