"""What the tests of delimited text share: files written byte by byte, tables read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.readers.delimited import open_delimited
from pipeline.readers.table import FIELDS, PROBLEMS, ROW, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.readers.table import Table


def opened(folder: Path, content: str | bytes, **options: Any) -> Table:
    """The table of a file with that content; text is written in UTF-8 with its line ends as they are."""
    path = folder / "export.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_delimited(path, **options)


def joined(table: Table, size: int = 1000) -> pd.DataFrame:
    """All frames as one of plain objects."""
    return pd.concat([frame.astype(object) for frame in table.frames(size)], ignore_index=True)


def cells(table: Table, size: int = 1000) -> list[list[str]]:
    """The texts of all rows."""
    frame = joined(table, size)
    return frame.drop(columns=[FIELDS, ROW, PROBLEMS], errors="ignore").to_numpy().tolist()


def problems(table: Table, size: int = 1000) -> dict[int, list[Problem]]:
    """The problems by row number."""
    frame = joined(table, size)
    return {
        row: Problem.unpack(packed) for row, packed in zip(frame[ROW], frame[PROBLEMS], strict=True) if packed
    }


def codes(table: Table) -> dict[int, list[tuple[int | None, str]]]:
    """The columns and codes of the problems by row number."""
    return {row: [(each.column, each.code) for each in several] for row, several in problems(table).items()}
