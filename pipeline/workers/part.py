"""From a part, which holds its documents whole, to checked documents.

It depends on nothing but the part, the basis and the folder of attachments, so that any process can do it.
"""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from pipeline.attachments import Attachments
from pipeline.columns.layouts import Layout
from pipeline.document import Document
from pipeline.grouper.build import build
from pipeline.grouper.defaults import Given
from pipeline.language import set_language
from pipeline.ledger.entry import Entry, Sealing, entry_of
from pipeline.profile import Profile
from pipeline.rows.frames import join
from pipeline.rows.gather import Span, tables_at
from pipeline.rows.named import Intake
from pipeline.tally import Counts
from pipeline.validator.check import Validator
from pipeline.validator.rules import Context
from pipeline.validator.rules.credit import names_original
from pipeline.values.convert import convert
from pipeline.workers.shared import opened

DOCUMENTS_A_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Basis:
    """Everything beside the rows that documents are made of and checked against: the same for every part.

    `profile` has its number convention settled; `suspects` and `continued` are those of all rows (`Intake`).
    """

    layouts: Sequence[Layout]
    profile: Profile
    given: Given
    today: dt.date
    home: str
    attachments: Path | None
    suspects: set[str]
    continued: dict[str, tuple[int, int]]
    language: str


Terms: TypeAlias = tuple[Basis, Sealing]
"""What another process needs to know beside the rows."""


Part: TypeAlias = Sequence[tuple[Path | None, Sequence[Span]]]
"""Where the rows of a part lie: in which files, and where in each."""


@dataclass(slots=True)
class Checked:
    """The documents of a part or some of them; `aside` are the rows of those that the profile leaves out."""

    documents: list[Document]
    aside: dict[tuple[int, str], list[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Ready:
    """Checked documents as they are handed over, and what else became of the rows.

    `entries` are those that the ledger can take, `counts` what they come to; `crediting` the credit notes
    that have to be held against their originals first. `files` are the attachments that were looked at, by
    name, where another process has done it.
    """

    entries: list[Entry] = field(default_factory=list)
    crediting: list[Document] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    aside: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)


def checked_chunks(part: Sequence[pa.Table], basis: Basis, files: Attachments) -> Iterator[Checked]:
    """The checked documents of a part in chunks, by first row; at last what else became of its rows.

    Args:
        part: its rows, as they were dealt.
        basis: what they are checked against.
        files: the folder of attachments.
    """
    intake = Intake(suspects=basis.suspects, continued=basis.continued)
    validator = Validator(basis.layouts, Context(basis.today, basis.home))
    frame = join(list(part))
    columns = convert(frame, basis.profile.conventions, basis.layouts[0].subject)
    documents = build(
        *(frame, columns, basis.layouts, basis.given, basis.today, intake),
        several_tables=basis.profile.reading.several_tables,
        home=basis.home,
        attachments=files,
    )
    while chunk := list(islice(documents, DOCUMENTS_A_CHUNK)):
        validator.check(chunk)
        yield Checked(chunk)
    yield Checked([], intake.aside)


def ready_of(checked: Checked, sealing: Sealing) -> Ready:
    """What is handed over of checked documents."""
    crediting = [each for each in checked.documents if each.valid and names_original(each)]
    others = checked.documents
    if crediting:
        waiting = {id(each) for each in crediting}
        others = [each for each in others if id(each) not in waiting]
    ready = Ready([entry_of(each, sealing) for each in others], crediting, Counts(), checked.aside)
    ready.counts.count(others)
    return ready


def check_part(part: Sequence[pa.Table], basis: bytes) -> list[bytes]:
    """What is ready of a part, for another process: each chunk pickled (`unpacked`).

    As objects a part takes some 100 MB, packed some 30: so neither process holds more than one chunk of them.

    Args:
        part: its rows, as they were dealt.
        basis: a pickled `Basis` and `Sealing`, which are unpacked once a process.

    Raises:
        Refusal: there is no such folder of attachments here.
    """
    known, sealing = _unpacked(basis)
    set_language(known.language)
    files = Attachments(known.attachments)
    found = [pickle.dumps(ready_of(each, sealing)) for each in checked_chunks(part, known, files)]
    return [*found, pickle.dumps(Ready(files=files.files))]


def unpacked(parts: Iterable[list[bytes]]) -> Iterator[Ready]:
    """What `check_part` found in each part, chunk by chunk."""
    for part in parts:
        for chunk in part:
            yield pickle.loads(chunk)  # noqa: S301 - from a process of this run


def check_spilt(part: Part, basis: bytes) -> list[bytes]:
    """What is ready of a part that lies in files, as `check_part` gives it.

    Raises:
        Refusal: a file cannot be read here, or there is no such folder of attachments.
    """
    tables: list[pa.Table] = []
    for path, places in part:
        with opened(path or Path()) as file:
            tables += tables_at(file, places)
    return check_part(tables, basis)


@lru_cache(maxsize=1)
def _unpacked(basis: bytes) -> Terms:
    found: Terms = pickle.loads(basis)  # noqa: S301 - the run's own
    return found
