"""The whole files that `test_fuzz` damages: the built-in profiles' examples, and exports of every shape."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

from from_files import Read, canonical, read, toml
from shapes import thirty

from pipeline.columns.layouts import Layout
from pipeline.document import Document
from pipeline.meaning.declared import steps
from pipeline.profile import Profile, builtin, load_profile
from pipeline.targets import Country

COUNTRIES = {"plain-se": Country.SE, "plain-no": Country.NO}
OF_SHAPES = {
    "standard": "prices with VAT",
    "first row only": "discount off the row",
    "two sheets": "names joined",
    "two files": "VAT by sums",
    "archive": "plain",
    "records": "minus at quantity",
    "positions": "plain",
    "two header rows": "conditions",
    "repeated columns": "VAT by code",
}
"""A meaning for each shape; beside it each has `many at once`."""
CARRYING = ("plain-se", "procountor", "first row only", "records", "heeros")
"""Files in which a line belongs to the invoice that stands above it."""

TEXTS = frozenset(
    [
        *("name", "company", "person", "firstname", "lastname", "address", "postcode", "city", "country"),
        *("email", "phone", "freetext", "yourcode", "ourcode", "ordernumber", "salesmanname", "language"),
        *("payrow.desc", "payrow.itemtype", "billcode", "period", "deliverydate", "evoice", "evoiceint"),
        *("deliverymethod", "sendtype", "overdueinterest", "vatid"),
    ]
)
"""Fields that count for nothing in an invoice's number and sums, nor by which rows come together."""


@dataclass(frozen=True)
class Golden:
    """A whole export: its files, how it is read, and what it comes to.

    `profile` is None where the one that fits is chosen.
    """

    name: str
    files: dict[str, bytes]
    profile: Profile | None
    country: Country = Country.FI
    carrying: bool = False
    has_header: bool = True
    whole: Read = field(init=False)

    def __post_init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            object.__setattr__(self, "whole", self.read(self.files, Path(folder)))
        assert self.whole.errors == [], self.name
        assert self.whole.documents

    def read(self, files: dict[str, bytes], folder: Path) -> Read:
        """What those files come to.

        Raises:
            Refusal: as a run.
        """
        for path in folder.iterdir():
            path.unlink()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return read([folder / name for name in files], self.profile, self.country)

    @cached_property
    def declared(self) -> Profile:
        """The profile by which it is read."""
        return self.whole.layouts[0].profile

    @cached_property
    def signatures(self) -> set[tuple[object, ...]]:
        """The signature of every invoice that can be sent."""
        return {signature(each) for each in self.whole.documents if each.valid}

    @cached_property
    def datasets(self) -> set[str]:
        """Every invoice as the service gets it."""
        return {content(each) for each in self.whole.documents if each.valid}

    @cached_property
    def keys(self) -> set[str]:
        """By what its invoices are known."""
        return {key(each) for each in self.whole.documents}

    @cached_property
    def of_rows(self) -> dict[tuple[str, str | None], dict[int, set[str]]]:
        """By file and sheet the keys of the invoices of each row, as Excel counts rows."""
        found: dict[tuple[str, str | None], dict[int, set[str]]] = {}
        for document in self.whole.documents:
            for source, row in document.rows:
                table = self.whole.layouts[source].table
                rows = found.setdefault((Path(table.file).name, table.sheet), {})
                rows.setdefault(row, set()).add(key(document))
        return found

    def layouts(self, name: str) -> Iterator[Layout]:
        """How the tables of a file are understood, repetitions of columns among them."""
        return (each for each in self.whole.layouts if Path(each.table.file).name == name)

    def fields_at(self, name: str, mark: str, column: int) -> set[str]:
        """The fields that a cell of a file can tell something of; `mark` is the first cell of its line."""
        found: set[str] = set()
        for layout in self.layouts(name):
            if layout.profile.records:
                at = str(column + 1)
                kinds = [each for each in layout.profile.records if each.mark.strip() == mark.strip()]
                names = {each.columns[at] for each in kinds if at in each.columns}
                if column + 1 == layout.profile.reading.mark:
                    names.add("mark")
            else:
                names = {layout.fields[column]} if column in layout.fields else set()
                if column in layout.used:
                    names |= {layout.headers.get(column, ""), str(column + 1)}
            found |= names
            for step in steps(layout.profile):
                reads = {layout.column(each) for each in step.names}
                if column in reads or names.intersection(step.names):
                    found |= {*step.fields} or {"condition"}
                    found -= {*step.names} - {*layout.fields.values()} if not step.conditional else set()
            if not layout.profile.records and column in layout.used:
                found -= {layout.headers.get(column, ""), str(column + 1)}
        return found

    def is_critical(self, name: str, mark: str, column: int) -> bool:
        """Whether a cell can change an invoice's number, sums or rows."""
        return not self.fields_at(name, mark, column) <= TEXTS


