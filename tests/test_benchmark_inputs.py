"""The exports that `make bench` measures are what it says they are."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that builds them, with a cache of its own."""
    spec = importlib.util.spec_from_file_location("inputs", FOLDER / "inputs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "CACHE", tmp_path)
    return module


def test_the_same_seed_gives_the_same_bytes(inputs: ModuleType, tmp_path: Path) -> None:
    """Built twice, a file is the same: figures of two days can be compared."""
    first = inputs.input_file("plain", 200).read_bytes()
    (tmp_path / "plain-200.csv").unlink()
    assert inputs.input_file("plain", 200).read_bytes() == first


def test_scattered_rows_are_the_same_rows(inputs: ModuleType) -> None:
    """The scattered file holds the rows of the plain one, no two of an invoice side by side."""
    plain, scattered = (
        inputs.input_file(kind, 200).read_text("cp1252").splitlines()[1:] for kind in ("plain", "scattered")
    )
    assert sorted(plain) == sorted(scattered)
    numbers = [line.split(";")[0] for line in scattered]
    assert all(one != other for one, other in pairwise(numbers))


@pytest.mark.parametrize(("kind", "invalid"), [("plain", 0), ("scattered", 0), ("wrong", 30)])
def test_as_many_invoices_are_wrong_as_it_says(inputs: ModuleType, kind: str, invalid: int) -> None:
    """Of 60 invoices none is wrong, or every other one."""
    made = pytest.importorskip("made")
    from pipeline.readers import open_tables  # noqa: PLC0415 - beside what uses it

    found, _ = made.documents(*open_tables(inputs.input_file(kind, 200)))
    assert len(found) == 60
    assert sum(not each.valid for each in found) == invalid
