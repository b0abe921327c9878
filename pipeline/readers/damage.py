"""What keeps a record of a delimited text file from being certain, and which texts it puts in doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from pipeline.language import translate
from pipeline.privacy import mask
from pipeline.readers.records import Record, count_lines
from pipeline.readers.table import Marks, Problem

_SHOWN = 200
"""How many characters of a damaged cell or row a finding shows."""


class Layout(NamedTuple):
    """How most records of a file lie."""

    delimiter: str
    width: int
    """How many fields they have."""
    needed: int
    """How many of these hold anything: one less where every row ends with a delimiter."""
    titles: int
    """How many records come before the first of that width: titles, which may be narrower."""
    last_filled: bool
    """Whether the last field is never empty."""
    marks: Marks | None = None
    """Of records of several kinds, which may differ in length: how they are told apart."""

    @property
    def many_delimiters(self) -> int:
        """About as many as a row has: within a cell that spans lines, the sign of swallowed rows."""
        return 1 if self.marks else max(1, (self.needed - 1) * 4 // 5)

    def fits(self, width: int) -> bool:
        """Whether a record may have so many fields; a blank line has none."""
        return width in {0, self.width} or self.marks is not None


def problems(parsed: list[Record], layout: Layout, row: int, line: int) -> list[list[Problem]]:
    """The problems of each record; `row` is the first one's index in the file, `line` its first line."""
    found: list[list[Problem]] = []
    for index, record in enumerate(parsed, row):
        if layout.fits(len(record.fields)) and '"' not in record.raw and "\0" not in record.raw:
            found.append([])  # as nearly all are, and of one line
            line += 1
            continue
        last = line + count_lines(record.raw.rstrip("\r\n").encode())
        found.append(_problems(record, layout, (line, last), title=index < layout.titles))
        line = last + 1
    return found


def beside_fragments(parsed: list[Record], layout: Layout) -> Iterator[Record]:
    """The records right before and after what may be one cell, broken off by a line break not in quotes.

    Broken off from a row's first or last cell it leaves a row of the right length, but not whole. Where
    records have marks, such a cell has none, and the file is refused.
    """
    if layout.marks:
        return
    for one, other in pairwise(parsed):
        if _is_fragment(one, layout):
            yield other
        if _is_fragment(other, layout):
            yield one


def doubtful_texts(record: Record, delimiter: str) -> set[str]:
    """Every text of a damaged record, also of the cells of rows that one of its cells swallowed."""
    ends = rf"\r\n{re.escape(delimiter)}"
    texts = {*record.fields, *re.split(f"[{ends}]", record.raw), *re.split(f'["{ends}]', record.raw)}
    texts |= {text.replace("\0", "").strip().strip('"').strip() for text in texts}
    return {text for text in texts if text.strip()}


def shown(text: str) -> str:
    """The text as a finding shows it; masked before it is cut: half a personal identity code is one, too."""
    masked = mask(text)
    return masked if len(masked) <= _SHOWN else masked[:_SHOWN] + "…"


def _problems(record: Record, layout: Layout, lines: tuple[int, int], *, title: bool) -> list[Problem]:
    first, last = lines
    where = f"{first}-{last}" if last > first else str(first)
    found = [(column, "nul-byte") for column, text in enumerate(record.fields) if "\0" in text]
    if '"' in record.raw:
        found += [(column, "stray-quote") for column in _stray_quotes(record, layout.delimiter)]
    if last > first:
        found += [
            (column, "swallowed-rows")
            for column, text in enumerate(record.fields)
            if ("\n" in text or "\r" in text) and _holds_rows(text, layout)
        ]
    cells = [
        Problem(column, code, shown(record.fields[column].replace("\0", "")), where) for column, code in found
    ]
    if not _wrong_length(record.fields, layout, title=title):
        return cells
    detail = translate(
        "{fields} fields instead of {needed} (line {line})",
        fields=len(record.fields),
        needed=layout.needed,
        line=where,
    )
    return [*cells, Problem(None, "row-length", shown(record.raw.replace("\0", "").rstrip("\r\n")), detail)]


def _holds_rows(text: str, layout: Layout) -> bool:
    """Whether a cell that spans lines may hold whole rows, which stray quotation marks have swallowed."""
    if not layout.marks:
        return text.count(layout.delimiter) >= layout.many_delimiters
    column, known = layout.marks
    lines = (line.split(layout.delimiter) for line in text.splitlines()[1:])
    return any(fields[column].strip() in known for fields in lines if column < len(fields))


def _wrong_length(fields: list[str], layout: Layout, *, title: bool) -> bool:
    """Whether cells may stand in columns that are not theirs, or be missing.

    An empty field too many may still mean a row shifted by a delimiter within its text, whose last cell
    was empty; only where the last field is never empty it cannot. Likewise for the one that a row which
    ends without the usual delimiter has too few.
    """
    count = len(fields)
    if layout.fits(count) or not any(text.strip() for text in fields):
        return False
    if count > layout.width:
        return not layout.last_filled or any(text.strip() for text in fields[layout.width :])
    if title:
        return False
    return count < layout.needed or not fields[-1].strip()


def _is_fragment(record: Record, layout: Layout) -> bool:
    count = len(record.fields)
    most = min(1 + layout.width - layout.needed, layout.needed - 1)
    return 0 < count <= most and any(text.strip() for text in record.fields)


def _stray_quotes(record: Record, delimiter: str) -> Iterator[int]:
    """The columns whose cell begins with a quotation mark, but is not quoted as the rule has it."""
    start = 0
    for column, text in enumerate(record.fields):
        quoted = '"' + text.replace('"', '""') + '"'
        written = quoted if record.raw.startswith('"', start) else text
        stop = start + len(written)
        follows = record.raw[stop : stop + 1]
        if not record.raw.startswith(written, start) or follows not in {delimiter, "\r", "\n", ""}:
            yield column
            return  # from here on it is not known where a field starts
        if written is text and text.lstrip(" ").startswith('"'):
            yield column
        start = stop + 1
