"""From flat fields to the nested form of the API: `payplan.instalment2.amount` and the like."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import Any

from pipeline.schema import fields as schema_fields
from pipeline.values import generic

_STEP = re.compile(r"(?P<name>.*?)(?P<number>[0-9]*)")


def nest(flat: dict[str, str]) -> dict[str, Any]:
    """The dataset of one document's fields; numbered groups become arrays in the order of their numbers.

    A JSON number is a Decimal, as accounting rows have them. One `propertyrow` is an object, as the service
    documents it, and several are an array (`ropo-one-api.md`, Invoice features).
    """
    dataset: dict[str, Any] = {}
    groups: dict[tuple[str, ...], dict[int, dict[str, str | Decimal]]] = {}
    for path, value in flat.items():
        if "." not in path:
            dataset[path] = value
            continue
        *outer, last, tag = path.split(".")
        name, number = _STEP.fullmatch(last).groups()  # type: ignore[union-attr]  # it matches any text
        groups.setdefault((*outer, name), {}).setdefault(int(number or 1), {})[tag] = (
            Decimal(value) if _is_number(path) else value
        )
    for (*outer, name), members in groups.items():
        holder = dataset
        for step in outer:
            holder = holder.setdefault(step, {})
        holder[name] = [members[number] for number in sorted(members)]
    if len(dataset.get("propertyrow", ())) == 1:
        [dataset["propertyrow"]] = dataset["propertyrow"]
    return dataset


@cache
def _is_number(path: str) -> bool:
    return schema_fields()[generic(path)].kind == "number"
