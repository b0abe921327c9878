"""Credit notes, from a file to the service, with and without their original in the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from flow_desk import GOOD, HEADER, SAMPLES, Desk, outcomes, row, told
from openpyxl import load_workbook

CREDIT_HEADER = f"{HEADER};Hyvitettävä lasku;refundtojobid;Alennus-%"


def credit(number: str, original: str, *, jobid: str = "", discount: str = "", **changes: str) -> str:
    """A credit note's row that takes back the usual row of 100.00, with the cells changed."""
    changes = {"Veroton_hinta": "-50,00"} | changes
    return f"{row(Laskunumero=number, **changes)};{original};{jobid};{discount}"


def sent(desk: Desk) -> dict[str, dict[str, Any]]:
    """What the sandbox has, by bill number."""
    return {each["billnum"]: each for each in desk.accepted()}


@pytest.fixture
def invoiced(desk: Desk) -> Desk:
    """Invoice 1001 over 100.00 + 25.50 was sent by an earlier run."""
    desk.write("invoices.csv", GOOD)
    desk.run("invoices.csv")
    return desk


def test_an_original_of_an_earlier_run_is_named_by_its_job_id(invoiced: Desk) -> None:
    """The ledger knows the original: the credit note goes with `refundtojobid`, and only with that."""
    invoiced.write("credit.csv", credit("C1", "1001"), header=CREDIT_HEADER)
    done, report = invoiced.run("credit.csv")
    assert (done.code, told(report, None)) == (0, [])
    note = sent(invoiced)["C1"]
    jobid = invoiced.ledger("select jobid from document where billnum = '1001'")[0][0]
    assert (note["refundtojobid"], note.get("refundtobillnum")) == (jobid, None)
    assert note["payrow"] == [{"desc": "Työ", "count": "2", "amount": "-50.00", "taxpr": "25.5"}]
    assert report["totals"]["total"] == "-125.50"


def test_the_same_credit_note_again_is_not_sent_again(invoiced: Desk) -> None:
    """That its original is known now and its sum is used up does not make it another credit note."""
    invoiced.write("credit.csv", credit("C1", "1001"), header=CREDIT_HEADER)
    invoiced.run("credit.csv")
    done, report = invoiced.run("credit.csv")
    assert (done.code, outcomes(report)) == (0, {"C1": "already-accepted"})
    assert len(invoiced.accepted()) == 2


@pytest.mark.parametrize(
    ("cells", "net"),
    [
        ({"Määrä": "1"}, "-50.00"),
        ({"discount": "50"}, "-50.00"),
        ({"Veroton_hinta": "-10,00"}, "-20.00"),
        ({"Määrä": "-2", "Veroton_hinta": "50,00"}, "-100.00"),
    ],
    ids=["fewer pieces", "discount", "lower price", "minus at the quantity"],
)
def test_part_of_an_invoice_can_be_credited(invoiced: Desk, cells: dict[str, str], net: str) -> None:
    """Fewer pieces, a discount (the documents' 50 %), a lower price: each takes back its part."""
    invoiced.write("credit.csv", credit("C1", "1001", **cells), header=CREDIT_HEADER)
    done, report = invoiced.run("credit.csv")
    assert (done.code, outcomes(report)) == (0, {"C1": "accepted"})
    assert report["totals"]["net"] == net
    assert sent(invoiced)["C1"]["payrow"][0]["amount"].startswith("-")


def test_a_product_that_was_not_on_the_original(invoiced: Desk) -> None:
    """What was not invoiced cannot be credited; the finding stands on the product's cell."""
    invoiced.write("credit.csv", credit("C1", "1001", Tuote="Muu"), header=CREDIT_HEADER)
    done, report = invoiced.run("credit.csv")
    assert (done.code, told(report)) == (1, [("credit-new-product", "I2", "C1")])
    assert report["findings"][0]["message"] == (
        "“Muu” was not on the invoice 1001 that this credit note credits."
    )
    assert "C1" not in sent(invoiced)


def test_credits_stay_within_the_original(invoiced: Desk) -> None:
    """Two credit notes of 60 % in one file: the second is more than is left."""
    invoiced.write(
        "credit.csv",
        credit("C1", "1001", discount="40"),
        credit("C2", "1001", discount="40"),
        header=CREDIT_HEADER,
    )
    done, report = invoiced.run("credit.csv")
    assert (done.code, outcomes(report)) == (1, {"C1": "accepted", "C2": "invalid"})
    assert [each["message"] for each in report["findings"]] == [
        (
            "This credit note of 75.30 is more than is left of the invoice 1001: "
            "125.50 less 75.30 credited before is 50.20."
        )
    ]


