"""One run of one export, whatever becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.attachments import Attachments
from pipeline.findings import Finding, Refusal, finding, refuse
from pipeline.flow import run
from pipeline.ledger import open_ledger
from pipeline.nightly.config import COMMANDS, Source
from pipeline.nightly.logs import NightScreen
from pipeline.options import Options
from pipeline.profile import load_profile
from pipeline.settings import account
from pipeline.targets import Target

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

REFUSED, TRY_AGAIN = 2, 4
"""Exit codes (docs/exit-codes.md)."""


class Attempt(NamedTuple):
    """How a run ended: its exit code, what it told, and why if nothing was attempted."""

    exit_code: int
    screen: NightScreen
    seconds: float
    refused: Finding | None

    @classmethod
    def refusing(cls, found: Finding, log: FilteringBoundLogger) -> Attempt:
        """No run at all, for that reason."""
        screen = NightScreen(log)
        screen.refused(found)
        return cls(REFUSED, screen, 0.0, found)


def worst(codes: Iterable[int]) -> int:
    """The exit code that says most: 3 before 4 before 2 before 1."""
    found = set(codes)
    return next((code for code in (3, 4, 2, 1) if code in found), 0)


def options_of(source: Source, root: Path, ledger: str, export: Path, out: Path) -> Options:
    """What the command line would be given for an export of the source."""
    command, subject = COMMANDS[source.subject]
    profile = source.profile
    if profile and (Path(profile).suffix or (root / profile).is_file()):
        profile = str(root / profile)
    return Options(
        command=command,
        inputs=(export,),
        target=source.target,
        country=source.country,
        profile=profile,
        out=out,
        ledger=ledger,
        subject=subject,
        attachments=root / source.attachments if source.attachments else None,
        batch_size=source.batch_size,
        workers=source.workers,
        grace=source.grace,
        yes=source.yes,
    )


def require_ready(options: Options) -> None:
    """See that no run of these options fails for reasons that are none of the export's.

    Raises:
        Refusal: the same as the run's; or the ledger cannot be used.
    """
    load_profile(options.profile, options.subject)
    account(options.target, options.country)
    if options.target is Target.PRODUCTION and not options.yes:
        raise refuse("consent-missing")
    Attachments(options.attachments)
    open_ledger(options.ledger).close()


def attempt(options: Options, log: FilteringBoundLogger, seconds: Callable[[], float]) -> Attempt:
    """Run an export; nothing that goes wrong with it reaches the others.

    In a thread of its own: SIGTERM then ends the watching, not the run.
    """
    screen = NightScreen(log, clock=seconds)
    ended: list[tuple[int, Finding | None]] = []
    began = seconds()

    def work() -> None:
        try:
            ended.append((run(options, screen), None))
        except Refusal as refusal:
            screen.refused(refusal.finding)
            ended.append((refusal.exit_code, refusal.finding))
        except Exception as error:  # noqa: BLE001 - one export must not stop the others
            found = finding("night-internal", error=f"{type(error).__name__}: {error}")
            screen.refused(found)
            ended.append((TRY_AGAIN, found))

    thread = threading.Thread(target=work, name="run")
    thread.start()
    thread.join()
    code, refused = ended[0] if ended else (TRY_AGAIN, None)
    return Attempt(code, screen, seconds() - began, refused)
