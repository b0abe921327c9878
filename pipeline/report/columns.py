"""A run's invoices by column, as many at a time as the ledger gives: what all three reports are made of.

This is the hot path of a report. Measured for 60,000 invoices: writing the three reports invoice by invoice
took 2.5 s of a core, column by column 2.0 s, of which deflate takes 0.4 s. The obvious versions are
`read.invoice_line` and `orjson.dumps`; tests hold these against them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from pipeline.document import Outcome
from pipeline.findings import Finding
from pipeline.ledger.life import Life


class Columns(NamedTuple):
    """The columns of some invoices: the fields of `read.InvoiceLine`, a sequence each."""

    number: Sequence[int]
    kind: Sequence[str]
    billnum: Sequence[str | None]
    jobtype: Sequence[str | None]
    customer: Sequence[str | None]
    billdate: Sequence[str | None]
    outcome: Sequence[Outcome]
    net: Sequence[str]
    vat: Sequence[str]
    total: Sequence[str]
    rows: Sequence[list[list[int]]]
    jobid: Sequence[str | None]
    answer: Sequence[Any]
    codes: Sequence[list[str]]
    explained: Sequence[bool]
    life: Sequence[Life | None]

    def part(self, first: int, end: int | None = None) -> Columns:
        """The invoices from that one on."""
        columns: Any = (column[first:end] for column in self)
        return Columns(*columns)

    def fields(self) -> Iterator[tuple[Any, ...]]:
        """The fields of each invoice."""
        return zip(*self, strict=True)


class Contents(NamedTuple):
    """Some invoices with what is kept of them.

    `sent` is the JSON of a dataset as it was or would have been sent, but for personal identity codes
    and attached files, of which it has hashes; of a conflict that of the one sent before. None when it
    is not kept. `batch` is the id of the request that the invoice last went with.
    """

    lines: Columns
    sent: Sequence[str | None]
    batch: Sequence[int | None]
    findings: Sequence[list[Finding]]


def json_texts(texts: Sequence[str | None]) -> list[str]:
    """Each text as JSON, as `orjson.dumps` writes it."""
    joined = "".join(filter(None, texts))
    # What JSON escapes is a quotation mark, a backslash, or not printable.
    if '"' in joined or "\\" in joined or not joined.isprintable():
        return [orjson.dumps(text).decode() for text in texts]
    return ["null" if text is None else f'"{text}"' for text in texts]


def json_lists(lists: Iterable[list[Any]]) -> list[str]:
    """Each list, of which most are empty, as JSON."""
    return [orjson.dumps(each).decode() if each else "[]" for each in lists]


def loaded(texts: Sequence[str]) -> list[Any]:
    """What each of these JSON texts holds."""
    values: list[Any] = orjson.loads(f"[{','.join(texts)}]")
    return values
