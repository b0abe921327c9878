"""Many invoices and a service that fails in every way, run until all is well."""

from __future__ import annotations

from pathlib import Path

from rehearsal import rehearse
from torture_world import FULL, Driver


def test_each_is_accepted_once(driver: Driver, tmp_path: Path) -> None:
    """A fifth of the requests fails; after some runs each invoice is there once, every exit code right."""
    nights = list(rehearse(driver, tmp_path, 10_000 if FULL else 1_000, seed=7, batch_size=10))
    codes = [night.code for night in nights]
    assert codes[-1] == 0
    assert set(codes[:-1]) <= {1, 3, 4}
    assert codes[0] == 3
    assert nights[0].outcomes.keys() >= {"accepted", "unknown"}
