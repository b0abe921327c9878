"""What an answer of the service means: for the request as a whole, and for each job in it.

`TABLE` is the one place that decides; `docs/answers.md` tells it to people. What `ropo-one-api.md`
leaves open is read in every reasonable shape, and nothing is concluded that an answer does not say:
where it does not, the outcome is unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from pipeline.privacy import mask

_SHOWN = 500
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
        counts = _counts(self.content)
        said = _said(self.content) or (counts and f"{counts.accepted} accepted")
        said = said or self.error or self.body.decode(errors="replace").strip()
        return mask(" ".join(said.split()))[:_SHOWN]


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
    return _success(answer) and _counts(answer.content) is not None


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


class Verdict(StrEnum):
    """What an answer says of one job. `AGAIN`: it was certainly not taken, and is not the reason."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    AGAIN = "again"


class JobAnswer(NamedTuple):
    """What an answer says of one job: verdict, text, its id, and the entry as it stands in the answer."""

    verdict: Verdict
    text: str = ""
    jobid: str | None = None
    entry: Mapping[str, Any] | None = None

    @property
    def duplicate(self) -> bool:
        """Whether it was refused because the service already has its bill number."""
        return self.verdict is Verdict.REFUSED and bool(_DUPLICATE.search(self.text))


def judge(answer: Answer, billnums: Sequence[str | None]) -> list[JobAnswer]:
    """What the answer says of each job of the batch.

    Args:
        answer: one that means COUNTED, REFUSED or UNKNOWN.
        billnums: the bill numbers of the jobs sent, in that order.

    Returns:
        One for each job, in that order. All `AGAIN` when the batch was refused without a name: it
        is to be split. A single job is never `AGAIN`.
    """
    said = meaning(answer)
    if said is Meaning.COUNTED:
        return _judge_count(answer, billnums)
    if said is Meaning.REFUSED:
        return _judge_refusal(answer, billnums, _entries(answer.content, _ERROR_LISTS) or [answer.content])
    return [JobAnswer(Verdict.UNKNOWN, _why_unknown(answer))] * len(billnums)


# The names under which an answer may carry what is not published, in lower case without _ and -.
_JOB_LISTS = frozenset({"jobs", "job", "acceptedjobs", "dataset", "results", "items", "invoices"})
_ERROR_LISTS = frozenset(
    {"errors", "error", "jobresponseerrors", "rejected", "rejectedjobs", "refused", "failed"}
)
_BILLNUM = frozenset({"billnum", "billnumber", "invoicenumber", "invoicenum"})
_JOBID = frozenset({"jobid"})
_INDEX = frozenset({"index", "position"})
_TEXT = frozenset(
    {"error", "errortext", "errormessage", "message", "detail", "title", "description", "text", "reason"}
)
_DUPLICATE = re.compile(
    r"already (?:exists|used|in use|been used|sent)|duplicate|not unique|must be unique"
    r"|jo käytössä|on jo olemassa",
    re.IGNORECASE,
)
_BEFORE_BILLNUM = (
    r"(?:bill\s?num(?:ber)?|bill\s(?:no|nr)|invoice(?:\s?num(?:ber)?|\s(?:no|nr))?|laskun?numero)"
)


def entries(content: Any) -> Iterator[dict[str, Any]]:
    """Every object in an answer, however deep."""
    if isinstance(content, dict):
        yield content
    if isinstance(content, dict | list):
        for each in content.values() if isinstance(content, dict) else content:
            yield from entries(each)


def billnum_in(entry: Mapping[str, Any]) -> str | None:
    """The bill number of an object in an answer, under any of its plausible names."""
    return _get(entry, _BILLNUM)


def jobid_in(entry: Mapping[str, Any]) -> str | None:
    """The job id of an object in an answer, under any of its plausible names."""
    return _get(entry, _JOBID)


