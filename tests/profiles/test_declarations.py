"""Every declaration of a profile by itself: what a small export comes to with it, as a golden file says.

Of each there are `NAME.toml`, one or more exports `NAME.csv` or `NAME.*.csv`, and `NAME.expected.json`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from profiles.golden import compare, datasets, documents_of, told

from pipeline.profile import load_profile
from pipeline.profile.model import Prices, Profile, Reading

FOLDER = Path(__file__).parent / "declarations"
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))
SHOWN_ELSEWHERE = {
    "profile": "tests/profile/test_flow_profiles.py",
    "expects": "tests/profile/test_drift.py",
    "sending": "tests/flow/test_flow_configuration.py",
    "following": "tests/follow/test_follow.py",
    "sheet": "tests/shapes/test_shape_findings.py",
    "mark": "tests/shapes/test_records.py",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_declaration_does_what_its_golden_file_says(name: str) -> None:
    """The datasets that it gives, what it says of the others, and the rows that it sets aside."""
    files = [path for path in sorted(FOLDER.glob(f"{name}.*csv")) if path.name.startswith(f"{name}.")]
    found, intake = documents_of(files, load_profile(FOLDER / f"{name}.toml"))
    aside = {reason: rows for (_, reason), rows in intake.aside.items() if reason != "header"}
    made = {"datasets": datasets(found), "told": told(found), "aside": aside}
    compare(FOLDER / f"{name}.expected.json", made)


def test_every_section_has_one() -> None:
    """Each section, each key of `[reading]`, and each choice of `[prices]` is declared by one of them."""
    declared = [load_profile(FOLDER / f"{name}.toml") for name in NAMES]
    sections = {name for profile in declared for name in profile.model_fields_set}
    assert set(Profile.model_fields) - sections <= set(SHOWN_ELSEWHERE)
    keys = {name for profile in declared for name in profile.reading.model_fields_set}
    assert set(Reading.model_fields) - keys <= set(SHOWN_ELSEWHERE)
    for name, field in Prices.model_fields.items():
        choices = set(getattr(field.annotation, "__args__", ())) - {field.default, str, type(None)}
        assert choices <= {getattr(profile.prices, name) for profile in declared}, name
