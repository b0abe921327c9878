"""Ways in which an export is damaged, and what of it nobody could notice.

A damaged file is compared with the whole one line by line, without the program under test: which lines are
gone, doubled, broken (another number of cells), and which cells say something else.
"""

from __future__ import annotations

import csv
import difflib
import io
import random
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

Lines = list[bytes]
Damage = Callable[[random.Random, bytes], bytes]
DELIMITER = b";"
MANGLED = "utf-16", "utf-16-be", "cp850", "cp1252", "utf-8", "utf-8-sig", "mac-roman", "utf-7", "cp037"


class Changed(NamedTuple):
    """A line of the whole file, and the cells of it (from 0) that say something else in the damaged one."""

    line: int
    cells: dict[int, str]


class Difference(NamedTuple):
    """What became of the lines of a file, which count from 0.

    `changed` have other texts in their cells. `gone` are there no more; `again` are there once more, or in
    another place. `broken` are no whole lines any more. `added` are lines that the whole file does not have.
    `places` are the lines before which one stands that is again or added.
    """

    changed: list[Changed]
    gone: set[int]
    again: set[int]
    broken: set[int]
    added: list[list[str]]
    places: set[int]


# -- the damages of text ---------------------------------------------------------------------------


def bytes_flipped(rng: random.Random, data: bytes) -> bytes:
    """One to four bytes are others."""
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)


def bits_flipped(rng: random.Random, data: bytes) -> bytes:
    """One to four bits are the other way."""
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def signs_exchanged(rng: random.Random, data: bytes) -> bytes:
    """A sign that means something to a reader stands where another stood."""
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        damaged[rng.randrange(len(damaged))] = rng.choice(b'";,.-\t\r\n\0 \x1a=0129%')
    return bytes(damaged)


def bytes_lost(rng: random.Random, data: bytes) -> bytes:
    """A stretch is missing."""
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice((1, 1, 2, 5, 30, 200)) :]


def bytes_doubled(rng: random.Random, data: bytes) -> bytes:
    """A stretch stands there twice."""
    start = rng.randrange(len(data))
    end = start + rng.choice((1, 1, 2, 5, 30, 200))
    return data[:end] + data[start:end] + data[end:]


def cut_off(rng: random.Random, data: bytes) -> bytes:
    """The end is missing."""
    return data[: rng.randrange(1, len(data))]


def lines_cut(rng: random.Random, data: bytes) -> bytes:
    """One to three lines are missing."""
    lines = data.splitlines(keepends=True)
    for _ in range(rng.randint(1, 3)):
        if len(lines) > 1:
            del lines[rng.randrange(len(lines))]
    return b"".join(lines)


def lines_doubled(rng: random.Random, data: bytes) -> bytes:
    """A line is there twice."""
    lines = data.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    lines.insert(rng.choice((at, rng.randrange(len(lines) + 1))), lines[at])
    return b"".join(lines)


def lines_exchanged(rng: random.Random, data: bytes) -> bytes:
    """Two lines stand in each other's place."""
    lines = data.splitlines(keepends=True)
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def lines_broken(rng: random.Random, data: bytes) -> bytes:
    """A line ends too early, or not at all."""
    if rng.random() < 0.5:
        at = rng.randrange(len(data))
        return data[:at] + rng.choice((b"\n", b"\r\n", b"\r", b"\x0b", b"\x0c", b"\x85")) + data[at:]
    ends = [each.start() for each in re.finditer(rb"\r?\n", data)]
    at = rng.choice(ends)
    return data[:at] + data[at:].lstrip(b"\r\n")


def quotes_broken(rng: random.Random, data: bytes) -> bytes:
    """A quote stands where none belongs, or one is missing."""
    quotes = [at for at, each in enumerate(data) if each == 0x22]
    if quotes and rng.random() < 0.4:
        at = rng.choice(quotes)
        return data[:at] + data[at + 1 :]
    starts = [0, *(each.end() for each in re.finditer(rb"[;\n]", data))]
    at = rng.choice((rng.choice(starts), rng.randrange(len(data))))
    return data[:at] + b'"' + data[at:]


