"""Builds the exports that are measured, from a seed, once: they stay in `.cache` beside this file.

One row per invoice row, invoice fields repeated; 10 rows in 3 invoices, 30 columns, decimal comma,
`1.2.2026`, Windows-1252 with `;`. Every value follows from the invoice's number and the seed, so that a
file of any size is written as a stream, and its rows in any order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import xlsxwriter

SEED = 20261120
CACHE = Path(__file__).parent / ".cache"
KINDS = ("plain", "wrong", "scattered")
"""All right; every other invoice wrong; the rows of each invoice as far apart as the file allows."""

HEADER = [
    *("Laskunumero", "Laskupäivä", "Eräpäivä", "Toimituspäivä", "Viitenumero", "Asiakasnumero", "Nimi"),
    *("Y-tunnus", "ALV-tunnus", "Osoite", "Postinumero", "Postitoimipaikka", "Maa", "Sähköposti", "Puhelin"),
    *("Verkkolaskuosoite", "Välittäjätunnus", "Kieli", "Viitteenne", "Viitteemme", "Tilausnumero"),
    *("Lisätiedot", "Viivästyskorko", "Selite", "Määrä", "Yksikkö", "À-hinta", "ALV %", "Alennus %"),
    "Veroton summa",
]
_ROWS_OF = (1, 2, 3, 4, 5, 5)  # rows of an invoice: 20 in 6 invoices
_CUSTOMERS = 20_000
_STREETS = ("Mäkelänkatu", "Hämeentie", "Itäinen Pitkäkatu", "Kauppakatu", "Rantatie", "Asemakatu")
_CITIES = (("00100", "HELSINKI"), ("20100", "TURKU"), ("33100", "TAMPERE"), ("65100", "VAASA"))
_PRODUCTS = (
    "Hieronta",
    "Siivous, viikko",
    "Työ",
    "Matkakulut",
    "Lisenssi 12 kk",
    "Ylläpito",
    "Varaosa Ø 20 mm",
)
_UNITS = ("kpl", "h", "kk")
_RATES = ("25,5", "13,5", "10", "0")
_DAY_ONE = dt.date(2026, 10, 1)
_WRONG = {  # what every other invoice has wrong, in turn
    "Eräpäivä": "1.1.2026",
    "Postinumero": "",
    "Toimituspäivä": "32.10.2026",
    "Laskupäivä": "31.2.2026",
    "À-hinta": "abc",
    "Maa": "Suomenmaa",
    "Veroton summa": "0,01",
    "Sähköposti": "lasku.example",
}


def input_file(kind: str, rows: int, suffix: str = ".csv") -> Path:
    """The export of that kind with that many data rows, built if it is not there yet."""
    path = CACHE / f"{kind}-{rows}{suffix}"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        unfinished = path.with_name(f"unfinished-{path.name}")
        (_write_csv if suffix == ".csv" else _write_xlsx)(unfinished, kind, rows)
        unfinished.rename(path)
    return path


def _write_csv(path: Path, kind: str, rows: int) -> None:
    with path.open("w", encoding="cp1252", newline="", buffering=1 << 20) as file:
        file.write(";".join(HEADER) + "\r\n")
        for cells in _rows(kind, rows):
            file.write(";".join(cells) + "\r\n")


def _write_xlsx(path: Path, kind: str, rows: int) -> None:
    """As an accounting program does: dates and numbers are such cells, codes are texts."""
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        date = book.add_format({"num_format": "d.m.yyyy"})
        sheet = book.add_worksheet("Laskut")
        sheet.write_row(0, 0, HEADER)
        numbers = {HEADER.index(name) for name in ("Viivästyskorko", *HEADER[24:25], *HEADER[26:])}
        for row, cells in enumerate(_rows(kind, rows), start=1):
            for column, text in enumerate(cells):
                if not text:
                    continue
                if 1 <= column <= 3 and (day := _date(text)):
                    sheet.write_datetime(row, column, day, date)
                elif column in numbers and text[0].isdigit():
                    sheet.write_number(row, column, float(text.replace(",", ".")))
                else:
                    sheet.write_string(row, column, text)


def _date(text: str) -> dt.datetime | None:
    day, month, year = map(int, text.split("."))
    try:
        return dt.datetime(year, month, day)  # noqa: DTZ001 - a date cell
    except ValueError:
        return None


def _rows(kind: str, rows: int) -> Iterator[list[str]]:
    invoices = range(1, rows)  # more than enough
    left = rows
    if kind == "scattered":
        invoices = range(1, rows * 6 // 20 + 1)
        for number in range(max(_ROWS_OF)):
            for invoice in invoices:
                if number < _ROWS_OF[invoice % 6]:
                    yield _row(invoice, number, _invoice(invoice), wrong=False)
        return
    for invoice in invoices:
        own = _invoice(invoice)
        for number in range(_ROWS_OF[invoice % 6]):
            if not left:
                return
            left -= 1
            yield _row(invoice, number, own, wrong=kind == "wrong" and invoice % 2 == 1)


def _row(invoice: int, number: int, own: list[str], *, wrong: bool) -> list[str]:
    chance = _mixed(invoice * 8 + number)
    count, cents = chance % 9 + 1, chance // 9 % 400_000 + 100
    discount = 10 if chance % 11 == 0 else 0
    net = (count * cents * (100 - discount) + 50) // 100
    cells = [
        *own,
        *(_PRODUCTS[chance % 7], str(count), _UNITS[chance % 3], _money(cents), _RATES[chance % 13 // 10]),
        *(str(discount) if discount else "", _money(net)),
    ]
    if wrong:
        column, value = [*_WRONG.items()][invoice // 2 % len(_WRONG)]
        cells[HEADER.index(column)] = value
    return cells


def _invoice(invoice: int) -> list[str]:
    """The cells of an invoice that all its rows repeat."""
    chance = _mixed(-invoice)
    day = _DAY_ONE + dt.timedelta(days=chance % 31)
    due = day + dt.timedelta(days=14)
    number = 100_000 + invoice
    return [
        *(str(number), _day(day), _day(due), _day(day), _reference(number)),
        *_customer(_mixed(chance) % _CUSTOMERS),
        *(f"Osasto {chance % 200}", "Maija Myyjä", f"PO-{chance % 100_000:05}", "Kiitos tilauksesta", "8"),
    ]


def _customer(customer: int) -> list[str]:
    postcode, city = _CITIES[customer % 4]
    where = [f"{_STREETS[customer % 6]} {customer % 150 + 1}", postcode, city, "FI"]
    contact = [f"lasku{customer}@asiakas.example", f"+358 40 {customer:07}"]
    if customer % 10 == 0:
        return [str(5000 + customer), f"Meikäläinen Matti {customer}", _hetu(customer), "", *where, *contact,
                "", "", "fin"]  # fmt: skip
    digits = _business_id(customer)
    return [
        *(
            str(5000 + customer),
            f"Ääkkönen & Pojat {customer} Oy",
            f"{digits[:7]}-{digits[7]}",
            f"FI{digits}",
        ),
        *(*where, *contact, f"0037{digits}", "003714377140", "fin"),
    ]


def _business_id(customer: int) -> str:
    """A Y-tunnus with its check digit (weights 7 9 10 5 8 4 2); those that have none are passed over."""
    body = 1_000_000 + customer * 37
    while True:
        rest = (
            sum(int(digit) * weight for digit, weight in zip(str(body), (7, 9, 10, 5, 8, 4, 2), strict=True))
            % 11
        )
        if rest != 1:
            return f"{body}{(11 - rest) % 11}"
        body += 1


def _hetu(customer: int) -> str:
    """A made-up personal identity code: its number is above 899, as no person's is."""
    body = f"{customer % 28 + 1:02}{customer % 12 + 1:02}{customer % 50 + 40:02}"
    number = 900 + customer // 10 % 100
    return f"{body}-{number}{'0123456789ABCDEFHJKLMNPRSTUVWXY'[int(f'{body}{number}') % 31]}"


def _reference(number: int) -> str:
    """A Finnish payment reference: weights 7 3 1 from the right."""
    weights = (7, 3, 1) * 7
    total = sum(int(digit) * weight for digit, weight in zip(reversed(str(number)), weights, strict=False))
    return f"{number}{-total % 10}"


def _money(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02}"


def _day(day: dt.date) -> str:
    return f"{day.day}.{day.month}.{day.year}"


def _mixed(number: int) -> int:
    """A number that looks like chance (splitmix64): the same for the same seed."""
    mixed = (number + SEED) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    return mixed ^ mixed >> 31
