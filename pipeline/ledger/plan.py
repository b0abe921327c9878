"""Planning: which documents of a run may be sent, decided against all that was ever sent.

One transaction for a chunk of documents. Everything slow (JSON, hashes) is done before it begins, and
rows are written in bulk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, bindparam, or_, select, update

from pipeline.document import Document, Kind, Outcome
from pipeline.findings import Finding, finding
from pipeline.ledger import outbox, tables
from pipeline.ledger.content import GUARD, content, differences, without_codes
from pipeline.ledger.database import insert_rows
from pipeline.ledger.exposure import DESCRIBING, VERSION, after_change, renew_payloads
from pipeline.ledger.states import State
from pipeline.privacy import mask

if TYPE_CHECKING:
    from pipeline.ledger.run import Run

JOBS = frozenset({Kind.INVOICE, Kind.REMINDER, Kind.COLLECTION})
"""What is sent as a job. Allocations and payments name another document's number, not one of their own."""

_MAY_BE_THERE = (State.ACCEPTED, State.UNKNOWN, State.SENDING)
_AT_ONCE = 10_000  # identities in one look-up; SQLite takes up to 32,766 values
_SHOWN_DIFFERENCES = 20


class Planned(NamedTuple):
    """A document that may be sent; `body` is the real dataset, identity codes too, for the request only."""

    document_id: int
    number: int
    billnum: str | None
    body: bytes
    first_row: tuple[int, int]


class _Entry(NamedTuple):
    """A document with what the ledger will hold of it."""

    document: Document
    identity: str
    columns: dict[str, Any]
    payload: str
    body: bytes


def plan(run: Run, documents: Sequence[Document]) -> list[Planned]:
    """See `Run.plan`."""
    entries = [_entry(run, each) for each in documents]
    run.ledger.require_room(sum(3 * len(each.body) + 4096 for each in entries))
    with run.ledger.writing() as connection:
        run.take_turn(connection, shared=False)  # no sender claims what is decided about here
        decisions = list(_decide(connection, run, entries))
        return _write(connection, run, decisions)


class _Decision(NamedTuple):
    entry: _Entry
    outcome: Outcome
    known: Row[Any] | None = None
    found: Finding | None = None

    @property
    def sent(self) -> bool:
        """Whether it may go: nothing else leaves a decision as `not-sent`."""
        return self.outcome is Outcome.NOT_SENT


def identity_of(run: Run, document: Document) -> str:
    """What the ledger knows it by: its bill number, else `#` and the hash of its content."""
    billnum = document.billnum if document.kind in JOBS else None
    return billnum or f"#{content(run.ledger.key, document, None).hash}"


def _entry(run: Run, document: Document) -> _Entry:
    dataset = document.dataset
    billnum = document.billnum if document.kind in JOBS else None
    guard = dataset.get(GUARD)
    of = content(run.ledger.key, document, guard)
    identity = billnum or f"#{of.hash}"
    custnum = dataset.get("custnum")
    columns = {
        "environment": run.environment,
        "cid": run.cid,
        "kind": document.kind.value,
        "identity": identity,
        "billnum": document.billnum,
        "jobtype": dataset.get("jobtype"),
        "content_hash": of.hash,
        "guarded": int(bool(billnum) and guard == "1"),
        "net": str(document.net),
        "vat": str(document.vat),
        "total": str(document.total),
        "custnum": custnum and without_codes(run.ledger.key, custnum),
        "billdate": dataset.get("billdate"),
        "original_id": document.original_id,
    }
    return _Entry(document, identity, columns, of.payload, of.body)


def _decide(connection: Connection, run: Run, entries: Sequence[_Entry]) -> Iterator[_Decision]:
    valid = [each for each in entries if each.document.valid]
    known = _known(connection, run, valid)
    elsewhere = _billed_otherwise(connection, run, valid)
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        document = entry.document
        if not document.valid:
            yield _Decision(entry, Outcome.INVALID)
            continue
        identity = (entry.columns["kind"], entry.identity)
        row = known.get(identity)
        if identity in seen or (row is not None and run.sends and row.run_id == run.id):
            yield _Decision(entry, Outcome.INVALID, None, _found(run, document, "duplicate-in-run"))
            continue
        seen.add(identity)
        if document.kind is Kind.COLLECTION and document.billnum in elsewhere:
            yield _Decision(entry, Outcome.INVALID, None, _found(run, document, "collection-after-invoice"))
        else:
            yield _against(run, entry, row)


