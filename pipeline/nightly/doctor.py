"""`doctor DIR`: whether everything is there that a night needs. Nothing is sent but a request for a token."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pipeline.attachments import Attachments
from pipeline.findings import Refusal, refuse
from pipeline.language import shown_number, translate
from pipeline.ledger import open_ledger
from pipeline.ledger.database import damage, parsed, shown
from pipeline.ledger.sqlite import ROOM, database_path
from pipeline.nightly import folders, journal
from pipeline.nightly.attempt import load_profile_of
from pipeline.nightly.config import NAME, Inbox, Source, load_inbox
from pipeline.nightly.inbox import Places
from pipeline.nightly.telling import Server, concerned, servers
from pipeline.screens.terminal import clean
from pipeline.sender.service import CredentialsRefused, Service, Unreachable
from pipeline.settings import Account, account, notify_urls
from pipeline.targets import Country, Target

SKEW = 60.0
"""Seconds that this machine's clock may differ from the service's: dates of invoices turn at midnight."""

PATIENCE = 10.0
"""Seconds that a server has to take a connection."""


class Check(NamedTuple):
    """Something to look at: `look` says what is right, or raises a Refusal that says what is not."""

    name: str
    look: Callable[[], str]


def doctor(root: Path, places: Places, write: Callable[[str], object]) -> int:
    """Write a line for each check; returns 0, or 2 if something is wrong."""
    wrong = 0
    for check in _checks(root, places):
        try:
            state, text = translate("ok"), check.look()
        except Refusal as refusal:
            found = refusal.finding
            state, text = translate("PROBLEM"), f"{found.message} {found.remedy} ({found.code})"
            wrong += 1
        write(clean(f"{state:8} {check.name}: {text}"))
    return 2 if wrong else 0


def _checks(root: Path, places: Places) -> Iterator[Check]:
    yield Check(NAME, lambda: _declared(load_inbox(root)))
    try:
        config = load_inbox(root)
    except Refusal:
        config = None
    sources = config.source if config else ()
    yield Check(translate("folders"), partial(_folders, root, sources, places))
    yield Check(translate("disk"), partial(_room, root, places.ledger))
    yield Check(translate("ledger"), partial(_ledger, root, places.ledger))
    yield Check(translate("messages"), partial(_messages, config, places))
    if config:
        yield Check(translate("target"), partial(_target, config))
    for source in sources:
        yield Check(translate("profile of {source}", source=source.name), partial(_profile, source, root))
    for target, country in dict.fromkeys((each.target, each.country) for each in sources):
        of = str(target) if target is Target.SANDBOX else f"{target}-{country}"
        yield Check(
            translate("credentials of {environment}", environment=of), partial(_credentials, target, country)
        )
        try:
            where = account(target, country)
        except Refusal:
            continue  # said already
        yield Check(translate("service of {environment}", environment=of), partial(_service, where))


def _declared(config: Inbox) -> str:
    return translate("sources: {names}", names=", ".join(each.name for each in config.source))


def _folders(root: Path, sources: Iterable[Source], places: Places) -> str:
    folders.make_folders(root, [each.folder for each in sources])
    for each in filter(None, (places.metrics, places.log)):
        folders.make_folder(each.absolute().parent)
    for source in sources:
        Attachments(root / source.attachments if source.attachments else None)
    return translate("all can be written, and moves between them are safe")


def _room(root: Path, ledger: str) -> str:
    of_ledger = {database_path(parsed(ledger)).absolute().parent} if ledger.startswith("sqlite") else set()
    for folder in {root, *of_ledger}:
        try:
            _take_room(folder)
        except OSError as error:
            needed = f"{ROOM / 1_000_000:.0f} MB"
            raise refuse("doctor-disk", folder=folder, needed=needed, reason=error.strerror) from error
    return translate("there is room for what a night records")


def _take_room(folder: Path) -> None:
    """Take the room for a moment: the disk's free space knows nothing of quotas and limits.

    Raises:
        OSError: there is not as much.
    """
    while not folder.exists():
        folder = folder.parent
    with tempfile.TemporaryFile(dir=folder) as file:
        if os.name == "posix":
            os.posix_fallocate(file.fileno(), 0, ROOM)
        else:
            file.write(bytes(ROOM))


def _ledger(root: Path, url: str) -> str:
    if url.startswith("sqlite"):
        path = database_path(parsed(url))
        if not path.exists():
            if (root / journal.NAME).exists():
                raise refuse("doctor-ledger-missing", path=path)
            return translate("none yet: the first run makes {path}", path=path)
    with closing(open_ledger(url)) as ledger:
        if told := damage(ledger.engine):
            raise refuse("doctor-ledger-damaged", path=shown(ledger.engine), reason=told)
    return translate("it can be written, is consistent, and of this program's version")


def _messages(config: Inbox | None, places: Places) -> str:
    found, wrong = servers(notify_urls())
    if wrong:
        raise Refusal(wrong[0])
    if not found:
        if places.metrics:
            return translate("nobody is told: only the metrics tell")
        raise refuse("doctor-nobody")
    for tags in {each.tell for each in config.source} | {config.tell} if config else ():
        for tag in tags:
            if not concerned(found, [tag]):
                raise refuse("doctor-tag", tag=tag)
    for server in found:
        _connect(server)
    return translate("{count} addresses, all reachable; nothing was sent to them", count=len(found))


def _connect(server: Server) -> None:
    """See that something listens there; a service's own host where the URL names none."""
    host, port = _endpoint(server.apprise)
    if host is None:
        return
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except OSError as error:
        raise refuse(
            "doctor-notify", host=host, port=port, reason=error.strerror or str(error) or type(error).__name__
        ) from error


