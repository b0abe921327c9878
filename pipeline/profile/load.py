"""Reads a profile from its TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from pipeline.findings import Place, refuse
from pipeline.profile.model import Profile


def load_profile(path: Path | None) -> Profile:
    """The profile in a TOML file, or the empty one.

    Raises:
        Refusal: it cannot be read, is no TOML, or declares what no profile has.
    """
    if path is None:
        return Profile()
    place = Place(file=str(path))
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise refuse("profile-unreadable", place, reason=str(error)) from error
    try:
        return Profile.model_validate(declared)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise refuse("profile-invalid", place, where=where, reason=first["msg"]) from error
