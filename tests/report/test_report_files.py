"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.report.files import whole


def test_a_file_takes_its_place_when_it_is_complete(tmp_path: Path) -> None:
    """Until then its name is free, and afterwards nothing lies beside it."""
    path = tmp_path / "new" / "report.json"
    with whole(path) as temporary:
        temporary.write_text("all of it")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert [each.name for each in path.parent.iterdir()] == ["report.json"]
    assert path.read_text() == "all of it"


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    """What stood there still stands there."""
    path = tmp_path / "report.json"
    path.write_text("old")

    def fail_half_way() -> None:
        with whole(path) as temporary:
            temporary.write_text("half of")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail_half_way()
    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]
