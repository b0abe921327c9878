"""Profiles that are wrong: every fault is told with its line, in words, and nothing else is attempted."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.findings import Refusal
from pipeline.profile import Profile, load_profile, schema
from pipeline.profile.faults import faults_of_form
from pipeline.profile.lines import line_of
from pipeline.subject import INVOICES, PAYMENTS, Subject


def refused(folder: Path, text: str, subject: Subject = INVOICES) -> tuple[str, str]:
    """Code and message of loading a profile with that text; the file's own name left out."""
    path = folder / "p.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        load_profile(path, subject)
    return caught.value.finding.code, caught.value.finding.message.replace(str(path), "p.toml")


FORM = {
    "an unknown section": (
        "\n[reding]\n",
        "line 2: reding: there is no such section; closest: reading, sending",
    ),
    "an unknown key": (
        "[reading]\nheader_rowz = 3",
        "line 2: reading.header_rowz: there is no such key; closest: header_row, header_rows, header",
    ),
    "a number for a text": (
        '[columns]\n\n"Alv-%" = 5',
        "line 3: columns.“Alv-%”: “5” is no text: write it in quotation marks",
    ),
    "a date for a text": (
        "[constants]\nbilldate = 2026-10-01",
        "line 2: constants.billdate: “2026-10-01” is no text: write it in quotation marks",
    ),
    "a text for a number": (
        '[reading]\nheader_row = "4"',
        "line 2: reading.header_row: “4” is no whole number",
    ),
    "a text for a truth": (
        '[reading]\ncarry = "yes"',
        "line 2: reading.carry: “yes” is neither true nor false",
    ),
    "a truth for a number": ("[reading]\nmark = true", "line 2: reading.mark: true is no whole number"),
    "a text for a list": (
        '[expects]\nheaders = "A"',
        "line 2: expects.headers: “A” is no list: write it in [ ]",
    ),
    "a text for a table": ('columns = "A"', "line 1: columns: “A” is no table of keys and values"),
    "no such word": ('[conventions]\ndecimal = ";"', "line 2: conventions.decimal: “;” is none of “,”, “.”"),
    "too small": ("[reading]\nheader_row = 0", "line 2: reading.header_row: “0” is less than 1"),
    "too large": ("[reading]\nheader_rows = 6", "line 2: reading.header_rows: “6” is more than 5"),
    "too long": ('[reading]\ndelimiter = ";;"', "line 2: reading.delimiter: “;;” is longer than 1"),
    "a name with a space": (
        '[profile]\nname = "My own"',
        "line 2: profile.name: “My own” may hold only small letters, digits and hyphens",
    ),
    "a part left out": ('[[leave_out]]\nwhen = {A = "x"}', "line 1: leave_out: “reason” is missing"),
    "an empty reason": (
        '[[leave_out]]\nwhen = {A = "x"}\nreason = ""',
        "line 3: leave_out.reason: it must not be empty",
    ),
    "an empty list": (
        '[[split]]\ncolumn="A"\npattern="x"\ninto=[]',
        "line 4: split.into: it must not be empty",
    ),
    "a condition that is none": (
        '[[leave_out]]\nwhen = {A = 1}\nreason = "x"',
        "line 2: leave_out.when.A: “1” is neither a text nor a list of texts",
    ),
}


@pytest.mark.parametrize(("text", "said"), FORM.values(), ids=FORM)
def test_what_the_schema_refuses_is_told_in_words(tmp_path: Path, text: str, said: str) -> None:
    """The line, the path and the reason; no word of JSON Schema or Python."""
    assert refused(tmp_path, text) == ("profile-invalid", f"The profile p.toml is wrong: {said}.")


