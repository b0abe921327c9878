"""The sandbox's checks against what it has accepted before: used numbers, collections, credit notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import requests
    from sandbox_client import Client, Job, MakeInvoice, StartSandbox

ROW = {"desc": "Huolto", "count": "2", "itemtype": "h", "amount": "50.00", "taxpr": "25.5"}
CREDIT = ROW | {"amount": "-50.00"}


def errors(answer: requests.Response) -> list[str]:
    """The texts of an answer's errors."""
    return [each["error"] for each in answer.json()["errors"]]


def test_a_used_number_is_refused_under_checkbillnum(client: Client, invoice: MakeInvoice) -> None:
    """With checkbillnum a used bill number is refused, in the same batch and in a later one, by name."""
    used = {"error": "billnum 2001 already exists", "billnum": "2001"}
    answer = client.send(invoice(checkbillnum="1"), invoice(checkbillnum="1"))
    assert (answer.json()["accepted"], answer.json()["errors"]) == (1, [used | {"index": 1}])
    answer = client.send(invoice(checkbillnum="1"))
    assert (answer.json()["accepted"], answer.json()["errors"]) == (0, [used | {"index": 0}])


def test_without_checkbillnum_a_double_send_shows(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """Without checkbillnum the same invoice is accepted twice, and the records show it."""
    client = sandbox()
    assert [client.send(invoice(checkbillnum=flag)).json()["accepted"] for flag in ("1", None, "0")] == [
        1,
        1,
        1,
    ]
    assert [job["billnum"] for job in client.accepted()] == ["2001"] * 3


def test_numbers_are_unique_within_customer_and_kind(client: Client, invoice: MakeInvoice) -> None:
    """Another customer may use the number, and so may a reminder of the invoice."""
    client.send(invoice(checkbillnum="1"))
    reminder = invoice(jobtype="1", payrow=None, amount="125.50", billcode="1232", checkbillnum="1")
    assert errors(client.send(reminder)) == []
    assert errors(client.send(reminder)) == ["billnum 2001 already exists"]
    client.renew("the other customer")
    assert errors(client.send(invoice(checkbillnum="1"))) == []


def test_a_debt_is_collected_once(client: Client, invoice: MakeInvoice) -> None:
    """A debt collection is taken once, and never for what was sent as invoice or reminder."""
    changes = {
        "jobtype": "2",
        "payrow": None,
        "amount": "125.50",
        "billcode": "1232",
        "noticedate": "2026-11-01",
    }
    assert errors(client.send(invoice(**changes))) == []
    assert errors(client.send(invoice(**changes))) == ["the debt collection of billnum 2001 was sent before"]
    for sent in (
        {"billnum": "5"},
        {"billnum": "6", "jobtype": "1"} | {"payrow": None, "amount": "1", "billcode": "1"},
    ):
        client.send(invoice(**sent))
        number = sent["billnum"]
        reason = f"billnum {number} was sent as invoice or reminder; its collection needs no new job"
        assert errors(client.send(invoice(**changes | {"billnum": number}))) == [reason]


def test_a_full_credit_by_bill_number(client: Client, invoice: MakeInvoice) -> None:
    """A credit note in full is accepted once; then nothing is left to credit."""
    client.send(invoice())
    credit = {"refundtobillnum": "2001", "payrow": [CREDIT]}
    assert errors(client.send(invoice(billnum="2002", **credit))) == []
    assert client.get("/statusupdates", billnum="2001").json()[-1]["status"] == "credited"
    again = client.send(invoice(billnum="2003", **credit))
    assert errors(again) == ["the credit of 125.50 is above what is left to credit, 0.00"]


@pytest.mark.parametrize(
    "change",
    [
        {"discount": "50"},
        {"count": "1"},
        {"netamount": "-100.00", "vatamount": "-25.50", "totalamount": "-125.50"},
    ],
)
def test_credits_in_part(client: Client, invoice: MakeInvoice, change: Job) -> None:
    """A credit by discount, by fewer pieces or with negative totals is accepted, by job id."""
    other = {"desc": "Matkat", "count": "1", "amount": "20.00", "taxpr": "25.5"}
    (job,) = client.send(invoice(payrow=[ROW, other])).json()["jobs"]
    note = invoice(billnum="2002", refundtojobid=str(job["jobid"]), payrow=[CREDIT | change])
    assert errors(client.send(note)) == []


def test_the_original_and_its_credit_in_one_batch(client: Client, invoice: MakeInvoice) -> None:
    """A credit note may follow its original in the same batch."""
    credit = invoice(billnum="2002", refundtobillnum="2001", payrow=[CREDIT])
    assert errors(client.send(invoice(), credit)) == []
    assert errors(client.send(invoice(billnum="2003", refundtobillnum="2004", payrow=[CREDIT]))) == [
        "the invoice to credit does not exist"
    ]


def test_nothing_new_is_credited(client: Client, invoice: MakeInvoice) -> None:
    """A product that was not on the original is refused; letter case and spaces do not count."""
    client.send(invoice())
    new = invoice(billnum="2002", refundtobillnum="2001", payrow=[CREDIT | {"desc": "Matkat"}])
    assert errors(client.send(new)) == ["payrow[0]: 'Matkat' is not on the invoice to credit"]
    same = invoice(billnum="2002", refundtobillnum="2001", payrow=[CREDIT | {"desc": " HUOLTO"}])
    assert errors(client.send(same)) == []


def test_another_customers_invoice_is_not_credited(client: Client, invoice: MakeInvoice) -> None:
    """A credit note finds its original within the customer only."""
    (job,) = client.send(invoice()).json()["jobs"]
    client.renew("the creditor's neighbour")
    for original in ({"refundtojobid": str(job["jobid"])}, {"refundtobillnum": "2001"}):
        note = invoice(billnum="2002", **original, payrow=[CREDIT])
        assert errors(client.send(note)) == ["the invoice to credit does not exist"]


def test_an_allocation_counts_as_credit(client: Client, invoice: MakeInvoice) -> None:
    """What was allocated to an invoice is no longer there for a credit note."""
    client.send(invoice())
    client.post("/creditnote", {"amount": 100, "date": "2026-10-20", "billnum": "2001"})
    note = invoice(billnum="2002", refundtobillnum="2001", payrow=[CREDIT])
    assert errors(client.send(note)) == ["the credit of 125.50 is above what is left to credit, 25.50"]
