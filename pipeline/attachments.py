"""Files that go with invoices: found, checked and hashed before, made into base64 only while sending.

In a dataset the text `sha256/<hash>` stands for a file's content. It uses base64's letters, so that the
schema takes it, and has a length that no base64 has. It counts as content: another file is another invoice.

The rules are those of `ropo-one-api.md`, Invoice features: PDF always; Excel and CSV only with companies'
e-invoices and Peppol; 1 MB in all with electronic delivery. Whether that is 1,000,000 or 1,048,576 bytes,
and before or after base64, is not published: the smaller, counted before.
"""

from __future__ import annotations

import base64
import hashlib
import mmap
import os
import re
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from typing import BinaryIO, NamedTuple

from pipeline.findings import Place, refuse
from pipeline.validator.rules.base import Broken

LIMIT = 1_000_000
"""Bytes of all attachments of one invoice that is delivered electronically or by e-mail."""

_BUSINESS = frozenset({"evoice", "evoicenet", "evoicesm", "peppol"})
_ELECTRONIC = _BUSINESS | {"email", "b2c"}
_COMPANY = "1"

_FIELD = re.compile(r"attachment([0-9]*)\.(attachmentname|attachmentid)")
_BETWEEN = re.compile(r"[;\r\n]+")
_ATTACHED = b'"attachmentfile":"sha256/'
_STANDS_FOR_CONTENT = re.compile(rb'"attachmentfile":"sha256/([0-9a-f]{64})"')

_HEAD = 65536
_PDF = b"%PDF-"
_ZIP = b"PK\x03\x04"
_OLE2 = bytes.fromhex("d0cf11e0a1b11ae1")
_MARKUP = (b"<", b"\xef\xbb\xbf<", b"{\\rtf")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_DELIMITER = re.compile(rb"[;,\t]")


