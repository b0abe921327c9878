"""What the cells of each document did not say for certain, as findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.columns.layouts import Layout
from pipeline.document import Document
from pipeline.findings import Finding, Place, finding
from pipeline.grouper.groups import FAR, Field, Rows
from pipeline.meaning.left_out import LeftOut
from pipeline.readers.table import DAMAGES_ROW, EXACT, Problem
from pipeline.rows.named import Intake
from pipeline.subject import INVOICES
from pipeline.validator.rules.base import Broken
from pipeline.values.convert import Column

_Ints = np.ndarray[Any, np.dtype[np.int64]]


class CellFindings:
    """What the cells of each document did not say for certain; documents count by first row."""

    def __init__(self, layouts: Sequence[Layout], rows: Rows) -> None:
        self.by_document: dict[int, list[Finding]] = defaultdict(list)
        self._layouts = layouts
        self._rows = rows
        self._unread: set[tuple[int, str]] = set()  # row and field of what the reader could not read

    def _place(self, row: int, field: str | None) -> Place:
        source, number = map(int, self._rows.places[row])
        return self._layouts[source].place(number, field)

    def at(self, row: int, code: str, field: str, value: str | None = None, **details: Any) -> Finding:
        """A finding about a field of that row."""
        return finding(code, self._place(row, field), field=field, value=value, **details)

    def of_broken(self, start: int, document: Document, broken: Broken) -> Finding:
        """A finding about a document whose rows begin at `start`: on the row that its value came from."""
        own = document.cells.get(broken.field, 0) if broken.row is None else document.payrows[broken.row]
        own %= len(document.rows)  # a row for rounding is -1 in payrows
        return self.at(start + own, broken.code, broken.field, broken.value, **broken.details)

    def of_missing_rows(self, start: int, flat: dict[str, str], intake: Intake) -> Iterator[Finding]:
        """A row of the document may be missing: a damaged one, or one that does not say whose it is."""
        if intake.suspects and (suspect := _suspect(flat, intake.suspects)):
            yield self.at(start, "touched-by-damage", suspect, flat[suspect])
        if intake.continued and (below := intake.continued.get(_identity(flat))):
            yield self.at(start, "row-below-unnamed", "billnum", below=below[1])

    def of_tables(self, start: int, document: Document, *, several_tables: bool) -> Iterator[Finding]:
        """An invoice whose rows lie in two tables, or whose own row is in none.

        An export given twice would double an invoice's sum; of two joined tables each has its part of it.
        """
        layouts = self._layouts
        if self.is_without_invoice(document):
            yield self.at(start, "rows-without-invoice", "billnum", _identity(document.dataset))
        firsts: dict[str | None, tuple[int, int]] = {}
        for at in () if several_tables else document.payrows:
            own = layouts[document.rows[at][0]]
            source, row = firsts.setdefault(own.part.part if own.part else None, document.rows[at])
            first = layouts[source].table
            if (first.file, first.sheet) != (own.table.file, own.table.sheet):
                elsewhere = ", ".join(filter(None, (first.file, first.sheet, f"row {row}")))
                yield self.at(start + at, "invoice-in-two-tables", "billnum", elsewhere=elsewhere)
                return

    def is_without_invoice(self, document: Document) -> bool:
        """Whether all its rows are of the table of rows; those of the table of invoices come first."""
        part = self._layouts[document.rows[0][0]].part
        return part is not None and part.part == "rows"

    def of_left_out(self, in_vain: Mapping[int, LeftOut]) -> None:
        """Rows that stay although the profile leaves them out, since others of their document stay."""
        if not in_vain:
            return
        for row, at in enumerate(self._rows.order.tolist()):
            if left := in_vain.get(at):
                source, number = self._rows.places[row].tolist()
                layout = self._layouts[source]
                place = layout.place(number) if left.column is None else layout.cell(number, left.column)
                self.by_document[int(self._rows.document[row])].append(
                    finding("left-out-in-part", place, reason=left.reason)
                )

    def of_problems(self, packed: pd.Series[Any]) -> None:
        """What the reader could not read, where it matters: in a known column or the whole row."""
        if not any(packed.cat.categories):
            return
        text = packed.to_numpy()[self._rows.order]
        for row in np.flatnonzero(text != "").tolist():
            source, number = self._rows.places[row].tolist()
            layout = self._layouts[source]
            for problem in Problem.unpack(text[row]):
                made = layout.made_from(problem.column)
                is_used = problem.column is None or made or problem.column in layout.used
                if not is_used and problem.code not in DAMAGES_ROW:
                    continue
                whole = problem.column is None
                place = layout.place(number) if whole else layout.cell(number, problem.column)
                field = next(iter(made), None)
                self._unread.update((row, each) for each in made)
                self.by_document[int(self._rows.document[row])].append(
                    finding(
                        problem.code,
                        place,
                        field=field,
                        value=problem.value.replace(EXACT, ""),
                        detail=problem.detail,
                    )
                )

    def of_column(self, name: str, column: Column, text_codes: _Ints) -> None:
        """Cells that could not be converted or were repaired: an invoice field's text once a document."""
        if not column.problems and not column.repairs:
            return
        told = np.zeros(len(column.texts), bool)
        told[[*column.problems, *column.repairs]] = True
        seen: set[tuple[int, int]] = set()
        for row in np.flatnonzero(told[text_codes]).tolist():
            number, code = int(self._rows.document[row]), int(text_codes[row])
            if (row, name) in self._unread or self._is_first_ones(row, name):
                continue
            if not name.startswith("payrow."):
                if (number, code) in seen:
                    continue
                seen.add((number, code))
            problem = column.problems.get(code)
            self.by_document[number].append(
                finding(
                    problem.code if problem else column.repairs[code],
                    self._place(row, name),
                    field=name,
                    value=column.texts[code].replace(EXACT, "").strip(),
                    repaired=column.values[code],
                    **(problem.details if problem else {}),
                )
            )

    def _is_first_ones(self, row: int, name: str) -> bool:
        """Whether a row is a repetition's, and has the field from the same cell as the first one."""
        layout = self._layouts[int(self._rows.places[row][0])]
        return layout.is_repeat and layout.column_of(name) not in layout.own

    def of_contradictions(self, name: str, field: Field, first: _Ints) -> None:
        """Rows of one document that give an invoice field two values; both cells are named."""
        starts, ends = self._rows.starts, self._rows.ends
        highest = np.maximum.reduceat(field.codes, starts)
        lowest = np.minimum.reduceat(np.where(field.codes >= 0, field.codes, FAR), starts)
        for number in np.flatnonzero((highest != lowest) & (highest >= 0)).tolist():
            own = field.codes[starts[number] : ends[number]]
            one = int(first[number])
            other = int(starts[number] + np.flatnonzero((own >= 0) & (own != field.codes[one]))[0])
            place, elsewhere = self._place(other, name), self._place(one, name)
            self.by_document[number].append(
                finding(
                    "contradiction",
                    place,
                    field=name,
                    value=field.values[field.codes[other]],
                    first=field.values[field.codes[one]],
                    first_cell=elsewhere.cell or f"row {elsewhere.row}",
                )
            )


def _suspect(flat: dict[str, str], suspects: set[str]) -> str | None:
    """The field by which a damaged row elsewhere may have been this document's."""
    names = ("billnum", "custnum", "govid", "company", "person", "name", "lastname")
    return next((name for name in names if flat.get(name) in suspects), None)


def _identity(flat: Mapping[str, str]) -> str:
    """What tells the document from others."""
    return next((flat[name] for name in INVOICES.identity if name in flat), "")
