"""A user's desk for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow_desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty home and an empty working directory."""
    home, folder = tmp_path / "home", tmp_path / "desk"
    home.mkdir()
    folder.mkdir()
    return Desk(home, folder)
