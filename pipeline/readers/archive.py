"""Archives of exports (`.zip`): unpacked safely, their files shown under the names that the user knows."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipeline.findings import Place, Refusal, refuse
from pipeline.readers.files import ARCHIVE, check_archive, damaged, exhaust, recognise
from pipeline.readers.table import RowFrame, Table

_DRIVE = ":"


def unpack_archive(path: Path, folder: Path, wanted: Callable[[str], bool]) -> dict[str, Path | None]:
    """Unpack the files of an archive that are wanted.

    They lie in the folder under numbers, so that no name in the archive decides where anything is written.

    Args:
        path: the archive.
        folder: an empty folder.
        wanted: whether a file of that name, with the folders it is in, is to be unpacked.

    Returns:
        The name of every file in the archive, with where it lies now if it was wanted.

    Raises:
        Refusal: the archive is damaged, encrypted, too big, unsafe, or has another one in it.
    """
    recognise(path)
    names = _names(path)
    lie = {
        name: folder / f"{number}{PurePosixPath(name).suffix.lower()}" if wanted(name) else None
        for number, name in enumerate(names.values())
    }

    def look(part: str, blocks: Iterable[bytes]) -> None:
        target = lie.get(names.get(part, ""))
        if target is None:
            exhaust(part, blocks)
        else:
            _write(path, target, blocks)

    check_archive(path, look)
    return lie


@contextmanager
def told_as(path: Path, name: str) -> Iterator[None]:
    """Have what is refused of an unpacked file name it as the user knows it."""
    try:
        yield
    except Refusal as refusal:
        found = refusal.finding
        raise Refusal(
            replace(
                found,
                place=replace(found.place, file=name),
                message=found.message.replace(str(path), name),
                remedy=found.remedy.replace(str(path), name),
            )
        ) from None


def show_as(table: Table, path: Path, name: str, archive: Path) -> None:
    """Have a table of an unpacked file name it as the user knows it."""
    read = table.frames

    def frames(size: int) -> Iterator[RowFrame]:
        with told_as(path, name):
            yield from read(size)

    table.file, table.unpacked, table.archive, table.frames = name, path, archive, frames
    table.stretches = None  # they would not name it so
    table.findings = [
        replace(each, place=replace(each.place, file=name), message=each.message.replace(str(path), name))
        for each in table.findings
    ]


def _names(path: Path) -> dict[str, str]:
    """The files in an archive: as the archive names them, and with `/` between folders.

    Raises:
        Refusal: `archive-unsafe`, `archive-nested`, or the archive is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        parts = [part for part in archive.infolist() if not part.is_dir()]
    names = {part.filename: part.filename.replace("\\", "/") for part in parts}
    for part in parts:
        name = names[part.filename]
        if not _is_safe(name) or stat.S_ISLNK(part.external_attr >> 16):
            shown = "".join(each if each.isprintable() else "?" for each in part.filename)
            raise refuse("archive-unsafe", Place(str(path)), name=shown)
        if name.lower().endswith(f".{ARCHIVE}"):
            raise refuse("archive-nested", Place(f"{path}/{name}"))
    if len({name.casefold() for name in names.values()}) < len(parts):
        raise damaged(path, "two of its parts have one name")
    return names


def _is_safe(name: str) -> bool:
    """Whether the name stays within the archive, on any system, and can be shown."""
    steps = name.split("/")
    return name.isprintable() and _DRIVE not in name and not {"", ".", ".."} & {*steps}


def _write(archive: Path, target: Path, blocks: Iterable[bytes]) -> None:
    try:
        with target.open("xb") as file:
            file.writelines(blocks)
    except OSError as error:
        raise refuse("archive-not-unpacked", Place(str(archive)), reason=error.strerror or error) from None
