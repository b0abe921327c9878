"""The nights in numbers, as a textfile for Prometheus's node exporter; it appears whole or not at all.

What each source's last day came to, when a run last ended well, how old the oldest unknown outcome is.
Sums are whole cents, since Prometheus has binary floating point only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import func, select, text

from pipeline.document import Outcome
from pipeline.ledger import open_ledger
from pipeline.ledger.clock import age
from pipeline.ledger.states import State
from pipeline.ledger.tables import OPEN, document
from pipeline.nightly.attempt import worst
from pipeline.nightly.journal import Journal
from pipeline.report.files import whole


def write_metrics(path: Path, journal: Journal, sources: Iterable[str], ledger: str) -> None:
    """Write the metrics of those sources.

    Raises:
        OSError: the file cannot be written; what stood there before still does.
        Refusal: the ledger cannot be read.
    """
    registry = CollectorRegistry()
    _days(registry, journal, sources)
    _unknown(registry, ledger)
    with whole(path) as temporary:
        temporary.write_bytes(generate_latest(registry))
        temporary.chmod(0o644)  # the node exporter is another user


def _days(registry: CollectorRegistry, journal: Journal, sources: Iterable[str]) -> None:
    code = _gauge(registry, "ropo_exit_code", "Worst exit code of the last day with a run.")
    seconds = _gauge(registry, "ropo_duration_seconds", "How long its runs took.")
    ended = _gauge(registry, "ropo_last_run_timestamp_seconds", "When the last run ended.")
    fine = _gauge(registry, "ropo_last_success_timestamp_seconds", "When a run last ended with 0.")
    documents = _gauge(registry, "ropo_documents", "Documents of the last day with a run.", "outcome")
    cents = _gauge(registry, "ropo_total_cents", "Their sums, VAT included.", "outcome")
    for source in sources:
        runs = journal.last_day(source)
        if success := journal.last_success(source):
            fine.labels(source).set(_timestamp(success))
        if runs:
            code.labels(source).set(worst(each.exit_code or 0 for each in runs))
            seconds.labels(source).set(sum(each.seconds or 0 for each in runs))
            ended.labels(source).set(_timestamp(runs[-1].tried))
        for outcome in Outcome:  # zeros too, so that no old number stays
            parts = [json.loads(each.outcomes)[outcome.value] for each in runs if each.outcomes]
            documents.labels(source, outcome.value).set(sum(part["count"] for part in parts))
            total = sum((Decimal(part["total"]) for part in parts), Decimal(0))
            cents.labels(source, outcome.value).set(int(total * 100))


def _unknown(registry: CollectorRegistry, ledger: str) -> None:
    count = _gauge(
        registry, "ropo_unknown_documents", "Documents with an unknown outcome.", first="environment"
    )
    oldest = _gauge(
        registry, "ropo_unknown_oldest_age_seconds", "Age of the oldest of them.", first="environment"
    )
    column = document.c
    query = (
        select(column.environment, func.count(), func.min(column.updated))
        .where(text(OPEN), column.state == State.UNKNOWN.value)
        .group_by(column.environment)
    )
    environments = select(column.environment).distinct()
    with open_ledger(ledger) as opened, opened.engine.connect() as connection:
        for environment in connection.scalars(environments):
            count.labels(environment).set(0)
            oldest.labels(environment).set(0)
        for environment, number, since in connection.execute(query):
            count.labels(environment).set(number)
            oldest.labels(environment).set(age(since))


def _gauge(
    registry: CollectorRegistry, name: str, help_text: str, *more: str, first: str = "source"
) -> Gauge:
    return Gauge(name, help_text, (first, *more), registry=registry)


def _timestamp(moment: str | None) -> float:
    return datetime.fromisoformat(moment).timestamp() if moment else 0.0
