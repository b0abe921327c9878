"""SIGTERM and Ctrl-C: the current run is finished, nothing new begun; a second one stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stopped_by_signal(stop: threading.Event, log: FilteringBoundLogger) -> Iterator[None]:
    """Have the first signal set `stop`; the second one ends the process, which is as safe as a power cut."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.getsignal(each) for each in _SIGNALS]

    def restore() -> None:
        for each, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(each, handler)

    def on_signal(number: int, _: object) -> None:
        stop.set()
        restore()
        # A thread of its own: the signal may have come in the middle of writing a line.
        threading.Thread(
            target=log.info, args=("stopping",), kwargs={"signal": signal.Signals(number).name}
        ).start()

    for each in _SIGNALS:
        signal.signal(each, on_signal)
    try:
        yield
    finally:
        restore()
