"""What is wrong in a profile, told with the line and in words, as far as its JSON Schema knows."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from pipeline.language import translate
from pipeline.profile.lines import Steps, line_of, shown
from pipeline.profile.words import words

if TYPE_CHECKING:
    from jsonschema import ValidationError

MOST_TOLD = 10
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where in the profile, and why. `field` is a field that does not exist."""

    path: Steps
    reason: str
    field: str | None = None


def faults_of_form(declared: dict[str, Any]) -> list[Fault]:
    """What `schemas/profile.json` does not allow: unknown keys, values of another kind."""
    from pipeline.validator.schema import explaining_validator  # noqa: PLC0415 - start-up time

    errors = explaining_validator("profile.json").iter_errors(declared)
    return [fault for error in errors for fault in _of_error(error)]


def told(faults: Iterable[Fault], text: str) -> str:
    """The first faults in the order of their lines, for one line of a terminal.

    Args:
        faults: what is wrong.
        text: the profile's file.
    """
    lines = sorted(((line_of(text, each.path) or 0, each) for each in faults), key=lambda pair: pair[0])
    parts = [
        translate("line {line}: {where}: {reason}", line=line, where=shown(each.path), reason=each.reason)
        for line, each in lines[:MOST_TOLD]
    ]
    if more := len(lines) - MOST_TOLD:
        parts += [translate("and {count} more", count=more)] if more > 0 else []
    return "; ".join(parts)


def closest(name: str, known: Iterable[str]) -> str:
    """The names spelt most like this one, or the word for none."""
    names = [*known]
    close = difflib.get_close_matches(name, names, n=3) or difflib.get_close_matches(
        name.lower(), names, n=1, cutoff=0.4
    )
    return ", ".join(close) or translate(words()["form"]["none_close"])


def _of_error(error: ValidationError) -> Iterator[Fault]:
    path = tuple(error.absolute_path)
    value: Any = error.instance
    rule, limit = str(error.validator), cast("Any", error.validator_value)
    schema: dict[str, Any] = dict(error.schema) if isinstance(error.schema, dict) else {}
    if rule == "additionalProperties":
        known = schema["properties"]
        for key in (key for key in value if key not in known):
            kind = "unknown_key" if path else "unknown_section"
            yield Fault((*path, key), _worded(kind, closest=closest(key, known)))
    elif rule == "required":
        for key in limit:
            if key not in value and f"{key!r}" in error.message:
                yield Fault(path, _worded("missing", key=key))
    else:
        kind = {"type": str(limit), "anyOf": "condition"}.get(rule, rule)
        allowed = ", ".join(f"“{each}”" for each in limit) if rule == "enum" else ""
        yield Fault(path, _worded(kind, value=_value(value), limit=limit, allowed=allowed))


def _worded(kind: str, **names: Any) -> str:
    return translate(words()["form"][kind], **names)


def _value(value: Any) -> str:
    """As it stands in the file, about."""
    if isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, default=str)
    else:
        text = str(value).lower() if isinstance(value, bool) else f"“{value}”"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
