"""The rows of the workbook's first sheet: the verdict, counts and sums, control sums, files understood."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pipeline.document import Outcome
from pipeline.report.read import RunFacts, answer_text
from pipeline.report.totals import MONEY, Totals
from pipeline.report.words import outcome_label, verdict, words

Row = tuple[str, list[str | int | Decimal | None]]
"""A style (`title`, `verdict`, `header` or `text`) and the cells."""


def summary_rows(run: RunFacts, totals: Totals) -> Iterator[Row]:
    """Every row of the sheet, from top to bottom."""
    yield "title", ["Ropo One run report"]
    yield "verdict", [verdict(run, totals)]
    yield "text", []
    yield from _outcomes(totals)
    yield from _control(totals)
    yield from _aside(totals)
    yield from _run(run)
    yield from _files(run)


def _outcomes(totals: Totals) -> Iterator[Row]:
    yield "header", ["Outcome", "Invoices", "Net", "VAT", "Total", "Meaning"]
    for outcome in Outcome:
        part = totals.outcomes[outcome]
        meaning = words()["outcomes"][outcome]["meaning"]
        yield "text", [outcome_label(outcome), part.count, part.net, part.vat, part.total, meaning]
    whole = totals.whole
    yield "text", ["all", whole.count, whole.net, whole.vat, whole.total]
    yield "text", []


def _control(totals: Totals) -> Iterator[Row]:
    control = totals.control()
    rows = control["rows"]
    yield "header", ["Control sums", "Read and grouped", "Reported", "Agree"]
    reported = rows["in_invoices"] + rows["set_aside"]
    yield "text", ["rows", _known(rows["read"]), reported, _agree(rows["agree"])]
    yield "text", ["rows in two invoices", 0, rows["in_two_invoices"], _agree(not rows["in_two_invoices"])]
    invoices = control["invoices"]
    yield "text", ["invoices", _known(invoices["grouped"]), invoices["by_outcome"], _agree(invoices["agree"])]
    for name in MONEY:
        check = control[name]
        grouped = check["grouped"] and Decimal(check["grouped"])
        yield "text", [name, _known(grouped), Decimal(check["by_outcome"]), _agree(check["agree"])]
    yield "text", []


def _aside(totals: Totals) -> Iterator[Row]:
    yield "header", ["Rows", "Count"]
    yield "text", ["in invoices", totals.rows_in_invoices]
    for reason, count in totals.rows_aside.items():
        yield "text", [f"set aside: {words()['aside'].get(reason, reason)}", count]
    yield "text", []


def _run(run: RunFacts) -> Iterator[Row]:
    yield "header", ["Run", run.id]
    facts = {
        "command": run.command,
        "environment": run.environment,
        **run.facts,
        "started": run.started,
        "finished": run.finished,
        "exit code": run.exit_code,
        "ledger": run.ledger,
    }
    for name, value in facts.items():
        if value not in (None, "", [], {}):
            yield "text", [name.replace("_", " "), answer_text(value)]
    yield "text", []


def _files(run: RunFacts) -> Iterator[Row]:
    for source in run.sources:
        yield "header", ["File", source.get("file"), source.get("sheet")]
        yield "text", ["header row", answer_text(source.get("header_row"))]
        facts: dict[str, Any] = source.get("facts") or {}
        for name, value in facts.items():
            yield "text", [name.replace("_", " "), answer_text(value)]
        for column in source.get("columns") or []:
            yield "text", [f"column at {column.get('column')}", column.get("header"), column.get("field")]
        for column in source.get("ignored") or []:
            nearest = ", ".join(column.get("nearest") or [])
            hint = f"ignored; closest: {nearest}" if nearest else "ignored"
            yield "text", [f"column at {column.get('column')}", column.get("header"), hint]
        yield "text", []


def _known(value: int | Decimal | None) -> str | int | Decimal:
    return "not known" if value is None else value


def _agree(agree: bool | None) -> str:  # noqa: FBT001 - the value itself is what is told
    return {True: "yes", False: "NO", None: "not known"}[agree]
