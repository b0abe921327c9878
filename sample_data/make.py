"""Writes the sample files of this folder, always the same bytes: `python sample_data/make.py`.

What the files tell lies in `content/`; what each is for, in `README.md`. Sums and reference numbers
are computed here, not by the pipeline, so that they are a check of it.
"""

from __future__ import annotations

import csv
import io
import tomllib
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import xlsxwriter
from stdnum import luhn
from xlsxwriter.utility import xl_cell_to_rowcol

FOLDER = Path(__file__).parent
MADE = datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
"""When every workbook says it was made: the clock must not show in the files."""

Row = dict[str, Any]
"""One row of an export by field (an API tag, or `name`, `check.total`, `warehouse`)."""
Book = dict[str, Any]
"""A file of `content/`: columns, customers, products and how invoices are made of them."""


class Cell(NamedTuple):
    """A cell's value and how it is shown; `kind` is a key of `NUMBER_FORMATS`, "" for as it is."""

    value: str | int | Decimal | date | None
    kind: str = ""


class Style(NamedTuple):
    """How a country writes numbers and dates as text."""

    minus: str
    thousands: str
    decimal: str
    percent: str
    date: str


class Mistake(NamedTuple):
    """A cell of `mistakes.xlsx` that is wrong: in which invoice, its finding's code, what stands there."""

    cell: str
    billnum: str
    code: str
    content: Cell
    severity: str = "error"


Grid = list[list[Cell]]
EMPTY = Cell(None)

NUMBER_FORMATS = {
    "date": "d.m.yyyy",
    "iso": "yyyy-mm-dd",
    "postcode": "00000",
    "price": "#,##0.00##",
    "sum": "#,##0.00",
    "percent": "0.0 %",
}
KINDS = {
    "billdate": "date",
    "paydate": "date",
    "deliverydate": "date",
    "postcode": "postcode",
    "payrow.amount": "price",
    "payrow.taxpr": "percent",
    "payrow.discount": "percent",
    "check.total": "sum",
}
PAYROW = ("desc", "itemtype", "amount", "taxpr", "discount")
"""What an invoice row takes from its product."""

FINNISH = Style("-", "\N{NO-BREAK SPACE}", ",", "{:.1f} %", "{0.day}.{0.month}.{0.year}")
SWEDISH = Style("\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}", ",", "{:.0f} %", "{:%Y-%m-%d}")
ENGLISH = Style("-", ",", ".", "{:.1f}%", "{:%Y-%m-%d}")

# Each stands in an invoice of its own, all cells of which are right otherwise.
MISTAKES = (
    Mistake("L7", "262002", "field-missing", EMPTY),
    Mistake("D10", "262004", "paydate-before-billdate", Cell(date(2026, 9, 4), "date")),
    Mistake("V11", "262005", "number-form", Cell("abc")),
    Mistake("D14", "262007", "date-impossible", Cell("31.11.2026")),
    Mistake("W15", "262008", "value-form", Cell(Decimal(250), "percent")),
    Mistake("V17", "262009", "error-cell", Cell("=NA()", "error")),
    Mistake("V19", "262011", "formula-not-computed", Cell("=V10/50", "formula")),
    Mistake("F22", "262013", "digits-lost", Cell(12345678901234567890)),
    Mistake("V23", "262014", "number-ambiguous", Cell("1.234")),
    Mistake("H25", "262015", "contradiction", Cell("Tuula Mallikas")),
    Mistake("Y26", "262016", "sum-disagrees", Cell(Decimal("1427.60"), "sum")),
    Mistake("J27", "262017", "business-id-check-digit", Cell("9909361-4"), "warning"),
    Mistake("I31", "262020", "customertype-unknown", EMPTY),
)


# What an export holds


def content(name: str) -> Book:
    """A file of `content/`, its decimal numbers as `Decimal`."""
    text = (FOLDER / "content" / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text, parse_float=Decimal)


def cents(value: Decimal) -> Decimal:
    """The value rounded to 0.01, halves away from zero."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def row_total(row: Row) -> Decimal:
    """A row's total with VAT: count × price × (1 - discount) in cents, and the VAT of that in cents."""
    share = 1 - (row.get("payrow.discount") or Decimal(0)) / 100
    net = cents(row["payrow.count"] * row["payrow.amount"] * share)
    return net + cents(net * row["payrow.taxpr"] / 100)


def viitenumero(number: int) -> str:
    """A Finnish reference number: the number and its check digit, by weights 7, 3, 1 from the right."""
    weights = cycle((7, 3, 1))
    return f"{number}{-sum(int(digit) * next(weights) for digit in reversed(str(number))) % 10}"


def ocr(number: int) -> str:
    """A Swedish payment reference: the number and its Luhn check digit."""
    return f"{number}{luhn.calc_check_digit(str(number))}"


