"""Writes a workbook to fill in: headers in the user's language, lists to choose from, an example, a guide.

Everything but the rows under the header is for people: the example stands above the header, where rows
are set aside, so that it is never sent by mistake.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import xlsxwriter

from pipeline.findings import Place, refuse
from pipeline.language import language, translate
from pipeline.report.files import whole
from pipeline.resources import data_text
from pipeline.validator.schema import FieldSpec, fields, load
from pipeline.values.vat import rates_in_force

ALL = "all"
HEADER_ROW = 4
"""As Excel shows it; above it stand a note, the fields' meanings and the example."""

_ROWS = 2_000
"""Rows that are prepared with formats and lists."""
_DATE = "date"
_NUMBERS = {"money": "#,##0.00##", "number": "#,##0.00##", "decimal": "0.####", "percent": "0.##"}
_WORDED = ("customertype", "credit", "flag", "language", "sendtype", "jobtype", "yesno")
"""Kinds of which a list can offer all values, in words where the language has one."""
_NEEDED = ("billnum", "billdate", "paydate", "name", "address", "postcode", "city", "customertype")
_NEEDED_OF_ROWS = ("payrow.desc", "payrow.count", "payrow.amount", "payrow.taxpr")
_NEEDED_WITHOUT_ROWS = ("jobtype", "billcode", "amount", "noticedate")


def field_sets() -> list[str]:
    """What `--fields` can be."""
    return [*_data()["sets"], ALL]


def write_template(path: Path, fields_of: str, country: str, today: dt.date) -> None:
    """Write the workbook, whole or not at all.

    Args:
        path: where to; it must not exist.
        fields_of: one of `field_sets`.
        country: whose VAT rates to offer, as alpha-3.
        today: the day that the example's dates count from.

    Raises:
        Refusal: `template-exists`.
        OSError: it cannot be written.
    """
    if path.exists():
        raise refuse("template-exists", Place(file=str(path)))
    specs = _specs(fields_of)
    with whole(path) as temporary, xlsxwriter.Workbook(temporary, {"in_memory": True}) as book:
        _Template(book, specs, fields_of, country, today).write()


def header(field: str) -> str:
    """The field's header in the user's language: one that is recognised in every one."""
    spoken = language()
    if better := _data()["better_headers"].get(field):
        return str(better[spoken])
    known = _headers()[field]
    names = known.get(spoken) or known["en"]
    return next((name for name in names if not name.islower()), names[0])


def meaning(spec: FieldSpec) -> str:
    """What a field is, in one sentence; further ones in the schema are for programmers."""
    return _sentence(spec.description)


def _sentence(text: str) -> str:
    return translate(text).partition(". ")[0].removesuffix(".")


@cache
def _headers() -> dict[str, dict[str, list[str]]]:
    """The headers of every field that has some; what only a profile can give a meaning has none."""
    return tomllib.loads(data_text("aliases.toml"))


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(data_text("template.toml"))


def _specs(fields_of: str) -> list[FieldSpec]:
    known = fields()
    if fields_of == ALL:
        return [spec for path, spec in known.items() if "{n}" not in path and path in _headers()]
    return [known[path] for path in _data()["sets"][fields_of]]


