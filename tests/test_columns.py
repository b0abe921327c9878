"""Which column is which field, and what is said when that cannot be told."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import GOOD, HEADER, good, table

from pipeline.columns.layouts import find_field, nearest, understand
from pipeline.findings import Refusal
from pipeline.profile import Conventions, Profile, Reading, load_profile
from pipeline.readers.table import Table

EMPTY = Profile()


def refusal(*tables: Table, profile: Profile = EMPTY) -> tuple[str, str]:
    """Code and message with which the tables of one file are refused."""
    with pytest.raises(Refusal) as refused:
        understand([list(tables)], profile)
    return refused.value.finding.code, refused.value.finding.message


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Laskunumero", "billnum"),
        ("LASKUN NUMERO", "billnum"),
        ("lasku nro", "billnum"),
        ("Fakturanr.", "billnum"),
        ("Invoice no", "billnum"),
        ("billnum", "billnum"),
        ("Eräpvm", "paydate"),
        ("Förfallodag", "paydate"),
        ("ALV-%", "payrow.taxpr"),
        ("ALV %", "payrow.taxpr"),
        ("À-hinta", "payrow.amount"),
        ("payrow.amount", "payrow.amount"),
        ("Veroton summa", "payrow.netamount"),
        ("Yhteensä", "check.total"),
        ("instalment2 date", "payplan.instalment2.date"),
        ("Something else", None),
    ],
)
def test_headers_are_recognised(header: str, field: str | None) -> None:
    """Case, spaces and punctuation of a header do not matter; the API's own tags always count."""
    assert find_field(header, EMPTY) == field


def test_header_row_is_found_below_titles() -> None:
    """The row with the most known headers is the header, wherever it stands."""
    (layout,) = understand([[table([["Laskut 10/2026"], [], ["", *HEADER], ["", *GOOD]])]], EMPTY)
    assert layout.header_row == 3
    assert layout.fields[1] == "billnum"
    assert layout.place(4, "postcode").cell == "H4"


def test_unknown_columns_are_ignored_with_the_closest_fields() -> None:
    """A column that is not understood is listed, with the fields whose headers are spelt most like it."""
    (layout,) = understand([[table([[*HEADER, "Toimitupäivä", "Xyz"], [*GOOD, "", ""]])]], EMPTY)
    assert layout.ignored == {12: ("deliverydate", "noticedate"), 13: ()}
    assert nearest("Laskunumer0")[0] == "billnum"


def test_profile_adds_and_overrides_headers() -> None:
    """A profile's columns come first; an empty field ignores a column on purpose."""
    profile = Profile(columns={"Xyz": "yourcode", "Tuote": "payrow.desc", "Muu": ""})
    (layout,) = understand([[table([[*HEADER, "XYZ", "muu"], [*GOOD, "", ""]])]], profile)
    assert layout.fields[12] == "yourcode"
    assert 13 in layout.ignored


def test_two_columns_for_one_field() -> None:
    """Two columns that mean one field stop the run, and both are named."""
    code, message = refusal(table([[*HEADER, "Invoice number"], [*GOOD, "1"]]))
    assert code == "two-columns"
    assert message == "Two columns hold billnum: “Laskunumero” (A1) and “Invoice number” (M1)."


def test_needed_column_is_missing() -> None:
    """A field that every invoice needs has neither column nor default: the headers found are listed."""
    code, message = refusal(table([HEADER[:5] + HEADER[6:], GOOD[:5] + GOOD[6:]]))
    assert code == "column-missing"
    assert message.startswith("No column for address. The headers found are: “Laskunumero”, “Laskupäivä”,")
    profile = Profile(defaults={"address": "Katu 1"})
    assert understand([[table([HEADER[:5] + HEADER[6:], GOOD[:5] + GOOD[6:]])]], profile)


def test_no_header() -> None:
    """Without a header nothing is guessed from the cells."""
    code, message = refusal(table([["1001", "Acme Oy", "50,00"]]))
    assert code == "no-header"
    assert (
        message == "No header row was found in export.csv. Its first row holds: “1001”, “Acme Oy”, “50,00”."
    )


def test_header_only() -> None:
    """A file with a header and no rows is not a success with nothing to do."""
    assert refusal(table([["Laskut"], HEADER, [], []]))[0] == "header-only"


def test_several_sheets() -> None:
    """Of several sheets with a header the profile says which, or that all are meant."""
    both = [table([HEADER, good()], file="a.xlsx"), table([HEADER, good(Laskunumero="2")], file="a.xlsx")]
    both[0].sheet, both[1].sheet = "Tammi", "Helmi"
    code, message = refusal(*both)
    assert code == "several-sheets"
    assert message == "Several sheets of a.xlsx look like invoices: “Tammi”, “Helmi”."
    assert len(understand([both], Profile(reading=Reading(sheet="*")))) == 2


def test_unknown_field_in_a_profile() -> None:
    """A profile that names no field is refused with the closest ones."""
    code, message = refusal(table([HEADER, good()]), profile=Profile(constants={"biltemplate": "ECOM"}))
    assert code == "profile-field"
    assert message == "The profile names a field “biltemplate” that does not exist."


def test_profile_files(tmp_path: Path) -> None:
    """A profile is TOML; what no profile has is refused with the place in it."""
    file = tmp_path / "p.toml"
    file.write_text('[conventions]\ndecimal = ","\n', encoding="utf-8")
    assert load_profile(file).conventions == Conventions(decimal=",")
    for text, code, words in (
        ("[conventions]\ndecimal = ';'\n", "profile-invalid", "conventions.decimal"),
        ("[sendng]\n", "profile-invalid", "sendng"),
        ("a = ", "profile-unreadable", "Invalid value"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(Refusal) as refused:
            load_profile(file)
        assert refused.value.finding.code == code
        assert words in refused.value.finding.message
    with pytest.raises(Refusal) as refused:
        load_profile(tmp_path / "none.toml")
    assert refused.value.finding.code == "profile-unreadable"


def test_a_discount_in_money_is_not_ignored() -> None:
    """A column that changes the sums and has no field stops the run, unless the profile ignores it."""
    code, message = refusal(table([[*HEADER, "Alennus €"], [*GOOD, "5"]]))
    assert code == "column-unsupported"
    assert message == (
        "The column “Alennus €” changes the sums, but the service takes discounts as a percentage only."
    )
    assert understand([[table([[*HEADER, "Alennus €"], [*GOOD, "5"]])]], Profile(columns={"Alennus €": ""}))


def test_a_bare_amount_beside_rows_is_the_price() -> None:
    """`amount` is a row's price where there are rows, and the open sum of a reminder where there are none."""
    header = ["Amount" if name == "Veroton hinta" else name for name in HEADER]
    (layout,) = understand([[table([header, GOOD])]], EMPTY)
    assert layout.fields[10] == "payrow.amount"
    reminder = [*HEADER[:8], "billcode", "amount"]
    (layout,) = understand([[table([reminder, [*GOOD[:8], "1232", "50"]])]], EMPTY)
    assert layout.fields[9] == "amount"
