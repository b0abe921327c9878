"""The pages about profiles, and the built-in profiles themselves: what they show is right, and up to date."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.profile import Profile, builtin, load_profile, pages
from pipeline.profile.check import faults_of_meaning
from pipeline.profile.faults import faults_of_form
from pipeline.subject import INVOICES

Known = Callable[..., None]
ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(
    r"```toml\n(.*?)```", (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8"), re.DOTALL
)
SECTIONS = set(Profile.model_fields)


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split("\n", 1)[0])
def test_every_example_can_be_written_so(text: str) -> None:
    """Its keys and fields exist."""
    declared = tomllib.loads(text)
    assert faults_of_form(declared) == []
    found = faults_of_meaning(Profile.model_validate(declared), INVOICES)
    assert [fault for fault in found if fault.field] == []


def test_every_section_has_an_example() -> None:
    """And no other word is used for one."""
    assert {name for text in EXAMPLES for name in tomllib.loads(text)} == SECTIONS


def test_the_page_of_built_in_profiles_is_up_to_date() -> None:
    """docs/builtin-profiles.md is what the profiles make: `python -m pipeline.profile.pages` renews it."""
    assert pages.PAGE.read_text(encoding="utf-8") == pages.page()


@pytest.mark.parametrize("name", builtin.names() or ["none"])
def test_a_built_in_profile_is_whole(name: str) -> None:
    """It passes every check, has its file's name, and tells its title, source and limits."""
    profile = load_profile(name)
    assert name == builtin.NONE or (profile.profile.name == name and profile.profile.title)
    assert name == builtin.NONE or (profile.profile.source and profile.profile.limits)


def test_the_page_shows_source_limits_columns_and_the_profile_itself(known: Known) -> None:
    """A section for each profile."""
    text = """[profile]
name = "shop"
title = "The shop's export"
source = "its manual"
limits = ["No reminders."]
[columns]
"A|B" = "billnum"
C = ""
"""
    known(shop=text)
    assert pages.page().split("\n\n", 3)[3] == (
        "## shop: The shop's export\n\n"
        "Source of the layout: its manual (not checked against the vendor's own description).\n\n"
        "Limits:\n\n- No reminders.\n\n"
        "| Table | Column | Field |\n| --- | --- | --- |\n|  | A\\|B | `billnum` |\n|  | C | ignored |\n\n"
        f"```toml\n{text.strip()}\n```\n"
    )
