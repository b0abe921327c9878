"""Ten thousand damaged exports: each is refused, or its invoices are those of the whole file.

What that means. A damaged file may still be a file that somebody could have exported: no program sees that a
digit of a price was another one, or that a line was there which is there no more. So an invoice that may be
sent, of a damaged file, must be one of the whole file:

- an invoice of which no cell was damaged is the very same dataset, in all its fields;
- one of which a text was damaged (a name, an address) has the number, sums and count of rows that it had;
- only one of which a cell by itself says another number, price, quantity, VAT, discount, date or condition,
  or of which a whole line is gone, doubled, or in another place, may have other sums: nothing in the file
  tells.

Where a line belongs to the invoice above it (first row only, records), that holds for the invoices
beside it, too. Never forgiven: a line with more or fewer cells than it had, joined or split lines,
quotes that swallow others, a header that is not over its cells, damaged archives and workbooks, a part
that is gone. Columns in another order are read by their headers; without header they are refused, unless
each text of a moved column is a value of the field where it now stands. A column that the profile calls
optional may be gone, and with it a text, but no sum. Headers may have changed places over cells that
have not, if a finding says that they moved, since a file whose columns have moved looks just so.

And no row is lost: each that was read is in an invoice, or is set aside for a reason that the report counts.
What is raised is a `Refusal` and nothing else.
"""

from __future__ import annotations

import csv
import io
import random
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from from_files import Read
from profiles.damage import (
    TEXT,
    WORKBOOK,
    Difference,
    archive_flipped,
    cells_of,
    columns_moved,
    difference,
    sheet_rows_cut,
    written,
)
from profiles.goldens import Golden, content, goldens, key, signature

from pipeline.findings import Refusal
from pipeline.subject import INVOICES
from pipeline.values.convert import Unreadable, clean, convert_text

VARIANTS = 10_000
PARTS = 20
IDENTITY = {"billnum", "custnum", "mark"}


class Damaged:
    """A damaged variant: its files, and the invoices of which nothing in them tells that they are others.

    `anything` where the whole file may be another one that nobody can tell from a right one. `excused` are
    the findings of which one must be there if an invoice is not the same.
    """

    def __init__(self, golden: Golden, number: int) -> None:
        rng = random.Random(number)
        self.golden = golden
        self.files = dict(golden.files)
        self.allowed: set[str] = set()
        self.untouched = set(golden.keys)
        self.anything = False
        self.excused: set[str] = set()
        self.how: list[str] = []
        while self.files == golden.files:
            self._damage(rng, rng.choice([*self.files]))

    def _damage(self, rng: random.Random, name: str) -> None:
        whole = self.golden.files[name]
        if name.endswith((".xlsx", ".zip")):
            damage = rng.choice(WORKBOOK) if name.endswith(".xlsx") else archive_flipped
            self.how.append(f"{name}: {damage.__name__}")
            self.files[name] = damage(rng, whole)
            if damage is sheet_rows_cut:
                self._forgive_sheet_rows(whole, self.files[name], name)
            return
        if rng.random() < 0.1:
            self._move_columns(rng, name)
            return
        damage = rng.choice(TEXT)
        self.how.append(f"{name}: {damage.__name__}")
        self.files[name] = damage(rng, whole)
        self._forgive(difference(whole, self.files[name]), whole, name)

    def _forgive(self, found: Difference, whole: bytes, name: str) -> None:
        """Note the invoices of which a damage cannot be seen, and those that it does not concern."""
        lines = [line.rstrip(b"\r") for line in whole.split(b"\n")]
        for line, cells in found.changed:
            mark = cells_of(lines[line])[0]
            touched = self._keys(name, line)
            if line == 0 and self.golden.has_header:
                self.excused.add("profile-header-moved")
                continue
            self.untouched -= touched
            critical = [column for column in cells if self.golden.is_critical(name, mark, column)]
            if critical:
                self.allowed |= touched or {*cells_of(lines[line])}  # it may have been a draft
            for column in critical:
                if self.golden.fields_at(name, mark, column) & IDENTITY:
                    self.allowed.add(clean(cells[column]))
                    self._forgive_beside(name, line)
        for line in found.gone | found.again:
            self.untouched -= self._keys(name, line)
            self.allowed |= self._keys(name, line)
        for line in found.gone | found.places:
            self._forgive_beside(name, line)
        widths = {len(cells_of(line)) for line in lines}
        for cells in found.added:
            if len(cells) in widths:  # a line as any other
                numbers = {clean(cell) for cell in cells} & self.golden.keys
                self.allowed |= numbers
                self.untouched -= numbers
        for line in found.broken:
            self.untouched -= self._keys(name, line)

    def _forgive_beside(self, name: str, line: int) -> None:
        """A line that says whose the lines below are takes these with it, and gives them to the one above."""
        if not self.golden.carrying:
            return
        (rows,) = (each for (file, _), each in self.golden.of_rows.items() if file == name)
        before = [row for row in rows if row <= line]
        after = [row for row in rows if row > line]
        for row in (*before[-1:], *after[:2]):
            self.allowed |= rows[row]
            self.untouched -= rows[row]

    def _keys(self, name: str, line: int) -> set[str]:
        """The invoices of a line; of one that says something of a customer all of them, of a header none."""
        (rows,) = (each for (file, _), each in self.golden.of_rows.items() if file == name)
        if line + 1 in rows:
            return rows[line + 1]
        return set() if self.golden.has_header else set(self.golden.keys)

    def _forgive_sheet_rows(self, whole: bytes, damaged: bytes, name: str) -> None:
        for sheet, rows in _sheet_rows(whole).items():
            for row in rows - _sheet_rows(damaged)[sheet]:
                touched = self.golden.of_rows.get((name, sheet), {}).get(row, set())
                self.allowed |= touched
                self.untouched -= touched

    def _move_columns(self, rng: random.Random, name: str) -> None:
        encoding = "utf-8" if _decodes(self.golden.files[name]) else "cp1252"
        text = self.golden.files[name].decode(encoding)
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=";") if row]
        width = max(map(len, rows))
        rows = [row + [""] * (width - len(row)) for row in rows]
        moved, order = columns_moved(rng, rows)
        self.how.append(f"{name}: columns_moved {order}")
        self.files[name] = written(moved, encoding)
        if self.golden.has_header:
            gone = {rows[0][at] for at in range(width) if at not in order}
            if gone & {*self.golden.declared.expects.optional}:
                self.untouched.clear()
            return
        self.anything = all(self._could_stand(was, now) for was, now in zip(rows, moved, strict=True))

    def _could_stand(self, was: Sequence[str], now: Sequence[str]) -> bool:
        """Whether each cell of a line that had to be something else is a value of the field where it is."""
        declared = self.golden.declared
        columns = declared.columns
        if declared.records:
            at = declared.reading.mark - 1
            if was[at] != now[at]:
                return False
            (columns,) = (each.columns for each in declared.records if each.mark == was[at])
        named = ((int(at) - 1, field) for at, field in columns.items() if field in INVOICES.fields)
        return all(
            self._is_value(now[at], field) for at, field in named if at < len(now) and was[at] != now[at]
        )

    def _is_value(self, text: str, field: str) -> bool:
        text = self.golden.declared.values.get(field, {}).get(text, text)
        try:
            return not text or bool(convert_text(text, field, self.golden.declared.conventions))
        except Unreadable:
            return False


