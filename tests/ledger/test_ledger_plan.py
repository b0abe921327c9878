"""Planning: what may be sent, decided against all that was ever sent."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_made import (
    CID,
    ENVIRONMENT,
    HETU,
    answer,
    begin,
    findings,
    held,
    invoice,
    invoices,
    opened,
    outcomes,
    rows,
    settled,
    states,
    table,
    url,
    wrong,
)

from pipeline.document import Document, Kind, Outcome
from pipeline.ledger import open_ledger
from pipeline.ledger.states import State


def test_new_documents_are_planned(tmp_path: Path) -> None:
    """What the ledger does not know may be sent, and is not-sent until it was."""
    with opened(tmp_path) as ledger:
        run = begin(ledger)
        planned = run.plan(invoices(3))
        assert [each.billnum for each in planned] == ["1001", "1002", "1003"]
        assert outcomes(run) == ["not-sent"] * 3
        assert states(ledger) == {"1001": "planned", "1002": "planned", "1003": "planned"}
        assert run.outcomes() == {Outcome.NOT_SENT: 3}


def test_the_body_is_the_dataset(tmp_path: Path) -> None:
    """What is sent is the dataset as it came, guard and identity code included."""
    document = invoice(govid=HETU, customertype="2", company=None, person="Teppo Testaaja")
    with opened(tmp_path) as ledger:
        (planned,) = begin(ledger).plan([document])
    assert orjson.loads(planned.body) == document.dataset


def test_accepted_is_never_planned_again(tmp_path: Path) -> None:
    """The same identity and content is already-accepted, in every later run."""
    with opened(tmp_path) as ledger:
        settled(ledger, invoices(2), State.ACCEPTED)
        for _ in range(2):
            run = begin(ledger)
            assert run.plan(invoices(2)) == []
            assert outcomes(run) == ["already-accepted"] * 2


def test_the_order_of_tags_is_no_content(tmp_path: Path) -> None:
    """An export with its columns in another order is the same invoice."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice()], State.ACCEPTED)
        turned = invoice()
        turned.dataset = dict(reversed(turned.dataset.items()))
        run = begin(ledger)
        assert run.plan([turned]) == []
        assert outcomes(run) == ["already-accepted"]


