"""What a document says, as the ledger keeps it: its hash, its payload without identity codes, differences."""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from itertools import zip_longest
from typing import Any, NamedTuple

import orjson

from pipeline.document import Document
from pipeline.privacy import is_personal, mask

GUARD = "checkbillnum"
"""The flag that makes the service refuse a bill number that it already has (`seeds/invoice.txt`)."""

# To look for personal identity codes in every text of every document would take most of the time of
# planning (200 µs a document, a regular expression over its JSON 20). So: where does the JSON, with its
# digits as 0, have a run that could be one (3 µs), and is it one; only then is every text looked at.
_RUNS = tuple(f"000000{rest}".encode() for rest in ("00000", " 00000", "-000", "A000"))
_SHAPE = bytes.maketrans(b"0123456789+BCDEFUVWXYabcdefuvwxy", b"0000000000-" + b"A" * 21)
_CODE = re.compile(
    rb"(?:(?<![0-9A-Za-z])|(?<=\\[bfnrt]))"  # the letter before it may be the end of an escape
    rb"(?:[0-9]{6}(?:[-+A-FU-Ya-fu-y][0-9]{3}[0-9A-Ya-y]| ?[0-9]{5})|[0-9]{8}[-+]?[0-9]{4})(?![0-9A-Za-z])"
)
_PERSON = "2"


class Content(NamedTuple):
    """What there is of a document: its keyed hash, the body to send, the payload to keep if it is another."""

    hash: str
    other_payload: str | None
    body: bytes


def content(key: bytes, document: Document, guard: str | None) -> Content:
    """Hash, payload and body of a document.

    The hash leaves out what came from the clock, so that the same export on another day is the same
    invoice; and the guard, which says nothing about the invoice. The payload has only keyed hashes
    of personal identity codes.

    Args:
        key: the ledger's own, for the hashes.
        document: its `dataset` is not changed.
        guard: the value of `checkbillnum` to send, if any.
    """
    dataset = _unguarded(document.dataset)
    written = as_json(dataset)
    hashed = written
    if document.clock_fields:
        hashed = as_json({tag: value for tag, value in dataset.items() if tag not in document.clock_fields})
    if document.sent_as is not None:
        dataset = _unguarded(document.sent_as)
        written = as_json(dataset)
    return Content(_keyed(key, hashed), _other_payload(key, dataset, written), guarded(written, None, guard))


def guarded(body: bytes, before: str | None, guard: str | None) -> bytes:
    """The body of a document with another value of `checkbillnum`, which stands first in it; None is none."""
    rest = body[1 if before is None else len(_guard(before)) :]
    return (b"{" if guard is None else _guard(guard)) + rest


def _guard(value: str) -> bytes:
    return b'{"%s":"%s",' % (GUARD.encode(), value.encode())


def _unguarded(dataset: dict[str, Any]) -> dict[str, Any]:
    if GUARD not in dataset:
        return dataset
    dataset = dataset.copy()
    del dataset[GUARD]
    return dataset


def as_json(value: Any) -> bytes:
    """Canonical JSON: the same content gives the same bytes; a Decimal is a number, digit for digit."""
    return orjson.dumps(value, default=_number, option=orjson.OPT_SORT_KEYS)


def differences(before: str | None, after: str, aside: Collection[str] = ()) -> list[str]:
    """What differs between two payloads, field by field: `payrow 2 amount: 10.00 → 12.00`.

    Args:
        before: the payload that the ledger has; None once purged.
        after: the new one.
        aside: tags that do not count, since their values came from the clock.

    Returns:
        One text a field, none when they say the same.
    """
    if before is None:
        return ["the earlier content is no longer kept (purge)"]
    old, new = (
        {tag: value for tag, value in orjson.loads(each).items() if tag not in aside}
        for each in (before, after)
    )
    return list(_differences("", old, new))


def _differences(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for tag in old | new:
            yield from _differences(f"{path} {tag}".strip(), old.get(tag), new.get(tag))
    elif isinstance(old, list) and isinstance(new, list):
        for place, (before, after) in enumerate(zip_longest(old, new), start=1):
            yield from _differences(f"{path} {place}", before, after)
    elif old != new:
        yield f"{path}: {_shown(old)} → {_shown(new)}"


def _shown(value: Any) -> str:
    if value is None:
        return "(none)"
    return mask(value) if isinstance(value, str) else mask(as_json(value).decode())


def _other_payload(key: bytes, dataset: Mapping[str, Any], written: bytes) -> str | None:
    """The dataset as JSON without personal identity codes; None where it has none."""
    kept = written
    govid = dataset.get("govid")
    if govid and dataset.get("customertype") == _PERSON:
        dataset = {**dataset, "govid": _only_hash(key, govid)}
        kept = as_json(dataset)
    if _holds_code(kept):
        kept = as_json(_without_codes(key, dataset))
    return None if kept is written else kept.decode()


def _holds_code(written: bytes) -> bool:
    shape = written.translate(_SHAPE)
    for run in _RUNS:
        at = shape.find(run)
        while at >= 0:
            candidate = _CODE.search(written, max(at - 2, 0), at + 13)
            if candidate and is_personal(candidate[0].decode()):
                return True
            # No code begins within another candidate: what follows its sign has too few digits.
            at = shape.find(run, candidate.end() if candidate else at + 1)
    return False


def _without_codes(key: bytes, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {tag: _without_codes(key, each) for tag, each in value.items()}
    if isinstance(value, list):
        return [_without_codes(key, each) for each in value]
    return without_codes(key, value) if isinstance(value, str) else value


def without_codes(key: bytes, text: str) -> str:
    """The text with every personal identity code in it replaced, still telling one code from another."""
    if is_personal(text):
        return _only_hash(key, text)
    masked = mask(text)
    return text if masked == text else f"{masked} {_only_hash(key, text)}"


def kept_answer(key: bytes, answer: Any) -> str | None:
    """What the ledger keeps of an answer, as JSON: its identity codes replaced; None if it says nothing."""
    return as_json(_without_codes(key, answer)).decode() if answer else None


def _only_hash(key: bytes, code: str) -> str:
    return f"#{_keyed(key, code.strip().upper().encode())[:32]}"


def _keyed(key: bytes, content: bytes) -> str:
    return hmac.digest(key, content, "sha256").hex()


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(type(value).__name__)  # orjson's way to learn that it cannot
