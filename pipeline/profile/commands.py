"""The commands about profiles: list, show and check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.columns.layouts import check_layouts, tables_of
from pipeline.documents import read_layouts
from pipeline.profile import load_profile, show
from pipeline.profile.drift import drift_findings, refuse_drift
from pipeline.profile.trial import tried
from pipeline.readers.inputs import expanded
from pipeline.screens.terminal import Screen, clean
from pipeline.subject import INVOICES


def list_profiles(screen: Screen) -> None:
    """List the profiles that come with the program."""
    for line in show.listed():
        screen.write_line(clean(line))


def show_profile(given: str, screen: Screen) -> None:
    """Show what a profile declares.

    Raises:
        Refusal: there is none of that name, or it is wrong.
    """
    for line in show.shown(given, load_profile(given)):
        screen.write_line(clean(line))


def try_profile(given: str, inputs: Sequence[Path], rows: int, screen: Screen) -> None:
    """Show what a profile makes of the first rows of the inputs, and what has changed since it was written.

    Raises:
        Refusal: the profile is wrong, or a file cannot be read; or, when all is shown, it could not be sent.
    """
    profile = load_profile(given)
    with expanded(inputs) as (files, findings):
        layouts = read_layouts(files, profile, INVOICES, checked=False)
        screen.finding_lines(findings)
        screen.understood(tables_of(layouts))
        for line in tried(layouts, profile, rows):
            screen.write_line(clean(line))
        screen.finding_lines(drift_findings(layouts, profile))
        refuse_drift(layouts, profile)
        check_layouts(layouts)