def cells_of_a_line_moved(rng: random.Random, data: bytes) -> bytes:
    """In one line a cell is missing, there twice, or in another's place."""
    lines = data.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    lines[at] = _cells_moved(rng, lines[at])
    return b"".join(lines)


def _cells_moved(rng: random.Random, line: bytes) -> bytes:
    body = line.rstrip(b"\r\n")
    cells = body.split(DELIMITER)
    one, other = rng.randrange(len(cells)), rng.randrange(len(cells))
    how = rng.randrange(5)
    if how == 0:
        del cells[one]
    elif how == 1:
        cells.insert(one, cells[one])
    elif how == 2:
        cells[one], cells[other] = cells[other], cells[one]
    elif how == 3:
        cells = [*cells[:one], b"", *cells[one:-1]]  # the last one falls off
    else:
        cells = [*cells[one:], *cells[:one]]
    return DELIMITER.join(cells) + line[len(body) :]


def encodings_mixed(rng: random.Random, data: bytes) -> bytes:
    """Some lines, or all of them, are written in another encoding."""
    text = data.decode("utf-8") if _is_utf8(data) else data.decode("cp1252")
    encoding = rng.choice(MANGLED)
    if rng.random() < 0.3:
        return text.encode(encoding, "replace")
    lines = data.splitlines(keepends=True)
    letters = [at for at, line in enumerate(lines) if not line.isascii()]
    for at in rng.sample(letters or range(len(lines)), 1):
        lines[at] = text.splitlines(keepends=True)[at].encode(encoding, "replace")
    return b"".join(lines)


def delimiters_mixed(rng: random.Random, data: bytes) -> bytes:
    """One line, or the whole file, has another delimiter."""
    other = rng.choice((b",", b"\t", b"|", b";;", b" ", b":"))
    if rng.random() < 0.3:
        return data.replace(DELIMITER, other)
    lines = data.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    lines[at] = lines[at].replace(DELIMITER, other, rng.choice((1, 100)))
    return b"".join(lines)


def header_cells_moved(rng: random.Random, data: bytes) -> bytes:
    """Of the first line alone a cell is missing, there twice, or in another's place."""
    first, rest = data.split(b"\n", 1)
    return _cells_moved(rng, first + b"\n") + rest


TEXT: tuple[Damage, ...] = (
    bytes_flipped,
    bits_flipped,
    signs_exchanged,
    bytes_lost,
    bytes_doubled,
    cut_off,
    lines_cut,
    lines_doubled,
    lines_exchanged,
    lines_broken,
    quotes_broken,
    cells_of_a_line_moved,
    encodings_mixed,
    delimiters_mixed,
    header_cells_moved,
)
"""What may befall any text file; columns as a whole are `columns_moved`."""


def columns_moved(rng: random.Random, rows: Sequence[Sequence[str]]) -> tuple[list[list[str]], list[int]]:
    """All columns in another order, one missing, or one there twice; and which column of before each is."""
    width = len(rows[0])
    order = [*range(width)]
    how = rng.randrange(4)
    one, other = rng.randrange(width), rng.randrange(width)
    if how == 0:
        rng.shuffle(order)
    elif how == 1:
        order[one], order[other] = order[other], order[one]
    elif how == 2:
        del order[one]
    else:
        order.insert(other, one)
    return [[row[at] for at in order] for row in rows], order


# -- the damages of workbooks ----------------------------------------------------------------------


def archive_flipped(rng: random.Random, data: bytes) -> bytes:
    """Bytes of the packed file are others, missing, or cut off at the end."""
    return rng.choice((bytes_flipped, bits_flipped, bytes_lost, cut_off))(rng, data)


