"""Credit note allocations and payments: one request a row, under the same ledger, report and exit codes."""

from __future__ import annotations

import pytest
from flow_desk import GOOD, SAMPLES, Desk, told

from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.server import serve_in_thread
from pipeline.sandbox.state import SandboxState


@pytest.fixture
def invoiced(desk: Desk) -> Desk:
    """Invoice 1001 over 125.50 was sent by an earlier run."""
    desk.write("invoices.csv", GOOD)
    desk.run("invoices.csv")
    return desk


def entries(desk: Desk) -> list[dict[str, object]]:
    """What the sandbox has booked beside jobs."""
    (path,) = desk.home.rglob("sandbox.sqlite")
    state = SandboxState(path)
    try:
        return [each["dataset"] for each in state.accepted() if each["kind"] in {"allocation", "payment"}]
    finally:
        state.close()


def test_an_allocation_has_all_fields(invoiced: Desk) -> None:
    """Every field of the source document's table goes from its column to the service, amounts as numbers."""
    invoiced.write(
        "allocations.csv",
        "100,50;2026-11-02;1001;allocated;26251;Tavara palautettu",
        header="Hyvityssumma;Päivä;Laskunumero;type;creditnotebillnum;description",
    )
    done = invoiced.here("allocate", "allocations.csv", "--out", "out")
    report = invoiced.report()
    assert (done.code, told(report, None)) == (0, [])
    assert entries(invoiced) == [
        {
            "amount": 100.5,
            "date": "2026-11-02",
            "billnum": "1001",
            "type": "allocated",
            "creditnotebillnum": "26251",
            "description": "Tavara palautettu",
        }
    ]
    assert report["totals"]["outcomes"]["accepted"] == {
        "count": 1,
        "net": "100.50",
        "vat": "0.00",
        "total": "100.50",
    }


@pytest.mark.parametrize("command", ["allocate", "payments"])
def test_the_same_file_again_books_nothing_again(invoiced: Desk, command: str) -> None:
    """An entry is known by its content."""
    day = {"allocate": "date", "payments": "paydate"}[command]
    invoiced.write("entries.csv", "10,00;2026-11-02;1001", header=f"amount;{day};billnum")
    assert invoiced.here(command, "entries.csv", "--out", "out").code == 0
    done = invoiced.here(command, "entries.csv", "--out", "out")
    assert done.code == 0
    assert invoiced.report()["totals"]["outcomes"]["already-accepted"]["count"] == 1
    assert len(entries(invoiced)) == 1


def test_two_equal_rows_are_not_booked_twice(invoiced: Desk) -> None:
    """Nothing tells two equal payments from one that was exported twice: the second is held back."""
    line = "10,00;2026-11-02;1001"
    invoiced.write("entries.csv", line, line, header="amount;paydate;billnum")
    assert invoiced.here("payments", "entries.csv", "--out", "out").code == 1
    assert [code for code, _, _ in told(invoiced.report())] == ["duplicate-in-run"]
    assert len(entries(invoiced)) == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("abc;2026-11-02;1001", ("number-form", "A2", "1001")),
        ("-5;2026-11-02;1001", ("value-form", "A2", "1001")),
        ("10;31.2.2026;1001", ("date-impossible", "B2", "1001")),
        ("10;;1001", ("field-missing", "B2", "1001")),
    ],
)
def test_wrong_rows_are_told_on_their_cells(
    invoiced: Desk, line: str, expected: tuple[str, str, str]
) -> None:
    """An entry that its schema refuses is not sent."""
    invoiced.write("entries.csv", line, header="amount;paydate;billnum")
    assert invoiced.here("payments", "entries.csv", "--out", "out").code == 1
    assert told(invoiced.report()) == [expected]
    assert entries(invoiced) == []


def test_an_invoice_that_the_service_does_not_have(invoiced: Desk) -> None:
    """The service refuses the entry, the others go on, and the report has its words."""
    invoiced.write("entries.csv", "10;2026-11-02;4711", "11;2026-11-02;1001", header="amount;paydate;billnum")
    assert invoiced.here("payments", "entries.csv", "--out", "out").code == 1
    assert told(invoiced.report()) == [("refused-by-service", "row 2", "4711")]
    assert "There is no such job" in invoiced.report()["findings"][0]["message"]
    assert len(entries(invoiced)) == 1


@pytest.mark.parametrize("command", ["allocate", "payments"])
def test_an_entry_without_an_answer_is_never_sent_again_blindly(invoiced: Desk, command: str) -> None:
    """No look-up tells whether it was booked: it stays unknown until a person decides."""
    path, day = {"allocate": ("creditnote", "date"), "payments": ("payment", "paydate")}[command]
    invoiced.write("entries.csv", "10;2026-11-02;1001", header=f"amount;{day};billnum")
    (state,) = invoiced.home.rglob("sandbox.sqlite")
    fault = Fault(kind="close", endpoint=f"POST /rest/jobs/{path}", when="after", nth=1)
    with serve_in_thread(state, faults=Faults([fault])) as server:
        invoiced.env = {"ROPO_BASE_URL": server.url}
        assert invoiced.here(command, "entries.csv", "--out", "out").code == 3
        assert invoiced.here(command, "entries.csv", "--grace", "0", "--out", "out").code in {2, 3}
        assert invoiced.here(command, "entries.csv", "--out", "out").code == 3
    assert len(entries(invoiced)) == 1
    ((identity,),) = invoiced.ledger("select identity from document where state = 'unknown'")
    assert (
        invoiced.here("resolve", identity, "--accepted", "--why", "seen in Ropo One", "--who", "Maija").code
        == 0
    )
    assert invoiced.here(command, "entries.csv", "--out", "out").code == 0
    assert len(entries(invoiced)) == 1


def test_no_column_names_the_invoice(invoiced: Desk) -> None:
    """One of reference, job id and bill number is needed."""
    invoiced.write("entries.csv", "10;2026-11-02", header="amount;paydate")
    done = invoiced.here("payments", "entries.csv")
    assert done.code == 2
    assert "(no-header)" in done.one_line or "(column-missing)" in done.one_line


def test_sample_files(desk: Desk) -> None:
    """The sample allocations and payments are for invoices of the sample workbooks."""
    desk.run(SAMPLES / "everything.xlsx", "--attachments", SAMPLES / "attachments")
    desk.run(SAMPLES / "invoices.xlsx")
    assert desk.here("allocate", SAMPLES / "allocations.xlsx", "--out", "out").code == 0
    assert desk.here("payments", SAMPLES / "payments.xlsx", "--out", "out").code == 0
    assert len(entries(desk)) == 5
