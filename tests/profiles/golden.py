"""What files come to with a profile, held against a golden file beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from made import TODAY

from pipeline.document import Document
from pipeline.documents import read_layouts
from pipeline.grouper.build import build
from pipeline.grouper.defaults import given
from pipeline.profile import Profile
from pipeline.readers.inputs import expanded
from pipeline.rows.gather import gather
from pipeline.rows.named import Intake, named_frames
from pipeline.subject import INVOICES
from pipeline.validator.check import Validator
from pipeline.validator.rules import Context
from pipeline.values.convert import convert

REWRITES = os.environ.get("REWRITE_GOLDEN") == "1"
"""Whether golden files are written anew instead of compared with."""


def documents_of(paths: Sequence[Path], profile: Profile, home: str = "FIN") -> tuple[list[Document], Intake]:
    """The documents of those files, checked as in a run."""
    intake = Intake()
    with expanded(paths) as (files, findings):
        assert findings == []
        layouts = read_layouts(files, profile, INVOICES)
        frames = (frame for layout in layouts for frame in named_frames(layout, 1000, intake))
        found: list[Document] = []
        for frame in gather(frames, 1):
            columns = convert(frame, profile.conventions)
            several = profile.reading.several_tables
            rules = given(profile)
            found += build(frame, columns, layouts, rules, TODAY, intake, several_tables=several, home=home)
    Validator(layouts, Context(TODAY, home)).check(found)
    return found, intake


def told(found: Iterable[Document]) -> list[str]:
    """Every finding's cell, code and message."""
    return [
        f"{each.place.cell or each.place.row} {each.code}: {each.message}"
        for document in found
        for each in document.findings
    ]


def datasets(found: Iterable[Document]) -> list[dict[str, Any]]:
    """The datasets of those that can be sent, as the service gets them."""
    sent = [document.dataset for document in found if document.valid]
    plain: list[dict[str, Any]] = json.loads(json.dumps(sent, default=str))
    return plain


def compare(golden: Path, made: Any) -> None:
    """See that a golden file holds what was made; with REWRITE_GOLDEN=1 it is written instead."""
    if REWRITES:
        golden.write_text(json.dumps(made, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    assert json.loads(golden.read_text(encoding="utf-8")) == made
