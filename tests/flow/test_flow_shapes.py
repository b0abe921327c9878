"""Exports of every shape from the file to the service, and their corrections back again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flow_desk import Desk, outcomes, told
from shapes.exports import (
    CARRY,
    POSITIONS,
    REPEATED,
    TWO_ROWS,
    Invoice,
    first_row_only,
    invoices,
    profile,
    repeated,
    standard,
    two_header_rows,
    two_tables,
    without_header,
)

from pipeline.profile import Profile

Rows = list[list[str]]

STATUS = ["Ropo: outcome", "Ropo: what is wrong", "Ropo: what to do", "Ropo: original row"]
SHEETS = profile(tables=[{"part": "invoices", "sheet": "laskut"}, {"part": "rows", "sheet": "rivit"}])
FILES = profile(tables=[{"part": "invoices", "file": "laskut*"}, {"part": "rows", "file": "rivit*"}])


def made() -> list[Invoice]:
    """Six invoices, of which the third has a price that is none."""
    found = invoices(6)
    found[2].rows[1][2] = "paljon"
    return found


def toml(declared: Profile) -> str:
    """The profile as its file."""
    given = declared.model_dump(exclude_defaults=True)
    lines = []
    for section, content in given.items():
        for part in content if isinstance(content, list) else [content]:
            lines.append(f"[[{section}]]" if isinstance(content, list) else f"[{section}]")
            lines += [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in part.items()]
    return "\n".join(lines) + "\n"


def as_csv(folder: Path, **tables: Rows) -> list[str]:
    """A text file of each table."""
    for name, rows in tables.items():
        (folder / f"{name}.csv").write_text("".join(f"{';'.join(row)}\n" for row in rows), encoding="utf-8")
    return [f"{name}.csv" for name in tables]


def as_workbook(folder: Path, **tables: Rows) -> list[str]:
    """A workbook with a sheet of each table."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([cell or None for cell in row])
    book.save(folder / "export.xlsx")
    return ["export.xlsx"]


def shapes(given: list[Invoice]) -> dict[str, tuple[dict[str, Rows], Profile]]:
    """The tables of each shape, with the profile that reads it."""
    ours, rows = two_tables(given)
    return {
        "carry": ({"export": first_row_only(given)}, CARRY),
        "positions": ({"export": without_header(given)}, POSITIONS),
        "two-header-rows": ({"export": two_header_rows(given)}, TWO_ROWS),
        "repeated": ({"export": repeated(given)}, REPEATED),
        "two-files": ({"rivit": rows, "laskut": ours}, FILES),
        "two-sheets": ({"rivit": rows, "laskut": ours}, SHEETS),
    }


def repair(path: Path) -> dict[str, list[list[Any]]]:
    """Type a price over the one that is none; the cells of each sheet as they were, without ours."""
    book = openpyxl.load_workbook(path)
    seen: dict[str, list[list[Any]]] = {}
    for sheet in book.worksheets:
        rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
        if STATUS[0] in rows[0]:
            seen[sheet.title] = [row[: rows[0].index(STATUS[0])] for row in rows]
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value == "paljon":
                    cell.value = "7,00"
    book.save(path)
    return seen


