"""A file whose header has changed since its profile was written: refused, or told a warning each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import GOOD, HEADER, table

from pipeline.columns.layouts import Layout, understand
from pipeline.findings import Refusal
from pipeline.profile import Profile
from pipeline.profile.drift import compare, drift_findings, refuse_drift
from pipeline.profile.model import Expects, Part

BEFORE = [*HEADER[:-1], "Alv-%", "Tila", "Kassa"]


def profile(*optional: str) -> Profile:
    """A profile for a file with that header; it ignores `Kassa`."""
    return Profile(
        expects=Expects(headers=BEFORE, optional=[*optional]),
        columns={"Alv-%": "payrow.taxpr", "Tila": "yourcode", "Kassa": ""},
    )


def layouts(header: list[str], of: Profile) -> list[Layout]:
    """How a file with that header is understood."""
    row = dict(zip([*HEADER[:-1], "Alv-%"], GOOD, strict=True))
    return understand([[table([header, [row.get(each, "1") for each in header]])]], of, checked=False)


def changed(*without: str, **instead: str) -> list[str]:
    """The header without some, and with others in the place of some (spaces and signs as underscores)."""
    names = {each.replace(" ", "_").replace("-%", "_pr"): each for each in BEFORE}
    other = {names[name]: text for name, text in instead.items()}
    return [other.get(each, each) for each in BEFORE if each not in without]


def refused(header: list[str], of: Profile) -> str:
    """The message of the refusal, which is of that one code."""
    with pytest.raises(Refusal) as caught:
        refuse_drift(layouts(header, of), of)
    assert caught.value.finding.code == "profile-header-gone"
    return caught.value.finding.message.removeprefix("The export no longer fits the profile. ")


def told(header: list[str], of: Profile) -> list[tuple[str, str, str | None]]:
    """Code, message and cell of what is warned of, after nothing was refused."""
    found = layouts(header, of)
    refuse_drift(found, of)
    return [(each.code, each.message, each.place.cell) for each in drift_findings(found, of)]


def test_the_same_header_has_not_changed() -> None:
    """Nothing to say."""
    assert told(BEFORE, profile()) == []


def test_a_header_that_is_gone_while_one_looks_like_it_is_refused() -> None:
    """It is not read from the other one, and not left out either."""
    assert refused(changed(Tila="Tilla"), profile()) == (
        "The header “Tila” that this profile reads is gone; the file has “Tilla”."
    )
    assert refused(changed(Tila="Tilla"), profile("Tila")) == (
        "The header “Tila” that this profile reads is gone; the file has “Tilla”."
    )


def test_a_header_that_is_gone_is_refused_unless_it_is_optional() -> None:
    """All that are gone are told; one that is known without the profile is read as well."""
    assert refused(changed("Tila", "Osoite"), profile()) == (
        "The header “Osoite” that this profile reads is gone, and no other looks like it. "
        "The header “Tila” that this profile reads is gone, and no other looks like it."
    )
    assert told(changed("Tila"), profile("Tila")) == []


def test_a_header_that_is_only_spelt_otherwise_is_told() -> None:
    """Case and punctuation do not count when headers are read, but somebody has changed the export."""
    assert told(changed(Alv_pr="ALV %"), profile()) == [
        (
            "profile-header-renamed",
            (
                "The header “Alv-%” that this profile reads is gone; the file has “ALV %”, which "
                "is "
                "read in its "
                "place."
            ),
            "L1",
        )
    ]


def test_a_header_that_nothing_reads_may_go() -> None:
    """It is told all the same."""
    assert told(changed("Kassa"), profile()) == [
        (
            "profile-header-missing",
            "The header “Kassa”, which this profile knows and does not read, is gone.",
            None,
        )
    ]


def test_a_new_header_is_told_with_what_it_is_read_as() -> None:
    """A new column may change what an invoice says."""
    assert told([*BEFORE, "Alennus-%", "Muuta"], profile()) == [
        (
            "profile-header-added",
            "The header “Alennus-%” is new since this profile was written; it is read as payrow.discount.",
            "O1",
        ),
        (
            "profile-header-added",
            "The header “Muuta” is new since this profile was written; it is not read.",
            "P1",
        ),
    ]


def test_a_header_that_has_moved_is_told() -> None:
    """As few as explain the new order."""
    assert told(["Tila", *changed("Tila")], profile()) == [
        (
            "profile-header-moved",
            "The header “Tila” has moved: when this profile was written it stood behind “Alv-%”.",
            "A1",
        )
    ]
    first = [*BEFORE[1:], BEFORE[0]]
    assert [message for _, message, _ in told(first, profile())] == [
        "The header “Laskunumero” has moved: when this profile was written it stood first."
    ]


def test_repeated_columns_may_become_more() -> None:
    """`Tuote {n}` stands for any number."""
    header = [*HEADER[:8], "Tuote 1", "Hinta 1"]
    of = Profile(
        expects=Expects(headers=header),
        columns={"Tuote {n}": "payrow.desc", "Hinta {n}": "payrow.amount"},
        defaults={"payrow.count": "1", "payrow.taxpr": "0"},
    )
    assert told([*header, "Tuote 2", "Hinta 2"], of) == []


def test_of_two_tables_the_headers_of_both_are_compared() -> None:
    """They are expected together, in the order of the tables."""
    of = Profile(
        expects=Expects(headers=["Laskunumero", "Nimi", "Laskunumero", "Tuote", "Määrä", "Hinta"]),
        tables=[
            Part(part="invoices", sheet="A"),
            Part(part="rows", sheet="B"),
        ],
    )
    one = table([["Laskunumero", "Nimi", "Osoite"], ["1", "x", "y"]])
    two = table([["Laskunumero", "Tuote", "Määrä", "Hintta"], ["1", "x", "1", "y"]])
    one.sheet, two.sheet = "A", "B"
    with pytest.raises(Refusal) as caught:
        refuse_drift(understand([[one, two]], of, checked=False), of)
    assert caught.value.finding.message == (
        "The export no longer fits the profile. The header “Hinta” that this profile reads is gone; the file "
        "has “Hintta”."
    )


def test_a_profile_without_expectations_tells_what_columns_are_not_there() -> None:
    """One profile may serve several exports, so that it is a warning; what it ignores is not told."""
    of = Profile(columns={"Alv-%": "payrow.taxpr", "Hinttta": "payrow.amount", "Nix": "", "Xyz": "yourcode"})
    assert told([*HEADER[:-1], "Alv-%", "Hintta"], of) == [
        (
            "profile-column-unused",
            (
                "The file has no header “Hinttta”, which the profile's [columns] names; the closest there is "
                "“Hintta”."
            ),
            None,
        ),
        (
            "profile-column-unused",
            "The file has no header “Xyz”, which the profile's [columns] names; the closest there is none.",
            None,
        ),
    ]


HEADERS = st.lists(st.text("abcdefgh", min_size=3, max_size=8), unique=True, min_size=1, max_size=8)


@given(HEADERS, HEADERS)
def test_every_header_is_accounted_for(expected: list[str], present: list[str]) -> None:
    """Each expected one is there, paired or gone; each other one is paired or new; none is both."""
    drift = compare(expected, present)
    same = [each for each in expected if each in present]
    assert sorted([*same, *drift.respelt, *drift.alike, *drift.gone]) == sorted(expected)
    assert sorted([*same, *drift.respelt.values(), *drift.alike.values(), *drift.added]) == sorted(present)
    assert set(drift.moved) <= {*same, *drift.respelt, *drift.alike}


@given(HEADERS, st.data())
def test_the_same_headers_in_order_have_not_moved(headers: list[str], data: st.DataObject) -> None:
    """In another order at least one has."""
    other = data.draw(st.permutations(headers))
    assert bool(compare(headers, other).moved) == (other != headers)
