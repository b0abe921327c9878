"""Money is rounded in one place, by one rule, and the same however many rows there are."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.values.money import (
    Sums,
    cents,
    decimal_text,
    document_sums,
    from_cents,
    money_text,
    row_sums,
    row_sums_bulk,
    to_cents,
)

usual = st.from_regex(r"-?[0-9]{1,6}(\.[0-9]{1,4})?", fullmatch=True)
extreme = st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", fullmatch=True)
numbers = usual | extreme
cells = st.none() | st.just("") | numbers
rows = st.tuples(cells, cells, cells, cells)


def sums(net: str, vat: str, total: str) -> Sums:
    """Sums from texts."""
    return Sums(Decimal(net), Decimal(vat), Decimal(total))


def half_away_from_zero(cents_exactly: Fraction) -> int:
    """The rule of rounding, said once more in exact fractions."""
    whole = floor(abs(cents_exactly) + Fraction(1, 2))
    return whole if cents_exactly > 0 else -whole


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("0.005", "0.01"),
        ("-0.005", "-0.01"),
        ("1.0049999999999999999999999999999", "1.00"),
        ("2.675", "2.68"),
        ("-2.675", "-2.68"),
        ("-0.001", "0.00"),
        ("3", "3.00"),
    ],
)
def test_half_a_cent_goes_away_from_zero(value: str, rounded: str) -> None:
    """A sum has two decimals, half a cent is rounded away from zero, and zero has no sign."""
    assert str(cents(Decimal(value))) == rounded


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("1", "35.00", "24.00", None), sums("35.00", "8.40", "43.40")),
        (("3", "0.0125", "25.5", ""), sums("0.04", "0.01", "0.05")),
        (("1", "100", "23", "50"), sums("50.00", "11.50", "61.50")),
        (("-2", "19.99", "25.5", "10"), sums("-35.98", "-9.17", "-45.15")),
        (("7.25", "99.90", "13.5", "12.5"), sums("633.74", "85.55", "719.29")),
        ((None, "5", None, None), sums("5.00", "0.00", "5.00")),
        (("", "", "", ""), sums("0.00", "0.00", "0.00")),
    ],
)
def test_sums_of_a_row(row: tuple[str | None, ...], expected: Sums) -> None:
    """Net is count × amount less the discount, VAT is of the rounded net, blank cells have their meaning."""
    assert row_sums(*row) == expected


@given(rows)
def test_a_row_is_right_to_the_cent(row: tuple[str | None, ...]) -> None:
    """Whatever the numbers, the sums are those of exact fractions, rounded twice and no more."""
    count, amount, taxpr, discount = (
        Fraction(text or missing) for text, missing in zip(row, ("1", "0", "0", "0"), strict=True)
    )
    net = half_away_from_zero(count * amount * (1 - discount / 100) * 100)
    vat = half_away_from_zero(net * taxpr / 100)
    assert tuple(map(to_cents, row_sums(*row))) == (net, vat, net + vat)


@given(rows)
def test_a_credit_cancels_its_invoice(row: tuple[str | None, ...]) -> None:
    """A row with the opposite price has the opposite sums."""
    count, amount, taxpr, discount = row
    credit = row_sums(count, Decimal(amount or 0).copy_negate(), taxpr, discount)
    assert [to_cents(each) for each in credit] == [-to_cents(each) for each in row_sums(*row)]


@given(st.lists(rows, max_size=20))
@example([("9" * 17, "9" * 17, "9" * 17, "-" + "9" * 17), ("1", "35.00", "24.00", "")])
@example([("999999999999999999", "1", "0", "0"), ("0." + "0" * 16, "1", "1", "1")])
@example([("18446744073709551617", "1", "0", "0"), ("1", "0.10", "1255.00000000000000000", "0")])
@example([("2147483648", "2147483648", "25.5", "0.5"), ("-0", "-0.00", "-0", "-0")])
def test_whole_columns_give_what_single_rows_give(table: list[tuple[str | None, ...]]) -> None:
    """The fast way for columns gives every row the sums that the plain way gives it."""
    columns = list(zip(*table, strict=True)) or [(), (), (), ()]
    assert row_sums_bulk(*columns) == [tuple(map(to_cents, row_sums(*row))) for row in table]


@given(st.lists(rows, max_size=20))
def test_a_document_is_the_sum_of_its_rows(table: list[tuple[str | None, ...]]) -> None:
    """What the rows print adds up to what the document prints."""
    columns = list(zip(*table, strict=True)) or [(), (), (), ()]
    document = document_sums(row_sums_bulk(*columns))
    plain = [row_sums(*row) for row in table]
    assert document.net == sum((Fraction(row.net) for row in plain), Fraction(0))
    assert document.vat == sum((Fraction(row.vat) for row in plain), Fraction(0))
    assert document.total == sum((Fraction(row.total) for row in plain), Fraction(0))


def test_a_document_without_rows_has_sums_too() -> None:
    """No rows come to 0.00."""
    assert [str(each) for each in document_sums([])] == ["0.00", "0.00", "0.00"]


@pytest.mark.parametrize(
    "text",
    [
        "1,5",
        "1e3",
        "NaN",
        "Infinity",
        "1_000",
        " 1",
        "1 ",
        "1\n",
        "1\n2",
        "٣",
        "+1",
        ".5",
        "5.",
        "--1",
        "x",
        "1\0",
    ],
)
def test_only_plain_decimal_text_is_a_number(text: str) -> None:
    """A text that is not plain decimal text is refused, in a row and in columns, never guessed at."""
    with pytest.raises(ValueError, match=r"^not a plain decimal number$"):
        row_sums("1", text, "0", "0")
    with pytest.raises(ValueError, match=r"^not a plain decimal number$"):
        row_sums_bulk(["1", "1"], ["2.00", text], ["0", "0"], ["0", "0"])


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_no_money(value: str) -> None:
    """A Decimal that is no number is refused wherever it comes."""
    number = Decimal(value)
    with pytest.raises(ValueError, match=r"^not a finite number$"):
        row_sums(number, "1", "0", "0")
    with pytest.raises(ValueError, match=r"^not a finite number$"):
        money_text(number)


def test_columns_of_different_length_are_refused() -> None:
    """Columns that do not belong together give no sums."""
    with pytest.raises(ValueError, match=r"^columns of different length$"):
        row_sums_bulk(["1"], ["1", "2"], ["0"], ["0"])


def test_no_length_of_number_is_too_much() -> None:
    """A number of thousands of digits is summed exactly, not rounded and not an error."""
    nines = "9" * 5000
    assert str(row_sums(nines, "1", "0", None).net) == f"{nines}.00"
    assert str(row_sums(nines, f"1.{nines}", "0", None).net).startswith("1999")


@pytest.mark.parametrize(
    ("value", "money", "shortest"),
    [
        ("35", "35.00", "35"),
        ("35.5", "35.50", "35.5"),
        ("35.000", "35.00", "35"),
        ("0.0125", "0.0125", "0.0125"),
        ("25.50", "25.50", "25.5"),
        ("-0.00", "0.00", "0"),
        ("-5.10", "-5.10", "-5.1"),
        ("1E+3", "1000.00", "1000"),
        ("1E-7", "0.0000001", "0.0000001"),
        ("100", "100.00", "100"),
        ("0", "0.00", "0"),
    ],
)
def test_texts_of_numbers(value: str, money: str, shortest: str) -> None:
    """Money has at least two decimals, other numbers are shortest, and neither has an exponent."""
    assert money_text(Decimal(value)) == money
    assert decimal_text(Decimal(value)) == shortest


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6) | numbers.map(Decimal))
def test_texts_lose_nothing(value: Decimal) -> None:
    """The text of a number is the number, in one form however it was written."""
    assert Decimal(money_text(value)) == value
    assert Decimal(decimal_text(value)) == value
    assert money_text(Decimal(decimal_text(value))) == money_text(value)


@given(st.integers())
def test_cents_go_there_and_back(number: int) -> None:
    """So many cents are a sum with two decimals, and that sum is so many cents."""
    assert to_cents(from_cents(number)) == number
    assert from_cents(number).as_tuple().exponent == -2


def test_parts_of_a_cent_are_not_cents() -> None:
    """What is not in whole cents has not been rounded by the rule."""
    with pytest.raises(ValueError, match=r"^not in whole cents$"):
        to_cents(Decimal("0.005"))
