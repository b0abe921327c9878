"""What declarations make of cells: each step is held against the obvious way, row by row."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import table

from pipeline.columns.layouts import Layout, understand
from pipeline.findings import Refusal
from pipeline.language import set_language
from pipeline.meaning.apply import apply
from pipeline.meaning.left_out import LEFT_OUT, LeftOut
from pipeline.meaning.shown import Change, explain, trace
from pipeline.profile import Conventions, Profile
from pipeline.readers.table import EXACT, PROBLEMS, ROW, Problem
from pipeline.values.words import normalise

HEADER = ["Laskunumero", "Etunimi", "Sukunimi", "Paikka", "Tyyppi", "Hinta", "Määrä"]
Row = dict[str, str]


def layout_of(
    rows: list[list[str]], profile: Profile, problems: dict[int, list[Problem]] | None = None
) -> Layout:
    """How a table with those rows is understood."""
    return understand([[table([HEADER, *rows], problems)]], profile, checked=False)[0]


def data_of(layout: Layout) -> pd.DataFrame:
    """The raw data rows below the header."""
    (frame,) = layout.table.frames(10_000)
    return frame.iloc[1:]


def meant(
    rows: list[list[str]], profile: Profile, problems: dict[int, list[Problem]] | None = None
) -> pd.DataFrame:
    """The named frame of those rows."""
    layout = layout_of(rows, profile, problems)
    return apply(data_of(layout), layout, layout.profile)


def profile_of(**declared: Any) -> Profile:
    """A profile with those declarations, and the columns that the header does not tell by itself."""
    columns = {"Paikka": "", "Tyyppi": "", "Hinta": "payrow.amount"}
    return Profile.model_validate({"columns": columns, **declared})


def told(frame: pd.DataFrame) -> list[list[Problem]]:
    """The problems of each row."""
    return [Problem.unpack(text) for text in frame[PROBLEMS].tolist()]


_CELL = st.one_of(
    st.sampled_from(
        ["", " ", "H", "h ", "L", "00100 Helsinki", "20100  Turku", "Oulu", "12,5", "1.234", "1 000", "kpl"]
    ),
    st.sampled_from(["1.5" + EXACT, "10", "x\u200b", "Å", "*", "-", "25,5", "255"]),
    st.text(max_size=4).filter(str.isprintable),
)
_ROWS = st.lists(st.lists(_CELL, min_size=7, max_size=7), min_size=1, max_size=12)


def plain(text: str) -> str:
    """A cell for the eye: one line, no invisible sign."""
    text = re.sub(
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]",
        "",
        unicodedata.normalize("NFC", text),
    )
    return " ".join(text.split())


def holds(when: dict[str, list[str]], row: Row) -> bool:
    """Whether each cell is one of its texts."""
    return all(
        plain(row[header]).casefold() in [each.casefold() for each in texts] for header, texts in when.items()
    )


def check(
    rows: list[list[str]], profile: Profile, fields: list[str], one: Callable[[Row], list[str]]
) -> None:
    """The fields of all rows are what the obvious way gives for each."""
    rows = [["1", *row[1:]] for row in rows]
    frame = meant(rows, profile)
    found = [[str(frame[field].iloc[at]) for field in fields] for at in range(len(rows))]
    assert found == [one(dict(zip(HEADER, row, strict=True))) for row in rows]


@given(_ROWS)
def test_split_is_as_row_by_row(rows: list[list[str]]) -> None:
    """A cell of the pattern's form gives its groups, another nothing."""
    pattern = r"(\d{5}) (?:(\w+)|-)"
    profile = profile_of(split=[{"column": "Paikka", "pattern": pattern, "into": ["postcode", "city"]}])

    def one(row: Row) -> list[str]:
        match = re.fullmatch(pattern, plain(row["Paikka"]))
        return [match[1], match[2] or ""] if match else ["", ""]

    check(rows, profile, ["postcode", "city"], one)


