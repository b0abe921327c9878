"""Who reads, builds and checks for a run, beside its own process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from pipeline.columns import Layout
from pipeline.documents import text_size
from pipeline.options import Options
from pipeline.workers.cluster import Cluster, cluster

if TYPE_CHECKING:
    from pipeline.workers.helper import Helper

Team: TypeAlias = "Helper | Cluster | None"

ALONE = "none"
"""What `--cluster` calls no other process at all."""

HELPED_FROM = 12_000_000
"""Bytes of text, some 40,000 rows of 30 columns, from which a second process gains time."""


@contextmanager
def team_for(options: Options, layouts: Sequence[Layout]) -> Iterator[Team]:
    """The cluster that was asked for; a second process where the input is large; or nobody.

    Raises:
        Refusal: as `pipeline.workers.cluster.cluster`.
    """
    if options.cluster == ALONE:
        yield None
    elif options.cluster:
        with cluster(options.cluster, layouts, options.attachments, options.out) as found:
            yield found
    elif text_size(layouts) >= HELPED_FROM and _cores() > 1:
        from pipeline.workers.helper import helper  # noqa: PLC0415 - start-up time

        with helper() as second:
            yield second
    else:
        yield None


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
