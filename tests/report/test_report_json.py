"""`report.json`: the contract for scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sqlalchemy import make_url, update

from pipeline.ledger import tables
from pipeline.ledger.recording import shown_url
from pipeline.report import write_report
from pipeline.resources import schemas_folder

GOLDEN = Path(__file__).parent / "golden.json"


def report(ledger: Any, run_id: str, out: Path) -> Any:
    """The report of a run, read back."""
    return json.loads(write_report(ledger.engine, run_id, out).json.read_text(encoding="utf-8"))


def invoice(ledger: Any, run_id: str, out: Path) -> Any:
    """The only invoice of a run's report."""
    (only,) = report(ledger, run_id, out)["invoices"]
    return only


def test_the_report_of_a_mixed_night_is_the_golden_one(ledger: Any, night: str, tmp_path: Path) -> None:
    """Every outcome, finding, count and sum stands where the contract says."""
    made = report(ledger, night, tmp_path / "out")
    assert made["run"].pop("ledger") == f"sqlite:///{tmp_path}/ledger.sqlite"
    assert made == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_report_fits_its_schema(ledger: Any, night: str, tmp_path: Path) -> None:
    """What is written is what the schema promises, and the schema is one."""
    schema = json.loads((schemas_folder() / "report.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(report(ledger, night, tmp_path / "out"))


def test_the_same_ledger_gives_the_same_bytes(ledger: Any, night: str, tmp_path: Path) -> None:
    """A report made again differs in nothing."""
    first = write_report(ledger.engine, night, tmp_path / "first")
    again = write_report(ledger.engine, night, tmp_path / "again")
    assert first.json.read_bytes() == again.json.read_bytes()
    assert first.workbook.read_bytes() == again.workbook.read_bytes()


def test_an_unfinished_run_still_has_a_report(ledger: Any, tmp_path: Path) -> None:
    """After a crash the report says so, and what was not counted is null, not a guess."""
    run = ledger.run(finished=None, exit_code=None, sources=None)
    ledger.invoice(run, 4, "not-sent")
    made = report(ledger, run, tmp_path)
    assert made["verdict"] == (
        "The run was interrupted before its end. 0 of 1 invoices are with the service. "
        "Need attention: 1 not sent."
    )
    assert made["run"]["exit_code"] is None
    assert made["totals"]["rows_read"] is None
    assert made["control"]["rows"]["agree"] is None
    assert made["invoices"][0]["rows"] == [{"file": None, "sheet": None, "row": 4}]


def test_an_invoice_that_was_being_sent_when_the_run_died_is_unknown(ledger: Any, tmp_path: Path) -> None:
    """The ledger's word `sending` weighs more than the outcome that was never written."""
    run = ledger.run(finished=None, exit_code=None)
    ledger.document(run, 1, "sending")
    ledger.invoice(run, 4, "not-sent", document_id=1)
    made = report(ledger, run, tmp_path)
    assert made["invoices"][0]["outcome"] == "unknown"
    assert made["totals"]["outcomes"]["unknown"]["count"] == 1
    assert [found["code"] for found in made["findings"]] == ["outcome-unknown"]


def test_what_a_later_run_is_sending_is_not_this_runs_doing(ledger: Any, tmp_path: Path) -> None:
    """An invoice that this run did not send stays not sent, whatever another run does with it."""
    run, later = ledger.run("1"), ledger.run("2")
    ledger.document(later, 1, "sending")
    ledger.invoice(run, 4, "not-sent", document_id=1)
    assert invoice(ledger, run, tmp_path)["outcome"] == "not-sent"


@pytest.mark.parametrize("outcome", ["conflict", "invalid", "not-sent"])
def test_another_documents_answer_is_not_shown_as_this_invoices(
    ledger: Any, tmp_path: Path, outcome: str
) -> None:
    """The job id in the ledger is that of what was sent before, not of this content."""
    run = ledger.run()
    ledger.document(run, 1, "accepted", jobid="77", answer='{"jobid": 77}')
    ledger.invoice(run, 4, outcome, document_id=1)
    made = invoice(ledger, run, tmp_path)
    assert (made["jobid"], made["answer"]) == (None, None)


def test_a_recorded_reason_is_not_told_twice(ledger: Any, tmp_path: Path) -> None:
    """An invoice with an error finding of its own gets no general one."""
    run = ledger.run()
    ledger.invoice(run, 4, "refused")
    ledger.finding(run, 1, 4, code="duplicate-at-service")
    made = report(ledger, run, tmp_path)
    assert [found["code"] for found in made["findings"]] == ["duplicate-at-service"]
    assert made["invoices"][0]["findings"] == ["duplicate-at-service"]


def test_a_warning_is_no_reason_for_not_being_sent(ledger: Any, tmp_path: Path) -> None:
    """An invoice that did not go has an error finding, even when it also has a warning."""
    run = ledger.run()
    ledger.invoice(run, 4, "not-sent")
    ledger.finding(run, 1, 4, code="vat-rate", severity="warning")
    assert invoice(ledger, run, tmp_path)["findings"] == ["vat-rate", "not-sent"]


def test_a_check_needs_no_excuse_for_not_sending(ledger: Any, tmp_path: Path) -> None:
    """`check` sends nothing, so an invoice in order has no finding."""
    run = ledger.run(command="check")
    ledger.invoice(run, 4, "not-sent")
    made = report(ledger, run, tmp_path)
    assert made["findings"] == []
    assert made["verdict"] == (
        "Every invoice can be sent: 1 of 1, total 125.50. This was a check, nothing was sent."
    )


def test_the_services_own_words_are_told(ledger: Any, tmp_path: Path) -> None:
    """A refusal's message is what the service answered."""
    run = ledger.run()
    ledger.document(
        run, 1, "refused", answer='{"error": "Postcode and city differ", "ids": [1, 2], "x": null}'
    )
    ledger.invoice(run, 4, "refused", document_id=1)
    (found,) = report(ledger, run, tmp_path)["findings"]
    assert found["message"] == "The service refused this invoice: error: Postcode and city differ; ids: 1, 2."
    assert (found["file"], found["sheet"], found["row"]) == ("laskut.xlsx", "Tammi 'A'", 4)


def test_no_personal_identity_code_reaches_the_report(ledger: Any, tmp_path: Path) -> None:
    """Whatever text of the ledger holds one, the files do not."""
    code = "131052-308T"
    run = ledger.run(facts={"profile": f"{code}.toml"}, sources=json.dumps([{"file": f"{code}.csv"}]))
    ledger.document(run, 1, "refused", answer=json.dumps({f"for {code}": [f"no {code}"]}))
    ledger.invoice(run, 4, "refused", document_id=1, customer=f"Teppo {code}")
    ledger.finding(run, 1, 4, value=code, message=f"not {code}", remedy=f"see {code}", file=f"{code}.csv")
    paths = write_report(ledger.engine, run, tmp_path / "out")
    assert code not in paths.json.read_text(encoding="utf-8")
    assert "Teppo [personal identity code]" in paths.json.read_text(encoding="utf-8")


def test_a_ledgers_password_is_not_shown() -> None:
    """The report names the ledger without its secrets."""
    url = make_url("postgresql://robot:hunter2@db:5432/ledger?password=hunter3&sslmode=require")
    assert shown_url(url) == "postgresql://robot:***@db:5432/ledger?sslmode=require"


def test_a_run_that_the_ledger_does_not_know_has_no_report(ledger: Any, tmp_path: Path) -> None:
    """Nothing is written for it."""
    with pytest.raises(KeyError, match="no-such-run"):
        write_report(ledger.engine, "no-such-run", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_report_appears_whole_or_not_at_all(ledger: Any, night: str, tmp_path: Path) -> None:
    """When making it anew fails, the earlier files stand as they were and nothing else lies about."""
    before = {
        path.name: path.read_bytes() for path in write_report(ledger.engine, night, tmp_path / "out")[:3]
    }
    with ledger.engine.begin() as connection:
        connection.execute(update(tables.invoice).where(tables.invoice.c.number == 10).values(rows="damaged"))
    with pytest.raises(json.JSONDecodeError):
        write_report(ledger.engine, night, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
