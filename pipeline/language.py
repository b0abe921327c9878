"""The language in which the user is spoken to: English, Finnish or Swedish.

A text's msgid is its English wording, wherever it lies (`data/`, `schemas/`, code). Translations are
`locales/<language>/LC_MESSAGES/messages.po`, read as they are, so that wheel and checkout need no build
step: some 10 ms, and only when it is not English that is spoken. `pages.messages` keeps them complete.
"""

from __future__ import annotations

import os
from decimal import Decimal, localcontext
from functools import cache
from typing import Any

from pipeline.resources import PACKAGE

LANGUAGES = ("en", "fi", "sv")

_language: str | None = None


def set_language(code: str | None) -> None:
    """Speak this language from now on, in the whole process; None: the one that the environment asks for.

    Raises:
        ValueError: there is no such language here.
    """
    global _language  # noqa: PLW0603 - the one thing here that belongs to the process
    if code is not None and code not in LANGUAGES:
        raise ValueError(code)
    _language = code
    _of_environment.cache_clear()


def language() -> str:
    """The language spoken now: `en`, `fi` or `sv`."""
    return _language or _of_environment()


def translate(text: str, /, **names: Any) -> str:
    """The text in the user's language, or as it is where it has no translation.

    `{names}` in it are filled in if any are given.

    Raises:
        KeyError: the text names something that is not among the names given.
    """
    spoken = language()
    text = text if spoken == "en" else catalogue(spoken).get(text, text)
    return text.format_map(names) if names else text


@cache
def catalogue(code: str) -> dict[str, str]:
    """What is translated into a language: msgid → text."""
    from babel.messages.pofile import read_po  # noqa: PLC0415 - start-up time

    with (PACKAGE / "locales" / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return {
            entry.id: entry.string
            for entry in read_po(file, locale=code)
            if isinstance(entry.id, str) and isinstance(entry.string, str) and entry.id and entry.string
        }


def shown_number(value: Decimal | int, decimals: int = 0) -> str:
    """A number for people: `1,234.50`, in Finnish and Swedish `1 234,50` (with a no-break space)."""
    from babel.numbers import format_decimal  # noqa: PLC0415 - start-up time

    places = "." + "0" * decimals if decimals else ""
    with localcontext(prec=100):  # a sum of any length
        return format_decimal(value, f"#,##0{places}", locale=language())


def shown_money(value: Decimal) -> str:
    """A sum for people, with its cents."""
    return shown_number(value, 2)


def shown_percent(rate: str) -> str:
    """A percentage given as plain text, for people: `25.5 %`, in Finnish and Swedish `25,5 %`."""
    from babel.numbers import format_decimal  # noqa: PLC0415 - start-up time

    return f"{format_decimal(Decimal(rate), '0.######', locale=language())} %"


def shown_date(day: str | None) -> str:
    """An ISO date for people: `2026-10-01`, in Finnish `1.10.2026`; what is no date stays as it is."""
    if language() != "fi" or not day or len(day) != 10:
        return day or ""  # Swedish dates are ISO, and English ones that are cannot be misread
    year, month, date = day.split("-")
    return f"{int(date)}.{int(month)}.{year}"


@cache  # asked for with every text
def _of_environment() -> str:
    """As POSIX has it: the first of these variables that is set decides."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            code = value[:2].lower()
            return code if code in LANGUAGES else "en"
    return "en"
