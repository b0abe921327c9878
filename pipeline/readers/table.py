"""What every reader returns: one table of exact cell text, read in row frames of bounded size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from pipeline.findings import Finding, Place

ROW = "@row"
PROBLEMS = "@problems"
FIELDS = "@fields"
INVOICE = "@invoice"
"""Of a table made from records: the row number of the invoice record that a row belongs to, as text. It tells
invoices without bill number apart."""
FOLLOWS = "@follows"
"""Of a table of which only an invoice's first row says whose it is: whether a row has that from above."""
EXACT = "\u2063"
"""Ends the text of a fractional number cell of a workbook, where the cell itself says that the dot is a
decimal point; in a text cell `1.234` may be two numbers. Invisible; `values` takes it off."""
HEAD_ROWS = 60
"""How many rows of a table are looked at to find its header."""

DAMAGES_ROW = frozenset({"row-length", "swallowed-rows", "stray-quote"})
"""Problems that make the whole row doubtful, whichever column they were seen in."""

RowFrame = pd.DataFrame
"""Columns 0, 1, 2… (0 is Excel's column A): categoricals of exact cell text, `""` where empty.
`@row`: int64, the row's number as Excel shows it. `@problems`: object, `""` or what `Problem.pack` wrote.
A text file of records of several kinds has `@fields`, too: int64, how many fields the record has."""


class Marks(NamedTuple):
    """How a record of a file that has several kinds of them says of which kind it is."""

    column: int
    """The column, counted from 0, that holds its mark."""
    known: frozenset[str]
    """The marks that there are."""


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


Stretch: TypeAlias = "Callable[[Table, int], Iterator[RowFrame]]"
"""Some rows of a file, one after the other, which any process that sees the file can read for its table, in
frames of at most so many rows."""


@dataclass(slots=True)
class Table:
    """One table of a file: a CSV file, or one sheet of a workbook.

    `facts` tell how the file was understood (`encoding`, `delimiter`, …), in the order to show them.
    `head` are the first rows, whatever they hold, as exact text; row 1 is `head[0]`.
    `frames(n)` reads all rows from row 1 on, in frames of at most n rows; each call reads anew.
    `share_read` grows from 0 to 1 meanwhile (for progress bars). `findings` and `suspects` are complete when
    `frames` is exhausted; `suspects` are all cell texts
    of rows that were damaged: no invoice whose identity is among them may be sent.
    `titles` are the first rows that have fewer fields than the others, as titles above a header may.
    `unpacked` is where a file out of an `archive` lies while the run lasts.

    Of a virtual table, which is made from records of several kinds (`pipeline.records`), `fields` are its
    columns' fields; `origin` tells by row number and column, from 0, in which row and column of the file a
    cell stands, and None for a cell that the file does not have.

    `stretches(n)` divides a text file into stretches of about n bytes. In another process a table is without
    its rows, but for the stretch that it is given.
    """

    file: str
    sheet: str | None
    facts: dict[str, str]
    head: list[list[str]]
    frames: Callable[[int], Iterator[RowFrame]]
    findings: list[Finding] = field(default_factory=list)
    suspects: set[str] = field(default_factory=set)
    titles: int = 0
    share_read: float = 0.0
    unpacked: Path | None = None
    archive: Path | None = None
    fields: tuple[str, ...] | None = None
    origin: Callable[[int, int], tuple[int, int] | None] | None = None
    stretches: Callable[[int], list[Stretch]] | None = None

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        without_rows = {"frames": no_rows, "stretches": None}
        return None, {name: getattr(self, name) for name in self.__slots__} | without_rows

    @property
    def path(self) -> Path:
        """Where the file can be opened."""
        return self.unpacked or Path(self.file)

    @property
    def own_file(self) -> Path:
        """The user's own file that holds the table: itself, or its archive."""
        return self.archive or Path(self.file)


def no_rows(_: int) -> Iterator[RowFrame]:
    """The frames of a table that is without its rows."""
    return iter(())


def cell_name(column: int, row: int) -> str:
    """`F12` for column 5 (counted from 0) of row 12."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def cell_place(table: Place, row: int, column: int) -> Place:
    """The place of a cell in that table; the column counts from 0."""
    return Place(table.file, table.sheet, row, cell=cell_name(column, row))
