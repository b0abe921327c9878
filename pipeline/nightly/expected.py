"""Exports that should have come by their hour and have not, and those of which only some files have."""

from __future__ import annotations

from datetime import datetime, timedelta

from pipeline.language import translate
from pipeline.nightly.clock import written
from pipeline.nightly.config import DAYS, Source
from pipeline.nightly.journal import Fact, Journal
from pipeline.nightly.together import Incoming


def missing(journal: Journal, source: Source, now: datetime) -> Fact | None:
    """What to tell when no export of the source came by its last hour; once a day, whenever it is asked."""
    hour = _last_hour(source, now)
    # A journal that begins later says nothing of what came before.
    if hour is None or written(hour) < journal.beginning:
        return None
    since = hour - timedelta(hours=source.expected_within)
    if journal.came(source.name, written(since)):
        return None
    shown = f"{hour:%Y-%m-%d %H:%M}"
    return Fact(
        f"missing:{source.name}:{hour:%Y-%m-%d}",
        "failure",
        translate("Ropo: no export of {source}", source=source.name),
        translate(
            "No export of {source} came by {hour}. See that it is made, and put it into inbox/{folder}.",
            source=source.name,
            hour=shown,
            folder=source.folder,
        ),
        tags=source.tell,
    )


def incomplete(export: Incoming, source: Source, now: datetime) -> Fact:
    """What to tell of an export of which a file has not come; once a day."""
    there = ", ".join(each.name for each in export.files)
    lacking = ", ".join(export.lacking)
    return Fact(
        f"incomplete:{source.name}:{there}:{now:%Y-%m-%d}",
        "failure",
        translate("Ropo: a file of {source} is missing", source=source.name),
        translate(
            "Of an export of {source} there is {there}, but not {lacking}. It waits in inbox/{folder} and is "
            "run when all its files are there. See that the rest is made, or take away what is there.",
            source=source.name,
            there=there,
            lacking=lacking,
            folder=source.folder,
        ),
        tags=source.tell,
    )


def is_overdue(source: Source, since: datetime, now: datetime) -> bool:
    """Whether the source's hour has struck since then."""
    hour = _last_hour(source, now)
    return hour is not None and since < hour


def _last_hour(source: Source, now: datetime) -> datetime | None:
    """The last time that the source's hour struck."""
    if source.expected_by is None:
        return None
    for days in range(8):
        # By the calendar, not 24 hours back: clocks are put forward and back.
        day = now.date() - timedelta(days=days)
        hour = datetime.combine(day, source.expected_by)
        hour = hour.astimezone() if now.tzinfo is None else hour.replace(tzinfo=now.tzinfo)
        if hour <= now and DAYS[day.weekday()] in source.expected_on:
            return hour
    return None
