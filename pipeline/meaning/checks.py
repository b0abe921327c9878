"""Whether what a profile declares of the meaning of cells can be used: by itself, and with a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.findings import Place, refuse
from pipeline.language import translate
from pipeline.meaning.declared import steps
from pipeline.meaning.expression import Wrong, parse
from pipeline.profile import Profile
from pipeline.readers.table import EXACT, cell_name
from pipeline.subject import INVOICES, Subject
from pipeline.values.convert import Unreadable, convert_text
from pipeline.values.words import normalise

if TYPE_CHECKING:
    from pipeline.columns.layouts import Layout

BRACES = re.compile(r"\{([^{}]+)\}")
"""A header in a text of `[texts]`."""

Path = tuple[str | int, ...]


def check_expressions(profile: Profile, subject: Subject = INVOICES) -> None:
    """See that every declaration can be used, whatever the file.

    Raises:
        Refusal: `profile-declaration`.
    """
    for path, reason in faults(profile, subject):
        raise refuse("profile-declaration", where=".".join(map(str, path)), reason=reason)


def faults(profile: Profile, subject: Subject = INVOICES) -> Iterator[tuple[Path, str]]:
    """What makes a declaration unusable: its path in the profile, and why in words.

    That the fields named exist is not looked at (`profile.check`).
    """
    yield from _of_conditions(profile)
    for at, split in enumerate(profile.split):
        if reason := _pattern_fault(split.pattern, len(split.into)):
            yield ("split", at, "pattern"), reason
    for field, template in profile.texts.items():
        if not BRACES.search(template) or re.search(r"[{}]", BRACES.sub("", template)):
            yield ("texts", field), translate("the text needs headers in braces, and every brace its pair")
    for field, text in profile.expressions.items():
        try:
            parse(text)
        except Wrong as wrong:
            yield ("expressions", field), str(wrong)
    yield from _of_values(profile, subject)


def check_named(layout: Layout) -> None:
    """See that the table has every column that its declarations name, and only one of that name.

    Raises:
        Refusal: `profile-column-missing` or `profile-column-twice`.
    """
    made: set[str] = set()
    for step in steps(layout.profile):
        for name in step.names:
            _check_name(name, layout, made)
        made.update(step.fields)


def match_key(text: str) -> str:
    """What two spellings of a cell have in common for `[values]`: case and signs do not count, as in headers.

    But in a text with digits every sign counts, since 1,5 is not 15.
    """
    plain = text.replace(EXACT, "")
    if any(map(str.isdecimal, plain)):
        return "".join(plain.split()).casefold()
    return normalise(plain)


def _check_name(name: str, layout: Layout, made: set[str]) -> None:
    place = Place(layout.table.file, layout.table.sheet, layout.header_row or None)
    if layout.column(name) is None and name not in made:
        headers = ", ".join(f"“{header}”" for header in layout.headers.values())
        raise refuse("profile-column-missing", place, header=name, headers=headers)
    same = [at for at, header in layout.headers.items() if header == name]
    same = same or [at for at, header in layout.headers.items() if normalise(header) == normalise(name)]
    if len(same) > 1:
        cells = ", ".join(cell_name(at, layout.header_row or 1) for at in same)
        raise refuse("profile-column-twice", place, header=name, cells=cells)


def _pattern_fault(pattern: str, fields: int) -> str | None:
    try:
        groups = re.compile(pattern).groups
    except (re.error, RecursionError, OverflowError) as error:
        return translate("the pattern cannot be used: {reason}", reason=error)
    if groups == fields:
        return None
    return translate(
        "the pattern has {groups} groups, and {fields} fields are named", groups=groups, fields=fields
    )


def _of_conditions(profile: Profile) -> Iterator[tuple[Path, str]]:
    conditions = {("leave_out", at): each.when for at, each in enumerate(profile.leave_out)}
    conditions |= {("set", at): each.when for at, each in enumerate(profile.set)}
    for path, when in conditions.items():
        if not when or [] in when.values():
            yield (*path, "when"), translate("the condition names no column, or no text for one")


def _of_values(profile: Profile, subject: Subject) -> Iterator[tuple[Path, str]]:
    for at, setting in enumerate(profile.set):
        for field, value in setting.to.items():
            yield from _of_value(("set", at, "to", field), field, value, profile, subject)
    for field, pairs in profile.values.items():
        known: dict[str, str] = {}
        for text, value in pairs.items():
            path = ("values", field, text)
            if known.setdefault(match_key(text), value) != value:
                yield path, translate("another spelling of this text has another value")
            yield from _of_value(path, field, value, profile, subject)


def _of_value(
    path: Path, field: str, value: str, profile: Profile, subject: Subject
) -> Iterator[tuple[Path, str]]:
    if not value.strip():
        return
    try:
        convert_text(value, field, profile.conventions, subject)
    except Unreadable as problem:
        yield (
            path,
            translate(
                "“{value}” is no value of {field} ({code})", value=value, field=field, code=problem.code
            ),
        )