def test_another_content_is_a_conflict(tmp_path: Path) -> None:
    """An accepted number with other content is not sent, and the difference is shown field by field."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice()], State.ACCEPTED)
        day = rows(ledger, "SELECT updated FROM document")[0][:10]
        run = begin(ledger)
        changed = invoice(price="120.00", city="JOENSUU", ownref="77")
        assert run.plan([changed]) == []
        assert outcomes(run) == ["conflict"]
        changes = "city: KUOPIO → JOENSUU; payrow 1 amount: 100.00 → 120.00; ownref: (none) → 77"
        assert findings(run) == [
            (
                "conflict",
                f"This bill number was accepted on {day} with other content: {changes}.",
            )
        ]


def test_a_conflict_shows_no_identity_code(tmp_path: Path) -> None:
    """A changed identity code is told by its keyed hashes alone."""
    person = {"customertype": "2", "company": None, "person": "Teppo"}
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice(govid=HETU, **person)], State.ACCEPTED)
        run = begin(ledger)
        run.plan([invoice(govid="010101-123N", **person)])
        ((code, message),) = findings(run)
    assert code == "conflict"
    assert "govid: #" in message
    assert HETU not in message
    assert "010101-123N" not in message


def test_the_clock_is_no_content(tmp_path: Path) -> None:
    """An invoice whose dates come from today is the same one tomorrow."""
    with opened(tmp_path) as ledger:
        today, tomorrow = invoice(billdate="2026-10-01"), invoice(billdate="2026-10-02")
        today.clock_fields = tomorrow.clock_fields = frozenset({"billdate"})
        settled(ledger, [today], State.ACCEPTED)
        run = begin(ledger)
        assert run.plan([tomorrow]) == []
        assert outcomes(run) == ["already-accepted"]


def test_a_date_that_was_the_clocks_and_is_now_the_files(tmp_path: Path) -> None:
    """What says the same is the same, wherever the profile takes it from."""
    with opened(tmp_path) as ledger:
        first = invoice()
        first.clock_fields = frozenset({"billdate"})
        settled(ledger, [first], State.ACCEPTED)
        run = begin(ledger)
        assert run.plan([invoice()]) == []
        assert outcomes(run) == ["already-accepted"]


def test_unknown_is_not_sent_blindly(tmp_path: Path) -> None:
    """What may be with the service stays unknown until somebody knows, changed or not."""
    with opened(tmp_path) as ledger:
        settled(ledger, invoices(2), State.UNKNOWN)
        run = begin(ledger)
        assert run.plan([invoice("1001"), invoice("1002", row=3, price="1.00")]) == []
        assert outcomes(run) == ["unknown"] * 2
        assert findings(run)[0] == (
            "outcome-unknown",
            "It is not known whether the service has this invoice: so it was told.",
        )


def test_refused_may_go_again_changed_or_not(tmp_path: Path) -> None:
    """A refusal is definite."""
    with opened(tmp_path) as ledger:
        settled(ledger, invoices(2), State.REFUSED)
        run = begin(ledger)
        planned = run.plan([invoice("1001"), invoice("1002", row=3, price="1.00")])
        assert [each.billnum for each in planned] == ["1001", "1002"]
        assert rows(ledger, "SELECT net FROM document ORDER BY id") == ["100.00", "1.00"]


def test_planned_by_a_run_that_died_is_planned_anew(tmp_path: Path) -> None:
    """What never left may go, with what the file says now; the dead run can no longer send it."""
    with opened(tmp_path) as ledger:
        dead = begin(ledger)
        left = dead.plan([invoice()])
        run = begin(ledger)
        planned = run.plan([invoice(price="5.00")])
        with pytest.raises(RuntimeError, match=r"1 documents of batch .* were not planned"):
            dead.begin_batch(left)
        run.begin_batch(planned)
        assert rows(ledger, "SELECT net FROM document") == ["5.00"]
        assert rows(ledger, "SELECT count(*) FROM batch") == [1]


def test_an_error_keeps_a_document_out(tmp_path: Path) -> None:
    """An invalid document is in the report with its findings, and no document of the ledger."""
    with opened(tmp_path) as ledger:
        run = begin(ledger)
        planned = run.plan([wrong(invoice("1")), invoice("2", row=3)])
        assert [each.billnum for each in planned] == ["2"]
        assert outcomes(run) == ["invalid", "not-sent"]
        assert states(ledger) == {"2": "planned"}
        assert table(ledger, "SELECT invoice_number, code FROM finding") == [(2, "duplicate-in-run")]


def test_the_same_invoice_twice_in_a_run_goes_once(tmp_path: Path) -> None:
    """Without numbers, equal invoices cannot be told apart: one goes, in one chunk or in two."""
    with opened(tmp_path) as ledger:
        run = begin(ledger)
        planned = run.plan([invoice(None), invoice(None, row=3)])
        planned += run.plan([invoice(None, row=4)])
        assert len(planned) == 1
        assert outcomes(run) == ["not-sent", "invalid", "invalid"]
        assert (
            findings(run)
            == [("duplicate-in-run", "The same invoice is in this run twice; the first one counts.")] * 2
        )


def test_without_a_number_the_content_is_the_identity(tmp_path: Path) -> None:
    """The same content is already accepted; another content is another invoice."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice(None)], State.ACCEPTED)
        run = begin(ledger)
        assert len(run.plan([invoice(None), invoice(None, row=3, price="1.00")])) == 1
        assert outcomes(run) == ["already-accepted", "not-sent"]


def test_numbers_are_unique_within_customer_environment_and_kind(tmp_path: Path) -> None:
    """A reminder, another customer's invoice, or one in the test environment is another document."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice()], State.ACCEPTED)
        reminder = invoice(row=3)
        reminder.kind = Kind.REMINDER
        assert len(begin(ledger).plan([reminder])) == 1
        for environment, cid in ((ENVIRONMENT, "other"), ("test-fi", CID)):
            with ledger.lock(environment, cid):
                run = ledger.begin_run("run", environment, cid, {})
                assert len(run.plan([invoice()])) == 1


@pytest.mark.parametrize("state", [State.ACCEPTED, State.UNKNOWN])
def test_no_collection_of_what_was_an_invoice(tmp_path: Path, state: State) -> None:
    """Debt collection is refused when the number may be with the service as invoice or reminder."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice()], state)
        run = begin(ledger)
        assert run.plan([_collection("1001", 2)]) == []
        assert outcomes(run) == ["invalid"]
        assert findings(run) == [
            (
                "collection-after-invoice",
                "Bill number 1001 was sent as invoice or reminder, so it cannot be sent as debt collection.",
            )
        ]


def test_no_collection_beside_its_invoice(tmp_path: Path) -> None:
    """The invoice of the same run counts too; a refused one does not, nor one with another number."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice("5")], State.REFUSED)
        run = begin(ledger)
        planned = run.plan([invoice(), _collection("1001", 3), _collection("5", 4), _collection("6", 5)])
        assert [each.billnum for each in planned] == ["1001", "5", "6"]


def _collection(billnum: str, row: int) -> Document:
    document = invoice(billnum, row=row, jobtype="2")
    document.kind = Kind.COLLECTION
    return document


def test_allocations_have_no_number_of_their_own(tmp_path: Path) -> None:
    """Two payments of one bill are two documents; the same payment again is not."""

    def payment(amount: str, row: int) -> Document:
        return Document({"billnum": "1001", "amount": amount}, Kind.PAYMENT, [(0, row)])

    with opened(tmp_path) as ledger:
        settled(ledger, [payment("10.00", 2)], State.ACCEPTED)
        run = begin(ledger)
        assert len(run.plan([payment("10.00", 2), payment("20.00", 3)])) == 1
        assert outcomes(run) == ["already-accepted", "not-sent"]


def test_a_check_changes_no_document(tmp_path: Path) -> None:
    """A run that only looks tells the outcomes and leaves every document as it was."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice()], State.ACCEPTED)
        before = table(ledger, "SELECT * FROM document")
        run = begin(ledger, sends=False)
        run.plan([invoice(), invoice("1002", row=3), wrong(invoice("1003", row=4))])
        assert outcomes(run) == ["already-accepted", "not-sent", "invalid"]
        assert table(ledger, "SELECT * FROM document") == before


