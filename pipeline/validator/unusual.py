"""What is unusual about a run: pure functions over what was read and what was usual so far.

All of it is warnings: an invoice may be ten times as large as ever, and right.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_Integers = npt.NDArray[np.int64]

TIMES = 10
"""From so many times the customer's usual total on, an invoice is unusual."""

_LEAST_IN_MONTH = 5
_SHARE_OF_MONTH = 0.9
_WIDEST_GAP = 50
"""A wider gap is the beginning of another series."""
_MOST_CANDIDATES = 1_000
_MOST_SERIES = 10_000
"""Numbers that make so many series do not follow one another."""
_SHARE_OF_GAPS = 0.1
"""With more gaps than that, the numbers do not follow one another anyway."""
_NUMBERED = re.compile(r"(.*?)([0-9]{1,15})")


class Gap(NamedTuple):
    """Numbers that are missing before `billnum`, which stands at `at`."""

    billnum: str
    missing: list[str]
    at: int


def times_usual(total: int, usual: int | None) -> int | None:
    """How many times its customer's usual total an invoice is, if that is unusual; sums in cents."""
    return total // usual if usual and total >= TIMES * usual else None


class Numbers:
    """The bill numbers of a run, by series: 16 bytes each."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, int], tuple[array[int], array[int]]] = {}

    def add(self, billnum: str, at: int) -> None:
        """Add a bill number and where it stands; a number that comes twice stands where it came first.

        What stands before the digits makes a series of its own, and `007` and `7` are of different ones.
        """
        if match := _NUMBERED.fullmatch(billnum):
            prefix, digits = match.groups()
            key = (prefix, len(digits) if digits.startswith("0") else 0)
            if key not in self._series:
                if len(self._series) == _MOST_SERIES:
                    return
                self._series[key] = (array("q"), array("q"))
            numbers, places = self._series[key]
            numbers.append(int(digits))
            places.append(at)

    def gaps(self, known: Callable[[list[str]], set[str]]) -> Iterator[Gap]:
        """The gaps in the series, and between them and what was sent before.

        Args:
            known: tells which of some numbers were there before.
        """
        for (prefix, width), (numbers, places) in self._series.items():
            distinct, first = np.unique(numbers, return_index=True)
            yield from _gaps_of_series(prefix, width, distinct, np.asarray(places)[first], known)


def _gaps_of_series(
    prefix: str, width: int, numbers: _Integers, places: _Integers, known: Callable[[list[str]], set[str]]
) -> Iterator[Gap]:
    def named(start: int, stop: int) -> list[str]:
        return [f"{prefix}{number:0{width}}" for number in range(start, stop)]

    steps = np.diff(numbers)
    after = np.flatnonzero((steps > 1) & (steps <= _WIDEST_GAP)) + 1
    if len(after) > _MOST_CANDIDATES:
        return
    first = int(numbers[0])
    before = named(max(first - _WIDEST_GAP, 1), first)
    ends = [(int(numbers[at - 1]) + 1, int(numbers[at]), int(places[at])) for at in after]
    candidates = [Gap(named(end, end + 1)[0], named(start, end), at) for start, end, at in ends]
    there = known([*before, *(billnum for gap in candidates for billnum in gap.missing)])
    if last := max((at for at, billnum in enumerate(before, 1) if billnum in there), default=0):
        # the series goes on from an earlier run
        candidates.insert(0, Gap(named(first, first + 1)[0], before[last:], int(places[0])))
    found = [
        gap._replace(missing=missing)
        for gap in candidates
        if (missing := [billnum for billnum in gap.missing if billnum not in there])
    ]
    if len(found) <= max(2, _SHARE_OF_GAPS * len(numbers)):
        yield from found


def usual_month(months: Mapping[str, int]) -> str | None:
    """The month (`2026-10`) that nearly all invoices are of, if there is one."""
    month = max(months, key=lambda each: months[each], default=None)
    if month is None or months[month] < _LEAST_IN_MONTH:
        return None
    return month if months[month] >= _SHARE_OF_MONTH * sum(months.values()) else None
