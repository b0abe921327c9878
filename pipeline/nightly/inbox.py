"""`inbox DIR`: takes complete exports, runs each once, puts it away with its report, and has people told.

    inbox/laskut.csv → attention/laskut/{laskut.csv, report/} → done/2026-11-20/laskut/

An export lies in `attention/` from the moment it is taken until all of it is with the service: wherever the
power fails, it lies where people look, and the journal knows where to go on.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from pydantic import SecretStr

from pipeline.findings import Finding, Place, Refusal, finding, refuse
from pipeline.language import translate
from pipeline.nightly import folders
from pipeline.nightly.arrivals import Arrivals, Look
from pipeline.nightly.attempt import Attempt, attempt, options_of, require_ready, worst
from pipeline.nightly.clock import Clock, written
from pipeline.nightly.config import Inbox, Source, load_inbox
from pipeline.nightly.expected import incomplete, is_overdue, missing
from pipeline.nightly.journal import Export, Journal
from pipeline.nightly.logs import open_log
from pipeline.nightly.metrics import write_metrics
from pipeline.nightly.stopping import stopped_by_signal
from pipeline.nightly.taking import inbox_of, is_taken, is_untouched, move_in, paths_of, put_back
from pipeline.nightly.telling import tell
from pipeline.nightly.together import Incoming, together
from pipeline.nightly.words import attention_fact, duplicate_fact, settled_fact, trouble_fact, why

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


TELL_EVERY = 60.0
"""Seconds, while watching, between two looks at what is missing and what could not be told."""


class AnotherInbox(Refusal):
    """Another inbox is at work on the folder."""

    exit_code = 4


class Stopped(Refusal):
    """What was taken cannot be recorded or put away; the next start goes on."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Places:
    """Where an inbox reads and writes beside its own folder; `notify` are Apprise URLs."""

    ledger: str
    notify: SecretStr | None = None
    metrics: Path | None = None
    log: Path | None = None


def inbox(root: Path, places: Places, *, once: bool = False, clock: Clock | None = None) -> int:
    """Take exports as they come, until SIGTERM; or those that are there, with `once`.

    Returns:
        0; with `once` the worst exit code of all runs: 3 before 4 before 2 before 1. A missing export counts
        as 1, a source that cannot be run as 2.

    Raises:
        Refusal: `inbox.toml` or the folders are wrong; with exit code 4: another inbox is at work on them,
            or what was taken cannot be recorded.
    """
    clock = clock or Clock()
    with ExitStack() as stack:
        log = stack.enter_context(open_log(places.log, clock.now))
        stack.enter_context(_only_one(root))
        journal = stack.enter_context(Journal(root, written(clock.now())))
        try:
            config = load_inbox(root)
            folders.make_folders(root, [each.folder for each in config.source])
        except Refusal as refusal:
            now = clock.now()
            journal.note(trouble_fact(refusal.finding, str(root), f"{now:%Y-%m-%d}", ()), written(now))
            tell(journal, root, places.notify, written(now), log)
            raise
        stack.enter_context(stopped_by_signal(clock.stop, log))
        night = _Night(root, config, journal, places, clock, log)
        try:
            night.watch(once=once)
        except (OSError, sqlite3.Error) as error:
            raise Stopped(finding("inbox-stopped", Place(file=str(root)), reason=error)) from error
        return worst(night.codes) if once else 0


@contextmanager
def _only_one(root: Path) -> Iterator[None]:
    place = Place(file=str(root))
    if not root.is_dir():
        raise refuse("inbox-unreadable", place, reason=translate("there is no folder {folder}", folder=root))
    held = FileLock(root / ".inbox.lock", timeout=0, mode=0o600, fallback_to_soft=False)
    try:
        held.acquire()
    except Timeout as error:
        raise AnotherInbox(finding("another-inbox", place, folder=root)) from error
    except OSError as error:
        raise refuse("inbox-folder", place, folder=root, reason=error.strerror or error) from error
    try:
        yield
    finally:
        held.release()