def key(document: Document) -> str:
    """By what an invoice is known: its number, or its customer's."""
    return document.billnum or document.dataset.get("custnum", "")


def signature(document: Document) -> tuple[object, ...]:
    """What makes an invoice the same one: its number, its sums, and how many rows it has."""
    return key(document), document.net, document.vat, document.total, len(document.dataset.get("payrow", ()))


def content(document: Document) -> str:
    """The whole invoice; the order of its rows does not count."""
    rows = sorted(document.dataset.get("payrow", ()), key=lambda row: sorted(row.items()))
    return canonical([replace(document, dataset={**document.dataset, "payrow": rows})])[0]


@cache
def goldens() -> list[Golden]:
    """All of them."""
    return [*_builtin(), *_shapes()]


def _builtin() -> Iterator[Golden]:
    for name in builtin.names():
        (path,) = builtin.FOLDER.glob(f"{name}.example.*")
        files = {path.name: path.read_bytes()}
        country = COUNTRIES.get(name, Country.FI)
        profile = load_profile(name)
        carrying = name in CARRYING
        has_header = not profile.records
        yield Golden(name, files, profile, country, carrying, has_header)
        yield Golden(f"{name}, chosen", files, None, country, carrying, has_header)


def _shapes() -> Iterator[Golden]:
    for shape, make in thirty.SHAPES.items():
        if shape in OF_SHAPES:
            for meaning in (OF_SHAPES[shape], "many at once"):
                yield _of_shape(shape, make, meaning)


def _of_shape(shape: str, make: Callable[[thirty.Told, Path], thirty.Export], meaning: str) -> Golden:
    declared = thirty.MEANINGS[meaning]
    this = thirty.Told(declared, [bill for bill in thirty.ALL[1:7] if declared.drafts or not bill.draft])
    with tempfile.TemporaryDirectory() as folder:
        inputs, profile = make(this, Path(folder))
        files = {path.name: path.read_bytes() for path in inputs}
        written = Path(folder) / "ours.toml"
        if shape not in {"records", "positions"}:
            profile = thirty.merged(profile, {"expects": {"headers": _headers(shape, this)}})
        written.write_text(toml(profile), encoding="utf-8")
        loaded = load_profile(written)
    has_header = shape not in {"records", "positions"}
    name = f"{shape}, {meaning}"
    return Golden(name, files, loaded, carrying=shape in CARRYING, has_header=has_header)


def _headers(shape: str, this: thirty.Told) -> list[str]:
    """The headers as `columns --save` writes them."""
    own, rows = this.own_headers, this.row_headers
    if shape in {"two sheets", "two files", "archive"}:
        return [*own, "Laskunumero", *rows]
    if shape == "two header rows":
        return [*(f"Lasku {each}" for each in own), *(f"Rivi {each}" for each in rows)]
    if shape == "repeated columns":
        most = max(len(bill.rows) for bill in this.bills)
        return [*own, *(f"{each} {n}" for n in range(1, most + 1) for each in rows)]
    return own + rows
