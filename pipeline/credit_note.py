"""Makes a credit note for an invoice that the ledger has sent, as a workbook to look at and to run."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select
from xlsxwriter import Workbook

from pipeline.document import Kind
from pipeline.findings import refuse
from pipeline.ledger import Ledger
from pipeline.ledger.states import State
from pipeline.ledger.tables import content, with_content
from pipeline.ledger.tables import document as table
from pipeline.values.money import decimal_text

_KEPT = (
    *("company", "person", "address", "addressaddline1", "addressaddline2", "postcode", "city", "country"),
    *(
        "addresscountry",
        "custnum",
        "customertype",
        "govid",
        "vatid",
        "email",
        "evoice",
        "evoiceint",
        "sendtype",
    ),
    *("language", "negvat", "yourcode", "ourcode", "ordernumber", "billtemplate"),
)
"""What a credit note takes over from its original: whom it goes to, and how."""


def write_credit_note(
    ledger: Ledger,
    environment: str,
    cid: str,
    billnum: str,
    *,
    percent: Decimal,
    number: str | None,
    folder: Path,
) -> Path:
    """Write a credit note of so many percent of an invoice as a workbook under the API's own tags.

    Each row has the original's quantity and its price with a minus; less than all is credited with
    `discount`, as the source document does (`seeds/credit-note-allocation.txt`: 50 % with a discount of 50).

    Args:
        ledger: it knows the invoice.
        environment: as for `Ledger.begin_run`.
        cid: the customer at the service.
        billnum: the invoice's bill number.
        percent: above 0, at most 100.
        number: the credit note's own bill number, if it gets one.
        folder: where to write it.

    Raises:
        Refusal: the ledger has no such invoice, its contents are purged, or it is no invoice with rows.
    """
    dataset = _sent(ledger, environment, cid, billnum)
    # A personal identity code is not kept, only its hash: the credit note does without it.
    own = {tag: dataset[tag] for tag in _KEPT if tag in dataset and not str(dataset[tag]).startswith("#")}
    today = dt.datetime.now().astimezone().date().isoformat()
    own |= {"jobtype": dataset["jobtype"], "billdate": today, "paydate": today, "refundtobillnum": billnum}
    if number:
        own["billnum"] = number
    rows = [
        own | {f"payrow.{tag}": text for tag, text in _credited(row, percent).items()}
        for row in dataset["payrow"]
    ]
    path = folder / f"credit-{''.join(c if c.isalnum() else '-' for c in billnum)}.xlsx"
    tags = list(dict.fromkeys(tag for row in rows for tag in row))
    with Workbook(path) as book:
        sheet = book.add_worksheet("Credit note")
        for at, row in enumerate([dict(zip(tags, tags, strict=True)), *rows]):
            for column, tag in enumerate(tags):
                sheet.write_string(at, column, row.get(tag, ""))  # text, whatever it begins with
    return path


def _sent(ledger: Ledger, environment: str, cid: str, billnum: str) -> dict[str, Any]:
    column = table.c
    with ledger.engine.connect() as connection:
        row = connection.execute(
            select(content.c.payload)
            .select_from(with_content)
            .where(
                column.environment == environment,
                column.cid == cid,
                column.kind == Kind.INVOICE.value,
                column.billnum == billnum,
                column.state == State.ACCEPTED.value,
            )
        ).one_or_none()
    if row is None:
        raise refuse("credit-nothing-sent", billnum=billnum, environment=environment)
    dataset: dict[str, Any] = orjson.loads(row.payload) if row.payload else {}
    if not dataset.get("payrow"):
        raise refuse("credit-contents-gone", billnum=billnum)
    return dataset


def _credited(row: dict[str, str], percent: Decimal) -> dict[str, str]:
    """A row that takes back so much of what the original's row came to."""
    share = (100 - Decimal(row.get("discount", "0"))) * percent / 100
    amount = row["amount"]
    credited: dict[str, str] = {tag: row[tag] for tag in ("desc", "count", "itemtype", "taxpr") if tag in row}
    credited["amount"] = amount.removeprefix("-") if amount.startswith("-") else f"-{amount}"
    if share != 100:
        credited["discount"] = decimal_text(100 - share)
    return credited
