"""A run's inputs: files, folders of them, and `.zip` archives, which are unpacked while the run lasts."""

from __future__ import annotations

import filecmp
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import combinations
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pipeline.corrections.status import is_corrections_workbook
from pipeline.findings import Finding, Place, finding, refuse
from pipeline.profile import Profile
from pipeline.readers import open_tables
from pipeline.readers.archive import show_as, told_as, unpack_archive
from pipeline.readers.files import ARCHIVE, part_of, supported
from pipeline.readers.table import Table
from pipeline.records import marks_of

_PAGES_OF_REPORT = frozenset({"report.html", "report.json"})
_TITLE_OF_REPORT = b"<dc:title>Run "


class Input(NamedTuple):
    """A file to read: where it lies, how it is shown, and the archive that it was unpacked from."""

    path: Path
    name: str
    archive: Path | None = None


class Inputs(NamedTuple):
    """The files of a run, and what to warn of."""

    files: list[Input]
    findings: list[Finding]


@contextmanager
def expanded(paths: Sequence[Path]) -> Iterator[Inputs]:
    """The files that the inputs come to; what was unpacked is gone when the context ends.

    A folder stands for every file directly in it, an archive for every file in it, both in the order of their
    names, in which 2 comes before 10. Left out are hidden files, Excel's lock files and reports of this
    program. What else is not read is warned of: corrections workbooks, and files that cannot be read.

    Args:
        paths: as the user gives them.

    Raises:
        Refusal: a folder or an archive has no file to read or cannot be read, or an archive is damaged,
            encrypted, too big, unsafe or has another one in it.
    """
    found = Inputs([], [])
    with ExitStack() as stack:
        for path in paths:
            if path.is_dir():
                for each in _chosen(str(path), _entries(path), "folder-empty", found).values():
                    _add_file(each, found, stack)
            else:
                _add_file(path, found, stack)
        yield found


def open_input(each: Input, profile: Profile) -> list[Table]:
    """The tables of a file, read as the profile says.

    Raises:
        Refusal: it cannot be read.
    """
    reading = profile.reading
    every_sheet = reading.sheet == "*" or is_corrections_workbook(each.path)
    with told_as(each.path, each.name):
        tables = open_tables(
            each.path,
            sheet=None if every_sheet else reading.sheet,
            encoding=reading.encoding,
            delimiter=reading.delimiter,
            marks=marks_of(profile),
        )
    if each.archive:
        for table in tables:
            show_as(table, each.path, each.name, each.archive)
    return tables


def refuse_copies(files: Sequence[Input]) -> None:
    """A file given twice, also as a copy, would double the rows of its invoices.

    Raises:
        Refusal: `file-twice`.
    """
    by_size: dict[int, list[Input]] = {}
    for each in files:
        by_size.setdefault(each.path.stat().st_size, []).append(each)
    for alike in by_size.values():
        for first, again in combinations(alike, 2):
            if filecmp.cmp(first.path, again.path, shallow=False):
                raise refuse("file-twice", Place(again.name), other=first.name)


def natural(name: str) -> tuple[list[str | int], str]:
    """By this, names are in the order that people have them in: `laskut 2` before `laskut 10`."""
    parts = re.split("([0-9]+)", name.casefold())
    return [int(part) if at % 2 else part for at, part in enumerate(parts)], name


def _add_file(path: Path, found: Inputs, stack: ExitStack) -> None:
    if path.suffix.lower() != f".{ARCHIVE}":
        found.files.append(Input(path, str(path)))
        return
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ropo-pipeline-")))
    members = unpack_archive(path, folder, _can_be_read)
    for name, member in _chosen(str(path), members, "archive-empty", found).items():
        found.files.append(Input(member, f"{path}/{name}", path))


def _entries(folder: Path) -> dict[str, Path | None]:
    """What lies in a folder, with a path if it can be read; folders only if they hold something that can."""
    try:
        return {
            each.name: each if each.is_file() and _can_be_read(each.name) else None
            for each in folder.iterdir()
            if not each.is_dir() or (not _is_hidden(each.name) and _has_files(each))
        }
    except OSError as error:
        raise refuse("file-unreadable", Place(str(folder)), reason=error.strerror or error) from None


def _has_files(folder: Path) -> bool:
    return any(each.is_file() and _can_be_read(each.name) for each in folder.iterdir())


def _chosen(place: str, entries: Mapping[str, Path | None], empty: str, found: Inputs) -> dict[str, Path]:
    """Of a folder or an archive the files to read, in order; the others are warned of."""
    files: dict[str, Path] = {}
    others: list[str] = []
    for name in sorted(entries, key=natural):
        path = entries[name]
        if _is_hidden(name) or _is_report(name, path):
            continue
        if path is None or is_corrections_workbook(path):  # these go only when somebody asks for them
            others.append(name)
        else:
            files[name] = path
    if not files:
        raise refuse(empty, Place(place), supported=", ".join(supported()))
    if others:
        told = finding("files-left-out", Place(place), count=len(others), names=", ".join(others))
        found.findings.append(told)
    return files


def _can_be_read(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in supported() and not _is_hidden(name)


def _is_hidden(name: str) -> bool:
    """Whether it, or a folder that it is in, is hidden, Excel's lock file, or what macOS adds to archives."""
    return any(step.startswith((".", "~$")) or step == "__MACOSX" for step in name.split("/"))


def _is_report(name: str, path: Path | None) -> bool:
    """Whether this program has written it as the report of a run."""
    last = PurePosixPath(name).name
    if path is None or last != "report.xlsx":
        return last in _PAGES_OF_REPORT
    return _TITLE_OF_REPORT in part_of(path, "docProps/core.xml")
