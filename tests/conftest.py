"""Every test speaks English and begins so, wherever it runs."""

from __future__ import annotations

import hypothesis
import pytest

from pipeline.language import set_language

hypothesis.settings.register_profile("untimed", deadline=None)  # a test says what holds, not how soon
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """English, also for the command line, which asks the environment."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("ROPO_LANGUAGE", raising=False)
    set_language(None)
