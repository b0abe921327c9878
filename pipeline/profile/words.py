"""What is said of profiles, in English: whoever shows a text translates it."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

from pipeline.resources import data_text


@cache
def words() -> dict[str, Any]:
    """All of `data/profile.toml`."""
    return tomllib.loads(data_text("profile.toml"))
