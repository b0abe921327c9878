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
from typing import Any

import pyarrow as pa

from pipeline.attachments import Attachments
from pipeline.columns.layouts import Layout
from pipeline.document import Document
from pipeline.grouper.build import build
from pipeline.grouper.defaults import Given
from pipeline.language import set_language
from pipeline.profile import Profile
from pipeline.rows.frames import join
from pipeline.rows.gather import Span, tables_at
from pipeline.rows.named import Intake
from pipeline.validator.check import Validator
from pipeline.validator.rules import Context
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


@dataclass(slots=True)
class Checked:
    """The documents of a part or some of them, and what else became of its rows.

    `aside` are the rows of documents that the profile leaves out; `files` the attachments that were looked
    at, by name, where another process has done it.
    """

    documents: list[Document]
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


def check_part(part: Sequence[pa.Table], basis: bytes) -> list[bytes]:
    """The checked documents of a part, for another process: each chunk pickled (`unpacked`).

    As objects a part takes some 100 MB, packed some 4: so neither process holds more than one chunk of them.

    Args:
        part: its rows, as they were dealt.
        basis: a pickled `Basis`, which is unpacked once a process.

    Raises:
        Refusal: there is no such folder of attachments here.
    """
    known = _unpacked(basis)
    set_language(known.language)
    files = Attachments(known.attachments)
    found = [pickle.dumps(each) for each in checked_chunks(part, known, files)]
    return [*found, pickle.dumps(Checked([], files=files.files))]


def unpacked(parts: Iterable[list[bytes]]) -> Iterator[Checked]:
    """What `check_part` found in each part, chunk by chunk."""
    for part in parts:
        for chunk in part:
            yield pickle.loads(chunk)  # noqa: S301 - from a process of this run


def check_spilt(part: Sequence[tuple[Path, Sequence[Span]]], basis: bytes) -> list[bytes]:
    """The checked documents of a part that lies in files, as `check_part` gives them.

    Raises:
        Refusal: a file cannot be read here, or there is no such folder of attachments.
    """
    tables: list[pa.Table] = []
    for path, places in part:
        with opened(path) as file:
            tables += tables_at(file, places)
    return check_part(tables, basis)


@lru_cache(maxsize=1)
def _unpacked(basis: bytes) -> Basis:
    found: Basis = pickle.loads(basis)  # noqa: S301 - the run's own
    return found
