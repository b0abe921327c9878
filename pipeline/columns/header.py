"""Where a table's header stands, and what the headers of its columns are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.corrections.status import is_corrections, is_status
from pipeline.profile import Reading
from pipeline.readers.table import Table


class Header(NamedTuple):
    """`row` is the header's last row as Excel shows it, of `rows` rows; both are 0 where there is none.

    `texts` has every nonblank header by column, counted from 0; without a header the columns' positions.
    """

    row: int
    rows: int
    texts: dict[int, str]


def find_header(
    table: Table, reading: Reading, known: Callable[[str], str | None], least: int
) -> Header | None:
    """The table's header: the row with the most known headers, unless the profile tells where it is.

    A sheet of a corrections workbook has its header in row 1, whatever the table was that it comes from.

    Args:
        table: whose header.
        reading: what the profile says of it.
        known: the field of a header, nothing where it is not known.
        least: with fewer known headers a row is no header.
    """
    if table.fields is not None:
        return Header(0, 0, dict(enumerate(table.fields)))
    if is_corrections(table.head):
        return Header(1, 1, _nonblank(table.head[0]))
    if not reading.header:
        width = max(map(len, table.head), default=0)
        return Header(0, 0, {at: str(at + 1) for at in range(width)})
    rows = reading.header_rows
    row = reading.header_row or _best_row(table.head, rows, known, least)
    if row is None or not rows <= row <= len(table.head):
        return None
    return Header(row, rows, _nonblank(joined(table.head[row - rows : row])))


def joined(rows: Sequence[Sequence[str]]) -> list[str]:
    """The headers of a header of several rows: a blank cell above the last takes the text on its left."""
    width = max(map(len, rows), default=0)
    parts: list[list[str]] = [[] for _ in range(width)]
    for number, row in enumerate(rows):
        left = ""
        for column in range(width):
            own = row[column].strip() if column < len(row) else ""
            left = own or (left if number < len(rows) - 1 else "")
            if left and any(column < len(each) and each[column].strip() for each in rows):
                parts[column].append(left)
    return [" ".join(texts) for texts in parts]


def _best_row(
    head: Sequence[Sequence[str]], rows: int, known: Callable[[str], str | None], least: int
) -> int | None:
    """The first row with the most known headers."""
    matches = [
        len({known(text) for text in joined(head[row - rows : row]) if text} - {None, ""})
        for row in range(rows, len(head) + 1)
    ]
    most = max(matches, default=0)
    return matches.index(most) + rows if most >= least else None


def _nonblank(texts: Sequence[str]) -> dict[int, str]:
    return {column: text.strip() for column, text in enumerate(texts) if text.strip() and not is_status(text)}
