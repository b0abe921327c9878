"""From files to documents: everything before the ledger, and nothing that it needs to know of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pandas as pd

from pipeline.attachments import Attachments
from pipeline.columns import Layout, check_layouts, tables_of, understand
from pipeline.defaults import given
from pipeline.document import Document
from pipeline.frames import texts
from pipeline.gather import gather
from pipeline.grouper import build
from pipeline.inputs import Input, open_input, refuse_copies
from pipeline.options import Options
from pipeline.profile import Profile
from pipeline.profile.drift import refuse_drift
from pipeline.readers.table import Table
from pipeline.records import tables_of_records
from pipeline.rows import Intake, named_frames
from pipeline.subject import Subject
from pipeline.terminal import Screen
from pipeline.values import convert, decimal_evidence, settled_decimal

ROWS_A_FRAME = 10_000
DOCUMENTS_A_CHUNK = 2_000
_NUMBERS = frozenset({"money", "decimal", "percent", "number", "integer"})


def read_layouts(
    inputs: Sequence[Input],
    profile: Profile,
    subject: Subject,
    *,
    opened: Sequence[list[Table]] | None = None,
    checked: bool = True,
) -> list[Layout]:
    """How the tables of the inputs are understood; `opened` are their files, if they are open already.

    Raises:
        Refusal: a file cannot be read or understood, is given twice, or lacks what the profile reads.
    """
    files = open_files(inputs, profile) if opened is None else opened
    refuse_copies(inputs)
    if profile.records:
        files = [tables_of_records(file, profile) for file in files]
    layouts = understand(files, profile, subject, checked=False)
    if checked:
        refuse_drift(layouts, profile)
        check_layouts(layouts)
    return layouts


def open_files(inputs: Sequence[Input], profile: Profile) -> list[list[Table]]:
    """The tables of each input, as they stand in the file.

    Raises:
        Refusal: a file cannot be read.
    """
    return [open_input(each, profile) for each in inputs]


def documents(
    layouts: Sequence[Layout],
    profile: Profile,
    options: Options,
    files: Attachments,
    intake: Intake,
    screen: Screen,
) -> Iterator[list[Document]]:
    """The documents of all tables, in chunks, not yet checked.

    The first chunk comes when every row has been read: only then are the number convention, the damaged
    rows and the last row of each document known.
    """
    rules = given(profile, options.subject)
    evidence: list[set[str]] = [set() for _ in layouts]
    size = sum(map(_text_size, {layout.table.path for layout in layouts}))
    for frame in gather(_read(layouts, intake, evidence, screen), size):
        conventions = profile.conventions
        if conventions.decimal is None:
            conventions = conventions.model_copy(update={"decimal": settled_decimal(evidence)})
        columns = convert(frame, conventions, options.subject)
        documents = build(
            *(frame, columns, layouts, rules, today(), intake),
            several_tables=profile.reading.several_tables,
            home=options.country.alpha3,
            attachments=files,
        )
        while chunk := list(islice(documents, DOCUMENTS_A_CHUNK)):
            yield chunk


def today() -> dt.date:
    """The day it is where the program runs."""
    return dt.datetime.now().astimezone().date()


def _read(
    layouts: Sequence[Layout], intake: Intake, evidence: list[set[str]], screen: Screen
) -> Iterator[pd.DataFrame]:
    """Every table's named frames, noting on the way what proves each one's decimal separator."""
    with screen.progress("Reading", 1.0, unit=None) as bar:
        tables = tables_of(layouts)
        for number, layout in enumerate(tables):
            for frame in named_frames(layout, ROWS_A_FRAME, intake):
                evidence[number] |= evidence_of(frame, layout.subject, evidence[number])
                bar.reach((number + layout.table.share_read) / len(tables))
                yield frame
        bar.reach(1.0)


def evidence_of(frame: pd.DataFrame, subject: Subject, known: Collection[str] = frozenset()) -> set[str]:
    """The decimal separators that a named frame proves, beside those known already; not more than needed."""
    found = {*known}
    for name in (name for name in frame.columns if not name.startswith("@")):
        if len(found) < 3 and subject.value_kind(name) in _NUMBERS:
            found |= decimal_evidence(texts(frame[name]))
    return found


def _text_size(path: Path) -> int:
    """About how much text a file holds; a workbook is packed some eight times."""
    size = path.stat().st_size
    return size if path.suffix.lower() in {".csv", ".tsv", ".txt"} else 8 * size
