"""The form of a rule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from dataclasses import field as part
from typing import Any, TypeAlias

from pipeline.document import Document


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a document breaks: the finding's code, the field to look at, and its texts' details.

    `row` counts the entries of `payrow` from 0; None for a field of the document itself.
    """

    code: str
    field: str
    value: str | None = None
    row: int | None = None
    details: dict[str, Any] = part(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """What rules may ask beside the document: the day, and the biller's country (alpha-3)."""

    today: dt.date
    home: str


Rule: TypeAlias = Callable[[Document, Context], Iterable[Broken]]
