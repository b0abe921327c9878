"""The small expressions of a profile: exact numbers, no way out, and a reason for whatever does not work."""

from __future__ import annotations

import string
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.findings import Refusal
from pipeline.meaning.checks import check_expressions
from pipeline.meaning.expression import Failed, UnreadableCell, Wrong, evaluator, parse
from pipeline.profile import Conventions, Profile
from pipeline.readers.table import EXACT


def result(text: str, decimal: str | None = ",", **cells: str) -> str:
    """What an expression gives with those cells."""
    conventions = Conventions.model_validate({"decimal": decimal})
    return evaluator(parse(text), conventions)(cells)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1 + 0.2", "0.3" + EXACT),
        ("1.10 * 3", "3.3" + EXACT),
        ("0.5 + 0.5", "1"),
        ("-(2 - 3) / 4", "0.25" + EXACT),
        ("round(2.5)", "3"),
        ("round(-2.5)", "-3"),
        ("round(1 / 3, 2)", "0.33" + EXACT),
        ("round(-0.125, 2)", "-0.13" + EXACT),
        ('number(cell("H"))', "1234.5" + EXACT),
        ('round(number(cell("H")) / 100, 2)', "12.35" + EXACT),
        ('text(round(number(cell("H")), 2))', "1234.50"),
        ('cell("T")', "Kesken"),
        ('"1" if upper(cell("T")) == "KESKEN" else "0"', "1"),
        ('"a" if cell("T") != "Kesken" and 1 < 2 or not 1 else "b"', "b"),
        ('cell("B") or cell("T")', "Kesken"),
        ('left(cell("T"), 2) + "-" + right(cell("T"), 2) + "-" + mid(cell("T"), 2, 3)', "Ke-en-esk"),
        ('replace(lower(strip(cell("T"))), "s", "ß")', "keßken"),
        ("1 if\n  1 <= 2 < 3\nelse 2", "1"),
        ('right(cell("E"), 2) + "x"', ".5x"),
        ('number(cell("E")) * 2', "3"),
        ('cell("E")', "1.5" + EXACT),
    ],
)
def test_what_expressions_give(text: str, value: str) -> None:
    """Decimals are exact, halves go away from zero, a number cell stays one, and texts are texts."""
    assert result(text, H="1 234,50", T=" Kesken ", B=" ", E="1.5" + EXACT) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('number(cell("T")) + cell("T")', None),
        ('1 / number(cell("Z"))', "it divides by zero"),
        ("0 / 0", "it divides by zero"),
        ("1 / 3", "the result has more than 10 decimals; round it"),
        ("999999999999 * 9", "a number has more than 12 digits"),
        ('cell("T") == 5', "a text and a number stand on the two sides of a sign"),
        ('cell("T") + 5', "a text and a number stand on the two sides of a sign"),
        ("1 < 2", "what should be a number is none"),
        ('"a" * 3', "what should be a number is none"),
        ('-"a"', "what should be a number is none"),
        ("upper(5)", "what should be a text is none"),
        ('left("a", 0 - 1)', "what should be a whole number from 0 to 10000 is none"),
        ("round(1, 0.5)", "what should be a whole number from 0 to 10 is none"),
        ('replace("a", "", "b")', "replace seeks nothing"),
        ('number(left("12e", 3))', "“12e” is no number that can be read for certain"),
        ('number("1.234")', "“1.234” is no number that can be read for certain"),
    ],
)
def test_what_gives_no_value(text: str, reason: str | None) -> None:
    """The reason is said in words; a cell that is no number is named itself."""
    if reason is None:
        with pytest.raises(UnreadableCell) as unread:
            result(text, T="x")
        assert (unread.value.cell.header, unread.value.problem.code) == ("T", "number-form")
        return
    with pytest.raises(Failed) as failed:
        result(text, decimal=None, T="x", Z="0")
    assert str(failed.value) == reason


def test_an_ambiguous_number_is_told_of_its_cell() -> None:
    """1.234 is one number or another by the file's convention only."""
    with pytest.raises(UnreadableCell) as unread:
        result('number(cell("A"))', decimal=None, A="1.234")
    assert unread.value.problem.code == "number-ambiguous"
    assert result('number(cell("A"))', decimal=",", A="1.234") == "1234"


