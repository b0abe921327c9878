"""Writes `docs/fields.md`: every field with its meaning, form, example and the headers recognised.

python -m pipeline.pages.fieldtable           writes it anew from the schemas and aliases
python -m pipeline.pages.fieldtable --check   ends with 1 if it is stale
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from pipeline.resources import data_text
from pipeline.validator.schema import FieldSpec, fields, load

PAGE = Path(__file__).parent.parent.parent / "docs" / "fields.md"

_INTRODUCTION = """\
# Fields

Made from `schemas/` and `pipeline/data/aliases*.toml` by `make docs`; not to be edited.

A header is recognised whatever its case, spaces and punctuation. Each field's own name always is, with or
without the dot: `payrow.amount`, `Payrow amount`. `{n}` stands for a number: `Instalment 1 date`. The
[forms](#forms) are at the end.
"""

_SECTIONS = {
    "dataset.json": ("Invoices, reminders, debt collection", "aliases.toml"),
    "allocation.json": ("Credit note allocations", "aliases_allocation.toml"),
    "payment.json": ("Payments", "aliases_payment.toml"),
}


def page() -> str:
    """The whole page as Markdown."""
    parts = [_INTRODUCTION]
    for name, (title, aliases) in _SECTIONS.items():
        headers = tomllib.loads(data_text(aliases))
        parts.append(f"## {title}\n\n{load(name)['description']}\n")
        parts += [_section(group, specs, headers) for group, specs in _groups(fields(name).values()).items()]
    kinds = load("values.json")["$defs"].items()
    forms = _table(("Form", "What it is"), ((f"`{kind}`", spec["description"]) for kind, spec in kinds))
    return "\n".join([*parts, f"## Forms\n\n{load('values.json')['description']}\n", forms])


def _groups(specs: Iterable[FieldSpec]) -> dict[str, list[FieldSpec]]:
    """The fields by the group they are in; `""` holds those in none."""
    groups: dict[str, list[FieldSpec]] = {"": []}
    for spec in specs:
        group = spec.path.rpartition(".")[0].replace("{n}", "")
        groups.setdefault(group, []).append(spec)
    return groups


def _section(group: str, specs: list[FieldSpec], headers: dict[str, dict[str, list[str]]]) -> str:
    rows = (
        (
            f"`{spec.path}`",
            spec.description,
            spec.kind,
            f"`{spec.example}`",
            _joined(headers.get(spec.path, {})),
        )
        for spec in specs
    )
    table = _table(("Field", "Meaning", "Form", "Example", "Headers recognised"), rows)
    return f"### `{group}`\n\n{_meaning(group)}\n\n{table}" if group else table


def _meaning(group: str) -> str:
    """What the schemas say of a group: `payplan.instalment` is described in `payplan.json`."""
    schema = {"properties": load("dataset.json")["properties"] | load("helper.json")["properties"]}
    for tag in group.split("."):
        schema = schema["properties"][tag]
        schema = load(schema["$ref"]) | schema if "$ref" in schema else schema
    return str(schema["description"]) + "."


def _joined(languages: dict[str, list[str]]) -> str:
    return ", ".join(dict.fromkeys(header for headers in languages.values() for header in headers))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def main() -> int:
    """Write the page, or with `--check` only say whether it is up to date."""
    if "--check" in sys.argv[1:]:
        stale = page() != PAGE.read_text(encoding="utf-8")
        if stale:
            sys.stderr.write("docs/fields.md is stale: run python -m pipeline.pages.fieldtable\n")
        return int(stale)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
