"""A file with several kinds of records (`[[records]]`), as one table whose columns are fields.

It has a row for each invoice record and for each invoice row record, where they stand in the file. What
lies outside the invoice, such as its customer, is folded into the invoice record; an invoice row has its
invoice's identity. A kind with a `key` is found by that field wherever it stands, and is held; any other is
the last one above, so that of those one at a time is held. Of every record its row number is kept, to name
its cells.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice

from pipeline.corrections.status import is_corrections
from pipeline.profile import Profile
from pipeline.readers.table import HEAD_ROWS, INVOICE, RowFrame, Table
from pipeline.records.frames import table_frames
from pipeline.records.kinds import fields_of, kinds_of
from pipeline.records.marks import marks_of
from pipeline.records.survey import Survey, survey

__all__ = ["as_table", "marks_of", "tables_of_records"]


def tables_of_records(file: Sequence[Table], profile: Profile) -> list[Table]:
    """The tables of fields of a file: of a workbook those of the sheets that begin with a record.

    Corrections are such a table already.

    Raises:
        Refusal: as `as_table`.
    """
    if any(is_corrections(table.head) for table in file):
        return [*file]
    begins = [table for table in file if _begins_with_record(table, profile)]
    return [as_table(table, profile) for table in begins or file[:1]]


def as_table(table: Table, profile: Profile) -> Table:
    """The table of fields that a table of records comes to.

    Args:
        table: as it stands in the file.
        profile: with `[[records]]`.

    Raises:
        Refusal: a record is of no known kind (`record-mark-unknown`), has another number of fields
            (`record-fields`), belongs to none (`record-without-parent`, `record-key-missing`,
            `record-key-unknown`), contradicts what it belongs to (`record-of-another`, which `frames` raises,
            too), or is left out but has swallowed rows; or one number is there twice (`record-key-twice`).
    """
    kinds = kinds_of(profile)
    fields = (*fields_of(kinds), INVOICE)
    found = survey(table, profile, kinds)

    def frames(size: int) -> Generator[RowFrame]:
        for frame in table_frames(table, profile, found, size):
            virtual.share_read = table.share_read
            yield frame

    virtual = Table(
        table.file,
        table.sheet,
        table.facts | {"records": found.counts},
        [],
        frames,
        table.findings,
        table.suspects,
        unpacked=table.unpacked,
        archive=table.archive,
        fields=fields,
        origin=partial(_origin, found, fields),
    )
    with closing(frames(HEAD_ROWS)) as opening:
        rows = (row for frame in opening for row in frame[[*range(len(fields))]].to_numpy().tolist())
        virtual.head = list(islice(rows, HEAD_ROWS))
    virtual.share_read = 0.0
    return virtual


def _origin(found: Survey, fields: Sequence[str], row: int, column: int) -> tuple[int, int] | None:
    return found.origin(row, fields[column])


def _begins_with_record(table: Table, profile: Profile) -> bool:
    marks = marks_of(profile)
    first = next((row for row in table.head if any(text.strip() for text in row)), [])
    return marks is not None and any(text.strip() in marks.known for text in first[marks.column :][:1])
