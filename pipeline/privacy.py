"""Personal identity codes never reach a log, a report, a URL or the terminal.

A code is recognised by its form and its own check digit or character (python-stdnum), so that an
order number of the same length stays readable.
"""

from __future__ import annotations

import re
from functools import lru_cache

MASKED = "[personal identity code]"

# Finland ddmmyy[+-A]nnnc (and the letters added in 2023), Sweden (yy)yymmdd-nnnn, Norway 11 digits.
_CANDIDATE = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"(?P<fi>[0-3][0-9][01][0-9]{3}[-+ABCDEFYXWVU][0-9]{3}[0-9A-FHJ-NPR-Y])"
    r"|(?P<se>(?:[0-9]{2})?[0-9]{6}[-+][0-9]{4})"
    r"|(?P<long>[0-9]{6} ?[0-9]{5}|[0-9]{12})"
    r")(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"[0-9]{6}")


def is_personal(text: str) -> bool:
    """Whether the whole text is a Finnish, Swedish or Norwegian personal identity code."""
    match = _CANDIDATE.fullmatch(text.strip())
    return bool(match) and _valid(match)


@lru_cache(maxsize=65536)
def mask(text: str) -> str:
    """The text with every personal identity code in it replaced by words."""
    if not _DIGITS.search(text):
        return text
    return _CANDIDATE.sub(lambda match: MASKED if _valid(match) else match[0], text)


def _valid(match: re.Match[str]) -> bool:
    from stdnum.fi import hetu  # noqa: PLC0415 - start-up time
    from stdnum.no import fodselsnummer  # noqa: PLC0415 - start-up time
    from stdnum.se import personnummer  # noqa: PLC0415 - start-up time

    code = match[0]
    if match["fi"]:
        # A mistyped one is as personal as a right one; its form is like nothing else.
        return hetu.is_valid(code) or bool(re.fullmatch(r"(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2]).*", code))
    if match["se"]:
        return bool(personnummer.is_valid(code))
    digits = code.replace(" ", "")
    if len(digits) == 11:
        return bool(fodselsnummer.is_valid(digits))
    return bool(personnummer.is_valid(digits[:8] + "-" + digits[8:]))
