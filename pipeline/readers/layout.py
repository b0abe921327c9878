"""How the records of a delimited text file lie: its delimiter, its width, where its table begins.

All of it is settled over the whole file by counting fields; nothing is concluded from the first lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import log2
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.findings import Place, Refusal, refuse
from pipeline.readers.damage import Layout, shown
from pipeline.readers.encoding import utf8_pieces
from pipeline.readers.records import Chunk, Record, UnclosedError, chunks, count_lines, records
from pipeline.readers.table import HEAD_ROWS, Marks

_DELIMITERS = {";": "semicolon (;)", ",": "comma (,)", "\t": "tab", "|": "vertical bar (|)"}
_SEPARATOR_LINE = re.compile(rb"sep=([!-~\t])(?:\r\n|\n|\r)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+\u2212]?[0-9][0-9\s.,/:%\u20ac-]*")


class Source(NamedTuple):
    """A file whose encoding is settled; its text starts after a line such as `sep=;`, if it has one.

    `skip` is that line's length as UTF-8, `line` the number of the line after it. `begin` and `end` are where
    a stretch of the file lies, in bytes.
    """

    path: Path
    codec: str
    skip: int = 0
    line: int = 1
    begin: int = 0
    end: int | None = None

    def chunks(self, delimiter: str, progress: Callable[[int], None] = lambda _: None) -> Iterator[Chunk]:
        """All records; `progress` is told how many bytes of the file have been read.

        Raises:
            Refusal: `quote-unclosed` or `line-too-long`.
        """
        try:
            yield from chunks(self.pieces(progress), delimiter, self.line)
        except UnclosedError as error:
            code = "quote-unclosed" if error.quoted else "line-too-long"
            raise refuse(code, Place(str(self.path)), value=shown(error.text), line=error.line) from None

    def pieces(self, progress: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
        """The text as UTF-8."""
        skip = self.skip
        for piece, done in utf8_pieces(self.path, self.codec, self.begin, self.end):
            yield piece[skip:]
            skip = 0
            progress(done)


@dataclass(slots=True)
class Survey:
    """The file's records counted, if the delimiter is this one; by width where it says so."""

    delimiter: str
    marks: Marks | None = None
    counts: Counter[int] = field(default_factory=Counter)
    """By width: how many records. Width 0 is a blank line."""
    hollow: Counter[int] = field(default_factory=Counter)
    """By width: how many records whose last field is empty."""
    first: dict[int, int] = field(default_factory=dict)
    """By width: the index of the first such record."""
    line_ends: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    lines: int = 0
    opening: list[Record] = field(default_factory=list)

    def add(self, chunk: Chunk) -> None:
        """Count these records, too."""
        if (missing := HEAD_ROWS - len(self.opening)) > 0:
            head, _ = chunk.split(missing)
            self.opening += records(head.data.decode(), self.delimiter)
        for width, index, count in _distinct(chunk.widths):
            self.counts[width] += count
            self.first.setdefault(width, self.rows + index)
        for width, _, count in _distinct(chunk.widths[chunk.hollow]):
            self.hollow[width] += count
        self.line_ends.update(_line_ends(chunk))
        self.rows += len(chunk.ends)
        self.lines += count_lines(chunk.data) + (not chunk.data.endswith((b"\n", b"\r")))

    @property
    def width(self) -> int:
        """The field count of most records; wide ones weigh more, since title rows are narrow.

        Of records of several kinds, the field count of the widest.
        """
        widths = [width for width in self.counts if width]
        if self.marks:
            return max(widths, default=0)
        return max(
            widths, key=lambda width: (self.counts[width] * log2(width), self.counts[width]), default=0
        )

    @property
    def share(self) -> float:
        """The share of the records that have that width; blank lines do not count."""
        if self.marks:
            return 1.0
        return self.counts[self.width] / max(self.rows - self.counts[0], 1)

    @property
    def score(self) -> int:
        """How many delimiters stand in records of that width."""
        if self.marks:
            return sum(count * (width - 1) for width, count in self.counts.items() if width)
        return self.counts[self.width] * (self.width - 1)

    @property
    def headed(self) -> bool:
        """Whether the first record of that width can be a header: none of its fields is a number.

        Of records of several kinds, whether the first ones have their marks.
        """
        if self.marks:
            column, known = self.marks
            records = (record.fields for record in self.opening if any(record.fields))
            return all(len(fields) > column and fields[column].strip() in known for fields in records)
        first = self.opening[self.layout().titles :][:1]
        return bool(first) and not any(_NUMBER.fullmatch(text.strip()) for text in first[0].fields)

    def layout(self) -> Layout:
        """What follows from the counts for each row."""
        width, hollow = self.width, self.hollow[self.width]
        if self.marks:
            return Layout(self.delimiter, width, width, 0, last_filled=not hollow, marks=self.marks)
        needed = width - (width > 1 and hollow == self.counts[width])
        titles = min(self.first.get(each, self.rows) for each in (width, needed))
        return Layout(self.delimiter, width, needed, titles, last_filled=not hollow)

    def facts(self) -> dict[str, str]:
        """How the file was understood, in words."""
        layout = self.layout()
        one = len(self.line_ends) == 1
        ends = (name if one else f"{name} ({count})" for name, count in self.line_ends.most_common())
        facts = {
            "delimiter": named(self.delimiter),
            "line ends": ", ".join(ends) or "none",
            "lines": str(self.lines),
            "rows": str(self.rows),
            "columns": str(layout.needed),
        }
        if layout.needed < layout.width:
            facts["last column"] = "empty: every row ends with a delimiter"
        return facts


