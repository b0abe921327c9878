"""Which characters a text file's bytes stand for: settled over the whole file, in one stream.

The byte that settles it can come late, so no sample is trusted (`finnish-exports.md`, Files).
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.findings import Finding, Place, finding, refuse

PIECE = 1 << 18
"""Bytes read at once: they stay in the processor's cache while they are looked at."""

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: ("utf-8", "UTF-8 with byte order mark"),
    codecs.BOM_UTF16_LE: ("utf-16-le", "UTF-16 little-endian with byte order mark"),
    codecs.BOM_UTF16_BE: ("utf-16-be", "UTF-16 big-endian with byte order mark"),
}
_UNDEFINED = b"\x81\x8d\x8f\x90\x9d"  # mean nothing in Windows-1252
_CONTROLS = bytes(range(0x80, 0xA0))  # letters and signs in Windows-1252, control characters in ISO-8859
_DIFFERING = b"\xa4\xa6\xa8\xb4\xb8\xbc\xbd\xbe"  # where ISO-8859-15 left ISO-8859-1: € Š š Ž ž Œ œ Ÿ
_LETTERS = bytes(range(0xC0, 0x100))
_OLD_LETTERS = re.compile(
    rb"[A-Za-z][\x84\x86\x94][a-z]"  # ä å ö of DOS (code page 850), which are no letters in Windows-1252
    rb"|[a-z][\x8a\x8c][a-z]"  # ä å of old Macs, which are capitals there
)


class Encoding(NamedTuple):
    """`codec` is Python's name of it, `words` how users know it."""

    codec: str
    words: str


def settle_encoding(path: Path, declared: str | None = None) -> tuple[Encoding, list[Finding]]:
    """The encoding that all bytes of the file agree with, and what to warn of.

    Args:
        path: a text file.
        declared: the name that the user set, in any spelling that Python knows; it is only verified.

    Raises:
        Refusal: no such encoding; the bytes do not fit it, or no single one; each names the first line.
    """
    with path.open("rb") as file:
        start = file.read(4096)
    if declared:
        return _declared(path, declared)
    mark = next((each for each in _BYTE_ORDER_MARKS if start.startswith(each)), None)
    found = Encoding(*_BYTE_ORDER_MARKS[mark]) if mark else _utf16_by_zeros(start)
    wrong = _first_misfit(path, found.codec if found else "utf-8")
    if wrong is None:
        return found or Encoding("utf-8", "UTF-8"), []
    if found:
        raise _refusal("encoding-mixed", path, found.codec, wrong, encoding=found.words)
    return _one_byte_encoding(path, wrong)


def utf8_pieces(
    path: Path, codec: str, begin: int = 0, end: int | None = None
) -> Iterator[tuple[bytes, int]]:
    """The file's text as UTF-8, without a byte order mark, in pieces of about `PIECE` bytes.

    A piece may end within a character. With each comes how many bytes of the file have been read. The text
    of the bytes from `begin` to before `end` only, if these are given.

    Raises:
        UnicodeDecodeError: the file is not in that encoding (`settle_encoding` has seen that it is).
    """
    decoder = codecs.getincrementaldecoder(codec)()
    mark: bytes = b"" if begin else codecs.BOM_UTF8
    for block, done in _blocks(path, begin, end):
        text = block if codec == "utf-8" else decoder.decode(block).encode()
        yield text.removeprefix(mark), done
        mark = b""


def byte_counter(codec: str) -> Callable[[bytes], int] | None:
    """What tells how many bytes of the file a text given as UTF-8 has; None where it cannot be told so."""
    if codec == "utf-8":
        return len
    return _count_characters if _is_of_single_bytes(codec) else None


def _is_of_single_bytes(codec: str) -> bool:
    """Whether each byte is a character, whatever stands before it."""
    each = [bytes([byte]) for byte in range(256)]
    texts = [byte.decode(codec, "replace") for byte in each]
    doubled = [(2 * byte).decode(codec, "replace") for byte in each]
    return all(len(text) == 1 for text in texts) and doubled == [2 * text for text in texts]


def _count_characters(text: bytes) -> int:
    follow = (np.frombuffer(text, np.uint8) & 0xC0) == 0x80
    return len(text) - int(np.count_nonzero(follow))


def _blocks(path: Path, begin: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int]]:
    done = begin
    with path.open("rb") as file:
        file.seek(begin)
        while block := file.read(PIECE if end is None else min(PIECE, end - done)):
            done += len(block)
            yield block, done


def _declared(path: Path, name: str) -> tuple[Encoding, list[Finding]]:
    try:
        " ".encode(name)
        codec = codecs.lookup(name).name
    except (LookupError, UnicodeError):
        raise refuse("encoding-name", Place(str(path)), encoding=name) from None
    codec = {"utf-8-sig": "utf-8"}.get(codec, codec)
    wrong = _first_misfit(path, codec)
    if wrong is not None:
        raise _refusal("encoding-misfit", path, codec, wrong, encoding=name)
    encoding = Encoding(codec, f"{name}, as set")
    other = None if codec.startswith("utf") else _first_byte_beyond_ascii(path)
    if other is None or _first_misfit(path, "utf-8") is not None:
        return encoding, []
    line, text = _line(path, codec, other)
    return encoding, [
        finding("encoding-contradicted", Place(str(path)), value=text, line=line, encoding=name)
    ]


