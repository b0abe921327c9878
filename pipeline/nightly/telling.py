"""Telling people by Apprise (e-mail, Teams, Slack, …): each fact once to each of them.

A message that cannot be delivered waits in the journal for the next try; a run never fails by it. Only a
crash between a server's answer and its record in the journal makes a message come twice: it would else be
lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

from pipeline.findings import Finding, finding
from pipeline.nightly.journal import Fact, Journal
from pipeline.screens.terminal import clean

if TYPE_CHECKING:
    from apprise import NotifyBase
    from structlog.typing import FilteringBoundLogger

LARGEST_ATTACHMENT = 10_000_000
"""Bytes: mail servers refuse larger ones, and with them the message."""


class Server(NamedTuple):
    """One of those to whom messages go: a hash of its URL, its tags, and how to reach it."""

    key: str
    tags: frozenset[str]
    apprise: NotifyBase


def servers(urls: SecretStr | None) -> tuple[list[Server], list[Finding]]:
    """The servers of `ROPO_NOTIFY`, and a finding for each line that is none.

    Args:
        urls: lines `URL` or `tag,tag=URL`, as in Apprise's own text files; `#` begins a comment.
    """
    from apprise import Apprise, AppriseConfig  # noqa: PLC0415 - start-up time

    found: list[Server] = []
    wrong: list[Finding] = []
    for number, line in enumerate((urls.get_secret_value() if urls else "").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        config = AppriseConfig()
        config.add_config(text, format="text")
        own = list(Apprise(config).find("all"))
        if not own or text.lower().startswith("include"):
            wrong.append(finding("notify-invalid", line=number))
            continue
        found += [Server(_key(each), frozenset(map(str, each.tags)), each) for each in own]
    return found, wrong


def concerned(all_servers: Iterable[Server], tags: Iterable[str]) -> list[Server]:
    """The servers with one of the tags; all of them where no tag is named."""
    wanted = frozenset(tags)
    return [each for each in all_servers if not wanted or wanted & each.tags]


def tell(journal: Journal, root: Path, urls: SecretStr | None, at: str, log: FilteringBoundLogger) -> None:
    """Tell everybody what they have not been told yet. Never fails: what cannot be told is logged.

    Where nobody is named to be told, the log alone tells.
    """
    everybody, wrong = servers(urls)
    for found in wrong:
        log.error("notify-invalid", message=found.message, remedy=found.remedy)
    for fact in journal.untold():
        waiting = concerned(everybody, fact.tags)
        if everybody and not waiting:
            log.error("nobody-to-tell", fact=fact.key, tags=list(fact.tags))
            continue
        told = journal.told(fact)
        for server in waiting:
            if server.key in told:
                continue
            if _deliver(server, fact, root):
                journal.tell(fact, server.key, at)
                told.add(server.key)
                log.info("told", fact=fact.key, server=server.key)
            else:
                log.error("not-told", fact=fact.key, server=server.key)
        if not wrong and told >= {each.key for each in waiting}:
            journal.all_told(fact)


def _deliver(server: Server, fact: Fact, root: Path) -> bool:
    """Whether the server took the message."""
    from apprise import Apprise, NotifyType  # noqa: PLC0415 - start-up time

    attachment = root / fact.attachment if fact.attachment else None
    fits = attachment is not None and attachment.is_file() and attachment.stat().st_size <= LARGEST_ATTACHMENT
    one = Apprise()
    one.add(server.apprise)
    try:
        sent = one.notify(
            title=clean(fact.title),
            body="\n".join(map(clean, fact.body.splitlines())),
            notify_type=NotifyType(fact.level),
            attach=str(attachment) if fits else None,
        )
    except Exception:  # noqa: BLE001 - whatever goes wrong in some service's code, the run goes on
        return False
    return bool(sent)


def _key(server: NotifyBase) -> str:
    url: str = server.url(privacy=False)  # type: ignore[no-untyped-call]  # apprise leaves it so
    return hashlib.sha256(url.encode()).hexdigest()[:16]