@given(_ROWS)
def test_texts_are_as_row_by_row(rows: list[list[str]]) -> None:
    """Blanks leave no double space, and nothing but blanks gives nothing."""
    profile = profile_of(texts={"person": " {Etunimi} {Sukunimi} / {Tyyppi}", "yourcode": "{Määrä}"})

    def one(row: Row) -> list[str]:
        parts = [plain(row[name]) for name in ("Etunimi", "Sukunimi", "Tyyppi")]
        whole = plain(f"{parts[0]} {parts[1]} / {parts[2]}") if any(parts) else ""
        number = plain(row["Määrä"])
        return [whole, number + EXACT if number and row["Määrä"].endswith(EXACT) else number]

    check(rows, profile, ["person", "yourcode"], one)


@given(_ROWS)
def test_expressions_are_as_row_by_row(rows: list[list[str]]) -> None:
    """An expression sees the cells of its row."""
    profile = profile_of(
        expressions={
            "payrow.desc": """upper(cell("Tyyppi")) + ":" + left(cell("Etunimi"), 2)
                if cell("Etunimi") else "?" """
        }
    )

    def one(row: Row) -> list[str]:
        name = plain(row["Etunimi"])
        return [plain(f"{plain(row['Tyyppi']).upper()}:{name[:2]}") if name else "?"]

    check(rows, profile, ["payrow.desc"], one)


@given(_ROWS)
def test_settings_are_as_row_by_row(rows: list[list[str]]) -> None:
    """A later setting changes an earlier one; where no condition holds, the cell stays as it is."""
    one_of = {"Tyyppi": ["H", "L"], "Paikka": ["", "oulu"]}
    profile = profile_of(
        set=[
            {"when": one_of, "to": {"credit": "1", "payrow.amount": "9,50"}},
            {"when": {"Tyyppi": "h"}, "to": {"credit": "0"}},
        ]
    )

    def one(row: Row) -> list[str]:
        first, second = holds(one_of, row), holds({"Tyyppi": ["h"]}, row)
        return ["0" if second else "1" if first else "", "9.5" + EXACT if first else row["Hinta"]]

    check(rows, profile, ["credit", "payrow.amount"], one)


@given(_ROWS)
def test_values_are_as_row_by_row(rows: list[list[str]]) -> None:
    """A cell that is listed becomes its value, another stays, or becomes that of any other text."""
    profile = profile_of(
        columns={"Paikka": "payrow.itemtype", "Tyyppi": "credit", "Hinta": ""},
        values={
            "credit": {"H": "1", "l.": "0", "": "0"},
            "payrow.itemtype": {"255": "A", "kpl": "pcs", "*": "B"},
        },
    )

    def one(row: Row) -> list[str]:
        kind, unit = normalise(row["Tyyppi"].replace(EXACT, "")), plain(row["Paikka"])
        credit = {"h": "1", "l": "0", "": "0"}.get(kind, row["Tyyppi"])
        if not unit:
            return [credit, row["Paikka"]]
        if unit == "255":
            return [credit, "A"]
        return [credit, "pcs" if normalise(row["Paikka"]) == "kpl" and "1" not in unit else "B"]

    check(rows, profile, ["credit", "payrow.itemtype"], one)


@given(_ROWS)
def test_rows_left_out_are_as_row_by_row(rows: list[list[str]]) -> None:
    """The first declaration that holds gives the reason."""
    first, second = {"Tyyppi": ["H", "kpl"], "Paikka": ["", "Oulu"]}, {"Etunimi": ["L"]}
    profile = profile_of(
        leave_out=[{"when": first, "reason": "draft"}, {"when": second, "reason": "internal"}]
    )
    rows = [["1", *row[1:]] for row in rows]
    frame = meant(rows, profile)
    own = [dict(zip(HEADER, row, strict=True)) for row in rows]
    expected = ["draft" if holds(first, row) else "internal" if holds(second, row) else "" for row in own]
    assert [LeftOut.reason_in(text) for text in frame[LEFT_OUT]] == expected