def part_damaged(rng: random.Random, data: bytes) -> bytes:
    """A part of the workbook is missing, is cut off, or has lost a stretch; the archive itself is whole."""
    parts = _parts(data)
    name = rng.choice([*parts])
    how = rng.randrange(4)
    if how == 0:
        del parts[name]
    elif how == 1:
        parts[name] = b""
    elif how == 2:
        parts[name] = cut_off(rng, parts[name])
    else:
        other = rng.choice([*parts])
        parts[name], parts[other] = parts[other], parts[name]
    return _packed(parts)


def sheet_renamed(rng: random.Random, data: bytes) -> bytes:
    """A sheet has another name."""
    parts = _parts(data)
    names = re.findall(rb'<sheet [^>]*name="([^"]*)"', parts["xl/workbook.xml"])
    name = rng.choice(names)
    other = rng.choice((b"Taul9", name + b" ", name.upper(), name[:-1], rng.choice(names)))
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(
        b'name="' + name + b'"', b'name="' + other + b'"', 1
    )
    return _packed(parts)


def sheet_rows_cut(rng: random.Random, data: bytes) -> bytes:
    """The XML of a row is missing; the rows below keep their numbers."""
    parts = _parts(data)
    name = rng.choice([each for each in parts if "worksheets/sheet" in each])
    rows = re.findall(rb"<row .*?</row>", parts[name], re.DOTALL)
    parts[name] = parts[name].replace(rng.choice(rows), b"", 1)
    return _packed(parts)


WORKBOOK: tuple[Damage, ...] = (archive_flipped, part_damaged, part_damaged, sheet_renamed, sheet_rows_cut)


def _parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _packed(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


# -- what is different -----------------------------------------------------------------------------


def difference(whole: bytes, damaged: bytes) -> Difference:
    """What became of the lines of a text file."""
    ours, theirs = _lines(whole), _lines(damaged)
    found = Difference([], set(), set(), set(), [], set())
    for tag, a, b, c, d in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag != "equal":
            _compare(ours, range(a, b), theirs[c:d], found)
    return found


def _compare(ours: Lines, lines: range, others: Lines, found: Difference) -> None:
    """Pair the lines of a stretch that differs with those most alike."""
    left = [*lines]
    pairs: list[tuple[int | None, bytes]]
    if len(left) == len(others):
        pairs, left = [*zip(left, others, strict=True)], []
    else:
        pairs = []
        for text in others:
            near = max(left, key=lambda at: _alike(ours[at], text), default=None)
            if near is not None and _alike(ours[near], text) > 0.5:
                left.remove(near)
                pairs.append((near, text))
            else:
                pairs.append((None, text))
    rest = b"\n".join(others)
    for at in left:
        (found.broken if ours[at][:20].strip(DELIMITER) in rest else found.gone).add(at)
    for at, text in pairs:
        if text in ours:  # again, and maybe in another's place
            found.gone.update([] if at is None else [at])
            found.again.add(ours.index(text))
            found.places.add(lines.start if at is None else at)
            continue
        if at is None:
            found.added.append(cells_of(text))
            found.places.add(lines.start)
            continue
        if not text.strip(DELIMITER + b" "):
            found.gone.add(at)
            continue
        was, now = cells_of(ours[at]), cells_of(text)
        if len(was) != len(now):
            found.broken.add(at)
        else:
            found.changed.append(Changed(at, {n: now[n] for n in range(len(now)) if now[n] != was[n]}))


def _alike(one: bytes, other: bytes) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _lines(data: bytes) -> Lines:
    return [line for line in re.split(rb"\r\n|\n|\r", data) if line]


def cells_of(line: bytes) -> list[str]:
    """The cells of a line by itself; letters that are none stay what they are."""
    text = line.decode("utf-8") if _is_utf8(line) else line.decode("latin-1")
    try:
        rows = [*csv.reader([text], delimiter=DELIMITER.decode(), strict=True)]
    except csv.Error:
        rows = [text.split(DELIMITER.decode())]
    return [cell for row in rows for cell in row]


def written(rows: Iterable[Sequence[str]], encoding: str) -> bytes:
    """Rows as a text file."""
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=DELIMITER.decode(), lineterminator="\r\n").writerows(rows)
    return stream.getvalue().encode(encoding)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
