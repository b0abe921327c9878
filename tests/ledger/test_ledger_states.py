"""The database itself keeps the promise, whatever program writes to it."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from ledger_made import begin, execute, invoice, opened, rows, settled, states, table
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from pipeline.ledger import Ledger, tables
from pipeline.ledger.states import TRANSITIONS, State

PATHS = {
    State.PLANNED: (),
    State.SENDING: ("sending",),
    State.ACCEPTED: ("sending", "accepted"),
    State.REFUSED: ("sending", "refused"),
    State.UNKNOWN: ("sending", "unknown"),
}


def _in_state(ledger: Ledger, state: State) -> None:
    begin(ledger).plan([invoice()])
    with ledger.writing() as connection:
        execute(connection, [f"UPDATE document SET state = '{step}'" for step in PATHS[state]])


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_only_the_table_s_transitions_are_possible(tmp_path: Path, before: State, after: State) -> None:
    """Every other change of state is refused by the database."""
    with opened(tmp_path) as ledger:
        _in_state(ledger, before)
        change = [f"UPDATE document SET state = '{after}'"]
        if (before, after) in TRANSITIONS:
            with ledger.writing() as connection:
                execute(connection, change)
        else:
            with (
                pytest.raises(IntegrityError, match="this change of state is not allowed"),
                ledger.writing() as each,
            ):
                execute(each, change)
            after = before
        assert states(ledger) == {"1001": after}


def test_accepted_is_final() -> None:
    """Nothing leads out of accepted, and nothing but sending or a look-up into it."""
    assert not [each for each in TRANSITIONS if each[0] is State.ACCEPTED]
    assert {each[0] for each in TRANSITIONS if each[1] is State.ACCEPTED} == {State.SENDING, State.UNKNOWN}


def test_the_ledger_has_the_codes_transitions(tmp_path: Path) -> None:
    """The table in the database is the one in the code."""
    with opened(tmp_path) as ledger:
        assert set(table(ledger, "SELECT from_state, to_state FROM transition")) == TRANSITIONS


def _copied(identity: str, state: str) -> str:
    """SQL that inserts the document once more, but for these."""
    columns = {each.name: each.name for each in tables.document.columns}
    columns |= {"id": "9", "identity": identity, "state": state}
    return f"INSERT INTO document SELECT {', '.join(columns.values())} FROM document"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM document", "a document is never deleted"),
        ("UPDATE document SET identity = '7'", "the identity of a document never changes"),
        ("DELETE FROM event", "history is never deleted"),
        (_copied("'9'", "'accepted'"), "a document begins as planned"),
        (
            _copied("identity", "state"),
            (
                "UNIQUE constraint failed: document.environment, document.cid, document.kind, "
                "document.identity"
                '|unique constraint "document_environment_cid_kind_identity_key"'
            ),
        ),
        ("UPDATE document SET run_id = 'none'", "(?i)foreign key constraint"),
    ],
)
def test_what_the_database_refuses(tmp_path: Path, statement: str, message: str) -> None:
    """Documents and history stay, identities are unique and lasting, every document has its run."""
    with opened(tmp_path) as ledger:
        begin(ledger).plan([invoice()])
        with pytest.raises(IntegrityError, match=message), ledger.writing() as connection:
            connection.execute(text(statement))


def test_every_change_is_in_the_history(tmp_path: Path) -> None:
    """Each state has its event, with the run and the reason."""
    with opened(tmp_path) as ledger:
        run = settled(ledger, [invoice()], State.REFUSED)
        again = begin(ledger)
        again.plan([invoice()])
        assert table(ledger, "SELECT from_state, to_state, run_id, detail FROM event ORDER BY id") == [
            (None, "planned", run.id, "planned"),
            ("planned", "sending", run.id, f"in batch {run.id}-1"),
            ("sending", "refused", run.id, "so it was told"),
            ("refused", "planned", again.id, "planned"),
        ]


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """When one document of a batch cannot be sent, none is marked as being sent."""
    with opened(tmp_path) as ledger:
        run = begin(ledger)
        planned = run.plan([invoice("1"), invoice("2", row=3)])
        run.begin_batch(planned[:1])
        with pytest.raises(RuntimeError):
            run.begin_batch(planned)
        assert states(ledger) == {"1": "sending", "2": "planned"}
        assert rows(ledger, "SELECT count(*) FROM batch") == [1]
