"""Finds the built-in profile that fits a run's files best, by their headers, record marks or positions.

A profile fits when all its headers that are not optional are there, and either one of them is no header that
is understood without a profile, or the file has no header but those. So an ordinary export stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.columns.header import find_header
from pipeline.columns.layouts import find_field, understand
from pipeline.columns.parts import part_of
from pipeline.findings import Place, Refusal, refuse
from pipeline.language import translate
from pipeline.profile import builtin
from pipeline.profile.model import Profile
from pipeline.profile.reads import columns_named, is_among
from pipeline.profile.words import words
from pipeline.readers.table import Table
from pipeline.values.words import normalise

LEAST_EXPLAINED = 0.5
"""How much of a file's header a profile must know."""

LEAST_NEAR = 0.7
"""How much of a profile's headers a file must have to be taken for a changed export of that system."""

_LEAST_SPECIAL = 2  # so many headers that mean something else without the profile are no accident
_LEAST_KNOWN = 3  # so many headers that are known without a profile are a header


class Fit(NamedTuple):
    """A profile that fits, and why; `score` is the share of the file it explains, and of itself it finds."""

    name: str
    profile: Profile
    score: tuple[float, float]
    reason: str


def choose(files: Sequence[list[Table]]) -> Fit | None:
    """The built-in profile that fits all files best, or None.

    Args:
        files: the tables of each file, opened without a profile.

    Raises:
        Refusal: `profile-ambiguous`: two fit equally; `profile-differs`: one fits some of the files only;
            `profile-nearly-fits`: one would, had the export not changed.
    """
    known = builtin.profiles(builtin.FOLDER)
    found = [fit for name, profile in known.items() if (fit := fit_of(name, profile, files))]
    if not found:
        _refuse_mixed(known, files)
        _refuse_near(known, files)
    return best_of(found, files[0][0].file)


def best_of(found: Iterable[Fit], file: str) -> Fit | None:
    """The one that explains most of the file, or None where there is none.

    Raises:
        Refusal: `profile-ambiguous`.
    """
    fits = sorted(found, key=lambda fit: fit.score, reverse=True)
    equal = [fit for fit in fits if fit.score == fits[0].score]
    if len(equal) > 1:
        told = "; ".join(f"{fit.name} ({fit.reason})" for fit in equal)
        raise refuse("profile-ambiguous", Place(file=file), fits=told)
    return equal[0] if equal else None


def fit_of(name: str, profile: Profile, files: Sequence[list[Table]]) -> Fit | None:
    """How well a profile fits all the files together, if it does."""
    if profile.tables:
        return _parts_fit(name, profile, files)
    fits = [_file_fit(name, profile, file) for file in files]
    fitting = [fit for fit in fits if fit]
    return min(fitting, key=lambda fit: fit.score) if len(fitting) == len(fits) and fits else None


def marks_fit(name: str, profile: Profile, table: Table) -> Fit | None:
    """Whether each row at a table's top is a record that the profile declares, invoice rows among them."""
    known = {record.mark.strip(): record for record in profile.records}
    rows = _marked_rows(profile, table)
    seen = {mark for mark, _ in rows}
    if not has_marks(profile, table) or not all(_has_fields(row, known[mark].fields) for mark, row in rows):
        return None
    told = ", ".join(f"“{mark}”" for mark in known if mark in seen)
    return Fit(name, profile, (1.0, 1.0), _reason("marks", rows=len(rows), marks=told))


def has_marks(profile: Profile, table: Table) -> bool:
    """Whether each row at a table's top begins with a mark of the profile, of invoices and rows among them.

    It shows however the file was opened, while records may be cut to the length of others.
    """
    known = [record.mark.strip() for record in profile.records]
    kinds = [record.mark.strip() for record in profile.records if not record.ignored]
    seen = {mark for mark, _ in _marked_rows(profile, table)}
    return bool(kinds) and seen.issuperset(kinds[-2:]) and seen.issubset(known)


def _marked_rows(profile: Profile, table: Table) -> list[tuple[str, list[str]]]:
    """The rows at a table's top that are not blank, each with its mark."""
    at = profile.reading.mark - 1
    rows = (row for row in table.head if any(text.strip() for text in row))
    return [("".join(row[at : at + 1]).strip(), row) for row in rows]


def _file_fit(name: str, profile: Profile, tables: Iterable[Table]) -> Fit | None:
    """The best fit among a file's tables."""
    sheet = profile.reading.sheet
    named = [each for each in tables if sheet in {None, "*", each.sheet} or each.sheet is None]
    fits = [fit for each in named if (fit := _table_fit(name, profile, each))]
    return max(fits, key=lambda fit: fit.score, default=None)


