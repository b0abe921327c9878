"""The kinds of records that a profile declares (`[[records]]`): what each has, and takes from outside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.findings import refuse
from pipeline.grouper.groups import DEBTOR_KEYS, SAME_JOB
from pipeline.profile import Profile
from pipeline.subject import INVOICES

IDENTITY = frozenset({"jobtype", *INVOICES.identity, *SAME_JOB}.union(*DEBTOR_KEYS))
"""By what rows are put together to an invoice: all that a row takes from its invoice."""


class Kind(NamedTuple):
    """A kind of record that is not left out; number 0 is the outermost, the last one the invoice row.

    `columns` are the columns of its fields in the file, counted from 0; `outer` the fields that it takes from
    the record outside it, found by `key`, or without a key the last one above. `width` is how many fields it
    must have.
    """

    number: int
    mark: str
    columns: dict[str, int]
    outer: tuple[str, ...]
    key: str | None
    width: int | None
    is_row: bool

    @property
    def fields(self) -> tuple[str, ...]:
        """Its own fields and those from outside."""
        return tuple(dict.fromkeys([*self.columns, *self.outer]))

    def narrowed(self, fields: Sequence[str]) -> Kind:
        """The kind with those of its fields only."""
        columns = {field: at for field, at in self.columns.items() if field in fields}
        return self._replace(columns=columns, outer=tuple(each for each in self.outer if each in fields))

    @property
    def shared(self) -> tuple[str, ...]:
        """Fields of its own that come from outside where they are blank."""
        return tuple(field for field in self.outer if field in self.columns)


def kinds_of(profile: Profile) -> list[Kind]:
    """The kinds that a profile declares, from the outermost to the invoice row.

    Raises:
        Refusal: `record-key-undeclared`.
    """
    declared = [each for each in profile.records if not each.ignored]
    kinds: list[Kind] = []
    for number, record in enumerate(declared):
        columns = {field: int(at) - 1 for at, field in record.columns.items() if field}
        is_row = number == len(declared) - 1
        known: Iterable[str] = kinds[-1].fields if kinds else ()
        outer = tuple(field for field in known if not is_row or field in IDENTITY)
        key = declared[number - 1].key if number else None
        if key is not None and not (key in columns and key in kinds[-1].columns):
            raise refuse("record-key-undeclared", mark=record.mark, outer=declared[number - 1].mark, key=key)
        kinds.append(Kind(number, record.mark.strip(), columns, outer, key, record.fields, is_row))
    return kinds


def fields_of(kinds: Iterable[Kind]) -> tuple[str, ...]:
    """The fields of the table that the records come to."""
    return tuple(dict.fromkeys(field for kind in kinds for field in kind.columns))
