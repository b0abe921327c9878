"""Identifiers are recognised by form and check digit, written in one canonical form, and never mended."""

from __future__ import annotations

import tomllib
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.resources import data_text
from pipeline.values.identifiers import (
    business_id,
    canonical_govid,
    einvoice_address,
    email,
    finnish_reference,
    govid,
    has_reference_form,
    kind_of_govid,
    norwegian_kid,
    operator,
    operator_name,
    ovt,
    personal_id,
    postcode,
    reference,
    rf_reference,
    swedish_ocr,
    vat_number,
)


def digits(length: int) -> st.SearchStrategy[str]:
    """Texts of so many digits."""
    return st.text("0123456789", min_size=length, max_size=length)


def luhn_digit(number: str) -> str:
    """The digit that makes a number right by Luhn."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(number)))
    return str(-sum(each // 10 + each % 10 for each in doubled) % 10)


@st.composite
def y_tunnus(draw: st.DrawFn) -> str:
    """A right Y-tunnus."""
    number = draw(digits(7))
    rest = sum(int(digit) * weight for digit, weight in zip(number, (7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
    assume(rest != 1)
    return f"{number}-{-rest % 11}"


@st.composite
def henkilotunnus(draw: st.DrawFn) -> str:
    """A right henkilötunnus, with the separators of its century."""
    born = draw(st.dates(date(1850, 1, 1), date(2025, 12, 31)))
    sign = draw(st.sampled_from({18: "+", 19: "-YXWVU", 20: "ABCDEF"}[born.year // 100]))
    serial = draw(st.integers(2, 999))
    check = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(f"{born:%d%m%y}{serial:03}") % 31]
    return f"{born:%d%m%y}{sign}{serial:03}{check}"


@st.composite
def personnummer(draw: st.DrawFn) -> str:
    """A right personnummer or samordningsnummer of ten digits."""
    born = draw(st.dates(date(1930, 1, 1), date(2025, 12, 31)))
    number = f"{born:%y%m}{born.day + draw(st.sampled_from([0, 60])):02}{draw(digits(3))}"
    return f"{number[:6]}-{number[6:]}{luhn_digit(number)}"


@st.composite
def organisationsnummer(draw: st.DrawFn) -> str:
    """A right organisationsnummer."""
    number = draw(st.from_regex(r"[0-9]{2}[2-9][0-9]{6}", fullmatch=True))
    return f"{number[:6]}-{number[6:]}{luhn_digit(number)}"


@st.composite
def organisasjonsnummer(draw: st.DrawFn) -> str:
    """A right organisasjonsnummer."""
    number = draw(digits(8))
    rest = (
        sum(int(digit) * weight for digit, weight in zip(number, (3, 2, 7, 6, 5, 4, 3, 2), strict=True)) % 11
    )
    assume(rest != 1)
    return number + str(-rest % 11)


@st.composite
def viitenumero(draw: st.DrawFn) -> str:
    """A right Finnish reference number."""
    base = draw(st.from_regex(r"[1-9][0-9]{2,18}", fullmatch=True))
    weighted = sum(int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(reversed(base)))
    return base + str(-weighted % 10)


def one_digit_changed(text: str, place: int, by: int) -> str:
    """The text with one of its digits mistyped."""
    places = [at for at, character in enumerate(text) if character.isdigit()]
    at = places[place % len(places)]
    return f"{text[:at]}{(int(text[at]) + by) % 10}{text[at + 1 :]}"


# -- business ids and personal identity codes


@pytest.mark.parametrize(
    ("written", "country", "kind", "canonical"),
    [
        ("2262509-5", "FIN", "business", "2262509-5"),
        ("22625095", "FIN", "business", "2262509-5"),
        ("FI22625095", "FIN", "business", "2262509-5"),
        ("fi 2262509-5", "FIN", "business", "2262509-5"),
        ("2262509\u20135", "FIN", "business", "2262509-5"),
        ("\u00a02262509-5 ", "FIN", "business", "2262509-5"),
        ("201256-6", "FIN", "business", "0201256-6"),
        ("131052-308T", "FIN", "personal", "131052-308T"),
        ("131052-308t", "FIN", "personal", "131052-308T"),
        ("131052Y308T", "FIN", "personal", "131052Y308T"),
        ("556036-0793", "SWE", "business", "556036-0793"),
        ("5560360793", "SWE", "business", "556036-0793"),
        ("165560360793", "SWE", "business", "556036-0793"),
        ("SE556036079301", "SWE", "business", "556036-0793"),
        ("880320-0016", "SWE", "personal", "880320-0016"),
        ("8803200016", "SWE", "personal", "880320-0016"),
        ("198803200016", "SWE", "personal", "19880320-0016"),
        ("701063-2391", "SWE", "personal", "701063-2391"),
        ("988077917", "NOR", "business", "988077917"),
        ("988 077 917", "NOR", "business", "988077917"),
        ("NO 988 077 917 MVA", "NOR", "business", "988077917"),
        ("15108695088", "NOR", "personal", "15108695088"),
        ("151086 95088", "NOR", "personal", "15108695088"),
    ],
)
def test_govids_as_people_write_them(written: str, country: str, kind: str, canonical: str) -> None:
    """A business id or personal code is recognised however it is written, with or without its country."""
    assert govid(written, country) == (kind, country, canonical, True)
    assert govid(written) == (kind, country, canonical, True)
    assert kind_of_govid(written, country) == kind
    assert canonical_govid(written) == canonical
    assert business_id(written, country) == (canonical if kind == "business" else None)
    assert personal_id(written, country) == (canonical if kind == "personal" else None)


@pytest.mark.parametrize(
    ("written", "country", "kind"),
    [
        ("2262509-4", "FIN", "business"),
        ("131052-308U", "FIN", "personal"),
        ("310252-308Y", "FIN", "personal"),
        ("556036-0794", "SWE", "business"),
        ("880320-0018", "SWE", "personal"),
        ("880332-0013", "SWE", "personal"),
        ("988077918", "NOR", "business"),
        ("15108695077", "NOR", "personal"),
    ],
)
def test_a_mistyped_govid_is_no_evidence(written: str, country: str, kind: str) -> None:
    """A wrong check digit or date leaves the form to tell of, proves nothing, and is never rewritten."""
    found = govid(written, country)
    assert found is not None
    assert (found.kind, found.valid) == (kind, False)
    assert kind_of_govid(written, country) is None
    assert business_id(written) is None
    assert personal_id(written) is None
    assert canonical_govid(written.lower()) == written.lower()


@pytest.mark.parametrize(
    "text", ["", "-", "Matti Oy", "12345", "2262509", "226250-95", "2262509-5X", "٢262509-5", "1234567890123"]
)
def test_what_is_no_govid(text: str) -> None:
    """A text of another form is neither kind, and stays as it is."""
    assert govid(text) is None
    assert canonical_govid(text) == text


def test_each_country_has_its_own_forms() -> None:
    """A country's rules fit its own ids only, and a country whose rules are not known proves nothing."""
    assert kind_of_govid("2262509-5", "SWE") is None
    assert kind_of_govid("988077917", "FIN") is None
    assert kind_of_govid("2262509-5", "DEU") is None


