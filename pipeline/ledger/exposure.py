"""Which contents of a bill number may have reached the service without an answer.

When the service then says that it has the number, it has one of these: a document whose outcome was
unknown, was not found, was corrected in the file and sent again must not count as accepted with the
correction, when it is the first attempt that arrived after all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, select

from pipeline.ledger.database import execute_rows, insert_rows
from pipeline.ledger.tables import content, document, with_content

if TYPE_CHECKING:
    from pipeline.ledger.ledger import Ledger

DESCRIBING = (
    *("content_hash", "net", "vat", "total"),
    *("custnum", "billdate", "original_id", "jobtype", "guarded"),
)
"""The columns of `document` that tell one content from another."""

VERSION = (*(document.c[name] for name in DESCRIBING), content.c.payload)
"""All columns that do, of `with_content`."""

_FORGOTTEN = delete(content).where(content.c.document_id == bindparam("key"))


class Exposed(NamedTuple):
    """A content that may be with the service, and whether it is the one now planned."""

    columns: Mapping[str, Any]
    current: bool
    planned_payload: str


def exposed_contents(ledger: Ledger, document_id: int, *, also_current: bool = False) -> list[Exposed]:
    """The contents of a document that may be with the service, oldest first.

    Args:
        ledger: the ledger.
        document_id: which document.
        also_current: count the present content too, whatever the ledger says.
    """
    statement = (
        select(document.c.exposed, document.c.earlier, *VERSION)
        .select_from(with_content)
        .where(document.c.id == document_id)
    )

    def read() -> Row[Any]:
        with ledger.engine.connect() as connection:
            return connection.execute(statement).one()

    row = ledger.patiently(read)
    contents = [Exposed(each, False, row.payload) for each in _earlier(row)]  # noqa: FBT003 - a field
    if row.exposed or also_current:
        contents.append(Exposed(_version(row), True, row.payload))  # noqa: FBT003 - a field
    return contents


def after_change(row: Row[Any], planned: Mapping[str, Any]) -> dict[str, Any]:
    """The columns `exposed` and `earlier` of a document once it has this content."""
    versions = {each["content_hash"]: each for each in _earlier(row)}
    if row.exposed:
        versions[row.content_hash] = _version(row)
    exposed = versions.pop(planned["content_hash"], None) is not None
    earlier = orjson.dumps(list(versions.values())).decode() if versions else None
    return {"exposed": int(exposed), "earlier": earlier}


def renew_payloads(connection: Connection, payloads: Iterable[tuple[int, str | None]]) -> None:
    """Have documents say something else, or nothing that is kept."""
    rows = list(payloads)
    execute_rows(connection, _FORGOTTEN, ("key",), [(key,) for key, _ in rows])
    insert_rows(connection, content, content.columns.keys(), [row for row in rows if row[1] is not None])


def _earlier(row: Row[Any]) -> list[dict[str, Any]]:
    return list(orjson.loads(row.earlier)) if row.earlier else []


def _version(row: Row[Any]) -> dict[str, Any]:
    return {name: row._mapping[name] for name in (*DESCRIBING, "payload")}  # noqa: SLF001 - a public name of SQLAlchemy's
