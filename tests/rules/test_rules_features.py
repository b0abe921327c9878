"""Invoice features: what the service asks of each, told on the cell to look at."""

from __future__ import annotations

from decimal import Decimal

import pytest
from checked import check, found

from pipeline.ledger.content import as_json

DISCOUNT = {
    "Cash discount 1 date": "8.10.2026",
    "Cash discount 1 %": "3",
    "Cash discount 1 amount": "3,00",
    "Cash discount 2 date": "12.10.2026",
    "Cash discount 2 %": "2",
    "Cash discount 2 amount": "2,00",
}
PLAN = {
    "Instalment 1 date": "15.10.2026",
    "Instalment 1 amount": "100,00",
    "Instalment 2 date": "15.11.2026",
    "Instalment 2 amount": "25,50",
}
POSTINGS = {
    "Account 1": "1701",
    "Debit 1": "125,50",
    "Account 2": "3000",
    "Credit 2": "100",
    "Account 3": "2939",
    "Credit 3": "25,5",
}
CREDITED = {"Veroton hinta": "-50,00", "Hyvitettävä lasku": "1000"}


@pytest.mark.parametrize(
    "row",
    [
        DISCOUNT,
        {"Määrä": "1", "Veroton hinta": "1415,00", "Cash discount date": "15.10.2026"}
        | {"Cash discount %": "2", "Cash discount amount": "28,30"},  # the example of the service's page
        PLAN,
        {"Instalment interval": "1", "Number of instalments": "3"},
        {"Instalment interval": "1", "Instalment size": "41,84"},
        {"Rahoitus": "1"},
        {"Rahoitus": "2"},
        {"Fixed fee": "1"},
        {"Site ID": "KT-0001", "Site number": "12345", "Site register": "kyllä"},
        {"jobtype": "300", "Viite": "1232"},
        {"jobtype": "301"},
        {"Collection process": "T1", "Viite": "1232"},
        POSTINGS,
        POSTINGS | CREDITED | {"Posting 2 net": "-100", "Posting 2 VAT": "-25,5"},
        {"Property 1 name": "job_finvoice_paymentid", "Property 1 value": "1234567890"},
        {"Reverse charge": "1", "ALV %": "0"},
    ],
)
def test_right_features_are_not_mentioned(row: dict[str, str]) -> None:
    """Nothing is said of a feature that is used as the service wants it."""
    assert found(row) == []


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            DISCOUNT | {"Cash discount 2 amount": "2,51"},
            (
                "error cash-discount-amount R2: The cash discount is 2.51, but 2 % of the invoice's 100.00 "
                "without VAT is 2.00."
            ),
        ),
        (
            DISCOUNT | {"Cash discount 1 date": "16.10.2026"},
            (
                "error cash-discount-date M2: The cash discount is given until 2026-10-16, which is not "
                "between the invoice date 2026-10-01 and the due date 2026-10-15."
            ),
        ),
        (
            DISCOUNT | {"Cash discount 1 date": "30.9.2026"},
            (
                "error cash-discount-date M2: The cash discount is given until 2026-09-30, which is not "
                "between the invoice date 2026-10-01 and the due date 2026-10-15."
            ),
        ),
        (
            PLAN | {"Instalment 2 amount": "25,49"},
            "error instalments-sum P2: The instalments add up to 125.49, but the invoice is 125.50 with VAT.",
        ),
        (
            PLAN | {"Instalment 2 date": "15.10.2026"},
            (
                "error instalment-dates O2: This instalment is due on 2026-10-15, not after the one before "
                "it (2026-10-15)."
            ),
        ),
        (
            PLAN | {"Asiakastyyppi": "2", "Y-tunnus": ""},
            (
                "error field-not-allowed M2: payplan cannot be given here. A payment plan, financing and the "
                "fixed fee are for companies only."
            ),
        ),
        (
            {"Instalment interval": "1"},
            (
                "error field-missing None: payplancount is missing. A payment plan made by the service "
                "needs the sum or the number of its instalments."
            ),
        ),
        (
            {"Rahoitus": "1", "Y-tunnus": "", "Asiakastyyppi": "1"},
            (
                "error field-missing E2: govid is missing. A financed or sold invoice needs the customer's "
                "business id, and cannot have the fixed fee."
            ),
        ),
        (
            {"Rahoitus": "1", "Fixed fee": "1"},
            (
                "error value-form N2: The value of fixedfee is not what the service takes. A financed or "
                "sold invoice needs the customer's business id, and cannot have the fixed fee."
            ),
        ),
        (
            {"Site ID": "KT-0001"},
            "error field-missing None: TA0002 is missing. A construction site's id and number go together.",
        ),
        (
            {"jobtype": "300"},
            (
                "warning print-service-reference None: A print service invoice is paid to the biller's own "
                "reference, and this one has none."
            ),
        ),
        (
            {"Collection process": "T1", "Viite": ""},
            (
                "warning print-service-reference N2: A print service invoice is paid to the biller's own "
                "reference, and this one has none."
            ),
        ),
        (
            POSTINGS | {"Credit 3": "25,4"},
            (
                "error accounting-balance N2: The accounting rows do not balance: 125.5 in debit, 125.4 in "
                "credit."
            ),
        ),
        (
            POSTINGS | {"Posting 2 net": "100", "Posting 2 VAT": "-25,5"} | CREDITED,
            (
                "error accounting-sign S2: On a credit note accountrow2.netamount must be negative, and it "
                "is 100."
            ),
        ),
        (
            {"Reverse charge": "1"},
            (
                "warning reverse-charge-vat L2: The invoice is marked as reverse charge, but this row has "
                "25.5 % VAT."
            ),
        ),
    ],
)
def test_a_wrong_feature_is_told_on_its_cell(row: dict[str, str], told: str) -> None:
    """One mistake is one finding, in words, on the cell where the feature has one."""
    assert found(row) == [told]


