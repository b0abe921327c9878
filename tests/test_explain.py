"""`explain`: every finding has an explanation, and those about a cell an example wrong and right."""

from __future__ import annotations

import pytest

from pipeline.explain import explain, explanations, overview
from pipeline.findings import Refusal, catalogue
from pipeline.language import LANGUAGES, set_language

CODES = sorted(catalogue())
ABOUT_FILES_AND_RUNS = {
    *(
        "base-url",
        "profile-unreadable",
        "profile-invalid",
        "profile-unknown",
        "settings-unreadable",
        "code-unknown",
        "sheet-unknown",
    ),
    *("file-twice", "encoding-misfit", "encoding-mixed", "encoding-unknown", "encoding-ambiguous"),
    *("encoding-contradicted", "header-width", "quote-unclosed", "line-too-long", "credit-percent"),
    "cluster-address",
}
"""Codes that name a value or a field though they are not about a cell of an invoice."""

ABOUT_CELLS = [
    code
    for code in CODES
    if ("{value}" in catalogue()[code]["message"] or "{field}" in catalogue()[code]["message"])
    and code not in ABOUT_FILES_AND_RUNS
]


@pytest.mark.parametrize("code", ABOUT_CELLS)
def test_what_concerns_a_cell_has_an_example(code: str) -> None:
    """Wrong and right, and not the same."""
    entry = explanations()[code]
    assert entry["wrong"]
    assert entry["right"]


def test_explanations_are_of_findings_that_exist() -> None:
    """None is left over, and each has something to say."""
    assert set(explanations()) <= set(CODES)
    for entry in explanations().values():
        assert entry.keys() <= {"explanation", "wrong", "right"}
        assert ("wrong" in entry) == ("right" in entry)
        assert entry


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained_in_every_language(code: str, language: str) -> None:
    """Meaning, remedy and source, with no brace left in it."""
    set_language(language)
    lines = explain(code)
    assert lines[0].startswith(f"{code} (")
    text = "\n".join(lines)
    assert catalogue()[code]["source"] in text
    assert "{" not in text.replace(explanations().get(code, {}).get("wrong", "{"), "")


def test_an_explanation_reads_from_top_to_bottom() -> None:
    """Code and weight, what it means, why, what to do, the source, and an example."""
    assert explain("digits-lost") == [
        "digits-lost (error: the invoice is not sent)",
        "",
        "The number … has more than the 15 digits that Excel can hold: it has lost digits already.",
        "",
        (
            "Excel holds 15 digits of a number. Of a longer reference the last digits have become zeros; "
            "only the source knows them."
        ),
        "",
        "What to do: Format the cell as text and type the number again, with all its digits.",
        "Where the rule comes from: finnish-exports.md, Files: a reference stored as a number",
        "Wrong: Viitenumero: 1,23457E+19",
        "Right: Viitenumero: 12345678901234567890",
    ]


def test_a_code_that_is_not_there_names_the_closest() -> None:
    """A slip of the pen is helped along."""
    with pytest.raises(Refusal) as refused:
        explain("digit-lost")
    assert refused.value.finding.message == "There is no finding “digit-lost”."
    assert refused.value.finding.remedy.startswith("Closest: digits-lost")


def test_without_a_code_all_are_listed() -> None:
    """Each code once, errors first."""
    lines = overview()
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(listed) == CODES
    assert lines[0] == "error: the invoice is not sent"
