"""Declarations of meaning on the command line: what is sent, what the report says, and the corrections."""

from __future__ import annotations

from pathlib import Path

import openpyxl
from flow_desk import Desk, told

PROFILE = r"""
[columns]
"Paikka" = ""
"Tila" = ""
"Hinta sentteinä" = ""

[[leave_out]]
when = { "Tila" = ["Luonnos", "Kesken"] }
reason = "draft, not yet approved"

[[split]]
column = "Paikka"
pattern = "([0-9]{5}) (.+)"
into = ["postcode", "city"]

[texts]
company = "{Etuosa} {Loppuosa}"

[expressions]
"payrow.amount" = 'round(number(cell("Hinta sentteinä")) / 100, 2)'

[[set]]
when = { "Tyyppi" = "H" }
to = { credit = "1", "payrow.desc" = "Hyvitys" }

[values]
"payrow.itemtype" = { "1" = "kpl", "*" = "h" }
"""
HEADER = (
    "Laskunumero;Laskupäivä;Eräpäivä;Etuosa;Loppuosa;Y-tunnus;Osoite;Paikka;"
    "Tuote;Määrä;Yksikkö;Hinta sentteinä;ALV %;Tyyppi;Tila"
)


def line(number: str, **changes: str) -> str:
    """A row that is right, with changes."""
    cells = dict.fromkeys(HEADER.split(";"), "") | {
        "Laskunumero": number,
        "Laskupäivä": "1.10.2026",
        "Eräpäivä": "15.10.2026",
        "Etuosa": "Acme",
        "Loppuosa": "Oy",
        "Y-tunnus": "2262509-5",
        "Osoite": "Katu 1",
        "Paikka": "00100 HELSINKI",
        "Tuote": "Työ",
        "Määrä": "2",
        "Yksikkö": "1",
        "Hinta sentteinä": "5050",
        "ALV %": "25,5",
        "Tyyppi": "L",
        "Tila": "Valmis",
    }
    return ";".join((cells | {name.replace("_", " "): value for name, value in changes.items()}).values())


def test_declarations_from_file_to_service(desk: Desk) -> None:
    """Drafts stay at home and are told, and everything else is sent as declared."""
    desk.write("p.toml", PROFILE, header=None)
    desk.write(
        "laskut.csv",
        *(line("1001"), line("1002", Tyyppi="H", Yksikkö="9", Loppuosa="")),
        *(line("1003", Tila="Kesken"), line("1003", Tila="luonnos"), line("", Tila="Luonnos")),
        header=HEADER,
    )
    done, report = desk.run("laskut.csv", "--profile", "p.toml")
    assert done.code == 0, done
    assert told(report, "error") == []
    assert report["totals"]["rows_aside"] == {"draft, not yet approved": 3, "header": 1}
    page = (desk.folder / "out" / "report.html").read_text()
    assert "draft, not yet approved: 3" in page
    sent = {each["billnum"]: each for each in desk.accepted()}
    assert sent.keys() == {"1001", "1002"}
    first, credit = sent["1001"], sent["1002"]
    assert (first["company"], first["postcode"], first["city"]) == ("Acme Oy", "00100", "HELSINKI")
    assert credit["company"] == "Acme"
    (row,) = first["payrow"]
    assert (row["desc"], row["amount"], row["itemtype"]) == ("Työ", "50.50", "kpl")
    (row,) = credit["payrow"]
    assert (row["desc"], row["itemtype"]) == ("Hyvitys", "h")
    assert row["count"].startswith("-") != row["amount"].startswith("-")


