"""The statements of every batch: the same of many rows is said once, and rows are found by their keys."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_made import opened
from sqlalchemy import Update

from pipeline.ledger import statements
from pipeline.ledger.database import compiled_for

SAID = st.dictionaries(
    st.integers(1, 2**62),
    st.tuples(st.sampled_from(["accepted", "refused"]), st.none() | st.text(max_size=2)),
)


@given(said=SAID)
def test_of_each_key_the_same_is_said_as_before(said: dict[int, tuple[str, str | None]]) -> None:
    """Put together, no key is lost or doubled, and no two lists have the same said of them."""
    together = statements.alike(said.items())
    assert {key: each for keys, each in together for key in orjson.loads(keys)} == said
    assert sum(len(orjson.loads(keys)) for keys, _ in together) == len(said)
    assert len({each for _, each in together}) == len(together)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["SENDING", "MAYBE_SENT", "SETTLED", "ENDED"])
def test_rows_are_found_by_their_keys(tmp_path: Path, name: str) -> None:
    """SQLite looks through no table, nor through all invoices of a run."""
    statement: Update = getattr(statements, name)
    with opened(tmp_path) as ledger, ledger.engine.connect() as connection:
        written, _ = compiled_for(connection.dialect, statement, getattr(statements, f"{name}_NAMES"))
        values = ("[]",) * written.count("?")
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {written}", values)]
    assert steps[0].startswith("SEARCH ")
    assert not steps[0].endswith("(run_id=?)")
    assert [step for step in steps if step.startswith("SCAN ")] == ["SCAN json_each VIRTUAL TABLE INDEX 1:"]
