"""What is said of invoices that did not go though no recorded finding tells why."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

from pipeline.document import Outcome
from pipeline.ledger import tables
from pipeline.ledger.life import Stage
from pipeline.report import needs_attention, write_report

STORIES = [*product(Outcome, ("error", "warning", None), ((), (Stage.REFUSED,), (Stage.REFUSED, Stage.PAID)))]
"""How it ended, what was recorded of it, and what was heard of it later."""


def test_the_findings_are_those_that_the_invoices_name(ledger: Any, tmp_path: Path) -> None:
    """Findings are found by what SQL says of an invoice, codes by looking at each one: they agree."""
    run = ledger.run()
    for number, (outcome, severity, stages) in enumerate(STORIES, 1):
        ledger.document(run, number, "accepted")
        ledger.invoice(run, number, outcome.value, document_id=number)
        if severity:
            ledger.finding(run, number, number, severity=severity)
        for day, stage in enumerate(stages, 1):
            ledger.put(
                tables.status_update, document_id=number, at=f"2026-11-0{day}", stage=stage.value, words="x"
            )
    made = json.loads(write_report(ledger.engine, run, tmp_path).json.read_text(encoding="utf-8"))
    named = {(each["number"], code) for each in made["invoices"] for code in each["findings"]}
    assert {(each["invoice"], each["code"]) for each in made["findings"]} == named
    assert len(made["findings"]) == len(named)
    assert {code for _, code in named} == {
        *("postcode-form", "refused-by-service", "outcome-unknown", "not-sent", "sent-with-other-content"),
        *("invalid-unexplained", "refused-later"),
    }
    errors = [each["message"] for each in made["findings"] if each["severity"] == "error"]
    assert [each.message for each in needs_attention(ledger.engine, run)] == errors