@given(y_tunnus() | organisationsnummer() | organisasjonsnummer(), st.integers(0, 9), st.integers(1, 9))
def test_business_ids_and_their_slips(right: str, place: int, by: int) -> None:
    """Every right business id is one, in its canonical form, and no single wrong digit goes unnoticed."""
    assert business_id(right) == right
    assert business_id(right.replace("-", "")) == right
    wrong = one_digit_changed(right, place, by)
    assert business_id(wrong) is None


@given(henkilotunnus() | personnummer())
def test_personal_codes(right: str) -> None:
    """Every right personal identity code of any century, temporary ones too, is personal."""
    assert kind_of_govid(right) == "personal"
    assert canonical_govid(right.lower()) == right


@given(st.text(max_size=30), st.sampled_from([None, "FIN", "SWE", "NOR", "DEU"]))
def test_canonical_is_settled(text: str, country: str | None) -> None:
    """Whatever the text, its canonical form is its own canonical form."""
    once = canonical_govid(text, country)
    assert canonical_govid(once, country) == once


# -- VAT numbers


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("FI22059054", None, "FI22059054"),
        ("fi 2205905-4", None, "FI22059054"),
        ("2205905-4", "FIN", "FI22059054"),
        ("2205905-4", None, None),
        ("FI22059055", None, None),
        ("SE556036079301", None, "SE556036079301"),
        ("556036079301", "SWE", "SE556036079301"),
        ("SE5560360793", None, None),
        ("NO 988 077 917 MVA", None, "NO988077917MVA"),
        ("988077917MVA", "NOR", "NO988077917MVA"),
        ("NO988077917", None, None),
        ("DE136695976", "FIN", "DE136695976"),
        ("DE 136 695 976", None, "DE136695976"),
        ("DE136695977", None, None),
        ("EL094259216", None, "EL094259216"),
        ("GB980780684", None, "GB980780684"),
        ("CHE-107.787.577 IVA", None, "CHE107787577IVA"),
        ("XX123456", None, None),
        ("22059054", "DEU", None),
        ("", "FIN", None),
        ("none", None, None),
    ],
)
def test_vat_numbers(written: str, country: str | None, number: str | None) -> None:
    """A VAT number is checked by its prefix's country; only its own country may be left unsaid."""
    assert vat_number(written, country) == number


