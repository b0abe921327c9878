"""Credit notes against the invoices that they credit, as far as the ledger has sent them.

What is on a credit note must have been on the original, and all credits of an invoice together come to
no more than it did (`seeds/credit-note-allocation.txt`: no new products, a credit cancels the original in
part or in full).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import Connection, Row, and_, or_, select

from pipeline.document import Document, Kind
from pipeline.ledger import Run
from pipeline.ledger.entry import identity_of
from pipeline.ledger.states import State
from pipeline.ledger.tables import content, with_content
from pipeline.ledger.tables import document as table
from pipeline.validator.rules.base import Broken
from pipeline.validator.rules.credit import REFUNDS
from pipeline.values.words import normalise

_AT_ONCE = 5_000
_SENT = (State.ACCEPTED.value, State.UNKNOWN.value, State.SENDING.value)


def against_originals(run: Run, documents: Sequence[Document]) -> Iterator[tuple[Document, list[Broken]]]:
    """What is wrong with each credit note that names its original; `sent_as` and `original_id` are set.

    Args:
        run: its ledger and customer are looked at; what the run itself has planned counts as sent.
        documents: those for which `names_original`, already valid by themselves.
    """
    for start in range(0, len(documents), _AT_ONCE):
        part = documents[start : start + _AT_ONCE]
        with run.ledger.engine.connect() as connection:
            originals = _originals(connection, run, part)
            credited = _credited(connection, run, {row.id for row in originals.values()})
        for document in part:
            key = _key(document)
            original = originals.get(key)
            if original is None:
                yield document, [Broken("credit-original-unknown", key[0], key[1])]
                continue
            document.original_id = original.id
            if original.jobid:
                rest = {tag: value for tag, value in document.dataset.items() if tag not in REFUNDS}
                document.sent_as = {**rest, "refundtojobid": original.jobid}
            earlier = credited[original.id]
            earlier.pop(identity_of(run.ledger.key, document), None)  # the same credit note, sent before
            yield document, [*_new_products(document, original), *_too_much(document, original, earlier)]
            earlier[identity_of(run.ledger.key, document)] = document.total


def _key(document: Document) -> tuple[str, str]:
    """The tag by which it names its original, and the number."""
    return next((tag, document.dataset[tag]) for tag in REFUNDS if tag in document.dataset)


def _mine(run: Run) -> Any:
    """The customer's invoices that are with the service, may be, or are about to be sent by this run."""
    column = table.c
    here = or_(column.state.in_(_SENT), and_(column.state == State.PLANNED.value, column.run_id == run.id))
    return and_(
        column.environment == run.environment,
        column.cid == run.cid,
        column.kind == Kind.INVOICE.value,
        here,
    )


def _originals(connection: Connection, run: Run, documents: Iterable[Document]) -> dict[tuple[str, str], Any]:
    column = table.c
    wanted: dict[str, list[str]] = defaultdict(list)
    for document in documents:
        tag, number = _key(document)
        wanted[tag].append(number)
    which = or_(column.billnum.in_(wanted["refundtobillnum"]), column.jobid.in_(wanted["refundtojobid"]))
    rows = connection.execute(
        select(column.id, column.billnum, column.jobid, column.total, content.c.payload)
        .select_from(with_content)
        .where(_mine(run), which)
    )
    found: dict[tuple[str, str], Any] = {}
    for row in rows:
        found["refundtobillnum", row.billnum] = row
        found["refundtojobid", row.jobid] = row
    return found


def _credited(connection: Connection, run: Run, ids: set[int]) -> dict[int, dict[str, Decimal]]:
    """By original: the totals of its credit notes by their identity."""
    column = table.c
    credited: dict[int, dict[str, Decimal]] = defaultdict(dict)
    rows = connection.execute(
        select(column.original_id, column.identity, column.total).where(
            _mine(run), column.original_id.in_(ids)
        )
    )
    for original, identity, total in rows:
        credited[original][identity] = Decimal(total)
    return credited


def _new_products(document: Document, original: Row[Any]) -> Iterator[Broken]:
    if original.payload is None:  # purged: its products are no longer known
        return
    products = {normalise(row["desc"]) for row in orjson.loads(original.payload).get("payrow", ())}
    for number, row in enumerate(document.dataset.get("payrow", ())):
        if normalise(row["desc"]) not in products:
            name = original.billnum or original.jobid
            yield Broken("credit-new-product", "payrow.desc", row["desc"], number, {"original": name})


def _too_much(document: Document, original: Row[Any], earlier: dict[str, Decimal]) -> Iterator[Broken]:
    before = -sum(earlier.values(), Decimal("0.00"))
    left = Decimal(original.total) - before
    if -document.total > left:
        details = {
            "original": original.billnum or original.jobid,
            "original_total": original.total,
            "before": before,
            "left": left,
        }
        yield Broken("credit-exceeds", _key(document)[0], str(-document.total), None, details)
