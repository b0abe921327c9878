"""A folder of made-up built-in profiles, and a user's desk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flow.flow_desk import Desk

from pipeline.profile import builtin


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty home and an empty working directory."""
    home, folder = tmp_path / "home", tmp_path / "desk"
    home.mkdir()
    folder.mkdir()
    return Desk(home, folder)


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes profiles the built-in ones: `known(name="text", …)`; until then there are none."""
    folder = tmp_path / "profiles"
    folder.mkdir()
    monkeypatch.setattr(builtin, "FOLDER", folder)
    builtin.profiles.cache_clear()

    def make(**texts: str) -> None:
        for name, text in texts.items():
            (folder / f"{name}.toml").write_text(text, encoding="utf-8")
        builtin.profiles.cache_clear()

    return make