def test_texts_cannot_grow_without_end() -> None:
    """Each replacement would make it a hundred times longer."""
    text = '"' + "a" * 100 + '"'
    grown = f'replace(replace(replace({text}, "a", {text}), "a", {text}), "a", {text})'
    with pytest.raises(Failed, match="a text has more than 10000 characters"):
        result(grown)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "“(\n\n)” may not stand in an expression"),
        ("1 if", "it cannot be read as an expression"),
        ("x", None),
        ("().__class__.__bases__", "“().__class__.__bases__” may not stand in an expression"),
        ('"a".upper()', '“"a".upper()” may not stand in an expression'),
        ('__import__("os")', None),
        ("[c for c in cell('A')]", "“[c for c in cell('A')]” may not stand in an expression"),
        ("2 ** 9", "“Pow” may not stand in an expression"),
        ("9 // 2", "“FloorDiv” may not stand in an expression"),
        ("1e5", "“1e5” may not stand in an expression"),
        ("True", "“True” may not stand in an expression"),
        ('f"{1}"', '“f"{1}"” may not stand in an expression'),
        ('"\\ud800"', '“"\\ud800"” may not stand in an expression'),
        ("number(*cell('A'))", "“*cell('A')” may not stand in an expression"),
        ("text(x=1)", "“text(x=1)” may not stand in an expression"),
        ("cell(text(1))", "cell wants a header in quotes"),
        ("cell()", "cell has another number of arguments"),
        ("round(1, 2, 3)", "round has another number of arguments"),
        ("-" * 99 + "1", "it is nested more than 40 levels deep"),
        ("1 + " * 400 + "1", "it has more than 1000 characters"),
        ("(" * 900, "it cannot be read as an expression"),
        ("1\x00", "it cannot be read as an expression"),
    ],
)
def test_what_no_expression_may_hold(text: str, reason: str | None) -> None:
    """It is refused before any file is read, with where it stands and why."""
    if reason is None:
        name = text.partition("(")[0]
        reason = (
            f"“{name}” is none of the functions "
            "cell, number, round, text, upper, lower, strip, replace, left, right, mid"
        )
    with pytest.raises(Refusal) as refused:
        check_expressions(Profile(expressions={"payrow.desc": text}))
    assert refused.value.finding.code == "profile-declaration"
    assert refused.value.finding.message == f"The profile is wrong at expressions.payrow.desc: {reason}."


_PIECES = st.sampled_from(
    [
        *("cell(", "number(", "round(", "text(", "left(", '"A"', "'B'", "1.5", "0", "7", "(", ")", ",", "\n"),
        *(
            "+",
            "-",
            "*",
            "/",
            "==",
            "<",
            " and ",
            " or ",
            " not ",
            " if ",
            " else ",
            "**",
            "[",
            "]",
            ".",
            ":",
        ),
        *(
            "lambda",
            "__class__",
            "f'{",
            "}",
            "#",
            "\\",
            "yield ",
            "await ",
            ":=",
            "'",
            '"',
            "é",
            "\u2063",
            ";",
        ),
    ]
)


@given(
    st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=15).map("".join), st.text(string.printable))
)
def test_no_text_breaks_out(text: str) -> None:
    """Whatever stands there is refused, or evaluates to a text, or says why it cannot."""
    try:
        expression = parse(text)
    except Wrong:
        with pytest.raises(Refusal):
            check_expressions(Profile(expressions={"payrow.desc": text}))
        return
    check_expressions(Profile(expressions={"payrow.desc": text}))
    for cell in ("", "12,5", "x" * 300):
        try:
            value = evaluator(expression, Conventions())(dict.fromkeys(expression.cells, cell))
        except (Failed, UnreadableCell):
            continue
        assert isinstance(value, str)
        value.encode()


_MONEY = st.decimals(-9999, 9999, places=2)


@given(_MONEY, _MONEY, st.integers(0, 6))
def test_arithmetic_is_that_of_decimals(one: Decimal, other: Decimal, decimals: int) -> None:
    """Sums and products are exact, and rounding is to the nearest, halves away from zero."""
    cells = {"A": str(one).replace(".", ","), "B": str(other).replace(".", ",")}
    a, b = 'number(cell("A"))', 'number(cell("B"))'
    assert _read(result(f"{a} + {b}", **cells)) == one + other
    assert _read(result(f"{a} * {b} - {a}", **cells)) == one * other - one
    assert _read(result(f"round({a} * {b}, {decimals})", **cells)) == (one * other).quantize(
        Decimal(1).scaleb(-decimals), ROUND_HALF_UP
    )
    assert result(f'"<" if {a} < {b} else ">="', **cells) == ("<" if one < other else ">=")


def _read(text: str) -> Decimal:
    assert text.endswith(EXACT) == ("." in text)
    return Decimal(text.removesuffix(EXACT))
