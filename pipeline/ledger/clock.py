"""The ledger's time: UTC, ISO 8601, to the millisecond, so that texts sort as times do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now(ahead: float = 0.0) -> str:
    """The time so many seconds from now, as `2026-11-20T02:15:00.123Z`."""
    moment = datetime.now(UTC) + timedelta(seconds=ahead)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def age(moment: str) -> float:
    """Seconds since a moment that `now` wrote."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
