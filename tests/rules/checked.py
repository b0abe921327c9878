"""Rows to checked documents, with what rules ask beside them: the biller's country, the attachments."""

from __future__ import annotations

from collections.abc import Mapping

from made import GOOD, HEADER, TODAY, table

from pipeline.attachments import Attachments
from pipeline.columns.layouts import understand
from pipeline.document import Document
from pipeline.grouper.build import build
from pipeline.grouper.defaults import given
from pipeline.profile import Profile
from pipeline.rows.gather import gather
from pipeline.rows.named import Intake, named_frames
from pipeline.validator.check import Validator
from pipeline.validator.rules import Context
from pipeline.values.convert import convert

PROFILE = Profile()


def check(
    *rows: Mapping[str, str], home: str = "FIN", attachments: Attachments | None = None
) -> list[Document]:
    """The documents of rows that differ from a good one in those cells; other columns follow from M on."""
    header = list(dict.fromkeys([*HEADER, *(name for row in rows for name in row)]))
    good = dict(zip(HEADER, GOOD, strict=True))
    made = table([header, *([(good | row).get(name, "") for name in header] for row in rows)])
    layouts = understand([[made]], PROFILE)
    intake = Intake()
    frames = (frame for layout in layouts for frame in named_frames(layout, 1000, intake))
    documents = [
        document
        for frame in gather(frames, 1)
        for document in build(
            frame,
            convert(frame, PROFILE.conventions),
            layouts,
            given(PROFILE),
            TODAY,
            intake,
            home=home,
            attachments=attachments,
        )
    ]
    Validator(layouts, Context(TODAY, home)).check(documents)
    return documents


def found(*rows: Mapping[str, str], home: str = "FIN", attachments: Attachments | None = None) -> list[str]:
    """What is told about those rows: severity, code, cell and message, each in one text."""
    return [
        f"{each.severity} {each.code} {each.place.cell}: {each.message}"
        for document in check(*rows, home=home, attachments=attachments)
        for each in document.findings
    ]
