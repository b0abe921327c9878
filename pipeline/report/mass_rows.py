"""Rows of a worksheet as XML, for tables of more rows than xlsxwriter should be asked to write.

Cells of a column are made together: their texts are looked at and escaped as one long text. Measured on
660,000 cells, packing included: xlsxwriter in its constant memory mode some 3 s, cell by cell 0.9 s, this
0.6 s. `text_xml` is the obvious version, for one text, and the oracle of `texts_xml`; xlsxwriter is that
of the whole: a test writes one table both ways and reads the same back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from shutil import copyfileobj
from typing import IO, BinaryIO, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

from xlsxwriter.utility import xl_col_to_name

ROW = "\0"
"""Stands in the XML of a cell for the number of its row. No text can hold it."""

_BUFFER = 1 << 20
_AT_ONCE = 1_000  # rows
_LONGEST_TEXT = 16_000  # Excel takes 32,767 UTF-16 units: two at most for each of ours
_COMPRESSION = 1  # level 6 takes twice the time to make the file a third smaller

# What XML cannot hold, and a tab or line break, which would break the row of a table.
_UNWRITABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile(r"(_x[0-9a-fA-F]{4}_)")  # Excel would read it as a character
_AROUND = re.compile(r"^\s|\s$")


class Link(NamedTuple):
    """A text that leads to a place when clicked."""

    text: str
    url: str


class Number(NamedTuple):
    """A number as decimal text with the name of its format."""

    text: str
    format: str


Cell = str | Link | Number | None


class MassRows:
    """Rows of the sheet with that number (from 1), kept in a file until the workbook is packed.

    `styles` has the number of each format in the workbook, `looks` the format of each column's texts,
    `""` where it has none. `last` is the last row's number as Excel shows it, 0 when there is none.
    """

    def __init__(self, sheet: int, styles: dict[str, int], looks: list[str], spool: Path) -> None:
        self.entry = f"xl/worksheets/sheet{sheet}.xml"
        self.last = 0
        self._styles = styles
        self._looks = [styles[look] if look else 0 for look in looks]
        self._spool = spool
        self._file: BinaryIO | None = None
        self._waiting: list[Sequence[Cell]] = []

    def write(self, row: int, cells: Sequence[Cell]) -> None:
        """Write a row, which is the one below the row written before; a link is written as its text."""
        self.last = row
        self._waiting.append(cells)
        if len(self._waiting) == _AT_ONCE:
            self._flush()

    def write_columns(self, first: int, columns: Sequence[Sequence[str]]) -> None:
        """Write rows from that one on, given by column as XML with `ROW` for the number of a cell's row."""
        if self._file is None:
            self._file = self._spool.open("w+b", buffering=_BUFFER)
        rows = [
            f'<row r="{ROW}">{"".join(cells)}</row>'.replace(ROW, str(row))
            for row, cells in enumerate(zip(*columns, strict=True), first)
        ]
        self._file.write("".join(rows).encode())
        self.last = first + len(rows) - 1

    def copy_to(self, target: IO[bytes]) -> None:
        """Write all rows to a file."""
        self._flush()
        if self._file is not None:
            self._file.seek(0)
            copyfileobj(self._file, target, _BUFFER)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _flush(self) -> None:
        if self._waiting:
            columns = enumerate(zip_longest(*self._waiting))
            first = self.last - len(self._waiting) + 1
            self.write_columns(first, [self.column(number, cells) for number, cells in columns])
            self._waiting.clear()

    def column(self, number: int, cells: Sequence[Cell]) -> list[str]:
        """The cells of that column (from 0) as `write_columns` takes them."""
        look = self._looks[number]
        texts = [cell or "" for cell in cells if cell is None or isinstance(cell, str)]
        if len(texts) == len(cells):
            return texts_xml(texts, number, look)
        written = texts_xml(["" if isinstance(cell, Number) else _text(cell) for cell in cells], number, look)
        for at, cell in enumerate(cells):
            if isinstance(cell, Number):
                written[at] = number_xml(cell.text, number, self._styles[cell.format])
        return written