@dataclass(slots=True)
class _Night:
    root: Path
    config: Inbox
    journal: Journal
    places: Places
    clock: Clock
    log: FilteringBoundLogger
    codes: set[int] = field(default_factory=set)
    _unready_until: dict[str, float] = field(default_factory=dict)
    _waiting: set[str] = field(default_factory=set)
    _incomplete: dict[Incoming, datetime] = field(default_factory=dict)

    def watch(self, *, once: bool) -> None:
        """Look, run and tell, again and again; with `once` until nothing grows any more."""
        aside = [self.root / each.attachments for each in self.config.source if each.attachments]
        arrivals = Arrivals(self.root / folders.INBOX, self.config.settle, aside)
        began = tried = told = self.clock.seconds()
        self._go_on(self.clock.now())
        while not self.clock.stop.is_set():
            if self.clock.seconds() - tried >= self.config.retry:
                self._go_on(self.clock.now() - timedelta(seconds=self.config.retry))
                tried = self.clock.seconds()
            look = arrivals.look(self.clock.seconds(), self._needs_marker)
            self._waiting.clear()
            taken = [each for each in self._ready(look) if not self.clock.stop.is_set() and self._take(each)]
            waited = self.clock.seconds() - began
            is_all = not look.growing and not self._incomplete
            if once and not taken and (is_all or waited >= self.config.patience):
                break
            if not once and (taken or self.clock.seconds() - told >= TELL_EVERY):
                self._tell()
                told = self.clock.seconds()
            self.clock.pause(self.config.poll)
        self._tell(last=once)

    def _ready(self, look: Look) -> list[Incoming]:
        """The exports of which every file is there and complete; those that lack one are kept in mind."""
        complete = frozenset(look.complete)
        found = together(sorted(complete.union(look.growing)), self.config)
        now = self.clock.now()
        self._incomplete = {each: self._incomplete.get(each, now) for each in found if each.lacking}
        return [each for each in found if not each.lacking and complete.issuperset(each.files)]

    def _needs_marker(self, name: PurePosixPath) -> bool:
        source = self.config.source_of(name)
        return source is not None and source.marker

    def _go_on(self, tried_before: datetime) -> None:
        """Finish what a crash left half-way, and try again what could not be finished."""
        for export in self.journal.unfinished():
            if self.clock.stop.is_set():
                return
            if export.state == "run":
                self._put_away(export)
            elif is_taken(self.root, export):
                self._run(export)
            else:  # it was never taken, or has been given back
                self._return(export)
        for export in self.journal.to_try_again(written(tried_before)):
            if is_untouched(self.root, export) and not self.clock.stop.is_set():
                self._run(export)

    def _take(self, incoming: Incoming) -> bool:
        """Take an export out of the inbox and run it, if it can be taken."""
        source, first = incoming.source, incoming.files[0]
        if source and not self._is_ready(source):
            self._waiting.add(source.name)
            return False
        place = folders.free_folder(self.root, folders.ATTENTION, first.name)
        inbox = self.root / folders.INBOX
        try:
            export = self.journal.add(
                {str(name): folders.stamp(inbox / name) for name in incoming.files},
                *(source.name if source else None, place, written(self.clock.now())),
            )
        except UnicodeEncodeError:
            self._cannot_take(first, source, translate("its name is not in UTF-8"))
            return False
        except OSError as error:
            self._cannot_take(first, source, error.strerror or str(error))
            return False
        try:
            move_in(self.root, export, [inbox / name for name in incoming.files])
        except OSError as error:
            self._return(export)
            self._cannot_take(first, source, error.strerror or str(error))
            return False
        self.log.info("taken", export=export.name, source=export.source, place=place)
        self._run(export)
        return True

    def _return(self, export: Export) -> None:
        """Put back what was taken of an export, and forget it."""
        source = self._source(export)
        put_back(self.root, export, marked=source is not None and source.marker)
        self.journal.forget(export)

    def _source(self, export: Export) -> Source | None:
        return next((each for each in self.config.source if each.name == export.source), None)

    def _cannot_take(self, name: PurePosixPath, source: Source | None, reason: str) -> None:
        shown = os.fsencode(str(name)).decode("utf-8", "replace")
        self._trouble(finding("inbox-cannot-take", Place(file=shown), reason=reason), shown, source)

    def _is_ready(self, source: Source) -> bool:
        """Whether runs of the source can begin; if not, its exports wait in the inbox."""
        if self.clock.seconds() < self._unready_until.get(source.name, 0.0):
            return False
        try:
            require_ready(source, self.root, self.places.ledger)
        except Refusal as refusal:
            self._unready_until[source.name] = self.clock.seconds() + self.config.retry
            self._trouble(refusal.finding, source.name, source)
            return False
        return True

    def _trouble(self, found: Finding, about: str, source: Source | None) -> None:
        """Something keeps a run from being made: people are told once a day."""
        self.codes.add(2)
        self.log.error("trouble", about=about, code=found.code, message=found.message)
        now = self.clock.now()
        tags = source.tell if source else self.config.tell
        self.journal.note(trouble_fact(found, about, f"{now:%Y-%m-%d}", tags), written(now))

    def _run(self, export: Export) -> None:
        """Run an export that lies in its place, or see that it was done before; then put it away."""
        paths = paths_of(self.root, export)
        source = self._source(export)
        if source and not self._is_ready(source):
            return
        log = self.log.bind(export=export.name, source=export.source)
        try:
            before, digest = [*map(folders.stamp, paths)], folders.sha256(paths)
        except OSError as error:
            found = finding(
                "inbox-unreadable-export", Place(file=export.shown), reason=error.strerror or error
            )
            self._end(export, source, Attempt.refusing(found, log))
            return
        export = self.journal.change(export, state="taken", sha256=digest)
        if source is None:
            found = finding("inbox-no-source", Place(file=export.shown), file=export.name)
            self._end(export, source, Attempt.refusing(found, log))
        elif earlier := self.journal.done_before(export):
            self._end_duplicate(export, earlier, source)
        else:
            out = self.root / export.place / folders.REPORT
            folders.sweep(out)
            options = options_of(source, self.root, self.places.ledger, paths, out)
            result = attempt(options, log, self.clock.seconds)
            if all(map(Path.exists, paths)) and [*map(folders.stamp, paths)] != before:
                self._give_back(export)
            else:
                self._end(export, source, result)

    def _end(self, export: Export, source: Source | None, result: Attempt) -> None:
        """Record how a run ended and what to tell of it, in one transaction; then put the export away."""
        now = self.clock.now()
        done = result.exit_code == 0
        goes_to = self._done_folder(export) if done else None
        before = export.exit_code
        fact = None
        if not done:
            text = why(export, result)
            folders.say_why(self.root / export.place, text)
            fact = attention_fact(export, source, result, self.config.tell)
        else:
            (self.root / export.place / folders.WHY).unlink(missing_ok=True)
            if before is not None:
                fact = settled_fact(export, source, result, goes_to)
        totals = result.screen.totals
        with self.journal.writing():
            export = self.journal.change(
                export,
                state="run",
                goes_to=goes_to,
                tried=written(now),
                exit_code=result.exit_code,
                run_id=result.screen.run,
                seconds=result.seconds,
                outcomes=json.dumps(totals.as_dict()["outcomes"]) if totals else None,
            )
            if fact:
                self.journal.note(fact, written(now))
        self.codes.add(result.exit_code)
        self.log.info(
            "run", export=export.name, source=export.source, run=export.run_id, exit_code=export.exit_code,
            seconds=round(result.seconds, 3),
        )  # fmt: skip
        self._put_away(export)

    def _end_duplicate(self, export: Export, earlier: Export, source: Source) -> None:
        """Put away what was done before without running it again."""
        now = self.clock.now()
        fact = duplicate_fact(export, earlier, source)
        folders.say_why(self.root / export.place, fact.body)
        with self.journal.writing():
            export = self.journal.change(
                export, state="run", goes_to=self._done_folder(export), exit_code=0, same_as=earlier.id
            )
            self.journal.note(fact, written(now))
        self.log.info("duplicate", export=export.name, source=export.source, same_as=earlier.place)
        self._put_away(export)

    def _done_folder(self, export: Export) -> str:
        day = f"{self.clock.now():%Y-%m-%d}"
        return folders.free_folder(self.root, f"{folders.DONE}/{day}", PurePosixPath(export.name).name)

    def _put_away(self, export: Export) -> None:
        """Move an export with its report to where it goes, if it does not stay."""
        if export.goes_to:
            place = self.root / export.place
            if place.exists():  # else a crash came after the move
                folders.move(place, self.root / export.goes_to)
            export = self.journal.change(export, state="moved", place=export.goes_to, goes_to=None)
        else:
            export = self.journal.change(export, state="moved")
        self.log.info("moved", export=export.name, run=export.run_id, place=export.place)

    def _give_back(self, export: Export) -> None:
        """An export that was written to while it was read is not complete: it is taken again later.

        What was sent of it meanwhile is in the ledger, and its report stays.
        """
        self.log.warning("written-to", export=export.name)
        found = finding("inbox-written-to", Place(file=export.shown))
        folders.say_why(self.root / export.place, f"{found.message} {found.remedy}")
        folders.give_back(paths_of(self.root, export), inbox_of(self.root, export))
        self.journal.forget(export)
        folders.move(self.root / export.place, self.root / self._done_folder(export))

    def _tell(self, *, last: bool = False) -> None:
        """Say what has to be said, and write the metrics; at `last` nothing is waited for any more."""
        now = self.clock.now()
        waiting = set(self._waiting)
        for export, since in self._incomplete.items():
            if source := export.source:
                waiting.add(source.name)  # what has come of it says more than that it has not come
                if (
                    last
                    or (now - since).total_seconds() >= self.config.patience
                    or is_overdue(source, since, now)
                ):
                    self.codes.add(1)
                    self.journal.note(incomplete(export, source, now), written(now))
        for source in self.config.source:
            if source.name not in waiting and (fact := missing(self.journal, source, now)):
                self.codes.add(1)
                self.journal.note(fact, written(now))
        tell(self.journal, self.root, self.places.notify, written(now), self.log)
        if self.places.metrics:
            try:
                names = [each.name for each in self.config.source]
                write_metrics(self.places.metrics, self.journal, names, self.places.ledger)
            except (OSError, Refusal) as error:
                self.log.warning("metrics-unwritten", reason=str(error))
