"""What a file is, by its content, and whether it may be read at all: settled before any of it is used."""

from __future__ import annotations

import mmap
import re
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

from pipeline.findings import Place, Refusal, refuse
from pipeline.language import translate
from pipeline.resources import data_text

MAX_BYTES = 4 * 1024**3
"""The most bytes that a file may have, unless told otherwise."""
MAX_UNPACKED = 4 * 1024**3
"""The most bytes that a workbook may unpack to."""

ARCHIVE = "zip"
"""What `recognise` calls an archive of exports."""
BLOCK = 1 << 20
_MAX_RATIO = 200
_RATIO_FROM = 100 * 1024**2
"""Deflate can shrink to a 1,032nd. A sheet is seldom below a 60th, even with all cells alike (measured)."""

MAX_PART = 16 * BLOCK
"""The most that a part is read of which only a mark is looked for."""

DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError)
"""What the zip library raises at an archive that is damaged or packed in a way that no spreadsheet uses."""

_ENCRYPTED = 0x1
_SIGNATURES = (
    (b"PK\x03\x04", "archive"),
    (b"PK\x05\x06", "archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "document"),
    (b"%PDF", "pdf"),
    (b"{\\rtf", "rtf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"\x1f\x8b", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"Rar!", "archive"),
    (b"\x09\x00\x04\x00", "xls"),  # Excel 2 to 4: a workbook without the document around it
    (b"\x09\x02\x06\x00", "xls"),
    (b"\x09\x04\x06\x00", "xls"),
    (b"\x09\x08", "xls"),
)
_STREAMS = {"EncryptedPackage": "encrypted", "Workbook": "xls", "Book": "xls", "Root Entry": "document"}
_MARKUP = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:(?P<html><(?:!doctype\s+html|html|head|body|meta|table|style|div))|<\?xml)\b",
    re.IGNORECASE,
)


@cache
def kinds() -> dict[str, dict[str, str | list[str]]]:
    """What a file can be: `name` and `remedy` for the user, `extensions` when it can be read."""
    return tomllib.loads(data_text("kinds.toml"))


@cache
def supported() -> dict[str, str]:
    """By extension, what a file of that name can be read as."""
    return {each: kind for kind, entry in kinds().items() for each in entry.get("extensions", ())}


def recognise(path: Path, max_bytes: int = MAX_BYTES) -> str:
    """What the file is (`text`, `xlsx`, `xls`, `ods` or `zip`), judged by its content and not only its name.

    Raises:
        Refusal: it is missing, a folder, unreadable, empty, larger than `max_bytes`, of an unsupported
            type, encrypted, damaged, or not what its name says.
    """
    place = Place(str(path))
    head = _head(path, place, max_bytes)
    extension = path.suffix.lower()
    if extension not in supported():
        raise refuse(
            "file-type-unsupported",
            place,
            extension=extension or "no extension",
            supported=", ".join(supported()),
        )
    kind, wanted = _kind(path, head), supported()[extension]
    if kind == "encrypted":
        raise refuse("file-encrypted", place)
    if kind == wanted or (kind == "binary" and wanted == "text"):
        return wanted
    if kind == "broken" and wanted != "text":
        raise damaged(path, "its parts cannot be found")
    seems = kinds()["binary" if kind == "broken" else kind]
    raise refuse(
        "file-not-as-named",
        place,
        extension=extension,
        seems=translate(str(seems["name"])),
        advice=translate(str(seems["remedy"])),
    )


def exhaust(_: str, blocks: Iterable[bytes]) -> None:
    """Take all blocks of a part and hold none."""
    for _block in blocks:
        pass