def put_in_place(draft: Path | BytesIO, mass: list[MassRows], path: Path) -> None:
    """Copy a workbook with those rows after the last row of their sheets.

    Raises:
        OSError: the disk is full or the file cannot be written.
    """
    rows_of = {rows.entry: rows for rows in mass}
    with ZipFile(draft) as source, ZipFile(path, "w", ZIP_DEFLATED, compresslevel=_COMPRESSION) as target:
        for part in source.infolist():
            xml = source.read(part)
            rows = rows_of.get(part.filename)
            # By its name: a ZipInfo of ours would be packed at zlib's own level, whatever the archive's.
            with target.open(part.filename, "w", force_zip64=rows is not None) as file:
                if rows is None:
                    file.write(xml)
                    continue
                head, mark, tail = xml.partition(b"</sheetData>")
                file.write(_extended(head, rows))
                rows.copy_to(file)
                file.write(mark + tail)


def plain(text: str) -> str:
    """The text so that Excel shows it as it is, in one line.

    xlsxwriter would take `<r>…</r>` for markup of its own; a space keeps it from that.
    """
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}…"
    text = _UNWRITABLE.sub(_stand_in, text)
    return f"{text} " if text.startswith("<r>") and text.endswith("</r>") else text


def _stand_in(match: re.Match[str]) -> str:
    return " " if match[0] in "\t\n\r" else "\ufffd"


def blank_xml(column: int, style: int) -> str:
    """A cell of that column (from 0) that holds nothing: XML with `ROW` for its row."""
    return f'<c r="{_letters(column)}{ROW}" s="{style}"/>'


def number_xml(digits: str, column: int, style: int) -> str:
    """A cell of that column (from 0) that holds a number: XML with `ROW` for its row."""
    return f'<c r="{_letters(column)}{ROW}" s="{style}"><v>{digits}</v></c>'


def numbers_xml(digits: Iterable[str], column: int, style: int) -> list[str]:
    """`number_xml` of each of these numbers."""
    head, tail = number_xml(ROW, column, style).rsplit(ROW, 1)
    return [f"{head}{each}{tail}" for each in digits]


def text_xml(text: str, column: int, style: int, shown: Callable[[str], str] = plain) -> str:
    """A cell of that column (from 0) that shows a text: XML with `ROW` for its row; nothing for no text.

    `shown` makes the text one that Excel shows as it is.
    """
    if not text:
        return ""
    text = _ESCAPED.sub(r"_x005F\1", shown(text))
    space = ' xml:space="preserve"' if _AROUND.search(text) else ""
    head, tail = _around(column, style, space)
    return f"{head}{_escaped(text)}{tail}"


def texts_xml(
    texts: Sequence[str], column: int, style: int, shown: Callable[[str], str] = plain
) -> list[str]:
    """`text_xml` of each of these texts."""
    if not texts:
        return []
    joined = "\n".join(texts)
    if _needs_care(joined, texts):
        return [text_xml(text, column, style, shown) for text in texts]
    head, tail = _around(column, style)
    return [f"{head}{text}{tail}" if text else "" for text in _escaped(joined).split("\n")]


def _needs_care(joined: str, texts: Sequence[str]) -> bool:
    """Whether in any of the texts, which are joined by line breaks, more than `& < >` is to be changed."""
    return (
        not joined.replace("\n", "").isprintable()  # true of all that XML cannot hold, and of most spaces
        or joined.count("\n") >= len(texts)
        or joined[:1] == " "
        or joined[-1:] == " "
        or any(sign in joined for sign in ("\n ", " \n", "_x", "</r>"))
        or max(map(len, texts)) > _LONGEST_TEXT
    )


def _around(column: int, style: int, space: str = "") -> tuple[str, str]:
    look = f' s="{style}"' if style else ""
    return f'<c r="{_letters(column)}{ROW}"{look} t="inlineStr"><is><t{space}>', "</t></is></c>"


_letters = cache(xl_col_to_name)


def _text(cell: str | Link | None) -> str:
    return cell.text if isinstance(cell, Link) else cell or ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _extended(head: bytes, rows: MassRows) -> bytes:
    """The head of the sheet with the range of its cells growing to the last row."""
    return re.sub(rb'(<dimension ref="[A-Z]+1:[A-Z]+)[0-9]+"', rb'\g<1>%d"' % rows.last, head, count=1)
