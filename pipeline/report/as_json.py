"""Writes `report.json` (its schema: `schemas/report.json`), one invoice or finding a line."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfileobj
from typing import Any, Self

import orjson

from pipeline.ledger.life import Life
from pipeline.report.files import BUFFER, Entries
from pipeline.report.read import InvoiceLine, Remark, RunFacts
from pipeline.report.totals import Totals
from pipeline.report.words import verdict


class JsonReport:
    """The report for scripts; the same ledger gives the same bytes.

    Invoices and findings wait in two files of the folder `spool` until `finish`, because the totals,
    which are known last, stand first. A context manager, which closes these files.
    """

    def __init__(self, run: RunFacts, spool: Path) -> None:
        self._run = run
        self._invoices = Entries(spool / "invoices", b"    ")
        self._findings = Entries(spool / "findings", b"    ")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._invoices.close()
        self._findings.close()

    def add_invoice(self, line: InvoiceLine) -> None:
        """Add the next invoice."""
        self._invoices.add(orjson.dumps(_invoice(self._run, line)))

    def add_remark(self, remark: Remark) -> None:
        """Add the next finding."""
        self._findings.add(orjson.dumps(_finding(remark)))

    def finish(self, totals: Totals, path: Path) -> None:
        """Write the whole report to `path`."""
        head = {
            "format": 1,
            "verdict": verdict(self._run, totals),
            "run": run_as_dict(self._run),
            "inputs": self._run.sources,
            "totals": totals.as_dict(),
            "control": {**totals.control(), "agree": totals.agree},
        }
        with path.open("wb", buffering=BUFFER) as file:
            file.write(orjson.dumps(head, option=orjson.OPT_INDENT_2).removesuffix(b"\n}"))
            for name, lines in (("invoices", self._invoices), ("findings", self._findings)):
                file.write(b',\n  "%b": [' % name.encode())
                copyfileobj(lines.read(), file, BUFFER)
                file.write(b"\n  ]")
            file.write(b"\n}\n")


def run_as_dict(run: RunFacts) -> dict[str, Any]:
    """The `run` of `report.json`: what it recorded when it began, and how it went."""
    return {
        "id": run.id,
        "command": run.command,
        "environment": run.environment,
        "version": None,
        "country": None,
        "base_url": None,
        **run.facts,
        "ledger": run.ledger,
        "started": run.started,
        "finished": run.finished,
        "exit_code": run.exit_code,
    }


def _invoice(run: RunFacts, line: InvoiceLine) -> dict[str, Any]:
    return {
        "number": line.number,
        "kind": line.kind,
        "billnum": line.billnum,
        "jobtype": line.jobtype,
        "customer": line.customer,
        "billdate": line.billdate,
        "outcome": line.outcome,
        "jobid": line.jobid,
        "answer": line.answer,
        "net": line.net,
        "vat": line.vat,
        "total": line.total,
        "rows": [
            {"file": file, "sheet": sheet, "row": row}
            for source, first, last in line.rows
            for file, sheet in (run.where(source),)
            for row in range(first, last + 1)
        ],
        "findings": line.codes,
        **({"life": _life(line.life)} if line.life else {}),
    }


def _life(life: Life) -> dict[str, Any]:
    return {**life._asdict(), "days": {stage.value: days for stage, days in life.days.items()}}


def _finding(remark: Remark) -> dict[str, Any]:
    found, place = remark.finding, remark.finding.place
    return {
        "code": found.code,
        "severity": found.severity,
        "file": place.file,
        "sheet": place.sheet,
        "row": place.row,
        "column": place.column,
        "cell": place.cell,
        "field": found.field,
        "value": found.value,
        "message": found.message,
        "remedy": found.remedy,
        "billnum": found.billnum,
        "invoice": remark.invoice,
    }