def _endpoint(plugin: Any) -> tuple[str | None, int]:
    """Host and port of an Apprise plugin; they keep them under different names."""
    for name in ("notify_url", "webhook_url", "api_url"):
        parts = urlsplit(str(getattr(plugin, name, "") or ""))
        if parts.hostname and "{" not in parts.netloc:
            return parts.hostname, parts.port or 443
    host = getattr(plugin, "smtp_host", None) or getattr(plugin, "host", None)
    port = getattr(plugin, "port", None) or (443 if getattr(plugin, "secure", False) else 80)
    return (str(host), int(port)) if host else (None, 0)


def _target(config: Inbox) -> str:
    targets = {each.target: each.name for each in config.source}
    if len(targets) > 1:
        shown = ", ".join(f"{each.name}: {each.target}" for each in config.source)
        raise refuse("doctor-targets", targets=shown)
    for each in config.source:
        if each.target is Target.PRODUCTION and not each.yes:
            raise refuse("doctor-consent", source=each.name)
    return next(iter(targets))


def _profile(source: Source, root: Path) -> str:
    return load_profile_of(source, root) or translate("none is named")


def _credentials(target: Target, country: Country) -> str:
    where = account(target, country)
    if where.base_url is None:
        return translate("the built-in sandbox takes any")
    with Service(where.base_url, where.cid, where.apicode.get_secret_value()) as service:
        try:
            service.authorise()
        except CredentialsRefused as error:
            raise refuse("doctor-credentials", environment=where.environment, reason=error) from error
        except Unreachable as error:
            raise refuse("doctor-no-token", environment=where.environment, reason=error) from error
    return translate("the service takes them")


def _service(where: Account) -> str:
    """Whether it answers, and by what clock."""
    if where.base_url is None:
        return translate("the built-in sandbox is started for each run")
    with Service(where.base_url, where.cid, "", timeout=(PATIENCE, PATIENCE)) as service:
        try:
            told = service.time()
        except Unreachable as error:
            raise refuse("doctor-unreachable", url=where.base_url, reason=error) from error
    if told is None:
        return translate("{url} answers; it does not tell its time", url=where.base_url)
    ahead = (datetime.now(UTC) - told).total_seconds()
    if abs(ahead) > SKEW:
        minutes = shown_number(round(abs(ahead) / 60))
        raise refuse("doctor-clock-ahead" if ahead > 0 else "doctor-clock-behind", minutes=minutes)
    return translate("{url} answers, and its clock agrees with this machine's", url=where.base_url)
