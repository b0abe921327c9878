"""An invoice's life after it was accepted: what the service told of it, by day.

A life is made of a set of updates, so that it is the same in whatever order, and however often, they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import Connection, select

from pipeline.ledger import tables

DAY = len("2026-11-20")


class Stage(StrEnum):
    """Where an accepted invoice stands; of two at one moment the later in this list counts.

    `noted` is what changes nothing: a payment in part, or words that are not known.
    """

    NOTED = "noted"
    OPEN = "open"
    REMINDED = "reminded"
    COLLECTED = "collected"
    PAID = "paid"
    CREDITED = "credited"
    REFUSED = "refused"


_RANK = {stage: rank for rank, stage in enumerate(Stage)}


class Update(NamedTuple):
    """A status change as the service tells it: of which job, and when (ISO date, or date and time)."""

    jobid: str | None
    billnum: str | None
    at: str
    stage: Stage
    words: str


class Life(NamedTuple):
    """Where an invoice stands, since which day, in the service's words; the days of each stage."""

    stage: Stage
    since: str
    words: str
    days: Mapping[Stage, list[str]]


def life_of(updates: Iterable[tuple[str, str, str]]) -> Life | None:
    """What updates come to, each a moment, a stage and words; None when none of them changes anything."""
    known = ((at, Stage(stage), words) for at, stage, words in updates)
    moments = sorted((at, _RANK[stage], words, stage) for at, stage, words in known)
    moments = [each for each in moments if each[-1] is not Stage.NOTED]
    if not moments:
        return None
    days: dict[Stage, list[str]] = {}
    for at, _, _, stage in moments:
        of_stage = days.setdefault(stage, [])
        if at[:DAY] not in of_stage:
            of_stage.append(at[:DAY])
    at, _, words, stage = moments[-1]
    return Life(stage, at[:DAY], words, dict(sorted(days.items(), key=lambda item: _RANK[item[0]])))


def lives(connection: Connection, run_id: str) -> Iterator[tuple[int, Life]]:
    """The number of each invoice of a run that was heard of, rising, with the life of its document."""
    invoice, told = tables.invoice.c, tables.status_update.c
    if connection.execute(select(told.id).limit(1)).first() is None:
        return  # rather than look for each invoice
    query = (
        select(invoice.number, told.at, told.stage, told.words)
        .join(tables.status_update, told.document_id == invoice.document_id)
        .where(invoice.run_id == run_id)
        .order_by(invoice.number)
    )
    for number, rows in groupby(connection.execute(query), key=attrgetter("number")):
        life = life_of((row.at, row.stage, row.words) for row in rows)
        if life:
            yield number, life
