"""Prices that a profile declares, from a table to the document: its rows, its sums, and cells in findings."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from made import documents, table, told

from pipeline.document import Document
from pipeline.profile import Profile
from pipeline.profile.model import Prices
from pipeline.sandbox.sums import check_rows, job_sums
from pipeline.values.money import row_sums
from pipeline.values.rates import Rates

INVOICE = {
    "billnum": "1001",
    "billdate": "1.10.2026",
    "paydate": "15.10.2026",
    "company": "Acme Oy",
    "govid": "2262509-5",
    "address": "Katu 1",
    "postcode": "00100",
    "city": "HELSINKI",
}
"""Columns A to H; those of the rows follow in the order in which they are named."""
FIELDS = {
    "desc": "payrow.desc",
    "count": "payrow.count",
    "amount": "payrow.amount",
    "taxpr": "payrow.taxpr",
    "percent": "payrow.discount",
    "total": "payrow.totalamount",
    "off": "row.discount",
    "net": "row.net",
    "vat": "row.vat",
    "gross": "row.gross",
    "sum": "check.total",
    "credit": "credit",
    "refund": "refundtobillnum",
}


def made(*rows: dict[str, str], prices: dict[str, Any] | None = None) -> list[Document]:
    """The documents of invoice rows with these cells, whose columns a profile names."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in INVOICE]
    cells = [[(INVOICE | row).get(name, "") for name in (*INVOICE, *names)] for row in rows]
    profile = Profile(
        columns={name: FIELDS[name] for name in names},
        conventions={"decimal": ","},
        prices=Prices(**(prices or {})),
    )
    found, _ = documents(table([[*INVOICE, *names], *cells]), profile=profile, home="FIN")
    return found


def row(**cells: str) -> dict[str, str]:
    """A row of one piece at 25.5 %."""
    return {"desc": "Työ", "count": "1", "taxpr": "25.5", **cells}


def one(*rows: dict[str, str], **prices: Any) -> Document:
    """The only document that these rows make."""
    [document] = made(*rows, prices=prices)
    return document


def amounts(document: Document) -> list[str]:
    """The unit prices of its rows."""
    return [each["amount"] for each in document.dataset["payrow"]]


def agrees_with_service(document: Document) -> bool:
    """Whether the sandbox, which has its own money, takes the row totals and comes to the same sums."""
    assert list(check_rows(document.dataset)) == []
    return job_sums(document.dataset) == (document.net, document.vat, document.total)


def test_prices_with_vat_keep_the_total() -> None:
    """124.00 with a row for rounding, which is in no row of the file but in the sums and in the report."""
    document = one(row(amount="124,00"), vat="included", rounding_row="Pyöristys")
    assert told([document]) == [("prices-made-net", "L2")]
    assert document.valid
    assert (document.net, document.vat, document.total) == tuple(map(Decimal, ("98.81", "25.19", "124.00")))
    assert document.dataset["payrow"][1] == {
        "desc": "Pyöristys",
        "count": "1",
        "amount": "0.01",
        "taxpr": "0",
    }
    assert document.rows == [(0, 2)]
    assert agrees_with_service(document)
    of_document, of_payload = Rates(), Rates()
    of_document.add_documents([document])
    of_payload.add_payload(orjson.dumps(document.dataset).decode(), str(document.net))
    assert of_document.sums() == of_payload.sums()
    assert of_document.sums()["0"].net == Decimal("0.01")


def test_the_sum_column_holds_against_the_exports_own_prices() -> None:
    """Row or invoice, with VAT or without: a cent off for rounding is not the export's mistake."""
    prices = {"vat": "included", "rounding_row": "Pyöristys"}
    for sums in (
        ("124,00", "0,02"),
        ("98,80", "0,02"),
        ("124,02", "124,02"),
        ("98,82", "98,82"),
        ("124,02", ""),
    ):
        cells = [row(amount=amount, sum=each) for amount, each in zip(("124,00", "0,02"), sums, strict=True)]
        assert told([one(*cells, **prices)]) == [("prices-made-net", "L2")], sums
    document = one(row(amount="124,00", sum="124,01"), **prices)
    assert told([document]) == [("prices-made-net", "L2"), ("sum-disagrees", "M2")]
    assert document.findings[1].message == (
        "The sum column says 124.01, but the row is 98.80 without VAT and 123.99 with it, "
        "and the invoice 98.81 and 124.00."
    )


def test_a_rows_own_total_follows_what_is_sent() -> None:
    """A total that is the export's price goes out as the row's; one that is not is an error, as ever."""
    prices = {"vat": "included", "rounding_row": "Pyöristys"}
    document = one(row(amount="124,00", total="124,00"), **prices)
    assert document.dataset["payrow"][0]["totalamount"] == "123.99"
    assert document.valid
    assert agrees_with_service(document)
    assert told([one(row(amount="124,00", total="124,02"), **prices)])[1] == ("row-total-disagrees", "M2")


