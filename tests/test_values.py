"""Cell text becomes the API's text, or a reason why not; nothing is guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.profile import Conventions
from pipeline.readers.table import EXACT
from pipeline.values.convert import Unreadable, convert_text, decimal_evidence, number

NONE = Conventions()
COMMA = Conventions(decimal=",")
POINT = Conventions(decimal=".")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("35", "35.00"),
        ("35,00", "35.00"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234,50", "1234.50"),
        ("1\u202f234,50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("12 345 678,9", "12345678.90"),
        ("1.234.567", "1234567.00"),
        ("\u22125,00", "-5.00"),
        ("-5,00", "-5.00"),
        ("5,00-", "-5.00"),
        ("(5,00)", "-5.00"),
        ("35,00 €", "35.00"),
        ("€ 35.00", "35.00"),
        ("35,00 EUR", "35.00"),
        ("120 kr", "120.00"),
        ("0,0125", "0.0125"),
        ("0,125", "0.125"),
        ("1234,567", "1234.567"),
        ("35,500", "35.500 is two numbers"),
        (f"1.234{EXACT}", "1.234"),
        ("+7", "7.00"),
        ("-0,00", "0.00"),
        ("0001,50", "1.50"),
    ],
)
def test_money_has_one_canonical_text(text: str, expected: str) -> None:
    """However an export writes a sum, it goes out as one text with at least two decimals."""
    if "two numbers" in expected:
        with pytest.raises(Unreadable) as refused:
            convert_text(text, "payrow.amount", NONE)
        assert refused.value.code == "number-ambiguous"
    else:
        assert convert_text(text, "payrow.amount", NONE) == expected


@pytest.mark.parametrize(
    "text",
    ["abc", "1,2,3", "1.2.3", "12 34", "--5", "5%5", "1e5", "NaN", "inf", "1_000", "٣", "1,23,456", "€", "-"],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    """A text that is not wholly one number is never read in part."""
    with pytest.raises(Unreadable) as refused:
        convert_text(text, "payrow.amount", COMMA)
    assert refused.value.code == "number-form"


def test_ambiguous_number_follows_the_convention() -> None:
    """`1.234` is a thousand where the comma is decimal, and a little over one where the point is."""
    assert convert_text("1.234", "payrow.amount", COMMA) == "1234.00"
    assert convert_text("1.234", "payrow.amount", POINT) == "1.234"
    assert convert_text("1,234", "payrow.amount", COMMA) == "1.234"
    assert convert_text("1,234", "payrow.amount", POINT) == "1234.00"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["35,5"], {","}),
        (["35.5"], {"."}),
        (["1.234"], {"?"}),
        (["1.234", "1.234.567"], {",", "?"}),
        (["1.234,50"], {","}),
        (["35", "abc", ""], set()),
        (["35,5", "35.5"], {",", "."}),
        ([f"35.5{EXACT}"], set()),
        (["1 234,567"], {","}),
    ],
)
def test_evidence_of_the_decimal_separator(texts: list[str], expected: set[str]) -> None:
    """Only a text that can be read one way says which separator the file uses."""
    assert decimal_evidence(texts) == expected


@given(st.decimals(-(10**11), 10**11, places=2), st.sampled_from([" ", "\u00a0", "\u202f", ".", ""]))
def test_finnish_notation_reads_back(value: Decimal, thousands: str) -> None:
    """Any sum written with a decimal comma and any thousands mark is read as itself."""
    whole, _, cents = format(abs(value), ",.2f").partition(".")
    text = ("-" if value < 0 else "") + whole.replace(",", thousands) + "," + cents
    assert number(text, NONE) == value


@given(st.decimals(-(10**11), 10**11, places=3))
def test_a_read_number_is_never_another_one(value: Decimal) -> None:
    """Whatever the convention, a number is either read exactly or refused."""
    for conventions, text in ((COMMA, str(value).replace(".", ",")), (POINT, str(value))):
        assert number(text, conventions) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2.2026", "2026-02-01"),
        ("01.02.2026", "2026-02-01"),
        ("2026-02-01", "2026-02-01"),
        ("2026-02-01T10:30:00", "2026-02-01"),
        ("2026/2/1", "2026-02-01"),
        ("20260201", "2026-02-01"),
        ("1.2.2026 10:30", "2026-02-01"),
        ("46054", "2026-02-01"),
    ],
)
def test_dates(text: str, expected: str) -> None:
    """The ways in which exports write a day give the API's way."""
    assert convert_text(text, "billdate", NONE) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("31.2.2026", "date-impossible"),
        ("2026-02-30", "date-impossible"),
        ("02/03/2026", "date-ambiguous"),
        ("25/03/2026", "date-ambiguous"),
        ("1.2.26", "date-form"),
        ("tomorrow", "date-form"),
        ("0", "date-form"),
    ],
)
def test_dates_refused(text: str, code: str) -> None:
    """A day that is not there, or could be two, is refused."""
    with pytest.raises(Unreadable) as refused:
        convert_text(text, "billdate", NONE)
    assert refused.value.code == code


def test_declared_date_order() -> None:
    """`02/03/2026` is read as the profile says."""
    assert convert_text("02/03/2026", "billdate", Conventions(date="dmy")) == "2026-03-02"
    assert convert_text("02/03/2026", "billdate", Conventions(date="mdy")) == "2026-02-03"


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("payrow.count", "1,00", "1"),
        ("payrow.taxpr", "25,50 %", "25.5"),
        ("payrow.taxpr", "25.5%", "25.5"),
        ("postcode", "123 45", "12345"),
        ("postcode", "00100", "00100"),
        ("postcode", "sw1a 1aa", "SW1A 1AA"),
        ("country", "Suomi", "FIN"),
        ("country", "fi", "FIN"),
        ("country", "SWE", "SWE"),
        ("language", "suomi", "fin"),
        ("customertype", "Yritys", "1"),
        ("cashbill", "kyllä", "1"),
        ("billcode", "12345 67890", "1234567890"),
        ("vatid", "fi 22059054", "FI22059054"),
        ("govid", "2262 509-5", "2262509-5"),
        ("company", "  NA\u00a0 Oy ", "NA Oy"),
        ("freetext", "Rivi 1 \r\nRivi 2", "Rivi 1\nRivi 2"),
        ("payrow.desc", "null", "null"),
        ("billnum", "A-0017", "A-0017"),
    ],
)
def test_other_values(field: str, text: str, expected: str) -> None:
    """Each kind of field has one form at the service, whatever the cell's."""
    assert convert_text(text, field, NONE) == expected


@given(st.text())
def test_any_text_is_converted_or_refused(text: str) -> None:
    """No text makes a converter fail in another way, whatever the field."""
    for field in (
        "payrow.amount",
        "billdate",
        "country",
        "freetext",
        "company",
        "govid",
        "postcode",
        "cashbill",
    ):
        try:
            value = convert_text(text, field, COMMA) if text.strip() else ""
        except Unreadable as problem:
            assert problem.code  # noqa: PT017 - either way is right
        else:
            assert "\x00" not in value
