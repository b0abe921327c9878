"""Exports with everything in them that other processes could get wrong, of moderate size."""

from __future__ import annotations

import random
from pathlib import Path

HEADER = [
    *("Laskunumero", "Asiakasnumero", "Laskupäivä", "Eräpäivä", "Nimi", "Y-tunnus", "Osoite", "Postinumero"),
    *("Postitoimipaikka", "Tuote", "Määrä", "Veroton hinta", "ALV %", "Hyvitettävän laskun numero"),
]


def write_exports(folder: Path, invoices: int) -> list[Path]:
    """Two files, of two encodings, of that many invoices in all, from a seed.

    The rows of each invoice lie anywhere in its file, those of some in both. There are credit notes that name
    an invoice, damaged rows, rows that continue the one above without saying so, rows of no invoice, and
    cells that span lines.
    """
    random.seed(20261120)
    rows: list[list[str]] = []
    for number in range(invoices):
        rows += _invoice(str(100_000 + number), number)
    random.shuffle(rows)
    half = len(rows) // 2
    found = []
    for name, part, encoding in (("yksi.csv", rows[:half], "cp1252"), ("kaksi.csv", rows[half:], "utf-8")):
        lines = [";".join(HEADER), *(";".join(row) for row in part)]
        for at in range(500, len(lines), 700):
            lines[at : at + 1] = [lines[at], *_oddities(at)]
        path = folder / name
        path.write_bytes("".join(f"{line}\r\n" for line in lines).encode(encoding))
        found.append(path)
    return found


def _invoice(billnum: str, number: int) -> list[list[str]]:
    is_credit = number % 25 == 3
    of = number - is_credit  # what is credited, or itself
    due = "1.1.2026" if number % 50 == 7 else "15.10.2026"  # before the invoice's date
    own = [billnum, str(5000 + of % 40), "1.10.2026", due, f"Ääkkönen {of % 40} Oy", "2262509-5"]
    own += [f"Katu {of % 40}", "00100", "HELSINKI", '"Työ;\r\nja matka"' if of % 9 == 4 else "Työ"]
    price = f"{of % 90},50"
    if is_credit:
        return [[*own, "-1", price, "25,5", str(int(billnum) - 1)]]
    return [[*own, str(line + 1), price, "25,5", ""] for line in range(1 + number % 4)]


def _oddities(at: int) -> list[str]:
    continued = ["", "9999", "", "", "Jokin Oy", "", "", "", "", "Lisä", "1", "5,00", "25,5", ""]
    keyless = ["", "", "1.10.2026", "", "", "", "", "", "", "Irto", "1", "5,00", "25,5", ""]
    short = ["100017", "5017", "1.10.2026", "Rikki"]
    return [
        ";".join(continued if at % 400 else keyless),
        ";".join(keyless),
        *([";".join(short)] if at % 1400 == 500 else []),
    ]
