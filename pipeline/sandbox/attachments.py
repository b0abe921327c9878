"""The sandbox's own rules for attachments, told by what a file holds, not by its name (attachments page)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

LIMIT = 1024 * 1024
"""Bytes of all attachments of an invoice that goes electronically ("1 MB")."""

_ELECTRONIC = ("email", "evoice", "evoicenet", "evoicesm", "peppol")
_BUSINESS = ("evoice", "evoicenet", "evoicesm", "peppol")
_EXCEL = (b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1"))  # .xlsx is a zip archive, .xls an OLE2 file


def check(job: dict[str, Any]) -> Iterator[str]:
    """PDF for all; Excel and CSV only for companies' e-invoices and Peppol; 1 MB in all when electronic."""
    size = 0
    for index, attachment in enumerate(job.get("attachment", ())):
        path = f"attachment[{index}]"
        if set(attachment) == {"attachmentid"}:
            continue
        if set(attachment) != {"attachmentname", "attachmentfile"}:
            yield f"{path} needs attachmentname and attachmentfile, or attachmentid alone"
            continue
        content = _decoded(attachment["attachmentfile"])
        size += len(content)
        yield from (f"{path} {problem}" for problem in _content(content, job))
    if size > LIMIT and job.get("sendtype") in _ELECTRONIC:
        yield f"the attachments are {size} bytes in all; {LIMIT} is the limit for sendtype {job['sendtype']}"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _content(content: bytes, job: dict[str, Any]) -> Iterator[str]:
    kind = _kind(content)
    if not content:
        yield "is empty, or not base64"
    elif kind is None:
        yield "is neither PDF, Excel nor CSV"
    elif kind != "PDF" and not (job.get("customertype") == "1" and job.get("sendtype") in _BUSINESS):
        yield f"is {kind}, which only a company's e-invoice or Peppol invoice may carry"


def _kind(content: bytes) -> str | None:
    if content.startswith(b"%PDF-"):
        return "PDF"
    if content.startswith(_EXCEL):
        return "Excel"
    head = content[:65536]
    printable = all(byte >= 32 or byte in b"\t\r\n" for byte in head)
    return "CSV" if printable and any(mark in head for mark in (b";", b",", b"\t")) else None
