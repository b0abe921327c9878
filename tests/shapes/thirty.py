"""One list of thirty invoices, and how exports say them: every meaning of cells, in every shape of a file.

A meaning says which columns there are, what an invoice or a row has in each, and what a profile declares of
them. A shape says where the cells lie. Any meaning goes with any shape.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl

Rows = list[list[str]]
Declared = dict[str, Any]
CENT = Decimal("0.01")


# -- the invoices ----------------------------------------------------------------------------------


class Customer(NamedTuple):
    """Who pays; `first` and `last` are blank for a company, `govid` for a consumer."""

    number: str
    company: str
    first: str
    last: str
    govid: str
    address: str
    postcode: str
    city: str

    @property
    def name(self) -> str:
        """As one text."""
        return self.company or f"{self.first} {self.last}"


class Row(NamedTuple):
    """An invoice row; price without VAT, discount and rate in percent."""

    desc: str
    count: Decimal
    unit: str
    price: Decimal
    rate: Decimal
    discount: Decimal

    @property
    def before(self) -> Decimal:
        """Its sum without VAT and discount, not rounded."""
        return self.count * self.price

    @property
    def net(self) -> Decimal:
        """Its sum without VAT."""
        return cents(self.before * (1 - self.discount / 100))

    @property
    def vat(self) -> Decimal:
        """The VAT of it."""
        return cents(self.net * self.rate / 100)

    @property
    def gross(self) -> Decimal:
        """Its sum with VAT."""
        return self.net + self.vat

    @property
    def price_with_vat(self) -> Decimal:
        """The price of a unit with VAT: as few decimals as its sum needs."""
        exact = self.gross / self.count / (1 - self.discount / 100)
        for decimals in range(2, 9):
            price = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
            if cents(self.count * price * (1 - self.discount / 100)) == self.gross:
                return price
        raise AssertionError(self)


class Invoice(NamedTuple):
    """An invoice, or a credit note; a draft is none to send."""

    number: int
    billdate: dt.date
    paydate: dt.date
    customer: Customer
    rows: tuple[Row, ...]
    credit: bool = False
    draft: bool = False


CUSTOMERS = (
    Customer("C1", "Äänekosken Metsä Oy", "", "", "2262509-5", "Mäkikatu 1 B 2", "44100", "ÄÄNEKOSKI"),
    Customer("C2", "", "Päivi", "Hyvönen-Åström", "", "Öljytie 2", "00100", "HELSINKI"),
    Customer("C3", "Åbo Köksrör Ab", "", "", "0112038-9", "Gränd 3", "20100", "ÅBO"),
    Customer("C4", "", "Åke", "Mäkelä", "", "Töölönkatu 14 as. 5", "33100", "TAMPERE"),
    Customer("C5", "Kolme Pihlajaa Ky", "", "", "1572860-0", "Kuja 5", "00520", "HELSINKI"),
)


def _row(desc: str, count: str, unit: str, price: str, rate: str, discount: str = "0") -> Row:
    return Row(desc, Decimal(count), unit, Decimal(price), Decimal(rate), Decimal(discount))


PRODUCTS = (
    _row("Asennustyö", "2", "h", "50.00", "25.5"),
    _row("Käsikirja", "3", "kpl", "19.90", "13.5", "10"),
    _row("Lehtitilaus", "12", "kk", "8.50", "10"),
    _row("Öljynvaihto; tarvikkeet", "1", "kpl", "1248.00", "25.5", "2.5"),
    _row("Kolmasosat", "3", "kpl", "33.333", "25.5"),  # 99.999
    _row("Puolikas sentti", "1.5", "m", "3.35", "13.5"),  # 5.025
    _row('Levy 5" "ohut"', "7", "kpl", "0.99", "10", "5"),
)


def _invoices() -> Iterator[Invoice]:
    for at in range(36):
        billdate = dt.date(2026, 10, 1) + dt.timedelta(at)
        rows = tuple(
            PRODUCTS[(at + number) % len(PRODUCTS)]._replace(count=PRODUCTS[(at + number) % 7].count + at % 2)
            for number in range(at % 4 + 1)
        )
        customer = CUSTOMERS[at % len(CUSTOMERS)]
        paydate = billdate + dt.timedelta(14)
        yield Invoice(1001 + at, billdate, paydate, customer, rows, credit=at % 5 == 3, draft=at % 6 == 4)


ALL = tuple(_invoices())
"""The thirty, and six drafts between them."""
THIRTY = tuple(each for each in ALL if not each.draft)


def cents(value: Decimal) -> Decimal:
    """Rounded half away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


