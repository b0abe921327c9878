"""The profiles that come with the program are told apart, from each other and from ordinary exports."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.profile import builtin
from pipeline.profile.decide import profile_for
from pipeline.readers.inputs import expanded
from pipeline.subject import INVOICES

SAMPLES = Path(__file__).parents[2] / "sample_data"
EXAMPLES = sorted(builtin.FOLDER.glob("*.example.*"))


def found(path: Path) -> str | None:
    """The name of the profile that is found for a file without anybody saying which."""
    with expanded([path]) as inputs:
        return profile_for(None, inputs.files, INVOICES).name


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_each_example_finds_its_own_profile(path: Path) -> None:
    """And no other fits as well."""
    assert found(path) == path.name.split(".")[0]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.[cx]*")), ids=lambda path: path.name)
def test_no_ordinary_export_is_taken_for_another_systems(path: Path) -> None:
    """Headers in common prove nothing."""
    assert found(path) is None


@pytest.mark.parametrize("name", builtin.names())
def test_every_built_in_profile_has_an_example(name: str) -> None:
    """By which it is tested."""
    assert [path for path in EXAMPLES if path.name.startswith(f"{name}.example.")]