def _judge_count(answer: Answer, billnums: Sequence[str | None]) -> list[JobAnswer]:
    content = _counts(answer.content)
    if content is None:  # cannot be: such an answer does not mean COUNTED
        raise ValueError(answer)
    sent, accepted = len(billnums), content.accepted
    base = _base((*content.jobs, *content.errors), billnums)
    failed, unnamed = _named(content.errors, billnums, base)
    taken, unplaced = _named(content.jobs, billnums, base)
    if not taken and unplaced and len(unplaced) == sent == accepted:
        taken, unplaced = dict(enumerate(unplaced)), []  # one for each job sent: in the order sent
    contradiction = _contradiction(content, sent, failed, unnamed, taken, billnums)
    if contradiction:
        text = f"its answer contradicts itself: {contradiction}"
        return [JobAnswer(Verdict.UNKNOWN, text)] * sent
    if accepted == 0:
        return _judge_refusal(answer, billnums, content.errors)
    left = sent - len(failed) - len(taken)
    if len(failed) == sent - accepted:
        rest = JobAnswer(Verdict.ACCEPTED)
    elif len(taken) == accepted:
        rest = JobAnswer(Verdict.REFUSED, _joined(unnamed) or answer.text)
    else:
        rest = JobAnswer(
            Verdict.UNKNOWN,
            f"the service accepted {accepted} of {sent} and did not say which; {left} are uncertain",
        )
    return [
        _refused(failed[place]) if place in failed else _accepted(taken[place]) if place in taken else rest
        for place in range(sent)
    ]


def _judge_refusal(answer: Answer, billnums: Sequence[str | None], errors: Sequence[Any]) -> list[JobAnswer]:
    """For a batch of which nothing was taken."""
    failed, unnamed = _named(errors, billnums, _base(errors, billnums))
    if len(billnums) == 1:
        return [
            _refused(failed[0]) if failed else JobAnswer(Verdict.REFUSED, _joined(unnamed) or answer.text)
        ]
    if not failed and len(unnamed) == len(billnums):  # one for each job sent: in the order sent
        failed = dict(enumerate(unnamed))
    again = JobAnswer(Verdict.AGAIN, f"its batch was refused: {answer.text}")
    return [_refused(failed[place]) if place in failed else again for place in range(len(billnums))]


class _Counts(NamedTuple):
    accepted: int
    jobs: list[Any]
    errors: list[Any]


def _counts(content: Any) -> _Counts | None:
    """The count and lists of a `JobResponse`, itself or wrapped in one more object."""
    if not isinstance(content, dict):
        return None
    for each in (content, *(value for value in content.values() if isinstance(value, dict))):
        accepted = each.get("accepted")
        if isinstance(accepted, str) and re.fullmatch(r"[0-9]{1,9}", accepted):
            accepted = int(accepted)
        if isinstance(accepted, int) and not isinstance(accepted, bool):
            jobs = _entries(each, _JOB_LISTS)
            errors = _entries(each, _ERROR_LISTS)
            bad = [
                job for job in jobs if isinstance(job, dict) and _get(job, frozenset({"error", "errortext"}))
            ]
            return _Counts(accepted, [job for job in jobs if job not in bad], errors + bad)
    return None


def _contradiction(
    content: _Counts,
    sent: int,
    failed: Mapping[int, Any],
    unnamed: Sequence[Any],
    taken: Mapping[int, Any],
    billnums: Sequence[str | None],
) -> str:
    """Why the answer cannot be true of this batch, or `""`."""
    strangers = [
        billnum
        for entry in (*content.jobs, *content.errors)
        if isinstance(entry, dict) and (billnum := _get(entry, _BILLNUM)) and billnum not in billnums
    ]
    if strangers:
        return f"it names a bill number that was not in the batch ({mask(strangers[0])})"
    if not 0 <= content.accepted <= sent:
        return f"{content.accepted} accepted of {sent} sent"
    if content.accepted == sent and (failed or unnamed):
        return "all accepted, and errors"
    if failed.keys() & taken.keys():
        return "a job both accepted and refused"
    if len(failed) > sent - content.accepted or len(taken) > content.accepted:
        return f"{content.accepted} accepted, but {len(taken)} named as accepted and {len(failed)} as refused"
    return ""