# -- what cells mean -------------------------------------------------------------------------------


def comma(value: Decimal) -> str:
    """As Finns write a number."""
    return f"{value:f}".replace(".", ",")


def day(date: dt.date) -> str:
    """As Finns write a date."""
    return f"{date.day}.{date.month}.{date.year}"


@dataclass(frozen=True)
class Column:
    """A column: its header, its field (`""` if only declarations read it), and what cells it has."""

    header: str
    field: str
    cell: Callable[..., str]


Names = Callable[[str], str]
"""Header → how declarations name that column in a shape."""


def _nothing(_: Names) -> Declared:
    return {}


@dataclass(frozen=True)
class Meaning:
    """The columns of the invoice and of its rows, and what a profile declares of them."""

    own: tuple[Column, ...]
    rows: tuple[Column, ...]
    declared: Callable[[Names], Declared] = _nothing
    drafts: bool = False
    with_vat: bool = False

    def with_columns(self, *columns: Column, instead: Sequence[str] = ()) -> Meaning:
        """With other columns of the invoice at the end, `instead` of some."""
        return replace(self, own=_exchanged(self.own, columns, instead))

    def with_row_columns(self, *columns: Column, instead: Sequence[str] = ()) -> Meaning:
        """With other columns of the row at the end, `instead` of some."""
        return replace(self, rows=_exchanged(self.rows, columns, instead))

    def declaring(self, declared: Callable[[Names], Declared]) -> Meaning:
        """With these declarations, beside those it has."""
        had = self.declared
        return replace(self, declared=lambda name: merged(had(name), declared(name)))


def merged(one: Declared, other: Declared) -> Declared:
    """The declarations of two."""
    both = dict(one)
    for section, content in other.items():
        if isinstance(content, list):
            both[section] = [*both.get(section, []), *content]
        else:
            both[section] = {**both.get(section, {}), **content}
    return both


def _exchanged(had: Sequence[Column], new: Sequence[Column], instead: Sequence[str]) -> tuple[Column, ...]:
    assert {*instead} <= {each.header for each in had}
    return (*(each for each in had if each.header not in instead), *new)


def _minus(bill: Invoice, value: Decimal) -> Decimal:
    return -value if bill.credit and value else value


def _percent(row: Row) -> str:
    return comma(row.discount) if row.discount else ""


PLAIN = Meaning(
    own=(
        Column("Laskunumero", "billnum", lambda bill: str(bill.number)),
        Column("Laskupäivä", "billdate", lambda bill: day(bill.billdate)),
        Column("Eräpäivä", "paydate", lambda bill: day(bill.paydate)),
        Column("Asiakasnumero", "custnum", lambda bill: bill.customer.number),
        Column(
            "Asiakastyyppi",
            "customertype",
            lambda bill: "Yritys" if bill.customer.company else "Kuluttaja",
        ),
        Column("Nimi", "name", lambda bill: bill.customer.name),
        Column("Y-tunnus", "govid", lambda bill: bill.customer.govid),
        Column("Osoite", "address", lambda bill: bill.customer.address),
        Column("Postinumero", "postcode", lambda bill: bill.customer.postcode),
        Column("Postitoimipaikka", "city", lambda bill: bill.customer.city),
        Column("Kieli", "language", lambda _: "fin"),
    ),
    rows=(
        Column("Tuote", "payrow.desc", lambda _, row: row.desc),
        Column("Määrä", "payrow.count", lambda _, row: comma(row.count)),
        Column("Yksikkö", "payrow.itemtype", lambda _, row: row.unit),
        Column("Veroton hinta", "payrow.amount", lambda bill, row: comma(_minus(bill, row.price))),
        Column("Alennus-%", "payrow.discount", lambda _, row: _percent(row)),
        Column("ALV %", "payrow.taxpr", lambda _, row: comma(row.rate)),
    ),
)
"""What is understood without any profile, in the standard shape."""