def test_numbers_are_sure_and_prove_nothing_of_the_file() -> None:
    """A value of the profile or of an expression is a number whatever separator the file uses."""
    profile = profile_of(
        conventions={"decimal": ","},
        values={"payrow.taxpr": {"A": "25,5", "B": "1.000"}},
        columns={"Tyyppi": "payrow.taxpr", "Hinta": "", "Paikka": ""},
        expressions={"payrow.amount": 'number(cell("Hinta")) / 4'},
    )
    frame = meant([["1", "", "", "", "A", "1.234", ""], ["1", "", "", "", "b", "4", ""]], profile)
    assert frame["payrow.taxpr"].tolist() == ["25.5" + EXACT, "1000"]
    assert frame["payrow.amount"].tolist() == ["308.5" + EXACT, "1"]


def test_what_cannot_be_done_is_told_of_its_cell() -> None:
    """A cell without the pattern's form, one that is no number, and an expression without a value."""
    profile = profile_of(
        split=[{"column": "Paikka", "pattern": "([0-9]{5}) (.+)", "into": ["postcode", "city"]}],
        expressions={
            "payrow.amount": 'number(cell("Hinta"))',
            "payrow.count": '1 / number(cell("Määrä"))',
            "payrow.desc": "1 / 0",
        },
    )
    frame = meant([["1", "", "", "Oulu", "", "12 e", "0"], ["2", "", "", "", "", "2", "4"]], profile)
    no_value = Problem(None, "expression-failed", "", "payrow.desc: it divides by zero")
    assert told(frame) == [
        [
            Problem(3, "split-mismatch", "Oulu", "postcode, city"),
            Problem(5, "number-form", "12 e"),
            Problem(6, "expression-failed", "0", "payrow.count: it divides by zero"),
            no_value,
        ],
        [no_value],
    ]
    assert frame["payrow.count"].tolist() == ["", "0.25" + EXACT]


def test_problems_of_the_reader_stay() -> None:
    """What a step finds comes after them."""
    profile = profile_of(split=[{"column": "Paikka", "pattern": "(.)", "into": ["city"]}])
    damaged = Problem(1, "row-length", "x", "2")
    frame = meant([["1", "", "", "Oulu", "", "", ""]] * 2, profile, {2: [damaged]})
    mismatch = Problem(3, "split-mismatch", "Oulu", "city")
    assert told(frame) == [[damaged, mismatch], [mismatch]]


def test_a_cell_that_could_not_be_read_leaves_nothing_out() -> None:
    """Blank as it seems, it may have held anything."""
    profile = profile_of(leave_out=[{"when": {"Tyyppi": ""}, "reason": "no type"}])
    problems = {2: [Problem(4, "error-cell", "#REF!")], 3: [Problem(5, "error-cell", "#REF!")]}
    frame = meant([["1", "", "", "", "", "", ""]] * 2, profile, problems)
    assert [LeftOut.reason_in(text) for text in frame[LEFT_OUT]] == ["", "no type"]


def test_fields_made_take_the_place_of_columns() -> None:
    """A step sees what earlier steps made, by the field's name; columns are known by position as well."""
    profile = profile_of(
        split=[{"column": "4", "pattern": "([0-9]{5}) (.+)", "into": ["postcode", ""]}],
        texts={"address": "PL 1, {postcode}", "payrow.amount": "{Määrä}"},
        set=[{"when": {"postcode": "00100", "payrow.amount": "2"}, "to": {"address": ""}}],
    )
    frame = meant(
        [["1", "", "", "00100 Hki", "", "9", "2"], ["1", "", "", "20100 Tku", "", "9", "2"]], profile
    )
    assert frame["postcode"].tolist() == ["00100", "20100"]
    assert frame["address"].tolist() == ["", "PL 1, 20100"]
    assert frame["payrow.amount"].tolist() == ["2", "2"]


