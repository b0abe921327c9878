"""Reading, building and checking in other processes, here or on a cluster.

Only pure work goes there: it depends on nothing but what it is given and the files, and may be done twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from pipeline.findings import Refusal

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkersLost(Refusal):
    """The processes that were to do the work are gone; what was not sent yet is not."""


class Future(Protocol):
    """What becomes of a piece of work: of `concurrent.futures` or Dask."""

    def result(self) -> Any:
        """Wait for what it gives."""

    def cancel(self) -> Any:
        """Let go of it."""


def in_order(submit: Callable[[Item], Future], items: Iterable[Item], ahead: int) -> Iterator[Any]:
    """The results of the work on each item, in the items' order; at most `ahead` wait for their turn."""
    waiting: deque[Future] = deque()
    try:
        for item in items:
            waiting.append(submit(item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for each in waiting:
            each.cancel()
