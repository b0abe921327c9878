"""The same thirty invoices in every shape that an export may have, as rows of cells."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.profile import Profile

DEBTORS = (
    ("C1", "Acme Oy", "2262509-5", "Katu 1", "00100", "HELSINKI"),
    ("C2", "Toinen Oy", "0112038-9", "Kuja 2", "33100", "TAMPERE"),
    ("C3", "Kolmas Ab", "1572860-0", "Gränd 3", "20100", "ÅBO"),
)
PRODUCTS = (
    ("Työ", "2", "50,00", "25,5", ""),
    ("Kirja", "3", "19,90", "10", "10"),
    ("Matka", "1", "120,00", "13,5", ""),
    ("Vuokra", "0,5", "1200,00", "25,5", "2,5"),
    ("Hyvitys", "-1", "35,00", "25,5", ""),
)
INVOICE_HEADER = [
    *("Laskunumero", "Laskupäivä", "Eräpäivä", "Asiakasnumero", "Nimi", "Y-tunnus", "Osoite"),
    *("Postinumero", "Postitoimipaikka"),
]
ROW_HEADER = ["Tuote", "Määrä", "Veroton hinta", "ALV %", "Alennus-%"]
FIELDS = [
    *("billnum", "billdate", "paydate", "custnum", "name", "govid", "address", "postcode", "city"),
    *("payrow.desc", "payrow.count", "payrow.amount", "payrow.taxpr", "payrow.discount"),
]


@dataclass(frozen=True)
class Invoice:
    """The cells of an invoice, and those of each of its rows."""

    own: list[str]
    rows: list[list[str]]


def invoices(count: int = 30) -> list[Invoice]:
    """Invoices of one to three rows; every tenth is a credit note."""
    found = []
    for number in range(count):
        debtor = DEBTORS[number % 3]
        own = [str(1001 + number), f"{number % 28 + 1}.10.2026", f"{number % 28 + 1}.11.2026", *debtor]
        rows = [list(PRODUCTS[(number + at) % 4]) for at in range(number % 3 + 1)]
        if number % 5 == 2:
            rows.append(list(PRODUCTS[4]))
        if number % 10 == 9:
            rows = [[desc, f"-{amount}", *others] for desc, amount, *others in rows]
        found.append(Invoice(own, rows))
    return found


def standard(made: list[Invoice]) -> list[list[str]]:
    """One row per invoice row, with everything on it."""
    return [INVOICE_HEADER + ROW_HEADER, *(each.own + row for each in made for row in each.rows)]


def first_row_only(made: list[Invoice]) -> list[list[str]]:
    """The invoice's own cells on its first row, blank below."""
    blank = [""] * len(INVOICE_HEADER)
    rows = [(blank if at else each.own) + row for each in made for at, row in enumerate(each.rows)]
    return [INVOICE_HEADER + ROW_HEADER, *rows]


def two_tables(made: list[Invoice]) -> tuple[list[list[str]], list[list[str]]]:
    """A table of invoices and one of their rows."""
    return (
        [INVOICE_HEADER, *(each.own for each in made)],
        [["Laskunumero", *ROW_HEADER], *([each.own[0], *row] for each in made for row in each.rows)],
    )


def without_header(made: list[Invoice]) -> list[list[str]]:
    """The standard shape without its header."""
    return standard(made)[1:]


def two_header_rows(made: list[Invoice]) -> list[list[str]]:
    """Groups of columns above their names."""
    groups = ["Lasku", "", "", "Asiakas", "", "", "", "", "", "Rivi", "", "", "", ""]
    names = ["Nro", "Pvm", "Eräpvm", "Nro", "Nimi", "Y-tunnus", "Osoite", "Postinro", "Paikka"]
    return [groups, names + ROW_HEADER, *standard(made)[1:]]


def repeated(made: list[Invoice]) -> list[list[str]]:
    """An invoice a row, with groups of columns for its rows."""
    most = max(len(each.rows) for each in made)
    groups = [f"{name} {n}" for n in range(1, most + 1) for name in ROW_HEADER]
    blank = [""] * len(ROW_HEADER)
    rows = [each.own + [cell for row in (each.rows + [blank] * most)[:most] for cell in row] for each in made]
    return [INVOICE_HEADER + groups, *rows]


def profile(**declared: object) -> Profile:
    """A profile as its TOML would declare it."""
    return Profile.model_validate(declared)


CARRY = profile(reading={"carry": True})
TABLES = profile(tables=[{"part": "invoices", "file": "laskut*.csv"}, {"part": "rows", "file": "rivit*.csv"}])
POSITIONS = profile(
    reading={"header": False, "fields": len(FIELDS)},
    columns={str(at): field for at, field in enumerate(FIELDS, 1)},
)
TWO_ROWS = profile(
    reading={"header_rows": 2},
    columns={
        "Lasku Nro": "billnum",
        "Lasku Pvm": "billdate",
        "Lasku Eräpvm": "paydate",
        "Asiakas Nro": "custnum",
        "Asiakas Nimi": "name",
        "Asiakas Y-tunnus": "govid",
        "Asiakas Osoite": "address",
        "Asiakas Postinro": "postcode",
        "Asiakas Paikka": "city",
        "Rivi Tuote": "payrow.desc",
        "Rivi Määrä": "payrow.count",
        "Rivi Veroton hinta": "payrow.amount",
        "Rivi ALV %": "payrow.taxpr",
        "Rivi Alennus-%": "payrow.discount",
    },
)
REPEATED = profile(
    columns={
        "Tuote {n}": "payrow.desc",
        "Määrä {n}": "payrow.count",
        "Veroton hinta {n}": "payrow.amount",
        "ALV % {n}": "payrow.taxpr",
        "Alennus-% {n}": "payrow.discount",
    }
)
