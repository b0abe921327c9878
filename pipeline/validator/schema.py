"""The JSON Schemas as two validators, one fast and one that explains, and as a list of fields.

Both run the same files with the same format function. They agree on the verdict and on where each
error lies (`tests/schemas/test_agreement.py`); only jsonschema keeps what an explanation needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from pipeline.resources import schemas_folder

if TYPE_CHECKING:
    import jsonschema

_BASE = "https://schemas.ropo-pipeline.invalid/"
_KINDS = "values.json#/$defs/"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field: `payrow.amount` is `amount` of a row, `payplan.instalment{n}.date` that of instalment n.

    `kind` names an entry of `schemas/values.json`; `example` is a value as it is sent.
    """

    path: str
    kind: str
    description: str
    example: str


@cache
def load(name: str) -> dict[str, Any]:
    """The schema in that file, such as `dataset.json`; shared, so not to be changed.

    Raises:
        FileNotFoundError: there is no such schema.
    """
    schema: dict[str, Any] = json.loads((schemas_folder() / name).read_text(encoding="utf-8"))
    return schema


@cache
def fast_validator(name: str = "dataset.json") -> jsonschema_rs.Validator:
    """The validator for bulk: says in microseconds whether a document is valid.

    It takes what JSON has; a text with half a surrogate pair raises UnicodeEncodeError.
    """
    # (?!\n) is there for Python's $ only. Without it Rust needs no backtracking: measured 0.3 s instead of
    # 0.5 s for 60,000 datasets.
    documents = json.loads(json.dumps(_documents()).replace(r"$(?!\\n)", "$"))
    return jsonschema_rs.validator_for(
        documents[f"{_BASE}{name}"],
        registry=jsonschema_rs.Registry(list(documents.items()), draft=jsonschema_rs.Draft202012),
        validate_formats=True,  # by its own `date`; with `is_date` it takes half as long again
        ignore_unknown_formats=False,
        offline=True,
    )


@cache
def explaining_validator(name: str = "dataset.json") -> jsonschema.Draft202012Validator:
    """The validator for what `fast_validator` refused: its errors tell which rule, where, and why."""
    import jsonschema  # noqa: PLC0415 - start-up time; only wrong documents need it

    formats = jsonschema.FormatChecker(formats=())
    formats.checks("date")(is_date)
    resources = [(uri, DRAFT202012.create_resource(schema)) for uri, schema in _documents().items()]
    return jsonschema.Draft202012Validator(
        load(name), registry=Registry().with_resources(resources), format_checker=formats
    )


def is_date(value: object) -> bool:
    """The format `date`: a day that the calendar has, as YYYY-MM-DD. What is no text has no format."""
    if not isinstance(value, str):
        return True
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def reason(error: jsonschema.ValidationError) -> str | None:
    """Why a dataset needs or forbids something: the words of the condition in `allOf` that refused it."""
    path = list(error.absolute_schema_path)
    for at, step in enumerate(path[:-1]):
        if step == "allOf" and isinstance(number := path[at + 1], int):
            words: str = load("dataset.json")["allOf"][number]["description"]
            return words
    return None


@cache
def fields(name: str = "dataset.json") -> dict[str, FieldSpec]:
    """Every field that a column can hold, by path, in the order of the schemas.

    Of a group that may come several times in one row of a table, each field is there twice:
    `cashdiscountrow.discountdate`, and `cashdiscountrow{n}.discountdate` for numbered columns.
    A dataset's fields end with those of `helper.json`, which are never sent.
    """
    found = list(_fields(load(name), ""))
    if name == "dataset.json":
        found += _fields(load("helper.json"), "")
    return {spec.path: spec for spec in found}


def _documents() -> dict[str, Any]:
    """Every schema by its URI, which `$ref`s resolve against."""
    return {f"{_BASE}{path.name}": load(path.name) for path in sorted(schemas_folder().glob("*.json"))}


def _fields(schema: dict[str, Any], prefix: str) -> Iterator[FieldSpec]:
    for tag, part in schema["properties"].items():
        path = f"{prefix}{tag}"
        reference = part.get("$ref", "")
        if reference.startswith(_KINDS):
            kind = reference.removeprefix(_KINDS)
            if kind != "base64":  # made from a file, never read from a cell
                yield FieldSpec(path, kind, part["description"], str(part["examples"][0]))
        elif "items" in part:
            items = part["items"]
            row = load(items["$ref"]) if "$ref" in items else items
            yield from _fields(row, f"{path}.")
            if tag != "payrow":
                yield from _fields(row, f"{path}{{n}}.")
        else:
            yield from _fields(load(reference) if reference else part, f"{path}.")