PRICE = Column("Veroton hinta", "payrow.amount", lambda _, row: comma(row.price))
CODES = {"25.5": "S1", "13.5": "S2", "10": "S3"}
UNITS = {"h": "tunti", "kpl": "kappale", "kk": "kuukausi", "m": "metri"}
NET = Column("Veroton summa", "row.net", lambda bill, row: comma(_minus(bill, row.net)))
VAT = Column("Veron osuus", "row.vat", lambda bill, row: comma(_minus(bill, row.vat)))
GROSS = Column("Rivi yhteensä", "row.gross", lambda bill, row: comma(_minus(bill, row.gross)))
WITH_VAT = Column(
    "Verollinen hinta", "payrow.amount", lambda bill, row: comma(_minus(bill, row.price_with_vat))
)


def _off(row: Row) -> str:
    """The discount in money off the whole row: what is missing from the sum before it."""
    return comma(cents(row.before) - row.net) if row.discount else ""


def _off_unit(row: Row) -> str:
    return comma((row.price * row.discount / 100).normalize()) if row.discount else ""


def _mixed_price(bill: Invoice, row: Row) -> str:
    return comma(_minus(bill, row.price_with_vat if _is_mixed_gross(row) else row.price))


def _is_mixed_gross(row: Row) -> bool:
    return row.rate == Decimal("25.5")


