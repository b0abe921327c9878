"""Every text is told in English, Finnish and Swedish, with the same facts in it."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from pipeline.document import Outcome
from pipeline.findings import catalogue as findings
from pipeline.findings import finding
from pipeline.language import (
    LANGUAGES,
    catalogue,
    language,
    set_language,
    shown_date,
    shown_money,
    shown_number,
    shown_percent,
    translate,
)
from pipeline.pages.messages import TRANSLATED, faults, names, path, texts, updated
from pipeline.report.words import outcome_label, words


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_text_is_translated_with_the_same_names(code: str) -> None:
    """No text is without a translation, none names other facts, and no translation is left over."""
    assert faults(code) == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_catalogues_are_as_the_program_writes_them(code: str) -> None:
    """A catalogue on disk is what `python -m pipeline.pages.messages` would write."""
    assert path(code).read_bytes() == updated(code)


@pytest.mark.parametrize("code", TRANSLATED)
@pytest.mark.parametrize("part", ["message", "remedy"])
def test_every_finding_speaks_the_language(code: str, part: str) -> None:
    """Message and remedy of every finding are in the catalogue, and end as their msgid does."""
    known = catalogue(code)
    for entry in findings().values():
        text = entry[part]
        assert text in known
        assert names(known[text]) == names(text)
        assert known[text].endswith((".", ")", "}"))


@pytest.mark.parametrize("code", TRANSLATED)
def test_codes_commands_and_addresses_stay_as_they_are(code: str) -> None:
    """What a user types or looks up is the same in every language."""
    typed = re.compile(
        r"--[a-z]+(?:-[a-z]+)*|ROPO_[A-Z_]+|docs/[a-z-]+\.md|report\.\w+|\[[a-z]+\]|https://[a-z0-9.]+"
    )
    for text, translation in catalogue(code).items():
        assert set(typed.findall(translation)) == set(typed.findall(text)), text


def test_white_space_around_a_text_is_kept() -> None:
    """Parts that are put together keep the space between them."""
    for code in TRANSLATED:
        for text, translation in catalogue(code).items():
            assert text[0].isspace() == translation[0].isspace(), text
            assert text[-1].isspace() == translation[-1].isspace(), text


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "en"),
        ({"LANG": "fi_FI.UTF-8"}, "fi"),
        ({"LANG": "sv_FI.UTF-8"}, "sv"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "fi_FI.UTF-8", "LC_MESSAGES": "sv_SE.UTF-8"}, "sv"),
        ({"LANG": "fi_FI.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "fi"}, "fi"),
    ],
)
def test_the_environment_decides(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As POSIX has it: LC_ALL goes before LC_MESSAGES before LANG; what is not spoken here is English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def test_a_chosen_language_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `--language` says holds until it is taken back."""
    monkeypatch.setenv("LC_ALL", "sv_SE.UTF-8")
    set_language("fi")
    assert language() == "fi"
    set_language(None)
    assert language() == "sv"


def test_there_is_no_other_language() -> None:
    """A language that is not spoken here is not set."""
    with pytest.raises(ValueError, match="de"):
        set_language("de")


def test_a_finding_is_worded_in_the_language_of_the_run() -> None:
    """Its code stays; message and remedy are translated with the same value in them."""
    set_language("fi")
    told = finding("date-impossible", field="paydate", value="31.11.2026")
    assert told.code == "date-impossible"
    assert told.message == "”31.11.2026” kentässä paydate on päivä, jota ei ole."
    assert told.remedy == "Korjaa päivämäärä."
    set_language("sv")
    assert (
        finding("date-impossible", field="paydate", value="31.11.2026").message
        == "”31.11.2026” i paydate är en dag som inte finns."
    )


def test_the_report_has_its_words_in_every_language() -> None:
    """The same key gives the words of the language that is spoken when it is asked."""
    told = []
    for code in LANGUAGES:
        set_language(code)
        told.append((words()["sheets"]["attention"]["name"], outcome_label(Outcome.ACCEPTED)))
    assert told == [
        ("Needs attention", "accepted"),
        ("Vaatii toimia", "hyväksytty"),
        ("Kräver åtgärd", "godtagna"),
    ]


def test_a_text_without_a_translation_is_told_as_it_is() -> None:
    """Whatever is not ours, such as a file's name, is no msgid."""
    set_language("fi")
    assert translate("laskut.xlsx") == "laskut.xlsx"


def test_names_are_filled_in_only_where_they_are_given() -> None:
    """Without names a text with braces stays a template."""
    assert translate("Report: {path}") == "Report: {path}"
    assert translate("Report: {path}", path="out/report.html") == "Report: out/report.html"
    with pytest.raises(KeyError, match="path"):
        translate("Report: {path}", file="x")


@pytest.mark.parametrize(
    ("code", "money", "count", "percent", "date"),
    [
        ("en", "-1,234,567.50", "60,000", "25.5 %", "2026-10-01"),
        ("fi", "-1\u00a0234\u00a0567,50", "60\u00a0000", "25,5 %", "1.10.2026"),
        ("sv", "-1\u00a0234\u00a0567,50", "60\u00a0000", "25,5 %", "2026-10-01"),
    ],
)
def test_numbers_and_dates_are_shown_as_people_write_them(
    code: str, money: str, count: str, percent: str, date: str
) -> None:
    """Sums, counts, rates and dates in each language."""
    set_language(code)
    assert shown_money(Decimal("-1234567.50")) == money
    assert shown_number(60000) == count
    assert shown_percent("25.5") == percent
    assert shown_date("2026-10-01") == date


def test_large_sums_keep_every_cent() -> None:
    """A sum is shown from its decimal digits, never through a float."""
    assert shown_money(Decimal("12345678901234567890.07")) == "12,345,678,901,234,567,890.07"


def test_what_is_no_date_is_shown_as_it_is() -> None:
    """A blank stays blank."""
    set_language("fi")
    assert [shown_date(each) for each in (None, "", "heti")] == ["", "", "heti"]


def test_texts_are_found_wherever_they_lie() -> None:
    """Findings, the report's words, the schemas' descriptions and the code's own calls are all collected."""
    places = {place.split("/")[0] for each in texts().values() for place in each}
    assert {"data", "schemas", "commands.py", "report"} <= places
