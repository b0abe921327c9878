"""Cells of a workbook as exact text, and columns of them as categoricals.

A number is taken at Excel's own 15 significant digits; from there on everything is text or `Decimal`.
Sources: `finnish-exports.md`, Files; ECMA-376 part 1, 18.8.30 for number formats.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

from pipeline.readers.table import EXACT
from pipeline.rows.frames import categorical

PERCENT = "%"
"""The shape (see `shape`) of cells that show a number as percent."""
SLOT = "\0"
"""In a shape, a digit that is shown even where the number has none."""
TOO_LONG = 1e15
"""A number from here on has more than the 15 digits that Excel holds."""

Shape = str
"""How a cell shows its number where that matters: `PERCENT`, or `SLOT`s and literal characters."""

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|(?P<bracket>\[[^\]]*\])|[_*].|(?P<plain>.)', re.DOTALL
)
_LOCALE_OR_COLOUR = re.compile(r"\[(?:\$-[^\]]*|[A-Za-z]+ ?[0-9]*)\]")


@cache
def shape(number_format: str) -> Shape | None:
    """The shape that a number format gives, or None if the number's plain text says as much.

    Only percent formats and formats of two or more zeros (`00000`, `000 00`, `0000000-0`, `"INV-"0000`)
    have one; of a format with sections, the one for positive numbers decides.
    """
    tokens = [*_TOKEN.finditer(number_format)]
    if any(token["plain"] == "%" for token in tokens):
        return PERCENT
    shown = ""
    for token in tokens:
        literal = token["quoted"] or token["escaped"] or ""
        plain = token["plain"]
        if plain == ";":
            break
        if plain == "0":
            shown += SLOT
        elif (plain and plain not in " -\u00a0") or (
            token["bracket"] and not _LOCALE_OR_COLOUR.fullmatch(token["bracket"])
        ):
            return None
        else:
            shown += plain or literal
    return shown if shown.count(SLOT) > 1 else None


def number_text(value: float) -> str:
    """The shortest decimal text of a number at 15 significant digits, never with an exponent.

    0.1 + 0.2 → `0.3`, 1e-7 → `0.0000001`, 100.0 → `100`; a fraction ends with `EXACT`.
    """
    text = f"{value:.15g}"
    if "e" in text:
        text = format(Decimal(text), "f")
    if "." in text:
        return text + EXACT
    return "0" if text == "-0" else text


def shown_number(value: float, as_shown: Shape) -> str:
    """The text of a number in a cell of that shape: 0.255 → `25.5%`, 100 in `00000` → `00100`."""
    if as_shown == PERCENT:
        text = f"{Decimal(f'{value:.15g}').scaleb(2):f}%" if value else "0%"
        return text + EXACT if "." in text else text
    if value < 0 or value >= TOO_LONG or not value.is_integer():
        return number_text(value)
    slots = as_shown.count(SLOT)
    digits = f"{value:.0f}".zfill(slots)
    more = len(digits) - slots  # digits that have no slot stand before the first one
    before, *between = as_shown.split(SLOT)
    return before + digits[:more] + "".join(map(str.__add__, digits[more:], between))


def moment_text(value: dt.date | dt.time | dt.timedelta) -> str:
    """ISO 8601: `2026-02-01`, `2026-02-01T10:30:00`, `10:30:00`; a time span `30:00:00`."""
    if isinstance(value, dt.timedelta):
        seconds = round(abs(value.total_seconds()))
        sign = "-" if value < dt.timedelta() else ""
        return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return value.isoformat().removesuffix("T00:00:00")


def column(
    cells: Sequence[Any], shapes: Sequence[tuple[Shape, np.ndarray[Any, Any]]] = ()
) -> tuple[pd.Categorical, np.ndarray[Any, Any]]:
    """Cells of one column as a categorical of their texts, each distinct value converted once.

    Args:
        cells: values as python-calamine gives them, `""` where empty.
        shapes: each shape with the positions of the cells that have it.

    Returns:
        The texts, and the positions of numbers that are not known to their last digit.
    """
    types = set(map(type, cells))
    if types <= {str}:
        code, distinct = pd.factorize(np.fromiter(cells, object, len(cells)))
        return categorical(code, distinct), np.empty(0, np.intp)
    if bool in types:  # in Python True equals 1
        cells = [("FALSE", "TRUE")[cell] if type(cell) is bool else cell for cell in cells]
    values = np.fromiter(cells, float if types == {float} else object, len(cells))
    index: dict[str, int] = {}
    codes = np.empty(len(values), np.intp)
    lost: list[np.ndarray[Any, Any]] = []
    for as_shown, where in _parts(len(values), shapes):
        code, found = pd.factorize(values[where], use_na_sentinel=False)
        distinct = found.tolist()
        number = partial(shown_number, as_shown=as_shown) if as_shown else number_text
        texts = map(number, distinct) if types == {float} else (_text(value, number) for value in distinct)
        codes[where] = np.array([index.setdefault(text, len(index)) for text in texts], np.intp)[code]
        numbers = found if types == {float} else np.array([_number(value) for value in distinct])
        inexact = np.flatnonzero(~(np.abs(numbers) < TOO_LONG))  # NaN is not less either
        if len(inexact):
            lost.append(where[np.isin(code, inexact)])
    return categorical(codes, list(index)), np.concatenate(lost) if lost else np.empty(0, np.intp)


def _parts(
    length: int, shapes: Sequence[tuple[Shape, np.ndarray[Any, Any]]]
) -> list[tuple[Shape | None, np.ndarray[Any, Any]]]:
    """Every position once, with its shape."""
    rest = np.ones(length, bool)
    for _, where in shapes:
        rest[where] = False
    return [part for part in (*shapes, (None, np.flatnonzero(rest))) if len(part[1])]


def _text(value: Any, number: Callable[[float], str]) -> str:
    if isinstance(value, str):
        return value
    return number(value) if isinstance(value, float | int) else moment_text(value)


def _number(value: Any) -> float:
    return value if isinstance(value, float | int) else 0.0
