"""Every test of the ledger runs on each database, unless it names one."""

from __future__ import annotations

import ledger_made
import pytest


@pytest.fixture(autouse=True, params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database that `ledger_made.url` names."""
    monkeypatch.setattr(ledger_made, "DATABASE", request.param)
    return str(request.param)
