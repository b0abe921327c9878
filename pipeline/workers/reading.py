"""Reading tables, or stretches of them, and dealing their rows to the parts."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from pipeline.columns.layouts import Layout
from pipeline.findings import Place, refuse
from pipeline.language import set_language
from pipeline.readers.table import Stretch
from pipeline.rows.frames import texts
from pipeline.rows.gather import Span, deal
from pipeline.rows.named import ELSEWHERE, MOST_TOLD, Intake, named_frames
from pipeline.subject import Subject
from pipeline.values.convert import decimal_evidence

ROWS_A_FRAME = 10_000
_NUMBERS = frozenset({"money", "decimal", "percent", "number", "integer"})


@dataclass(slots=True)
class Dealt:
    """Rows that were read: what became of them, what proves their decimal separator, where each part lies."""

    intake: Intake
    evidence: set[str]
    path: Path
    places: list[list[Span]]


def frames_of(layout: Layout, intake: Intake, evidence: set[str]) -> Iterator[pd.DataFrame]:
    """A table's named frames; what proves its decimal separator is added to `evidence`."""
    for frame in named_frames(layout, ROWS_A_FRAME, intake):
        evidence |= evidence_of(frame, layout.subject, evidence)
        yield frame


def evidence_of(frame: pd.DataFrame, subject: Subject, known: Collection[str] = frozenset()) -> set[str]:
    """The decimal separators that a named frame proves, beside those known already; not more than needed."""
    found = {*known}
    for name in (name for name in frame.columns if not name.startswith("@")):
        if len(found) < 3 and subject.value_kind(name) in _NUMBERS:
            found |= decimal_evidence(texts(frame[name]))
    return found


def read_stretch(
    layout: Layout, stretch: Stretch, folder: Path, parts: int, language: str, *, is_first: bool
) -> Dealt:
    """Read a stretch of a table, for another process, and deal its rows into a new file.

    Args:
        layout: the table's; findings about the file as a whole are not repeated.
        stretch: its rows.
        folder: where the file is made.
        parts: how many parts there are.
        language: of the findings.
        is_first: whether the table begins with it.

    Raises:
        Refusal: the file cannot be read here, or has changed, or the other one cannot be written.
    """
    set_language(language)
    table = replace(layout.table, findings=[], suspects=set())
    table.frames = partial(stretch, table)
    return read_table(replace(layout, table=table), folder, parts, is_first=is_first)


def read_table(layout: Layout, folder: Path, parts: int, *, is_first: bool = True) -> Dealt:
    """Read a whole table where it was opened, and deal its rows into a new file.

    Raises:
        Refusal: the file has changed, or the other one cannot be written.
    """
    intake = Intake(above={} if is_first else {layout.number: ELSEWHERE})
    evidence: set[str] = set()
    frames = frames_of(layout, intake, evidence)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix="rows-", delete=False) as file:
            places = deal(frames, parts, file)
    except OSError as error:
        reason = error.strerror or error
        raise refuse("worker-blind", Place(str(folder)), reason=reason) from None
    return Dealt(intake, evidence, Path(file.name), places)


def joined(layout: Layout, stretches: Sequence[Dealt]) -> Intake:
    """What became of a table's rows that were read in stretches: what reading them in one go tells."""
    whole = Intake()
    for each in stretches:
        whole.add(each.intake)
    told = whole.aside.get((layout.number, "no-invoice"), [])[:MOST_TOLD]
    rows = {*told}
    whole.findings = [each for each in whole.findings if each.place.row in rows]
    whole.findings += layout.table.findings
    return whole
