"""Tables made in memory, for tests of what comes after the readers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.columns.layouts import understand
from pipeline.grouper.build import build
from pipeline.grouper.defaults import given
from pipeline.profile import Profile
from pipeline.readers.table import HEAD_ROWS, PROBLEMS, ROW, Problem, Table
from pipeline.rows.frames import categorical
from pipeline.rows.gather import gather
from pipeline.rows.named import Intake, named_frames
from pipeline.validator.check import Validator
from pipeline.validator.rules import Context
from pipeline.values.convert import convert

if TYPE_CHECKING:
    from pipeline.document import Document

TODAY = dt.date(2026, 11, 20)
HEADER = [
    *("Laskunumero", "Laskupäivä", "Eräpäivä", "Nimi", "Y-tunnus", "Osoite", "Postinumero"),
    *("Postitoimipaikka", "Tuote", "Määrä", "Veroton hinta", "ALV %"),
]
GOOD = [
    *("1001", "1.10.2026", "15.10.2026", "Acme Oy", "2262509-5", "Katu 1", "00100"),
    *("HELSINKI", "Työ", "2", "50,00", "25,5"),
]


def good(**changes: str) -> list[str]:
    """A row that is right, with the cells under those headers changed (spaces as underscores)."""
    row = dict(zip(HEADER, GOOD, strict=True))
    row.update({name.replace("_", " "): value for name, value in changes.items()})
    return list(row.values())


def table(
    rows: Sequence[Sequence[str]], problems: dict[int, list[Problem]] | None = None, file: str = "export.csv"
) -> Table:
    """A table of those rows; `problems` by row number as Excel shows it."""
    width = max(map(len, rows))
    full = [[*row, *[""] * (width - len(row))] for row in rows]

    def frames(size: int) -> Iterator[pd.DataFrame]:
        for start in range(0, len(full), size):
            part = full[start : start + size]
            columns: dict[object, object] = {}
            for at in range(width):
                columns[at] = _column([row[at] for row in part])
            columns[ROW] = np.arange(start + 1, start + 1 + len(part))
            packed = [(problems or {}).get(start + 1 + number) for number in range(len(part))]
            columns[PROBLEMS] = _column([Problem.pack(each) if each else "" for each in packed])
            yield pd.DataFrame(columns)

    return Table(file, None, {}, full[:HEAD_ROWS], frames)


def documents(
    *tables: Table,
    profile: Profile | None = None,
    size: int = 1000,
    part_bytes: int = 1,
    check: bool = True,
    home: str | None = None,
) -> tuple[list[Document], Intake]:
    """What the tables come to, checked; `part_bytes` above 1 makes `gather` spill."""
    profile = profile or Profile()
    layouts = understand([[each] for each in tables], profile)
    intake = Intake()
    rules = given(profile)
    validator = Validator(layouts, Context(TODAY, "FIN"))
    named = (frame for layout in layouts for frame in named_frames(layout, size, intake))
    found: list[Document] = []
    for frame in gather(named, part_bytes):
        columns = convert(frame, profile.conventions)
        found += build(frame, columns, layouts, rules, TODAY, intake, home=home)
    if check:
        validator.check(found)
    return found, intake


def told(found: list[Document]) -> list[tuple[str, str | None]]:
    """Code and cell of every finding."""
    return [(each.code, each.place.cell) for document in found for each in document.findings]


def _column(texts: list[str]) -> pd.Categorical:
    distinct = list(dict.fromkeys(texts))
    number = {text: code for code, text in enumerate(distinct)}
    return categorical(np.array([number[text] for text in texts], np.int64), distinct)
