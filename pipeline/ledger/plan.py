"""Planning: which documents of a run may be sent, decided against all that was ever sent.

One transaction for a chunk of documents. Everything slow (JSON, hashes) is done before it begins, and
rows are written in bulk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, or_, select, update

from pipeline.document import Kind, Outcome
from pipeline.findings import Finding, finding
from pipeline.ledger import outbox, tables
from pipeline.ledger.content import differences
from pipeline.ledger.database import insert_rows
from pipeline.ledger.entry import Entry
from pipeline.ledger.exposure import DESCRIBING, VERSION, after_change, renew_payloads
from pipeline.ledger.states import State

if TYPE_CHECKING:
    from pipeline.ledger.run import Run

_MAY_BE_THERE = (State.ACCEPTED, State.UNKNOWN, State.SENDING)
_AT_ONCE = 10_000  # identities in one look-up; SQLite takes up to 32,766 values
_SHOWN_DIFFERENCES = 20
_COLUMNS = (
    *("environment", "cid", "kind", "identity", "billnum", "jobtype", "content_hash", "guarded"),
    *("net", "vat", "total", "custnum", "billdate", "original_id"),
)


class Planned(NamedTuple):
    """A document that may be sent; `body` is the real dataset, identity codes too, for the request only."""

    document_id: int
    number: int
    billnum: str | None
    body: bytes
    first_row: tuple[int, int]


def plan(run: Run, entries: Sequence[Entry]) -> list[Planned]:
    """See `Run.plan`."""
    run.ledger.require_room(sum(3 * len(each.body) + 4096 for each in entries))
    with run.ledger.writing() as connection:
        run.take_turn(connection, shared=False)  # no sender claims what is decided about here
        decisions = list(_decide(connection, run, entries))
        return _write(connection, run, decisions)


class _Decision(NamedTuple):
    entry: Entry
    outcome: Outcome
    known: Row[Any] | None = None
    found: Finding | None = None

    @property
    def sent(self) -> bool:
        """Whether it may go: nothing else leaves a decision as `not-sent`."""
        return self.outcome is Outcome.NOT_SENT


def _decide(connection: Connection, run: Run, entries: Sequence[Entry]) -> Iterator[_Decision]:
    valid = [each for each in entries if each.valid]
    known = _known(connection, run, valid)
    elsewhere = _billed_otherwise(connection, run, valid)
    seen: set[tuple[Kind, str]] = set()
    for entry in entries:
        if not entry.valid:
            yield _Decision(entry, Outcome.INVALID)
            continue
        identity = (entry.kind, entry.identity)
        row = known.get(identity)
        if identity in seen or (row is not None and run.sends and row.run_id == run.id):
            yield _Decision(entry, Outcome.INVALID, None, _found(run, entry, "duplicate-in-run"))
            continue
        seen.add(identity)
        if entry.kind is Kind.COLLECTION and entry.billnum in elsewhere:
            yield _Decision(entry, Outcome.INVALID, None, _found(run, entry, "collection-after-invoice"))
        else:
            yield _against(run, entry, row)


def _against(run: Run, entry: Entry, row: Row[Any] | None) -> _Decision:
    """What follows from what is known of the same identity."""
    if row is None:
        return _Decision(entry, Outcome.NOT_SENT)
    if row.state in {State.PLANNED, State.REFUSED}:
        tried = row.exposed or row.earlier
        return _Decision(entry.under_guard() if tried else entry, Outcome.NOT_SENT, row)
    changes = _changes(row, entry)
    if row.state != State.ACCEPTED:
        if changes:
            run.changed[row.id] = changes
        return _Decision(entry, Outcome.UNKNOWN, row, _found(run, entry, "outcome-unknown", why=row.reason))
    if not changes:
        return _Decision(entry, Outcome.ALREADY_ACCEPTED, row)
    return _Decision(
        entry,
        Outcome.CONFLICT,
        row,
        _found(run, entry, "conflict", differences=changes, when=row.updated[:10]),
    )


def _changes(row: Row[Any], entry: Entry) -> str:
    """What differs from what the ledger has, field by field; `""` when they say the same."""
    if row.content_hash == entry.content_hash:
        return ""
    aside = set(entry.clock_fields)
    if row.original_id is not None and row.original_id == entry.original_id:
        aside |= {"refundtojobid", "refundtobillnum"}  # two names of one invoice
    # None when the profile now takes from the file what came from the clock then, or the reverse.
    changes = differences(row.payload, entry.payload, aside)
    more = len(changes) - _SHOWN_DIFFERENCES
    return "; ".join(changes[:_SHOWN_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")


def _found(run: Run, entry: Entry, code: str, **details: str) -> Finding:
    return finding(code, run.place(entry.first_row), billnum=entry.billnum, **details)


def _known(connection: Connection, run: Run, entries: Iterable[Entry]) -> dict[tuple[Kind, str], Row[Any]]:
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
    known: dict[tuple[Kind, str], Row[Any]] = {}
    by_kind = sorted(entries, key=_kind_of)
    for kind, some in groupby(by_kind, key=_kind_of):
        for identities in _chunks(sorted({each.identity for each in some})):
            rows = connection.execute(statement, {"of_kind": kind, "identities": identities})
            known.update({(Kind(kind), row.identity): row for row in rows})
    return known


def _kind_of(entry: Entry) -> str:
    return entry.kind.value


def _billed_otherwise(connection: Connection, run: Run, entries: Iterable[Entry]) -> set[str | None]:
    """Bill numbers under collection here that are an invoice's or reminder's elsewhere.

    The service takes a debt collection only for what was never sent as invoice or reminder
    (`ropo-one-api.md`, job types).
    """
    collected = {each.billnum for each in entries if each.kind is Kind.COLLECTION}
    if not collected:
        return set()
    others = {each.billnum for each in entries if each.kind in {Kind.INVOICE, Kind.REMINDER}}
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
            (each.entry.number, found)
            for each in decisions
            if each.found or each.entry.findings
            for found in (*each.entry.findings, *((each.found,) if each.found else ()))
        ),
    )
    return [_planned(each.entry, ids.get(id(each), 0)) for each in going]


def _planned(entry: Entry, document_id: int) -> Planned:
    return Planned(document_id, entry.number, entry.billnum, entry.body, entry.first_row)


def _write_documents(connection: Connection, run: Run, going: Sequence[_Decision]) -> dict[int, int]:
    """Insert or renew what may go; returns the ids of the new ones by decision."""
    stamp = {"state": State.PLANNED.value, "run_id": run.id, **run.stamp("planned")}
    fresh = [each for each in going if each.known is None]
    ids = run.ledger.database.new_ids(connection, tables.document, len(fresh))
    new = {"attempt": 0, "exposed": 0, **stamp}
    insert_rows(
        connection,
        tables.document,
        (*_COLUMNS, *new, "id"),
        [
            (*_columns(run, each.entry), *new.values(), number)
            for number, each in zip(ids, fresh, strict=True)
        ],
    )
    payloads = [(number, each.entry.payload) for number, each in zip(ids, fresh, strict=True)]
    insert_rows(connection, tables.content, tables.content.columns.keys(), payloads)
    again = [
        {"key": each.known.id, **after_change(each.known, content), **content, **stamp}
        for each in going
        if each.known is not None
        for content in [dict(zip(_COLUMNS, _columns(run, each.entry), strict=True))]
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


def _columns(run: Run, entry: Entry) -> tuple[Any, ...]:
    """What `document` has of an entry, in the order of `_COLUMNS`."""
    return (
        *(run.environment, run.cid, entry.kind.value, entry.identity, entry.billnum, entry.jobtype),
        *(entry.content_hash, int(entry.is_guarded), entry.net, entry.vat, entry.total),
        *(entry.custnum, entry.billdate, entry.original_id),
    )


def _invoice(run: Run, decision: _Decision, document_id: int | None) -> tuple[Any, ...]:
    """The row of `invoice`, in the order of its columns."""
    entry = decision.entry
    return (
        *(run.id, entry.number, document_id, entry.kind.value, entry.billnum, entry.jobtype),
        *(entry.customer, entry.billdate, decision.outcome.value),
        *(entry.net, entry.vat, entry.total, entry.rows),
    )


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
