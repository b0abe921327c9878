"""Who pays: identifiers as their country writes them, and nothing personal in a finding."""

from __future__ import annotations

import pytest
from checked import check
from made import GOOD, HEADER, documents, table

from pipeline.grouper.debtor import settle
from pipeline.privacy import MASKED


@pytest.mark.parametrize(
    ("fields", "home", "govid"),
    [
        ({}, "FIN", "2262509-5"),
        ({"country": "FIN"}, "SWE", "2262509-5"),
        ({"addresscountry": "FIN"}, None, "2262509-5"),
        ({}, None, "2262509-5"),
        ({"country": "DEU"}, "FIN", "22625095"),
        ({"addresscountry": "EST"}, "FIN", "22625095"),
        ({}, "SWE", "22625095"),
        ({"country": "DEU", "addresscountry": "FIN"}, "FIN", "22625095"),
    ],
)
def test_a_business_id_is_written_as_its_country_does(
    fields: dict[str, str], home: str | None, govid: str
) -> None:
    """Another country's number that happens to look like a Y-tunnus is left as it is."""
    flat = {"govid": "22625095", "company": "Acme Oy", **fields}
    assert settle(flat, home)
    assert flat["govid"] == govid


def test_the_govid_goes_out_in_its_usual_form() -> None:
    """Spaces, a missing hyphen and the letters of a VAT number are the export's, not the id's."""
    for written in ("22625095", "2262509 - 5", "FI22625095", "2262509-5"):
        [document] = check({"Y-tunnus": written})
        assert document.dataset["govid"] == "2262509-5"


def test_a_personal_code_in_a_damaged_row_is_not_shown() -> None:
    """The invoice of a person who stands in a damaged row is held back, without naming the code."""
    row = ["", *GOOD[1:4], "131052-308T", *GOOD[5:]]
    damaged = table([HEADER, row])
    damaged.suspects |= {"131052-308T"}
    found, _ = documents(damaged)
    [told] = [each for each in found[0].findings if each.code == "touched-by-damage"]
    assert (told.field, told.value, told.place.cell) == ("govid", MASKED, "E2")
    assert told.message == (
        f"A damaged row of the file holds “{MASKED}”, which is this invoice's: a row of it may be missing."
    )


def test_a_name_in_a_damaged_row_holds_its_invoice_back() -> None:
    """Also where one column names companies and persons alike."""
    damaged = table([[name for name in HEADER if name != "Y-tunnus"], ["", *GOOD[1:4], *GOOD[5:]]])
    damaged.suspects |= {"Acme Oy"}
    found, _ = documents(damaged)
    assert ("touched-by-damage", "D2") in [(each.code, each.place.cell) for each in found[0].findings]
