"""From files to documents: everything before the ledger, and nothing that it needs to know of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.attachments import Attachments
from pipeline.columns.layouts import Layout, check_layouts, tables_of, understand
from pipeline.grouper.defaults import given
from pipeline.language import language
from pipeline.ledger.entry import Sealing
from pipeline.options import Options
from pipeline.profile import Profile
from pipeline.profile.drift import refuse_drift
from pipeline.readers.inputs import Input, open_input, refuse_copies
from pipeline.readers.table import Table
from pipeline.records import tables_of_records
from pipeline.rows.gather import number_of_parts, parts_of
from pipeline.rows.named import Intake
from pipeline.screens.terminal import Screen
from pipeline.subject import Subject
from pipeline.values.convert import settled_decimal
from pipeline.workers.part import Basis, Checked, Part, Ready, checked_chunks, ready_of
from pipeline.workers.reading import Dealt, frames_of

if TYPE_CHECKING:
    from pipeline.workers.cluster import Cluster
    from pipeline.workers.helper import Helper


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
    *,
    day: dt.date | None = None,
) -> Iterator[Checked]:
    """The checked documents of all tables, in chunks.

    The first chunk comes when every row has been read: only then are the number convention, the damaged
    rows and the last row of each document known.

    Args:
        layouts: how the tables are understood.
        profile: the run's.
        options: whose subject, country and folder of attachments count.
        files: the folder of attachments, which knows afterwards what the documents name.
        intake: what becomes of the rows is added.
        screen: for the progress of reading.
        day: what counts as today.

    Raises:
        Refusal: a file has changed, or cannot be read where it should be.
    """
    evidence: list[set[str]] = [set() for _ in layouts]
    basis = _basis(layouts, profile, options, intake, evidence, day)
    parts = parts_of(_read_here(layouts, intake, evidence, screen), number_of_parts(text_size(layouts)))
    for part in parts:
        for each in checked_chunks(part, basis(), files):
            intake.add(Intake(aside=each.aside))
            yield each


def ready(
    layouts: Sequence[Layout],
    profile: Profile,
    options: Options,
    files: Attachments,
    intake: Intake,
    screen: Screen,
    sealing: Sealing,
    team: Helper | Cluster | None = None,
) -> Iterator[Ready]:
    """`documents` as the ledger takes them: the same ones whoever does the work.

    Args:
        layouts: how the tables are understood.
        profile: the run's.
        options: whose subject, country and folder of attachments count.
        files: the folder of attachments, which knows afterwards what the documents name.
        intake: what becomes of the rows is added.
        screen: for the progress of reading.
        sealing: what entries are made with.
        team: the second process that builds and checks, or the cluster that reads, too.

    Raises:
        Refusal: a file has changed, or cannot be read where it should be.
        WorkersLost: the other processes have died.
    """
    if team is None:
        for checked in documents(layouts, profile, options, files, intake, screen):
            yield ready_of(checked, sealing)
        return
    number = number_of_parts(text_size(layouts))
    evidence: list[set[str]] = [set() for _ in layouts]
    basis = _basis(layouts, profile, options, intake, evidence)
    parts = _read_by(team, layouts, number, intake, evidence, screen)
    for each in team.checked(parts, lambda: (basis(), sealing)):
        intake.add(Intake(aside=each.aside))
        files.know(each.files)
        yield each


def _basis(
    layouts: Sequence[Layout],
    profile: Profile,
    options: Options,
    intake: Intake,
    evidence: Sequence[set[str]],
    day: dt.date | None = None,
) -> Callable[[], Basis]:
    """What documents are made of and checked against: to be asked for when all rows are read."""
    rules = given(profile, options.subject)

    @cache
    def basis() -> Basis:
        conventions = profile.conventions
        if conventions.decimal is None:
            conventions = conventions.model_copy(update={"decimal": settled_decimal(evidence)})
        return Basis(
            layouts=layouts,
            profile=profile.model_copy(update={"conventions": conventions}),
            given=rules,
            today=day or today(),
            home=options.country.alpha3,
            attachments=options.attachments and options.attachments.resolve(),
            suspects=intake.suspects,
            continued=intake.continued,
            language=language(),
        )

    return basis


def today() -> dt.date:
    """The day it is where the program runs."""
    return dt.datetime.now().astimezone().date()


def text_size(layouts: Iterable[Layout]) -> int:
    """About how much text the files hold, in bytes; a workbook is packed some eight times."""
    return sum(map(_text_size, {layout.table.path for layout in layouts}))


def _read_here(
    layouts: Sequence[Layout], intake: Intake, evidence: list[set[str]], screen: Screen
) -> Iterator[pd.DataFrame]:
    """Every table's named frames, noting on the way what proves each one's decimal separator."""
    with screen.progress("Reading", 1.0, unit=None) as bar:
        tables = tables_of(layouts)
        for number, layout in enumerate(tables):
            for frame in frames_of(layout, intake, evidence[number]):
                bar.reach((number + layout.table.share_read) / len(tables))
                yield frame
        bar.reach(1.0)


def _read_by(
    team: Helper | Cluster,
    layouts: Sequence[Layout],
    parts: int,
    intake: Intake,
    evidence: list[set[str]],
    screen: Screen,
) -> Iterator[Part]:
    """The parts that the rows of every table are dealt to by more than this process."""
    with screen.progress("Reading", 1.0, unit=None) as bar:
        dealt: list[Dealt] = []
        for number, (own, found) in enumerate(team.read(layouts, parts, bar.reach)):
            intake.add(own)
            evidence[number].update(*(each.evidence for each in found))
            dealt += found
        bar.reach(1.0)
    for number in range(parts):
        if part := [(each.path, each.places[number]) for each in dealt if each.places[number]]:
            yield part


def _text_size(path: Path) -> int:
    size = path.stat().st_size
    return size if path.suffix.lower() in {".csv", ".tsv", ".txt"} else 8 * size
