"""The night's log: JSON lines by structlog, each with the run's id once there is a run.

The id is that of the report, of the ledger and of the `DataIdentifier` header of every batch.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from pipeline.findings import Finding, Place, refuse
from pipeline.report.causes import Causes
from pipeline.report.totals import Totals
from pipeline.screens.plain import JsonScreen, cleaned, of_finding

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


@contextmanager
def open_log(path: Path | None, now: Callable[[], datetime]) -> Iterator[FilteringBoundLogger]:
    """A log that appends to a file, readable by its owner only, or writes to standard error.

    Raises:
        Refusal: `inbox-folder`: the file cannot be written.
    """
    if path is None:
        yield _log(sys.stderr, now)
        return
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise refuse("inbox-folder", Place(file=str(path)), folder=path, reason=error.strerror) from error
    with os.fdopen(handle, "a", encoding="utf-8", errors="replace", buffering=1) as file:
        yield _log(file, now)


def _log(file: Any, now: Callable[[], datetime]) -> FilteringBoundLogger:
    def at(_: object, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"time": f"{now():%Y-%m-%dT%H:%M:%S%z}", **line}

    def masked(_: object, __: str, line: MutableMapping[str, Any]) -> Any:
        return cleaned(line)

    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(file),
        processors=[
            structlog.processors.add_log_level,
            at,
            masked,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    return log


class NightScreen(JsonScreen):
    """Logs what a run tells, and keeps what its summary needs: `run`, `totals`, `causes`."""

    def __init__(self, log: FilteringBoundLogger, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock=clock)
        self._log = log
        self.totals: Totals | None = None
        self.causes = Causes()

    def begins(self, run: str) -> None:
        """From now on every line has the run's id."""
        super().begins(run)
        self._log = self._log.bind(run=run)

    def outcome_table(self, totals: Totals) -> None:
        """Keep the totals."""
        self.totals = totals
        super().outcome_table(totals)

    def finding_lines(self, findings: Iterable[Finding], limit: int = 20) -> None:
        """Log the first ones; the report has all, and the summary their causes."""
        for number, each in enumerate(findings):
            self.causes.add([each])
            if number < limit:
                self.event("finding", **of_finding(each))

    def event(self, event: str, **facts: Any) -> None:
        """One line of the log."""
        self._log.info(event, **facts)
