"""The folders beside the inbox, and moves in them that a power cut leaves done or not done.

An export lies in a folder of its own together with its report, so that one renaming moves both:
`attention/laskut/laskut.csv` and `attention/laskut/report/`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.findings import Place, refuse
from pipeline.report.files import whole

INBOX, DONE, ATTENTION = "inbox", "done", "attention"
REPORT = "report"
WHY = "why.txt"


class Stamp(NamedTuple):
    """What changes when a file is written to."""

    size: int
    changed: int  # ns


def make_folders(root: Path, below_inbox: Iterable[str]) -> None:
    """Make what is missing of the folders, and see that files can be moved between them.

    Raises:
        Refusal: `inbox-folder` (one cannot be written), `inbox-filesystems`.
    """
    folders = [root / INBOX, root / DONE, root / ATTENTION, *(root / INBOX / each for each in below_inbox)]
    for folder in folders:
        make_folder(folder)
    if len({folder.stat().st_dev for folder in folders}) > 1:
        raise refuse("inbox-filesystems", Place(file=str(root)), folder=root)


def make_folder(folder: Path) -> None:
    """Make a folder, and see that it can be written.

    Raises:
        Refusal: `inbox-folder`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise refuse("inbox-folder", Place(file=str(folder)), folder=folder, reason=reason) from error


def free_folder(root: Path, kind: str, name: str) -> str:
    """A folder for an export that is not there yet, from the root: `done/2026-11-20/laskut-2`."""
    stem = Path(name).stem
    number, free = 1, f"{kind}/{stem}"
    while (root / free).exists():
        number += 1
        free = f"{kind}/{stem}-{number}"
    return free


def take(paths: Iterable[Path], folder: Path) -> None:
    """Move files into a folder, which is made.

    Raises:
        OSError: one cannot be moved; those before it have been.
    """
    folder.mkdir(exist_ok=True)
    for path in paths:
        move(path, folder / path.name)


def move(path: Path, to: Path) -> None:
    """Rename durably; `to` is not there yet.

    Raises:
        OSError: it cannot be moved.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    path.rename(to)
    for folder in {to.parent, path.parent}:
        _sync(folder)


def give_back(paths: Sequence[Path], inbox: Path) -> list[Path]:
    """Move files back into the inbox, all with the same addition to their names if one is taken meanwhile.

    Returns:
        Where they lie now.

    Raises:
        OSError: one cannot be moved.
    """
    number, free = 1, [inbox / path.name for path in paths]
    while any(each.exists() for each in free):
        number += 1
        free = [inbox / f"{path.stem}-{number}{path.suffix}" for path in paths]
    for path, to in zip(paths, free, strict=True):
        move(path, to)
    return free


def sweep(report: Path) -> None:
    """Remove what a run that was cut off has left of its report."""
    for each in report.glob(".*"):
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink()


def is_worked_on(folder: Path) -> bool:
    """Whether somebody has opened or saved a workbook of the report since the export was put there."""
    put_there = (folder / WHY).stat().st_mtime_ns  # written last
    return any(each.stat().st_mtime_ns > put_there for each in (folder / REPORT).glob("*.xlsx"))


def stamp(path: Path) -> Stamp:
    """The file's size and the time of its last change.

    Raises:
        OSError: it is not there.
    """
    status = path.stat()
    return Stamp(status.st_size, status.st_mtime_ns)


def sha256(paths: Sequence[Path]) -> str:
    """The hash of a file's content; of several files that of their hashes, in their order.

    Raises:
        OSError: one cannot be read.
    """
    found = []
    for path in paths:
        with path.open("rb") as file:
            found.append(hashlib.file_digest(file, "sha256").hexdigest())
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


def say_why(folder: Path, text: str) -> None:
    """Lay a text beside an export that says why it lies there.

    Raises:
        OSError: it cannot be written.
    """
    with whole(folder / WHY) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _sync(folder: Path) -> None:
    if os.name != "posix":  # Windows has no handle to a folder, and keeps its names durable itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
