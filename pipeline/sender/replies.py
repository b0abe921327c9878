"""Reading answers whose shape is only partly published (`ropo-one-api.md`): tolerant, without conclusions.

Published are `accepted` and an errors list with `error` texts; every name below that may stand beside
them is a reasonable one, compared in lower case and without `_` and `-`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_JOB_LISTS = frozenset({"jobs", "job", "acceptedjobs", "dataset", "results", "items", "invoices"})
_ERROR_LISTS = frozenset(
    {"errors", "error", "jobresponseerrors", "rejected", "rejectedjobs", "refused", "failed"}
)
_BILLNUM = frozenset({"billnum", "billnumber", "invoicenumber", "invoicenum"})
_JOBID = frozenset({"jobid"})
_INDEX = frozenset({"index", "position"})
_ERROR = frozenset({"error", "errortext", "errormessage"})
_WORDS = _ERROR | {"message", "detail", "title", "description", "text", "reason"}


class Counts(NamedTuple):
    """The count of accepted jobs, the entries of accepted jobs (with a job id) and of errors."""

    accepted: int
    jobs: list[dict[str, Any]]
    errors: list[Any]


def counts(content: Any) -> Counts | None:
    """What a `JobResponse` holds, be it the answer itself or wrapped in one more object."""
    if not isinstance(content, dict):
        return None
    for each in (content, *(value for value in content.values() if isinstance(value, dict))):
        accepted = _integer(each.get("accepted"))
        if accepted is not None:
            jobs = [entry for entry in _listed(each, _JOB_LISTS) if isinstance(entry, dict)]
            bad = [entry for entry in jobs if value_of(entry, _ERROR)]
            good = [entry for entry in jobs if jobid(entry) and entry not in bad]
            return Counts(accepted, good, _listed(each, _ERROR_LISTS) + bad)
    return None


def errors(content: Any) -> list[Any]:
    """The entries of an answer's errors lists; the answer itself when it has none."""
    if isinstance(content, list):
        return content
    return (_listed(content, _ERROR_LISTS) if isinstance(content, dict) else []) or [content]


def entries(content: Any) -> Iterator[dict[str, Any]]:
    """Every object in an answer, however deep."""
    if isinstance(content, dict):
        yield content
    if isinstance(content, dict | list):
        for each in content.values() if isinstance(content, dict) else content:
            yield from entries(each)


def billnum(entry: Any) -> str | None:
    """The bill number of an entry."""
    return value_of(entry, _BILLNUM)


def jobid(entry: Any) -> str | None:
    """The job id of an entry."""
    return value_of(entry, _JOBID)


def index(entry: Any) -> int | None:
    """The place in the batch that an entry names, counted from we do not know what."""
    return _integer(value_of(entry, _INDEX))


def words(content: Any) -> str:
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
            if isinstance(value, dict | list) or (isinstance(value, str) and plain(name) in _WORDS):
                yield from _words(value)


def _listed(content: Mapping[str, Any], names: frozenset[str]) -> list[Any]:
    """The entries of every list under one of the names."""
    lists = (value for name, value in content.items() if plain(name) in names and isinstance(value, list))
    return [entry for each in lists for entry in each]


def value_of(entry: Any, names: frozenset[str]) -> str | None:
    """The first value under one of the names, as text."""
    for name, value in entry.items() if isinstance(entry, dict) else ():
        if plain(name) in names and isinstance(value, str | int) and not isinstance(value, bool):
            return str(value).strip() or None
    return None


def _integer(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def plain(name: str) -> str:
    """A name as names are compared: in lower case, without `_` and `-`."""
    return name.lower().replace("_", "").replace("-", "")