MINUS_AT_PRICE = PLAIN.declaring(lambda _: {"prices": {"minus": "price"}})
MINUS_AT_QUANTITY = PLAIN.with_row_columns(
    PRICE,
    Column("Määrä", "payrow.count", lambda bill, row: comma(_minus(bill, row.count))),
    instead=["Määrä", "Veroton hinta"],
).declaring(lambda _: {"prices": {"minus": "quantity"}})
MINUS_AT_TOTAL = PLAIN.with_row_columns(PRICE, NET, instead=["Veroton hinta"]).declaring(
    lambda _: {"prices": {"minus": "total"}}
)
MINUS_IN_COLUMN = (
    PLAIN.with_row_columns(PRICE, instead=["Veroton hinta"])
    .with_columns(Column("Laji", "credit", lambda bill: "H" if bill.credit else "L"))
    .declaring(lambda _: {"prices": {"minus": "column"}, "values": {"credit": {"H": "1", "L": "0"}}})
)
MINUS_BY_CONDITION = (
    PLAIN.with_row_columns(PRICE, instead=["Veroton hinta"])
    .with_columns(Column("Laji", "", lambda bill: "Hyvitys" if bill.credit else "Lasku"))
    .declaring(
        lambda name: {
            "prices": {"minus": "column"},
            "set": [{"when": {name("Laji"): ["Hyvitys", "H"]}, "to": {"credit": "1"}}],
        }
    )
)
VAT_BY_CODE = PLAIN.with_row_columns(
    Column("ALV-koodi", "payrow.taxpr", lambda _, row: CODES[str(row.rate)]), instead=["ALV %"]
).declaring(lambda _: {"values": {"payrow.taxpr": {code: rate for rate, code in CODES.items()}}})
VAT_BY_SUMS = PLAIN.with_row_columns(NET, VAT, GROSS, instead=["ALV %"]).declaring(
    lambda _: {"prices": {"rate": "sums"}}
)
ONLY_SUMS = PLAIN.with_row_columns(NET, GROSS, instead=["ALV %", "Veroton hinta"]).declaring(
    lambda _: {"prices": {"rate": "sums"}}
)
DISCOUNT_OFF_ROW = PLAIN.with_row_columns(
    Column("Alennus euroa", "row.discount", lambda _, row: _off(row)), instead=["Alennus-%"]
).declaring(lambda _: {"prices": {"discount": "row"}})
DISCOUNT_OFF_UNIT = PLAIN.with_row_columns(
    Column("Alennus euroa", "row.discount", lambda _, row: _off_unit(row)), instead=["Alennus-%"]
).declaring(lambda _: {"prices": {"discount": "unit"}})
NAMES_JOINED = PLAIN.with_columns(
    Column("Yhtiö", "company", lambda bill: bill.customer.company),
    Column("Kutsumanimi", "", lambda bill: bill.customer.first),
    Column("Sukunimensä", "", lambda bill: bill.customer.last),
    instead=["Nimi"],
).declaring(lambda name: {"texts": {"person": f"{{{name('Kutsumanimi')}}} {{{name('Sukunimensä')}}}"}})
ADDRESS_SPLIT = PLAIN.with_columns(
    Column("Postilokero", "", lambda bill: f"{bill.customer.postcode} {bill.customer.city}"),
    instead=["Postinumero", "Postitoimipaikka"],
).declaring(
    lambda name: {
        "split": [{"column": name("Postilokero"), "pattern": r"(\d{5})\s+(.+)", "into": ["postcode", "city"]}]
    }
)
VALUE_MAPS = (
    PLAIN.with_columns(
        Column("Asiakaslaji", "customertype", lambda bill: "Y" if bill.customer.company else "muu"),
        instead=["Asiakastyyppi"],
    )
    .with_row_columns(Column("Yks", "payrow.itemtype", lambda _, row: UNITS[row.unit]), instead=["Yksikkö"])
    .declaring(
        lambda _: {
            "values": {
                "customertype": {"Y": "1", "*": "2"},
                "payrow.itemtype": {theirs: ours for ours, theirs in UNITS.items()},
            }
        }
    )
)
CONDITIONS = PLAIN.with_columns(
    Column("Lajitunnus", "", lambda bill: "B2B" if bill.customer.company else "B2C"),
    instead=["Asiakastyyppi"],
).declaring(
    lambda name: {
        "set": [
            {"when": {name("Lajitunnus"): "B2B"}, "to": {"customertype": "1"}},
            {"when": {name("Lajitunnus"): ["B2C", ""]}, "to": {"customertype": "2"}},
        ]
    }
)
CONSTANTS = PLAIN.with_columns(instead=["Kieli"]).declaring(lambda _: {"constants": {"language": "fin"}})
EXPRESSION = PLAIN.with_row_columns(
    Column("Tuhannesosina", "", lambda bill, row: str(int(_minus(bill, row.price) * 1000))),
    instead=["Veroton hinta"],
).declaring(
    lambda name: {"expressions": {"payrow.amount": f'number(cell("{name("Tuhannesosina")}")) / 1000'}}
)
LEFT_OUT = replace(PLAIN, drafts=True).with_columns(
    Column("Tila", "", lambda bill: "Luonnos" if bill.draft else "Lähetetty")
)
LEFT_OUT = LEFT_OUT.declaring(
    lambda name: {"leave_out": [{"when": {name("Tila"): ["luonnos", "kesken"]}, "reason": "draft"}]}
)
OTHER_SIGNS = (
    PLAIN.with_columns(
        Column("Laskupäivä", "billdate", lambda bill: f"{bill.billdate:%m/%d/%Y}"),
        Column("Eräpäivä", "paydate", lambda bill: f"{bill.paydate:%m/%d/%Y}"),
        instead=["Laskupäivä", "Eräpäivä"],
    )
    .with_row_columns(
        Column("Veroton hinta", "payrow.amount", lambda bill, row: f"{_minus(bill, row.price):,}"),
        Column("Määrä", "payrow.count", lambda _, row: str(row.count)),
        Column("Alennus-%", "payrow.discount", lambda _, row: str(row.discount or "")),
        Column("ALV %", "payrow.taxpr", lambda _, row: f"{row.rate} %"),
        instead=["Veroton hinta", "Määrä", "Alennus-%", "ALV %"],
    )
    .declaring(lambda _: {"conventions": {"decimal": ".", "date": "mdy"}})
)
PRICES_WITH_VAT = replace(
    PLAIN.with_row_columns(WITH_VAT, instead=["Veroton hinta"]).declaring(
        lambda _: {"prices": {"vat": "included", "rounding_row": "Pyöristys"}}
    ),
    with_vat=True,
)
SOME_WITH_VAT = replace(
    PLAIN.with_row_columns(
        Column("Hinta", "payrow.amount", _mixed_price),
        Column("B/N", "row.included", lambda _, row: "B" if _is_mixed_gross(row) else "N"),
        instead=["Veroton hinta"],
    ).declaring(lambda _: {"prices": {"vat": "column"}, "values": {"row.included": {"B": "1", "N": "0"}}}),
    with_vat=True,
)
MANY_AT_ONCE = (
    replace(ADDRESS_SPLIT, drafts=True)
    .with_columns(
        Column("Laji", "", lambda bill: "H" if bill.credit else "L"),
        Column("Tila", "", lambda bill: "Luonnos" if bill.draft else "Lähetetty"),
        Column("Yhtiö", "company", lambda bill: bill.customer.company),
        Column("Kutsumanimi", "", lambda bill: bill.customer.first),
        Column("Sukunimensä", "", lambda bill: bill.customer.last),
        instead=["Nimi", "Asiakastyyppi", "Kieli"],
    )
    .with_row_columns(
        PRICE,
        Column("ALV-koodi", "payrow.taxpr", lambda _, row: CODES[str(row.rate)]),
        Column("Alennus euroa", "row.discount", lambda _, row: _off(row)),
        Column("Yks", "payrow.itemtype", lambda _, row: UNITS[row.unit]),
        instead=["Veroton hinta", "ALV %", "Alennus-%", "Yksikkö"],
    )
    .declaring(LEFT_OUT.declared)
    .declaring(NAMES_JOINED.declared)
    .declaring(VAT_BY_CODE.declared)
    .declaring(MINUS_BY_CONDITION.declared)
    .declaring(DISCOUNT_OFF_ROW.declared)
    .declaring(CONSTANTS.declared)
    .declaring(
        lambda _: {
            "values": {"payrow.itemtype": {theirs: ours for ours, theirs in UNITS.items()}},
            "conventions": {"decimal": ",", "date": "dmy"},
        }
    )
)

