"""A finding is data: its code is stable, its texts are whole, and it shows no personal identity code."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from string import Formatter

import pytest

from pipeline.findings import Finding, Place, Refusal, Severity, catalogue, finding, refuse
from pipeline.privacy import MASKED
from pipeline.resources import PACKAGE

FILES = sorted((PACKAGE / "data" / "findings").glob("*.toml"))
CODES = sorted(catalogue())


def test_no_code_is_told_twice() -> None:
    """Each code has one entry in all files together."""
    codes = Counter(code for file in FILES for code in tomllib.loads(file.read_text(encoding="utf-8")))
    assert [code for code, times in codes.items() if times > 1] == []
    assert sorted(codes) == CODES


@pytest.mark.parametrize("code", CODES)
def test_entries_are_whole(code: str) -> None:
    """Every code is short kebab-case and has severity, message, remedy and source, and nothing else."""
    entry = catalogue()[code]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
    assert sorted(entry) == ["message", "remedy", "severity", "source"]
    assert entry["severity"] in set(Severity)
    assert entry["source"].strip()


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("part", ["message", "remedy"])
def test_templates_are_sentences_that_can_be_filled_in(code: str, part: str) -> None:
    """A template names only plain details, and is one line that ends as a sentence or with a detail."""
    template = catalogue()[code][part]
    names = [
        (name, spec, conversion)
        for _, name, spec, conversion in Formatter().parse(template)
        if name is not None
    ]
    assert all(re.fullmatch(r"[a-z][a-z_]*", name) for name, _, _ in names)
    assert all(not spec and conversion is None for _, spec, conversion in names)
    assert template.endswith((".", ")", "}"))
    assert "\n" not in template


def test_a_finding_tells_place_value_message_and_remedy() -> None:
    """Everything an accountant needs stands in the finding, word for word as the catalogue has it."""
    place = Place("laskut.xlsx", "Laskut", 12, "Y-tunnus", "F12")
    assert finding(
        "business-id-check-digit", place, field="govid", value="2262509-4", billnum="1001"
    ) == Finding(
        code="business-id-check-digit",
        severity=Severity.WARNING,
        place=place,
        field="govid",
        value="2262509-4",
        message=(
            "The business id “2262509-4” has a wrong check digit: at least one of its digits is mistyped."
        ),
        remedy=(
            "Ask the customer for the number or look it up in the trade register, "
            "and correct it in the export."
        ),
        billnum="1001",
    )


def test_details_fill_the_templates() -> None:
    """Details beside field and value are given by name."""
    told = finding(
        "vat-rate-unusual",
        field="payrow.taxpr",
        value="24",
        country="FIN",
        date="2026-10-01",
        rates="25.5, 13.5, 10, 0",
    )
    assert told.message == (
        "A VAT rate of 24 % was not in force in FIN on 2026-10-01; the rates were 25.5, 13.5, 10, 0 %."
    )


def test_a_missing_detail_or_code_is_the_programs_mistake() -> None:
    """A finding with a hole in its text is never made."""
    with pytest.raises(KeyError, match="country"):
        finding("postcode-form", field="postcode", value="100")
    with pytest.raises(KeyError, match="no-such-code"):
        finding("no-such-code")


def test_personal_codes_do_not_reach_a_finding() -> None:
    """Neither the value nor a detail nor the texts made of them hold a personal identity code."""
    told = finding("postcode-form", field="postcode", value="131052-308T", country="880320-0016")
    assert told.value == MASKED
    assert told.message == f"“{MASKED}” is not a postcode of {MASKED}."


@pytest.mark.parametrize("value", ["8803200016", "880320-0018", "131052-308", "15108695077"])
def test_a_personal_govid_is_never_shown(value: str) -> None:
    """In the govid column also ten bare digits and mistyped codes are hidden."""
    told = finding("govid-form", field="govid", value=value)
    assert told.value == MASKED
    assert value not in told.message + told.remedy


def test_a_finding_is_told_of_an_invoice_later() -> None:
    """The same finding, with the bill number that was not known where it was made."""
    found = finding("email-form", field="email", value="maija")
    assert found.billnum is None
    assert found.of("1001").billnum == "1001"
    assert found.of("1001").of(None) == found


def test_a_refusal_carries_its_finding() -> None:
    """What stops a run says in one line what its finding says."""
    refusal = refuse("postcode-form", Place("a.csv"), value="1", country="FIN")
    assert isinstance(refusal, Refusal)
    assert str(refusal) == refusal.finding.message == "“1” is not a postcode of FIN."
    assert refusal.finding.place == Place("a.csv")
