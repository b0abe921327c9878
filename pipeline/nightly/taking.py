"""The way of an export's files out of the inbox, and back; a crash on it loses and mixes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pipeline.nightly import folders
from pipeline.nightly.arrivals import MARKER
from pipeline.nightly.journal import Export


def paths_of(root: Path, export: Export) -> list[Path]:
    """Where an export's files lie once it is taken, in the order of its source's `files`."""
    return [root / export.place / each for each in export.stamps]


def inbox_of(root: Path, export: Export) -> Path:
    """The folder that an export came in."""
    return root / folders.INBOX / PurePosixPath(export.name).parent


def move_in(root: Path, export: Export, paths: Sequence[Path]) -> None:
    """Move files of an export from the inbox to its place.

    Raises:
        OSError: one cannot be moved; those before it have been.
    """
    for path in paths:
        # The marker first: without its file it would call the next one of that name complete.
        _marker(path).unlink(missing_ok=True)
    folders.take(paths, root / export.place)


def is_taken(root: Path, export: Export) -> bool:
    """Whether all its files lie in its place; what a crash has left in the inbox is moved there first.

    But only if it is still what it was: a file of another export must not come to those of this one.
    """
    inbox = inbox_of(root, export)
    left = [inbox / each.name for each in paths_of(root, export) if not each.is_file()]
    if not all(_is_still(path, export.stamps[path.name]) for path in left):
        return False
    try:
        move_in(root, export, left)
    except OSError:
        return False
    return True


def put_back(root: Path, export: Export, *, marked: bool) -> None:
    """Put what was taken of an export back into the inbox, as if it had never been taken.

    Args:
        root: the inbox's own folder.
        export: some of its files may have been taken.
        marked: whether its files are complete with a marker only; they were.

    Raises:
        OSError: a file cannot be moved.
    """
    inbox = inbox_of(root, export)
    left = [inbox / name for name, stamp in export.stamps.items() if _is_still(inbox / name, stamp)]
    given = folders.give_back([each for each in paths_of(root, export) if each.is_file()], inbox)
    for path in (*left, *given) if marked else ():
        _marker(path).touch()
    with suppress(OSError):
        (root / export.place).rmdir()


def is_untouched(root: Path, export: Export) -> bool:
    """Whether nobody has taken it away or begun to correct it."""
    try:
        same = folders.sha256(paths_of(root, export)) == export.sha256
        return same and not folders.is_worked_on(root / export.place)
    except OSError:
        return False


def _is_still(path: Path, stamp: folders.Stamp) -> bool:
    try:
        return folders.stamp(path) == stamp
    except OSError:
        return False


def _marker(path: Path) -> Path:
    return path.with_name(path.name + MARKER)
