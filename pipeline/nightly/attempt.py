"""One run of one export, whatever becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.attachments import Attachments
from pipeline.findings import Finding, Place, Refusal, finding, refuse
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


def options_of(
    source: Source, root: Path, ledger: str, export: Sequence[Path] = (), out: Path = Path()
) -> Options:
    """What the command line would be given for an export of the source."""
    command, subject = COMMANDS[source.subject]
    profile = source.profile
    if profile and (Path(profile).suffix or (root / profile).is_file()):
        profile = str(root / profile)
    return Options(
        command=command,
        inputs=tuple(export),
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


def load_profile_of(source: Source, root: Path) -> str | None:
    """See that the profile of a source can be used, and that the source takes all files that it speaks of.

    Returns:
        Its name.

    Raises:
        Refusal: as of a run; `inbox-files`.
    """
    options = options_of(source, root, "")
    profile = load_profile(options.profile, options.subject)
    apart = {each.file for each in profile.tables} - {None}
    if len(apart) > 1 and not source.files and not source.pattern.lower().endswith(".zip"):
        names = ", ".join(f"“{each.file}”" for each in profile.tables)
        raise refuse("inbox-files", Place(file=options.profile), source=source.name, names=names)
    return options.profile


def require_ready(source: Source, root: Path, ledger: str) -> None:
    """See that no run of a source fails for reasons that are none of the export's.

    Raises:
        Refusal: the same as the run's; or the ledger cannot be used; `inbox-files`.
    """
    load_profile_of(source, root)
    options = options_of(source, root, ledger)
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
