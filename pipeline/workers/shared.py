"""Files that a process reads for another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipeline import __version__
from pipeline.findings import Place, refuse


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file, which another process has written.

    Raises:
        Refusal: it cannot be read here.
    """
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise refuse("worker-blind", Place(str(path)), reason=error.strerror or error) from None


def look(paths: Sequence[Path]) -> tuple[str, dict[Path, str]]:
    """The program's version where this is called, and which of those paths cannot be read there, and why."""
    blind: dict[Path, str] = {}
    for path in paths:
        try:
            if path.is_dir():
                next(path.iterdir(), None)
            else:
                path.open("rb").close()
        except OSError as error:
            blind[path] = error.strerror or str(error)
    return __version__, blind
