"""Files with records of several kinds, written line by line, and the profile that reads them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from exports import Invoice, profile

from pipeline.findings import Finding
from pipeline.profile import Profile
from pipeline.readers import open_tables
from pipeline.readers.table import Table
from pipeline.records import marks_of, tables_of_records

A = {"2": "custnum", "3": "name", "4": "govid", "5": "address", "6": "postcode", "7": "city"}
L = {"2": "billnum", "3": "billdate", "4": "paydate"}
R = {
    "2": "payrow.desc",
    "3": "payrow.count",
    "4": "payrow.amount",
    "5": "payrow.taxpr",
    "6": "payrow.discount",
}
ABOVE = profile(
    records=[
        {"mark": "A", "fields": 7, "columns": A},
        {"mark": "L", "fields": 4, "columns": L},
        {"mark": "R", "fields": 6, "columns": R},
        {"mark": "T", "ignored": True},
    ]
)
"""Each record belongs to the last one above of the kind outside."""
BY_KEY = profile(
    records=[
        {"mark": "A", "fields": 7, "columns": A, "key": "custnum"},
        {"mark": "L", "fields": 5, "columns": {**L, "5": "custnum"}, "key": "billnum"},
        {"mark": "R", "fields": 7, "columns": {**R, "7": "billnum"}},
    ]
)
"""Each record names what it belongs to, wherever that stands."""


def above(made: Iterable[Invoice]) -> list[list[str]]:
    """The records of invoices for `ABOVE`, the customer's before each invoice."""
    found = []
    for each in made:
        found += [["A", *each.own[3:]], ["L", *each.own[:3]], *(["R", *row] for row in each.rows)]
    return [*found, ["T", str(len(found))]]


def by_key(made: Iterable[Invoice]) -> list[list[str]]:
    """The records of invoices for `BY_KEY`, each customer's once."""
    made = [*made]
    customers = {each.own[3]: ["A", *each.own[3:]] for each in made}
    bills = [["L", *each.own[:4]] for each in made]
    rows = [["R", *row, each.own[0]] for each in made for row in each.rows]
    return [*customers.values(), *bills, *rows]


def text(records: Iterable[Sequence[str]]) -> str:
    """The records as a file of them."""
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=";", lineterminator="\n").writerows(records)
    return stream.getvalue()


def opened(path: Path, declared: Profile) -> list[Table]:
    """The tables that a file of records comes to."""
    return tables_of_records(open_tables(path, marks=marks_of(declared)), declared)


def told(found: Finding) -> str:
    """A finding's cell or row, and its message."""
    return f"{found.place.cell or found.place.row}: {found.message}"