def test_nothing_declared_changes_nothing() -> None:
    """Columns that are no fields go, the others have their names and the very same texts."""
    layout = layout_of([["1", "A", "B", "C", "D", "5", "2"]], profile_of())
    frame = data_of(layout)
    named = apply(frame, layout, layout.profile)
    assert set(named.columns) == {*layout.fields.values(), ROW, PROBLEMS}
    for at, field in layout.fields.items():
        assert named[field].array is frame[at].array or named[field].tolist() == frame[at].tolist()


def test_no_row_at_all() -> None:
    """An empty frame has the fields nevertheless."""
    profile = profile_of(
        leave_out=[{"when": {"Tyyppi": "L", "Paikka": "x"}, "reason": "draft"}],
        texts={"person": "{Etunimi} {Sukunimi}"},
        expressions={"payrow.desc": '"x"'},
        set=[{"when": {"Tyyppi": "L", "Paikka": "x"}, "to": {"credit": "1"}}],
        values={"payrow.amount": {"x": "1"}},
    )
    layout = layout_of([["1", "", "", "", "", "", ""]], profile)
    named = apply(data_of(layout).iloc[:0], layout, layout.profile)
    assert {"person", "payrow.desc", "credit", "payrow.amount"} <= set(named.columns)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            {"split": [{"column": "Paikka", "pattern": "(", "into": ["city"]}]},
            "split.0.pattern: the pattern cannot be used: missing ), unterminated subpattern at position 0",
        ),
        (
            {"split": [{"column": "Paikka", "pattern": "(.)", "into": ["postcode", "city"]}]},
            "split.0.pattern: the pattern has 1 groups, and 2 fields are named",
        ),
        (
            {"texts": {"city": "{Paikka"}},
            "texts.city: the text needs headers in braces, and every brace its pair",
        ),
        (
            {"texts": {"city": "Oulu"}},
            "texts.city: the text needs headers in braces, and every brace its pair",
        ),
        (
            {"set": [{"when": {"Tyyppi": "H"}, "to": {"payrow.amount": "x"}}]},
            "set.0.to.payrow.amount: “x” is no value of payrow.amount (number-form)",
        ),
        (
            {"set": [{"when": {"Tyyppi": []}, "to": {"city": "x"}}]},
            "set.0.when: the condition names no column, or no text for one",
        ),
        (
            {"leave_out": [{"when": {}, "reason": "x"}]},
            "leave_out.0.when: the condition names no column, or no text for one",
        ),
        (
            {"values": {"credit": {"K": "1", "k.": "0"}}},
            "values.credit.k.: another spelling of this text has another value",
        ),
        (
            {"values": {"payrow.taxpr": {"K": "1.234"}}},
            "values.payrow.taxpr.K: “1.234” is no value of payrow.taxpr (number-ambiguous)",
        ),
    ],
)
def test_a_declaration_that_cannot_be_used(declared: dict[str, Any], message: str) -> None:
    """It is refused with its place before any row is read."""
    with pytest.raises(Refusal) as refused:
        layout_of([], profile_of(**declared))
    assert refused.value.finding.code == "profile-declaration"
    assert refused.value.finding.message == f"The profile is wrong at {message}."


def test_a_column_that_the_file_does_not_have() -> None:
    """The declaration's name and the file's headers are told, and a header that stands twice is no name."""
    rows = [HEADER, ["1", "", "", "", "", "", ""]]
    with pytest.raises(Refusal) as refused:
        understand([[table(rows)]], profile_of(texts={"city": "{Kaupunki}"}))
    assert refused.value.finding.code == "profile-column-missing"
    assert refused.value.finding.message == (
        "The profile reads a column “Kaupunki” that this table does not have. It has: “Laskunumero”, "
        "“Etunimi”, “Sukunimi”, “Paikka”, “Tyyppi”, “Hinta”, “Määrä”."
    )
    with pytest.raises(Refusal) as refused:
        understand([[table([[*each, each[4]] for each in rows])]], profile_of(texts={"city": "{Tyyppi}"}))
    assert refused.value.finding.code == "profile-column-twice"
    assert refused.value.finding.message == (
        "The profile reads a column “Tyyppi”, and several have that name: E1, H1."
    )


