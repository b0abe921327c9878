"""Checks every document: first the schemas, then the rules that a schema cannot say.

jsonschema-rs decides in bulk; jsonschema explains what was refused. A layer is asked only of documents
that passed the one before, so that one mistake gives one finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.columns.layouts import Layout
from pipeline.document import Document
from pipeline.findings import Finding, Place, Severity, finding
from pipeline.language import shown_number, translate
from pipeline.validator.rules import ENTRY_LAYERS, LAYERS, Broken, Context
from pipeline.validator.schema import explaining_validator, fast_validator, reason

if TYPE_CHECKING:
    from jsonschema import ValidationError

_MOST_EXPLANATIONS = 10_000

_CODES = {
    "required": "field-missing",
    "not": "field-not-allowed",
    "additionalProperties": "field-unknown",
}
"""JSON Schema keyword → finding; every other keyword speaks of the form of a value."""

_HELPERS = {
    "company": ("name",),
    "person": ("name",),
    "payrow.amount": ("row.net", "row.gross"),
    "payrow.taxpr": ("row.vat", "row.net", "row.gross"),
    "payrow.discount": ("row.discount",),
}
"""Fields that may have come from another column."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One error of a schema: `row` counts the entries of `payrow` from 0, None outside of it."""

    code: str
    field: str
    row: int | None
    value: str | None
    reason: str


class Validator:
    """Checks documents against one schema and the rules, remembering what was explained before."""

    def __init__(self, layouts: Sequence[Layout], context: Context) -> None:
        schema = layouts[0].subject.schema
        self._layouts = layouts
        self._context = context
        self._layers = ENTRY_LAYERS if layouts[0].subject.kind else LAYERS
        self._schema = schema
        self._fast = fast_validator(schema)
        self._explanations: dict[tuple[str, ...], list[Explained]] = {}

    def check(self, documents: Iterable[Document]) -> None:
        """Add to each document the findings of the first layer that has any."""
        for document in documents:
            if not self._fast.is_valid(document.dataset):
                self._add_schema_findings(document)
            for layer in self._layers:
                if not document.valid:
                    break
                for rule in layer:
                    for broken in rule(document, self._context):
                        document.findings.append(self._finding(document, broken))

    def add(self, document: Document, broken: Iterable[Broken]) -> None:
        """Add to a document what was found broken elsewhere."""
        document.findings += [self._finding(document, each) for each in broken]

    def _add_schema_findings(self, document: Document) -> None:
        told = {each.field for each in document.findings if each.severity is Severity.ERROR}
        has_invoice = all(each.code != "rows-without-invoice" for each in document.findings)
        for error in self._explain(document.dataset):
            if error.code == "field-missing" and error.row is None and not has_invoice:
                continue  # the row that is not there would have it
            if error.field in told or not told.isdisjoint(_HELPERS.get(error.field, ())):
                continue  # the cell's own finding says it better
            document.findings.append(
                self._finding(
                    document,
                    Broken(error.code, error.field, error.value, error.row, {"reason": error.reason}),
                )
            )

    def _explain(self, dataset: dict[str, Any]) -> list[Explained]:
        """What jsonschema says of a refused dataset; the same refusal is explained once."""
        refusal = tuple(
            f"{error.instance_path} {error.schema_path} {error.message}"
            for error in self._fast.iter_errors(dataset)
        )
        if refusal not in self._explanations:
            if len(self._explanations) >= _MOST_EXPLANATIONS:
                self._explanations.clear()
            errors = explaining_validator(self._schema).iter_errors(dataset)
            found = [each for error in errors for each in _explained(error)]
            self._explanations[refusal] = list(dict.fromkeys(found))
        return self._explanations[refusal]

    def _finding(self, document: Document, broken: Broken) -> Finding:
        return finding(
            broken.code,
            self.place(document, broken.field, broken.row),
            field=broken.field,
            value=broken.value,
            billnum=document.billnum,
            **broken.details,
        )

    def place(self, document: Document, field: str, row: int | None) -> Place:
        """The cell of a field: on the row of that `payrow`, or where the document's value came from."""
        # The first of a group may stand in a column without a number: `cashdiscountrow.discountdate`.
        names = [field, *_HELPERS.get(field, ()), field.replace("1.", ".", 1)]
        # A whole group stands in its columns, of which the first is shown.
        columns = self._layouts[document.rows[0][0]].fields.values()
        names += [name for name in columns if name.startswith((f"{field}.", f"{field}1."))][:1]
        places = [self._in_column(document, name, row) for name in names]
        return next((place for place in places if place.cell), places[0])

    def _in_column(self, document: Document, column: str, row: int | None) -> Place:
        at = document.payrows[row] if row is not None else document.cells.get(column, 0)
        source, number = document.rows[at]
        return self._layouts[source].place(number, column)


def _explained(error: ValidationError) -> Iterable[Explained]:
    path = list(error.absolute_path)
    code = _CODES.get(str(error.validator), "value-form")
    if error.validator == "required":
        # One error a missing tag, which only the message names: 'paydate' is a required property.
        path.append(str(error.message).split("'")[1])
    field, row = _field(path)
    shown = error.instance if isinstance(error.instance, str) else None
    yield Explained(code, field, row, shown, translate(reason(error) or "") or _expected(error))


def _field(path: Sequence[str | int]) -> tuple[str, int | None]:
    """`["payrow", 2, "amount"]` is `payrow.amount` of entry 2, other groups keep their number in the name."""
    if len(path) > 1 and path[0] == "payrow":
        return ".".join(["payrow", *map(str, path[2:])]), int(path[1])
    name = ""
    for step in path:
        name += str(step + 1) if isinstance(step, int) else f".{step}"
    return name.removeprefix("."), None


def _sentence(text: str) -> str:
    return f"{text}." if text and not text.endswith(".") else text


def _expected(error: ValidationError) -> str:
    """What the schema's own words say the value must be."""
    schema = error.schema if isinstance(error.schema, dict) else {}
    if error.validator == "required":
        missing = schema.get("properties", {}).get(str(error.message).split("'")[1], {})
        return _sentence(translate(str(missing.get("description", ""))))
    if error.validator == "enum":
        return translate("Allowed: {values}.", values=", ".join(map(str, schema["enum"])))
    if error.validator == "maxLength":
        return translate(
            "It has {length} characters; at most {most} are taken.",
            length=shown_number(len(str(error.instance))),
            most=shown_number(schema["maxLength"]),
        )
    return translate(str(schema.get("description") or error.message))