def survey(source: Source, delimiter: str, marks: Marks | None = None) -> Survey:
    """Count the records of the whole file.

    Raises:
        Refusal: `quote-unclosed` or `line-too-long`.
    """
    counted = Survey(delimiter, marks)
    for chunk in source.chunks(delimiter):
        counted.add(chunk)
    return counted


def settle_delimiter(source: Source, marks: Marks | None = None) -> Survey:
    """The survey with the delimiter that divides the whole file most evenly, or shows its marks.

    Raises:
        Refusal: none of `;` `,` tab and `|` divides it, or two do equally well (`delimiter-missing`,
            `delimiter-unclear`); `quote-unclosed` or `line-too-long`.
    """
    totals: Counter[str] = Counter()
    for piece in source.pieces():
        array = np.frombuffer(piece, np.uint8)
        totals.update({each: int(np.count_nonzero(array == ord(each))) for each in _DELIMITERS})
    surveys: list[Survey] = []
    refused: list[tuple[int, Refusal]] = []
    for delimiter, total in totals.most_common():
        if total * 2 <= max((each.score for each in surveys if not marks), default=0):
            break  # its score cannot come near
        try:
            surveys.append(survey(source, delimiter, marks))
        except Refusal as error:
            refused.append((total, error))
    best = max(surveys, key=lambda each: (bool(marks) and each.headed, each.score), default=Survey(""))
    is_sure = best.headed and best.share > 0.9
    for total, refusal in refused:
        if total >= best.score and not is_sure:
            raise refusal
    if best.width < 2:
        raise refuse("delimiter-missing", Place(str(source.path)))
    if marks and not best.headed:
        return best  # the unknown mark is what there is to tell
    rivals = [each for each in surveys if each.score * 2 > best.score and not _clearer(best, each)]
    if len(rivals) > 1:  # one is itself
        names = " and ".join(named(each.delimiter) for each in rivals)
        raise refuse("delimiter-unclear", Place(str(source.path)), delimiters=names)
    return best


def separator_line(source: Source) -> tuple[Source, str | None]:
    """The file after its line `sep=;`, and that delimiter; Excel neither shows nor counts such a line."""
    match = _SEPARATOR_LINE.match(next(source.pieces(), b""))
    if not match:
        return source, None
    return source._replace(skip=match.end(), line=2), match[1].decode()


def named(delimiter: str) -> str:
    """The delimiter in words."""
    return _DELIMITERS.get(delimiter, delimiter)


def refuse_header_of_other_width(counted: Survey, place: Place) -> None:
    """Above rows with numbers stands a header of another width: every row would be read shifted.

    Raises:
        Refusal: `header-width`.
    """
    layout, opening = counted.layout(), counted.opening
    titles = [record.fields for record in opening[: layout.titles] if any(record.fields)]
    if not titles or layout.titles >= len(opening):
        return
    header = titles[-1]
    while header and not header[-1].strip():
        header = header[:-1]
    if not counted.headed and len(header) != layout.needed and sum(map(bool, header)) * 2 > layout.needed:
        raise refuse(
            "header-width",
            place,
            value=shown(" ".join(header)),
            names=len(header),
            fields=layout.needed,
            row=layout.titles + 1,
        )


def _clearer(one: Survey, other: Survey) -> bool:
    """Whether only this one has a header, or it divides as many records, into as many fields, and more."""
    mine, others = (one.share, one.width), (other.share, other.width)
    if one.headed != other.headed:
        return one.headed
    return mine != others and mine[0] >= others[0] and mine[1] >= others[1]


def _distinct(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Iterator[tuple[int, int, int]]:
    """Each value with the index of its first occurrence and its count."""
    found = np.unique(values, return_index=True, return_counts=True)
    return zip(*(each.tolist() for each in found), strict=True)


def _line_ends(chunk: Chunk) -> dict[str, int]:
    array = np.frombuffer(chunk.data, np.uint8)
    last, before = array[chunk.ends - 1], array[chunk.ends - 2]
    is_lf = last == ord("\n")
    is_both = is_lf & (before == ord("\r")) & (chunk.ends > 1)
    counts = {"CR LF": is_both.sum(), "LF": (is_lf & ~is_both).sum(), "CR": (last == ord("\r")).sum()}
    return {name: int(count) for name, count in counts.items() if count}
