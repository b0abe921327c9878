"""Planned documents that wait for consent, in a file without a name that is gone with the process.

Their bodies hold what the ledger must not hold (personal identity codes).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator

import orjson

from pipeline.ledger import Planned


def keep(documents: Iterable[Planned]) -> Iterator[Planned]:
    """Take in all the documents at once, and give them back one by one afterwards."""
    file = tempfile.TemporaryFile(prefix="ropo-pipeline-")  # noqa: SIM115 - closed when given back
    for each in documents:
        head = (each.document_id, each.number, each.billnum, each.first_row)
        file.write(orjson.dumps(head) + b"\n" + each.body + b"\n")  # JSON has no line breaks of its own
    file.seek(0)

    def given_back() -> Iterator[Planned]:
        with file:
            while head := file.readline():
                document_id, number, billnum, first_row = orjson.loads(head)
                body = file.readline().removesuffix(b"\n")
                yield Planned(document_id, number, billnum, body, tuple(first_row))

    return given_back()
