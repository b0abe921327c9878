"""Questions asked of the cells of a column, once a distinct text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from pipeline.readers.table import EXACT
from pipeline.rows.frames import codes, texts
from pipeline.values.convert import clean
from pipeline.values.words import normalise, total_words

Bools = np.ndarray[Any, np.dtype[np.bool_]]

_NUMBER_LIKE = re.compile(r"[-+\u2212]?[0-9][0-9\s.,]*-?\s*(?:€|%|[A-Za-z]{2,3})?")


def rows_where(column: pd.Series[Any], test: Callable[[str], bool]) -> Bools:
    """For each row whether its text passes."""
    verdicts = np.array([test(text) for text in texts(column).tolist()], bool)
    of_row: Bools = verdicts[codes(column)] if verdicts.any() else np.zeros(len(column), bool)
    return of_row


def is_blank(text: str) -> bool:
    """Whether there is nothing but spaces, control and invisible characters."""
    stripped = text.strip()
    return not stripped or (not stripped.isprintable() and not clean(stripped))


def is_total_word(text: str) -> bool:
    """Whether it is a word such as `Yhteensä`."""
    return not text.isdecimal() and normalise(text) in total_words()


def is_number_like(text: str) -> bool:
    """Whether it could be a quantity, a sum, a rate, a date."""
    return bool(_NUMBER_LIKE.fullmatch(text.strip().removesuffix(EXACT)))