POSITIONAL = "[reading]\nheader = false\n"
RECORDS = (
    '[[records]]\nmark = "L"\n[records.columns]\n2 = "billnum"\n[[records]]\nmark = "R"\n[records.columns]\n'
)
TABLES = '[[tables]]\npart = "invoices"\nsheet = "A"\n[[tables]]\npart = "rows"\n'
MEANING = {
    "a header row without header": (
        f'{POSITIONAL}header_row = 4\n[columns]\n1 = "billnum"',
        "line 3: reading.header_row: with header = false there is no header, so “header_row” says nothing",
    ),
    "a name where positions are": (
        f'{POSITIONAL}[columns]\n"Alv-%" = "payrow.taxpr"',
        "line 4: columns.“Alv-%”: “Alv-%” is no position: the first field is 1",
    ),
    "beyond the fields": (
        f'{POSITIONAL}fields = 3\n[columns]\n4 = "billnum"',
        "line 5: columns.4: position 4 lies beyond the 3 fields declared",
    ),
    "one field by two positions": (
        f'{POSITIONAL}[columns]\n1 = "billnum"\n2 = "billnum"',
        "line 5: columns.2: “billnum” is given twice",
    ),
    "no columns without header": (
        POSITIONAL,
        "line 2: reading.header: with header = false the fields must be named by position in [columns]",
    ),
    "fields with a header": (
        "[reading]\nfields = 3",
        (
            "line 2: reading.fields: “fields” counts only with header = false; with a header, "
            "columns are known "
            "by name"
        ),
    ),
    "headers expected without header": (
        f'[expects]\nheaders = ["A"]\n{POSITIONAL}[columns]\n1 = "billnum"',
        "line 2: expects.headers: without a header there are no headers to expect",
    ),
    "optional but not expected": (
        '[expects]\nheaders = ["A"]\noptional = ["B"]',
        "line 3: expects.optional: “B” is not among the headers expected",
    ),
    "expected twice": (
        '[expects]\nheaders = [\n  "A",\n  "A",\n]',
        "line 2: expects.headers: “A” is expected twice",
    ),
    "two headers of one file for one field": (
        '[expects]\nheaders = ["A", "B"]\n[columns]\nA = "city"\nB = "city"',
        "line 5: columns.B: “city” is given twice, by “A” and “B”, which the same file has",
    ),
    "records and tables": (
        f'{RECORDS}2 = "payrow.desc"\n{TABLES}sheet = "B"',
        (
            "line 1: records: [[records]] and [[tables]] say different things of what lies where: only "
            "one can hold"
        ),
    ),
    "records with a header row": (
        f'[reading]\nheader_row = 1\n{RECORDS}2 = "payrow.desc"',
        "line 2: reading.header_row: with [[records]] there is no header, so “header_row” says nothing",
    ),
    "records whose last kind is no row": (
        f'{RECORDS}2 = "city"',
        (
            "line 5: records: the last kind of record is the invoice row, and has no field that begins "
            "with “payrow.”"
        ),
    ),
    "a mark twice": (
        f'{RECORDS}2 = "payrow.desc"\n[[records]]\nmark = "L"\nignored = true',
        "line 10: records.mark: the mark “L” is declared twice",
    ),
    "a field where the mark stands": (
        f'{RECORDS}1 = "payrow.desc"',
        "line 8: records.columns.1: position 1 is where the mark stands",
    ),
    "a key that is no field of the record": (
        (
            f'{RECORDS}2 = "payrow.desc"\n[[records]]\nmark = "X"\nkey = "custnum"\ncolumns = {{2 = '
            f'"payrow.desc"}}'
        ),
        "line 11: records.key: “custnum” is none of the fields of this record",
    ),
    "an ignored record with columns": (
        f'{RECORDS}2 = "payrow.desc"\n[[records]]\nmark = "X"\nignored = true\ncolumns = {{2 = "city"}}',
        "line 9: records: a kind of record that is ignored has no columns, fields or key",
    ),
    "a mark without records": (
        "[reading]\nmark = 2",
        "line 2: reading.mark: “mark” counts only with [[records]]",
    ),
    "two tables in one place": (
        f'{TABLES}sheet = "A"',
        "line 4: tables: both tables are declared to lie in the same place",
    ),
    "a table that lies nowhere": (
        TABLES,
        "line 4: tables: it must say where the table lies: sheet, file or both",
    ),
    "one table of two": (
        '[[tables]]\npart = "rows"\nsheet = "A"',
        'line 1: tables: [[tables]] must be two: one with part = "invoices" and one with part = "rows"',
    ),
    "a sheet beside tables": (
        f'[reading]\nsheet = "C"\n{TABLES}sheet = "B"',
        "line 2: reading.sheet: with [[tables]], which name their own sheets, “sheet” says nothing",
    ),
    "a number on an invoice's field": (
        '[columns]\n"Tuote {n}" = "billnum"',
        (
            "line 2: columns.“Tuote {n}”: {n} makes an invoice row for each number, and “billnum” is no "
            "field of a row"
        ),
    ),
    "a field made twice": (
        '[texts]\ncity = "{A}"\n[expressions]\ncity = \'cell("A")\'',
        "line 4: expressions.city: “city” is already made by [texts]: only one can hold",
    ),
    "a constant with a default": (
        '[constants]\nlanguage = "fin"\n[defaults]\nlanguage = "fin"',
        "line 4: defaults.language: “language” is a constant, so its default never counts",
    ),
    "left out without a condition": (
        '[[leave_out]]\nwhen = {}\nreason = "x"',
        "line 2: leave_out.when: the condition names no column, or no text for one",
    ),
    "a pattern that is none": (
        '[[split]]\ncolumn = "A"\npattern = "(a"\ninto = ["city"]',
        (
            "line 3: split.pattern: the pattern cannot be used: missing ), unterminated subpattern "
            "at position 0"
        ),
    ),
    "groups without fields": (
        '[[split]]\ncolumn = "A"\npattern = "(a)(b)"\ninto = ["city"]',
        "line 3: split.pattern: the pattern has 2 groups, and 1 fields are named",
    ),
    "an expression that is none": (
        "[expressions]\ncity = 'cell('",
        "line 2: expressions.city: it cannot be read as an expression",
    ),
    "a mapped value that is none": (
        '[values.customertype]\nA = "1"\nB = "zz"',
        "line 3: values.customertype.B: “zz” is no value of customertype (customertype-form)",
    ),
    "a rounding row for net prices": (
        '[prices]\nrounding_row = "x"',
        'line 2: prices.rounding_row: a rounding row is only needed with vat = "included"',
    ),
    "a VAT column that nothing reads": (
        '[prices]\nvat = "column"',
        (
            'line 2: prices.vat: vat = "column" reads “included” or “row.included”, and no column '
            "is declared "
            "for either"
        ),
    ),
    "a discount in money that nothing reads": (
        '[prices]\ndiscount = "row"',
        (
            'line 2: prices.discount: discount = "row" reads money from “row.discount”, and no column is '
            "declared for it"
        ),
    ),
    "a rate from one sum": (
        '[columns]\nA = "row.net"\n[prices]\nrate = "sums"',
        (
            'line 4: prices.rate: rate = "sums" needs two of “row.net”, “row.vat” and “row.gross”, '
            "and columns "
            "are declared for 1"
        ),
    ),
}


