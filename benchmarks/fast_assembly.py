"""The fastest libraries put together, streaming: no findings, no report, rows of an invoice side by side.

With `--ledger FILE` every batch is recorded in SQLite durably before it leaves and after the answer.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson
from common import BATCH, DATES, NUMBERS, OWN, ROW, dataset, iso, post, session

from pipeline.validator.schema import fast_validator

Rows = Iterator[tuple[str, ...]]
TAGS = {**OWN, **ROW}


def main(path: str, ledger: str | None) -> None:
    """Send the export."""
    rows = csv_rows(path) if path.endswith(".csv") else xlsx_rows(path)
    valid = filter(fast_validator().is_valid, _datasets(rows))
    to = session()
    accepted = 0
    with closing(_opened(ledger)) as book:
        number = 0
        while batch := list(islice(valid, BATCH)):
            number += 1
            bodies = [orjson.dumps(one) for one in batch]
            if ledger:
                _record(book, number, batch, bodies)
            accepted += post(to, b'{"datastream":{"dataset":[%b]}}' % b",".join(bodies))
            if ledger:
                with book:
                    book.execute("UPDATE document SET state = 'accepted' WHERE batch = ?", (number,))
    print(accepted, "accepted")


def csv_rows(path: str) -> Rows:
    """The rows, header first."""
    import pyarrow as pa  # noqa: PLC0415 - only for this type of file
    import pyarrow.csv  # noqa: PLC0415 - likewise

    with open(path, encoding="cp1252") as file:  # noqa: PTH123 - no Path elsewhere here
        header = file.readline().rstrip("\r\n").split(";")
    yield tuple(header)
    reader = pa.csv.open_csv(
        path,
        pa.csv.ReadOptions(encoding="cp1252", block_size=1 << 22),
        pa.csv.ParseOptions(delimiter=";"),
        pa.csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False),
    )
    for batch in reader:
        yield from zip(*(column.to_numpy(zero_copy_only=False) for column in batch.columns), strict=True)


def xlsx_rows(path: str) -> Rows:
    """The rows, header first."""
    from python_calamine import CalamineWorkbook  # noqa: PLC0415 - only for this type of file

    for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).iter_rows():
        yield tuple(map(_text, row))


def _text(value: Any) -> str:
    return value if type(value) is str else f"{value:.15g}" if type(value) is float else str(value)


def _datasets(rows: Rows) -> Iterator[dict[str, Any]]:
    tags = [TAGS[header] for header in next(rows)]
    split = len(OWN)
    own_tags, row_tags = tags[:split], tags[split:]
    before, own, payrows = "", (), []
    dates = [own_tags.index(tag) for tag in DATES]
    numbers = [row_tags.index(tag) for tag in NUMBERS]
    for row in rows:
        if row[0] != before:
            if payrows:
                yield _dataset(own_tags, own, dates, payrows)
            before, own, payrows = row[0], row[:split], []
        cells = list(row[split:])
        for at in numbers:
            cells[at] = cells[at].replace(",", ".")
        payrows.append({tag: cell for tag, cell in zip(row_tags, cells, strict=True) if cell})
    yield _dataset(own_tags, own, dates, payrows)


def _dataset(
    tags: list[str], own: tuple[str, ...], dates: list[int], payrows: list[dict[str, str]]
) -> dict[str, Any]:
    cells = list(own)
    for at in dates:
        cells[at] = _iso(cells[at])
    return dataset({tag: cell for tag, cell in zip(tags, cells, strict=True) if cell}, payrows)


_iso = lru_cache(maxsize=4096)(iso)


def _opened(ledger: str | None) -> sqlite3.Connection:
    book = sqlite3.connect(ledger or ":memory:")
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        book.execute(f"PRAGMA {pragma}")
    book.execute("CREATE TABLE document (billnum TEXT PRIMARY KEY, batch INTEGER, state TEXT, payload BLOB)")
    book.execute("CREATE INDEX of_batch ON document (batch)")
    return book


def _record(book: sqlite3.Connection, number: int, batch: list[dict[str, Any]], bodies: list[bytes]) -> None:
    entries = [(one["billnum"], number, body) for one, body in zip(batch, bodies, strict=True)]
    with book:
        book.executemany("INSERT INTO document VALUES (?, ?, 'sending', ?)", entries)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[3] if sys.argv[2:3] == ["--ledger"] else None)
