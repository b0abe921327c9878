"""Which exports in `inbox/` are complete: at rest, with a marker beside them, or renamed into place."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

MARKER = ".done"
State = tuple[int, int, int]
"""A file's inode, size, and time of its last change in ns: what writing to it changes."""

_TEMPORARY = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", ".swp", "~")
_OF_THE_DESKTOP = ("thumbs.db", "desktop.ini")


class Look(NamedTuple):
    """What lies in the inbox, named from it: complete exports, and files that may still grow."""

    complete: list[PurePosixPath]
    growing: list[PurePosixPath]


@dataclass(slots=True)
class _Seen:
    state: State
    since: float


class Arrivals:
    """Looks at a folder again and again.

    Args:
        folder: the inbox.
        settle: seconds that a file must be at rest.
        aside: folders in it that are no exports (attachments).
    """

    def __init__(self, folder: Path, settle: float, aside: Collection[Path] = ()) -> None:
        self._folder, self._settle, self._aside = folder, settle, frozenset(aside)
        self._seen: dict[PurePosixPath, _Seen] = {}
        self._temporary: set[State] = set()

    def look(self, now: float, needs_marker: Callable[[PurePosixPath], bool] = lambda _: False) -> Look:
        """What is complete at `now`, in seconds, in the order of the names.

        Args:
            now: the clock.
            needs_marker: whether a file, named from the inbox, is complete with its marker only.
        """
        files = dict(self._files())
        temporary = {name: state for name, state in files.items() if _is_temporary(name)}
        found = Look([], [])
        seen: dict[PurePosixPath, _Seen] = {}
        for name, state in sorted(files.items()):
            if name in temporary or name.name.endswith(MARKER):
                continue
            before = self._seen.get(name)
            seen[name] = before if before and before.state == state else _Seen(state, now)
            marked = name.with_name(name.name + MARKER) in files
            renamed = state in self._temporary
            rests = now - seen[name].since >= self._settle
            complete = marked or (not needs_marker(name) and (renamed or rests))
            found[0 if complete else 1].append(name)
        self._seen, self._temporary = seen, set(temporary.values())
        return found

    def _files(self) -> Iterator[tuple[PurePosixPath, State]]:
        for folder, folders, names in os.walk(self._folder):
            here = Path(folder)
            folders[:] = [
                each for each in folders if not each.startswith(".") and here / each not in self._aside
            ]
            for name in names:
                path = here / name
                try:
                    status = path.lstat()
                except FileNotFoundError:
                    continue  # renamed or removed this moment
                if stat.S_ISREG(status.st_mode):
                    name_here = PurePosixPath(path.relative_to(self._folder).as_posix())
                    yield name_here, (status.st_ino, status.st_size, status.st_mtime_ns)


def _is_temporary(name: PurePosixPath) -> bool:
    lower = name.name.lower()
    return lower.startswith((".", "~$")) or lower.endswith(_TEMPORARY) or lower in _OF_THE_DESKTOP
