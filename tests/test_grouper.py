"""Rows become documents: none is lost, none is in two, and contradictions are named."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from made import GOOD, HEADER, documents, good, table, told

from pipeline.profile import Profile
from pipeline.readers.table import Problem
from pipeline.rows.gather import BYTES_A_PART
from pipeline.values.money import document_sums, row_sums_bulk


def test_rows_with_one_bill_number_are_one_invoice() -> None:
    """Rows of one bill number make one dataset in their order, wherever they lie."""
    rows = [good(), good(Laskunumero="1002"), good(Tuote="Osa", Määrä="1")]
    found, _ = documents(table([HEADER, *rows]))
    assert [(each.billnum, each.rows) for each in found] == [("1001", [(0, 2), (0, 4)]), ("1002", [(0, 3)])]
    assert [row["desc"] for row in found[0].dataset["payrow"]] == ["Työ", "Osa"]
    assert (found[0].net, found[0].vat, found[0].total) == (
        Decimal("150.00"),
        Decimal("38.25"),
        Decimal("188.25"),
    )


def test_blank_invoice_fields_are_inherited() -> None:
    """What is blank on a later row comes from the first one that has it, and a later one gives it too."""
    rows = [good(Osoite="", Postinumero=""), good(Nimi="", Eräpäivä=""), good(Postinumero="00200")]
    found, _ = documents(table([HEADER, rows[0], rows[1]]))
    assert found[0].dataset["company"] == "Acme Oy"
    assert found[0].dataset["address"] == "Katu 1"
    assert found[0].cells == {"address": 1, "postcode": 1}
    assert told(found) == []


def test_contradiction_names_both_cells() -> None:
    """Two names on one invoice: the finding stands on the second cell and names the first."""
    found, _ = documents(table([HEADER, good(), good(Nimi="Beta Oy")]))
    assert told(found) == [("contradiction", "D3")]
    assert found[0].findings[0].message == (
        "The rows of one invoice disagree on name: “Beta Oy” here, “Acme Oy” in D2."
    )
    assert not found[0].valid


def test_the_same_value_in_two_spellings_is_no_contradiction() -> None:
    """`1.10.2026` and `2026-10-01` are one day."""
    found, _ = documents(table([HEADER, good(), good(Laskupäivä="2026-10-01")]))
    assert told(found) == []


def test_without_bill_number_the_debtor_and_dates_decide() -> None:
    """One debtor's rows of the same dates are one invoice; another date or debtor is another."""
    rows = [
        good(Laskunumero=""),
        good(Laskunumero="", Tuote="Osa"),
        good(Laskunumero="", Eräpäivä="16.10.2026"),
        good(Laskunumero="", Y_tunnus="", Nimi="Beta Oy"),
    ]
    header = [name.replace("Y-tunnus", "Asiakasnumero") for name in HEADER]
    rows = [[*row[:4], number, *row[5:]] for row, number in zip(rows, ["7", "7", "7", "8"], strict=True)]
    found, _ = documents(table([[*header, "Asiakastyyppi"], *([*row, "1"] for row in rows)]))
    assert [each.rows for each in found] == [[(0, 2), (0, 3)], [(0, 4)], [(0, 5)]]


def test_unreadable_cell_is_told_once_an_invoice() -> None:
    """A wrong date repeated on each row of an invoice is one finding; a wrong price is one a row."""
    wrong = good(Laskupäivä="31.2.2026", Veroton_hinta="abc")
    found, _ = documents(table([HEADER, wrong, wrong]))
    assert told(found) == [("date-impossible", "B2"), ("number-form", "K2"), ("number-form", "K3")]


def test_reader_problems_reach_their_invoice() -> None:
    """A cell that the reader could not read holds its invoice back; one in an unused column does not."""
    problems = {2: [Problem(10, "number-form", "x")], 3: [Problem(12, "number-form", "x")]}
    rows = [good(Veroton_hinta=""), good(Laskunumero="1002")]
    found, _ = documents(table([[*HEADER, "Muu"], *rows], problems))
    assert [each.valid for each in found] == [False, True]
    assert told(found) == [("number-form", "K2")]


def test_customer_type_needs_evidence() -> None:
    """A name alone does not say whether it is a company's; a business id does."""
    found, _ = documents(table([HEADER, good(**{"Y-tunnus": ""})]))
    assert told(found) == [("customertype-unknown", None)]
    found, _ = documents(table([HEADER, good()]))
    assert (found[0].dataset["customertype"], found[0].dataset["company"]) == ("1", "Acme Oy")


