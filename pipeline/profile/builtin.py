"""The profiles that come with the program, and how one is named on the command line."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pipeline.findings import refuse
from pipeline.profile.faults import closest
from pipeline.profile.model import Profile
from pipeline.resources import PACKAGE

FOLDER = PACKAGE / "data" / "profiles"
"""Each `NAME.toml` is a profile; beside it lie `NAME.example.*`, an export, and `NAME.expected.json`."""

NONE = "none"
"""As a profile's name: no profile, and none is to be looked for."""


def names() -> list[str]:
    """The names of the profiles that come with the program."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def profiles(folder: Path) -> dict[str, Profile]:
    """The profiles in a folder, by name, unchecked: those that come with the program are right."""
    return {
        path.stem: Profile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        for path in sorted(folder.glob("*.toml"))
    }


def path_of(given: str) -> Path:
    """The file of a profile that is given by its name or as a path.

    Raises:
        Refusal: `profile-unknown`: it is neither.
    """
    known = names()
    if given in known:
        return FOLDER / f"{given}.toml"
    path = Path(given)
    if path.suffix or path.name != given or path.exists():
        return path
    raise refuse(
        "profile-unknown", value=given, known=", ".join([*known, NONE]), closest=closest(given, known)
    )
