"""What every command that talks to the service shares: opening it, stopping, asking, and how it ended."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.document import Outcome
from pipeline.findings import Place, finding, refuse
from pipeline.language import translate
from pipeline.ledger import Run, Unrecordable
from pipeline.ledger.recording import shown_url
from pipeline.report import needs_attention, write_report
from pipeline.screens.terminal import Screen
from pipeline.settings import Account, sandbox_state
from pipeline.workers import WorkersLost

if TYPE_CHECKING:
    from pipeline.sender.reconcile import Reconciled
    from pipeline.sender.service import Service

_SHOWN_NUMBERS = 20


@contextmanager
def open_service(where: Account) -> Iterator[Service]:
    """The service to send to; the sandbox is started for the run, unless one stands elsewhere."""
    from pipeline.sender.service import Service  # noqa: PLC0415 - start-up time

    with ExitStack() as stack:
        base_url = where.base_url
        if base_url is None:
            from pipeline.sandbox.server import serve_in_thread  # noqa: PLC0415 - only where it is wanted

            base_url = stack.enter_context(serve_in_thread(sandbox_state())).url
        yield stack.enter_context(Service(base_url, where.cid, where.apicode.get_secret_value()))


@contextmanager
def stopping(screen: Screen) -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets; a second one stops at once."""
    stop = threading.Event()

    def say_stopping(name: str) -> None:
        screen.say(translate("{name}: finishing the requests in flight; once more stops at once.", name=name))

    def leave_at_once() -> None:
        # Nothing gentler ends a request that hangs; it is as safe as a power cut.
        screen.say(translate("Stopped at once. What was in flight is looked up by the next run."))
        screen.leave()
        os._exit(3)

    def on_signal(number: int, _: object) -> None:
        # A thread of its own: the signal may have come in the middle of writing to the terminal.
        if stop.is_set():
            threading.Thread(target=leave_at_once).start()
        else:
            stop.set()
            threading.Thread(target=say_stopping, args=(signal.Signals(number).name,)).start()

    signals = (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = [signal.signal(each, on_signal) for each in signals]
    try:
        yield stop
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def ask_about_unknown(
    this: Run, service: Service, stop: threading.Event, grace: float, screen: Screen, *, patient: bool = False
) -> Reconciled | None:
    """Have the service say what became of documents whose outcome is unknown; None if there are none."""
    from pipeline.sender.reconcile import any_unknown, reconcile  # noqa: PLC0415 - start-up time

    if not any_unknown(this):
        return None
    with screen.progress("Asking about unknown outcomes") as bar:
        return reconcile(this, service, grace=grace, stop=stop, patient=patient, on_progress=bar.advance)


def exit_code(this: Run, *, halted: bool = False, errors: bool = False, waiting: bool = False) -> int:
    """0 all with the service, 1 some need attention, 3 some unknown, 4 try again later; the worst wins.

    `halted` is whether sending stopped early, `errors` whether the file itself has errors, `waiting` whether
    what is not sent lies in the outbox.
    """
    outcomes = this.outcomes()
    if outcomes[Outcome.UNKNOWN]:
        return 3
    if halted:
        return 4
    fine = {Outcome.ACCEPTED, Outcome.ALREADY_ACCEPTED} | (
        {Outcome.NOT_SENT} if waiting or not this.sends else set()
    )
    return int(errors or any(number for outcome, number in outcomes.items() if outcome not in fine))


@contextmanager
def honest_exit(this: Run) -> Iterator[None]:
    """Where the ledger or report fails, or workers die: 3 if something may be with the service, else 4."""
    try:
        yield
    except (Unrecordable, WorkersLost) as refusal:
        try:
            refusal.exit_code = exit_code(this, halted=True)
        except Unrecordable:  # nor can it be read
            refusal.exit_code = 3
        raise


def tell_open(this: Run, screen: Screen) -> None:
    """Say what earlier runs have left open and this one did not read: its own report does not show it."""
    numbers = this.open_elsewhere()
    if numbers:
        shown = ", ".join(numbers[:_SHOWN_NUMBERS]) + (", …" if len(numbers) > _SHOWN_NUMBERS else "")
        found = finding("earlier-runs-open", count=f"{len(numbers):,}", billnums=shown)
        this.note([found])
        screen.say(f"{found.message} {found.remedy}")


def make_folder(out: Path) -> None:
    """Make the report's folder.

    Raises:
        Refusal: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass  # before anything is sent it must be sure that the report can be written
    except OSError as error:
        raise refuse("out-unusable", Place(file=str(out)), reason=error.strerror or str(error)) from error


def show_report(this: Run, out: Path, screen: Screen) -> None:
    """Write the report of a run from the ledger, and show what it comes to.

    Raises:
        Unrecordable: it cannot be written.
    """
    engine = this.ledger.engine
    try:
        report = write_report(engine, this.id, out)
    except OSError as error:
        found = finding("report-unwritable", Place(file=str(out)), reason=error.strerror or error)
        raise Unrecordable(found) from error
    screen.finding_lines(needs_attention(engine, this.id))
    screen.outcome_table(report.totals)
    screen.say(report.verdict)
    screen.say(translate("Report: {path}", path=report.html))
    ledger = shown_url(this.ledger.engine.url)
    screen.say(translate("Ledger: {url}", url=ledger))
