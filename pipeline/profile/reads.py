"""Which columns of a file a profile reads."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.meaning.declared import steps
from pipeline.profile.model import Profile
from pipeline.values.words import normalise


def columns_named(profile: Profile) -> dict[str, str]:
    """What `[columns]` and those of `[[tables]]` say: header (or position) → field."""
    named = dict(profile.columns)
    for part in profile.tables:
        named |= part.columns
    return named


def names_read(profile: Profile) -> list[str]:
    """Every column that a declaration reads: by its header, its position, or the field that it is."""
    declared = [name for step in steps(profile) for name in step.names]
    return [*(name for name, field in columns_named(profile).items() if field), *declared]


def is_among(header: str, names: Iterable[str]) -> bool:
    """Whether a header is one of those named, of which some may have `{n}` for a number."""
    spelt = normalise(header)
    return any(re.fullmatch(_pattern(normalise(each)), spelt) for each in names)


def _pattern(name: str) -> str:
    return re.escape(name).replace(r"\{n\}", "[0-9]+")