def _against(run: Run, entry: _Entry, row: Row[Any] | None) -> _Decision:
    """What follows from what is known of the same identity."""
    if row is None:
        return _Decision(entry, Outcome.NOT_SENT)
    if row.state in {State.PLANNED, State.REFUSED}:
        tried = row.exposed or row.earlier
        return _Decision(_guarded(run, entry) if tried else entry, Outcome.NOT_SENT, row)
    document = entry.document
    changes = _changes(row, entry)
    if row.state != State.ACCEPTED:
        if changes:
            run.changed[row.id] = changes
        return _Decision(
            entry, Outcome.UNKNOWN, row, _found(run, document, "outcome-unknown", why=row.reason)
        )
    if not changes:
        return _Decision(entry, Outcome.ALREADY_ACCEPTED, row)
    return _Decision(
        entry,
        Outcome.CONFLICT,
        row,
        _found(run, document, "conflict", differences=changes, when=row.updated[:10]),
    )


def _guarded(run: Run, entry: _Entry) -> _Entry:
    """The entry under `checkbillnum`, whatever the profile says: an earlier attempt may yet arrive."""
    if not entry.columns["billnum"] or entry.document.kind not in JOBS or entry.columns["guarded"]:
        return entry
    body = content(run.ledger.key, entry.document, "1").body
    return entry._replace(columns=entry.columns | {"guarded": 1}, body=body)


