"""A second process on this machine, which builds and checks while this one plans, sends and reads.

Measured on 2 cores: see `benchmarks/README.md`.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context, parent_process

import pyarrow as pa

from pipeline.findings import finding
from pipeline.workers import WorkersLost, in_order
from pipeline.workers.part import Ready, Terms, check_part, unpacked

_AHEAD = 1
"""Parts that are ready or under way while one is planned: each some 6 MB of rows, 4 of documents."""


class Helper:
    """The second process."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def checked(self, parts: Iterable[Sequence[pa.Table]], basis: Callable[[], Terms]) -> Iterator[Ready]:
        """What is ready of the parts, in their order; the basis is known when the first part is.

        Raises:
            WorkersLost: the process has died.
        """
        packed = cache(lambda: pickle.dumps(basis()))
        try:
            yield from unpacked(
                in_order(lambda part: self._pool.submit(check_part, part, packed()), parts, _AHEAD)
            )
        except BrokenProcessPool:
            raise WorkersLost(finding("helper-lost")) from None


@contextmanager
def helper() -> Iterator[Helper]:
    """A second process, which starts at once and ends with the context, or with this process."""
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin)
    try:
        pool.submit(os.getpid)
        yield Helper(pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Leave signals to the first process, which finishes what is under way; but never outlive it."""
    import gc  # noqa: PLC0415

    gc.set_threshold(400_000, 20, 100)  # as the first process
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)