def content(sent: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What was accepted, by bill number."""
    return {each["billnum"]: each for each in sent}


def as_sent_in_the_standard_shape(folder: Path) -> dict[str, dict[str, Any]]:
    """What the service gets of the same invoices in the standard shape."""
    home, own = folder / "other-home", folder / "other"
    home.mkdir()
    own.mkdir()
    desk = Desk(home, own)
    given = made()
    given[2].rows[1][2] = "7,00"
    done, _ = desk.run(*as_csv(own, standard=standard(given)))
    assert done.code == 0
    return content(desk.accepted())


@pytest.mark.parametrize("write", [as_csv, as_workbook])
@pytest.mark.parametrize("shape", shapes(invoices(1)))
def test_corrections_of_each_shape_run_again(desk: Desk, tmp_path: Path, shape: str, write: Any) -> None:
    """What does not go comes back in its own shape, and goes when it is repaired there."""
    if (shape, write) in {("two-files", as_workbook), ("two-sheets", as_csv)}:
        write = as_csv if shape == "two-files" else as_workbook
    tables, declared = shapes(made())[shape]
    (desk.folder / "own.toml").write_text(toml(declared), encoding="utf-8")
    inputs = write(desk.folder, **tables)
    done, report = desk.run(*inputs, "--profile", "own.toml")
    assert done.code == 1
    assert {number for number, outcome in outcomes(report).items() if outcome == "invalid"} == {"1003"}
    assert [code for code, _, _ in told(report)] == ["number-form"]
    assert len(desk.accepted()) == 5

    seen = repair(desk.folder / "out" / "corrections.xlsx")
    of_invoice = made()[2]
    expected = {
        "carry": {"export": first_row_only([of_invoice])},
        "positions": {"export": [[str(at) for at in range(1, 15)], *without_header([of_invoice])]},
        "repeated": {"export": [repeated(made())[0], *repeated([of_invoice])[1:]]},
        "two-files": dict(zip(("laskut", "rivit"), two_tables([of_invoice]), strict=True)),
        "two-sheets": dict(zip(("laskut", "rivit"), two_tables([of_invoice]), strict=True)),
        "two-header-rows": {"export": [[*TWO_ROWS.columns], *standard([of_invoice])[1:]]},
    }[shape]
    plain = {name: [[cell or "" for cell in row] for row in rows] for name, rows in seen.items()}
    assert plain == expected

    (desk.folder / "corrections.xlsx").write_bytes((desk.folder / "out" / "corrections.xlsx").read_bytes())
    done, report = desk.run("corrections.xlsx", "--profile", "own.toml")
    assert (done.code, told(report)) == (0, [])
    assert content(desk.accepted()) == as_sent_in_the_standard_shape(tmp_path)
    assert len(desk.accepted()) == 6


def test_rows_of_repeated_columns_are_counted_once(desk: Desk) -> None:
    """The report's count of rows agrees with the file's, though a row makes several."""
    (desk.folder / "own.toml").write_text(toml(REPEATED), encoding="utf-8")
    as_csv(desk.folder, export=repeated(made()))
    _, report = desk.run("export.csv", "--profile", "own.toml")
    totals = report["totals"]
    assert (totals["rows_read"], totals["rows_in_invoices"], totals["rows_aside"]) == (7, 6, {"header": 1})
    places = [(each["file"], each["row"]) for invoice in report["invoices"] for each in invoice["rows"]]
    assert places == [("export.csv", row) for row in range(2, 8)]
    assert [each["sheet"] for each in report["inputs"]] == [None]


def test_repetitions_that_nobody_uses(desk: Desk) -> None:
    """Columns for a fourth product are there, and none of these invoices has one."""
    (desk.folder / "own.toml").write_text(toml(REPEATED), encoding="utf-8")
    header = repeated(invoices(6))[0]
    rows = [[*row, *[""] * (len(header) - len(row))] for row in repeated(invoices(1))[1:]]
    as_csv(desk.folder, export=[header, *rows])
    _, report = desk.run("export.csv", "--profile", "own.toml")
    assert outcomes(report) == {"1001": "accepted"}
    assert len(desk.accepted()[0]["payrow"]) == 1


def test_two_tables_are_shown_as_they_are(desk: Desk) -> None:
    """The lines about the tables come once each, the invoices' first."""
    ours, rows = two_tables(made())
    (desk.folder / "own.toml").write_text(toml(FILES), encoding="utf-8")
    as_csv(desk.folder, laskut=ours, rivit=rows)
    done = desk.here("check", "rivit.csv", "laskut.csv", "--profile", "own.toml", "--out", "out")
    shown = [
        line.partition(" ")[2].split(";")[0] for line in done.out.splitlines() if "columns understood" in line
    ]
    assert shown == [
        "laskut.csv: header in row 1, 9 columns understood",
        "rivit.csv: header in row 1, 6 columns understood",
    ]


@pytest.mark.parametrize("shape", ["carry", "positions", "two-header-rows", "repeated"])
def test_a_saved_profile_changes_nothing(desk: Desk, shape: str) -> None:
    """What `columns --save` writes of a shape reads the file as the profile does that it was made with."""
    tables, declared = shapes(invoices(6))[shape]
    (desk.folder / "own.toml").write_text(toml(declared), encoding="utf-8")
    as_csv(desk.folder, **tables)
    done = desk.here("columns", "export.csv", "--profile", "own.toml", "--save", "saved.toml")
    assert done.code == 0
    again = desk.here("columns", "export.csv", "--profile", "saved.toml")
    assert again.out.splitlines() == [line for line in done.out.splitlines() if "saved.toml" not in line]
    _, report = desk.run("export.csv", "--profile", "saved.toml")
    assert [*outcomes(report).values()] == ["accepted"] * 6
