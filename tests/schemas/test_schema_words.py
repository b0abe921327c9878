"""Headers and words: what is recognised, and that nothing is recognised as two things."""

from __future__ import annotations

import tomllib
import unicodedata
from pathlib import Path

import pytest

from pipeline.columns.layouts import find_field
from pipeline.profile import Profile
from pipeline.resources import data_text
from pipeline.validator.schema import fields, load
from pipeline.values.words import normalise

ALIASES = {
    "dataset.json": "aliases.toml",
    "allocation.json": "aliases_allocation.toml",
    "payment.json": "aliases_payment.toml",
}
WORDS = tomllib.loads(data_text("words.toml"))
COUNTRIES = tomllib.loads(data_text("countries.toml"))
KINDS = load("values.json")["$defs"]
SEEN = [
    line.split("\t")
    for line in (Path(__file__).parent / "headers_seen.tsv").read_text(encoding="utf-8").splitlines()
]
"""Field and a header seen for it in a published export."""
FOR_PROFILES = [path for path in fields() if path.startswith("row.") or path == "included"]
"""Sums of rows, and whether prices include VAT: only a profile can say what they mean."""


def without_accents(text: str) -> str:
    """As exports write that know no letters beyond ASCII: `Erapaiva`."""
    return "".join(c for c in unicodedata.normalize("NFKD", normalise(text)) if not unicodedata.combining(c))


def ambiguous(table: dict[str, list[str]]) -> dict[str, set[str]]:
    """The words that stand for several values, with these."""
    owners: dict[str, set[str]] = {}
    for value, words in table.items():
        for word in (value, *words):
            owners.setdefault(normalise(word), set()).add(value)
    return {word: values for word, values in owners.items() if len(values) > 1}


@pytest.mark.parametrize("name", ALIASES)
def test_every_field_has_headers_and_no_other_has(name: str) -> None:
    """The alias files and the schemas list the same fields; the languages are the four we know."""
    tables = tomllib.loads(data_text(ALIASES[name]))
    assert set(tables) == set(fields(name)) - set(FOR_PROFILES)
    assert {language for table in tables.values() for language in table} == {"fi", "sv", "no", "en"}


@pytest.mark.parametrize("spelling", [normalise, without_accents])
@pytest.mark.parametrize("name", ALIASES)
def test_no_header_names_two_fields(name: str, spelling: type[str]) -> None:
    """However a header is spelt, and whatever its number, at most one field has it."""
    owners: dict[str, set[str]] = {}
    for path, languages in tomllib.loads(data_text(ALIASES[name])).items():
        for header in (path, *(alias for aliases in languages.values() for alias in aliases)):
            for number in ("1", "2", "10"):
                owners.setdefault(spelling(header).replace("{n}", number), set()).add(path)
    assert {header: paths for header, paths in owners.items() if len(paths) > 1} == {}


@pytest.mark.parametrize(("field", "header"), SEEN)
def test_headers_of_real_exports_are_recognised(field: str, header: str) -> None:
    """Each header seen in a published export names its field."""
    assert find_field(header, Profile()) == field


@pytest.mark.parametrize("path", FOR_PROFILES)
def test_sums_of_rows_are_named_by_profiles_only(path: str) -> None:
    """Not by its own name either: `Row net` alone is a total that is checked (`payrow.netamount`)."""
    assert find_field(path, Profile()) in {None, "payrow.discount", "payrow.netamount", "payrow.totalamount"}
    assert find_field(path.replace(".", " "), Profile(columns={path.replace(".", " "): path})) == path


@pytest.mark.parametrize("path", [path for path in fields() if path not in FOR_PROFILES])
def test_a_field_is_recognised_by_its_own_name(path: str) -> None:
    """The API's tag, or the path of a row's or group's field, is a header with or without its dots."""
    for number in ("", "3") if "{n}" in path else ("",):
        named = path.replace("{n}", number)
        assert find_field(named, Profile()) == named
        assert find_field(named.replace(".", " ").upper(), Profile()) == named


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("instalment1 date", "payplan.instalment1.date"),
        ("Instalment 12 amount", "payplan.instalment12.amount"),
        ("Erä 2 päivä", "payplan.instalment2.date"),
        ("Liite 3", "attachment3.attachmentname"),
        ("E-post 2", "email2"),
        ("Kassa-alennus 1 %", "cashdiscountrow1.discountpercent"),
        ("Posting 2 type 10", "accountrow2.type10"),
    ],
)
def test_numbered_headers_name_their_group(header: str, field: str) -> None:
    """A number in a header says which of a group's entries the column belongs to."""
    assert find_field(header, Profile()) == field


@pytest.mark.parametrize(
    "kind", [kind for kind in WORDS if kind not in {"total_words", "unsupported_headers"}]
)
def test_words_stand_for_values_that_their_kind_has(kind: str) -> None:
    """Every value of a kind has its entry, and each word stands for one of them only."""
    assert set(WORDS[kind]) == set(KINDS[kind]["enum"])
    assert ambiguous(WORDS[kind]) == {}


@pytest.mark.parametrize("word", ["Yhteensä", "Summa", "Loppusumma", "Totalt", "Sum", "Total", "Grand total"])
def test_a_total_row_is_known_in_four_languages(word: str) -> None:
    """The words that the last row of an export begins with are known."""
    assert word in WORDS["total_words"]


def test_countries_are_those_of_the_schema() -> None:
    """Each ISO country has its two codes, and no name or code stands for two countries."""
    assert list(COUNTRIES) == KINDS["country"]["enum"]
    assert ambiguous(COUNTRIES) == {}
    alpha_2 = [entry[0] for entry in COUNTRIES.values()]
    assert len(set(alpha_2)) == len(alpha_2) == 249
    assert all(len(code) == 2 and code.isupper() for code in alpha_2)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Suomi", "FIN"),
        ("Sverige", "SWE"),
        ("Norge", "NOR"),
        ("Viro", "EST"),
        ("Saksa", "DEU"),
        ("UK", "GBR"),
        ("AX", "ALA"),
    ],
)
def test_neighbours_are_known_by_name(name: str, code: str) -> None:
    """The countries that Nordic companies invoice are known as their exports write them."""
    assert name in COUNTRIES[code]
