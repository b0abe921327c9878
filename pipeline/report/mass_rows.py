"""Rows of a worksheet as XML, for tables of more rows than xlsxwriter should be asked to write.

Measured on 60,000 invoices of 11 cells, packing included: xlsxwriter in its constant memory mode
some 3 s, this some 0.9 s.
xlsxwriter stays the obvious version and the oracle: a test writes one table both ways and reads the
same back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj
from string import ascii_uppercase
from typing import IO, BinaryIO, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_BUFFER = 1 << 20
_LONGEST_TEXT = 16_000  # Excel takes 32,767 UTF-16 units: two at most for each of ours
_COMPRESSION = 1  # level 6 takes twice the time to make the file a third smaller

# What XML cannot hold, and a tab or line break, which would break the row of a table.
_UNWRITABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile(r"(_x[0-9a-fA-F]{4}_)")  # Excel would read it as a character
_AROUND = re.compile(r"^\s|\s$")
_SIMPLE = re.compile(r"[\w.,:;()/+-]+(?: [\w.,:;()/+-]+)*")  # and no "_x": nothing in it needs any care


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
        self._looks = [f' s="{styles[look]}"' if look else "" for look in looks]
        self._spool = spool
        self._file: BinaryIO | None = None

    def write(self, row: int, cells: Sequence[Cell]) -> None:
        """Write a row; a link is written as its text."""
        if self._file is None:
            self._file = self._spool.open("w+b", buffering=_BUFFER)
        self.last = row
        written = "".join(
            _cell_xml(f"{ascii_uppercase[column]}{row}", cell, self._styles, self._looks[column])
            for column, cell in enumerate(cells)
            if cell
        )
        self._file.write(f'<row r="{row}">{written}</row>'.encode())

    def copy_to(self, target: IO[bytes]) -> None:
        """Write all rows to a file."""
        if self._file is not None:
            self._file.seek(0)
            copyfileobj(self._file, target, _BUFFER)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def put_in_place(draft: BytesIO, mass: list[MassRows], path: Path) -> None:
    """Copy a workbook with those rows after the last row of their sheets.

    Raises:
        OSError: the disk is full or the file cannot be written.
    """
    rows_of = {rows.entry: rows for rows in mass}
    with ZipFile(draft) as source, ZipFile(path, "w", ZIP_DEFLATED, compresslevel=_COMPRESSION) as target:
        for part in source.infolist():
            entry = ZipInfo(part.filename, part.date_time)
            entry.compress_type = ZIP_DEFLATED
            xml = source.read(part)
            rows = rows_of.get(part.filename)
            with target.open(entry, "w", force_zip64=rows is not None) as file:
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


def _cell_xml(name: str, cell: Cell, styles: dict[str, int], look: str) -> str:
    if isinstance(cell, Number):
        return f'<c r="{name}" s="{styles[cell.format]}"><v>{cell.text}</v></c>'
    text = cell.text if isinstance(cell, Link) else cell or ""
    if len(text) <= _LONGEST_TEXT and "_x" not in text and _SIMPLE.fullmatch(text):
        return f'<c r="{name}"{look} t="inlineStr"><is><t>{text}</t></is></c>'
    text = plain(text)
    if "_x" in text:
        text = _ESCAPED.sub(r"_x005F\1", text)
    space = ' xml:space="preserve"' if _AROUND.search(text) else ""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<c r="{name}"{look} t="inlineStr"><is><t{space}>{text}</t></is></c>'


def _extended(head: bytes, rows: MassRows) -> bytes:
    """The head of the sheet with the range of its cells growing to the last row."""
    return re.sub(rb'(<dimension ref="[A-Z]+1:[A-Z]+)[0-9]+"', rb'\g<1>%d"' % rows.last, head, count=1)