class AttachmentChanged(Exception):  # noqa: N818 - the file changed, the program did not err
    """A file is not what was checked any more, or gone: its invoice must not be sent."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _File(NamedTuple):
    """What is known of a file; `problem` is the code of the finding why it cannot be sent."""

    path: Path = Path()
    digest: str = ""
    size: int = 0
    kind: str | None = None
    problem: str | None = None
    reason: str = ""


class Attachments:
    """The folder of attachments; each file is looked at once a run, however many invoices it goes with."""

    def __init__(self, folder: Path | None = None) -> None:
        """Without a folder only ids of files that the service has can be attached.

        Raises:
            Refusal: there is no such folder.
        """
        if folder is not None and not folder.is_dir():
            raise refuse("attachments-folder", Place(file=str(folder)))
        self._folder = folder and folder.resolve()
        self._by_name: dict[str, _File] = {}
        self._by_digest: dict[str, _File] = {}

    def take(self, flat: dict[str, str]) -> tuple[list[dict[str, str]], list[Broken]]:
        """Take the attachment fields out of one document's fields, and see what they name.

        A cell may hold several names or ids, each on a line of its own or with `;` between them.

        Returns:
            The dataset's `attachment`, without the files that cannot be sent; and why they cannot.
        """
        entries: list[dict[str, str]] = []
        broken: list[Broken] = []
        files: list[_File] = []
        named = sorted(
            (int(match[1] or 1), match[2], match[0]) for match in map(_FIELD.fullmatch, flat) if match
        )
        for _, tag, field in named:
            for name in filter(None, map(str.strip, _BETWEEN.split(flat.pop(field)))):
                if tag == "attachmentid":
                    entries.append({"attachmentid": name})
                    continue
                file = self._file(name)
                if problem := file.problem or _forbidden(file, flat):
                    details = {"kind": file.kind, "reason": file.reason}
                    broken.append(Broken(problem, field, name, details=details))
                else:
                    files.append(file)
                    shown = PureWindowsPath(name).name
                    entries.append({"attachmentname": shown, "attachmentfile": f"sha256/{file.digest}"})
        if files and (too_large := _too_large(sum(file.size for file in files), flat)):
            details = {"size": f"{sum(file.size for file in files):,}", "limit": f"{LIMIT:,}"}
            broken.append(Broken(too_large, named[0][2], details=details))
        return entries, broken

    def size(self, body: bytes) -> int:
        """How many bytes `expand` will make of a dataset."""
        if _ATTACHED not in body:
            return len(body)
        found = (self._by_digest[each[1].decode()].size for each in _STANDS_FOR_CONTENT.finditer(body))
        return len(body) + sum(-(-size // 3) * 4 - len("sha256/") - 64 for size in found)

    def expand(self, body: bytes) -> bytes:
        """A dataset as canonical JSON, with the files' contents in place of their hashes.

        Raises:
            AttachmentChanged: a file is not what was checked any more.
        """
        if _ATTACHED not in body:
            return body
        return _STANDS_FOR_CONTENT.sub(
            lambda match: b'"attachmentfile":"%s"' % self._content(match[1].decode()), body
        )

    def _content(self, digest: str) -> bytes:
        path = self._by_digest[digest].path
        try:
            content = path.read_bytes()
        except OSError as error:
            raise AttachmentChanged(path.name) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise AttachmentChanged(path.name)
        return base64.b64encode(content)

    @property
    def files(self) -> dict[str, _File]:
        """The files that were looked at, by the name that the export has for them."""
        return self._by_name

    def know(self, files: Mapping[str, _File]) -> None:
        """Take over what another process has seen in the folder."""
        self._by_name |= files
        self._by_digest |= {file.digest: file for file in files.values() if file.digest}

    def _file(self, name: str) -> _File:
        if name not in self._by_name:
            file = self._by_name[name] = self._look(name)
            if file.digest:
                self._by_digest[file.digest] = file
        return self._by_name[name]

    def _look(self, name: str) -> _File:
        if self._folder is None:
            return _File(problem="attachment-no-folder")
        try:
            path = _inside(self._folder, name)
            if path is None:
                return _File(problem="attachment-outside")
            if not path.is_file():
                return _File(problem="attachment-missing")
            with path.open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                if size == 0:
                    return _File(problem="attachment-empty")
                kind = _kind(stream)
                stream.seek(0)
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links that go in a circle
            return _File(
                problem="attachment-unreadable", reason=getattr(error, "strerror", None) or str(error)
            )
        return _File(path, digest, size, kind, None if kind else "attachment-kind")


def _inside(folder: Path, name: str) -> Path | None:
    """The file of that name, links followed; None where it lies outside of the folder.

    Names are read as Windows reads them, where exports are made: both slashes divide.
    """
    parts = PureWindowsPath(name)
    if parts.anchor:
        return None
    path = folder.joinpath(*parts.parts).resolve()
    return path if path.is_relative_to(folder) else None


def _forbidden(file: _File, flat: dict[str, str]) -> str | None:
    to_business = flat.get("customertype") == _COMPANY and flat.get("sendtype") in _BUSINESS
    return None if file.kind == "PDF" or to_business else "attachment-not-allowed"


def _too_large(size: int, flat: dict[str, str]) -> str | None:
    """An error when the delivery is electronic, a warning when the service chooses it."""
    sendtype = flat.get("sendtype")
    if size <= LIMIT or (sendtype and sendtype not in _ELECTRONIC):
        return None
    return "attachments-too-large" if sendtype else "attachments-large"


def _kind(stream: BinaryIO) -> str | None:
    """`PDF`, `Excel`, `CSV` or None, by the content."""
    head = stream.read(_HEAD)
    if head.startswith(_PDF):
        return "PDF"
    if head.startswith((_ZIP, _OLE2)):
        is_workbook = _zip_is_workbook if head.startswith(_ZIP) else _ole2_is_workbook
        return "Excel" if is_workbook(stream) else None
    is_text = not _CONTROL.search(head) and not head.lstrip().startswith(_MARKUP)
    return "CSV" if is_text and _DELIMITER.search(head) else None


def _zip_is_workbook(stream: BinaryIO) -> bool:
    """Whether an archive is a workbook, and not a letter or a presentation."""
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(stream) as archive:
        return any(name.lower().startswith("xl/workbook.") for name in archive.namelist())
    return False


def _ole2_is_workbook(stream: BinaryIO) -> bool:
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        # The names in an OLE2 directory: UTF-16 in 64 bytes (MS-CFB 2.6.1).
        names = (name.encode("utf-16-le").ljust(64, b"\0") for name in ("Workbook", "Book"))
        return any(content.find(name) >= 0 for name in names)
