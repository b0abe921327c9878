"""What keeps a document from being sent, with the cell to look at."""

from __future__ import annotations

import pytest
from made import GOOD, HEADER, documents, good, table, told


def only(**changes: str) -> tuple[list[tuple[str, str | None]], list[str]]:
    """The findings of one row with those cells changed, and their messages."""
    found, _ = documents(table([[*HEADER, "Summa"], [*good(**changes), ""]]))
    return told(found), [each.message for each in found[0].findings]


def test_a_good_invoice_has_no_finding() -> None:
    """Nothing is said of an invoice that is right."""
    assert only() == ([], [])


@pytest.mark.parametrize(
    ("changes", "expected", "message"),
    [
        ({"Postinumero": ""}, ("field-missing", "G2"), "postcode is missing. Postal code of the customer"),
        ({"Nimi": ""}, ("field-missing", "D2"), "company is missing. A company is named in company."),
        ({"Tuote": ""}, ("field-missing", "I2"), "payrow.desc is missing. Name of the product or service"),
        (
            {"Laskupäivä": "31.2.2026"},
            ("date-impossible", "B2"),
            "“31.2.2026” in billdate is a day that does not exist.",
        ),
        (
            {"Eräpäivä": "30.9.2026"},
            ("paydate-before-billdate", "C2"),
            "The due date 2026-09-30 is before the invoice date 2026-10-01.",
        ),
        ({"ALV %": "0,255"}, ("vat-rate-fraction", "L2"), "The VAT rate 0.255 is below one percent."),
        (
            {"ALV %": "250"},
            ("value-form", "L2"),
            "The value of payrow.taxpr is not what the service takes.",
        ),
        ({"Määrä": ""}, ("field-missing", "J2"), "payrow.count is missing. Quantity"),
    ],
)
def test_one_mistake_is_one_finding(changes: dict[str, str], expected: tuple[str, str], message: str) -> None:
    """Each mistake is told once, on its cell, in words."""
    codes, messages = only(**changes)
    assert codes == [expected]
    assert messages[0].startswith(message)


@pytest.mark.parametrize("total", ["100,00", "125,50"])
def test_sum_column_may_be_with_or_without_vat(total: str) -> None:
    """A sum column that is the row's sum in one of the usual ways agrees."""
    found, _ = documents(table([[*HEADER, "Summa"], [*GOOD, total]]))
    assert told(found) == []


def test_sum_column_of_the_whole_invoice() -> None:
    """The invoice's sum on each of its rows agrees as well."""
    rows = [[*good(), "188,25"], [*good(Määrä="1"), "188,25"]]
    found, _ = documents(table([[*HEADER, "Summa"], *rows]))
    assert told(found) == []


def test_sum_column_that_disagrees() -> None:
    """A sum that is none of the four is an error on its cell, with what was computed."""
    rows = [[*good(), "125,50"], [*good(Määrä="1"), "62,70"]]
    found, _ = documents(table([[*HEADER, "Summa"], *rows]))
    assert told(found) == [("sum-disagrees", "M3")]
    assert found[0].findings[0].message == (
        "The sum column says 62.70, but the row is 50.00 without VAT and 62.75 with it, "
        "and the invoice 150.00 and 188.25."
    )


def test_given_row_totals_are_checked_to_the_cent() -> None:
    """`netamount`, `vatamount` and `totalamount` must be what the row comes to."""
    header = [*HEADER, "netamount", "vatamount", "totalamount"]
    found, _ = documents(table([header, [*GOOD, "100,00", "25,50", "125,50"]]))
    assert told(found) == []
    found, _ = documents(table([header, [*GOOD, "100,01", "25,50", "125,50"]]))
    assert told(found) == [("row-total-disagrees", "M2")]


def test_many_documents_with_one_mistake_are_explained_alike() -> None:
    """The explanation that is kept names each document's own cell."""
    rows = [good(Laskunumero=str(number), Postinumero="") for number in range(50)]
    found, _ = documents(table([HEADER, *rows]))
    assert told(found) == [("field-missing", f"G{row}") for row in range(2, 52)]