MEANINGS = {
    "plain": PLAIN,
    "minus at price": MINUS_AT_PRICE,
    "minus at quantity": MINUS_AT_QUANTITY,
    "minus at total": MINUS_AT_TOTAL,
    "minus in a column": MINUS_IN_COLUMN,
    "minus by condition": MINUS_BY_CONDITION,
    "VAT by code": VAT_BY_CODE,
    "VAT by sums": VAT_BY_SUMS,
    "sums without prices": ONLY_SUMS,
    "discount off the row": DISCOUNT_OFF_ROW,
    "discount off the unit": DISCOUNT_OFF_UNIT,
    "names joined": NAMES_JOINED,
    "address split": ADDRESS_SPLIT,
    "value maps": VALUE_MAPS,
    "conditions": CONDITIONS,
    "constants": CONSTANTS,
    "expression": EXPRESSION,
    "drafts left out": LEFT_OUT,
    "other signs": OTHER_SIGNS,
    "prices with VAT": PRICES_WITH_VAT,
    "some prices with VAT": SOME_WITH_VAT,
    "many at once": MANY_AT_ONCE,
}


# -- where they lie --------------------------------------------------------------------------------


class Export(NamedTuple):
    """What a shape made: the files to read, and the profile that reads them."""

    inputs: list[Path]
    declared: Declared


@dataclass(frozen=True)
class Told:
    """Invoices under a meaning: their cells."""

    meaning: Meaning
    bills: Sequence[Invoice]

    def own(self, bill: Invoice) -> list[str]:
        """The invoice's own cells."""
        return [column.cell(bill) for column in self.meaning.own]

    def rows(self, bill: Invoice) -> Rows:
        """The cells of its rows."""
        return [[column.cell(bill, row) for column in self.meaning.rows] for row in bill.rows]

    @property
    def own_headers(self) -> list[str]:
        """The headers of the invoice."""
        return [column.header for column in self.meaning.own]

    @property
    def row_headers(self) -> list[str]:
        """The headers of the row."""
        return [column.header for column in self.meaning.rows]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the invoice, and then those of the row."""
        return (*self.meaning.own, *self.meaning.rows)

    def full_rows(self) -> Rows:
        """Each row with the invoice's cells."""
        return [self.own(bill) + row for bill in self.bills for row in self.rows(bill)]


def told(meaning: Meaning) -> Told:
    """The thirty under a meaning, with the drafts if it can say that they are such."""
    return Told(meaning, ALL if meaning.drafts else THIRTY)


def by_header(this: Told, **more: Any) -> Declared:
    """The profile where columns are known by their headers."""
    declared = {"columns": {column.header: column.field for column in this.columns}}
    return merged(merged(declared, this.meaning.declared(str)), more)


def standard(this: Told, folder: Path) -> Export:
    """Everything on every row."""
    path = write_csv(folder / "export.csv", [this.own_headers + this.row_headers, *this.full_rows()])
    return Export([path], by_header(this))