def test_a_credit_note_rounds_with_its_own_sign() -> None:
    """By its column, its quantities or its prices: minus 124.00, and the cent has the minus too."""
    prices = {"vat": "included", "rounding_row": "Pyöristys"}
    ways = [
        one(row(amount="124,00", credit="1", refund="1000"), **prices, minus="column"),
        one(row(amount="124,00", credit="1", refund="1000"), **prices),
        one(row(amount="124,00", refund="1000") | {"count": "-1"}, **prices, minus="quantity"),
        one(row(amount="-124,00", refund="1000"), **prices, minus="price"),
        one(row(amount="124,00", refund="1000", gross="-124,00"), **prices, minus="total"),
    ]
    for document in ways:
        assert document.valid
        assert amounts(document) == ["-98.80", "-0.01"]
        assert (document.net, document.total) == (Decimal("-98.81"), Decimal("-124.00"))
        assert {each["count"] for each in document.dataset["payrow"]} == {"1"}
        assert agrees_with_service(document)


def test_findings_stand_on_their_cells() -> None:
    """Each on the row and column of the number that is wrong."""
    document = one(
        row(amount="10,00", off="1,00", percent="5"),
        row(amount="10,00", off="11,00"),
        row(amount="10,00", off="1,00", net="9,01"),
        row(amount="10,00") | {"count": "-1"},
        discount="row",
        minus="price",
    )
    assert told([document]) == [
        ("discount-twice", "M2"),
        ("discount-too-large", "M3"),
        ("sum-and-price", "O4"),
        ("minus-elsewhere", "J5"),
    ]


def test_what_cannot_be_found_is_told_once() -> None:
    """The schema does not ask besides for the rate or price that the sums did not give."""
    cells = {"desc": "Työ", "count": "1"}
    document = one(cells | {"net": "100,00", "vat": "23,00"}, rate="sums")
    assert told([document]) == [("vat-rate-unclear", "L2")]
    document = one({**cells, "taxpr": "24", "count": "0", "net": "1,00"})
    assert told([document]) == [("price-from-sum", "L2")]


def test_no_column_is_needed_for_what_follows() -> None:
    """Quantity and sums are enough: neither price nor rate has a column."""
    document = one({"desc": "Työ", "count": "3", "net": "100,00", "gross": "125,50"}, rate="sums")
    assert document.valid
    assert document.dataset["payrow"] == [{"desc": "Työ", "count": "3", "taxpr": "25.5", "amount": "33.333"}]


def test_other_rows_of_the_invoice_keep_their_places() -> None:
    """A row without any payrow cell lies between two that have some; sums and findings know their rows."""
    blank = {"desc": ""}
    document = one(row(amount="0,02"), blank, row(amount="0,02", off="1,00"), vat="included", discount="row")
    assert document.payrows == [0, 2]
    assert told([document]) == [("discount-too-large", "M4")]
    document = one(row(amount="0,02"), blank, row(amount="0,02"), vat="included")
    assert [total for _, _, total in document.row_sums] == [1, 0, 3]
    assert document.total == Decimal("0.04")


def test_two_invoices_do_not_mix() -> None:
    """A rounding row belongs to its own invoice, and so does a finding about it."""
    rows = [row(amount="124,00"), {**row(amount="124,00"), "billnum": "1002"}]
    found = made(*rows, prices={"vat": "included", "rounding_row": "Pyöristys"})
    assert told(found) == [("prices-made-net", "L2"), ("prices-made-net", "L3")]
    assert [document.total for document in found] == [Decimal("124.00")] * 2


CELLS = st.builds(
    lambda count, amount, taxpr, off: row(count=count, amount=amount, taxpr=taxpr, off=off),
    st.sampled_from(["1", "2", "0,5", "3,333", "10"]),
    st.decimals("0.0000", "999", places=4).map(lambda number: f"{number:f}".replace(".", ",")),
    st.sampled_from(["25,5", "13,5", "10", "0"]),
    st.sampled_from(["", "0", "0,10", "1,00"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=8), st.booleans(), st.sampled_from(["Pyöristys", None]))
def test_what_is_sent_is_the_exports_total(
    rows: list[dict[str, str]], credit: bool, rounding: str | None
) -> None:
    """Whole way: either an error says why not, or the service comes to the total that the export has."""
    cells = [each | {"credit": "1", "refund": "1000"} for each in rows] if credit else rows
    document = one(*cells, vat="included", rounding_row=rounding, discount="row", minus="column")
    assert not any(tag.startswith("row.") for each in document.dataset["payrow"] for tag in each)
    if not document.valid:
        codes = {each.code for each in document.findings}
        assert codes & {"gross-unreachable", "discount-too-large"}
        assert rounding is None or "gross-unreachable" not in codes
        return
    expected = Decimal("0.00")
    for each in rows:
        count, amount, off = (
            Decimal(each[name].replace(",", ".") or 0) for name in ("count", "amount", "off")
        )
        expected += row_sums("1", count * amount - off, None, None).net
    assert document.total == (-expected if credit else expected)
    assert agrees_with_service(document)