# -- e-invoice addresses and operators


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("003722625095", "003722625095"),
        ("0037 2262 5095", "003722625095"),
        ("00372262509512345", "00372262509512345"),
        ("003722625095ab", "003722625095AB"),
        ("003722625096", None),
        ("003722625095123456", None),
        ("00372262509-5", None),
        ("0037", None),
    ],
)
def test_ovt_addresses(written: str, address: str | None) -> None:
    """An OVT address is 0037, a right Y-tunnus without its hyphen, and at most five characters."""
    assert ovt(written) == address
    assert einvoice_address(written) == address


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("FI123578612717718", "FI123578612717718"),
        ("FI21 1234 5600 0007 85", "FI2112345600000785"),
        ("0216:003722625095", "0216:003722625095"),
        ("0216:003722625096", None),
        ("0007:5560360793", "0007:5560360793"),
        ("TE003722625095", "TE003722625095"),
        ("7350000000008", "7350000000008"),
        ("sähköposti", None),
        ("send by post", None),
        ("12", None),
    ],
)
def test_other_einvoice_addresses(written: str, address: str | None) -> None:
    """Banks' and other networks' addresses pass by their characters; the documents' own example does."""
    assert einvoice_address(written) == address


@pytest.mark.parametrize(
    ("written", "code", "name"),
    [
        ("NDEAFIHH", "NDEAFIHH", "Nordea"),
        ("ndeafihh", "NDEAFIHH", "Nordea"),
        ("0037 14377140", "003714377140", "Ropo"),
        ("NEWOPERATOR", "NEWOPERATOR", None),
        ("003714377141", None, None),
        ("Nordea (NDEAFIHH)", None, None),
    ],
)
def test_operators(written: str, code: str | None, name: str | None) -> None:
    """An operator's code is right also when its name is not known, unless it is a mistyped OVT address."""
    assert operator(written) == code
    assert operator_name(written) == name


def test_known_operators_are_right() -> None:
    """Every code of the data file passes its own check."""
    codes = tomllib.loads(data_text("operators.toml"))
    assert [code for code in codes if operator(code) != code] == []


# -- references


@pytest.mark.parametrize("number", ["1232", "1234561", "00012344", "12345 67890 12345 67894"])
def test_finnish_references(number: str) -> None:
    """Reference numbers of four to twenty digits with a right check digit, in groups or not."""
    assert finnish_reference(number) == number.replace(" ", "")


@pytest.mark.parametrize(
    "number", ["", "123", "0000", "1234567", "123456789012345678901", "12345X", "-1232", "١٢٣٢"]
)
def test_what_is_no_finnish_reference(number: str) -> None:
    """Too short, too long, all zeros, other characters or a wrong check digit."""
    assert finnish_reference(number) is None


@given(viitenumero(), st.integers(0, 19), st.integers(1, 9))
def test_finnish_references_and_their_slips(right: str, place: int, by: int) -> None:
    """Every right reference number is one, and no single wrong digit goes unnoticed."""
    assert finnish_reference(right) == right
    assert finnish_reference(one_digit_changed(right, place, by)) is None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("RF18 5390 0754 7034", "RF18539007547034"),
        ("rf18539007547034", "RF18539007547034"),
        ("RF17539007547034", None),
        ("RF18", None),
        ("18539007547034", None),
    ],
)
def test_international_references(written: str, number: str | None) -> None:
    """A creditor reference of ISO 11649, in groups or not, in either case."""
    assert rf_reference(written) == number


@given(st.text("0123456789", min_size=1, max_size=24), st.integers(0, 23), st.integers(1, 9))
def test_swedish_and_norwegian_references(base: str, place: int, by: int) -> None:
    """A number with its Luhn digit is an OCR and a KID, and with one digit wrong it is no OCR."""
    right = base + luhn_digit(base)
    assert swedish_ocr(right) == right
    assert norwegian_kid(right) == right
    assert swedish_ocr(one_digit_changed(right, place, by)) is None