def test_corrections_of_what_declarations_found(desk: Desk) -> None:
    """The workbook has the user's own columns; repaired there, the same profile sends what was meant."""
    desk.write("p.toml", PROFILE, header=None)
    desk.write(
        "laskut.csv",
        *(line("1001", Paikka="HELSINKI 00100"), line("1002", Hinta_sentteinä="x"), line("1003")),
        *(line("1004"), line("1004", Tila="Luonnos")),
        header=HEADER,
    )
    done, report = desk.run("laskut.csv", "--profile", "p.toml")
    assert done.code == 1
    assert {
        each for each in told(report) if each[0] in {"split-mismatch", "number-form", "left-out-in-part"}
    } == {
        ("split-mismatch", "H2", "1001"),
        ("number-form", "L3", "1002"),
        ("left-out-in-part", "O6", "1004"),
    }
    assert [each["billnum"] for each in desk.accepted()] == ["1003"]
    path = desk.folder / "out" / "corrections.xlsx"
    _repair(path, {"HELSINKI 00100": "00100 HELSINKI", "x": "7000", "Luonnos": "Valmis"})
    done = desk.here("run", path, "--profile", "p.toml", "--out", "again")
    assert done.code == 0, done
    sent = {each["billnum"]: each for each in desk.accepted()}
    assert sent.keys() == {"1001", "1002", "1003", "1004"}
    assert sent["1002"]["payrow"][0]["amount"] == "70.00"
    assert len(sent["1004"]["payrow"]) == 2


def test_records_of_a_draft_go_with_it(desk: Desk) -> None:
    """The invoice's record speaks for its rows."""
    profile = """
[[records]]
mark = "L"
[records.columns]
2 = "billnum"
3 = "billdate"
4 = "paydate"
5 = "company"
6 = "address"
7 = "postcode"
8 = "city"
9 = "yourcode"
[[records]]
mark = "R"
columns = { 2 = "payrow.desc", 3 = "payrow.count", 4 = "payrow.amount", 5 = "payrow.taxpr" }
[[leave_out]]
when = { yourcode = "luonnos" }
reason = "draft"
"""
    desk.write("p.toml", profile, header=None)
    invoice = "L;{};1.10.2026;15.10.2026;Acme Oy;Katu 1;00100;HELSINKI;{}"
    rows = ["R;Työ;2;50,50;25,5", "R;Matka;1;10,00;25,5"]
    lines = [invoice.format("1001", "Luonnos"), *rows, invoice.format("1002", "Oma"), *rows]
    desk.write("laskut.csv", *lines, header=None)
    done, report = desk.run("laskut.csv", "--profile", "p.toml")
    assert done.code == 0, done
    assert report["totals"]["rows_aside"] == {"draft": 3}
    assert [(each["billnum"], len(each["payrow"])) for each in desk.accepted()] == [("1002", 2)]


def test_an_expression_that_cannot_be_read_names_its_line(desk: Desk) -> None:
    """Before any file is opened."""
    desk.write("p.toml", "[expressions]", '"payrow.desc" = "1"', '"payrow.amount" = "open(1)"', header=None)
    done = desk.here("run", "laskut.csv", "--profile", "p.toml")
    assert done.code == 2
    assert (
        "line 3: expressions.“payrow.amount”: “open” is none of the functions cell, number" in done.one_line
    )


def test_personal_codes_stay_out_of_messages(desk: Desk) -> None:
    """Also where a declaration reads the cell that holds one."""
    profile = PROFILE.replace('company = "{Etuosa} {Loppuosa}"', 'company = "{Etuosa}"')
    desk.write("p.toml", profile.replace("([0-9]{5}) (.+)", "(x) (y)"), header=None)
    desk.write("laskut.csv", line("1001", Paikka="131052-308T", Hinta_sentteinä="131052-308T"), header=HEADER)
    done, report = desk.run("laskut.csv", "--profile", "p.toml")
    assert {"split-mismatch", "number-form"} <= {code for code, _, _ in told(report)}
    for path in (desk.folder / "out").glob("report.*"):
        assert b"131052-308T" not in path.read_bytes()
    assert "131052-308T" not in done.out + done.err


def _repair(path: Path, changes: dict[str, str]) -> None:
    book = openpyxl.load_workbook(path)
    for cells in book.worksheets[0].iter_rows(min_row=2):
        for cell in cells:
            if str(cell.value) in changes:
                cell.value = changes[str(cell.value)]
    book.save(path)
