"""From flat fields to the nested form of the API: `payplan.instalment2.amount` and the like."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(r"(?P<name>.*?)(?P<number>[0-9]*)")


def nest(flat: dict[str, str]) -> dict[str, Any]:
    """The dataset of one document's fields; numbered groups become arrays in the order of their numbers."""
    dataset: dict[str, Any] = {}
    groups: dict[tuple[str, ...], dict[int, dict[str, str]]] = {}
    for path, value in flat.items():
        if "." not in path:
            dataset[path] = value
            continue
        *outer, last, tag = path.split(".")
        name, number = _STEP.fullmatch(last).groups()  # type: ignore[union-attr]  # it matches any text
        groups.setdefault((*outer, name), {}).setdefault(int(number or 1), {})[tag] = value
    for (*outer, name), members in groups.items():
        holder = dataset
        for step in outer:
            holder = holder.setdefault(step, {})
        holder[name] = [members[number] for number in sorted(members)]
    return dataset
