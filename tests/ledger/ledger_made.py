"""Documents and runs made for tests of the ledger and the sender."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from pipeline.document import Document, Kind, Outcome
from pipeline.findings import finding
from pipeline.ledger import Ledger, Planned, Run, open_ledger
from pipeline.ledger.run import Answered, Settlement
from pipeline.ledger.states import State

ENVIRONMENT, CID = "sandbox", "1001"
DATABASE = "sqlite"
"""Where ledgers are made; set for each test of the ledger."""

HETU = "131052-308T"


def invoice(billnum: str | None = "1001", *, row: int = 2, price: str = "100.00", **changes: Any) -> Document:
    """A good invoice of one row, guarded when it has a number; a change of None leaves the tag out."""
    dataset: dict[str, Any] = {
        "jobtype": "0",
        "billnum": billnum,
        "checkbillnum": "1" if billnum else None,
        "customertype": "1",
        "company": "Matin konepaja Oy",
        "address": "Mäkikatu 12 B 4",
        "postcode": "70100",
        "city": "KUOPIO",
        "billdate": "2026-10-01",
        "paydate": "2026-10-15",
        "payrow": [{"desc": "Huolto", "count": "1", "itemtype": "h", "amount": price, "taxpr": "25.5"}],
    }
    dataset = {tag: value for tag, value in (dataset | changes).items() if value is not None}
    net = Decimal(price)
    vat = (net * Decimal("0.255")).quantize(Decimal("0.01"))
    return Document(dataset, Kind.INVOICE, [(0, row)], net, vat, net + vat)


def invoices(count: int, first: int = 1001) -> list[Document]:
    """Good invoices with rising numbers, each of one row; number 1001 lies in row 2."""
    return [invoice(str(number), row=number - 999) for number in range(first, first + count)]


def wrong(document: Document) -> Document:
    """The document with an error found in it."""
    document.findings.append(finding("duplicate-in-run", billnum=document.billnum))
    return document


@contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    """The ledger in a folder, locked for the customer."""
    with open_ledger(url(folder)) as ledger, ledger.lock(ENVIRONMENT, CID):
        yield ledger


def url(folder: Path) -> str:
    """The URL of the ledger in a folder."""
    if DATABASE == "postgresql":
        from postgres import ledger_url  # noqa: PLC0415 - other programs use this module without it

        return ledger_url(str(folder))
    return f"sqlite:///{folder / 'ledger.sqlite'}"


def begin(ledger: Ledger, *, sends: bool = True) -> Run:
    """A run on `orders.csv`."""
    run = ledger.begin_run("run" if sends else "check", ENVIRONMENT, CID, {}, sends=sends)
    run.describe([{"file": "orders.csv", "sheet": None}])
    return run


def settled(ledger: Ledger, documents: list[Document], state: State) -> Run:
    """A run in which those documents were sent, and answered with that state."""
    run = begin(ledger)
    answer(run, run.plan(documents), state)
    return run


def answer(run: Run, planned: Sequence[Planned], state: State) -> None:
    """Send what is planned as one batch, and have it answered with that state."""
    batch = run.begin_batch(planned)
    outcome, exposed = Outcome(state.value), state is State.UNKNOWN
    run.end_batch(
        batch,
        Answered(201, "counted", "", 1),
        [
            Settlement(each.document_id, (state,), outcome, "so it was told", exposed=exposed)
            for each in planned
        ],
    )


def outcomes(run: Run) -> list[str]:
    """The outcomes of a run's invoices, in the order of the export."""
    return rows(run.ledger, "SELECT outcome FROM invoice WHERE run_id = :run ORDER BY number", run=run.id)


def findings(run: Run) -> list[tuple[str, str]]:
    """Code and message of a run's findings."""
    return table(
        run.ledger, "SELECT code, message FROM finding WHERE run_id = :run ORDER BY number", run=run.id
    )


def states(ledger: Ledger) -> dict[str, str]:
    """The state of every document by its identity."""
    return dict(table(ledger, "SELECT identity, state FROM document ORDER BY id"))


def rows(ledger: Ledger, query: str, **values: Any) -> list[Any]:
    """The first column of a query's result."""
    return [row[0] for row in table(ledger, query, **values)]


def table(ledger: Ledger, query: str, **values: Any) -> list[Any]:
    """A query's result."""
    with ledger.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]


def held(ledger: Ledger, folder: Path) -> bytes:
    """All that the database keeps: SQLite's files, PostgreSQL's rows."""
    if DATABASE == "sqlite":
        return b"".join(path.read_bytes() for path in folder.iterdir())
    names = rows(ledger, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    return repr([table(ledger, f"SELECT * FROM {name}") for name in names]).encode()


def execute(connection: Connection, statements: Iterable[str]) -> None:
    """Run SQL as any program might."""
    for each in statements:
        connection.execute(text(each))
