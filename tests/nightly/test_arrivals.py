"""When an export in the inbox counts as complete."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from pipeline.nightly.arrivals import Arrivals, Look


def named(*names: str) -> list[PurePosixPath]:
    """Paths from the inbox."""
    return [PurePosixPath(name) for name in names]


def test_a_file_at_rest_is_complete(tmp_path: Path) -> None:
    """Size and time must not have changed for the settle time; each change begins it anew."""
    arrivals = Arrivals(tmp_path, 30)
    path = tmp_path / "a.csv"
    path.write_text("1")
    assert arrivals.look(0) == Look([], named("a.csv"))
    path.write_text("12")
    assert arrivals.look(29) == Look([], named("a.csv"))
    assert arrivals.look(58.9) == Look([], named("a.csv"))
    assert arrivals.look(59) == Look(named("a.csv"), [])


def test_the_same_size_at_another_time_is_a_change(tmp_path: Path) -> None:
    """A file that is written anew with as many bytes is not at rest; nor is another file of its name."""
    arrivals = Arrivals(tmp_path, 30)
    path = tmp_path / "a.csv"
    path.write_text("1")
    arrivals.look(0)
    os.utime(path, ns=(1, 1))
    assert arrivals.look(30).complete == []
    other = tmp_path / "b"
    other.write_text("1")
    os.utime(other, ns=(1, 1))
    other.replace(path)
    assert arrivals.look(60).complete == []
    assert arrivals.look(90).complete == named("a.csv")


def test_a_marker_says_so_at_once(tmp_path: Path) -> None:
    """`NAME.done` beside it makes a file complete, and is no export itself."""
    arrivals = Arrivals(tmp_path, 30)
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "a.csv.done").touch()
    assert arrivals.look(0) == Look(named("a.csv"), [])


def test_where_a_marker_is_wanted_nothing_else_will_do(tmp_path: Path) -> None:
    """However long it has been at rest, or though it was renamed into place."""
    arrivals = Arrivals(tmp_path, 30)
    (tmp_path / "a.csv.part").write_text("1")
    arrivals.look(0)
    (tmp_path / "a.csv.part").rename(tmp_path / "a.csv")
    for now in (1, 100, 10_000):
        assert arrivals.look(now, lambda _: True) == Look([], named("a.csv"))
    (tmp_path / "a.csv.done").touch()
    assert arrivals.look(10_001, lambda _: True).complete == named("a.csv")


@pytest.mark.parametrize(
    "name",
    [
        "a.csv.part",
        "a.csv.tmp",
        "A.CSV.CRDOWNLOAD",
        "a.csv~",
        ".a.csv",
        "~$a.xlsx",
        "a.filepart",
        "Thumbs.db",
    ],
)
def test_temporary_names_are_no_exports(tmp_path: Path, name: str) -> None:
    """Programs write under such names until the file is whole; they do not keep `--once` waiting."""
    arrivals = Arrivals(tmp_path, 30)
    (tmp_path / name).write_text("1")
    assert arrivals.look(0) == arrivals.look(1000) == Look([], [])


def test_renamed_into_place_is_complete(tmp_path: Path) -> None:
    """What was seen under a temporary name and has not been written to since needs no rest."""
    arrivals = Arrivals(tmp_path, 30)
    (tmp_path / "a.csv.part").write_text("1")
    assert arrivals.look(0) == Look([], [])
    (tmp_path / "a.csv.part").rename(tmp_path / "a.csv")
    assert arrivals.look(1) == Look(named("a.csv"), [])


def test_renamed_but_written_to_must_rest(tmp_path: Path) -> None:
    """A file that has changed since it was seen under its temporary name may change again."""
    arrivals = Arrivals(tmp_path, 30)
    (tmp_path / "a.csv.part").write_text("1")
    arrivals.look(0)
    (tmp_path / "a.csv.part").rename(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("12")
    assert arrivals.look(1) == Look([], named("a.csv"))


def test_files_in_folders_by_name(tmp_path: Path) -> None:
    """Folders are looked through, except hidden ones and those of attachments; links are no files."""
    arrivals = Arrivals(tmp_path, 0, [tmp_path / "pdf"])
    for name in ("b/2.csv", "b/1.csv", "a.csv", "pdf/x.pdf", ".hidden/y.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    assert arrivals.look(0).complete == named("a.csv", "b/1.csv", "b/2.csv")
