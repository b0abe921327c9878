"""Credit notes: whatever way an export writes them, prices and totals go out negative, or not at all."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from checked import check, found
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.grouper.credit import CREDIT, negative, settle_signs
from pipeline.ledger.content import as_json
from pipeline.sandbox import checks
from pipeline.values.money import row_sums

ORIGINAL = {"Hyvitettävä lasku": "1000"}
MARK = {"Laskutyyppi": "Hyvityslasku"}
UNALLOCATED = (
    "warning credit-unallocated None: This credit note of {} names no invoice that it credits, so the "
    "service cannot set it off against one by itself."
)


@pytest.mark.parametrize(
    ("row", "count", "amount", "told"),
    [
        ({"Määrä": "2", "Veroton hinta": "-50,00"}, "2", "-50.00", []),
        (
            {"Määrä": "-2", "Veroton hinta": "50,00"},
            "2",
            "-50.00",
            [
                (
                    "repair credit-sign-moved J2: On this credit note the quantity -2 is negative: the "
                    "minus goes out with the price instead, on 1 of its rows. The sums stay the same."
                )
            ],
        ),
        (
            {"Määrä": "2", "Veroton hinta": "50,00", **MARK},
            "2",
            "-50.00",
            [
                (
                    "repair credit-negated K2: The row is marked as credit note and its price 50.00 has no "
                    "minus: all prices and totals of this credit note are sent as negative."
                )
            ],
        ),
        ({"Määrä": "2", "Veroton hinta": "-50,00", **MARK}, "2", "-50.00", []),
    ],
)
def test_every_way_of_writing_a_credit_comes_to_the_same(
    row: dict[str, str], count: str, amount: str, told: list[str]
) -> None:
    """Whether price, quantity or a mark tells: the quantity goes out positive, the price negative."""
    [document] = check(row | ORIGINAL)
    assert document.dataset["payrow"] == [
        {"desc": "Työ", "count": count, "amount": amount, "taxpr": "25.5"},
    ]
    assert document.dataset["refundtobillnum"] == "1000"
    assert "credit" not in document.dataset
    assert (document.net, document.vat, document.total) == (
        Decimal("-100.00"),
        Decimal("-25.50"),
        Decimal("-125.50"),
    )
    assert document.valid
    assert found(row | ORIGINAL) == told


def test_half_a_credit_by_discount() -> None:
    """The document's example: a discount of 50 credits half of the row."""
    [document] = check({"Veroton hinta": "-50,00", "Alennus": "50", **ORIGINAL})
    assert document.dataset["payrow"][0]["discount"] == "50"
    assert document.total == Decimal("-62.75")
    assert document.findings == []


def test_totals_turn_with_the_prices() -> None:
    """Row totals and the sum column of a plainly written credit note become negative with its prices."""
    row = {
        "netamount": "100",
        "vatamount": "25,50",
        "totalamount": "125,50",
        "Summa": "125,50",
        **MARK,
        **ORIGINAL,
    }
    [document] = check(row)
    assert document.valid
    assert document.dataset["payrow"][0] == {
        "desc": "Työ",
        "count": "2",
        "amount": "-50.00",
        "taxpr": "25.5",
        "netamount": "-100.00",
        "vatamount": "-25.50",
        "totalamount": "-125.50",
    }
    assert document.given_totals == ("-125.50",)


def test_totals_that_have_their_minus_keep_it() -> None:
    """An export may write the sum of a credit note negative, and its price not."""
    [document] = check({"totalamount": "-125,50", "Summa": "-125,50", **MARK, **ORIGINAL})
    assert document.valid
    assert document.dataset["payrow"][0]["totalamount"] == "-125.50"


def test_a_wrong_total_of_a_credit_note_is_told() -> None:
    """Turning signs hides no mistake."""
    assert found({"netamount": "99", **MARK, **ORIGINAL})[1:] == [
        (
            "error row-total-disagrees M2: payrow.netamount is -99.00, but quantity, price, discount and VAT "
            "give -100.00."
        )
    ]


def test_an_ordinary_invoice_may_have_a_negative_row() -> None:
    """A discount row, or a returned deposit with a negative quantity, is left as it is."""
    rows = [{}, {"Määrä": "-1", "Veroton hinta": "10,00"}, {"Määrä": "1", "Veroton hinta": "-10,00"}]
    [document] = check(*rows)
    assert [(row["count"], row["amount"]) for row in document.dataset["payrow"]] == [
        ("2", "50.00"),
        ("-1", "10.00"),
        ("1", "-10.00"),
    ]
    assert document.findings == []


def test_an_invoice_that_is_marked_as_such_is_left_alone() -> None:
    """A type column that says invoice is no credit mark, and is not sent."""
    [document] = check({"Laskutyyppi": "Lasku"})
    assert document.findings == []
    assert "credit" not in document.dataset
    assert document.total == Decimal("125.50")