def first_row_only(this: Told, folder: Path) -> Export:
    """The invoice's own cells on its first row only."""
    rows = []
    for bill in this.bills:
        own = this.own(bill)
        for row in this.rows(bill):
            rows.append(own + row)
            own = [""] * len(own)
    path = write_csv(folder / "export.csv", [this.own_headers + this.row_headers, *rows])
    return Export([path], by_header(this, reading={"carry": True}))


def _two_tables(this: Told) -> tuple[Rows, Rows]:
    bills = [this.own_headers, *(this.own(bill) for bill in this.bills)]
    rows = [[str(bill.number), *row] for bill in this.bills for row in this.rows(bill)]
    return bills, [["Laskunumero", *this.row_headers], *rows]


def two_sheets(this: Told, folder: Path) -> Export:
    """A workbook with a sheet of invoices and one of their rows, that of the rows first."""
    bills, rows = _two_tables(this)
    path = write_workbook(folder / "export.xlsx", {"Rivit": rows, "Laskut": bills})
    tables = [{"part": "invoices", "sheet": "Laskut"}, {"part": "rows", "sheet": "Rivit"}]
    return Export([path], by_header(this, tables=tables))


FILES = [{"part": "invoices", "file": "laskut*"}, {"part": "rows", "file": "rivit*"}]


def two_files(this: Told, folder: Path) -> Export:
    """A file of invoices and one of their rows."""
    bills, rows = _two_tables(this)
    paths = [write_csv(folder / "rivit.csv", rows), write_csv(folder / "laskut.csv", bills)]
    return Export(paths, by_header(this, tables=FILES))


def archive(this: Told, folder: Path) -> Export:
    """Those two in an archive."""
    paths, declared = two_files(this, folder)
    with zipfile.ZipFile(folder / "exports.zip", "w") as packed:
        for path in paths:
            packed.write(path, path.name)
    return Export([folder / "exports.zip"], declared)


def several_files(this: Told, folder: Path) -> Export:
    """A folder of three files in the standard shape, a text file, a workbook and an archive."""
    inside = folder / "exports"
    inside.mkdir()
    parts = [replace(this, bills=this.bills[at::3]) for at in range(3)]
    one, two, three = ([part.own_headers + part.row_headers, *part.full_rows()] for part in parts)
    write_csv(inside / "10.csv", one)
    write_workbook(inside / "2.xlsx", {"Taul1": two})
    member = write_csv(folder / "3.csv", three)
    with zipfile.ZipFile(folder / "3.zip", "w") as packed:
        packed.write(member, "3.csv")
    return Export([inside, folder / "3.zip"], by_header(this))


def records(this: Told, folder: Path) -> Export:
    """Customers, invoices and rows as records of their own, each below what it belongs to."""
    of_customer = {"custnum", "customertype", "name", "company", "person", "govid", "address", "city"}
    kinds = {
        "A": [each for each in this.meaning.own if each.field in of_customer],
        "L": [each for each in this.meaning.own if each.field not in of_customer],
        "R": list(this.meaning.rows),
    }
    lines: Rows = [["0", "alku"]]
    for bill in this.bills:
        lines += [[mark, *(column.cell(bill) for column in kinds[mark])] for mark in ("A", "L")]
        lines += [["R", *row] for row in this.rows(bill)]
    declared = [
        {
            "mark": mark,
            "fields": len(columns) + 1,
            "columns": {str(at): each.field or f"@{each.header}" for at, each in enumerate(columns, 2)},
        }
        for mark, columns in kinds.items()
    ]
    fields = {each.header: each.field or f"@{each.header}" for each in this.columns}
    path = write_csv(folder / "export.txt", lines)
    return Export(
        [path],
        merged(
            {"records": [*declared, {"mark": "0", "ignored": True}]},
            this.meaning.declared(fields.__getitem__),
        ),
    )


def positions(this: Told, folder: Path) -> Export:
    """No header."""
    path = write_csv(folder / "export.csv", this.full_rows())
    at = {column.header: str(number) for number, column in enumerate(this.columns, 1)}
    reading = {"header": False, "fields": len(at)}
    columns = {at[column.header]: column.field for column in this.columns if column.field}
    return Export(
        [path], merged({"reading": reading, "columns": columns}, this.meaning.declared(at.__getitem__))
    )


