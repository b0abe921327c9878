"""What the rows of an input are: invoices, or entries for invoices that the service has already."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.document import Kind
from pipeline.validator.schema import FieldSpec
from pipeline.validator.schema import fields as schema_fields

OF_A_ROW = ("payrow.", "check.", "row.")
"""What the fields of an invoice row begin with."""


def is_of_row(path: str) -> bool:
    """Whether a field is an invoice row's, not the invoice's."""
    return path.startswith(OF_A_ROW)


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of input.

    `schema` names the file in `schemas/`, `aliases` the one in `data/`. `kind` is what each row is, None
    where rows are grouped into documents whose kind the job type tells. `identity` are the fields that tell
    what a row belongs to, best first; `needed` those that must have a column or a default. `path` is where
    entries are posted, one by one.
    """

    schema: str
    aliases: str
    identity: tuple[str, ...]
    needed: tuple[str, ...]
    kind: Kind | None = None
    path: str | None = None

    @property
    def fields(self) -> dict[str, FieldSpec]:
        """Every field that a column can hold."""
        return schema_fields(self.schema)

    def generic(self, path: str) -> str:
        """The path that the schema has for a field of a numbered group: `instalment{n}` for `instalment2`."""
        return path if path in self.fields else re.sub(r"[0-9]+", "{n}", path, count=1)

    def value_kind(self, path: str) -> str:
        """Which entry of `schemas/values.json` a field's value is.

        Raises:
            KeyError: there is no such field.
        """
        return self.fields[self.generic(path)].kind


INVOICES = Subject(
    "dataset.json",
    "aliases.toml",
    identity=("billnum", "custnum", "govid", "company", "person", "name", "lastname"),
    needed=("address", "postcode", "city", "billdate", "paydate"),
)
ALLOCATIONS = Subject(
    "allocation.json",
    "aliases_allocation.toml",
    identity=("billcode", "jobid", "billnum"),
    needed=("amount", "date"),
    kind=Kind.ALLOCATION,
    path="/rest/jobs/creditnote",
)
PAYMENTS = Subject(
    "payment.json",
    "aliases_payment.toml",
    identity=("billcode", "jobid", "billnum"),
    needed=("amount", "paydate"),
    kind=Kind.PAYMENT,
    path="/rest/jobs/payment",
)
