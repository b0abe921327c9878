"""A reasonable script: pandas reads, jsonschema checks with one validator, a session sends batches of 100."""

from __future__ import annotations

import json
import sys
from itertools import groupby
from typing import Any

import pandas as pd
from common import BATCH, DATES, NUMBERS, OWN, ROW, dataset, iso, post, session

from pipeline.validator.schema import explaining_validator


def main(path: str) -> None:
    """Send the export."""
    frame = (
        pd.read_csv(path, sep=";", encoding="cp1252", dtype=str, keep_default_na=False)
        if path.endswith(".csv")
        else pd.read_excel(path, dtype=str, keep_default_na=False)
    )
    validator = explaining_validator()
    to = session()
    accepted, batch = 0, []
    for _, rows in groupby(frame.to_dict("records"), key=lambda row: row["Laskunumero"]):
        one = _dataset(list(rows))
        if next(validator.iter_errors(one), None) is not None:
            continue
        batch.append(one)
        if len(batch) == BATCH:
            accepted += _send(to, batch)
            batch = []
    if batch:
        accepted += _send(to, batch)
    print(accepted, "accepted")


def _send(to: Any, batch: list[dict[str, Any]]) -> int:
    return post(to, json.dumps({"datastream": {"dataset": batch}}).encode())


def _dataset(rows: list[dict[str, str]]) -> dict[str, Any]:
    own = {tag: rows[0][header] for header, tag in OWN.items() if rows[0][header]}
    own.update({tag: iso(own[tag]) for tag in DATES})
    payrows = []
    for row in rows:
        payrow = {tag: row[header] for header, tag in ROW.items() if row[header]}
        payrow.update({tag: payrow[tag].replace(",", ".") for tag in NUMBERS if tag in payrow})
        payrows.append(payrow)
    return dataset(own, payrows)


if __name__ == "__main__":
    main(sys.argv[1])
