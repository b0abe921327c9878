"""Fetches the service's archived PDFs of invoices, each written whole and over nothing."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from pipeline.findings import finding, refuse
from pipeline.follow.ask import check_numbers
from pipeline.language import translate
from pipeline.options import Options
from pipeline.screens.terminal import Screen, finding_line
from pipeline.sender.service import CredentialsRefused, Service, Unreachable
from pipeline.sender.session import make_folder, open_service, stopping
from pipeline.settings import account

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def fetch_pdfs(options: Options, billnums: Sequence[str], screen: Screen) -> int:
    """Fetch the PDF of each bill number into the folder `options.out`.

    Returns:
        0; 1 if one could not be had or written; 4 if the service cannot be asked.

    Raises:
        Refusal: the configuration is wrong, or the folder cannot be made.
    """
    check_numbers(billnums)
    where = account(options.target, options.country)
    make_folder(options.out)
    missing = 0
    with open_service(where) as service, stopping(screen) as stop:
        for billnum in dict.fromkeys(billnums):
            if stop.is_set():
                return 4
            path = options.out / file_name(billnum)
            try:
                reason = _fetch(service, billnum, path)
            except (CredentialsRefused, Unreachable) as error:
                code = (
                    "credentials-refused" if isinstance(error, CredentialsRefused) else "service-unreachable"
                )
                refusal = refuse(code, reason=error)
                refusal.exit_code = 4
                raise refusal from error
            if reason:
                missing += 1
                screen.say(finding_line(finding("pdf-not-fetched", billnum=billnum, reason=reason)))
            else:
                screen.say(translate("PDF of {billnum}: {path}", billnum=billnum, path=path))
    return int(missing > 0)


def file_name(billnum: str) -> str:
    """A file's name for a bill number: another for each, and nowhere a path or a device."""
    name = quote(billnum.strip(), safe=" ")
    if name.startswith(".") or _DEVICE.fullmatch(name):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return f"{name}.pdf"


def _fetch(service: Service, billnum: str, path: Path) -> str | None:
    """Fetch one; why it could not be done, or None.

    Raises:
        CredentialsRefused, Unreachable: no token.
    """
    if path.exists():
        return translate("{path} is there already", path=path)
    answer = service.pdf(billnum)
    if not answer.complete:
        return answer.text
    if answer.status != 200:
        return f"HTTP {answer.status} {answer.text}"
    if not answer.body.startswith(b"%PDF-") or b"%%EOF" not in answer.body[-1024:]:
        return translate("what the service gave is no whole PDF")
    try:
        _write(path, answer.body)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _write(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all, and over no other.

    Raises:
        OSError: it cannot be written, or there is one (`FileExistsError`).
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".pdf-") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        os.link(file.name, path)  # unlike a renaming, it never takes another's place
