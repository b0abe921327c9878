"""Where a rule takes a short way for speed, the obvious way gives the same."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st
from made import TODAY
from stdnum.eu import vat as eu_vat
from stdnum.fi import ytunnus

from pipeline.document import Document, Kind
from pipeline.validator.rules import Context
from pipeline.validator.rules.identifiers import _CHECKS, _ORDER, _billcode, identifiers
from pipeline.validator.rules.sums import _says
from pipeline.values.identifiers import _is_label, _is_ytunnus, vat_number
from pipeline.values.money import from_cents

_CENTS = st.integers(-100_000, 100_000)


@given(_CENTS, _CENTS | st.none(), st.sampled_from(["{:.2f}", "{:.1f}", "{:.3f}", "{:f}"]))
@example(-150, -250, "{:.2f}")
@example(5, 5, "{:.2f}")
@example(-50, -50, "{:.2f}")
def test_a_sum_says_its_cents(number: int, other: int | None, form: str) -> None:
    """Compared as text or as numbers, a sum is the same sum or another."""
    text = form.format(from_cents(number if other is None else other))
    assert _says(text, number) == (Decimal(text) == from_cents(number))


@given(st.from_regex(r"[0-9]{8}", fullmatch=True))
@example("22059054")
@example("20774740")
def test_a_ytunnus_is_what_stdnum_takes(digits: str) -> None:
    """The check digit alone decides of eight digits, in a Y-tunnus as in a VAT number."""
    assert _is_ytunnus(digits) == ytunnus.is_valid(f"{digits[:7]}-{digits[7]}")
    assert (vat_number(f"FI{digits}") is not None) == eu_vat.is_valid(f"FI{digits}")


@given(st.from_regex(r"[a-z0-9][-a-z0-9]{0,70}", fullmatch=True))
@example("a" * 63)
@example("a" * 64)
def test_an_ascii_label_is_its_own_form(label: str) -> None:
    """A label of a domain in ASCII has the length that its encoding has."""
    try:
        fits = len(label.encode("idna")) <= 63
    except UnicodeError:
        fits = False
    assert _is_label(label) == (fits and not label.endswith("-"))


def _of_reference(value: str, _: Mapping[str, str], home: str) -> str | None:
    return _billcode(value, home)


_VALUES = {
    "govid": ["2262509-5", "2262509-6", "131052-308T", "556677-8899", "22625095", "nonsense"],
    "vatid": ["FI22625095", "FI22625096", "22625095", "SE556677889901", "XX1"],
    "evoice": ["003722625095", "003722625096", "FI1410093000123458", "?"],
    "evoiceint": ["003714377140", "BAWCFI22", "?"],
    "billcode": ["1232", "1233", "RF18539007547034", "message"],
    "email": ["a@b.example", "a.example"],
    "email2": ["a@b.example", "a.example"],
    "postcode": ["00100", "0150", "EC1A 1BB"],
    "country": ["FIN", "SWE", "DEU"],
    "addresscountry": ["FIN", "NOR", "DEU"],
    "finance": ["1"],
}


@given(
    st.fixed_dictionaries({}, optional={tag: st.sampled_from(some) for tag, some in _VALUES.items()}),
    st.sampled_from(["FIN", "SWE", "NOR"]),
)
def test_a_customer_is_judged_as_tag_by_tag(dataset: dict[str, str], home: str) -> None:
    """What is remembered of a customer is what each tag's own check says, in the order of the tags."""
    document = Document(dataset, Kind.INVOICE, [(0, 2)])
    checks = {**_CHECKS, "billcode": _of_reference}
    obvious = [
        (tag, code) for tag in _ORDER if tag in dataset and (code := checks[tag](dataset[tag], dataset, home))
    ]
    assert [(each.field, each.code) for each in identifiers(document, Context(TODAY, home))] == obvious
