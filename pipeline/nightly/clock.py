"""The night's clock; another one in tests, in which a week takes seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


def _local() -> datetime:
    return datetime.now().astimezone()


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` with the local time zone, `seconds` that only grow, `wait` for seconds or until `stop` is set."""

    now: Callable[[], datetime] = _local
    seconds: Callable[[], float] = time.monotonic
    stop: threading.Event = field(default_factory=threading.Event)
    wait: Callable[[float], object] | None = None

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        (self.wait or self.stop.wait)(seconds)


def written(moment: datetime) -> str:
    """A time as the journal has it: UTC, ISO 8601, so that texts sort as times do."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
