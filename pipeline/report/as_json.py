"""Writes `report.json` (its schema: `schemas/report.json`), one invoice or finding a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import copyfileobj
from typing import Any, Self

import orjson

from pipeline.ledger.life import Life
from pipeline.report.columns import Columns, json_lists, json_texts
from pipeline.report.files import BUFFER, Entries
from pipeline.report.read import Remark, RunFacts
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

    def add_invoices(self, lines: Columns) -> None:
        """Add the next invoices."""
        self._invoices.add_all(list(_invoices(self._run, lines)))

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


def _invoices(run: RunFacts, lines: Columns) -> Iterator[str]:
    """Each invoice as JSON."""
    columns = zip(
        lines.number,
        *map(json_texts, (lines.kind, lines.billnum, lines.jobtype, lines.customer, lines.billdate)),
        *map(json_texts, (lines.outcome, lines.jobid)),
        ["null" if each is None else orjson.dumps(each).decode() for each in lines.answer],
        *map(json_texts, (lines.net, lines.vat, lines.total)),
        list(_rows(run, lines.rows)),
        json_lists(lines.codes),
        [f',"life":{orjson.dumps(_life(life)).decode()}' if life else "" for life in lines.life],
        strict=True,
    )
    for each in columns:
        (number, kind, billnum, jobtype, customer, billdate, outcome, jobid, answer, *rest) = each
        net, vat, total, rows, codes, life = rest
        yield (
            f'{{"number":{number},"kind":{kind},"billnum":{billnum},"jobtype":{jobtype},'
            f'"customer":{customer},"billdate":{billdate},"outcome":{outcome},"jobid":{jobid},'
            f'"answer":{answer},"net":{net},"vat":{vat},"total":{total},"rows":[{rows}],'
            f'"findings":{codes}{life}}}'
        )


def _rows(run: RunFacts, rows: Sequence[list[list[int]]]) -> Iterator[str]:
    """Of each invoice, its rows as JSON."""
    heads: dict[int, str] = {}
    for ranges in rows:
        told = []
        for source, first, last in ranges:
            head = heads.get(source)
            if head is None:
                file, sheet = json_texts(run.where(source))
                head = heads[source] = f'{{"file":{file},"sheet":{sheet},"row":'
            told += [f"{head}{row}}}" for row in range(first, last + 1)]
        yield ",".join(told)


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
