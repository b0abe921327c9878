"""From files to documents: everything before the ledger, and nothing that it needs to know of it."""

from __future__ import annotations

import datetime as dt
import filecmp
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pandas as pd

from pipeline.attachments import Attachments
from pipeline.columns import Intake, Layout, named_frames, understand
from pipeline.corrections.status import is_corrections_workbook
from pipeline.defaults import given
from pipeline.document import Document
from pipeline.findings import Place, refuse
from pipeline.frames import texts
from pipeline.gather import gather
from pipeline.grouper import build
from pipeline.options import Options
from pipeline.profile import Profile
from pipeline.readers import open_tables
from pipeline.subject import Subject
from pipeline.terminal import Screen
from pipeline.values import convert, decimal_evidence, settled_decimal

ROWS_A_FRAME = 10_000
DOCUMENTS_A_CHUNK = 2_000
_NUMBERS = frozenset({"money", "decimal", "percent", "number", "integer"})


def read_layouts(
    inputs: Sequence[Path], profile: Profile, subject: Subject, *, checked: bool = True
) -> list[Layout]:
    """How the tables of the inputs are understood.

    Raises:
        Refusal: a file cannot be read or understood, or is given twice.
    """
    reading = profile.reading
    files = [
        open_tables(
            path,
            sheet=None if reading.sheet == "*" or is_corrections_workbook(path) else reading.sheet,
            encoding=reading.encoding,
            delimiter=reading.delimiter,
        )
        for path in inputs
    ]
    _refuse_same_file(inputs)
    return understand(files, profile, subject, checked=checked)


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
    size = sum(_text_size(path) for path in options.inputs)
    for frame in gather(_read(layouts, intake, evidence, screen), size):
        conventions = profile.conventions
        if conventions.decimal is None:
            conventions = conventions.model_copy(update={"decimal": settled_decimal(evidence)})
        columns = convert(frame, conventions, options.subject)
        documents = build(
            *(frame, columns, layouts, rules, today(), intake.suspects),
            continued=intake.continued,
            several_tables=profile.reading.several_tables,
            home=options.country.alpha3,
            attachments=files,
        )
        while chunk := list(islice(documents, DOCUMENTS_A_CHUNK)):
            yield chunk


def today() -> dt.date:
    """The day it is where the program runs."""
    return dt.datetime.now().astimezone().date()


def _refuse_same_file(inputs: Sequence[Path]) -> None:
    """A file given twice, also as a copy, would double the rows of its invoices.

    Raises:
        Refusal: `file-twice`.
    """
    for number, path in enumerate(inputs):
        for other in inputs[:number]:
            if filecmp.cmp(path, other, shallow=False):
                raise refuse("file-twice", Place(str(path)), other=other)


def _read(
    layouts: Sequence[Layout], intake: Intake, evidence: Sequence[set[str]], screen: Screen
) -> Iterator[pd.DataFrame]:
    """Every table's named frames, noting on the way what proves each one's decimal separator."""
    with screen.progress("Reading", 1.0, unit=None) as bar:
        for number, layout in enumerate(layouts):
            for frame in named_frames(layout, ROWS_A_FRAME, intake):
                for name in layout.fields.values():
                    if len(evidence[number]) < 3 and layout.subject.value_kind(name) in _NUMBERS:
                        evidence[number].update(decimal_evidence(texts(frame[name])))
                bar.reach((number + layout.table.share_read) / len(layouts))
                yield frame
        bar.reach(1.0)


def _text_size(path: Path) -> int:
    """About how much text a file holds; a workbook is packed some eight times."""
    size = path.stat().st_size
    return size if path.suffix.lower() in {".csv", ".tsv", ".txt"} else 8 * size
