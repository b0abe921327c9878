"""Who reads, builds and checks for a run, beside its own process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from pipeline.columns.layouts import Layout
from pipeline.options import Options
from pipeline.workers.cluster import Cluster, cluster

if TYPE_CHECKING:
    from pipeline.workers.helper import Helper

Team: TypeAlias = "Helper | Cluster | None"

HELPER = "helper"
"""What `--cluster` calls a second process on this machine, without Dask.

Nobody gets it unasked: on 2 cores with other work on them it took longer (`docs/scale.md`).
"""


@contextmanager
def team_for(options: Options, layouts: Sequence[Layout]) -> Iterator[Team]:
    """The second process or the cluster that was asked for; or nobody.

    Raises:
        Refusal: as `pipeline.workers.cluster.cluster`.
    """
    if options.cluster is None:
        yield None
    elif options.cluster == HELPER:
        from pipeline.workers.helper import helper  # noqa: PLC0415 - start-up time

        with helper() as second:
            yield second
    else:
        with cluster(options.cluster, layouts, options.attachments, options.out) as found:
            yield found
