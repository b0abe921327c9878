"""Turns a run in the ledger into `report.json`, `report.xlsx` and `report.html`.

All are written from the ledger alone, so that a report can be made again after a crash. The invoices
are read once, and nothing is held in memory that grows with their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sqlalchemy import Engine

from pipeline.findings import Finding, Severity
from pipeline.report.as_html import HtmlReport
from pipeline.report.as_json import JsonReport
from pipeline.report.as_workbook import WorkbookReport
from pipeline.report.contents import asides, batches, contents
from pipeline.report.files import whole
from pipeline.report.read import all_went, remarks, rows_aside, run_facts, snapshot
from pipeline.report.totals import Totals
from pipeline.report.words import verdict


class ReportPaths(NamedTuple):
    """Where a report lies, and what its first lines say."""

    json: Path
    workbook: Path
    html: Path
    totals: Totals
    verdict: str


def write_report(engine: Engine, run_id: str, out: Path) -> ReportPaths:
    """Write `report.json`, `report.xlsx` and `report.html` of a run into the folder `out`.

    Each appears whole or not at all.

    Raises:
        KeyError: the ledger has no run of that id.
        OSError: a file could not be written; what stood in its place before still does.
    """
    paths = out / "report.json", out / "report.xlsx", out / "report.html"
    with ExitStack() as stack:
        connection = stack.enter_context(snapshot(engine))
        run = run_facts(connection, run_id)
        out.mkdir(parents=True, exist_ok=True)
        # Beside the files to come, not in /tmp, which may be memory.
        spool = Path(stack.enter_context(TemporaryDirectory(prefix=".report-", dir=out)))
        totals = Totals(rows_aside=rows_aside(connection, run_id), counted=run.counted)
        for_scripts = stack.enter_context(JsonReport(run, spool))
        for_people = stack.enter_context(WorkbookReport(run, spool))
        page = stack.enter_context(
            HtmlReport(
                *(run, spool, batches(connection, run), asides(connection, run)),
                all_went=all_went(connection, run),
            )
        )
        for some in contents(connection, run):
            totals.add_columns(some.lines)
            for_scripts.add_invoices(some.lines)
            for_people.add_invoices(some.lines)
            page.add_invoices(some)
        for remark in remarks(connection, run):
            for_scripts.add_remark(remark)
            for_people.add_remark(remark)
            if remark.invoice is None:
                page.add_remark(remark)
        with whole(paths[0]) as temporary:
            for_scripts.finish(totals, temporary)
        with whole(paths[1]) as temporary:
            for_people.finish(totals, temporary)
        with whole(paths[2]) as temporary:
            page.finish(totals, temporary)
    return ReportPaths(*paths, totals, verdict(run, totals))


def needs_attention(engine: Engine, run_id: str) -> Iterator[Finding]:
    """What needs somebody to act, in the report's order: every error of the run.

    Raises:
        KeyError: the ledger has no run of that id.
    """
    with snapshot(engine) as connection:
        for remark in remarks(connection, run_facts(connection, run_id), (Severity.ERROR,)):
            yield remark.finding