def _entries(content: Any, names: frozenset[str]) -> list[Any]:
    """The entries of every list with one of these names."""
    if isinstance(content, list):
        return content if names is _ERROR_LISTS else []
    if not isinstance(content, dict):
        return []
    return [
        entry
        for name, value in content.items()
        if _plain(name) in names and isinstance(value, list)
        for entry in value
    ]


def _named(
    entries: Sequence[Any], billnums: Sequence[str | None], base: int | None
) -> tuple[dict[int, Any], list[Any]]:
    """Entries by the place of the job that each names, and those that name none."""
    places = _places(billnums)
    named: dict[int, Any] = {}
    unnamed = []
    for entry in entries:
        place = _place(entry, places, base)
        if place is None or place in named:
            unnamed.append(entry)
        else:
            named[place] = entry
    return named, unnamed


def _places(billnums: Sequence[str | None]) -> dict[str, int]:
    """Where in the batch each bill number is; a number that is there twice names neither job."""
    occurrences = Counter(billnums)
    return {billnum: place for place, billnum in enumerate(billnums) if billnum and occurrences[billnum] == 1}


def _place(entry: Any, places: Mapping[str, int], base: int | None) -> int | None:
    if isinstance(entry, dict):
        billnum = _get(entry, _BILLNUM)
        if billnum:
            return places.get(billnum)
        index = _index(entry)
        if index is not None and base is not None:
            return index - base
    found = {
        match[1]
        for match in re.finditer(rf"{_BEFORE_BILLNUM}\W{{0,3}}([\w./-]*\w)", _said(entry), re.IGNORECASE)
        if match[1] in places
    }
    return places[found.pop()] if len(found) == 1 else None


def _base(entries: Sequence[Any], billnums: Sequence[str | None]) -> int | None:
    """Whether indexes in the answer count from 0 or from 1; None when both are possible, or neither.

    It is not published. To take the one for the other would name the wrong job.
    """
    places = _places(billnums)
    pairs = [
        (index, places.get(_get(entry, _BILLNUM) or ""))
        for entry in entries
        if isinstance(entry, dict) and (index := _index(entry)) is not None
    ]
    possible = [
        base
        for base in (0, 1)
        if all(0 <= index - base < len(billnums) and place in {None, index - base} for index, place in pairs)
    ]
    return possible[0] if len(possible) == 1 else None


def _index(entry: Mapping[str, Any]) -> int | None:
    text = _get(entry, _INDEX)
    return int(text) if text and re.fullmatch("[0-9]{1,9}", text) else None


def _accepted(entry: Any) -> JobAnswer:
    if not isinstance(entry, dict):
        return JobAnswer(Verdict.ACCEPTED)
    return JobAnswer(Verdict.ACCEPTED, jobid=_get(entry, _JOBID), entry=entry)


def _refused(entry: Any) -> JobAnswer:
    return JobAnswer(
        Verdict.REFUSED,
        mask(_said(entry))[:_SHOWN] or "without a reason",
        entry=entry if isinstance(entry, dict) else None,
    )


def _joined(entries: Sequence[Any]) -> str:
    return mask("; ".join(filter(None, map(_said, entries))))[:_SHOWN]


def _said(content: Any) -> str:
    """The words in an answer or an entry of it: its `error`, `errorText`, `title`, `detail` and the like."""
    return "; ".join(dict.fromkeys(_words(content)))


def _words(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for each in content:
            yield from _words(each)
    elif isinstance(content, dict):
        for name, value in content.items():
            if (_plain(name) in _TEXT and isinstance(value, str)) or isinstance(value, dict | list):
                yield from _words(value)


def _why_unknown(answer: Answer) -> str:
    if answer.status is None:
        return f"no answer came ({answer.text})"
    if _success(answer):
        return f"its answer could not be read ({answer.error or 'HTTP ' + str(answer.status)})"
    return f"the service answered with HTTP {answer.status}"


def _get(entry: Mapping[str, Any], names: frozenset[str]) -> str | None:
    """The first value under one of the names, as text."""
    for name, value in entry.items():
        if _plain(name) in names and isinstance(value, str | int) and not isinstance(value, bool):
            return str(value).strip() or None
    return None


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