def strangers(found: Read, damaged: Damaged) -> list[str]:
    """The invoices that may be sent and are none of the whole file's."""
    if damaged.anything or damaged.excused & {each.code for each in found.findings}:
        return []
    golden = damaged.golden
    told = []
    for document in found.documents:
        if not document.valid or key(document) in damaged.allowed:
            continue
        if signature(document) not in golden.signatures:
            told.append(f"{signature(document)} is none of {sorted(map(str, golden.signatures))}")
        elif key(document) in damaged.untouched and content(document) not in golden.datasets:
            told.append(f"{content(document)} is none of {sorted(golden.datasets)}")
    return told


def lost(found: Read) -> list[str]:
    """Rows that were read, and are in no invoice and not set aside."""
    read = {
        (found.layouts[source].table.file, found.layouts[source].table.sheet, row)
        for document in found.documents
        for source, row in document.rows
    }
    for (source, _), rows in found.intake.aside.items():
        table = found.layouts[source].table
        read |= {(table.file, table.sheet, row) for row in rows}
    count = found.intake.rows_read
    return [] if count == len(read) else [f"{count} rows were read, {len(read)} are told of"]


def wrong(number: int, folder: Path) -> str | None:
    """What is wrong with how a variant is read, or None."""
    every = goldens()
    damaged = Damaged(every[number % len(every)], number)
    try:
        found = damaged.golden.read(damaged.files, folder)
    except Refusal as refusal:
        return None if refusal.finding.message else "a refusal without a message"
    told = [*lost(found), *strangers(found, damaged)]
    return f"{number} ({damaged.golden.name}; {', '.join(damaged.how)}): {told[0]}" if told else None


@pytest.mark.parametrize("part", range(PARTS))
def test_no_damage_makes_an_invoice(part: int, tmp_path: Path) -> None:
    """Each variant of this part is refused, or gives no invoice that the whole file does not have."""
    numbers = range(part, VARIANTS, PARTS)
    assert [told for number in numbers if (told := wrong(number, tmp_path))] == []


def _sheet_rows(data: bytes) -> dict[str, set[int]]:
    """By name of a workbook's sheet the numbers of its rows."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = re.findall(rb'<sheet [^>]*name="([^"]*)"', archive.read("xl/workbook.xml"))
        return {
            name.decode(): {
                int(each)
                for each in re.findall(rb'<row r="(\d+)"', archive.read(f"xl/worksheets/sheet{at}.xml"))
            }
            for at, name in enumerate(names, 1)
        }


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
