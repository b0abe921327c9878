"""Which of two joined tables (`[[tables]]`) a table of the input is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath

from pipeline.corrections.status import is_corrections, origin_column
from pipeline.findings import Place, refuse
from pipeline.profile import Part
from pipeline.readers.table import Table


def part_of(table: Table, parts: Sequence[Part]) -> Part | None:
    """What the profile declares of this table, None where it speaks of others only.

    Raises:
        Refusal: `table-in-two-parts`.
    """
    found = [part for part in parts if any(_is_meant(part, *names) for names in _names(table))]
    if len(found) > 1:
        names = " and ".join(_named(part) for part in found)
        raise refuse("table-in-two-parts", Place(table.file, table.sheet), parts=names)
    return found[0] if found else None


def check_parts(files: Sequence[Sequence[Table]], found: Iterable[Part], parts: Sequence[Part]) -> None:
    """See that every part is there and no file is left over.

    Raises:
        Refusal: `table-missing`, `file-undeclared`.
    """
    is_found = [*found]
    for tables in files:
        if not any(part_of(table, parts) for table in tables):
            declared = " and ".join(map(_named, parts))
            raise refuse("file-undeclared", Place(tables[0].file), parts=declared)
    if any(is_corrections(table.head) for tables in files for table in tables):
        return  # it holds the rows that are wrong, and these may all be of one part
    for part in parts:
        if part not in is_found:
            there = ", ".join(_shown(table) for tables in files for table in tables)
            raise refuse("table-missing", Place(files[0][0].file), part=_named(part), there=there)


def _is_meant(part: Part, file: str, sheet: str | None) -> bool:
    in_file = part.file is None or fnmatchcase(PurePath(file).name.casefold(), part.file.casefold())
    in_sheet = part.sheet is None or (sheet or "").strip().casefold() == part.sheet.strip().casefold()
    return in_file and in_sheet


def _names(table: Table) -> Iterator[tuple[str, str | None]]:
    """File and sheet of a table; of a sheet of corrections those that its first row stood in."""
    if not is_corrections(table.head):
        yield table.file, table.sheet
        return
    column = origin_column(table.head[0])
    texts = (row[column].strip() for row in table.head[1:] if column is not None and column < len(row))
    where = next(filter(None, texts), "").rpartition(", ")[0].split(", ")
    yield ", ".join(where), None
    for at in range(1, len(where)):  # either name may have a comma in it
        yield ", ".join(where[:at]), ", ".join(where[at:])


def _named(part: Part) -> str:
    return ", ".join(f"“{each}”" for each in (part.file, part.sheet) if each)


def _shown(table: Table) -> str:
    return " ".join(f"“{each}”" for each in (table.file, table.sheet) if each)
