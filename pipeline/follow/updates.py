"""Reads the service's answers about status changes, whose shape is not published (`docs/follow.md`).

`data/status_updates.toml` is the table of names and words. What it does not have is never guessed at: such
an update is kept, told, and changes nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from pipeline.ledger.life import Stage, Update
from pipeline.privacy import mask
from pipeline.resources import data_text
from pipeline.sender.replies import billnum, jobid, plain

_LONGEST_WORDS = 100
_ISO = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?.*)?")
_FINNISH = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_NO_WORD = re.compile(r"[\W_]+")


class Reading(NamedTuple):
    """What an answer holds: how many entries, the updates in them, the entries that no update was found in.

    `unknown` are the words of updates that the table does not have, or of which it has two meanings.
    """

    entries: int
    updates: list[Update]
    strange: int
    unknown: list[str]


class _Job(NamedTuple):
    jobid: str | None = None
    billnum: str | None = None


def read(content: Any, day: str) -> Reading:
    """Read an answer: a list of updates, or an object with lists of them, each update an object.

    An update names its job, itself or in an object around it, and a status. Several updates may lie in one
    object.

    Args:
        content: the answer's JSON.
        day: for updates that tell no date (ISO).
    """
    updates: list[Update] = []
    unknown: list[str] = []
    rows = list(_entries(content))
    strange = 0
    for row in rows:
        found = list(_updates(row, _Job(), day))
        strange += not found
        for each, is_known in found:
            updates.append(each)
            unknown += [] if is_known else [each.words]
    return Reading(max(len(rows), len(updates)), updates, strange, unknown)


def _entries(content: Any) -> Iterator[Any]:
    if isinstance(content, list):
        yield from content
    elif isinstance(content, dict) and content:
        lists = [each for each in content.values() if isinstance(each, list)]
        objects = [each for each in content.values() if isinstance(each, dict)]
        inner = lists or objects
        if jobid(content) or billnum(content) or not inner:
            yield content
        else:
            for each in inner:
                yield from _entries(each)
    elif not isinstance(content, dict):
        yield content


def _updates(entry: Any, around: _Job, day: str) -> Iterator[tuple[Update, bool]]:
    """Each update in an entry, however deep, and whether its words are known."""
    if isinstance(entry, list):
        for each in entry:
            yield from _updates(each, around, day)
    if not isinstance(entry, dict):
        return
    job = _Job(jobid(entry), billnum(entry))
    job = around if job == _Job() else job
    words = _words(entry)
    if words and job != _Job():
        stages = {stage for each in words if (stage := _stages().get(_spelt(each)))}
        stage = stages.pop() if len(stages) == 1 else None
        shown = mask("; ".join(dict.fromkeys(words)))[:_LONGEST_WORDS]
        yield Update(*job, _moment(entry) or day, stage or Stage.NOTED, shown), stage is not None
    for name, value in entry.items():
        if plain(name) not in _names("status"):
            yield from _updates(value, job, day)


def _words(entry: Mapping[str, Any]) -> list[str]:
    """The texts of an entry's status, be it plain or an object such as `{code, text}`."""
    found = []
    for name, value in entry.items():
        if plain(name) in _names("status"):
            found += _texts(value.values() if isinstance(value, dict) else [value])
    return found


def _texts(values: Any) -> list[str]:
    return [
        " ".join(str(each).split())
        for each in values
        if isinstance(each, str | int) and not isinstance(each, bool) and str(each).strip()
    ]


def _moment(entry: Mapping[str, Any]) -> str | None:
    """When it changed, as told: `2026-11-20`, or `2026-11-20T10:15:00` without the time zone."""
    told = {plain(name): value for name, value in entry.items() if isinstance(value, str)}
    for name in _names("moment"):
        moment = _read_moment(told.get(name, ""))
        if moment:
            return moment
    return None


def _read_moment(text: str) -> str | None:
    iso, finnish = _ISO.fullmatch(text.strip()), _FINNISH.fullmatch(text.strip())
    try:
        if iso:
            day = date.fromisoformat(iso[1]).isoformat()
            return f"{day}T{iso[2]}{iso[3] or ':00'}" if iso[2] else day
        if finnish:
            return date(int(finnish[3]), int(finnish[2]), int(finnish[1])).isoformat()
    except ValueError:
        pass
    return None


def _spelt(words: str) -> str:
    return _NO_WORD.sub(" ", words.lower()).strip()


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(data_text("status_updates.toml"))


@cache
def _names(of: str) -> tuple[str, ...]:
    return tuple(_table()["names"][of])


@cache
def _stages() -> dict[str, Stage]:
    return {word: Stage(stage) for stage, words in _table()["words"].items() for word in words}