@pytest.mark.parametrize(("text", "said"), MEANING.values(), ids=MEANING)
def test_declarations_against_each_other_are_told(tmp_path: Path, text: str, said: str) -> None:
    """What cannot hold is refused before any file is read."""
    assert refused(tmp_path, text) == ("profile-invalid", f"The profile p.toml is wrong: {said}.")


PLACES = {
    "columns": '[columns]\nA = "payrow.taxp"',
    "tables": f'{TABLES}sheet = "B"\n[tables.columns]\nA = "payrow.taxp"',
    "records": f'{RECORDS}2 = "payrow.desc"\n3 = "payrow.taxp"',
    "split": '[[split]]\ncolumn = "A"\npattern = "(a)"\ninto = ["payrow.taxp"]',
    "texts": '[texts]\n"payrow.taxp" = "{A}"',
    "expressions": '[expressions]\n"payrow.taxp" = \'cell("A")\'',
    "set": '[[set]]\nwhen = {A = "x"}\nto = {"payrow.taxp" = "1"}',
    "values": '[values."payrow.taxp"]\nA = "1"',
    "constants": '[constants]\n"payrow.taxp" = "1"',
    "defaults": '[defaults]\n"payrow.taxp" = "1"',
}


@pytest.mark.parametrize("section", PLACES)
def test_an_unknown_field_is_found_wherever_it_stands(tmp_path: Path, section: str) -> None:
    """With its line, and the closest field there is."""
    text = PLACES[section]
    line = next(number for number, each in enumerate(text.split("\n"), 1) if "payrow.taxp" in each)
    code, message = refused(tmp_path, text)
    assert code == "profile-field"
    assert message.startswith(
        f"The profile names a field “payrow.taxp” that does not exist. It stands in line {line}: {section}"
    )


def test_fields_are_those_of_what_the_rows_are(tmp_path: Path) -> None:
    """A payment has no invoice rows."""
    assert refused(tmp_path, '[columns]\nA = "payrow.desc"', PAYMENTS)[0] == "profile-field"


def test_several_faults_are_all_told(tmp_path: Path) -> None:
    """In the order of their lines, and at most ten."""
    text = "[columns]\n" + "".join(f"A{number} = {number}\n" for number in range(12))
    code, message = refused(tmp_path, text)
    told = message.removeprefix("The profile p.toml is wrong: ").split("; ")
    assert code == "profile-invalid"
    assert [each.split(":")[0] for each in told[:10]] == [f"line {number}" for number in range(2, 12)]
    assert told[10] == "and 2 more."


