"""The words of headers and cells, from the data files; their case and punctuation do not count."""

from __future__ import annotations

import tomllib
import unicodedata
from functools import cache

from pipeline.resources import data_text


def normalise(text: str) -> str:
    """What two spellings of one word have in common: letters and digits, in lower case; € is eur.

    `{` and `}` stay for the `{n}` of numbered headers; a text of signs only (`✓`) stays as it is.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().replace("€", "eur")
    return "".join(c for c in folded if c.isalnum() or c in "{}") or folded.strip()


@cache
def aliases(name: str = "aliases.toml") -> dict[str, str]:
    """Normalised header → field path, for the API's own tags and every alias; numbered groups hold `{n}`."""
    known = {}
    for path, languages in tomllib.loads(data_text(name)).items():
        for header in (path, *(alias for spellings in languages.values() for alias in spellings)):
            known[normalise(header)] = path
    return known


@cache
def total_words() -> frozenset[str]:
    """The normalised words that a total row begins with."""
    words: list[str] = tomllib.loads(data_text("words.toml"))["total_words"]
    return frozenset(map(normalise, words))


@cache
def unsupported_headers() -> frozenset[str]:
    """The normalised headers of columns that change an invoice's sum in a way that is not supported."""
    headers: list[str] = tomllib.loads(data_text("words.toml"))["unsupported_headers"]
    return frozenset(map(normalise, headers))


@cache
def value_words(kind: str) -> dict[str, str]:
    """Normalised word → API value, for a kind of value such as `flag`."""
    table: dict[str, list[str]] = tomllib.loads(data_text("words.toml"))[kind]
    return {normalise(word): value for value, words in table.items() for word in (value, *words)}


@cache
def countries() -> dict[str, str]:
    """Normalised name, alpha-2 or alpha-3 code → alpha-3 code (ISO 3166-1)."""
    table: dict[str, list[str]] = tomllib.loads(data_text("countries.toml"))
    return {normalise(word): alpha3 for alpha3, words in table.items() for word in (alpha3, *words)}