class _Template:
    """One workbook while it is written."""

    def __init__(
        self, book: Any, specs: Sequence[FieldSpec], fields_of: str, country: str, today: dt.date
    ) -> None:
        self._book, self._specs, self._set, self._today = book, specs, fields_of, today
        self._words: dict[str, str] = {name: translate(text) for name, text in _data()["words"].items()}
        self._rates = [format(rate.normalize(), "f") for rate in rates_in_force(country, today)]
        self._sheet = book.add_worksheet(self._words["sheet"])
        self._guide = book.add_worksheet(self._words["guide"])
        self._lists = book.add_worksheet(self._words["lists"])
        self._lists.hide()
        self._formats = {
            name: book.add_format(look)
            for name, look in {
                "header": {"bold": True, "bg_color": "#DCE6F1", "bottom": 1, "num_format": "@"},
                "needed": {"bold": True, "bg_color": "#FFF2CC", "bottom": 1, "num_format": "@"},
                "note": {"bold": True},
                "meaning": {"italic": True, "font_color": "#666666", "text_wrap": True, "valign": "top"},
                "wrapped": {"text_wrap": True, "valign": "top"},
                **_looks("", {}),
                **_looks("example ", {"italic": True, "font_color": "#666666"}),
            }.items()
        }

    def write(self) -> None:
        """Write its sheets."""
        sheet = self._sheet
        sheet.write_string(0, 0, self._words["note"], self._formats["note"])
        sheet.set_row(1, 75)
        for column, spec in enumerate(self._specs):
            look = self._formats[_look(spec.kind)]
            sheet.set_column(column, column, max(14, len(header(spec.path)) + 2), look)
            sheet.write_string(1, column, meaning(spec), self._formats["meaning"])
            self._example(column, spec)
            needed = "needed" if self._needed(spec) else "header"
            sheet.write_string(HEADER_ROW - 1, column, header(spec.path), self._formats[needed])
            self._choices(column, spec)
        sheet.freeze_panes(HEADER_ROW, 1)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        self._write_guide()

    def _needed(self, spec: FieldSpec) -> bool:
        has_rows = any(each.path.startswith("payrow.") for each in self._specs)
        return spec.path in _NEEDED + (_NEEDED_OF_ROWS if has_rows else _NEEDED_WITHOUT_ROWS)

    def _example(self, column: int, spec: FieldSpec) -> None:
        text = self._example_text(spec)
        if not text:
            return
        look = self._formats[f"example {_look(spec.kind)}"]
        if spec.kind == _DATE:
            self._sheet.write_datetime(2, column, dt.date.fromisoformat(text), look)
        elif spec.kind in _NUMBERS:
            self._sheet.write_number(2, column, Decimal(text), look)
        else:
            self._sheet.write_string(2, column, self._worded(spec.kind, text), look)

    def _example_text(self, spec: FieldSpec) -> str:
        data = _data()
        text: str = (
            data["examples_of"]
            .get(self._set, {})
            .get(spec.path, data["examples"].get(spec.path, spec.example))
        )
        if text.startswith("today"):
            days = int(text.partition("+")[2] or 0)
            return (self._today + dt.timedelta(days=days)).isoformat()
        return text

    def _choices(self, column: int, spec: FieldSpec) -> None:
        rows = (HEADER_ROW, column, HEADER_ROW + _ROWS - 1, column)
        if spec.kind == _DATE:
            rule = {
                "validate": "date",
                "criteria": ">",
                "value": dt.date(2000, 1, 1),
                "error_message": self._words["date_form"],
                "error_type": "warning",
            }
            self._sheet.data_validation(*rows, rule)
        elif choices := self._listed(spec):
            # A range, not a list in the rule itself: there 25.5 would be a date to a Finnish Excel.
            for row, choice in enumerate(choices):
                if spec.kind in _NUMBERS:
                    self._lists.write_number(row, column, Decimal(choice))
                else:
                    self._lists.write_string(row, column, choice)
            area = xlsxwriter.utility.xl_range_abs(0, column, len(choices) - 1, column)
            rule = {
                "validate": "list",
                "source": f"='{self._words['lists']}'!{area}",
                "error_message": self._words["list_error"],
                "error_type": "warning",
            }
            self._sheet.data_validation(*rows, rule)

    def _listed(self, spec: FieldSpec) -> list[str]:
        if spec.path == "payrow.taxpr":
            return self._rates
        if spec.kind in _WORDED:
            return [
                self._worded(spec.kind, value) for value in load("values.json")["$defs"][spec.kind]["enum"]
            ]
        return []

    def _worded(self, kind: str, value: str) -> str:
        """A value as a cell may hold it in the user's language: `henkilö` for 2."""
        return str(_data().get("choices", {}).get(kind, {}).get(value, {}).get(language(), value))

    def _write_guide(self) -> None:
        guide, data = self._guide, _data()["guide"]
        row = 0
        for row, line in enumerate(data["lines"]):
            guide.merge_range(
                row, 0, row, len(data["columns"]) - 1, translate(line), self._formats["wrapped"]
            )
        start = row + 2
        for column, (title, width, _) in enumerate(data["columns"]):
            guide.set_column(column, column, width)
            guide.write_string(start, column, translate(title), self._formats["header"])
        for row, cells in enumerate(self._guide_rows(translate(data["needed"])), start + 1):
            for column, cell in enumerate(cells):
                guide.write_string(row, column, cell)

    def _guide_rows(self, needed: str) -> Iterator[tuple[str, ...]]:
        kinds = load("values.json")["$defs"]
        for spec in self._specs:
            yield (
                header(spec.path),
                needed if self._needed(spec) else "",
                meaning(spec),
                self._words["date_form"]
                if spec.kind == _DATE
                else _sentence(kinds[spec.kind]["description"]),
                spec.example,
                spec.path,
            )


def _look(kind: str) -> str:
    return kind if kind == _DATE or kind in _NUMBERS else "text"


def _looks(prefix: str, more: dict[str, Any]) -> dict[str, dict[str, Any]]:
    date = "d.m.yyyy" if language() == "fi" else "yyyy-mm-dd"
    formats = {_DATE: date, "text": "@"} | _NUMBERS
    return {
        f"{prefix}{name}": {"num_format": number_format, **more} for name, number_format in formats.items()
    }
