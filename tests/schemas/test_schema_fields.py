"""The schemas against the documents they come from, and the page that is made of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from schema_samples import PERSON, ROW, explained_errors

from pipeline.pages import fieldtable
from pipeline.resources import schemas_folder
from pipeline.validator.schema import explaining_validator, fast_validator, fields, load

CONCEPTS = sorted(
    path.name
    for path in schemas_folder().glob("*.json")
    if path.name not in {"values.json", "report.json", "profile.json"}
)
KINDS = load("values.json")["$defs"]
SOURCE = [
    line.split("\t")
    for line in (Path(__file__).parent / "invoice_fields.tsv").read_text(encoding="utf-8").splitlines()
]
"""Tag and example, in the order of the invoice page's field table."""

ENTRIES = [
    (name, tag, entry)
    for name in CONCEPTS
    for schema in (
        load(name),
        load(name)["properties"].get("instalment", {}).get("items", {"properties": {}}),
    )
    for tag, entry in schema["properties"].items()
    if entry.get("$ref", "").startswith("values.json")
]


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every part of a schema that describes an object, conditions left out."""
    if not isinstance(schema, dict):
        return []
    inner = [part for word, part in schema.items() if word not in {"if", "then", "else", "allOf", "not"}]
    found = [each for part in inner for each in objects(part)]
    return [schema, *found] if schema.get("type") == "object" and "properties" in schema else found


def test_the_dataset_has_the_51_tags_of_the_invoice_page() -> None:
    """No tag of the source document is missing, and they stand first, in its order."""
    assert len(SOURCE) == 51
    assert list(load("dataset.json")["properties"])[:51] == [tag for tag, _ in SOURCE]


@pytest.mark.parametrize(("tag", "example"), [(tag, example) for tag, example in SOURCE if example])
def test_the_examples_of_the_invoice_page_are_ours(tag: str, example: str) -> None:
    """What the source document gives as an example is an example here, and right."""
    assert example in load("dataset.json")["properties"][tag]["examples"]


def test_the_rows_have_the_tags_of_the_documents() -> None:
    """A row takes what the examples use, and the totals of the credit note page."""
    used = [
        "desc",
        "count",
        "itemtype",
        "amount",
        "taxpr",
        "discount",
        "netamount",
        "vatamount",
        "totalamount",
    ]
    assert list(load("payrow.json")["properties"]) == used


def test_the_example_of_the_invoice_page_is_valid() -> None:
    """The smallest invoice, as the document has it, is accepted."""
    assert explained_errors({"datastream": {"dataset": [PERSON]}}, "datastream.json") == []


@pytest.mark.parametrize("changes", [{}, {"amount": "-100"}, {"amount": "-100", "discount": "50"}])
def test_the_examples_of_the_credit_note_page_are_valid(changes: dict[str, str]) -> None:
    """The invoice of the credit note page, its full and its half credit are accepted."""
    row = {"desc": "Siivous", "count": "1", "itemtype": "h", "amount": "100", "taxpr": "23"} | changes
    refund = {"refundtojobid": "123467"} if changes else {}
    dataset = {
        "jobtype": "0",
        "person": "Nelli Niirulainen",
        "address": "Kellokoskenkatu 15 A 3",
        "postcode": "70100",
        "city": "KUOPIO",
        "customertype": "2",
        "billdate": "2017-03-04",
        "paydate": "2017-03-18",
        "payrow": [row],
        **refund,
    }
    assert explained_errors(dataset) == []


def test_the_example_of_the_allocation_is_valid() -> None:
    """The body that the credit note page describes, made of its own examples, is accepted."""
    body = {
        "amount": 710.00,
        "billcode": "123467",
        "billnum": "R123467",
        "jobid": 123467,
        "date": "2017-10-10",
        "type": "allocated",
        "creditnotebillnum": "26251",
        "description": "Capital amount increased due to agreement change.",
    }
    assert list(body) == list(fields("allocation.json"))
    assert explained_errors(body, "allocation.json") == []


@pytest.mark.parametrize(("name", "tag", "entry"), ENTRIES)
def test_every_field_has_kind_meaning_and_right_examples(name: str, tag: str, entry: dict[str, Any]) -> None:
    """Each field says what it is, and its examples are valid where they stand."""
    assert entry["description"]
    assert entry["examples"]
    kind = entry["$ref"].removeprefix("values.json#/$defs/")
    assert kind in KINDS
    for example in entry["examples"]:
        instances = {tag: example}
        if name == "payplan.json":
            instances = {"instalment": [{"date": "2026-03-02", "amount": "1.00", tag: example}]}
        assert not [
            error for error in explaining_validator(name).iter_errors(instances) if error.absolute_path
        ]


@pytest.mark.parametrize("name", CONCEPTS)
def test_nothing_unknown_is_let_through(name: str) -> None:
    """Every object of every schema refuses what it does not describe."""
    assert all(part["additionalProperties"] is False for part in objects(load(name)))


@pytest.mark.parametrize("name", ["values.json", *CONCEPTS])
def test_a_schema_is_2020_12_and_knows_its_own_name(name: str) -> None:
    """Each file names its draft, and the URI that the others refer to it by."""
    schema = load(name)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"https://schemas.ropo-pipeline.invalid/{name}"
    explaining_validator(name).check_schema(schema)


@pytest.mark.parametrize(("kind", "spec"), KINDS.items())
def test_a_pattern_means_the_same_in_python_and_rust(kind: str, spec: dict[str, Any]) -> None:
    """Patterns are anchored at both ends, and have no class that grows with Unicode."""
    pattern = spec.get("pattern", "^$(?!\\n)")
    assert pattern.startswith("^"), kind
    assert pattern.endswith("$(?!\\n)"), kind
    assert not re.search(r"\\[dwsbDWSB]", pattern), kind


def test_every_kind_is_used() -> None:
    """`values.json` describes nothing that no field has."""
    assert {entry["$ref"].removeprefix("values.json#/$defs/") for _, _, entry in ENTRIES} == set(KINDS)


def test_fields_are_paths_in_the_order_of_the_schemas() -> None:
    """Rows, groups and numbered groups are paths; what is never read from a cell is none."""
    paths = list(fields())
    assert paths[:6] == [
        *("addaddress", "address", "addressaddline1", "addressaddline2", "addresscountry"),
        "attachment.attachmentname",
    ]
    assert "attachment.attachmentfile" not in paths
    assert fields()["billnum"].kind == "billnum"
    assert fields()["payrow.amount"].kind == "money"
    assert fields()["payplan.instalment{n}.date"].kind == "date"
    assert fields()["accountrow{n}.debit"].kind == "number"
    assert paths[-11:] == [
        *("name", "firstname", "lastname", "credit", "included"),
        *("row.discount", "row.net", "row.vat", "row.included", "row.gross", "check.total"),
    ]
    assert len(fields("payment.json")) == 9


def test_the_page_of_fields_is_up_to_date() -> None:
    """docs/fields.md is what the schemas and aliases make: `make docs` renews it."""
    assert fieldtable.PAGE.read_text(encoding="utf-8") == fieldtable.page()


def test_the_page_names_every_tag() -> None:
    """Each of the 51 tags, every row field and every feature stands on the page, with an example."""
    page = fieldtable.page()
    assert [tag for tag, _ in SOURCE if f"`{tag}`" not in page] == []
    assert [
        path for path, field in fields().items() if f"| `{path}` | {field.description} |" not in page
    ] == []


def test_a_schema_can_be_asked_for_again() -> None:
    """Validators are built once and shared."""
    assert fast_validator("payrow.json") is fast_validator("payrow.json")
    assert fast_validator("payrow.json").is_valid(ROW)