def test_a_value_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    """Constants and defaults are read like cells."""
    assert refused(tmp_path, '[defaults]\n\ncustomertype = "zz"') == (
        "profile-value",
        (
            "The profile's value “zz” for customertype cannot be read (customertype-form). It "
            "stands in line 3: "
            "defaults.customertype."
        ),
    )


def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    """As the TOML reader says it."""
    code, message = refused(tmp_path, "[columns]\nA = \n")
    assert code == "profile-unreadable"
    assert message.endswith("Invalid value (at line 2, column 5).")


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_profile_written_on_windows_is_read(tmp_path: Path, ends: str, mark: str) -> None:
    """A byte order mark and its line ends are no faults, and lines are counted all the same."""
    path = tmp_path / "p.toml"
    path.write_bytes(f'{mark}[columns]{ends}"Alv-%" = "payrow.taxpr"{ends}'.encode())
    assert load_profile(path).columns == {"Alv-%": "payrow.taxpr"}
    path.write_bytes(f"{mark}[columns]{ends}{ends}A = 5{ends}".encode())
    with pytest.raises(Refusal, match="line 3"):
        load_profile(path)


def test_the_line_of_a_value_of_several_lines_is_its_first() -> None:
    """A multi-line list or text begins where its key stands; comments and blank lines above are not it."""
    text = (
        '# one\n[expects]\n\nheaders = [\n  "A", # x\n  "B",\n]\noptional = ["B"]\n'
        '[columns]\n"[x" = """\na"""\n'
    )
    declared = tomllib.loads(text)
    assert declared["columns"] == {"[x": "a"}
    assert line_of(text, ("expects", "headers", 1)) == 4
    assert line_of(text, ("expects", "optional", 0)) == 8
    assert line_of(text, ("columns", "[x")) == 10
    assert line_of(text, ("columns", "gone")) == 9
    assert line_of(text, ("expects",)) == 2


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=6)


@given(st.lists(KEYS, unique=True, min_size=1, max_size=8), st.data())
def test_the_line_of_any_key_is_its_own(keys: list[str], data: st.DataObject) -> None:
    """Whatever signs a header has."""
    blanks = data.draw(st.lists(st.integers(0, 2), min_size=len(keys), max_size=len(keys)))
    lines, where = ["[columns]"], {}
    for key, blank in zip(keys, blanks, strict=True):
        lines += [""] * blank
        lines.append(f"{json.dumps(key, ensure_ascii=False)} = ''".replace("\x7f", "\\u007f"))
        where[key] = len(lines)
    text = "\n".join(lines)
    assert {key: line_of(text, ("columns", key)) for key in keys} == where


def test_the_schema_is_the_classes() -> None:
    """schemas/profile.json is what the classes make: `python -m pipeline.profile.pages` renews it."""
    assert schema.PATH.read_text(encoding="utf-8") == schema.text()


WRONG: list[Any] = [
    *({"reading": {"header_row": each}} for each in (0, True, "1", 1.5, [1], {})),
    *({"reading": {"header": each}} for each in (0, "x", [])),
    *({"columns": each} for each in ([], "x", {"A": 1}, {"A": ["x"]})),
    *(
        {"set": each}
        for each in ({}, [{}], [{"when": {}, "to": {}}], [{"when": {"A": [1]}, "to": {"a": "b"}}])
    ),
    *({"profile": {"name": each}} for each in ("", "A", "a b", "-a", "a\n", 1)),
    {"nix": {}},
]
RIGHT: list[Any] = [
    {},
    {"reading": {"header_row": 1, "header": False, "delimiter": ";", "fields": 2}},
    {"set": [{"when": {"A": ["x", "y"], "B": ""}, "to": {"city": "x"}}]},
    {"profile": {"name": "a-1", "limits": ["x"], "verified": True}},
    {"values": {"city": {"*": "x"}}, "prices": {"vat": "included", "rounding_row": "x"}},
]


@pytest.mark.parametrize("declared", WRONG + RIGHT, ids=str)
def test_schema_and_classes_agree(declared: dict[str, Any]) -> None:
    """What an editor marks by the schema is what the program refuses."""
    try:
        Profile.model_validate(declared, strict=True)
    except ValueError:
        assert declared in WRONG
    else:
        assert declared in RIGHT
    assert bool(faults_of_form(declared)) == (declared in WRONG)
