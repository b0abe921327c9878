"""Whether what a profile declares can hold together: fields that exist, and nothing against each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pipeline.language import translate
from pipeline.profile.faults import Fault, closest
from pipeline.profile.lines import Steps
from pipeline.profile.model import Profile, Record
from pipeline.profile.words import words
from pipeline.readers.table import INVOICE
from pipeline.subject import Subject, is_of_row
from pipeline.values.words import normalise


def faults_of_meaning(profile: Profile, subject: Subject) -> list[Fault]:
    """What is wrong in a profile whose form is right."""
    unknown = [
        _fault(path, "field", field=field, closest=closest(field, subject.fields))
        for path, field in fields_named(profile)
        if field and subject.generic(field) not in subject.fields and not _is_own_name(path, field)
    ]
    checks: tuple[Callable[[Profile], Iterator[Fault]], ...] = (
        _records,
        _tables,
        _positions,
        _expected,
        _repeated,
        _made_twice,
        _prices,
    )
    against = [fault for check in checks for fault in check(profile)]
    return unknown + against if unknown else against + _of_declarations(profile, subject)


def fields_named(profile: Profile) -> Iterator[tuple[Steps, str]]:
    """Every place of a profile that names a field, with the field; `""` where a column is ignored."""
    yield from _values(("columns",), profile.columns)
    for at, part in enumerate(profile.tables):
        yield from _values(("tables", at, "columns"), part.columns)
    for at, record in enumerate(profile.records):
        yield from _values(("records", at, "columns"), record.columns)
        if record.key is not None:
            yield ("records", at, "key"), record.key
    for at, split in enumerate(profile.split):
        yield from ((("split", at, "into", number), field) for number, field in enumerate(split.into))
    for at, setting in enumerate(profile.set):
        yield from ((("set", at, "to", field), field) for field in setting.to)
    for name in ("texts", "expressions", "values", "constants", "defaults"):
        yield from (((name, field), field) for field in getattr(profile, name))


def _of_declarations(profile: Profile, subject: Subject) -> list[Fault]:
    """What makes a declaration of the meaning of cells unusable, if the fields that it names exist."""
    from pipeline.meaning.checks import faults  # noqa: PLC0415 - it takes profiles itself

    return [Fault(path, reason) for path, reason in faults(profile, subject)]


def _is_own_name(path: Steps, field: str) -> bool:
    """Whether it names a column of a record for declarations only: `@Valuutta`."""
    return path[0] == "records" and field.startswith("@") and field != INVOICE


def _values(path: Steps, columns: Mapping[str, str]) -> Iterator[tuple[Steps, str]]:
    yield from (((*path, header), field) for header, field in columns.items())


def _records(profile: Profile) -> Iterator[Fault]:
    reading, records = profile.reading, profile.records
    if not records:
        if "mark" in reading.model_fields_set:
            yield _fault(("reading", "mark"), "mark_alone")
        return
    if profile.tables:
        yield _fault(("records",), "record_and_tables")
    yield from _unused(profile, ("header_row", "header_rows", "carry", "fields"), "record_and_header")
    marks: set[str] = set()
    for at, record in enumerate(records):
        if record.mark in marks:
            yield _fault(("records", at, "mark"), "records_twice", mark=record.mark)
        marks.add(record.mark)
        yield from _record(profile, at, record)
    kinds = [(at, each) for at, each in enumerate(records) if not each.ignored]
    if kinds and not any(is_of_row(field) for field in kinds[-1][1].columns.values()):
        yield _fault(("records", kinds[-1][0]), "records_no_row")


def _record(profile: Profile, at: int, record: Record) -> Iterator[Fault]:
    path: Steps = ("records", at)
    if record.ignored and (record.columns or record.fields or record.key):
        yield _fault(path, "record_ignored")
    if record.key is not None and record.key not in record.columns.values():
        yield _fault((*path, "key"), "record_key", key=record.key)
    if str(profile.reading.mark) in record.columns:
        where = (*path, "columns", str(profile.reading.mark))
        yield _fault(where, "record_mark_column", position=profile.reading.mark)
    yield from _positions_of((*path, "columns"), record.columns, record.fields)


def _tables(profile: Profile) -> Iterator[Fault]:
    tables = profile.tables
    if not tables:
        return
    if sorted(each.part for each in tables) != ["invoices", "rows"]:
        yield _fault(("tables",), "tables_two")
    elif all(each.sheet or each.file for each in tables):
        one, other = tables
        if (one.sheet, one.file) == (other.sheet, other.file):
            yield _fault(("tables", 1), "tables_same")
    yield from (
        _fault(("tables", at), "tables_place")
        for at, each in enumerate(tables)
        if not (each.sheet or each.file)
    )
    yield from _unused(profile, ("sheet",), "tables_and_key")


def _positions(profile: Profile) -> Iterator[Fault]:
    reading = profile.reading
    if reading.header:
        if reading.fields and not profile.records:
            yield _fault(("reading", "fields"), "fields_with_header")
        return
    yield from _unused(profile, ("header_row", "header_rows"), "header_and_rows")
    if not profile.columns and not profile.records and not any(each.columns for each in profile.tables):
        yield _fault(("reading", "header"), "no_header_no_columns")
    yield from _positions_of(("columns",), profile.columns, reading.fields)
    for at, part in enumerate(profile.tables):
        yield from _positions_of(("tables", at, "columns"), part.columns, reading.fields)


def _positions_of(path: Steps, columns: Mapping[str, str], fields: int | None) -> Iterator[Fault]:
    for position in columns:
        if not re.fullmatch(r"[1-9][0-9]*", position, re.ASCII):
            yield _fault((*path, position), "position", position=position)
        elif fields is not None and int(position) > fields:
            yield _fault((*path, position), "beyond", position=position, fields=fields)
    yield from _same_field(path, columns, "repeated_here")


def _expected(profile: Profile) -> Iterator[Fault]:
    expects = profile.expects
    if expects.headers and (profile.records or not profile.reading.header):
        yield _fault(("expects", "headers"), "expects_nothing")
    for at, header in enumerate(expects.optional):
        if header not in expects.headers:
            yield _fault(("expects", "optional", at), "optional", header=header)
    if not profile.tables:  # two tables may both have a column of that name
        for at, header in enumerate(expects.headers):
            if header in expects.headers[:at]:
                yield _fault(("expects", "headers", at), "expected_twice", header=header)


def _repeated(profile: Profile) -> Iterator[Fault]:
    """Headers of one file that give one field; a profile may well know several names of a column."""
    expected = {normalise(each) for each in profile.expects.headers}
    expected -= {normalise(each) for each in profile.expects.optional}
    together = {header: field for header, field in profile.columns.items() if normalise(header) in expected}
    yield from _same_field(("columns",), together, "repeated")
    for at, part in enumerate(profile.tables):
        yield from _same_field(("tables", at, "columns"), part.columns, "repeated")
    for path, columns in _column_tables(profile):
        for header, field in columns.items():
            if "{n}" in header and field and not is_of_row(field):
                yield _fault((*path, header), "numbered", field=field)


def _column_tables(profile: Profile) -> Iterator[tuple[Steps, Mapping[str, str]]]:
    yield ("columns",), profile.columns
    for at, part in enumerate(profile.tables):
        yield ("tables", at, "columns"), part.columns


def _same_field(path: Steps, columns: Mapping[str, str], kind: str) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for header, field in columns.items():
        if field and field in first:
            yield _fault((*path, header), kind, field=field, first=first[field], second=header)
        first.setdefault(field, header)


def _made_twice(profile: Profile) -> Iterator[Fault]:
    made: dict[str, str] = {}
    for path, field in fields_named(profile):
        if field and path[0] in {"split", "texts", "expressions"}:
            if field in made:
                yield _fault(path, "made_twice", field=field, first=f"[{made[field]}]")
            made.setdefault(field, str(path[0]))
    for field in profile.constants:
        if field in profile.defaults:
            yield _fault(("defaults", field), "constant_and_default", field=field)


def _prices(profile: Profile) -> Iterator[Fault]:
    prices = profile.prices
    if prices.rounding_row is not None and prices.vat == "excluded":
        yield _fault(("prices", "rounding_row"), "rounding_excluded")
    named = {field for path, field in fields_named(profile) if path[0] != "values"}
    if prices.vat == "column" and not named & {"included", "row.included"}:
        yield _fault(("prices", "vat"), "vat_unread")
    if prices.discount != "percent" and "row.discount" not in named:
        yield _fault(("prices", "discount"), "discount_unread", discount=prices.discount)
    flags = named & {"row.included", "included"}
    if prices.vat != "column" and flags:
        yield _fault(("prices",), "included_undeclared", field=min(flags))
    sums = named & {"row.net", "row.vat", "row.gross"}
    if prices.rate == "sums" and len(sums) < 2:
        yield _fault(("prices", "rate"), "rate_unread", count=len(sums))


def _unused(profile: Profile, keys: Iterable[str], kind: str) -> Iterator[Fault]:
    given = profile.reading.model_fields_set
    yield from (_fault(("reading", key), kind, key=key) for key in keys if key in given)


def _fault(path: Steps, kind: str, **names: Any) -> Fault:
    reason = translate(words()["contradictions"][kind], **names)
    return Fault(path, reason, names["field"] if kind == "field" else None)
