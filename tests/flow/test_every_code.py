"""Every finding code has a test that produces it; here are those that no other test names."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import made
import openpyxl
import pytest
from flow_desk import CHECKOUT, HEADER, Desk, outcomes, row, told
from made import TODAY, documents, table

from pipeline.columns.layouts import understand
from pipeline.findings import Refusal, catalogue
from pipeline.profile import Profile
from pipeline.readers import open_tables
from pipeline.validator.check import Validator
from pipeline.validator.rules import Context

TOLD_BY_THEIR_TEXTS = {
    "several-to-resolve": "tests/sender/test_reconcile.py",
    "file-unreadable": "tests/readers/test_open_refusals.py",
    "ledger-unwritable": "tests/torture",
    "doctor-clock-ahead": "tests/nightly/test_doctor.py",
    "doctor-clock-behind": "tests/nightly/test_doctor.py",
    "inbox-cannot-take": "tests/nightly/test_inbox.py",
    "inbox-stopped": "tests/nightly/test_inbox.py",
    "inbox-written-to": "tests/nightly/test_inbox.py",
}


def test_every_code_is_named_by_a_test() -> None:
    """A code that no test produces could be misspelt, or never be found."""
    sources = [*(CHECKOUT / "tests").rglob("*.py"), *(CHECKOUT / "tests").rglob("*.json")]
    text = " ".join(each.read_text(encoding="utf-8") for each in sources if each.name != "test_explain.py")
    text += (CHECKOUT / "sample_data" / "make.py").read_text(encoding="utf-8")
    named = set(
        re.findall(r"(?<![\w-])[a-z0-9]+(?:-[a-z0-9]+)+(?![\w-])|stopped|conflict|contradiction", text)
    )
    assert set(catalogue()) - named - set(TOLD_BY_THEIR_TEXTS) == set()


@pytest.mark.parametrize(
    ("header", "value", "code", "severity"),
    [
        ("Laskupäivä", "46296", "date-from-serial", "repair"),
        ("Maa", "Narnia", "country-unknown", "error"),
        ("Viitenumero", "1,23457E+15", "code-was-number", "error"),
        ("Laskunumero", "131052-308T", "billnum-personal", "error"),
    ],
)
def test_a_cell(desk: Desk, header: str, value: str, code: str, severity: str) -> None:
    """One cell of a good invoice is changed, and the finding is about it."""
    headers = HEADER.split(";")
    cells = dict(zip(headers, row().split(";"), strict=True)) | {header: value}
    desk.write("laskut.csv", ";".join(cells.values()), header=";".join(cells))
    _, report = desk.run("laskut.csv")
    assert code in {each for each, _, _ in told(report, severity)}


def test_a_tag_that_the_service_does_not_have() -> None:
    """No column can make one, so it would be the program's own mistake: the schema still catches it."""
    export = table([made.HEADER, made.GOOD])
    (document,), _ = documents(export, check=False)
    document.dataset["colour"] = "red"
    Validator(understand([[export]], Profile()), Context(TODAY, "FIN")).check([document])
    (found,) = document.findings
    assert found.code == "field-unknown"


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """`file-changed`: what was looked at before is not what is there now."""
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n{row()}\n", encoding="utf-8")
    (table,) = open_tables(path)
    path.write_text(f"{HEADER}\n{row()}\n{row()}\n", encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        list(table.frames(100))
    assert refused.value.finding.code == "file-changed"


def test_an_encoding_that_the_file_contradicts(desk: Desk) -> None:
    """`encoding-contradicted`: what was set is obeyed, and doubted."""
    desk.write("p.toml", '[reading]\nencoding = "windows-1252"', header=None)
    english = (
        "Invoice number;Invoice date;Due date;Name;Business ID;Street;Zip;City;Description;Qty;Price;VAT %"
    )
    desk.write("laskut.csv", row(Nimi="Ääni Oy"), header=english)
    _, report = desk.run("laskut.csv", "--profile", "p.toml")
    assert "encoding-contradicted" in {code for code, _, _ in told(report, "warning")}


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("explain", "nonsense"), "code-unknown"),
        (("credit", "9999"), "credit-nothing-sent"),
        (("credit", "1001", "--percent", "0"), "credit-percent"),
        (("run", "laskut.csv", "--attachments", "nowhere"), "attachments-folder"),
        (("resolve", "1001", "--accepted", "--why", "seen"), "nothing-to-resolve"),
        (("run", "empty.xlsx"), "workbook-empty"),
        (("run", "empty.xlsx", "--profile", "p.toml"), "sheet-unknown"),
    ],
)
def test_a_command_that_cannot_be_followed(desk: Desk, command: tuple[str, ...], code: str) -> None:
    """One line with the code, and exit code 2."""
    desk.write("laskut.csv", row())
    desk.write("p.toml", '[reading]\nsheet = "Laskut"', header=None)
    openpyxl.Workbook().save(desk.folder / "empty.xlsx")
    desk.run("laskut.csv")
    done = desk.here(*command)
    assert (done.code, done.one_line.endswith(f"({code})")) == (2, True)


def ledger_file(desk: Desk) -> Path:
    """The user's ledger."""
    (path,) = desk.home.rglob("ledger.sqlite")
    return path


def test_a_ledger_of_a_newer_program(desk: Desk) -> None:
    """`ledger-newer`: it may hold what this version would not understand."""
    desk.write("laskut.csv", row())
    desk.run("laskut.csv")
    with closing(sqlite3.connect(ledger_file(desk))) as ledger, ledger:
        ledger.execute("update meta set value = '999' where key = 'schema_version'")
    assert desk.here("run", "laskut.csv").one_line.endswith("(ledger-newer)")


def test_what_no_finding_explains_is_told_all_the_same(desk: Desk) -> None:
    """Should findings be lost, each invoice that did not go still says so, by its outcome."""
    desk.write("laskut.csv", row())
    desk.run("laskut.csv")
    changed = row(Veroton_hinta="60,00")
    desk.write("laskut.csv", changed, row(Laskunumero="1002", Eräpäivä="31.11.2026"))
    _, report = desk.run("laskut.csv")
    assert outcomes(report) == {"1001": "conflict", "1002": "invalid"}
    with closing(sqlite3.connect(ledger_file(desk))) as ledger, ledger:
        ledger.execute("delete from finding")
    desk.here("report", "--out", "again")
    assert {(code, billnum) for code, _, billnum in told(desk.report("again"))} == {
        ("sent-with-other-content", "1001"),
        ("invalid-unexplained", "1002"),
    }
