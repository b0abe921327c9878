"""Sending what lies in the outbox, beside other senders, on this machine or others."""

from __future__ import annotations

import threading
from pathlib import Path

from pipeline import __version__
from pipeline.language import translate
from pipeline.ledger import AnotherRunAtWork, Hold, Ledger, open_ledger, outbox
from pipeline.ledger.claims import SharedRun
from pipeline.screens.terminal import Screen
from pipeline.sender.reconcile import any_unknown
from pipeline.sender.send import send as send_batches
from pipeline.sender.service import Service
from pipeline.sender.session import exit_code, honest_exit, make_folder, open_service, show_report, stopping
from pipeline.settings import Account, account
from pipeline.targets import Country, Target

POLL = 2.0
"""Seconds between looks into an empty outbox."""

REST = 60.0
"""Seconds after a round that stopped early, since the service was not well."""

_WORST_LAST = (0, 1, 4, 3)


def send(
    target: Target,
    country: Country,
    url: str,
    out: Path,
    *,
    size: int,
    workers: int,
    watch: bool,
    screen: Screen,
) -> int:
    """Send what lies in the outbox until it is empty; with `watch` whatever comes, until SIGTERM.

    Args:
        target: where to.
        country: whose Ropo One.
        url: the ledger's.
        out: folder for the report; with `watch`, each round has a folder in it, named by its run.
        size: invoices in a request.
        workers: requests at a time.
        watch: whether to go on.
        screen: what is shown.

    Returns:
        The exit code (docs/exit-codes.md); with `watch` that of the worst round.

    Raises:
        Refusal: the configuration is wrong, or a run that is alone is at work.
    """
    where = account(target, country)
    make_folder(out)
    worst = 0
    with open_ledger(url) as ledger, open_service(where) as service, stopping(screen) as stop:
        while not stop.is_set():
            try:
                code = _round(ledger, where, service, stop, out, size, workers, screen, apart=watch)
            except AnotherRunAtWork:
                if not watch:
                    raise
                code = 0  # it is done soon, or sends all itself
            worst = max(worst, code, key=_WORST_LAST.index)
            if not watch:
                break
            stop.wait(REST if code == 4 else POLL)
    return worst


def _round(
    ledger: Ledger,
    where: Account,
    service: Service,
    stop: threading.Event,
    out: Path,
    size: int,
    workers: int,
    screen: Screen,
    *,
    apart: bool,
) -> int:
    """Send until nothing in the outbox is planned. When there is nothing to do, no run begins."""
    environment, cid = where.environment, where.cid
    if not ledger.patiently(lambda: outbox.waiting(ledger.engine, environment, cid)):
        if not apart:
            screen.say(translate("Nothing waits to be sent."))
        return 0
    facts = {
        "version": __version__,
        "base_url": where.base_url or "the built-in sandbox, on this machine only",
        "batch_size": size,
        "workers": workers,
    }
    with ledger.lock(environment, cid, Hold.SENDING):
        this = ledger.begin_sending("send", environment, cid, facts, size=size)
        screen.begins(this.id)
        folder = out / this.id if apart else out
        with honest_exit(this):
            return _sent(this, service, stop, folder, workers, screen)


def _sent(
    this: SharedRun,
    service: Service,
    stop: threading.Event,
    out: Path,
    workers: int,
    screen: Screen,
) -> int:
    halted = True
    try:
        with screen.progress("Sending") as bar:
            result = send_batches(
                this.turns(stop),
                run=this,
                service=service,
                workers=workers,
                on_progress=bar.advance,
                stop=stop,
            )
        halted = result.try_again
        if any_unknown(this):
            screen.say(translate("Some outcomes are unknown: reconcile asks the service about them."))
    finally:
        code = exit_code(this, halted=halted)
        this.finish(code)
        show_report(this, out, screen)
    return code