def invoices(book: Book, first: int, number: int, *, billnum: str = "") -> list[list[Row]]:
    """October's invoices out of the book's customers and products: the rows of each.

    They take customers and products in turn, so that the same come out every time. `first` is
    the first invoice's number, `billnum` what stands before it (with it, bill numbers are texts).
    """
    products = cycle(book["products"])
    reference = ocr if "Moms %" in dict(book["columns"]) else viitenumero
    made = []
    for n, customer, size in zip(
        range(number), cycle(book["customers"]), cycle(book["rows_of_an_invoice"]), strict=False
    ):
        billdate = date(2026, 10, 1) + timedelta(days=30 * n // number)
        head = customer | {
            "billnum": f"{billnum}{first + n}" if billnum else first + n,
            "billdate": billdate,
            "deliverydate": billdate - timedelta(days=n % 3 if billdate.day > 2 else 0),
            "paydate": billdate + timedelta(days=book["days_to_pay"][customer["type"]]),
            "billcode": reference(first + n),
            customer["type"]: customer["name"],
            "customertype": book.get("types", {}).get(customer["type"]),
        }
        rows = []
        for _ in range(size):
            # The customer's own VAT rate goes before the product's (a customer abroad has 0).
            product = next(products)
            amounts = {f"payrow.{tag}": value for tag, value in (product | customer).items() if tag in PAYROW}
            pieces = product["counts"][n % len(product["counts"])]
            row = head | amounts | {"payrow.count": Decimal(pieces)}
            rows.append(row | {"check.total": row_total(row), "warehouse": product.get("warehouse")})
        made.append(rows)
    return made


# From rows to cells


def cells(book: Book, row: Row) -> list[Cell]:
    """The row as the book's columns show it; a Finnish postcode is a number, as in many exports."""
    made = []
    for _, field in book["columns"]:
        value, kind = row.get(field), KINDS.get(field, "")
        if kind == "postcode" and isinstance(value, str) and value.isdecimal():
            value = int(value)
        made.append(Cell(value, kind))
    return made


def headers(book: Book) -> list[Cell]:
    """The header row."""
    return [Cell(header) for header, _ in book["columns"]]


def finnish_sheet(book: Book, *blocks: list[list[Row]]) -> Grid:
    """The sheet of an accounting system: from column B on, titles, header in row 5, blocks, total row."""
    grid: Grid = [[], *([Cell(title)] for title in book["title"]), [], headers(book)]
    for number, block in enumerate(blocks):
        grid += [[]] * bool(number) + [cells(book, row) for invoice in block for row in invoice]
    total = sum((row["check.total"] for block in blocks for invoice in block for row in invoice), Decimal(0))
    fields = [field for _, field in book["columns"]]
    last = [EMPTY] * len(fields)
    last[0] = Cell(book["total_word"])
    last[fields.index("check.total")] = Cell(total, "sum")
    grid.append(last)
    return [[EMPTY, *row] if row else [] for row in grid]


def october() -> Grid:
    """The sheet of `invoices.xlsx` and its CSV twin."""
    book = content("finnish")
    made = invoices(book, 261001, 40)
    return finnish_sheet(book, made[:19], made[19:])


def mistaken() -> Grid:
    """The sheet of `mistakes.xlsx`: twenty invoices, and `MISTAKES` written over their cells."""
    book = content("finnish")
    grid = finnish_sheet(book, invoices(book | {"rows_of_an_invoice": [1, 1, 2]}, 262001, 20))
    for mistake in MISTAKES:
        row, column = xl_cell_to_rowcol(mistake.cell)
        grid[row][column] = mistake.content
    return grid


def everything() -> Grid:
    """The sheet of `everything.xlsx`: an invoice's own fields stand on its first row only."""
    book = content("everything")
    grid = [headers(book)]
    for entry in book["invoices"]:
        head = book["debtors"][entry["debtor"]] | paths(entry)
        for row in entry.get("rows", [{}]):
            fields = head | {f"payrow.{tag}": value for tag, value in row.items()}
            grid.append([Cell(fields.get(path)) for _, path in book["columns"]])
            head = {"billnum": entry["billnum"]}
    return grid


def paths(entry: Row, above: str = "") -> Row:
    """A nested table as one of paths: `{"payplan.instalment1.date": …}`."""
    flat: Row = {}
    for key, value in entry.items():
        flat |= paths(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return flat


def plain(name: str) -> Grid:
    """A sheet of `plain.toml`, told cell by cell."""
    told = content("plain")[name]
    return [
        [Cell(None if value == "" else value) for value in row] for row in (told["headers"], *told["rows"])
    ]


def plain_sheet(book: Book, made: list[list[Row]]) -> Grid:
    """A header and rows from A1 on."""
    return [headers(book), *(cells(book, row) for invoice in made for row in invoice)]


# From cells to files


def shown(cell: Cell, style: Style) -> str:
    """The cell's text as a person of that country sees it."""
    value, kind = cell
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, date):
        return style.date.format(value)
    if kind == "postcode":
        return f"{value:05d}"
    if kind == "percent":
        return style.percent.format(value).replace(".", style.decimal)
    money = kind in {"price", "sum"}
    whole, _, fraction = f"{value:{',.4f' if money else ''}}".partition(".")
    if money:
        fraction = fraction.rstrip("0").ljust(2, "0")
    number = whole.replace(",", style.thousands) + (style.decimal + fraction if fraction else "")
    return number.replace("-", style.minus)


def as_text(grid: Grid, style: Style) -> Grid:
    """The grid with each cell as the text that it shows."""
    return [[Cell(shown(cell, style) or None) for cell in row] for row in grid]


def delimited(grid: Grid, style: Style, encoding: str) -> bytes:
    """The grid as Excel saves it as CSV in that country: `;` between cells, every row of one width."""
    width = max(map(len, grid))
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";")
    for row in grid:
        writer.writerow([shown(cell, style) for cell in row] + [""] * (width - len(row)))
    return file.getvalue().encode(encoding)


