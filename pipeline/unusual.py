"""What is unusual about a run: pure functions over what was read and what was usual so far.

All of it is warnings: an invoice may be ten times as large as ever, and right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

TIMES = 10
"""From so many times the customer's usual total on, an invoice is unusual."""

_LEAST_IN_MONTH = 5
_SHARE_OF_MONTH = 0.9
_WIDEST_GAP = 50
"""A wider gap is the beginning of another series."""
_MOST_CANDIDATES = 1_000
_SHARE_OF_GAPS = 0.1
"""With more gaps than that, the numbers do not follow one another anyway."""
_NUMBERED = re.compile(r"(.*?)([0-9]{1,15})")


class Gap(NamedTuple):
    """Numbers that are missing before `billnum`."""

    billnum: str
    missing: list[str]


def times_usual(total: int, usual: int | None) -> int | None:
    """How many times its customer's usual total an invoice is, if that is unusual; sums in cents."""
    return total // usual if usual and total >= TIMES * usual else None


def gaps(billnums: Iterable[str], known: Callable[[list[str]], set[str]]) -> Iterator[Gap]:
    """The gaps in the series of bill numbers, and between them and what was sent before.

    Args:
        billnums: all bill numbers of the run.
        known: tells which of some numbers were there before.
    """
    for prefix, by_width in _series(billnums).items():
        for width, numbers in by_width.items():
            yield from _gaps_of_series(prefix, width, sorted(numbers), known)


def _series(billnums: Iterable[str]) -> dict[str, dict[int, set[int]]]:
    """The numbers by what stands before them; `007` and `7` are of different series."""
    series: dict[str, dict[int, set[int]]] = {}
    for billnum in billnums:
        if match := _NUMBERED.fullmatch(billnum):
            width = len(match[2]) if match[2].startswith("0") else 0
            series.setdefault(match[1], {}).setdefault(width, set()).add(int(match[2]))
    return series


def _gaps_of_series(
    prefix: str, width: int, numbers: list[int], known: Callable[[list[str]], set[str]]
) -> Iterator[Gap]:
    def named(start: int, stop: int) -> list[str]:
        return [f"{prefix}{number:0{width}}" for number in range(start, stop)]

    first = numbers[0]
    before = named(max(first - _WIDEST_GAP, 1), first)
    candidates = [
        Gap(named(other, other + 1)[0], named(one + 1, other))
        for one, other in pairwise(numbers)
        if 1 < other - one <= _WIDEST_GAP
    ]
    if len(candidates) > _MOST_CANDIDATES:
        return
    there = known([*before, *(billnum for gap in candidates for billnum in gap.missing)])
    if last := max((at for at, billnum in enumerate(before, 1) if billnum in there), default=0):
        # the series goes on from an earlier run
        candidates.insert(0, Gap(named(first, first + 1)[0], before[last:]))
    found = [
        Gap(gap.billnum, missing)
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
