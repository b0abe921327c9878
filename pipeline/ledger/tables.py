"""The ledger's tables: what was ever intended, sent and answered, and what each run found.

`document` is the promise (never twice): one row for an identity, unique. The rest is history and
the material of the report. Money and times are text (decimal text, ISO 8601 in UTC).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

metadata = MetaData()

Text = sqlalchemy.Text().with_variant(sqlalchemy.Text(collation="C"), "postgresql")
"""Text that sorts by its bytes, in every database."""

Id = Integer().with_variant(BigInteger(), "postgresql")
"""A number given by the database; SQLite gives them to INTEGER only, which holds 64 bits there."""


OPEN = "(state IN ('sending', 'unknown') OR (state = 'planned' AND exposed = 1))"
"""SQL for documents that were tried and are not settled; queries must have it to use their index."""


def _where(condition: str) -> dict[str, Any]:
    return {f"{dialect}_where": text(condition) for dialect in ("sqlite", "postgresql")}


meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),  # schema_version, hash_key
    Column("value", Text, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),  # 20261120T021500-3f9a12bc: sorts by time
    Column("command", Text, nullable=False),  # run, check, allocate, payments, reconcile …
    Column("environment", Text, nullable=False),  # sandbox, test-fi, production-fi …
    Column("cid", Text, nullable=False),
    Column("started", Text, nullable=False),
    Column("finished", Text),
    Column("exit_code", Integer),
    Column("facts", Text, nullable=False),  # JSON: version, inputs, profile, options, base URL …
    Column(
        "sources", Text
    ),  # JSON: a list, by source number, of {file, sheet, header_row, facts, columns, ignored …}
    Column("totals", Text),  # JSON: rows_read, rows_set_aside … once they are known
)

transition = Table(
    "transition",
    metadata,
    Column("from_state", Text, primary_key=True),
    Column("to_state", Text, primary_key=True),
)

document = Table(
    "document",
    metadata,
    Column("id", Id, primary_key=True),
    Column("environment", Text, nullable=False),
    Column("cid", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("identity", Text, nullable=False),  # the bill number, else "#" and the content's hash
    Column("billnum", Text),
    Column("jobtype", Text),
    Column("state", Text, nullable=False),  # planned, sending, accepted, refused, unknown
    Column("content_hash", Text, nullable=False),  # keyed; without what came from the clock
    Column("guarded", Integer, nullable=False),  # 1: sent with checkbillnum
    Column("net", Text, nullable=False),
    Column("vat", Text, nullable=False),
    Column("total", Text, nullable=False),
    Column("custnum", Text),
    Column("billdate", Text),
    Column("original_id", Id, ForeignKey("document.id")),  # on a credit note: the invoice it credits
    Column("run_id", Text, ForeignKey("run.id"), nullable=False),  # the run that last planned it
    Column("batch_id", Id, ForeignKey("batch.id")),  # the batch that it last went with
    Column("attempt", Integer, nullable=False),  # how often it was in a batch
    Column("exposed", Integer, nullable=False),  # 1: this content may have reached the service unanswered
    Column("earlier", Text),  # JSON: other contents of this number that may have reached it, newest last
    Column("jobid", Text),
    Column("answer", Text),  # JSON: what the service said of it: ids, changed references, error text
    Column("updated", Text, nullable=False),  # when its state last changed
    Column("changed_by", Text, ForeignKey("run.id"), nullable=False),  # the run that did it
    Column("reason", Text, nullable=False),  # why; a trigger copies these three to `event`
    UniqueConstraint("environment", "cid", "kind", "identity"),
    Index("document_billnum", "billnum"),
    # Only where there is something to find: a third of the cost of planning were its indexes.
    Index("document_open", "environment", "cid", **_where(OPEN)),
    Index("document_jobid", "jobid", **_where("jobid IS NOT NULL")),
    Index("document_original", "original_id", **_where("original_id IS NOT NULL")),
)

content = Table(
    "content",
    metadata,
    Column("document_id", Id, ForeignKey("document.id"), primary_key=True),
    Column("payload", Text, nullable=False),  # the dataset as JSON, personal identity codes hashed
)
"""What each document says, until it is purged; apart, since a document is written anew with every state."""

with_content = document.outerjoin(content, content.c.document_id == document.c.id)

batch = Table(
    "batch",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run_id", Text, ForeignKey("run.id"), nullable=False),
    Column("data_identifier", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sent", Text, nullable=False),
    Column("answered", Text),
    Column("status", Integer),  # HTTP status, null when there was none
    Column("meaning", Text),  # what the answer was taken to mean
    Column("answer", Text),  # its body, shortened, masked
    Column("lease_until", Text),  # of a shared sender: when it may no longer be under way
    Index("batch_run", "run_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("document_id", Id, ForeignKey("document.id"), primary_key=True),
    Column("environment", Text, nullable=False),
    Column("cid", Text, nullable=False),
    Column("late", Integer, nullable=False),  # 1: a credit note that names its invoice, after all others
    Column("run_id", Text, ForeignKey("run.id"), nullable=False),  # the run that planned it
    Column("number", BigInteger, nullable=False),  # of its invoice in that run
    Column("size", Integer, nullable=False),  # bytes of the body
    Column("body", LargeBinary, nullable=False),  # what is sent, personal identity codes too
    Index("outbox_next", "environment", "cid", "late", "document_id"),
)
"""Documents that any sender may claim, until it is settled what became of them."""

event = Table(
    "event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("document_id", Id, ForeignKey("document.id"), nullable=False),
    Column("at", Text, nullable=False),
    Column("run_id", Text, ForeignKey("run.id")),
    Column("batch_id", Id, ForeignKey("batch.id")),
    Column("from_state", Text),
    Column("to_state", Text, nullable=False),
    Column("detail", Text),  # why: the answer's meaning, who resolved it and the reason given
    Index("event_document", "document_id"),
)

invoice = Table(
    "invoice",
    metadata,
    Column("run_id", Text, ForeignKey("run.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True),  # Document.number: rises with the first source row
    Column("document_id", Id, ForeignKey("document.id")),  # null when it never became one (invalid)
    Column("kind", Text, nullable=False),
    Column("billnum", Text),
    Column("jobtype", Text),
    Column("customer", Text),  # company or person, as shown in the report
    Column("billdate", Text),
    Column("outcome", Text, nullable=False),
    Column("net", Text, nullable=False),
    Column("vat", Text, nullable=False),
    Column("total", Text, nullable=False),
    Column("rows", Text, nullable=False),  # JSON: [[source number, first row, last row], …]
    Index("invoice_document", "document_id").ddl_if(dialect="sqlite"),
    # Without statistics, which a night's tables lack, PostgreSQL would look through the whole run as well.
    Index("invoice_document_run", "document_id", "run_id").ddl_if(dialect="postgresql"),
    sqlite_with_rowid=False,
)

finding = Table(
    "finding",
    metadata,
    Column("run_id", Text, ForeignKey("run.id"), primary_key=True),
    Column("number", Id, primary_key=True),
    Column("invoice_number", BigInteger),  # null: it concerns the file, not one invoice
    Column("code", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("file", Text),
    Column("sheet", Text),
    Column("row", Integer),
    Column("column", Text),
    Column("cell", Text),
    Column("field", Text),
    Column("value", Text),
    Column("message", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("billnum", Text),
    Index("finding_invoice", "run_id", "invoice_number"),
    sqlite_with_rowid=False,
)

status_answer = Table(
    "status_answer",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run_id", Text, ForeignKey("run.id"), nullable=False),
    Column(
        "question", Text, nullable=False
    ),  # date=… or billnum=…; "" asks for all not yet read: it consumes
    Column("asked", Text, nullable=False),  # committed before the question leaves
    Column("answered", Text),
    Column("status", Integer),  # HTTP status, null when there was none
    Column("updates", Integer),  # how many entries it had; null when it could not be read
    Column("body", Text),  # as it came, personal identity codes hashed; null once purged
    Column("lost", Integer, nullable=False),  # 1: may have consumed changes that are not in the ledger
    Index("status_answer_run", "run_id"),
)

status_update = Table(
    "status_update",
    metadata,
    Column("id", Id, primary_key=True),
    Column("document_id", Id, ForeignKey("document.id"), nullable=False),
    Column("answer_id", Id, ForeignKey("status_answer.id"), nullable=False),  # which told it first
    Column("at", Text, nullable=False),  # the service's date, or date and time
    Column("stage", Text, nullable=False),  # life.Stage
    Column("words", Text, nullable=False),  # the service's own
    Column("told", Text, ForeignKey("run.id")),  # of a refusal: the run whose report told of it
    UniqueConstraint("document_id", "at", "stage", "words"),
    Index("status_update_refused", "document_id", **_where("stage = 'refused'")),
)

aside = Table(
    "aside",
    metadata,
    Column("run_id", Text, ForeignKey("run.id"), primary_key=True),
    Column("source", Integer, primary_key=True),
    Column("reason", Text, primary_key=True),  # title, header, blank, total, no-invoice
    Column("rows", Integer, nullable=False),
    Column("first_rows", Text, nullable=False),  # JSON: row ranges, the first few
    sqlite_with_rowid=False,
)
