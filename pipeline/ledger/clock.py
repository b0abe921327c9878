"""The ledger's time: UTC, ISO 8601, to the millisecond, so that texts sort as times do."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The time, as `2026-11-20T02:15:00.123Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def age(moment: str) -> float:
    """Seconds since a moment that `now` wrote."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