def _table_fit(name: str, profile: Profile, table: Table) -> Fit | None:
    if profile.records:
        return marks_fit(name, profile, table)
    if not profile.reading.header:
        return _positions_fit(name, profile, table)
    return _headers_fit(name, profile, _header(profile, table))


def _parts_fit(name: str, profile: Profile, files: Sequence[list[Table]]) -> Fit | None:
    """A profile of two tables fits when both are there, in all files, and together they have its headers."""
    try:
        parts = [
            (part_of(table, profile.tables), number, table)
            for number, file in enumerate(files)
            for table in file
        ]
    except Refusal:
        return None
    found = [(part, number, table) for part, number, table in parts if part]
    if len({part.part for part, _, _ in found}) < 2 or len({number for _, number, _ in found}) < len(files):
        return None
    present = [header for _, _, table in found for header in _header(profile, table)]
    return _headers_fit(name, profile, present)


def _headers_fit(name: str, profile: Profile, present: Sequence[str]) -> Fit | None:
    expected = {normalise(each): each for each in profile.expects.headers}
    needed = expected.keys() - {normalise(each) for each in profile.expects.optional}
    file = {normalise(each): each for each in present}
    found = expected.keys() & file.keys()
    if not needed or not needed <= found:
        return None
    own = sum(1 for spelt, header in file.items() if spelt in found or is_among(header, profile.columns))
    explained = own / len(file)
    is_special = any(_is_special(expected[each], profile) for each in needed)
    if explained < (LEAST_EXPLAINED if is_special else 1):
        return None
    reason = _reason("headers", found=len(found), all=len(expected), explained=own, of=len(file))
    return Fit(name, profile, (explained, len(found) / len(expected)), reason)


def _is_special(header: str, profile: Profile) -> bool:
    """Whether a header means something else, or nothing, without the profile."""
    plain = find_field(header, Profile())
    return not plain or plain != find_field(header, Profile(columns=columns_named(profile)))


def _positions_fit(name: str, profile: Profile, table: Table) -> Fit | None:
    if _is_header_there(table):
        return None
    try:
        understand([[table]], profile)
    except Refusal:
        return None
    return Fit(
        name, profile, (1.0, 1.0), _reason("positions", fields=profile.reading.fields or len(table.head[0]))
    )


def _is_header_there(table: Table) -> bool:
    return any(
        len({find_field(text, Profile()) for text in row if text.strip()} - {None}) >= _LEAST_KNOWN
        for row in table.head
    )


def _header(profile: Profile, table: Table) -> list[str]:
    """The headers of a table: of all rows that could be its header, those of the most expected one."""
    expected = {normalise(each) for each in profile.expects.headers}

    def known(text: str) -> str | None:
        return spelt if (spelt := normalise(text)) in expected else None

    header = find_header(table, profile.reading, known, 1)
    return [*header.texts.values()] if header else []


def _refuse_mixed(known: dict[str, Profile], files: Sequence[list[Table]]) -> None:
    """See that no profile fits some of the files and not the others, which would then be read without it.

    Raises:
        Refusal: `profile-differs`.
    """
    if len(files) < 2:
        return
    fits = {
        file[0].file: [name for name, profile in known.items() if fit_of(name, profile, [file])]
        for file in files
    }
    if any(fits.values()):
        told = "; ".join(f"{file}: {', '.join(names) or builtin.NONE}" for file, names in fits.items())
        raise refuse("profile-differs", fits=told)


def _refuse_near(known: dict[str, Profile], files: Sequence[list[Table]]) -> None:
    """See that no export of a known system is read without its profile because a header was renamed.

    Raises:
        Refusal: `profile-nearly-fits`.
    """
    for table in (table for file in files for table in file):
        for name, profile in known.items():
            if gone := _missing(profile, _header(profile, table)):
                told = ", ".join(f"“{header}”" for header in gone)
                raise refuse("profile-nearly-fits", Place(table.file, table.sheet), profile=name, gone=told)


def _missing(profile: Profile, present: Sequence[str]) -> list[str]:
    """What a header lacks to be the profile's, if it has most of it and what no ordinary export has."""
    optional = {normalise(each) for each in profile.expects.optional}
    needed = {normalise(each): each for each in profile.expects.headers if normalise(each) not in optional}
    have = needed.keys() & {normalise(each) for each in present}
    special = [each for each in have if _is_special(needed[each], profile)]
    if len(special) < _LEAST_SPECIAL or len(have) < LEAST_NEAR * len(needed):
        return []
    return [header for spelt, header in needed.items() if spelt not in have]


def _has_fields(row: Sequence[str], fields: int | None) -> bool:
    filled = max((at for at, text in enumerate(row, 1) if text.strip()), default=0)
    return fields is None or filled <= fields <= len(row)


def _reason(kind: str, **names: object) -> str:
    return translate(words()["choosing"][kind], **names)
