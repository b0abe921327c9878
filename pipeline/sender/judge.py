"""What an answer says of each job of a batch. Where it does not say, the job's outcome is unknown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from pipeline.privacy import mask
from pipeline.sender import replies
from pipeline.sender.answers import SHOWN, Answer, Meaning, meaning
from pipeline.sender.replies import Counts

_DUPLICATE = re.compile(
    r"already (?:exists|used|in use|been used|sent)|duplicate|not unique|must be unique"
    r"|on jo (?:olemassa|käytössä)",
    re.IGNORECASE,
)
_A_BILL = re.compile("bill|invoice|lasku", re.IGNORECASE)
_BILL_NUMBER = (
    r"(?<![a-z])(?:bill ?num(?:ber)?|bill (?:no|nr)|invoice(?: ?num(?:ber)?| (?:no|nr))?|laskun?numero)"
)


class Verdict(StrEnum):
    """What an answer says of one job. `AGAIN`: it was certainly not taken, and may not be the reason."""

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
        return self.verdict is Verdict.REFUSED and _of_duplicate(self.text)


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
    counted = replies.counts(answer.content)
    if said is Meaning.COUNTED and counted:
        return _judge_count(counted, billnums)
    if said is Meaning.REFUSED:
        return _judge_refusal(answer, replies.errors(answer.content), billnums)
    return [JobAnswer(Verdict.UNKNOWN, _why_unknown(answer))] * len(billnums)


def judge_entry(answer: Answer) -> JobAnswer:
    """What the answer to a credit note allocation or payment says of it: there is but one in a request.

    A 201 that names the job it was put to (`jobid`, `billnum` or `billcode`, `ropo-one-api.md`, Service) or
    nothing at all but an object is accepted; an errors list in it, or anything unreadable, is not.
    """
    if meaning(answer) is Meaning.REFUSED:
        return _refused(replies.errors(answer.content), answer.text)
    if answer.status is None or not 200 <= answer.status < 300 or not isinstance(answer.content, dict):
        return JobAnswer(Verdict.UNKNOWN, _why_unknown(answer))
    if any(answer.content.get(name) for name in ("error", "errors", "errorText")):
        return JobAnswer(Verdict.UNKNOWN, f"it was answered with errors: {answer.text}")
    return _accepted(answer.content)


def _judge_count(counted: Counts, billnums: Sequence[str | None]) -> list[JobAnswer]:
    sent, accepted = len(billnums), counted.accepted
    base = _base([*counted.jobs, *counted.errors], billnums)
    failed, unnamed = _named(counted.errors, billnums, base)
    taken, unplaced = _named(counted.jobs, billnums, base)
    contradiction = _contradiction(counted, billnums, failed, taken)
    if contradiction:
        return [JobAnswer(Verdict.UNKNOWN, f"its answer contradicts itself: {contradiction}")] * sent
    if not taken and len(unplaced) == sent == accepted:
        taken = dict(enumerate(unplaced))  # an entry for each job sent: in the order sent
    if len(failed) == sent - accepted:
        rest = JobAnswer(Verdict.ACCEPTED)
    elif len(taken) == accepted and len(unnamed) >= sent - accepted - len(failed):
        rest = _refused(unnamed)  # every job is accounted for, though not by name
    else:
        why = f"the service accepted {accepted} of {sent} and did not say for each which"
        rest = JobAnswer(Verdict.UNKNOWN, why)
    return [
        _refused(failed[place]) if place in failed else _accepted(taken[place]) if place in taken else rest
        for place in range(sent)
    ]


def _judge_refusal(answer: Answer, errors: Sequence[Any], billnums: Sequence[str | None]) -> list[JobAnswer]:
    """For a batch of which nothing was taken: should a name be misread, nothing goes twice for it."""
    failed, unnamed = _named(errors, billnums, _base(errors, billnums), in_any_text=True)
    if len(billnums) == 1:
        return [_refused(failed[0] if failed else unnamed, answer.text)]
    again = JobAnswer(Verdict.AGAIN, f"its batch was refused: {answer.text}")
    return [_refused(failed[place]) if place in failed else again for place in range(len(billnums))]


def _contradiction(
    counted: Counts, billnums: Sequence[str | None], failed: Mapping[int, Any], taken: Mapping[int, Any]
) -> str:
    """Why the answer cannot be true of this batch, or `""`."""
    sent, accepted = len(billnums), counted.accepted
    named = filter(None, map(replies.billnum, [*counted.jobs, *counted.errors]))
    stranger = next((each for each in named if each not in billnums), None)
    if stranger is not None:
        return f"it names a bill number that was not sent with it ({mask(stranger)})"
    if not 0 <= accepted <= sent:
        return f"{accepted} accepted of {sent} sent"
    if accepted == sent and counted.errors:
        return "all accepted, and errors"
    if failed.keys() & taken.keys():
        return "a job both accepted and refused"
    if len(failed) > sent - accepted or len(taken) > accepted:
        return (
            f"{accepted} accepted of {sent}, but {len(taken)} are named as accepted, {len(failed)} as refused"
        )
    return ""


def _named(
    entries: Sequence[Any], billnums: Sequence[str | None], base: int | None, *, in_any_text: bool = False
) -> tuple[dict[int, Any], list[Any]]:
    """Entries by the place of the job that each names, and those that name none."""
    places = _places(billnums)
    named: dict[int, Any] = {}
    unnamed = []
    for entry in entries:
        place = _place(entry, places, base, in_any_text=in_any_text)
        if place is None or place in named:
            unnamed.append(entry)
        else:
            named[place] = entry
    return named, unnamed


def _places(billnums: Sequence[str | None]) -> dict[str, int]:
    """Where in the batch each bill number is; a number that is there twice names neither job."""
    occurrences = Counter(billnums)
    return {billnum: place for place, billnum in enumerate(billnums) if billnum and occurrences[billnum] == 1}


def _place(entry: Any, places: Mapping[str, int], base: int | None, *, in_any_text: bool) -> int | None:
    billnum = replies.billnum(entry)
    if billnum:
        return places.get(billnum)
    index = replies.index(entry)
    if index is not None and base is not None:
        return index - base
    text = replies.words(entry)
    # A number in another text may be that of the original of a credit note.
    if not (in_any_text or _of_duplicate(text)):
        return None
    numbers = re.findall(rf"{_BILL_NUMBER}\W{{0,3}}([\w./-]*\w)", text, re.IGNORECASE)
    found = {each for each in numbers if each in places}
    return places[found.pop()] if len(found) == 1 else None


def _base(entries: Sequence[Any], billnums: Sequence[str | None]) -> int | None:
    """Whether indexes in the answer count from 0 or from 1; None when both are possible, or neither.

    It is not published, and to take the one for the other would name the wrong job.
    """
    places = _places(billnums)
    pairs = [
        (index, places.get(replies.billnum(entry) or ""))
        for entry in entries
        if (index := replies.index(entry)) is not None
    ]
    possible = [
        base
        for base in (0, 1)
        if all(0 <= index - base < len(billnums) and place in {None, index - base} for index, place in pairs)
    ]
    return possible[0] if len(possible) == 1 else None


def _accepted(entry: Mapping[str, Any]) -> JobAnswer:
    return JobAnswer(Verdict.ACCEPTED, jobid=replies.jobid(entry), entry=entry)


def _refused(entry: Any, otherwise: str = "") -> JobAnswer:
    text = _text(entry) or otherwise or "no reason was given"
    return JobAnswer(Verdict.REFUSED, text, entry=entry if isinstance(entry, dict) else None)


def _text(entry: Any) -> str:
    return mask(replies.words(entry))[:SHOWN]


def _of_duplicate(text: str) -> bool:
    return bool(_DUPLICATE.search(text) and _A_BILL.search(text))


def _why_unknown(answer: Answer) -> str:
    if answer.status is None:
        return f"no answer came ({answer.text})"
    if 200 <= answer.status < 300:
        return f"its answer could not be read ({answer.error or f'HTTP {answer.status}'})"
    return f"the service answered with HTTP {answer.status}"
