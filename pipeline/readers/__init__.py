"""Files in, tables of exact cell text out: CSV and text files, and workbooks of four kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.findings import Place, refuse
from pipeline.readers.files import ARCHIVE, MAX_BYTES, recognise

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.readers.table import Marks, Table


def open_tables(
    path: Path,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    marks: Marks | None = None,
    max_bytes: int = MAX_BYTES,
) -> list[Table]:
    """Open an export: one table for a text file, or one for each visible sheet that holds anything.

    Args:
        path: a `.csv .tsv .txt .xlsx .xlsm .xls .ods` file; `Table.file` shows it as given here.
        sheet: the only sheet to read, hidden or not; text files have none and ignore it.
        encoding: of a text file, when it must not be settled from the content; workbooks ignore it.
        delimiter: of a text file, likewise.
        marks: of a text file, when it has records of several kinds, which may differ in length.
        max_bytes: the most bytes that the file may have.

    Raises:
        Refusal: the file is missing, empty, encrypted, damaged, too big, not what its name says, of a
            type that is not supported, an archive, or a workbook without (such) a sheet that holds anything.
    """
    kind = recognise(path, max_bytes)
    if kind == ARCHIVE:  # `pipeline.readers.inputs` unpacks those that the user gives
        raise refuse("archive-nested", Place(str(path)))
    if kind == "text":
        from pipeline.readers.delimited import open_delimited  # noqa: PLC0415 - a workbook needs none of it

        return [open_delimited(path, encoding=encoding, delimiter=delimiter, marks=marks)]
    from pipeline.readers.workbook import open_workbook  # noqa: PLC0415 - a text file needs none of it

    return open_workbook(path, kind, sheet=sheet)
