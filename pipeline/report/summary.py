"""The rows of the workbook's first sheet: the verdict, counts and sums, control sums, files understood."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pipeline.document import Outcome
from pipeline.language import translate
from pipeline.report.read import RunFacts, answer_text
from pipeline.report.totals import MONEY, Totals
from pipeline.report.words import outcome_label, stage_label, verdict, words

Row = tuple[str, list[str | int | Decimal | None]]
"""A style (`title`, `verdict`, `header` or `text`) and the cells."""


def summary_rows(run: RunFacts, totals: Totals) -> Iterator[Row]:
    """Every row of the sheet, from top to bottom."""
    yield "title", [translate("Ropo One run report")]
    yield "verdict", [verdict(run, totals)]
    yield "text", []
    yield from _outcomes(totals)
    yield from _lives(totals)
    yield from _control(totals)
    yield from _aside(totals)
    yield from _run(run)
    yield from _files(run)


def _outcomes(totals: Totals) -> Iterator[Row]:
    yield "header", [translate(title) for title in ("Outcome", "Invoices", "Net", "VAT", "Total", "Meaning")]
    for outcome in Outcome:
        part = totals.outcomes[outcome]
        meaning = words()["outcomes"][outcome]["meaning"]
        yield "text", [outcome_label(outcome), part.count, part.net, part.vat, part.total, meaning]
    whole = totals.whole
    yield "text", [translate("all"), whole.count, whole.net, whole.vat, whole.total]
    yield "text", []


def _lives(totals: Totals) -> Iterator[Row]:
    if totals.lives:
        yield "header", [translate("Since then"), translate("Invoices")]
        for stage in totals.stages:
            yield "text", [stage_label(stage), totals.lives[stage]]
        yield "text", []


def _control(totals: Totals) -> Iterator[Row]:
    control = totals.control()
    rows = control["rows"]
    yield "header", [translate(title) for title in ("Control sums", "Read and grouped", "Reported", "Agree")]
    reported = rows["in_invoices"] + rows["set_aside"]
    yield "text", [translate("rows"), _known(rows["read"]), reported, _agree(rows["agree"])]
    yield (
        "text",
        [translate("rows in two invoices"), 0, rows["in_two_invoices"], _agree(not rows["in_two_invoices"])],
    )
    invoices = control["invoices"]
    yield (
        "text",
        [
            translate("invoices"),
            _known(invoices["grouped"]),
            invoices["by_outcome"],
            _agree(invoices["agree"]),
        ],
    )
    for name in MONEY:
        check = control[name]
        grouped = check["grouped"] and Decimal(check["grouped"])
        yield "text", [translate(name), _known(grouped), Decimal(check["by_outcome"]), _agree(check["agree"])]
    yield "text", []


def _aside(totals: Totals) -> Iterator[Row]:
    yield "header", [translate("Rows"), translate("Count")]
    yield "text", [translate("in invoices"), totals.rows_in_invoices]
    for reason, count in totals.rows_aside.items():
        yield (
            "text",
            [
                translate("set aside: {reason}", reason=words()["aside"].get(reason, reason)),
                count,
            ],
        )
    yield "text", []


def _run(run: RunFacts) -> Iterator[Row]:
    yield "header", [translate("Run"), run.id]
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
            yield "text", [translate(name.replace("_", " ")), translate(answer_text(value))]
    yield "text", []


def _files(run: RunFacts) -> Iterator[Row]:
    for source in run.sources:
        yield "header", [translate("File"), source.get("file"), source.get("sheet")]
        yield "text", [translate("header row"), answer_text(source.get("header_row"))]
        facts: dict[str, Any] = source.get("facts") or {}
        for name, value in facts.items():
            yield "text", [translate(name.replace("_", " ")), translate(answer_text(value))]
        for column in source.get("columns") or []:
            yield (
                "text",
                [
                    translate("column at {cell}", cell=column.get("column")),
                    column.get("header"),
                    column.get("field"),
                ],
            )
        for column in source.get("ignored") or []:
            nearest = ", ".join(column.get("nearest") or [])
            hint = translate("ignored; closest: {names}", names=nearest) if nearest else translate("ignored")
            yield (
                "text",
                [translate("column at {cell}", cell=column.get("column")), column.get("header"), hint],
            )
        yield "text", []


def _known(value: int | Decimal | None) -> str | int | Decimal:
    return translate("not known") if value is None else value


def _agree(agree: bool | None) -> str:  # noqa: FBT001 - the value itself is what is told
    return {True: translate("yes"), False: translate("NO"), None: translate("not known")}[agree]