@pytest.mark.parametrize(
    ("number", "right"), [("12345678903", True), ("2345676", True), ("6-", True), ("6--", False)]
)
def test_norwegian_kid_by_modulus_11(number: str, right: bool) -> None:
    """A KID may end by modulus 11, where ten is written as a hyphen."""
    assert (norwegian_kid(number) == number) is right


@pytest.mark.parametrize(
    ("text", "country", "valid", "form"),
    [
        ("1232", "FIN", "1232", True),
        ("1233", "FIN", None, True),
        ("RF18539007547034", "NOR", "RF18539007547034", True),
        ("RF17539007547034", "FIN", None, True),
        ("123467", "FIN", None, True),
        ("18", "SWE", "18", True),
        ("18", "FIN", None, False),
        ("Lasku 12", "FIN", None, False),
        ("1232", None, "1232", True),
        ("1232", "DEU", None, False),
    ],
)
def test_references_by_country(text: str, country: str | None, valid: str | None, form: bool) -> None:
    """A reference is the biller's country's or international; a message is told from a mistyped number."""
    assert reference(text, country) == valid
    assert has_reference_form(text, country) is form


# -- postcodes and e-mail addresses


@pytest.mark.parametrize(
    ("written", "country", "code"),
    [
        ("00100", "FIN", "00100"),
        ("FI-00100", "FIN", "00100"),
        ("100", "FIN", None),
        ("0010", "FIN", None),
        ("001000", "FIN", None),
        ("٠٠١٠٠", "FIN", None),
        ("123 45", "SWE", "12345"),
        ("SE-123 45", "SWE", "12345"),
        ("S-123 45", "SWE", "12345"),
        ("01234", "SWE", None),
        ("0150", "NOR", "0150"),
        ("150", "NOR", None),
        ("00150", "NOR", None),
        ("0150", None, "0150"),
        ("00100", None, "00100"),
        ("150", None, None),
        ("sw1a  1aa", "GBR", "SW1A 1AA"),
        ("10115", "DEU", "10115"),
        ("Berlin!", "DEU", None),
    ],
)
def test_postcodes(written: str, country: str | None, code: str | None) -> None:
    """A postcode has its country's digits, is written without spaces, and is never padded."""
    assert postcode(written, country) == code


@pytest.mark.parametrize(
    "address",
    [
        "maija@yritys.fi",
        "maija.mäkinen@yhtiö.fi",
        "o'brien+laskut@sub.example.co.uk",
        "åke_öst-1@bolag.se",
        "用户@例子.广告",
        "a@xn--yhti-8qa.fi",
        f"{'a' * 64}@b.fi",
    ],
)
def test_email_addresses(address: str) -> None:
    """An address with letters of any language, on either side, is an address; space around it is not."""
    assert email(f" {address}\n") == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "maija",
        "maija@yritys",
        "@yritys.fi",
        "maija@",
        "maija@@yritys.fi",
        "a..b@yritys.fi",
        ".a@yritys.fi",
        "a.@yritys.fi",
        "a b@yritys.fi",
        "a@yri tys.fi",
        "a@-yritys.fi",
        "a@yritys-.fi",
        "a@yritys..fi",
        "a@yritys.fi.",
        "a@yri_tys.fi",
        "a@192.168.0.1",
        "a@yritys.fi; b@yritys.fi",
        "a@yritys.fi,b@yritys.fi",
        "Maija <a@yritys.fi>",
        "mailto:a@yritys.fi",
        f"{'a' * 65}@b.fi",
        f"a@{'b' * 64}.fi",
        f"a@{'ö' * 60}.fi",
        f"a@{'.'.join(['b' * 50] * 6)}.fi",
        "a@yritys.fi\nbcc:b@yritys.fi",
    ],
)
def test_what_is_no_email_address(text: str) -> None:
    """Several addresses, names, broken domains and over-long parts are not one address."""
    assert email(text) is None


@given(st.text() | st.text("0123456789-+ FISENORMVAX.:@é", max_size=20))
def test_nothing_makes_a_check_fail(text: str) -> None:
    """Whatever the text, every check answers, and what it accepts it accepts again unchanged."""
    checks = (
        business_id,
        personal_id,
        vat_number,
        ovt,
        einvoice_address,
        operator,
        reference,
        postcode,
        email,
    )
    for check in checks:
        once = check(text)
        assert once is None or check(once) == once