def check_archive(path: Path, look: Callable[[str, Iterable[bytes]], None] = exhaust) -> None:
    """Unpack every part once, holding nothing, so that no later reader meets a surprise.

    The sizes that an archive declares can lie, so the parts are unpacked in fact, up to the limit; their
    checksums are verified by the way.

    Args:
        path: the archive.
        look: is given each part's name and blocks, and must take all of them.

    Raises:
        Refusal: the parts are damaged or ambiguous, or unpack to more than any real workbook would.
    """
    packed = path.stat().st_size
    limit = min(MAX_UNPACKED, max(_RATIO_FROM, packed * _MAX_RATIO))
    left = limit

    def bounded(blocks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal left
        for block in blocks:
            left -= len(block)
            if left < 0:
                raise refuse(
                    "file-unpacks-too-big", Place(str(path)), size=size_text(packed), limit=size_text(limit)
                )
            yield block

    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len({part.filename.lower() for part in parts}) < len(parts):
                raise damaged(path, "two of its parts have one name")
            for part in parts:
                with closing(unpack(archive, part, left)) as blocks:
                    look(part.filename, bounded(blocks))
    except DAMAGE as error:
        raise damaged(path, error) from None


def unpack(archive: zipfile.ZipFile, part: zipfile.ZipInfo, most: int) -> Generator[bytes]:
    """The part's content in blocks, and if it is larger than `most` bytes, a little more than that.

    Whoever may not take all blocks closes the generator, and with it the file.

    Raises:
        zipfile.BadZipFile: the part is not packed as spreadsheets are, or its checksum is wrong.
    """
    if part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise zipfile.BadZipFile("it is packed in an unusual way")
    part.file_size = most + BLOCK  # else the library believes the size that is declared, and stops there
    with archive.open(part) as stream:
        unpacked = 0
        while unpacked <= most and (block := stream.read(BLOCK)):
            unpacked += len(block)
            yield block


def part_of(path: Path, name: str, most: int = MAX_PART) -> bytes:
    """A small part of a package; `b""` where it is not there, cannot be read, or is longer than `most`."""
    try:
        with (
            zipfile.ZipFile(path) as archive,
            closing(unpack(archive, archive.getinfo(name), most)) as blocks,
        ):
            content = b"".join(blocks)
    except (*DAMAGE, KeyError, ValueError, RuntimeError):  # RuntimeError: it is marked as encrypted
        return b""
    return content if len(content) <= most else b""


def damaged(path: Path, reason: object) -> Refusal:
    """The refusal of a file that cannot be read whole, in one line."""
    return refuse("file-damaged", Place(str(path)), reason=" ".join(str(reason).split()) or "no details")


def size_text(size: int) -> str:
    """A number of bytes for people: `512 bytes`, `12.3 MB`."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def _head(path: Path, place: Place, max_bytes: int) -> bytes:
    """The first bytes of the file, once it may be opened."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise refuse("file-is-folder", place)
        if size == 0:
            raise refuse("file-empty", place)
        if size > max_bytes:
            raise refuse("file-too-big", place, size=size_text(size), limit=size_text(max_bytes))
        with path.open("rb") as stream:
            return stream.read(4096)
    except FileNotFoundError:
        raise refuse("file-missing", place) from None
    except (OSError, ValueError) as error:  # a ValueError: the name has a NUL in it
        reason = getattr(error, "strerror", None) or error
        raise refuse("file-unreadable", place, reason=reason) from None


def _kind(path: Path, head: bytes) -> str:
    """A key of `kinds`, or `encrypted`, or `broken` if only its first bytes are what they should be."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            if signature.startswith(b"PK"):
                return _archive_kind(path)
            return _document_kind(path) if kind == "document" else kind
    if markup := _MARKUP.match(head):
        return "html" if markup["html"] or b"<html" in head.lower() else "xml"
    marked = head.startswith((b"\xff\xfe", b"\xfe\xff"))  # UTF-16 is text, for all its zero bytes
    return "binary" if b"\0" in head and not marked else "text"


def _archive_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {part.filename.lower().replace("\\", "/"): part for part in archive.infolist()}
            if any(part.flag_bits & _ENCRYPTED for part in parts.values()):
                return "encrypted"
            if "xl/workbook.bin" in parts:
                return "xlsb"
            if "[content_types].xml" in parts:
                return "xlsx" if any(name.startswith("xl/") for name in parts) else "document"
            if "mimetype" in parts and "meta-inf/manifest.xml" in parts:
                return _open_document_kind(archive, parts)
    except DAMAGE:
        return "broken"
    return ARCHIVE


def _open_document_kind(archive: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo]) -> str:
    manifest, mimetype = (
        b"".join(unpack(archive, parts[name], BLOCK)) for name in ("meta-inf/manifest.xml", "mimetype")
    )
    if b"encryption-data" in manifest:
        return "encrypted"
    return "ods" if b"opendocument.spreadsheet" in mimetype else "document"


def _document_kind(path: Path) -> str:
    """What lies in an OLE2 document, by the names in its directory (MS-CFB 2.6.1: UTF-16, 64 bytes each)."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for name, kind in _STREAMS.items():
            if content.find(name.encode("utf-16-le").ljust(64, b"\0")) >= 0:
                return kind
    return "broken"
