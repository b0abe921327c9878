"""What the readers of the workbook types have in common: a sheet's rows and what is known of its cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.readers.marks import Marks


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that was read.

    `rows()` gives its rows from row 1 on, each call anew; `height` is how many. Their cells stand in the
    columns from `first` to before `width`, counted from 0, as python-calamine gives them.
    """

    rows: Callable[[], Iterator[list[Any]]]
    height: int
    first: int
    width: int
    marks: Marks


class Listed(NamedTuple):
    """A sheet as the workbook lists it; `load` reads it."""

    name: str
    visible: bool
    load: Callable[[], Sheet]
