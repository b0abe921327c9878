"""Personal identity codes are masked wherever they stand; numbers that only look alike stay readable."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.no import fodselsnummer

from pipeline.privacy import MASKED, is_personal, mask, mask_govid


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
    """A right personnummer or samordningsnummer, with or without its century."""
    born = draw(st.dates(date(1930, 1, 1), date(2025, 12, 31)))
    number = f"{born:%y%m}{born.day + draw(st.sampled_from([0, 60])):02}{draw(st.integers(0, 999)):03}"
    century = draw(st.sampled_from(["", str(born.year // 100)]))
    return f"{century}{number[:6]}-{number[6:]}{luhn.calc_check_digit(number)}"


@st.composite
def fodselsnummer_code(draw: st.DrawFn) -> str:
    """A right fødselsnummer or D-number."""
    born = draw(st.dates(date(1940, 1, 1), date(1999, 12, 31)))
    number = f"{born.day + draw(st.sampled_from([0, 40])):02}{born:%m%y}"
    for serial in range(draw(st.integers(0, 300)), 500):  # not every serial number has check digits
        start = f"{number}{serial:03}"
        start += fodselsnummer.calc_check_digit1(start)
        code = start + fodselsnummer.calc_check_digit2(start)
        if len(code) == 11 and fodselsnummer.is_valid(code):
            return code
    raise AssertionError


codes = henkilotunnus() | personnummer() | fodselsnummer_code()
around = st.text("abcåäö .,;:()/\n\"'", max_size=20)


@given(codes, around, around)
def test_a_code_in_free_text_is_masked(code: str, before: str, after: str) -> None:
    """No text around a code lets it through, and the text around it stays."""
    assert is_personal(code)
    text = f"{before} {code}{after if after[:1] not in tuple('abc') else ' ' + after}"
    assert mask(text) == text.replace(code, MASKED)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hetu 131052-308T, potilas 12", f"Hetu {MASKED}, potilas 12"),
        ("hetu:131052a308t", f"hetu:{MASKED}"),
        ("131052Y308T", MASKED),
        ("(131052-308T)", f"({MASKED})"),
        ("131052\u2013308T", MASKED),
        ("131052 - 308T", MASKED),
        ("131052-308U", MASKED),
        ("010199-901X", MASKED),
        ("pnr 880320-0016.", f"pnr {MASKED}."),
        ("19880320-0016", MASKED),
        ("198803200016", MASKED),
        ("880320+0016", MASKED),
        ("701063-2391", MASKED),
        ("320229-0007", MASKED),
        ("fnr 151086 95088", f"fnr {MASKED}"),
        ("15108695088", MASKED),
        ("151086-95088", MASKED),
        ("131052-308T ja 880320-0016", f"{MASKED} ja {MASKED}"),
        ("/tmp/131052-308T.xlsx", f"/tmp/{MASKED}.xlsx"),
    ],
)
def test_codes_as_people_write_them(text: str, shown: str) -> None:
    """Finnish, Swedish and Norwegian codes are masked in every usual writing, a mistyped hetu too."""
    assert mask(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2262509-5",
        "Tilaus 20261015",
        "Lasku 123456-7890",
        "Order 15108695077",
        "order 198803200017",
        "556036-0793",
        "988 077 917",
        "RF18539007547034",
        "viite 12345 67890 12345 67894",
        "FI2112345600000785",
        "040 1234567",
        "A131052-308TX",
        "7350000000008",
        "01.02.2026-28.02.2026",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    """Order numbers, business ids, references, accounts and dates stay as they are."""
    assert mask(text) == text
    assert not is_personal(text)


@given(st.text())
def test_masking_is_done_once(text: str) -> None:
    """What is masked has nothing left to mask."""
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2262509-4", "2262509-4"),
        ("556036-0794", "556036-0794"),
        ("988077918", "988077918"),
        ("puuttuu", "puuttuu"),
        ("880320-0018", MASKED),
        ("8803200016", MASKED),
        ("15108695077", MASKED),
        ("131052-308", MASKED),
        ("131052308T", MASKED),
    ],
)
def test_a_govid_that_may_be_personal_is_not_shown(text: str, shown: str) -> None:
    """In the govid column a mistyped business id is shown, a mistyped personal code is not."""
    assert mask_govid(text) == shown


@given(codes, st.integers(0, 10), st.sampled_from("0123456789 -X"))
def test_a_mistyped_code_in_the_govid_column_is_not_shown(code: str, place: int, slip: str) -> None:
    """Whichever character of a code is mistyped, the column's findings do not show the rest."""
    mistyped = code[:place] + slip + code[place + 1 :]
    shown = mask_govid(mistyped)
    assert shown in {MASKED, mistyped}
    if shown == mistyped:  # it has become a business id's form
        assert len([each for each in mistyped if each.isdigit()]) in {8, 9, 10, 12}
