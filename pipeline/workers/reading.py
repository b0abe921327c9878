"""Reading tables, or stretches of them, and dealing their rows to the parts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, NamedTuple

import pandas as pd

from pipeline.columns.layouts import Layout, tables_of
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
    """Rows that were read: what became of them, what proves their decimal separator, where each part lies.

    `path` is the file in which they lie; None where that is understood.
    """

    intake: Intake
    evidence: set[str]
    places: list[list[Span]]
    path: Path | None = None


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


class Task(NamedTuple):
    """A stretch to read, and whether its table begins with it."""

    layout: Layout
    stretch: Stretch
    is_first: bool


def needs_rows_above(layout: Layout) -> bool:
    """Whether a row may have its invoice from the one above, however far: then there are no stretches."""
    return layout.profile.reading.carry


def in_turn(
    layouts: Sequence[Layout],
    size: int,
    results_of: Callable[[Sequence[Task]], Iterator[Dealt]],
    whole: Callable[[Layout], Dealt],
    on_progress: Callable[[float], None],
) -> Iterator[tuple[Intake, list[Dealt]]]:
    """What became of each table's rows, and where they lie.

    Args:
        layouts: of the tables.
        size: about how many bytes a stretch has.
        results_of: reads the stretches of all tables that can be read so, and gives what it dealt in order.
        whole: reads a table that cannot.
        on_progress: told the share of the stretches that is done.
    """
    work = {
        each.number: [Task(each, own, at == 0) for at, own in enumerate(each.table.stretches(size))]
        for each in tables_of(layouts)
        if each.table.stretches and not needs_rows_above(each)
    }
    done, tasks = 0, [each for own in work.values() for each in own]
    results = results_of(tasks)
    for each in tables_of(layouts):
        dealt: list[Dealt] = []
        for _ in work.get(each.number, ()):
            dealt.append(next(results))
            done += 1
            on_progress(done / len(tasks))
        if dealt:
            yield joined(each, dealt), dealt
        else:
            here = whole(each)
            yield here.intake, [here]


def of_stretch(layout: Layout, stretch: Stretch) -> Layout:
    """The layout of a stretch of a table; findings about the file as a whole are not repeated."""
    table = replace(layout.table, findings=[], suspects=set())
    table.frames = partial(stretch, table)
    return replace(layout, table=table)


def read_stretch(
    layout: Layout, stretch: Stretch, folder: Path, parts: int, language: str, *, is_first: bool
) -> Dealt:
    """Read a stretch of a table, for another process, and deal its rows into a new file.

    Args:
        layout: the table's.
        stretch: its rows.
        folder: where the file is made.
        parts: how many parts there are.
        language: of the findings.
        is_first: whether the table begins with it.

    Raises:
        Refusal: the file cannot be read here, or has changed, or the other one cannot be written.
    """
    set_language(language)
    return read_table(of_stretch(layout, stretch), folder, parts, is_first=is_first)


def read_stretch_rows(
    layout: Layout, stretch: Stretch, parts: int, language: str, *, is_first: bool
) -> tuple[Dealt, bytes]:
    """As `read_stretch`, but the rows are handed over.

    Raises:
        Refusal: the file has changed.
    """
    set_language(language)
    rows = BytesIO()
    return read_into(rows, of_stretch(layout, stretch), parts, is_first=is_first), rows.getvalue()


def read_table(layout: Layout, folder: Path, parts: int, *, is_first: bool = True) -> Dealt:
    """Read a whole table where it was opened, and deal its rows into a new file.

    Raises:
        Refusal: the file has changed, or the other one cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix="rows-", delete=False) as file:
            dealt = read_into(file, layout, parts, is_first=is_first)
    except OSError as error:
        reason = error.strerror or error
        raise refuse("worker-blind", Place(str(folder)), reason=reason) from None
    dealt.path = Path(file.name)
    return dealt


def read_into(file: IO[bytes], layout: Layout, parts: int, *, is_first: bool = True) -> Dealt:
    """Read a table and deal its rows into a file.

    Raises:
        Refusal: the table's file has changed.
    """
    intake = Intake(above={} if is_first else {layout.number: ELSEWHERE})
    evidence: set[str] = set()
    places = deal(frames_of(layout, intake, evidence), parts, file)
    return Dealt(intake, evidence, places)


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
