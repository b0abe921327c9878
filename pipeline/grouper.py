"""Builds one document per invoice from a frame that holds each document's rows whole.

Rows with the same `billnum` are one invoice. Without one, rows of one debtor (`custnum`, else
`govid`, else name and address) with the same dates, job type and references are one.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from pipeline.attachments import Attachments
from pipeline.columns import SOURCE, Layout
from pipeline.credit import CREDIT, negative, settle_signs
from pipeline.debtor import settle
from pipeline.defaults import Given, fill
from pipeline.document import KIND_OF_JOBTYPE, Document, Kind
from pipeline.findings import Finding, Place, finding
from pipeline.frames import codes
from pipeline.money import Cents, cents, document_sums, row_sums_bulk
from pipeline.readers.table import DAMAGES_ROW, EXACT, PROBLEMS, ROW, Problem
from pipeline.rules.base import Broken
from pipeline.rules.credit import REFUNDS, is_credit
from pipeline.shape import nest
from pipeline.subject import INVOICES, Subject
from pipeline.values import Column

DEBTOR_KEYS = (("custnum",), ("govid",), ("company", "person", "name", "lastname", "firstname", "address"))
SAME_JOB = (
    *("billdate", "paydate", "deliverydate", "jobtype"),
    *("billcode", "yourcode", "ourcode", "ordernumber", "ownref", "refundtobillnum", "refundtojobid"),
)

_FAR = np.iinfo(np.int64).max
_Ints = np.ndarray[Any, np.dtype[np.int64]]
_Objects = np.ndarray[Any, np.dtype[np.object_]]


def build(
    frame: pd.DataFrame,
    columns: dict[str, Column],
    layouts: Sequence[Layout],
    given: Given,
    today: dt.date,
    suspects: set[str],
    *,
    continued: Mapping[str, tuple[int, int]] = MappingProxyType({}),
    several_tables: bool = False,
    home: str | None = None,
    attachments: Attachments | None = None,
) -> Iterator[Document]:
    """The documents of a frame, by first row. What cells do not say for certain is a finding of its document.

    Args:
        frame: named rows, each document's whole.
        columns: the frame's fields converted.
        layouts: where the rows come from.
        given: the profile's constants and defaults.
        today: the day that default dates may count from.
        suspects: the texts of damaged rows.
        continued: rows that may belong to the document of that identity (`columns.Intake`).
        several_tables: whether an invoice's rows may lie in more than one table.
        home: the biller's country (alpha-3).
        attachments: the folder of files to attach.
    """
    if frame.empty:
        return
    subject = layouts[0].subject
    rows = _sorted_rows(frame, columns, given, subject)
    findings = _Findings(layouts, rows)
    findings.of_problems(frame[PROBLEMS])
    for name, column in columns.items():
        findings.of_column(name, column, codes(frame[name])[rows.order])
    own, later = _own_fields(rows, findings)
    payrows, sums, given_totals = _row_fields(rows, given)
    files = attachments or Attachments()
    attaching = [name for name in own if name.startswith("attachment")]
    places = [(source, row) for source, row in rows.places.tolist()]
    spans = zip(rows.starts.tolist(), rows.ends.tolist(), *own.values(), strict=True)
    for number, (start, end, *values) in enumerate(spans):
        flat = {name: value for name, value in zip(own, values, strict=True) if value}
        document = Document({}, Kind.INVOICE, places[start:end], findings=findings.by_document[number])
        document.cells = later.get(number, {})
        document.clock_fields = fill(flat, given, today)
        document.findings += findings.of_missing_rows(start, flat, suspects, continued)
        if subject.kind:
            yield _entry(document, flat, subject)
            continue
        if not settle(flat, home):
            document.findings.append(findings.at(start, "customertype-unknown", "customertype"))
        document.kind = KIND_OF_JOBTYPE.get(flat["jobtype"], Kind.INVOICE)
        mark = flat.pop("credit", None)
        attached, broken = files.take(flat) if attaching else ([], [])
        document.dataset = nest(flat)
        if attached:
            document.dataset["attachment"] = attached
        _add_rows(document, payrows[start:end], sums[start:end])
        if document.payrows and not several_tables and places[start][0] != places[end - 1][0]:
            document.findings += findings.of_tables(start, document)
        document.given_totals = tuple(given_totals[start:end])
        if mark == CREDIT or is_credit(document):
            broken += _settle_credit(document, mark)
        document.findings += [findings.of_broken(start, document, each) for each in broken]
        if document.billnum:
            document.findings = [each.of(document.billnum) for each in document.findings]
        yield document


def _entry(document: Document, flat: dict[str, str], subject: Subject) -> Document:
    """A row that is a document by itself: a credit note allocation or a payment."""
    document.kind = subject.kind or document.kind
    document.dataset = nest(flat, subject)
    document.net = document.total = cents(document.dataset.get("amount", Decimal(0)))
    document.findings = [each.of(document.billnum) for each in document.findings]
    return document


@dataclass(slots=True)
class _Field:
    """One field of all rows: which of `values` each row has, -1 where blank."""

    values: _Objects
    codes: _Ints

    def at(self, rows: _Ints | slice) -> list[str]:
        """The values of those rows, `""` where blank."""
        with_blank = np.append(self.values, "")  # code -1 is the last
        return list(with_blank[self.codes[rows]])


@dataclass(slots=True)
class _Rows:
    """All rows of a frame, sorted so that a document's rows lie together in their order.

    `order` says which row of the frame each is, `starts` and `ends` where each document lies,
    `document` which document each row is of, `places` its source number and row number.
    """

    fields: dict[str, _Field]
    order: _Ints
    starts: _Ints
    ends: _Ints
    document: _Ints
    places: np.ndarray[Any, Any]


def _sorted_rows(frame: pd.DataFrame, columns: dict[str, Column], given: Given, subject: Subject) -> _Rows:
    fields = {name: _field(frame[name], column) for name, column in columns.items()}
    for name, value in given.constants.items():
        fields[name] = _Field(np.array([value], dtype=object), np.zeros(len(frame), np.int64))
    group = np.arange(len(frame)) if subject.kind else _groups(fields, len(frame), given.defaults)
    order = np.argsort(group, kind="stable")
    for each in fields.values():
        each.codes = each.codes[order]
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    return _Rows(
        fields,
        order,
        starts,
        np.append(starts[1:], len(order)),
        group[order],
        frame[[SOURCE, ROW]].to_numpy()[order],
    )


def _is_of_row(name: str) -> bool:
    return name.startswith(("payrow.", "check.", "row."))


def _own_fields(rows: _Rows, findings: _Findings) -> tuple[dict[str, list[str]], dict[int, dict[str, int]]]:
    """Each document's own fields: the first row that is not blank gives the value, the others must agree.

    Returns the values of each field by document, and for each document the fields that came from a later row.
    """
    own: dict[str, list[str]] = {}
    later: dict[int, dict[str, int]] = defaultdict(dict)
    for name, field in rows.fields.items():
        if _is_of_row(name):
            continue
        filled = np.where(field.codes >= 0, np.arange(len(field.codes)), _FAR)
        first = np.minimum.reduceat(filled, rows.starts)
        findings.of_contradictions(name, field, first)
        blank = first == _FAR
        own[name] = field.at(np.where(blank, rows.starts, first))
        for number in np.flatnonzero(~blank & (first != rows.starts)).tolist():
            later[number][name] = int(first[number] - rows.starts[number])
    return own, later


def _row_fields(rows: _Rows, given: Given) -> tuple[list[dict[str, str]], list[Cents], list[str]]:
    """For each row its `payrow`, its sums, and what the export's own sum column says."""
    blank = [""] * len(rows.order)
    per_row = {name: field.at(slice(None)) for name, field in rows.fields.items() if _is_of_row(name)}
    given_totals = per_row.pop("check.total", [])
    for name, default in given.defaults.items():
        if _is_of_row(name):
            per_row[name] = [value or default for value in per_row.get(name, blank)]
    factors = (per_row.get(f"payrow.{tag}", blank) for tag in ("count", "amount", "taxpr", "discount"))
    tags = [name.removeprefix("payrow.") for name in per_row]
    payrows = [
        {tag: value for tag, value in zip(tags, values, strict=True) if value}
        for values in zip(*per_row.values(), strict=True)
    ]
    return payrows or [{} for _ in blank], row_sums_bulk(*factors), given_totals


