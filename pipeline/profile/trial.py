"""Shows what each declaration of a profile did to the first rows of a file, cell by cell."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pandas as pd

from pipeline.columns.layouts import Layout, tables_of
from pipeline.language import translate
from pipeline.meaning.shown import Change, trace
from pipeline.privacy import mask, mask_govid
from pipeline.profile.model import Profile
from pipeline.profile.reads import columns_named, is_among
from pipeline.profile.show import given_of, meaning_of
from pipeline.readers.table import EXACT, ROW
from pipeline.rows.frames import codes
from pipeline.rows.named import SOURCE, Intake, cells_read, data_frames, named_rows
from pipeline.values.convert import clean, convert, settled_decimal
from pipeline.workers.reading import evidence_of

ROWS = 3
"""So many rows are shown, unless others are asked for."""

LOOKED_AT = 10_000
"""In so many rows a declaration may find something."""

Sent = dict[tuple[int, int], dict[str, str]]
"""By source and row: field → what is told of its value."""


def tried(layouts: Sequence[Layout], profile: Profile, rows: int = ROWS) -> Iterator[str]:
    """What the profile makes of the first rows of each table, what it does not use, and what it says.

    Args:
        layouts: how the tables are understood with it.
        profile: the profile.
        rows: how many rows of each table to show.
    """
    changes: list[Change] = []
    for layout in tables_of(layouts):
        data = next((each for each in data_frames(layout, LOOKED_AT, Intake()) if len(each)), None)
        if data is None:
            continue
        named = named_rows(data, layout)
        sent = _sent(named, data[ROW].tolist()[:rows], layout, profile)
        for each in (layout, *layout.repeats):
            changes += trace(cells_read(data, each), each, each.profile)
        for at in range(min(rows, len(data))):
            cells = data.iloc[at]
            row = int(cells[ROW])
            yield f"{_where(layout, row)}:"
            for each in (layout, *layout.repeats):
                yield from _row(each, cells, [change for change in changes if change.row == row], sent)
    yield from given_of(profile)
    yield from _unused(layouts, profile, {change.step for change in changes})
    yield from meaning_of(profile)


def _where(layout: Layout, row: int) -> str:
    place = " ".join(filter(None, (layout.table.file, layout.table.sheet)))
    return translate("{place}, row {row}", place=place, row=row)


def _row(layout: Layout, cells: pd.Series[Any], changes: Sequence[Change], sent: Sent) -> Iterator[str]:
    """Each cell with its field and the value that goes; what declarations did; what they made goes last."""
    row = int(cells[ROW])
    values = sent.get((layout.number, row), {})
    columns = {*layout.own} if layout.is_repeat else {*layout.read} - _of_repeats(layout)
    for column in sorted(columns):
        text, field = _plain(cells[column]), layout.fields.get(column)
        if not text and layout.table.fields:
            continue  # a record has few of all kinds' fields
        line = translate(
            "  {cell} “{header}”: “{text}”",
            cell=layout.cell(row, column).cell or "",
            header=layout.headers.get(column, ""),
            text=_hidden(field, text),
        )
        if field:
            line += f" → {values.pop(field, field)}"
        yield line + (translate(" (from the row above)") if _is_carried(layout, row, column, text) else "")
    if not layout.is_repeat:  # the first one tells what concerns the whole row
        yield from map(_told, changes)
        yield from (f"  → {value}" for value in values.values())


def _of_repeats(layout: Layout) -> set[int]:
    return {column for repeat in layout.repeats for column in repeat.own}


def _is_carried(layout: Layout, row: int, column: int, text: str) -> bool:
    """Whether a text is not the cell's own."""
    head = layout.table.head
    if not text or not layout.profile.reading.carry or row > len(head):
        return False
    return not any(each.strip() for each in head[row - 1][column : column + 1])


def _told(change: Change) -> str:
    """What a declaration did to a row."""
    read = ", ".join(f"“{name}” “{text}”" for name, text in change.read.items())
    did = f"  {_step(change.step)}: {read} → "
    if change.problems:
        return did + translate("cannot be done ({codes})", codes=", ".join(change.problems))
    if change.field is None:
        return did + translate("left out: {reason}", reason=change.after)
    was = (
        translate(" (was “{text}”)", text=change.before)
        if change.before not in {"", *change.read.values()}
        else ""
    )
    return f"{did}{change.field} “{change.after}”{was}"


def _sent(named: pd.DataFrame, rows: Collection[int], layout: Layout, profile: Profile) -> Sent:
    """By source and row the fields that are not blank, each with its value as it goes."""
    conventions = profile.conventions
    if conventions.decimal is None:
        decimal = settled_decimal([evidence_of(named, layout.subject)])
        conventions = conventions.model_copy(update={"decimal": decimal})
    shown = named[named[ROW].isin(rows)]
    converted = convert(shown, conventions, layout.subject)
    found: Sent = {}
    for field, column in converted.items():
        of_row = codes(shown[field]).tolist()
        for source, row, code in zip(shown[SOURCE].tolist(), shown[ROW].tolist(), of_row, strict=True):
            told = f"{field} “{_hidden(field, column.values[code])}”"
            if problem := column.problems.get(code):
                told = translate("{field} cannot be read ({code})", field=field, code=problem.code)
            if problem or column.values[code]:
                found.setdefault((source, row), {})[field] = told
    return found


def _unused(layouts: Sequence[Layout], profile: Profile, done: set[str]) -> Iterator[str]:
    """Headers that nothing reads, columns that are not there, declarations that found nothing."""
    for layout in tables_of(layouts):
        ignored = (header for at, header in layout.headers.items() if at in layout.ignored)
        for header in ignored:
            if not is_among(header, columns_named(profile)):
                yield translate("Nothing reads the column “{header}”.", header=header)
    present = [header for layout in layouts for header in layout.headers.values()]
    for header in columns_named(profile):
        if not profile.records and not any(is_among(each, [header]) for each in present):
            yield translate("There is no column “{header}”, which [columns] names.", header=header)
    for step in _declared(profile):
        if step not in done:
            yield translate("{step} found nothing in the first rows.", step=_step(step))


def _declared(profile: Profile) -> Iterator[str]:
    """The declarations about the meaning of cells, as steps are named."""
    yield from (f"leave_out.{at}" for at in range(len(profile.leave_out)))
    yield from (f"split.{at}" for at, split in enumerate(profile.split) if any(split.into))
    yield from (f"set.{at}" for at in range(len(profile.set)))
    for name in ("texts", "expressions", "values"):
        yield from (f"{name}.{field}" for field in getattr(profile, name))


def _step(name: str) -> str:
    """A declaration as it stands in the profile: `[[split]] 1`, `[texts] person`."""
    section, _, which = name.partition(".")
    return f"[[{section}]] {int(which) + 1}" if which.isdecimal() else f"[{section}] {which}"


def _hidden(field: str | None, text: str) -> str:
    return mask_govid(text) if field == "govid" else mask(text)


def _plain(text: str) -> str:
    return clean(text).replace(EXACT, "")