SHOWN = profile_of(
    leave_out=[{"when": {"Tyyppi": ["L", "Kesken"], "Paikka": ""}, "reason": "draft"}],
    split=[{"column": "Paikka", "pattern": "([0-9]{5}) (.+)", "into": ["postcode", "city"]}],
    texts={"person": "{Etunimi} {Sukunimi}"},
    expressions={"payrow.desc": 'left(cell("Tyyppi"),\n 1)'},
    set=[{"when": {"Tyyppi": "H"}, "to": {"credit": "1", "yourcode": ""}}],
    values={"payrow.amount": {"x": "0", "": "1", "*": "2"}},
)


def test_each_declaration_is_told_in_a_sentence() -> None:
    """In the words of the profile."""
    assert explain(SHOWN) == [
        "Rows where “Tyyppi” is “L” or “Kesken” and “Paikka” is blank are left out: draft.",
        "“Paikka” is split into postcode, city.",
        "person is put together as “{Etunimi} {Sukunimi}”.",
        'payrow.desc is computed: left(cell("Tyyppi"), 1).',
        "Where “Tyyppi” is “H”, credit is “1”, yourcode is blank.",
        "In payrow.amount, “x” means “0”, blank means “1”, any other text means “2”.",
    ]
    assert explain(Profile()) == []


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("fi", "Rivit, joilla “Tyyppi” on “L” tai “Kesken” ja “Paikka” on tyhjä, jätetään pois: draft."),
        ("sv", "Rader där “Tyyppi” är “L” eller “Kesken” och “Paikka” är tomt utelämnas: draft."),
    ],
)
def test_sentences_in_other_languages(code: str, sentence: str) -> None:
    """Only the profile's own words stay as they are."""
    set_language(code)
    assert explain(SHOWN)[0] == sentence


def test_what_each_declaration_did_is_traced() -> None:
    """Cells in, text out, row by row; personal identity codes are masked."""
    layout = layout_of(
        [["1", "Aino", "131052-308T", "00100 Hki", "H", "x", "1"], ["2", "", "", "", "L", "", "1"]], SHOWN
    )
    found = trace(data_of(layout), layout, SHOWN)
    hidden = "[personal identity code]"
    assert found == [
        Change("leave_out.0", 3, {"Tyyppi": "L", "Paikka": ""}, None, "", "draft", ()),
        Change("split.0", 2, {"Paikka": "00100 Hki"}, "postcode", "", "00100", ()),
        Change("split.0", 2, {"Paikka": "00100 Hki"}, "city", "", "Hki", ()),
        Change(
            "texts.person", 2, {"Etunimi": "Aino", "Sukunimi": hidden}, "person", "", f"Aino {hidden}", ()
        ),
        Change("expressions.payrow.desc", 2, {"Tyyppi": "H"}, "payrow.desc", "", "H", ()),
        Change("expressions.payrow.desc", 3, {"Tyyppi": "L"}, "payrow.desc", "", "L", ()),
        Change("set.0", 2, {"Tyyppi": "H"}, "credit", "", "1", ()),
        Change("values.payrow.amount", 2, {"payrow.amount": "x"}, "payrow.amount", "x", "0", ()),
        Change("values.payrow.amount", 3, {"payrow.amount": ""}, "payrow.amount", "", "1", ()),
    ]


def test_conventions_of_the_profile_decide() -> None:
    """Without them an ambiguous number in an expression is told, not guessed."""
    expression = {"payrow.amount": 'number(cell("Hinta"))'}
    rows = [["1", "", "", "", "", "1.234", ""]]
    assert told(meant(rows, profile_of(expressions=expression))) == [
        [Problem(5, "number-ambiguous", "1.234")]
    ]
    sure = profile_of(expressions=expression, conventions=Conventions(decimal="."))
    assert meant(rows, sure)["payrow.amount"].tolist() == ["1.234" + EXACT]