def test_constants_and_defaults() -> None:
    """A constant stands for every invoice, a default where the cell is blank; dates may count from others."""
    profile = Profile(
        constants={"language": "suomi"}, defaults={"paydate": "billdate + 14 days", "payrow.count": "1"}
    )
    found, _ = documents(table([HEADER, good(Eräpäivä="", Määrä="")]), profile=profile)
    assert found[0].dataset["language"] == "fin"
    assert found[0].dataset["paydate"] == "2026-10-15"
    assert found[0].dataset["payrow"][0]["count"] == "1"
    assert found[0].net == Decimal("50.00")
    assert found[0].clock_fields == frozenset()


def test_a_date_from_the_clock_needs_a_bill_number() -> None:
    """Without a bill number, today's date would make the same export a new invoice every day."""
    profile = Profile(defaults={"billdate": "today", "paydate": "billdate + 14 days"})
    found, _ = documents(table([HEADER, good(Laskupäivä="", Eräpäivä="")]), profile=profile)
    assert found[0].valid
    assert found[0].clock_fields == {"billdate", "paydate"}
    found, _ = documents(table([HEADER, good(Laskunumero="", Laskupäivä="", Eräpäivä="")]), profile=profile)
    assert told(found) == [("identity-from-clock", "B2")]


def test_documents_of_damaged_rows_are_held_back() -> None:
    """An invoice whose number stands in a damaged row may lack that row, so it is not sent."""
    damaged = table([HEADER, good(), good(Laskunumero="1002")])
    damaged.suspects |= {"1001", "50,00"}
    found, _ = documents(damaged)
    assert [each.valid for each in found] == [False, True]
    assert told(found) == [("touched-by-damage", "A2")]


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["1001", "1002", "1003", "", "2001"]),
        st.sampled_from(["Acme Oy", "Beta Oy", ""]),
        st.sampled_from(["1", "2,5", "-3", "abc", ""]),
        st.sampled_from(["10,00", "0,333", "1 000,00", "-5", ""]),
        st.sampled_from(["25,5", "13,5", "0", ""]),
    ),
    min_size=1,
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(ROWS, st.integers(1, 50), st.sampled_from([1, 3 * BYTES_A_PART]), st.randoms(use_true_random=False))
def test_no_row_is_lost_or_in_two_invoices(
    rows: list[tuple[str, ...]], size: int, part_bytes: int, rng: Random
) -> None:
    """Whatever rows go in, in any order and frame size: each is in one invoice or set aside; sums add up."""
    made = [
        good(Laskunumero=n, Nimi=c, Määrä=q, Veroton_hinta=p, **{"ALV %": v, "Y-tunnus": ""})
        for n, c, q, p, v in rows
    ]
    rng.shuffle(made)
    found, intake = documents(table([HEADER, *made]), size=size, part_bytes=part_bytes, check=False)
    placed = Counter(row for each in found for _, row in each.rows)
    aside = Counter(row for rows in intake.aside.values() for row in rows)
    assert placed + aside == Counter(range(1, len(made) + 2))
    assert intake.rows_read == len(made) + 1

    def plain(text: str) -> str:
        return "" if text == "abc" else text.replace(" ", "").replace(",", ".")

    kept = [made[row - 2] for row in placed]
    at = {name: HEADER.index(name) for name in HEADER}
    factors = [[plain(row[at[name]]) for row in kept] for name in ("Määrä", "Veroton hinta", "ALV %")]
    expected = document_sums(row_sums_bulk(*factors, [""] * len(kept)))
    assert sum((each.net for each in found), Decimal(0)) == expected.net
    assert sum((each.total for each in found), Decimal(0)) == expected.total

    again, _ = documents(table([HEADER, *made]), size=7, check=False)
    key = lambda each: each.number  # noqa: E731 - used twice, here only
    assert [(d.dataset, d.rows, d.findings) for d in sorted(found, key=key)] == [
        (d.dataset, d.rows, d.findings) for d in sorted(again, key=key)
    ]


def test_title_header_blank_and_total_rows_are_set_aside() -> None:
    """What is no data is counted with its reason; a row without bill number and customer is a finding."""
    total = ["Yhteensä", *[""] * 9, "1 234,00", ""]
    stray = ["", *GOOD[1:3], "", "", *GOOD[5:]]
    found, intake = documents(table([["Myyntilaskut 2026-10"], [], HEADER, good(), [], HEADER, stray, total]))
    assert len(found) == 1
    assert intake.aside == {
        (0, "title"): [1],
        (0, "header"): [3, 6],
        (0, "blank"): [2, 5],
        (0, "total"): [8],
        (0, "no-invoice"): [7],
    }
    assert [(each.code, each.place.row) for each in intake.findings] == [("row-without-invoice", 7)]


def test_a_damaged_row_without_its_number_holds_back_its_customer() -> None:
    """Where only the customer is left of a damaged row, none of the customer's invoices is sent."""
    damaged = table([HEADER, good(), good(Laskunumero="1002", Nimi="Beta Oy")])
    damaged.suspects |= {"Acme Oy"}
    found, _ = documents(damaged)
    assert told(found) == [("touched-by-damage", "D2")]
