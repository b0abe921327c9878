"""Whether a table has the columns that its invoices need, and whether they are still where they were."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.corrections.status import is_corrections
from pipeline.findings import Place, refuse
from pipeline.meaning.checks import check_expressions, check_named
from pipeline.meaning.declared import made
from pipeline.prices.settle import found_fields
from pipeline.profile import Profile
from pipeline.readers.table import HEAD_ROWS, INVOICE
from pipeline.subject import Subject
from pipeline.values.convert import Unreadable, convert_text
from pipeline.values.words import normalise, unsupported_headers

if TYPE_CHECKING:
    from pipeline.columns.layouts import Layout

DEBTOR = ("company", "person", "name", "lastname")
"""Columns any of which names the debtor."""

_NEEDED_ON_ROWS = ("payrow.desc", "payrow.count", "payrow.amount", "payrow.taxpr")
_POSSIBLE = frozenset(
    {"number-ambiguous", "date-ambiguous", "date-impossible", "code-was-number", "billnum-personal"}
)
"""Reasons for which a text cannot be read although it may well be such a value."""

_NOT_A_DATE = r"(?![0-9]{4}-[0-9]{2}-[0-9]{2}$)"
_FORMS = {
    "email": re.compile(r"[^@]+@[^@]+"),
    "postcode": re.compile(_NOT_A_DATE + r"(?=.*[0-9])[\w -]{2,10}"),
    "govid": re.compile(_NOT_A_DATE + r"(?=(?:.*[0-9]){6})[A-Za-z0-9+ -]{6,20}"),
    "phone": re.compile(_NOT_A_DATE + r"(?=(?:.*[0-9]){5})[0-9+()\s/-]+"),
}
"""What texts of kinds look like that take any text, about; only to see that a column has not moved."""


def check_profile(profile: Profile, subject: Subject) -> None:
    """See that the fields exist that a profile's columns, constants and defaults name.

    Raises:
        Refusal: `profile-field`.
    """
    known = subject.fields
    for path in (*profile.columns.values(), *profile.constants, *profile.defaults):
        if path and subject.generic(path) not in known:
            closest = ", ".join(difflib.get_close_matches(path, known, n=3)) or "none"
            raise refuse("profile-field", value=path, closest=closest)
    check_expressions(profile, subject)


def check_columns(layout: Layout, joined: Sequence[Layout]) -> None:
    """See that every column that is needed is there, and none that cannot be sent.

    Args:
        layout: one table's, or that of a repetition of its columns.
        joined: it and those whose rows make invoices together with its own.

    Raises:
        Refusal: two columns hold one field, there are no rows, a column changes the sums and has no field,
            a needed field has no column and no default, or columns that are known by position have moved.
    """
    place = Place(layout.table.file, layout.table.sheet, layout.header_row or None)
    _check_count(layout, place)
    columns: dict[str, list[int]] = {}
    for column, path in layout.fields.items():
        columns.setdefault(path, []).append(column)
    for path, several in columns.items():
        if len(several) > 1:
            cells = " and ".join(f"“{layout.headers[at]}” ({layout.heading(at).cell})" for at in several)
            raise refuse("two-columns", place, field=path, cells=cells)
    rows_below = layout.table.head[layout.header_row :]
    if len(layout.table.head) < HEAD_ROWS and not any(text.strip() for row in rows_below for text in row):
        raise refuse("header-only", place)
    for column in layout.ignored:
        header = layout.headers[column]
        if normalise(header) in unsupported_headers() and header not in layout.profile.columns:
            raise refuse("column-unsupported", layout.heading(column), header=header)
    check_named(layout)
    _check_needed(layout, joined, place)
    if not layout.header_row or layout.table.fields is not None:
        for column, path in layout.fields.items():
            if path != INVOICE:
                _check_type(layout, column, path)


def _check_needed(layout: Layout, joined: Sequence[Layout], place: Place) -> None:
    profile = layout.profile
    given = {*profile.constants, *profile.defaults}
    have = {path for each in joined for path in (*each.fields.values(), *made(each.profile))} | given
    have |= found_fields(profile.prices, have)
    missing = [path for path in _needed(layout.subject, have) if path not in have]
    if layout.part:
        if is_corrections(layout.table.head):
            missing = []  # its rows may all be of one of the two tables
        if "billnum" not in {*layout.fields.values(), *made(profile)}:
            missing.insert(0, "billnum")  # what joins the two
    if missing:
        headers = ", ".join(f"“{header}”" for each in joined for header in each.headers.values())
        raise refuse("column-missing", place, field=missing[0], missing=", ".join(missing), headers=headers)


def _needed(subject: Subject, have: set[str]) -> list[str]:
    """The fields that must have a column or a default; of alternatives the words for all of them."""
    needed = list(subject.needed)
    if subject.kind:
        return needed if have & set(subject.identity) else [*needed, " or ".join(subject.identity)]
    if not have & set(DEBTOR):
        needed.insert(0, "company or person")
    if "amount" not in have or any(path.startswith("payrow.") for path in have):
        needed += _NEEDED_ON_ROWS
    return needed


def _check_count(layout: Layout, place: Place) -> None:
    """Without a header the number of fields is all that tells that the export has not changed."""
    if layout.header_row or layout.table.fields is not None:
        return
    reading, head = layout.profile.reading, layout.table.head
    width = max(map(len, head), default=0)
    filled = max((at + 1 for row in head for at, text in enumerate(row) if text.strip()), default=0)
    named = [int(name) for name, path in layout.profile.columns.items() if path and name.isdecimal()]
    wanted = reading.fields or max(named, default=0)
    fits = wanted in {width, max(filled, width - 1)} if reading.fields else wanted <= width
    if not fits:
        raise refuse("fields-changed", place, found=width, wanted=wanted)
    for row in head[: layout.table.titles]:
        if any(text.strip() for text in row):  # without a header no row is a title
            found = max(at for at, text in enumerate(row, 1) if text.strip())
            raise refuse("fields-changed", place, found=found, wanted=wanted)


def _check_type(layout: Layout, column: int, path: str) -> None:
    """Most of the first texts of a column that is known by its position must be such values."""
    if "*" in layout.profile.values.get(path, {}):
        return
    mapped = {normalise(text) for text in layout.profile.values.get(path, {})}
    rows = [(at, row[column].strip()) for at, row in enumerate(layout.table.head, 1) if column < len(row)]
    told = [(at, text) for at, text in rows if text and normalise(text) not in mapped]
    wrong = [(at, text) for at, text in told if not _can_be(text, path, layout)]
    if len(wrong) * 2 > len(told):
        texts = ", ".join(f"“{text}”" for text in list(dict.fromkeys(text for _, text in wrong))[:3])
        place, position = layout.cell(wrong[0][0], column), str(column + 1)
        if layout.table.fields is not None:  # their rows are not those of the file
            place = layout.heading(column)
            position = (place.cell or "").rpartition(" ")[2]
        raise refuse("fields-shifted", place, field=path, position=position, texts=texts)


def _can_be(text: str, path: str, layout: Layout) -> bool:
    try:
        value = convert_text(text, path, layout.profile.conventions, layout.subject)
    except Unreadable as problem:
        return problem.code in _POSSIBLE
    form = _FORMS.get(layout.subject.value_kind(path))
    return form is None or bool(form.fullmatch(value))