def test_an_unknown_original_is_a_warning(desk: Desk) -> None:
    """A credit note that names no invoice at all is sent unallocated, and the report says so."""
    desk.write("credit.csv", credit("C1", ""), header=CREDIT_HEADER)
    done, report = desk.run("credit.csv")
    assert (done.code, outcomes(report)) == (0, {"C1": "accepted"})
    assert told(report, "warning") == [("credit-unallocated", "M2", "C1")]
    desk.write("credit.csv", credit("C2", "7777"), header=CREDIT_HEADER)
    done, report = desk.run("credit.csv")
    assert ("credit-original-unknown", "M2", "C2") in told(report, "warning")
    assert outcomes(report) == {"C2": "refused"}  # the sandbox does not have it either
    assert done.code == 1


def test_invoice_and_credit_note_in_one_file(desk: Desk) -> None:
    """A credit note goes after the invoice that it credits, in whatever order they stand in the file."""
    lines = [credit(f"C{number}", str(number)) for number in range(1, 31)]
    lines += [f"{row(Laskunumero=str(number))};;;" for number in range(1, 31)]
    desk.write("both.csv", *lines, header=CREDIT_HEADER)
    desk.env = {"ROPO_BATCH_SIZE": "3"}
    done, report = desk.run("both.csv")
    assert (done.code, told(report, None)) == (0, [])
    order = [each["billnum"] for each in desk.accepted()]
    assert max(order.index(str(number)) for number in range(1, 31)) < min(
        order.index(f"C{number}") for number in range(1, 31)
    )


def test_credit_command_writes_a_file_to_run(invoiced: Desk) -> None:
    """`credit` makes a workbook of what was sent, all cells text, and sends nothing by itself."""
    done = invoiced.here("credit", "1001", "--percent", "50", "--number", "C1", "--out", "note")
    assert done.code == 0
    assert len(invoiced.accepted()) == 1
    sheet = load_workbook(invoiced.folder / "note" / "credit-1001.xlsx").active
    assert sheet is not None
    header, cells = ([cell.value for cell in line] for line in sheet.iter_rows())
    note = dict(zip(header, cells, strict=True))
    assert (note["payrow.amount"], note["payrow.discount"], note["refundtobillnum"]) == (
        "-50.00",
        "50",
        "1001",
    )
    assert {cell.data_type for line in sheet.iter_rows() for cell in line} == {"s"}
    done, report = invoiced.run("note/credit-1001.xlsx")
    assert (done.code, report["totals"]["total"]) == (0, "-62.75")


def test_credit_command_sends_when_asked(invoiced: Desk) -> None:
    """`credit --send` does both, under the same rules: no more than is left."""
    assert invoiced.here("credit", "1001", "--number", "C1", "--send").code == 0
    done = invoiced.here("credit", "1001", "--number", "C2", "--percent", "1", "--send")
    assert done.code == 1
    assert "(credit-exceeds)" in done.out
    assert [each["billnum"] for each in invoiced.accepted()] == ["1001", "C1"]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("4711",), "The ledger has no accepted invoice 4711 in sandbox."),
        (("1001", "--percent", "0"), "“0” is no percentage of an invoice to credit."),
        (("1001", "--percent", "101"), "“101” is no percentage of an invoice to credit."),
        (("1001", "--percent", "half"), "“half” is no percentage of an invoice to credit."),
    ],
)
def test_credit_command_refusals(invoiced: Desk, args: tuple[str, ...], line: str) -> None:
    """What cannot be credited is one line and exit code 2."""
    done = invoiced.here("credit", *args)
    assert done.code == 2
    assert done.one_line.startswith(line)


def test_the_documents_credit_notes(desk: Desk) -> None:
    """The source document's invoice is credited in full by one sample file, and half of it by the other."""
    desk.run(SAMPLES / "example-credited-invoice.csv")
    done, report = desk.run(SAMPLES / "example-credit-note-half.csv")
    assert done.code == 0, report["findings"]
    half = desk.accepted()[-1]
    assert half["payrow"] == [
        {
            "desc": "Siivous",
            "count": "1",
            "itemtype": "h",
            "amount": "-100.00",
            "taxpr": "23",
            "discount": "50",
        }
    ]
