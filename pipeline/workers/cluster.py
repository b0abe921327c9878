"""A Dask cluster that reads, builds and checks: on this machine, or a running one.

Rows travel through files in a folder that every process sees, so that neither the scheduler nor this
process holds them. A task that was lost with its worker is run again by Dask: into another file.
"""

from __future__ import annotations

import logging
import os
import pickle
import re
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import __version__
from pipeline.columns.layouts import Layout, tables_of
from pipeline.findings import Place, Refusal, finding, refuse
from pipeline.language import language
from pipeline.rows.named import Intake
from pipeline.workers import Future, WorkersLost, in_order
from pipeline.workers.part import Part, Ready, Terms, check_spilt, unpacked
from pipeline.workers.reading import Dealt, Task, in_turn, read_stretch, read_table
from pipeline.workers.shared import look

if TYPE_CHECKING:
    from distributed import Client

STRETCH = 16_000_000
"""Bytes of a text file that one task reads: about a second's work."""

_LOCAL = re.compile(r"local(?::([1-9][0-9]{0,3}))?")
_REMOTE = re.compile(r"(?:tcp|tls)://\S+")
_SECONDS_TO_CONNECT = 30


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster at work for one run; `folder` is where rows lie meanwhile.

    `ahead` is how many results may wait for their turn.
    """

    client: Client
    folder: Path
    ahead: int

    def read(
        self, layouts: Sequence[Layout], parts: int, on_progress: Callable[[float], None]
    ) -> Iterator[tuple[Intake, list[Dealt]]]:
        """Read the tables in turn: text files in stretches on the cluster, all else where it was opened.

        Args:
            layouts: of the tables.
            parts: how many parts their rows are dealt to.
            on_progress: told the share that is done.

        Raises:
            Refusal: a file has changed, or cannot be read where it should be.
            WorkersLost: the cluster is gone.
        """
        spoken = language()

        def begun(task: Task) -> Future:
            return self._submit(
                *(read_stretch, task.layout, task.stretch, self.folder, parts, spoken), is_first=task.is_first
            )

        def whole(layout: Layout) -> Dealt:
            return read_table(layout, self.folder, parts)

        yield from in_turn(layouts, STRETCH, lambda tasks: self._in_order(begun, tasks), whole, on_progress)

    def checked(self, parts: Iterable[Part], terms: Callable[[], Terms]) -> Iterator[Ready]:
        """What is ready of the parts, in their order; the terms are known when the first part is.

        Raises:
            Refusal: a worker does not see the folder of attachments.
            WorkersLost: the cluster is gone.
        """
        # As a task's result: Dask makes it again, where what is scattered is lost with its workers.
        packed = cache(lambda: self._submit(bytes, pickle.dumps(terms())))
        yield from unpacked(self._in_order(lambda part: self._submit(check_spilt, part, packed()), parts))

    def _submit(self, function: Callable[..., Any], *args: Any, **named: Any) -> Future:
        future: Future = self.client.submit(function, *args, **named, pure=False)
        return future

    def _in_order(self, submit: Callable[[Any], Future], items: Iterable[Any]) -> Iterator[Any]:
        from distributed import KilledWorker  # noqa: PLC0415 - an optional package

        try:
            yield from in_order(submit, items, self.ahead)
        except (KilledWorker, CancelledError, OSError) as error:
            raise _lost(error) from None
        except Refusal:
            raise
        except Exception as error:
            if self.client.status == "running":
                raise
            raise _lost(error) from None


@contextmanager
def cluster(where: str, layouts: Sequence[Layout], attachments: Path | None, out: Path) -> Iterator[Cluster]:
    """A cluster, every worker of which can read what it needs to.

    Args:
        where: `local` (as many processes as there are cores), `local:N`, or `tcp://HOST:PORT`.
        layouts: how the files are understood.
        attachments: the folder of attachments.
        out: a folder that exists, in which rows lie meanwhile where the workers are not this machine's.

    Raises:
        Refusal: Dask is not installed, there is no such cluster, or a worker runs another version of the
            program or cannot read a file or folder.
    """
    local = _LOCAL.fullmatch(where)
    if not local and not _REMOTE.fullmatch(where):
        raise refuse("cluster-address", value=where)
    with ExitStack() as stack:
        client = stack.enter_context(_local(int(local[1] or 0)) if local else _remote(where))
        prefix = "ropo-pipeline-" if local else ".rows-"
        kept = tempfile.TemporaryDirectory(prefix=prefix, dir=None if local else out.resolve())
        folder = Path(stack.enter_context(kept))
        texts = [each.table.path.absolute() for each in tables_of(layouts) if each.table.stretches]
        workers = _see(client, where, [*texts, folder, *([attachments.resolve()] if attachments else [])])
        yield Cluster(client, folder, 2 * workers)


@contextmanager
def _local(workers: int) -> Iterator[Client]:
    with _dask() as distributed, ExitStack() as stack:
        with _without_interrupts():
            made = distributed.LocalCluster(
                n_workers=workers or os.cpu_count() or 1,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
                protocol="tls",
                security=True,  # else every user of this machine could give its processes work
            )
        stack.enter_context(made)
        yield stack.enter_context(distributed.Client(made))


@contextmanager
def _remote(address: str) -> Iterator[Client]:
    with _dask() as distributed, ExitStack() as stack:
        try:
            client = stack.enter_context(distributed.Client(address, timeout=_SECONDS_TO_CONNECT))
            client.wait_for_workers(1, timeout=_SECONDS_TO_CONNECT)
        except (OSError, ValueError) as error:
            raise refuse("cluster-unreachable", address=address, reason=error) from None
        yield client


@contextmanager
def _dask() -> Iterator[Any]:
    try:
        import cryptography  # noqa: F401, PLC0415 - of an optional package, for its `tls`
        import distributed  # noqa: PLC0415 - likewise
    except ImportError:
        raise refuse("cluster-missing") from None
    yield distributed


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that are started meanwhile leave Ctrl-C to this one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _see(client: Client, where: str, paths: Sequence[Path]) -> int:
    """See that every worker can do its work; returns how many there are.

    Raises:
        Refusal: one runs another version of the program or cannot read a path.
    """
    try:
        seen = client.run(look, paths)
    except Exception as error:  # noqa: BLE001 - whatever a worker without this program raises
        raise refuse("worker-unfit", worker=where, reason=error) from None
    for worker, (version, blind) in seen.items():
        if version != __version__:
            raise refuse("worker-unfit", worker=worker, reason=f"{version} ≠ {__version__}")
        for path, reason in blind.items():
            raise refuse("worker-blind", Place(str(path)), reason=f"{reason} ({worker})")
    return len(seen)


def _lost(error: Exception) -> WorkersLost:
    return WorkersLost(finding("cluster-lost", reason=f"{type(error).__name__}: {error}"))
