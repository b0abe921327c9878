"""What a profile may declare (docs/profiles.md); `schemas/profile.json` is made from these classes.

In the order in which a run meets it: `[profile]` and `[expects]` say what the profile is for, `[reading]`,
`[[tables]]` and `[[records]]` what lies where, `[columns]` which field each column is, `[[leave_out]]`,
`[[split]]`, `[texts]`, `[expressions]`, `[[set]]` and `[values]` what the cells mean, `[constants]` and
`[defaults]` what they do not say, `[conventions]` and `[prices]` how numbers are meant.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Position = Annotated[int, Field(ge=1)]
"""A column of a table, or a field of a record: the first is 1."""

Condition = dict[str, str | list[str]]
"""Header (or field, or position as text) → the text, or one of the texts, that the cell must hold.

All of them must hold; `""` is a blank cell. Case and outer spaces do not count.
"""


class Section(BaseModel):
    """A section of a profile; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class About(Section):
    """What the profile is for."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")] | None = None
    """The name for `--profile`."""
    title: str = ""
    """The system and the export, in words."""
    source: str = ""
    """Where the layout is described."""
    verified: bool = False
    """Whether the layout was checked against the vendor's own description."""
    limits: list[str] = []
    """What the profile does not do, or could not be sure of, a sentence each."""


class Expects(Section):
    """What a file of this source looks like: by this a profile is found, and a changed export noticed."""

    headers: list[str] = []
    """The headers of the golden example, in order; with `[[tables]]` those of all tables, in their order."""
    optional: list[str] = []
    """Those of `headers` that an export may lack."""


class Reading(Section):
    """How to read the file, where it does not tell by itself."""

    sheet: str | None = None
    """A workbook's sheet by name, or `*` for every sheet with a header."""
    header: bool = True
    """Whether the table has a header; without one, columns are known by position: `1`, `2`, …"""
    header_row: Position | None = None
    """The header's (last) row as Excel shows it."""
    header_rows: Annotated[int, Field(ge=1, le=5)] = 1
    """How many rows the header has; their texts are joined, a blank one takes the text on its left."""
    fields: Position | None = None
    """Without header: how many fields a row has. A file with another number is refused."""
    carry: bool = False
    """Whether only an invoice's first row says whose it is: rows below without identity belong to it."""
    mark: Position = 1
    """With `[[records]]`: the field that holds a record's mark."""
    several_tables: bool = False
    """Whether the rows of one invoice may lie in several files or sheets."""
    encoding: str | None = None
    """Of a text file."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Of a text file."""


class Part(Section):
    """One of two tables that together make the invoices, joined by bill number."""

    part: Literal["invoices", "rows"]
    """What a row of the table is: an invoice, or an invoice row."""
    sheet: str | None = None
    """The sheet, by name."""
    file: str | None = None
    """The file, by a pattern of its name such as `laskut*.csv`."""
    columns: dict[str, str] = {}
    """As `[columns]`, for this table only."""


class Record(Section):
    """A kind of record of a file that has several; declared from the outermost to the invoice row."""

    mark: str
    """The text by which it is known."""
    columns: dict[str, str] = {}
    """Position → field. The last kind of record is the invoice row. A name such as `@Valuutta` is no field:
    `key` and declarations such as `[[split]]` can read it."""
    fields: Position | None = None
    """How many fields it has; another number is refused."""
    key: str | None = None
    """The field by which the next kind names this record; without it, it belongs to the last one above."""
    ignored: bool = False
    """Whether records of this kind are left out."""


class LeaveOut(Section):
    """Rows that are no invoices to send, such as drafts."""

    when: Condition
    """Header → the text, or one of the texts, of the rows meant; all must hold, "" is a blank cell."""
    reason: Annotated[str, Field(min_length=1)]
    """Told in the report."""


class Split(Section):
    """One cell that holds several fields."""

    column: str
    """Header or position."""
    pattern: str
    """A regular expression that matches the whole cell, with one group a field."""
    into: Annotated[list[str], Field(min_length=1)]
    """The field of each group; `""` drops it."""


class Setting(Section):
    """Values that hold under a condition, such as: type `H` is a credit note."""

    when: Condition
    """Header → the text, or one of the texts, of the rows meant; all must hold, "" is a blank cell."""
    to: Annotated[dict[str, str], Field(min_length=1)]
    """Field → value."""


class Conventions(Section):
    """How numbers and dates are written."""

    decimal: Literal[",", "."] | None = None
    """The decimal separator."""
    date: Literal["dmy", "mdy", "ymd"] | None = None
    """The order of day, month and year in dates such as 02/03/2026."""


class Prices(Section):
    """What prices, discounts and rates mean."""

    vat: Literal["excluded", "included", "column"] = "excluded"
    """Whether `payrow.amount` has VAT in it. If so, the prices without VAT are found so that the invoice's
    total is the export's, to the cent. `column`: the field `row.included` says it of each row, or `included`
    of an invoice."""
    rounding_row: str | None = None
    """Where that cannot be reached: the text of a row without VAT that makes up for the cents. Without it
    such an invoice is not sent."""
    discount: Literal["percent", "row", "unit"] = "percent"
    """What `payrow.discount` holds: a percentage, or money off the row or off the unit price. Money is read
    from `row.discount`."""
    rate: Literal["percent", "sums"] = "percent"
    """Whether the VAT rate is given, or follows from two of `row.net`, `row.vat`, `row.gross`."""
    minus: Literal["any", "price", "quantity", "total", "column"] = "any"
    """Where the minus of a credit stands. Another place is then an error; `column` is the field `credit`."""


class Sending(Section):
    """How the invoices are sent."""

    checkbillnum: bool = True
    """Whether the service is asked to refuse a bill number that it already has."""


class Following(Section):
    """How `follow` asks what became of invoices."""

    consume_status_updates: bool = False
    """Whether it may read all changes not yet read, which the service then gives to nobody else."""


class Profile(Section):
    """Everything that a profile may declare; all of it has a default."""

    profile: About = About()
    expects: Expects = Expects()
    reading: Reading = Reading()
    tables: list[Part] = []
    records: list[Record] = []
    columns: dict[str, str] = {}
    """Header or position → field; an empty field ignores the column on purpose. `Tuote {n}` stands for
    `Tuote 1`, `Tuote 2`, …: each number makes an invoice row."""
    leave_out: list[LeaveOut] = []
    split: list[Split] = []
    texts: dict[str, str] = {}
    """Field → text with headers in braces: `{Etunimi} {Sukunimi}`."""
    expressions: dict[str, str] = {}
    """Field → expression, where nothing else serves (docs/profiles.md)."""
    set: list[Setting] = []
    values: dict[str, dict[str, str]] = {}
    """Field → cell text → value; `*` is any other text."""
    constants: dict[str, str] = {}
    """Field → value for every invoice, whatever the file says."""
    defaults: dict[str, str] = {}
    """Field → value where the file has none; dates also as `today` or `billdate + 14 days`."""
    conventions: Conventions = Conventions()
    prices: Prices = Prices()
    sending: Sending = Sending()
    following: Following = Following()
