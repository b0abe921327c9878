"""A ledger with a made-up run in it, written through the tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Integer, Table, create_engine, insert

from pipeline.ledger import tables

SOURCES = [
    {
        "file": "laskut.xlsx",
        "path": "/data/vienti #1/Mäki & Co/laskut.xlsx",
        "sheet": "Tammi 'A'",
        "header_row": 3,
        "facts": {"reader": "xlsx"},
        "columns": [{"column": "A3", "header": "Laskunumero", "field": "billnum"}],
        "ignored": [{"column": "F3", "header": "Muistio", "nearest": ["freetext"]}],
    },
    {
        "file": "lisää.csv",
        "path": "/data/lisää.csv",
        "sheet": None,
        "header_row": 1,
        "facts": {"encoding": "windows-1252", "delimiter": ";"},
        "columns": [],
        "ignored": [],
    },
]


class MadeLedger:
    """A ledger of made-up runs."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        tables.metadata.create_all(engine)

    def put(self, table: Table, **values: Any) -> None:
        """Insert a row; columns that must have a value and were not given get one."""
        for column in table.columns:
            if not (column.nullable or column.primary_key):
                values.setdefault(column.name, 0 if isinstance(column.type, Integer) else "x")
        with self.engine.begin() as connection:
            connection.execute(insert(table).values(**values))

    def run(self, run_id: str = "20261120T021500-3f9a", **values: Any) -> str:
        """A run; what is not given is that of one that went well."""
        facts = values.pop("facts", {"version": "0.1.0", "country": "fi", "base_url": "https://rc.ropo24.fi"})
        totals = values.pop("totals", None)
        defaults = {
            "command": "run",
            "environment": "test-fi",
            "cid": "123",
            "started": "2026-11-20T02:15:00Z",
            "finished": "2026-11-20T02:16:10Z",
            "exit_code": 0,
            "sources": json.dumps(SOURCES),
        }
        self.put(
            tables.run,
            id=run_id,
            facts=json.dumps(facts),
            totals=None if totals is None else json.dumps(totals),
            **{**defaults, **values},
        )
        return run_id

    def document(self, run_id: str, key: int, state: str, **values: Any) -> int:
        """A document of the ledger."""
        payload = values.pop("payload", None)
        self.put(
            tables.document,
            **{
                "id": key,
                "identity": str(key),
                "run_id": run_id,
                "changed_by": run_id,
                "state": state,
                **values,
            },
        )
        if payload is not None:
            self.put(tables.content, document_id=key, payload=payload)
        return key

    def invoice(self, run_id: str, number: int, outcome: str, **values: Any) -> None:
        """An invoice of a run; its rows are where its number says unless given."""
        rows = values.pop("rows", [[0, number, number]])
        defaults = {
            "kind": "invoice",
            "billnum": f"{1000 + number}",
            "jobtype": "0",
            "customer": "Matin konepaja Oy",
            "billdate": "2026-11-01",
            "net": "100.00",
            "vat": "25.50",
            "total": "125.50",
        }
        self.put(
            tables.invoice,
            run_id=run_id,
            number=number,
            outcome=outcome,
            rows=json.dumps(rows),
            **{**defaults, **values},
        )

    def finding(self, run_id: str, number: int, invoice: int | None, **values: Any) -> None:
        """A finding of a run."""
        defaults = {
            "code": "postcode-form",
            "severity": "error",
            "file": "laskut.xlsx",
            "sheet": "Tammi 'A'",
            "row": 12,
            "column": "Postinumero",
            "cell": "F12",
            "field": "postcode",
            "value": "7010",
            "message": "This is not a Finnish postcode: 7010",
            "remedy": "Write its five digits.",
            "billnum": None if invoice is None else f"{1000 + invoice}",
        }
        self.put(
            tables.finding, run_id=run_id, number=number, invoice_number=invoice, **{**defaults, **values}
        )

    def aside(self, run_id: str, source: int, reason: str, rows: int) -> None:
        """Rows set aside."""
        self.put(tables.aside, run_id=run_id, source=source, reason=reason, rows=rows, first_rows="[]")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[MadeLedger]:
    """An empty ledger in a file."""
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield MadeLedger(engine)
    engine.dispose()


@pytest.fixture
def night(ledger: MadeLedger) -> str:
    """A run with one invoice of every outcome, findings and rows set aside; its id."""
    run = ledger.run(
        exit_code=3,
        totals={"rows_read": 14, "invoices": 7, "net": "700.00", "vat": "178.50", "total": "878.50"},
    )
    answers = {
        4: ("accepted", {"jobid": 900004}),
        5: ("accepted", {"jobid": 900005}),
        6: ("refused", {"error": "Postcode and city differ"}),
        7: ("accepted", {"jobid": 900007}),
        8: ("unknown", None),
        9: ("planned", None),
    }
    for number, (state, answer) in answers.items():
        ledger.document(
            run,
            number,
            state,
            jobid=str(answer["jobid"]) if answer and "jobid" in answer else None,
            answer=answer and json.dumps(answer),
        )
    ledger.invoice(run, 4, "accepted", document_id=4, rows=[[0, 4, 6], [1, 2, 2]])
    ledger.invoice(run, 5, "already-accepted", document_id=5, rows=[[0, 7, 7]])
    ledger.invoice(run, 6, "refused", document_id=6, rows=[[0, 8, 8]])
    ledger.invoice(run, 7, "conflict", document_id=7, rows=[[0, 9, 9]])
    ledger.invoice(run, 8, "unknown", document_id=8, rows=[[0, 10, 10]], customer=None)
    ledger.invoice(run, 9, "not-sent", document_id=9, rows=[[0, 11, 11]])
    ledger.invoice(run, 10, "invalid", billnum=None, rows=[[0, 12, 12]], customer="=cmd|'/c calc'!A1")
    ledger.finding(run, 1, 10)
    ledger.finding(run, 2, 10, cell="G12", code="date-form", value="-1")
    ledger.finding(run, 3, 10, cell="H12", code="date-form", value="@x")
    ledger.finding(run, 4, 7, code="conflict", cell=None, row=9, column=None, field=None, value=None)
    ledger.finding(run, 5, 4, severity="repair", code="postcode-zeros", cell="F4", row=4)
    ledger.finding(
        run,
        6,
        None,
        severity="warning",
        code="column-ignored",
        file="lisää.csv",
        sheet=None,
        row=None,
        cell=None,
    )
    ledger.aside(run, 0, "title", 2)
    ledger.aside(run, 0, "header", 1)
    ledger.aside(run, 1, "header", 1)
    return run
