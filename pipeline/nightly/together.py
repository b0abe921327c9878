"""Which files in the inbox are one export: a file alone, or one for each pattern of its source's `files`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from pipeline.nightly.config import Inbox, Source


class Incoming(NamedTuple):
    """An export, or what is there of it.

    `files` are named from the inbox, in the order of its source's `files`; `lacking` are the patterns of
    those that are not there.
    """

    source: Source | None
    files: tuple[PurePosixPath, ...]
    lacking: tuple[str, ...]


def together(names: Iterable[PurePosixPath], config: Inbox) -> list[Incoming]:
    """The exports that files in the inbox make, in the order of the files."""
    found: dict[tuple[Source | None, str], dict[int, PurePosixPath]] = {}
    for name in names:
        source = config.source_of(name)
        part, shared = (source.part(name.name) if source and source.files else None) or (-1, str(name))
        found.setdefault((source, shared), {})[part] = name
    return [
        Incoming(source, tuple(parts[at] for at in sorted(parts)), _lacking(source, parts))
        for (source, _), parts in found.items()
    ]


def _lacking(source: Source | None, parts: Iterable[int]) -> tuple[str, ...]:
    if source is None or -1 in parts:
        return ()
    return tuple(pattern for at, pattern in enumerate(source.files) if at not in parts)
