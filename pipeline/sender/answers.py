"""What an answer of the service means for a request as a whole.

`TABLE` is the one place that decides; `docs/answers.md` tells it to people. What a request's answer
says of each job in it is read by `judge`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from pipeline.privacy import mask
from pipeline.sender.replies import counts, words

SHOWN = 500
"""How many characters of an answer's text are kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a request.

    `status` is None when no status line came; then `sent` tells whether any byte of the body had left,
    and `error` what went wrong. `complete` is False when the body broke off.
    """

    status: int | None
    body: bytes = b""
    complete: bool = True
    sent: bool = True
    error: str = ""
    retry_after: float | None = None

    @property
    def content(self) -> Any:
        """The body as JSON; None when it is not, or not whole."""
        try:
            return orjson.loads(self.body) if self.complete else None
        except orjson.JSONDecodeError:
            return None

    @property
    def text(self) -> str:
        """What it says, shortened, without personal identity codes: for the ledger and for people."""
        count = counts(self.content)
        said = words(self.content) or (count and f"{count.accepted} accepted")
        said = said or self.error or self.body.decode(errors="replace").strip()
        return mask(" ".join(said.split()))[:SHOWN]


class Meaning(StrEnum):
    """What an answer means for a request with jobs."""

    UNREACHABLE = "unreachable"
    UNAUTHORISED = "unauthorised"
    BUSY = "busy"
    REFUSED = "refused"
    COUNTED = "counted"
    UNKNOWN = "unknown"


class Row(NamedTuple):
    """One row of the table: the first whose `applies` holds decides."""

    when: str
    applies: Callable[[Answer], bool]
    meaning: Meaning
    then: str


def _readable(answer: Answer) -> bool:
    return isinstance(answer.content, dict | list) and bool(answer.content)


def _counted(answer: Answer) -> bool:
    return _success(answer) and counts(answer.content) is not None


def _success(answer: Answer) -> bool:
    return answer.status is not None and 200 <= answer.status < 300


TABLE: tuple[Row, ...] = (
    Row(
        "no answer, and no byte of the invoices had left (name not found, connection refused, TLS, proxy)",
        lambda answer: answer.status is None and not answer.sent,
        Meaning.UNREACHABLE,
        "tried again after growing pauses; then the run stops and the rest is not-sent",
    ),
    Row(
        "no answer after that (read timeout, connection reset or closed)",
        lambda answer: answer.status is None,
        Meaning.UNKNOWN,
        "every invoice of the batch is unknown",
    ),
    Row(
        "401",
        lambda answer: answer.status == 401,
        Meaning.UNAUTHORISED,
        "a new token, once; if that is refused too, the run stops and the rest is not-sent",
    ),
    Row(
        "429",
        lambda answer: answer.status == 429,
        Meaning.BUSY,
        "the same batch again after the time in Retry-After (or a growing pause); after many in a row the"
        " run stops and the rest is not-sent",
    ),
    Row(
        "408",
        lambda answer: answer.status == 408,
        Meaning.UNKNOWN,
        "every invoice of the batch is unknown: something between us and the service gave up",
    ),
    Row(
        "413",
        lambda answer: answer.status == 413,
        Meaning.REFUSED,
        "the batch is split until it is small enough; an invoice that is too large alone is refused",
    ),
    Row(
        "another 4xx with a body that can be read",
        lambda answer: answer.status is not None and 400 <= answer.status < 500 and _readable(answer),
        Meaning.REFUSED,
        "the invoices that it names are refused and the others go again; when it names none, the batch is"
        " split to find the bad one",
    ),
    Row(
        "2xx that counts the accepted",
        _counted,
        Meaning.COUNTED,
        "all accepted when the count says so; with fewer, those named are refused, and the rest is accepted"
        " if the counts add up, otherwise unknown; a count that contradicts the names or the batch makes"
        " every invoice of the batch unknown",
    ),
    Row(
        "anything else (5xx, 3xx, a 4xx or 2xx that cannot be read or broke off)",
        lambda _: True,
        Meaning.UNKNOWN,
        "every invoice of the batch is unknown",
    ),
)


def meaning(answer: Answer) -> Meaning:
    """What the answer to `POST /rest/jobs` means (issue C, point 3)."""
    return next(row.meaning for row in TABLE if row.applies(answer))