def _field(column: pd.Series[Any], converted: Column) -> _Field:
    """Texts that mean one value (`1.2.2026`, `2026-02-01`) get one code."""
    of_text, values = pd.factorize(converted.values)
    of_text = np.where(converted.values == "", -1, of_text)
    return _Field(np.asarray(values, dtype=object), of_text[codes(column)])


def _groups(fields: dict[str, _Field], rows: int, defaults: dict[str, str]) -> _Ints:
    """A number for each row: rows of one document have the same, numbered by first row."""
    kind = _kinds(fields.get("jobtype"), rows, defaults)
    numbered = fields["billnum"].codes if "billnum" in fields else np.full(rows, -1)
    keys = [kind, numbered]
    loose = numbered < 0
    if loose.any():
        open_rows = loose.copy()
        for names in DEBTOR_KEYS:
            found = [fields[name].codes for name in names if name in fields]
            keys += [np.where(open_rows, own, -1) for own in found]
            if found:
                open_rows &= ~np.logical_or.reduce([own >= 0 for own in found])
        keys += [np.where(loose, fields[name].codes, -1) for name in SAME_JOB if name in fields]
    group = np.zeros(rows, np.int64)
    for key in keys:
        group, _ = pd.factorize(group * (int(key.max()) + 2) + key + 1)
    return group


