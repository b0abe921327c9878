"""The floor: read once, serialise, send. Rows go as they are; nothing is grouped, converted or checked."""

from __future__ import annotations

import sys
from itertools import islice

import orjson
from common import post, session
from fast_assembly import csv_rows, xlsx_rows

ROWS_A_BATCH = 333


def main(path: str) -> None:
    """Send the export's rows."""
    rows = csv_rows(path) if path.endswith(".csv") else xlsx_rows(path)
    next(rows)
    to = session()
    while batch := list(islice(rows, ROWS_A_BATCH)):
        post(to, orjson.dumps(batch))


if __name__ == "__main__":
    main(sys.argv[1])
