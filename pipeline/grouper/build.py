"""Builds one document per invoice from a frame that holds each document's rows whole."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from pipeline.attachments import Attachments
from pipeline.columns.layouts import Layout
from pipeline.document import KIND_OF_JOBTYPE, Document, Kind
from pipeline.grouper.cell_findings import CellFindings
from pipeline.grouper.credit import CREDIT, negative, settle_signs
from pipeline.grouper.debtor import settle
from pipeline.grouper.defaults import Given, fill
from pipeline.grouper.groups import FAR, Rows, converted_field, document_of_row, sorted_rows, speaking_rows
from pipeline.grouper.shape import nest
from pipeline.meaning.left_out import LEFT_OUT, LeftOut, go
from pipeline.prices.settle import has_prices, settle_document
from pipeline.readers.table import PROBLEMS, ROW
from pipeline.rows.frames import codes
from pipeline.rows.named import SOURCE, Intake
from pipeline.subject import Subject, is_of_row
from pipeline.validator.rules.base import Broken
from pipeline.validator.rules.credit import REFUNDS, is_credit
from pipeline.values.convert import Column
from pipeline.values.money import Cents, cents, document_sums, row_sums_bulk

_Bools = np.ndarray[Any, np.dtype[np.bool_]]
_Ints = np.ndarray[Any, np.dtype[np.int64]]
_Objects = np.ndarray[Any, np.dtype[np.object_]]


def build(
    frame: pd.DataFrame,
    columns: dict[str, Column],
    layouts: Sequence[Layout],
    given: Given,
    today: dt.date,
    intake: Intake,
    *,
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
        intake: what became of the rows before; those of documents that the profile leaves out are added.
        several_tables: whether an invoice's rows may lie in more than one table.
        home: the biller's country (alpha-3).
        attachments: the folder of files to attach.
    """
    if frame.empty:
        return
    subject = layouts[0].subject
    frame, in_vain = _without_left_out(frame, columns, layouts, given, intake)
    if frame.empty:
        return
    rows = sorted_rows(frame, columns, layouts, given)
    findings = CellFindings(layouts, rows)
    findings.of_problems(frame[PROBLEMS])
    findings.of_left_out(in_vain)
    for name, column in columns.items():
        findings.of_column(name, column, codes(frame[name])[rows.order])
    own, later = _own_fields(rows, findings)
    payrows, sums, given_totals = _row_fields(rows, given)
    files = attachments or Attachments()
    attaching = [name for name in own if name.startswith("attachment")]
    priced = has_prices(given.prices, rows.fields)
    places = [(source, row) for source, row in rows.places.tolist()]
    spans = zip(rows.starts.tolist(), rows.ends.tolist(), *own.values(), strict=True)
    for number, (start, end, *values) in enumerate(spans):
        flat = {name: value for name, value in zip(own, values, strict=True) if value}
        document = Document({}, Kind.INVOICE, places[start:end], findings=findings.by_document[number])
        document.cells = later.get(number, {})
        document.clock_fields = fill(flat, given, today)
        document.findings += findings.of_missing_rows(start, flat, intake)
        if subject.kind:
            yield _entry(document, flat, subject)
            continue
        if not settle(flat, home) and not findings.is_without_invoice(document):
            document.findings.append(findings.at(start, "customertype-unknown", "customertype"))
        document.kind = KIND_OF_JOBTYPE.get(flat["jobtype"], Kind.INVOICE)
        mark, included = flat.pop("credit", None), flat.pop("included", None)
        attached, broken = files.take(flat) if attaching else ([], [])
        document.dataset = nest(flat)
        if attached:
            document.dataset["attachment"] = attached
        _add_rows(document, payrows[start:end], sums[start:end])
        if len(layouts) > 1:
            document.findings += findings.of_tables(start, document, several_tables=several_tables)
        document.given_totals = tuple(given_totals[start:end])
        if priced:
            is_marked = mark == CREDIT
            broken += settle_document(document, given.prices, home, credit=is_marked, included=included)
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


def _without_left_out(
    frame: pd.DataFrame,
    columns: dict[str, Column],
    layouts: Sequence[Layout],
    given: Given,
    intake: Intake,
) -> tuple[pd.DataFrame, dict[int, LeftOut]]:
    """The frame without the documents that the profile leaves out; and what it left out in vain, by row."""
    if LEFT_OUT not in frame:
        return frame, {}
    fields = {name: converted_field(frame[name], column) for name, column in columns.items()}
    document = document_of_row(frame, fields, layouts, given)
    carried = layouts[0].profile.reading.carry
    reasons, in_vain = go(frame[LEFT_OUT], document, ~speaking_rows(frame, columns), carried=carried)
    places = frame[[SOURCE, ROW]].to_numpy()
    for source, reason in dict.fromkeys(zip(places[:, 0].tolist(), reasons.tolist(), strict=True)):
        if reason and not layouts[source].is_repeat:  # a row counts once, however many it makes
            intake.set_aside(source, reason, places[(places[:, 0] == source) & (reasons == reason), 1])
    stays = reasons == ""
    moved = np.cumsum(stays) - 1
    return frame[stays], {int(moved[row]): left for row, left in in_vain.items()}


def _own_fields(rows: Rows, findings: CellFindings) -> tuple[dict[str, list[str]], dict[int, dict[str, int]]]:
    """Each document's own fields: the first row that is not blank gives the value, the others must agree.

    Returns the values of each field by document, and for each document the fields that came from a later row.
    """
    own: dict[str, list[str]] = {}
    later: dict[int, dict[str, int]] = defaultdict(dict)
    for name, field in rows.fields.items():
        if is_of_row(name):
            continue
        filled = np.where(field.codes >= 0, np.arange(len(field.codes)), FAR)
        first = np.minimum.reduceat(filled, rows.starts)
        findings.of_contradictions(name, field, first)
        blank = first == FAR
        own[name] = field.at(np.where(blank, rows.starts, first))
        for number in np.flatnonzero(~blank & (first != rows.starts)).tolist():
            later[number][name] = int(first[number] - rows.starts[number])
    return own, later


def _row_fields(rows: Rows, given: Given) -> tuple[list[dict[str, str]], list[Cents], list[str]]:
    """For each row its `payrow`, its sums, and what the export's own sum column says."""
    blank = [""] * len(rows.order)
    per_row = {name: field.at(slice(None)) for name, field in rows.fields.items() if is_of_row(name)}
    given_totals = per_row.pop("check.total", [])
    speaking = rows.speaking.tolist()
    for name, default in given.defaults.items():
        if is_of_row(name):
            own = zip(per_row.get(name, blank), speaking, strict=True)
            per_row[name] = [value or (default if speaks else "") for value, speaks in own]
    factors = (per_row.get(f"payrow.{tag}", blank) for tag in ("count", "amount", "taxpr", "discount"))
    tags = [name.removeprefix("payrow.") for name in per_row]
    payrows = [
        {tag: value for tag, value in zip(tags, values, strict=True) if value}
        for values in zip(*per_row.values(), strict=True)
    ]
    return payrows or [{} for _ in blank], row_sums_bulk(*factors), given_totals


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