def workbook(sheets: dict[str, Grid]) -> bytes:
    """A workbook of those sheets."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        book.set_properties({"created": MADE, "author": "sample_data/make.py"})
        formats = {kind: book.add_format({"num_format": code}) for kind, code in NUMBER_FORMATS.items()}
        for name, grid in sheets.items():
            sheet = book.add_worksheet(name)
            for row, line in enumerate(grid):
                for column, cell in enumerate(line):
                    write(sheet, row, column, cell, formats)
            sheet.autofit()
    return file.getvalue()


def write(sheet: Any, row: int, column: int, cell: Cell, formats: dict[str, Any]) -> None:
    """Write one cell; a `formula` is one that nobody has computed yet, an `error` has come to nothing."""
    value, kind = cell
    look = formats.get(kind)
    if kind == "formula":
        sheet.write_formula(row, column, value, look, "")
    elif kind == "error":
        sheet.write_formula(row, column, value, look, "#N/A")
    elif isinstance(value, str):
        sheet.write_string(row, column, value)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, look or formats["iso"])
    elif value is not None:
        sheet.write_number(row, column, float(value / 100 if kind == "percent" else value), look)


def pdf(*lines: str) -> bytes:
    """A PDF of one A4 page with those lines, and margins of 2.5 cm (Ropo One asks for 2 at least)."""
    text = "\n".join(f"({line}) Tj T*" for line in lines)
    drawing = f"BT /F1 12 Tf 16 TL 72 758 Td\n{text}\nET"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
        f"<< /Length {len(drawing)} >>\nstream\n{drawing}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        "<< /Font << /F1 5 0 R >> >>",
    )
    file = "%PDF-1.4\n"
    places = []
    for number, each in enumerate(objects, start=1):
        places.append(len(file))
        file += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    file += (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(file)}\n%%EOF\n"
    )
    return file.encode("cp1252")


# All files


def files() -> dict[str, bytes]:
    """Every sample file's bytes by its name."""
    english, swedish = content("english"), content("swedish")
    english_sheet = plain_sheet(english, invoices(english, 101, 10, billnum="INV-2026-"))
    cover = [[Cell(line)] for line in english["cover"]]
    return {
        "invoices.xlsx": workbook({"Myyntilaskut": october()}),
        "invoices.csv": delimited(october(), FINNISH, "cp1252"),
        "invoices-en.xlsx": workbook({"About": cover, "Invoices": as_text(english_sheet, ENGLISH)}),
        "invoices-sv.csv": delimited(plain_sheet(swedish, invoices(swedish, 70101, 8)), SWEDISH, "utf-8-sig"),
        "mistakes.xlsx": workbook({"Myyntilaskut": mistaken()}),
        "everything.xlsx": workbook({"Invoices": everything()}),
        "attachments/specification.pdf": pdf("Specification", "All of it is made up."),
        **{name: plain_file(name) for name in content("plain")},
    }


def plain_file(name: str) -> bytes:
    """A file of `plain.toml`, in the format that its name ends with."""
    if name.endswith(".xlsx"):
        return workbook({"Sheet1": plain(name)})
    return delimited(plain(name), FINNISH, "cp1252")


def main() -> None:
    """Write every file, and say which."""
    for name, written in files().items():
        path = FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(written)
        print(f"{name}: {len(written):,} bytes")


if __name__ == "__main__":
    main()