def _changes(row: Row[Any], entry: _Entry) -> str:
    """What differs from what the ledger has, field by field; `""` when they say the same."""
    if row.content_hash == entry.columns["content_hash"]:
        return ""
    document = entry.document
    aside = set(document.clock_fields)
    if row.original_id is not None and row.original_id == document.original_id:
        aside |= {"refundtojobid", "refundtobillnum"}  # two names of one invoice
    # None when the profile now takes from the file what came from the clock then, or the reverse.
    changes = differences(row.payload, entry.payload, aside)
    more = len(changes) - _SHOWN_DIFFERENCES
    return "; ".join(changes[:_SHOWN_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")


def _found(run: Run, document: Document, code: str, **details: str) -> Finding:
    return finding(code, run.place(document.rows[0]), billnum=document.billnum, **details)


def _known(connection: Connection, run: Run, entries: Iterable[_Entry]) -> dict[tuple[str, str], Row[Any]]:
    """What the ledger has under the same kinds and identities."""
    column = tables.document.c
    statement = select(
        column.id, column.identity, column.state, column.run_id, column.exposed, column.earlier,
        column.reason, column.updated, *VERSION,
    ).select_from(tables.with_content).where(
        column.environment == run.environment,
        column.cid == run.cid,
        column.kind == bindparam("of_kind"),
        column.identity.in_(bindparam("identities", expanding=True)),
    )  # fmt: skip
    known = {}
    by_kind = sorted(entries, key=_kind_of)
    for kind, some in groupby(by_kind, key=_kind_of):
        for identities in _chunks(sorted({each.identity for each in some})):
            rows = connection.execute(statement, {"of_kind": kind, "identities": identities})
            known.update({(kind, row.identity): row for row in rows})
    return known


def _kind_of(entry: _Entry) -> str:
    return str(entry.columns["kind"])


def _billed_otherwise(connection: Connection, run: Run, entries: Iterable[_Entry]) -> set[str | None]:
    """Bill numbers under collection here that are an invoice's or reminder's elsewhere.

    The service takes a debt collection only for what was never sent as invoice or reminder
    (`ropo-one-api.md`, job types).
    """
    collected = {each.document.billnum for each in entries if each.document.kind is Kind.COLLECTION}
    if not collected:
        return set()
    others = {
        each.document.billnum for each in entries if each.document.kind in {Kind.INVOICE, Kind.REMINDER}
    }
    column = tables.document.c
    statement = select(column.billnum).where(
        column.environment == run.environment,
        column.cid == run.cid,
        column.kind.in_([Kind.INVOICE, Kind.REMINDER]),
        column.identity.in_(bindparam("billnums", expanding=True)),
        or_(column.state.in_(_MAY_BE_THERE), column.run_id == run.id),
    )
    for billnums in _chunks(sorted(filter(None, collected))):
        others.update(connection.scalars(statement, {"billnums": billnums}))
    return collected & others


def _write(connection: Connection, run: Run, decisions: Sequence[_Decision]) -> list[Planned]:
    going = [each for each in decisions if each.sent]
    ids = {id(each): each.known.id for each in decisions if each.known is not None}
    if run.sends:
        ids |= _write_documents(connection, run, going)
    insert_rows(
        connection,
        tables.invoice,
        tables.invoice.columns.keys(),
        [_invoice(run, each, ids.get(id(each))) for each in decisions],
    )
    run.write_findings(
        connection,
        (
            (each.entry.document.number, found)
            for each in decisions
            if each.found or each.entry.document.findings
            for found in (*each.entry.document.findings, *((each.found,) if each.found else ()))
        ),
    )
    return [_planned(each.entry, ids.get(id(each), 0)) for each in going]


def _planned(entry: _Entry, document_id: int) -> Planned:
    document = entry.document
    return Planned(document_id, document.number, document.billnum, entry.body, document.rows[0])


def _write_documents(connection: Connection, run: Run, going: Sequence[_Decision]) -> dict[int, int]:
    """Insert or renew what may go; returns the ids of the new ones by decision."""
    stamp = {"state": State.PLANNED.value, "run_id": run.id, **run.stamp("planned")}
    fresh = [each for each in going if each.known is None]
    ids = run.ledger.database.new_ids(connection, tables.document, len(fresh))
    new = {"attempt": 0, "exposed": 0, **stamp}
    names = [*fresh[0].entry.columns, *new, "id"] if fresh else []
    insert_rows(
        connection,
        tables.document,
        names,
        [
            (*each.entry.columns.values(), *new.values(), number)
            for number, each in zip(ids, fresh, strict=True)
        ],
    )
    payloads = [(number, each.entry.payload) for number, each in zip(ids, fresh, strict=True)]
    insert_rows(connection, tables.content, tables.content.columns.keys(), payloads)
    again = [
        {"key": each.known.id, **after_change(each.known, each.entry.columns), **each.entry.columns, **stamp}
        for each in going
        if each.known is not None
    ]
    if again:
        outbox.release(connection, [row["key"] for row in again])
        renew_payloads(
            connection,
            [
                (each.known.id, each.entry.payload)
                for each in going
                if each.known is not None and each.known.payload != each.entry.payload
            ],
        )
        changed = (*DESCRIBING, "exposed", "earlier", *stamp)
        unchanged = ("environment", "cid", "kind", "identity", "billnum")
        connection.execute(
            update(tables.document)
            .where(tables.document.c.id == bindparam("key"))
            .values({name: bindparam(f"new_{name}") for name in changed}),
            [
                {
                    name if name == "key" else f"new_{name}": value
                    for name, value in row.items()
                    if name not in unchanged
                }
                for row in again
            ],
        )
    return {id(each): number for number, each in zip(ids, fresh, strict=True)}


def _invoice(run: Run, decision: _Decision, document_id: int | None) -> tuple[Any, ...]:
    """The row of `invoice`, in the order of its columns."""
    document, columns = decision.entry.document, decision.entry.columns
    rows = document.rows
    if run.repeats:
        rows = [own for own in rows if run.is_of_table(own[0])]
    return (
        *(run.id, document.number, document_id, columns["kind"], columns["billnum"], columns["jobtype"]),
        mask(document.dataset.get("company") or document.dataset.get("person") or ""),
        *(columns["billdate"], decision.outcome.value, columns["net"], columns["vat"], columns["total"]),
        orjson.dumps(_ranges(rows)).decode(),
    )


def _ranges(rows: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Rows as [source, first, last], neighbours joined, in their order."""
    ranges: list[list[int]] = []
    for source, row in rows:
        if ranges and ranges[-1][0] == source and ranges[-1][2] + 1 == row:
            ranges[-1][2] = row
        else:
            ranges.append([source, row, row])
    return ranges


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
