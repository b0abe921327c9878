"""A second process on this machine, which builds and checks while this one plans, sends and reads.

Measured on 2 cores: see `benchmarks/README.md`.
"""

from __future__ import annotations

import concurrent.futures
import os
import pickle
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache, partial
from itertools import cycle
from multiprocessing import get_context, parent_process
from typing import IO, Any

from pipeline.columns.layouts import Layout
from pipeline.findings import finding
from pipeline.language import language
from pipeline.rows.gather import Span, tables_at
from pipeline.rows.named import Intake
from pipeline.workers import Future, WorkersLost, in_order
from pipeline.workers.part import Part, Ready, Terms, check_part, unpacked
from pipeline.workers.reading import (
    Dealt,
    Task,
    in_turn,
    of_stretch,
    read_into,
    read_stretch_rows,
)

STRETCH = 4_000_000
"""Bytes of a text file that are read in one go: a fraction of a second's work."""

_AHEAD = 1
"""Parts that are ready or under way while one is planned: each some 6 MB of rows, 4 of documents."""


class Helper:
    """The second process; rows lie meanwhile in `file`, which has no name and is gone with this process."""

    def __init__(self, pool: Executor, file: IO[bytes]) -> None:
        self._pool = pool
        self._file = file

    def read(
        self, layouts: Sequence[Layout], parts: int, on_progress: Callable[[float], None]
    ) -> Iterator[tuple[Intake, list[Dealt]]]:
        """Read the tables in turn, every second stretch of a text file in the second process.

        Args:
            layouts: of the tables.
            parts: how many parts their rows are dealt to.
            on_progress: told the share that is done.

        Raises:
            Refusal: a file has changed.
            WorkersLost: the process has died.
        """
        spoken, turns = language(), cycle((True, False))

        def begun(task: Task) -> Future:
            layout, stretch, is_first = task
            if next(turns):
                read = partial(read_stretch_rows, is_first=is_first)
                return self._pool.submit(read, layout, stretch, parts, spoken)
            return _done(read_into(self._file, of_stretch(layout, stretch), parts, is_first=is_first))

        def results_of(tasks: Sequence[Task]) -> Iterator[Dealt]:
            return map(self._kept, _unless_lost(in_order(begun, tasks, _AHEAD)))

        def whole(layout: Layout) -> Dealt:
            return read_into(self._file, layout, parts)

        yield from in_turn(layouts, STRETCH, results_of, whole, on_progress)

    def checked(self, parts: Iterable[Part], terms: Callable[[], Terms]) -> Iterator[Ready]:
        """What is ready of the parts, in their order; the terms are known when the first part is.

        Raises:
            WorkersLost: the process has died.
        """
        packed = cache(lambda: pickle.dumps(terms()))
        spans = ([span for _, own in part for span in own] for part in parts)
        tables = ([*tables_at(self._file, own)] for own in spans)
        found = in_order(lambda part: self._pool.submit(check_part, part, packed()), tables, _AHEAD)
        yield from unpacked(_unless_lost(found))

    def _kept(self, result: Dealt | tuple[Dealt, bytes]) -> Dealt:
        """What was read, with its rows in the file: those that were handed over are put there."""
        if isinstance(result, Dealt):
            return result
        dealt, rows = result
        begin = self._file.seek(0, 2)
        self._file.write(rows)
        dealt.places = [[Span(begin + at, length) for at, length in own] for own in dealt.places]
        return dealt


@contextmanager
def helper() -> Iterator[Helper]:
    """A second process, which starts at once and ends with the context, or with this process."""
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin)
    try:
        pool.submit(_warm)
        with tempfile.TemporaryFile(prefix="ropo-pipeline-") as file:
            yield Helper(pool, file)
    finally:
        pool.shutdown(cancel_futures=True)


def _unless_lost(results: Iterator[Any]) -> Iterator[Any]:
    """The results.

    Raises:
        WorkersLost: the process has died.
    """
    try:
        yield from results
    except BrokenProcessPool:
        raise WorkersLost(finding("helper-lost")) from None


def _done(result: Dealt) -> Future:
    done: concurrent.futures.Future[Dealt] = concurrent.futures.Future()
    done.set_result(result)
    return done


def _warm() -> None:
    """Nothing: what has to be imported is, by asking for it."""


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