def test_invoices_keep_their_rows_and_findings_their_place(tmp_path: Path) -> None:
    """Rows are kept as ranges in their order; a finding of the ledger names file and row."""
    scattered = invoice()
    scattered.rows = [(0, 5), (0, 6), (0, 9), (1, 2), (0, 7)]
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice(price="1.00")], State.ACCEPTED)
        run = begin(ledger)
        run.plan([scattered])
        ((number, kept),) = table(ledger, "SELECT number, rows FROM invoice WHERE run_id = :run", run=run.id)
        place = table(ledger, "SELECT file, sheet, row FROM finding WHERE run_id = :run", run=run.id)
    assert number == scattered.number
    assert orjson.loads(kept) == [[0, 5, 6], [0, 9, 9], [1, 2, 2], [0, 7, 7]]
    assert place == [("orders.csv", None, 5)]


def test_no_identity_code_reaches_the_ledger(tmp_path: Path) -> None:
    """Wherever a code stands in a dataset, the files of the ledger do not hold it."""
    document = invoice(
        customertype="2",
        company=None,
        person=f"Teppo {HETU}",
        govid=HETU,
        custnum=HETU,
        freetext=f"hetu\n{HETU}.",
    )
    document.dataset["payrow"][0]["desc"] = f"Käynti ({HETU})"
    with opened(tmp_path) as ledger:
        settled(ledger, [document], State.ACCEPTED)
        changed = deepcopy(document)
        changed.dataset["payrow"][0]["desc"] = f"Käynti {HETU}"
        run = begin(ledger)
        run.plan([changed])
        assert outcomes(run) == ["conflict"]
        everything = held(ledger, tmp_path)
    assert b"KUOPIO" in everything
    assert HETU.encode() not in everything


def test_many_documents_are_looked_up_in_parts(tmp_path: Path) -> None:
    """More documents than one look-up takes are all recognised."""
    with opened(tmp_path) as ledger:
        assert len(begin(ledger).plan(invoices(25_000))) == 25_000
        run = begin(ledger)
        assert len(run.plan(invoices(25_001))) == 25_001
        assert rows(ledger, "SELECT count(*) FROM document") == [25_001]


_DOCUMENTS = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3", None]), st.sampled_from(["1.00", "2.00"]), st.booleans()),
    max_size=6,
)
_RUNS = st.lists(
    st.tuples(
        _DOCUMENTS, st.integers(1, 4), st.sampled_from([State.ACCEPTED, State.REFUSED, State.UNKNOWN, None])
    ),
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@given(_RUNS)
def test_whatever_was_read_and_answered(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[tuple[list[tuple[str | None, str, bool]], int, State | None]],
) -> None:
    """Every document has one outcome, sums agree, nothing accepted or unknown is ever planned again."""
    gone: set[tuple[str, str]] = set()
    with opened(tmp_path_factory.mktemp("ledger")) as ledger:
        for contents, chunk, state in runs:
            documents = [
                invoice(billnum, row=2 + number, price=price)
                if good
                else wrong(invoice(billnum, row=2 + number, price=price))
                for number, (billnum, price, good) in enumerate(contents)
            ]
            run = begin(ledger)
            planned = [
                each
                for start in range(0, len(documents), chunk)
                for each in run.plan(documents[start : start + chunk])
            ]
            identities = [
                (each.billnum or "", "" if each.billnum else each.body.decode()) for each in planned
            ]
            assert len(set(identities)) == len(identities)
            assert not gone & set(identities)
            assert len(outcomes(run)) == len(documents)
            assert outcomes(run).count("not-sent") == len(planned)
            sums = table(ledger, "SELECT total FROM invoice WHERE run_id = :run ORDER BY number", run=run.id)
            assert [each for (each,) in sums] == [str(each.total) for each in documents]
            if state and planned:
                answer(run, planned, state)
                if state is not State.REFUSED:
                    gone |= set(identities)


def test_the_ledger_is_found_again(tmp_path: Path) -> None:
    """What one process accepted, another one knows."""
    with opened(tmp_path) as ledger:
        settled(ledger, [invoice()], State.ACCEPTED)
    with open_ledger(url(tmp_path)) as ledger:
        assert states(ledger) == {"1001": "accepted"}