def two_header_rows(this: Told, folder: Path) -> Export:
    """A title, groups of columns, and their names below, in a workbook."""
    groups = ["Lasku", *[""] * (len(this.own_headers) - 1), "Rivi", *[""] * (len(this.row_headers) - 1)]
    rows = [["Laskut 2026"], [], groups, this.own_headers + this.row_headers, *this.full_rows()]
    path = write_workbook(folder / "export.xlsx", {"Taul1": rows})
    full = {header: f"Lasku {header}" for header in this.own_headers}
    full |= {header: f"Rivi {header}" for header in this.row_headers}
    columns = {full[column.header]: column.field for column in this.columns}
    declared = {"reading": {"header_rows": 2, "header_row": 4}, "columns": columns}
    return Export([path], merged(declared, this.meaning.declared(full.__getitem__)))


def repeated(this: Told, folder: Path) -> Export:
    """An invoice a row, and groups of columns for its rows."""
    most = max(len(bill.rows) for bill in this.bills)
    groups = [f"{header} {n}" for n in range(1, most + 1) for header in this.row_headers]
    hollow = [""] * len(this.row_headers)
    rows = []
    for bill in this.bills:
        own_rows = (this.rows(bill) + [hollow] * most)[:most]
        rows.append(this.own(bill) + [cell for row in own_rows for cell in row])
    path = write_csv(folder / "export.csv", [this.own_headers + groups, *rows])
    name = {header: header for header in this.own_headers}
    name |= {header: f"{header} {{n}}" for header in this.row_headers}
    columns = {name[column.header]: column.field for column in this.columns}
    return Export([path], merged({"columns": columns}, this.meaning.declared(name.__getitem__)))


SHAPES: dict[str, Callable[[Told, Path], Export]] = {
    "standard": standard,
    "first row only": first_row_only,
    "two sheets": two_sheets,
    "two files": two_files,
    "archive": archive,
    "several files": several_files,
    "records": records,
    "positions": positions,
    "two header rows": two_header_rows,
    "repeated columns": repeated,
}


# -- the sum only ----------------------------------------------------------------------------------

_CONSTANT = {"payrow.desc": "Palvelut", "payrow.count": "1", "payrow.itemtype": "kpl", "payrow.taxpr": "25,5"}
SUMS = tuple(
    bill._replace(
        rows=(Row("Palvelut", Decimal(1), "kpl", Decimal(10 * at + 7) / 4, Decimal("25.5"), Decimal(0)),)
    )
    for at, bill in enumerate(ALL)
)
"""The same with one row each, of which only the sum tells."""
NOT_OF_SUMS = {"minus at quantity", "VAT by code", "value maps", "many at once", "discount off the unit"}
"""What needs a column that is not there."""


def sums(meaning: Meaning) -> Told:
    """The invoices with sums only under a meaning, in the standard shape."""
    return Told(meaning, [bill for bill in SUMS if meaning.drafts or not bill.draft])


def sum_only(this: Told, folder: Path) -> Export:
    """A row an invoice with its sum; the rest is said by constants."""
    rows = tuple(each for each in this.meaning.rows if each.field not in _CONSTANT)
    constants = {each.field: _CONSTANT[each.field] for each in this.meaning.rows if each.field in _CONSTANT}
    short = replace(this, meaning=replace(this.meaning, rows=rows))
    return standard(
        replace(short, meaning=short.meaning.declaring(lambda _: {"constants": constants})), folder
    )


# -- files -----------------------------------------------------------------------------------------


def write_csv(path: Path, rows: Iterable[Sequence[str]], encoding: str = "utf-8") -> Path:
    """A text file of those rows."""
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=";", lineterminator="\r\n").writerows(rows)
    path.write_bytes(stream.getvalue().encode(encoding))
    return path


def write_workbook(path: Path, sheets: dict[str, Rows]) -> Path:
    """A workbook of those sheets, with numbers and dates as such."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append([_typed(cell) for cell in row])
    book.save(path)
    return path


def _typed(text: str) -> str | float | int | dt.date | None:
    if re.fullmatch(r"-?[0-9]+,[0-9]+", text):
        return float(text.replace(",", "."))
    if re.fullmatch(r"-?[1-9][0-9]{0,5}", text):
        return int(text)
    if re.fullmatch(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", text):
        return dt.datetime.strptime(text, "%d.%m.%Y")  # noqa: DTZ007 - Excel's dates have no time zone
    return text or None
