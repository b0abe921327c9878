"""The fast way of reading and writing many invoices, held against the obvious one."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pipeline.document import Outcome
from pipeline.ledger.life import Life, Stage
from pipeline.report.as_json import JsonReport, _life
from pipeline.report.columns import Columns, json_lists, json_texts
from pipeline.report.contents import contents
from pipeline.report.read import InvoiceLine, RunFacts, invoices, run_facts, snapshot
from pipeline.report.totals import Totals

TEXTS = (
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from('"\\\n\x7f')
)
MONEY = st.decimals(-(10**9), 10**9, places=2, allow_nan=False).map(lambda each: format(each, "f"))
RANGES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(10, 12)).map(list), max_size=3)
LIVES = st.sampled_from([None, Life(Stage.PAID, "2026-11-02", "Maksettu", {Stage.PAID: ["2026-11-02"]})])
LINES = st.builds(
    InvoiceLine,
    *(st.integers(0, 2**53), st.sampled_from(["invoice", "payment"]), TEXTS, TEXTS, TEXTS, TEXTS),
    *(st.sampled_from(Outcome), MONEY, MONEY, MONEY, RANGES, TEXTS),
    st.sampled_from([None, "", {}, [], 0, {"jobid": 1, "reference": "å\n"}]),
    *(st.lists(st.sampled_from(["date-form", "not-sent"]), unique=True), st.booleans(), LIVES),
)
RUN = RunFacts(
    *("1", "run", "test-fi", "2026-11-20T02:15:00Z", None, None, {}),
    [{"file": 'a "b".csv', "sheet": None}, {"file": "ä.xlsx", "sheet": "Tammi"}],
    *({}, "sqlite://"),
)


def columns_of(lines: list[InvoiceLine]) -> Columns:
    """The same invoices by column."""
    return Columns(*zip(*lines, strict=True))


def obvious_json(line: InvoiceLine) -> dict[str, Any]:
    """An invoice as `report.json` has it."""
    told = line._asdict()
    names = ("number", "kind", "billnum", "jobtype", "customer", "billdate", "outcome", "jobid", "answer")
    rows = [
        dict(zip(("file", "sheet", "row"), (*RUN.where(source), row), strict=True))
        for source, first, last in line.rows
        for row in range(first, last + 1)
    ]
    life = {"life": _life(line.life)} if line.life else {}
    sums = {name: told[name] for name in ("net", "vat", "total")}
    return {**{name: told[name] for name in names}, **sums, "rows": rows, "findings": line.codes, **life}


@given(st.lists(LINES, min_size=1, max_size=5))
def test_invoices_are_written_as_one_by_one(lines: list[InvoiceLine]) -> None:
    """The bytes of `report.json` are those that orjson makes of each invoice."""
    with TemporaryDirectory() as spool, JsonReport(RUN, Path(spool)) as report:
        report.add_invoices(columns_of(lines[:2]))
        if lines[2:]:
            report.add_invoices(columns_of(lines[2:]))
        report.finish(Totals(), Path(spool) / "report.json")
        made = (Path(spool) / "report.json").read_bytes()
    written = made.partition(b'"invoices": [')[2].partition(b'],\n  "findings": [')[0]
    expected = b",".join(b"\n    " + orjson.dumps(obvious_json(line)) for line in lines)
    assert written == expected + b"\n  "


@given(st.lists(TEXTS), st.lists(st.lists(TEXTS)))
def test_columns_are_json_as_each_value_is(texts: list[str | None], lists: list[list[str | None]]) -> None:
    """Texts and lists come out as orjson writes them, whatever stands beside them."""
    assert json_texts(texts) == [orjson.dumps(each).decode() for each in texts]
    assert json_lists(lists) == [orjson.dumps(each).decode() for each in lists]


@given(st.lists(LINES, min_size=1, max_size=8))
def test_totals_of_many_are_those_of_each(lines: list[InvoiceLine]) -> None:
    """Adding invoices by column gives the sums, rows and lives of adding one after the other."""
    one_by_one, together = Totals(), Totals()
    for line in lines:
        one_by_one.add(line.outcome, line.net, line.vat, line.total, line.rows)
        one_by_one.lives.update([line.life.stage] if line.life else [])
    together.add_columns(columns_of(lines))
    assert together == one_by_one


def test_columns_hold_the_very_invoices(ledger: Any, night: str) -> None:
    """Read by column, an invoice has the same fields as read by itself."""
    with snapshot(ledger.engine) as connection:
        run = run_facts(connection, night)
        by_column = [
            InvoiceLine(*fields) for some in contents(connection, run) for fields in some.lines.fields()
        ]
        assert by_column == list(invoices(connection, run))
        assert len(by_column) == 7
