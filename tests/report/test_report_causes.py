"""Findings by cause, and sums by VAT rate."""

from __future__ import annotations

from decimal import Decimal

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pipeline.document import Document, Kind
from pipeline.findings import Finding, Place, Severity, finding
from pipeline.report.causes import EXAMPLES, Causes
from pipeline.values.money import from_cents, row_sums_bulk
from pipeline.values.rates import NO_RATE, Rates

DECIMALS = st.decimals(-9999, 9999, places=2).map(lambda each: format(each, "f"))
ROWS = st.lists(
    st.fixed_dictionaries(
        {"amount": DECIMALS, "taxpr": st.sampled_from(["25.5", "25.50", "10", "0"])},
        optional={"count": DECIMALS, "discount": st.sampled_from(["0", "12.5", "100"])},
    ),
    max_size=5,
)


def number_form(value: str, field: str = "payrow.amount") -> Finding:
    """A cell that is no number."""
    return finding("number-form", Place("a.csv", None, 2, "Hinta", "F2"), field=field, value=value)


def test_invoices_count_once_for_each_cause() -> None:
    """Two bad cells of one invoice are one invoice; its total counts once."""
    causes = Causes()
    assert causes.add([number_form("abc"), number_form("def")], "10.00") == [0]
    assert causes.add([number_form("abc")], "2.50") == [0]
    (cause,) = causes.of(Severity.ERROR)
    assert (cause.findings, cause.invoices, cause.total) == (3, 2, Decimal("12.50"))


def test_a_heading_is_true_of_every_finding_of_its_cause() -> None:
    """What differs between them is left open; what all say is said."""
    causes = Causes()
    causes.add([number_form("abc")], "1.00")
    (cause,) = causes.of(Severity.ERROR)
    assert cause.heading == "“abc” in payrow.amount is no number."
    causes.add([number_form("def")], "1.00")
    assert cause.heading == "“…” in payrow.amount is no number."
    assert cause.remedy == "Write digits with one decimal separator, such as 1234,50 or 1234.50."


def test_fields_are_causes_of_their_own_but_not_numbered_groups() -> None:
    """The first and the second accounting row have the same cause, another field has its own."""
    causes = Causes()
    causes.add([number_form("x", "accountrow1.debit"), number_form("x", "accountrow2.debit")], "1.00")
    causes.add([number_form("x", "accountrow2.credit")], "1.00")
    assert causes.names() == [("number-form", "accountrow.debit"), ("number-form", "accountrow.credit")]


def test_the_most_frequent_cause_comes_first() -> None:
    """Errors before warnings, many invoices before few, and what concerns a file is no invoice."""
    causes = Causes()
    causes.add([finding("business-id-check-digit", field="govid", value="1")], "1.00")
    causes.add([finding("header-only", Place("a.csv"))])
    for value in ("a", "b"):
        causes.add([number_form(value)], "1.00")
    found = causes.of(*Severity)
    assert [(each.code, each.invoices) for each in found] == [
        ("number-form", 2),
        ("header-only", 0),
        ("business-id-check-digit", 1),
    ]


def test_only_so_many_are_told_one_by_one() -> None:
    """Whatever their number, memory stays flat."""
    causes = Causes()
    for number in range(EXAMPLES + 5):
        causes.add([number_form(f"x{number}")], "1.00")
    (cause,) = causes.of(Severity.ERROR)
    assert (cause.findings, len(cause.examples)) == (EXAMPLES + 5, EXAMPLES)


@given(st.lists(ROWS, max_size=4))
def test_documents_and_what_the_ledger_keeps_of_them_give_the_same_sums(
    invoices: list[list[dict[str, str]]],
) -> None:
    """Per rate, to the cent, and 25.50 is 25.5."""
    of_documents, of_payloads = Rates(), Rates()
    for rows in invoices:
        dataset = {"payrow": rows} if rows else {}
        factors = ([row.get(tag) for row in rows] for tag in ("count", "amount", "taxpr", "discount"))
        sums = row_sums_bulk(*factors)
        document = Document(dataset, Kind.INVOICE, [(0, 1)], payrows=range(len(rows)), row_sums=sums)
        document.net = from_cents(sum(net for net, _, _ in sums))
        of_documents.add_documents([document])
        of_payloads.add_payload(orjson.dumps(dataset).decode(), format(document.net, "f"))
    assert of_documents.sums() == of_payloads.sums()
    assert set(of_payloads.sums()) <= {"25.5", "10", "0", NO_RATE}
    assert of_payloads.as_totals() == {
        rate: (str(net), str(vat)) for rate, (net, vat, _) in of_payloads.sums().items()
    }


def test_an_open_sum_has_no_rate() -> None:
    """A reminder has no rows: its sum stands apart."""
    rates = Rates()
    rates.add_payload('{"jobtype":"1","amount":"50.00"}', "50.00")
    assert rates.as_totals() == {NO_RATE: ("50.00", "0.00")}
