"""Reads a profile from its TOML file, and checks it; what is wrong is told with its line."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pipeline.findings import Place, Refusal, refuse
from pipeline.language import translate
from pipeline.profile.builtin import NONE, path_of
from pipeline.profile.check import faults_of_meaning
from pipeline.profile.faults import Fault, closest, faults_of_form, told
from pipeline.profile.lines import Steps, line_of, shown
from pipeline.profile.model import Profile
from pipeline.subject import INVOICES, Subject


def load_profile(given: str | Path | None, subject: Subject = INVOICES) -> Profile:
    """The profile of that name or in that file; the empty one for `none` and for None.

    Args:
        given: a built-in profile's name, or the path of a TOML file.
        subject: what the rows are, which decides what fields there are.

    Raises:
        Refusal: there is none of that name, it cannot be read, is no TOML, or what it declares cannot hold.
    """
    if given is None or given == NONE:
        return Profile()
    path = path_of(str(given))
    place = Place(file=str(path))
    try:
        # Not `read_text`, which makes one line end of all: a lone carriage return is none in TOML.
        text = path.read_bytes().decode("utf-8-sig")
        declared = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise refuse("profile-unreadable", place, reason=error) from error
    if faults := faults_of_form(declared):
        raise refuse("profile-invalid", place, faults=told(faults, text))
    profile = Profile.model_validate(declared)
    if faults := faults_of_meaning(profile, subject):
        raise _refused(faults, text, place, subject)
    _check_values(profile, subject, text, place)
    return profile


def _refused(faults: list[Fault], text: str, place: Place, subject: Subject) -> Refusal:
    if len(faults) == 1 and (field := faults[0].field):
        near = closest(field, subject.fields)
        found = refuse("profile-field", place, value=field, closest=near).finding
        return Refusal(found.saying(_where(faults[0].path, text)))
    return refuse("profile-invalid", place, faults=told(faults, text))


def _where(path: Steps, text: str) -> str:
    return translate("It stands in line {line}: {where}.", line=line_of(text, path), where=shown(path))


def _check_values(profile: Profile, subject: Subject, text: str, place: Place) -> None:
    """See that constants and defaults are values of their fields, and expressions can be read.

    Raises:
        Refusal: `profile-invalid` or `profile-value`.
    """
    from pipeline.grouper.defaults import given  # noqa: PLC0415 - likewise
    from pipeline.meaning.checks import faults  # noqa: PLC0415 - it takes profiles itself

    if unusable := [Fault(where, reason) for where, reason in faults(profile, subject)]:
        raise refuse("profile-invalid", place, faults=told(unusable, text))
    try:
        given(profile, subject)
    except Refusal as refusal:
        found = refusal.finding
        section = "constants" if found.field in profile.constants else "defaults"
        raise Refusal(found.saying(_where((section, found.field or ""), text))) from refusal