def _kinds(jobtype: _Field | None, rows: int, defaults: dict[str, str]) -> _Ints:
    """Bill numbers are unique within a kind of document only."""
    kinds = list(Kind)
    blank = kinds.index(KIND_OF_JOBTYPE.get(defaults.get("jobtype", "0"), Kind.INVOICE))
    if jobtype is None:
        return np.full(rows, blank)
    of_value = [kinds.index(KIND_OF_JOBTYPE.get(value, Kind.INVOICE)) for value in jobtype.values]
    return np.array([*of_value, blank], np.int64)[jobtype.codes]


def _suspect(flat: dict[str, str], suspects: set[str]) -> str | None:
    """The field by which a damaged row elsewhere may have been this document's."""
    names = ("billnum", "custnum", "govid", "company", "person", "name", "lastname")
    return next((name for name in names if flat.get(name) in suspects), None)


def _identity(flat: Mapping[str, str]) -> str:
    """What tells the document from others."""
    return next((flat[name] for name in INVOICES.identity if name in flat), "")


def _add_rows(document: Document, rows: list[dict[str, str]], sums: list[Cents]) -> None:
    """Give the document its rows and its sums; without rows its sum is the open one, if it has that."""
    document.payrows = [at for at, row in enumerate(rows) if row]
    if document.payrows:
        document.dataset["payrow"] = [row for row in rows if row]
        document.row_sums = sums
        document.net, document.vat, document.total = document_sums(sums)
        if document.kind is Kind.INVOICE:
            document.dataset.pop("amount", None)  # the service takes no open sum beside rows
    elif amount := document.dataset.get("amount"):
        document.net = document.total = cents(Decimal(amount))


def _settle_credit(document: Document, mark: str | None) -> list[Broken]:
    """Bring the signs of a credit note's rows and sums in order; returns what to tell about it."""
    refunds = any(tag in document.dataset for tag in REFUNDS)
    if document.kind is not Kind.INVOICE:
        told = Broken("credit-jobtype", "jobtype", document.dataset["jobtype"])
        return [told] if refunds or mark == CREDIT else []
    signs = settle_signs(document.dataset.get("payrow", ()), mark, refunds=refunds)
    if signs.rows:
        document.dataset["payrow"] = signs.rows
    if signs.negated:
        document.row_sums = [(-net, -vat, -total) for net, vat, total in document.row_sums]
        document.net, document.vat, document.total = document_sums(document.row_sums)
        document.given_totals = tuple(map(negative, document.given_totals))
    return signs.told


class _Findings:
    """What the cells of each document did not say for certain; documents count by first row."""

    def __init__(self, layouts: Sequence[Layout], rows: _Rows) -> None:
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
        return self.at(start + own, broken.code, broken.field, broken.value, **broken.details)

    def of_missing_rows(
        self, start: int, flat: dict[str, str], suspects: set[str], continued: Mapping[str, tuple[int, int]]
    ) -> Iterator[Finding]:
        """A row of the document may be missing: a damaged one, or one that does not say whose it is."""
        if suspects and (suspect := _suspect(flat, suspects)):
            yield self.at(start, "touched-by-damage", suspect, flat[suspect])
        if continued and (below := continued.get(_identity(flat))):
            yield self.at(start, "row-below-unnamed", "billnum", below=below[1])

    def of_tables(self, start: int, document: Document) -> Iterator[Finding]:
        """An invoice whose rows lie in two tables: an export given twice would double its sum."""
        first = document.rows[document.payrows[0]]
        for at in document.payrows:
            if document.rows[at][0] != first[0]:
                place = self._layouts[first[0]].place(first[1])
                elsewhere = ", ".join(filter(None, (place.file, place.sheet, f"row {place.row}")))
                yield self.at(start + at, "invoice-in-two-tables", "billnum", elsewhere=elsewhere)
                return

    def of_problems(self, packed: pd.Series[Any]) -> None:
        """What the reader could not read, where it matters: in a known column or the whole row."""
        if not any(packed.cat.categories):
            return
        text = packed.to_numpy()[self._rows.order]
        for row in np.flatnonzero(text != "").tolist():
            source, number = self._rows.places[row].tolist()
            layout = self._layouts[source]
            for problem in Problem.unpack(text[row]):
                unused = problem.column is not None and problem.column not in layout.fields
                if unused and problem.code not in DAMAGES_ROW:
                    continue
                place = (
                    Place(layout.table.file, layout.table.sheet, number)
                    if problem.column is None
                    else layout.cell(number, problem.column)
                )
                field = layout.fields.get(problem.column) if problem.column is not None else None
                self._unread.add((row, field or ""))
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
            if (row, name) in self._unread:
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

    def of_contradictions(self, name: str, field: _Field, first: _Ints) -> None:
        """Rows of one document that give an invoice field two values; both cells are named."""
        starts, ends = self._rows.starts, self._rows.ends
        highest = np.maximum.reduceat(field.codes, starts)
        lowest = np.minimum.reduceat(np.where(field.codes >= 0, field.codes, _FAR), starts)
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
