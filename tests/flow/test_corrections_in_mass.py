"""The corrections workbook's fast path beside the obvious one: columns as XML, and cells by xlsxwriter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flow_desk import SAMPLES, Desk, row
from openpyxl.utils.escape import unescape

from pipeline.corrections import source, write

NASTY = [
    "=1+1",
    "\tx",
    "<r>&amp;</r>",
    "_x0041_",
    " both ends ",
    "a\x1b[31mb",
    "Ünïcødé 🧾 & <b>",
    "\ufffe",
    "\u00a0x",
    "x" * 20_000,
    "007",
    "two\nlines",
]


def nasty(desk: Desk) -> Path:
    """An export whose wrong invoices have difficult names, blank cells, and several findings in a cell."""
    rows = [
        row(Laskunumero=f"{number}", Nimi=f'"{name}"', Eräpäivä="31.11.2026")
        for number, name in enumerate(NASTY, 1)
    ]
    rows += [
        row(Laskunumero="50"),
        row(Laskunumero="51", Laskupäivä="", Postinumero="", Määrä="abc", Veroton_hinta=""),
        row(Laskunumero="51", Veroton_hinta="x", Tuote=""),
        row(Laskunumero="52", Nimi=""),
    ]
    return desk.write("laskut.csv", *rows)


def mistakes(_: Desk) -> Path:
    """A workbook that is too long to be read with its formats: numbers without them."""
    return SAMPLES / "mistakes.xlsx"


def cells(path: Path) -> list[Any]:
    """All that a workbook shows."""
    book = openpyxl.load_workbook(path)
    return [
        (sheet.title, sheet.dimensions, sheet.auto_filter.ref, sheet.freeze_panes)
        for sheet in book.worksheets
    ] + [
        (
            *(cell.coordinate, cell.data_type, cell.number_format, cell.fill.fgColor.rgb),
            # openpyxl forgets to unescape texts that stand in their cell.
            unescape(cell.value) if isinstance(cell.value, str) else cell.value,
            *(cell.alignment.wrap_text, cell.alignment.vertical, cell.comment and cell.comment.text),
        )
        for sheet in book.worksheets
        for line in sheet.iter_rows()
        for cell in line
    ]


@pytest.mark.parametrize("export", [nasty, mistakes])
def test_columns_in_mass_read_as_cells_that_xlsxwriter_writes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, export: Any
) -> None:
    """The fast path and the obvious one give the same values, formats, colours and comments."""
    path = export(desk)
    monkeypatch.setattr(source, "MOST_ROWS_WITH_FORMATS", 0)
    monkeypatch.setattr(source, "_ROWS_AT_ONCE", 3)
    desk.here("check", path, "--out", "mass")
    monkeypatch.setattr(write._Sheet, "write_in_mass", write._Sheet.write)
    desk.here("check", path, "--out", "obvious")
    mass, obvious = (cells(desk.folder / name / "corrections.xlsx") for name in ("mass", "obvious"))
    assert len(mass) > 200
    assert {each[3] for each in mass[2:]} >= {"FFFFC7CE", "00000000"}
    for one, other in zip(mass, obvious, strict=True):
        assert one == other