def test_less_than_nothing_is_a_credit_note() -> None:
    """Without a mark and an original, a negative total is sent as credit note, with a warning."""
    assert found({"Veroton hinta": "-50,00"}) == [UNALLOCATED.format("-125.50")]
    assert found({"Määrä": "-2", "Laskutyyppi": "Lasku"}) == [
        (
            "repair credit-sign-moved J2: On this credit note the quantity -2 is negative: the minus goes "
            "out with the price instead, on 1 of its rows. The sums stay the same."
        ),
        UNALLOCATED.format("-125.50"),
    ]


def test_a_credit_note_may_name_the_job_instead_of_the_bill() -> None:
    """The original's job id allocates the credit as well as its bill number."""
    assert found({"Veroton hinta": "-50,00", "Refund jobid": "123467"}) == []


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (  # both are negative, so the row charges
            [{"Määrä": "-2", "Veroton hinta": "-50,00", **MARK}],
            (
                "error credit-row-positive K2: This is a credit note, but the row charges something: "
                "quantity -2 at a price of -50.00 is more than nothing."
            ),
        ),
        (
            [{"Veroton hinta": "-50,00", **ORIGINAL}, {"Määrä": "1", "Veroton hinta": "10,00"}],
            (
                "error credit-row-positive K3: This is a credit note, but the row charges something: "
                "quantity 1 at a price of 10.00 is more than nothing."
            ),
        ),
        (  # nothing says that the plain numbers are a credit
            [ORIGINAL],
            (
                "error credit-row-positive K2: This is a credit note, but the row charges something: "
                "quantity 2 at a price of 50.00 is more than nothing."
            ),
        ),
        (
            [{"Laskutyyppi": "Lasku", "Veroton hinta": "-50,00", **ORIGINAL}],
            (
                "error credit-or-invoice M2: The file says that this is no credit note, but it names an "
                "invoice that it credits."
            ),
        ),
        (
            [{"Veroton hinta": "-50,00", "Hyvitettävä lasku": "1001"}],
            (
                "error credit-of-itself M2: The credit note names its own bill number 1001 as the invoice "
                "that it credits."
            ),
        ),
        (
            [{"Veroton hinta": "-50,00", "Refund jobid": "7", **ORIGINAL}],
            (
                "error field-not-allowed N2: refundtobillnum cannot be given here. A credit note names its "
                "original by job id or by bill number, not by both."
            ),
        ),
    ],
)
def test_doubt_about_a_credit_note_keeps_it_back(rows: list[dict[str, str]], told: str) -> None:
    """Where the cells contradict each other nothing is guessed."""
    assert found(*rows) == [told]


@pytest.mark.parametrize("what", [ORIGINAL, MARK])
def test_only_an_invoice_can_be_a_credit_note(what: dict[str, str]) -> None:
    """A reminder credits nothing."""
    reminder = {"jobtype": "1", "Viite": "1232", "Avoin summa": "5,00"}
    blank = dict.fromkeys(("Tuote", "Määrä", "Veroton hinta", "ALV %"), "")
    assert found(reminder | blank | what) == [
        "error credit-jobtype M2: A credit note cannot be a job of type 1."
    ]


NUMBERS = st.sampled_from(["-3", "-1", "-0.5", "0", "0.00", "0.333", "1", "2"])
ROWS = st.lists(
    st.fixed_dictionaries({"count": NUMBERS, "amount": NUMBERS, "taxpr": st.sampled_from(["0", "25.5"])}),
    min_size=1,
    max_size=4,
)


def total(rows: list[dict[str, str]]) -> Decimal:
    """What rows come to."""
    return sum((row_sums(row["count"], row["amount"], row["taxpr"], None).total for row in rows), Decimal(0))


@given(ROWS, st.sampled_from([None, "0", "1"]), st.booleans())
def test_no_sum_changes_but_by_the_mark(rows: list[dict[str, str]], mark: str | None, refunds: bool) -> None:
    """Settling signs never changes what a document comes to, but that a marked one may turn as a whole."""
    signs = settle_signs(rows, mark, refunds=refunds)
    assert total(signs.rows) == (-total(rows) if signs.negated else total(rows))
    assert signs.negated <= (mark == CREDIT)
    assert settle_signs(signs.rows, mark, refunds=refunds).rows == signs.rows


@settings(deadline=None, max_examples=150)
@given(ROWS, st.sampled_from(["", "Lasku", "Hyvityslasku"]))
def test_the_sandbox_takes_the_credit_notes_that_we_send(rows: list[dict[str, str]], mark: str) -> None:
    """A credit note of an invoice, written in any way, is held back by us or right for the service."""
    cells = [
        {
            "Määrä": row["count"],
            "Veroton hinta": row["amount"],
            "ALV %": row["taxpr"],
            "Laskutyyppi": mark,
            **ORIGINAL,
        }
        for row in rows
    ]
    [document] = check(*cells)
    refused = checks.check(json.loads(as_json(document.dataset), parse_float=Decimal))
    assert bool(refused) is not document.valid or mark == "Lasku"


@pytest.mark.parametrize(
    ("number", "expected"), [("5", "-5"), ("-5", "-5"), ("0.00", "0.00"), ("-0", "-0"), ("", "")]
)
def test_a_number_with_a_minus(number: str, expected: str) -> None:
    """Zero and blank have none to give."""
    assert negative(number) == expected
