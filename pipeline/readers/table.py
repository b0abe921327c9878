"""What every reader returns: one table of exact cell text, read in row frames of bounded size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from pipeline.findings import Finding

ROW = "@row"
PROBLEMS = "@problems"
EXACT = "\u2063"
"""Ends the text of a fractional number cell of a workbook, where the cell itself says that the dot is a
decimal point; in a text cell `1.234` may be two numbers. Invisible; `values` takes it off."""
HEAD_ROWS = 60
"""How many rows of a table are looked at to find its header."""

DAMAGES_ROW = frozenset({"row-length", "swallowed-rows", "stray-quote"})
"""Problems that make the whole row doubtful, whichever column they were seen in."""

RowFrame = pd.DataFrame
"""Columns 0, 1, 2… (0 is Excel's column A): categoricals of exact cell text, `""` where empty.
`@row`: int64, the row's number as Excel shows it. `@problems`: object, `""` or what `Problem.pack` wrote."""


class Problem(NamedTuple):
    """A cell or row that could not be read for certain; it becomes a finding of that code.

    `column` counts from 0, or is None for the whole row. `value` is the cell's text as far as known;
    `detail` fills the `{detail}` of the finding's message (for lines: `12-31`).
    """

    column: int | None
    code: str
    value: str = ""
    detail: str = ""

    @staticmethod
    def pack(problems: list[Problem]) -> str:
        """The problems of one row as the text that travels in its `@problems` column."""
        return json.dumps(problems, ensure_ascii=False)

    @staticmethod
    def unpack(text: str) -> list[Problem]:
        """The inverse of `pack`."""
        return [Problem(*parts) for parts in json.loads(text)] if text else []


@dataclass(slots=True)
class Table:
    """One table of a file: a CSV file, or one sheet of a workbook.

    `facts` tell how the file was understood (`encoding`, `delimiter`, …), in the order to show them.
    `head` are the first rows, whatever they hold, as exact text; row 1 is `head[0]`.
    `frames(n)` reads all rows from row 1 on, in frames of at most n rows; each call reads anew.
    `share_read` grows from 0 to 1 meanwhile (for progress bars). `findings` and `suspects` are complete when
    `frames` is exhausted; `suspects` are all cell texts
    of rows that were damaged: no invoice whose identity is among them may be sent.
    """

    file: str
    sheet: str | None
    facts: dict[str, str]
    head: list[list[str]]
    frames: Callable[[int], Iterator[RowFrame]]
    findings: list[Finding] = field(default_factory=list)
    suspects: set[str] = field(default_factory=set)
    share_read: float = 0.0


def cell_name(column: int, row: int) -> str:
    """`F12` for column 5 (counted from 0) of row 12."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"
