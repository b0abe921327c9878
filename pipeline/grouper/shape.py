"""From flat fields to the nested form of the API: `payplan.instalment2.amount` and the like."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from pipeline.subject import INVOICES, Subject

_NUMBERS: dict[str, Callable[[str], Any]] = {"number": Decimal, "jobid": int}
_STEP = re.compile(r"(?P<name>.*?)(?P<number>[0-9]*)")


def nest(flat: dict[str, str], subject: Subject = INVOICES) -> dict[str, Any]:
    """The dataset of one document's fields; numbered groups become arrays in the order of their numbers.

    A JSON number is a Decimal, as accounting rows have them. One `propertyrow` is an object, as the service
    documents it, and several are an array (`ropo-one-api.md`, Invoice features).
    """
    apart = _not_plain(tuple(flat), subject)
    if not apart:
        return dict(flat)
    dataset: dict[str, Any] = {}
    groups: dict[tuple[str, ...], dict[int, dict[str, Any]]] = {}
    for path, value in flat.items():
        if "." not in path:
            dataset[path] = _typed(path, value, subject)
            continue
        *outer, last, tag = path.split(".")
        name, number = _STEP.fullmatch(last).groups()  # type: ignore[union-attr]  # it matches any text
        groups.setdefault((*outer, name), {}).setdefault(int(number or 1), {})[tag] = _typed(
            path, value, subject
        )
    for (*outer, name), members in groups.items():
        holder = dataset
        for step in outer:
            holder = holder.setdefault(step, {})
        holder[name] = [members[number] for number in sorted(members)]
    if len(dataset.get("propertyrow", ())) == 1:
        [dataset["propertyrow"]] = dataset["propertyrow"]
    return dataset


@lru_cache(maxsize=4096)
def _not_plain(paths: tuple[str, ...], subject: Subject) -> list[str]:
    """The fields that belong into a group or are no text. Mostly there are none."""
    return [path for path in paths if "." in path or _value_kind(path, subject) in _NUMBERS]


def _typed(path: str, value: str, subject: Subject) -> Any:
    """A JSON number as Decimal or integer; everything else is text."""
    make = _NUMBERS.get(_value_kind(path, subject))
    return make(value) if make else value


@cache
def _value_kind(path: str, subject: Subject) -> str:
    return subject.value_kind(path)