@pytest.mark.parametrize(("amount", "told"), [("2,00", []), ("2,01", ["cash-discount-amount O2"])])
def test_a_group_may_stand_in_columns_without_a_number(amount: str, told: list[str]) -> None:
    """A single cash discount needs no 1 in its headers, and its cells are found all the same."""
    row = {"Cash discount date": "8.10.2026", "Cash discount %": "2", "Cash discount amount": amount}
    [document] = check(row)
    assert document.dataset["cashdiscountrow"][0]["discountdate"] == "2026-10-08"
    assert [f"{each.code} {each.place.cell}" for each in document.findings] == told


def test_what_a_later_row_brings_is_told_there() -> None:
    """A feature that stands on the invoice's second row is looked for on that row."""
    row = {"Cash discount date": "8.10.2026", "Cash discount %": "2", "Cash discount amount": "3,01"}
    assert found({}, row) == [
        (
            "error cash-discount-amount O3: The cash discount is 3.01, but 2 % of the invoice's 200.00 "
            "without VAT is 4.00."
        )
    ]


def test_reverse_charge_is_told_once() -> None:
    """The first row with VAT is enough to look at."""
    mark = {"Reverse charge": "1"}
    [told] = found(mark | {"ALV %": "0"}, mark, mark)
    assert told.startswith("warning reverse-charge-vat L3:")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"Open amount": "75,30"}, []),
        ({"Open amount": "0"}, ["error amount-not-positive N2: The open sum 0.00 is not more than zero."]),
        ({"Open amount": "-5"}, ["error amount-not-positive N2: The open sum -5.00 is not more than zero."]),
        (
            {"Open amount": ""},
            [
                (
                    "error field-missing N2: amount is missing. A reminder has no rows: it needs its open "
                    "sum in amount, and the payment reference in billcode."
                )
            ],
        ),
    ],
)
def test_a_reminder_has_an_open_sum(row: dict[str, str], told: list[str]) -> None:
    """A reminder or collection of nothing, or of less, is not sent."""
    blank = dict.fromkeys(("Tuote", "Määrä", "Veroton hinta", "ALV %"), "")
    assert found({"jobtype": "1"} | row | {"Viite": "1232"} | blank) == told


def test_accounting_rows_hold_numbers_digit_for_digit() -> None:
    """Their amounts are JSON numbers, exactly as the cell says them, and everything else is text."""
    row = {"Account 1": "1701", "Debit 1": "0,10", "Account 2": "3000", "Credit 2": "0,1"}
    [document] = check(row | {"Posting 2 type": "10", "Posting 2 VAT rate": "25,5"})
    assert document.valid
    assert document.dataset["accountrow"] == [
        {"accountid": "1701", "debit": Decimal("0.1")},
        {"accountid": "3000", "credit": Decimal("0.1"), "type": "10", "taxpr": Decimal("25.5")},
    ]
    assert (
        as_json(document.dataset["accountrow"][1])
        == b'{"accountid":"3000","credit":0.1,"taxpr":25.5,"type":"10"}'
    )


def test_the_vat_rate_of_an_accounting_row_is_a_percentage() -> None:
    """The schema's limits hold for exact numbers too."""
    assert found(POSTINGS | {"Posting 1 VAT rate": "100,01"}) == [
        "error value-form S2: The value of accountrow1.taxpr is not what the service takes. VAT percentage"
    ]


def test_one_property_is_an_object_and_several_an_array() -> None:
    """The service documents the object; only an array can hold more than one."""
    one = {"Property 1 name": "a", "Property 1 value": "1"}
    assert check(one)[0].dataset["propertyrow"] == {"propname": "a", "propvalue": "1"}
    two = one | {"Property 2 name": "b", "Property 2 value": "2"}
    assert check(two)[0].dataset["propertyrow"] == [
        {"propname": "a", "propvalue": "1"},
        {"propname": "b", "propvalue": "2"},
    ]
    assert found(two) == []
