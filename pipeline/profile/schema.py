"""Makes `schemas/profile.json`, the JSON Schema of a profile, from the classes that read it.

Editors that know JSON Schema complete and check a profile with it; `load` checks every profile by it.
"""

from __future__ import annotations

import json
from typing import Any

from pipeline.profile.model import Profile
from pipeline.resources import schemas_folder

NAME = "profile.json"
PATH = schemas_folder() / NAME


def text() -> str:
    """The file as it should be."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://schemas.ropo-pipeline.invalid/{NAME}",
        "title": NAME,
        **_plain(Profile.model_json_schema(), is_schema=True),
    }
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def _plain(part: Any, *, is_schema: bool) -> Any:
    """Without what a TOML file has no use for: null, which it cannot write, and titles that repeat the key.

    `is_schema` is False for a table of names, where `title` is a key of a profile.
    """
    if isinstance(part, list):
        return [_plain(each, is_schema=True) for each in part]
    if not isinstance(part, dict):
        return " ".join(part.split()) if isinstance(part, str) and "\n" in part else part
    kept = {
        name: _plain(value, is_schema=not is_schema or name not in {"properties", "$defs"})
        for name, value in part.items()
        if not (is_schema and (name == "title" or (name == "default" and value is None)))
    }
    if is_schema and "pattern" in kept:  # Python's $ also stands before a last line break
        kept["pattern"] = kept["pattern"].removesuffix("$") + r"$(?!\n)"
    choices = kept.pop("anyOf", []) if is_schema else []
    real = [each for each in choices if each != {"type": "null"}]
    return kept | (real[0] if len(real) == 1 else {"anyOf": real} if real else {})
