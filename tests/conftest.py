"""Every test speaks English and begins so, wherever it runs."""

from __future__ import annotations

import pytest

from pipeline.language import set_language


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """English, also for the command line, which asks the environment."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("ROPO_LANGUAGE", raising=False)
    set_language(None)
