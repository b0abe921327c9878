"""Who reads, builds and checks for a run, beside its own process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from pipeline.columns.layouts import Layout
from pipeline.options import Options

if TYPE_CHECKING:
    from pipeline.workers.cluster import Cluster
    from pipeline.workers.helper import Helper

Team: TypeAlias = "Helper | Cluster | None"

HELPER, ALONE = "helper", "none"
"""What `--cluster` calls a second process on this machine, without Dask, and none."""

LARGE = 12_000_000
"""From so many bytes of text on, a second process wins more than its start costs (`docs/scale.md`)."""


@contextmanager
def team_for(options: Options, layouts: Sequence[Layout], size: int) -> Iterator[Team]:
    """The second process or the cluster that was asked for; unasked, a second process where it pays.

    Args:
        options: the run's.
        layouts: how its files are understood.
        size: about how much text they hold, in bytes.

    Raises:
        Refusal: as `pipeline.workers.cluster.cluster`.
    """
    asked = options.cluster or (HELPER if size >= LARGE and _cores() > 1 else ALONE)
    if asked == ALONE:
        yield None
    elif asked == HELPER:
        from pipeline.workers.helper import helper  # noqa: PLC0415 - start-up time

        with helper() as second:
            yield second
    else:
        from pipeline.workers.cluster import cluster  # noqa: PLC0415 - start-up time

        with cluster(asked, layouts, options.attachments, options.out) as found:
            yield found


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
