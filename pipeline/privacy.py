"""Personal identity codes never reach a log, a report, a URL or the terminal.

A code is recognised by its form and its own check digit or character (`pipeline.values.identifiers`), so
that an order number of the same length stays readable.
"""

from __future__ import annotations

import re
from functools import lru_cache

MASKED = "[personal identity code]"

# Finland ddmmyy[+-A]nnnc (and the letters added in 2023), Sweden (yy)yymmdd-nnnn, Norway 11 digits,
# also with spaces around the sign or one of the dashes that Word makes of it.
_CANDIDATE = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[0-3][0-9][01][0-9]{3} ?[-+\u2010-\u2015\u2212ABCDEFYXWVU] ?[0-9]{3}[0-9A-FHJ-NPR-Y]"
    r"|(?:[0-9]{2})?[0-9]{6} ?[-+\u2010-\u2015\u2212] ?[0-9]{4}"
    r"|[0-9]{6}[- ]?[0-9]{5}|[0-9]{12}"
    r")(?![0-9A-Za-z])",
    re.IGNORECASE,
)
# A mistyped Finnish code is as personal as a right one; its form is like nothing else.
_HENKILOTUNNUS = re.compile(r"(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])[0-9]{2}[^ 0-9][0-9]{3}[0-9A-Za-z]")
_DIGITS = re.compile(r"[0-9]{6}")


@lru_cache(maxsize=65536)
def is_personal(text: str) -> bool:
    """Whether the whole text is a Finnish, Swedish or Norwegian personal identity code."""
    match = _CANDIDATE.fullmatch(text.strip())
    return match is not None and _is_code(match[0])


@lru_cache(maxsize=65536)
def mask(text: str) -> str:
    """The text with every personal identity code in it replaced by words."""
    if not _DIGITS.search(text):
        return text
    return _CANDIDATE.sub(lambda match: MASKED if _is_code(match[0]) else match[0], text)


def mask_govid(text: str) -> str:
    """A `govid` to show: a business id, right or mistyped, stays; what may be a mistyped personal code goes.

    In that field ten digits without a sign are a personnummer, which they need not be in free text.
    """
    from pipeline.values.identifiers import govid  # noqa: PLC0415 - start-up time

    found = govid(text)
    if (found and found.kind == "business") or sum(map(str.isdigit, text)) < 6:
        return text
    return MASKED


def _is_code(text: str) -> bool:
    from pipeline.values.identifiers import personal_id  # noqa: PLC0415 - start-up time

    return bool(_HENKILOTUNNUS.fullmatch(text)) or personal_id(text) is not None
