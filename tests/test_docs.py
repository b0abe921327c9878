"""The pages say what the program does: commands, options and links in them exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.cli import app
from pipeline.findings import catalogue

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
COMMANDS = {
    command.name or command.callback.__name__ for command in app.registered_commands if command.callback
} | {group.name for group in app.registered_groups if group.name}


def test_every_command_is_documented() -> None:
    """The page of the command line has a section for each."""
    assert set(re.findall(r"^## `ropo-pipeline ([a-z]+)`$", CLI, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    """Whatever a page tells a reader to type can be typed."""
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"ropo-pipeline ([a-z]+)\b(?! in| asks)", text)) <= COMMANDS | {
        "test",
        "production",
    }
    options = {
        option
        for line in text.splitlines()
        if "ropo-pipeline" in line or line.startswith("    ")
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)
    }
    assert options <= set(re.findall(r"--[a-z][a-z-]+", CLI)) | {"--numprocesses"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a file of the project leads to one that is there."""
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_findings_that_are_named_exist(page: Path) -> None:
    """`(code)` in a page's example is a finding's code."""
    shown = re.findall(r"\(([a-z]+(?:-[a-z]+)+)\)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(shown) <= set(catalogue())
