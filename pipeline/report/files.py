"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

BUFFER = 1 << 20
"""Bytes to read and write at a time."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to; it takes the place of `path` once all of it is on disk.

    Raises:
        OSError: the folder or file could not be written; what stood at `path` before still stands there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":  # Windows has no handle to a folder, and keeps its names durable itself
        _sync(path.parent)


class Entries:
    """JSON values that wait in a file until they are put into a list, one a line.

    Args:
        path: the file, which is made anew.
        indent: what stands before each line.
    """

    def __init__(self, path: Path, indent: bytes = b"") -> None:
        self._file = path.open("w+b", buffering=BUFFER)
        self._before, self._between = b"\n" + indent, b",\n" + indent

    def add(self, entry: bytes) -> None:
        """Add a value."""
        self._file.write(self._before + entry)
        self._before = self._between

    def add_all(self, entries: Sequence[str]) -> None:
        """Add many values."""
        if entries:
            self.add(self._between.decode().join(entries).encode())

    def read(self) -> BinaryIO:
        """The file, from its beginning."""
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