def _utf16_by_zeros(start: bytes) -> Encoding | None:
    """UTF-16 without a mark: in European text every other byte is zero."""
    pairs = len(start) // 2
    even, odd = start[::2].count(0), start[1::2].count(0)
    if min(even, odd) * 20 > pairs or max(even, odd) * 2 < max(pairs, 1):
        return None
    if odd > even:
        return Encoding("utf-16-le", "UTF-16 little-endian")
    return Encoding("utf-16-be", "UTF-16 big-endian")


def _one_byte_encoding(path: Path, not_utf8: int) -> tuple[Encoding, list[Finding]]:
    """Windows-1252 or ISO-8859-15, which both have a character for nearly every byte."""
    counts, multibyte = _census(path)
    if multibyte:
        raise _refusal("encoding-mixed", path, "utf-8", not_utf8, encoding="UTF-8")
    if counts[list(_UNDEFINED)].any():
        raise _refusal("encoding-unknown", path, "cp1252", _first_match(path, _any_of(_UNDEFINED)))
    if not counts[list(_LETTERS)].any():
        old = _first_match(path, _OLD_LETTERS)
        if old is not None:
            raise _refusal("encoding-unknown", path, "cp1252", old)
    if counts[list(_CONTROLS)].any():
        return Encoding("cp1252", "Windows-1252"), []
    if not counts[list(_DIFFERING)].any():
        return Encoding("cp1252", "Windows-1252 (ISO-8859-1 and ISO-8859-15 read this file alike)"), []
    line, text = _line(path, "cp1252", _first_match(path, _any_of(_DIFFERING)))
    warning = finding("encoding-ambiguous", Place(str(path)), value=text, line=line)
    return Encoding("cp1252", "Windows-1252 (ISO-8859-15 is possible)"), [warning]


def _census(path: Path) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], bool]:
    """How often each byte occurs, ASCII left out, and whether some of them form UTF-8 characters."""
    counts = np.zeros(256, np.int64)
    multibyte = False
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for block, _ in _blocks(path):
        array = np.frombuffer(block, np.uint8)
        counts += np.bincount(array[array >= 0x80], minlength=256)
        text = decoder.decode(block)
        try:
            text.encode("ascii", "surrogateescape")
        except UnicodeEncodeError:
            multibyte = True
    return counts, multibyte


def _first_misfit(path: Path, codec: str) -> int | None:
    """Where the first byte lies that the encoding cannot explain."""
    decoder = codecs.getincrementaldecoder(codec)()
    start, held = 0, b""
    try:
        for block, done in _blocks(path):
            start, held = done - len(block), decoder.getstate()[0]
            if held or codec != "utf-8" or not block.isascii():
                decoder.decode(block)
        start, held = path.stat().st_size, decoder.getstate()[0]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return start - len(held) + error.start
    return None


def _any_of(values: bytes) -> re.Pattern[bytes]:
    return re.compile(b"[" + re.escape(values) + b"]")


def _first_byte_beyond_ascii(path: Path) -> int | None:
    return _first_match(path, _any_of(bytes(range(0x80, 0x100))))


def _first_match(path: Path, pattern: re.Pattern[bytes]) -> int | None:
    """Where the pattern, of at most 3 bytes and not of ASCII alone, first matches."""
    tail = b""
    for block, done in _blocks(path):
        window = tail + block
        if not window.isascii() and (match := pattern.search(window)):
            return done - len(window) + match.start()
        tail = window[-2:]
    return None


def _line(path: Path, codec: str, offset: int | None) -> tuple[int, str]:
    """The number of the line that holds a byte, and its text."""
    assert offset is not None  # noqa: S101 - the caller has seen the byte
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(codec)("replace"), translate=True)
    number, text = 1, ""
    for block, done in _blocks(path):
        left = offset - (done - len(block))
        before = decoder.decode(block[: max(left, 0)])
        number += before.count("\n")
        text = before.rpartition("\n")[2] if "\n" in before else text + before
        if left < len(block):
            after = decoder.decode(block[max(left, 0) : max(left, 0) + 1000], final=True)
            if after.startswith("\n"):  # a carriage return just before, which the decoder had kept back
                number, text, after = number + 1, "", after[1:]
            return number, (text[-1000:] + after.partition("\n")[0]).lstrip("\ufeff")
    return number, text.lstrip("\ufeff")


def _refusal(code: str, path: Path, codec: str, offset: int | None, **details: str) -> Exception:
    line, text = _line(path, codec, offset)
    return refuse(code, Place(str(path)), value=text, line=line, **details)
