"""The report on what the ledger itself wrote."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from pipeline.document import Document, Kind
from pipeline.findings import Place, Severity, finding
from pipeline.ledger import open_ledger
from pipeline.report import needs_attention, write_report


def document(billnum: str, *rows: int) -> Document:
    """An invoice with those rows."""
    dataset = {"jobtype": "0", "billnum": billnum, "company": "Matin konepaja Oy", "billdate": "2026-02-02"}
    money = (Decimal("100.00"), Decimal("25.50"), Decimal("125.50"))
    return Document(dataset, Kind.INVOICE, [(0, row) for row in rows], *money)


def test_a_run_of_the_ledger_is_reported_in_full(tmp_path: Path) -> None:
    """Invoices, findings, rows and control sums come through as the ledger keeps them."""
    wrong = document("1002", 5)
    wrong.findings.append(finding("not-sent", Place("a.csv", None, 5, "Postinumero", "F5"), billnum="1002"))
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        run = ledger.begin_run("check", "test-fi", "123", {"version": "0.1.0"}, sends=False)
        run.describe([{"file": "a.csv", "sheet": None, "header_row": 1}])
        run.plan([document("1001", 2, 3, 4), wrong])
        run.set_aside(0, "header", 1, [[1, 1]])
        sums = {"net": "200.00", "vat": "51.00", "total": "251.00"}
        run.finish(1, {"rows_read": 5, "invoices": 2, **sums})
        report = write_report(ledger.engine, run.id, tmp_path / "out")
        attention = list(needs_attention(ledger.engine, run.id))
    made = json.loads(report.json.read_text(encoding="utf-8"))
    assert (
        report.verdict
        == made["verdict"]
        == ("1 of 2 invoices can be sent. Need attention: 1 invalid. This was a check, nothing was sent.")
    )
    assert [(each["billnum"], each["outcome"], len(each["rows"])) for each in made["invoices"]] == [
        ("1001", "not-sent", 3),
        ("1002", "invalid", 1),
    ]
    assert {name: check["agree"] for name, check in made["control"].items() if name != "agree"} == {
        "rows": True,
        "invoices": True,
        "net": True,
        "vat": True,
        "total": True,
    }
    assert [(each.code, each.severity, each.place.cell) for each in attention] == [
        ("not-sent", Severity.ERROR, "F5")
    ]
