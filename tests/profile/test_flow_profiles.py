"""Profiles as a user meets them: named, found, agreed to, remembered by corrections, listed and tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flow.flow_desk import GOOD, HEADER, Desk, outcomes, row, told

from pipeline.corrections.status import remembered_profile
from pipeline.flow import run
from pipeline.options import Options
from pipeline.sandbox.server import serve_in_thread
from pipeline.screens.terminal import Screen
from pipeline.targets import Country, Target

Known = Callable[..., None]
OWN = HEADER.replace("ALV %", "Vero X").replace("Veroton hinta", "Hinta X")
SHOP = f"""
[profile]
name = "shop"
title = "The shop's export"
source = "the shop's manual, page 3"
verified = true
limits = ["It knows no reminders."]
[expects]
headers = {OWN.split(";")!r}
[columns]
"Vero X" = "payrow.taxpr"
"Hinta X" = "payrow.amount"
[[leave_out]]
when = {{Tuote = "luonnos"}}
reason = "draft"
[defaults]
language = "fin"
"""
FOUND = (
    "The profile shop fits best: 12 of its 12 headers are there, and 12 of the file's 12 are its own. Give "
    "--profile shop or --profile none to say it outright."
)


def production(desk: Desk, url: str) -> None:
    """Let the desk send to a production that is our own sandbox."""
    desk.env = {"ROPO_TARGET": "production", "ROPO_CID": "1", "ROPO_APICODE": "secret", "ROPO_BASE_URL": url}


def test_a_name_goes_for_a_built_in_profile(desk: Desk, known: Known) -> None:
    """On the command line and in the environment; the report tells it, and nobody needs to agree."""
    known(shop=SHOP)
    desk.write("a.csv", GOOD, header=OWN)
    done, report = desk.run("a.csv", "--profile", "shop")
    assert done.code == 0
    assert (report["run"]["profile"], report["run"].get("profile_fits")) == ("shop", None)
    assert report["run"]["meaning"] == "Rows where “Tuote” is “luonnos” are left out: draft."
    desk.env = {"ROPO_PROFILE": "shop"}
    assert desk.here("check", "a.csv", "--out", "out2").code == 0
    assert desk.report("out2")["run"]["profile"] == "shop"


def test_a_name_that_is_not_known_names_those_that_are(desk: Desk, known: Known) -> None:
    """And the closest; what looks like a file is one."""
    known(shop=SHOP)
    desk.write("a.csv", GOOD)
    assert desk.here("run", "a.csv", "--profile", "shopp").one_line == (
        "There is no profile “shopp”. Built-in ones are: shop, none. Give one of these names, or "
        "the path of a "
        "TOML file; closest: shop. (profile-unknown)"
    )
    assert desk.here("run", "a.csv", "--profile", "./shop").one_line.endswith("(profile-unreadable)")


def test_a_fault_in_a_profile_is_one_line(desk: Desk) -> None:
    """File, line, key and reason."""
    desk.write("a.csv", GOOD)
    desk.write("p.toml", "[columns]", "X = 5", header=None)
    assert desk.here("run", "a.csv", "--profile", "p.toml").one_line == (
        "The profile p.toml is wrong: line 2: columns.X: “5” is no text: write it in quotation marks. See "
        "docs/profiles.md for what a profile may hold. (profile-invalid)"
    )


@pytest.mark.parametrize("command", ["check", "run"])
def test_the_profile_that_fits_is_used_and_told(desk: Desk, known: Known, command: str) -> None:
    """On the terminal and in the report, with its reasons; it is no finding."""
    known(shop=SHOP)
    desk.write("a.csv", GOOD, row(Laskunumero="2", Tuote="luonnos"), header=OWN)
    done = desk.here(command, "a.csv", "--out", "out")
    report = desk.report()
    assert done.code == 0
    assert FOUND in done.out
    assert report["run"]["profile"] == "shop"
    assert report["run"]["profile_fits"] == (
        "12 of its 12 headers are there, and 12 of the file's 12 are its own"
    )
    assert report["findings"] == []
    assert list(outcomes(report)) == ["1001"]
    assert ("Rows where “Tuote” is “luonnos” are left out: draft." in done.out) == (command == "check")


def test_none_takes_none(desk: Desk, known: Known) -> None:
    """The file is read as it would be if there were no profiles."""
    known(shop=SHOP)
    desk.write("a.csv", GOOD, header=OWN)
    done = desk.here("run", "a.csv", "--profile", "none")
    assert done.one_line.endswith("(column-missing)")


def test_nobody_agrees_at_night(desk: Desk, known: Known) -> None:
    """An unattended production run needs to be told which profile; then it goes."""
    known(shop=SHOP)
    desk.write("a.csv", GOOD, header=OWN)
    with serve_in_thread(desk.home / "service.sqlite") as server:
        production(desk, server.url)
        refused = desk.here("run", "a.csv", "--yes", "--out", "out")
        assert desk.ledger("select * from run") == []
        sent = desk.here("run", "a.csv", "--yes", "--profile", "shop", "--out", "out")
    assert refused.code == 2
    assert refused.one_line == (
        "The profile shop fits (12 of its 12 headers are there, and 12 of the file's 12 are its "
        "own), but nobody "
        "is here to agree to it. Look at it once with “check”; then give --profile shop, or "
        "--profile none to "
        "read the file without it. (profile-proposed)"
    )
    assert sent.code == 0
    assert outcomes(desk.report()) == {"1001": "accepted"}


class Person(Screen):
    """Somebody at the terminal who gives that answer."""

    def __init__(self, *, answer: bool) -> None:
        super().__init__()
        self.answer, self.asked = answer, ""

    @property
    def interactive(self) -> bool:
        """Somebody is there."""
        return True

    def confirm(self, question: str) -> bool:
        """The answer."""
        self.asked = question
        return self.answer


@pytest.mark.parametrize(("answer", "outcome"), [(True, "accepted"), (False, "not-sent")])
def test_a_person_agrees_to_the_profile(
    desk: Desk, known: Known, monkeypatch: pytest.MonkeyPatch, answer: bool, outcome: str
) -> None:
    """The question before production names it, and what is answered holds for both."""
    known(shop=SHOP)
    desk.write("a.csv", GOOD, header=OWN)
    monkeypatch.chdir(desk.folder)
    person = Person(answer=answer)
    with serve_in_thread(desk.home / "service.sqlite") as server:
        production(desk, server.url)
        for name, value in desk.env.items():
            monkeypatch.setenv(name, value)
        options = Options(
            *("run", (Path("a.csv"),), Target.PRODUCTION, Country.FI, None, desk.folder / "out"),
            ledger=f"sqlite:///{desk.home / 'ledger.sqlite'}",
        )
        run(options, person)
    assert person.asked == f"{FOUND} Send 1 invoices, 125.50 in all, to {server.url}?"
    assert outcomes(desk.report()) == {"1001": outcome}


def test_two_that_fit_equally_are_refused(desk: Desk, known: Known) -> None:
    """Nothing is attempted."""
    known(shop=SHOP, other=SHOP)
    desk.write("a.csv", GOOD, header=OWN)
    assert desk.here("run", "a.csv").one_line.endswith("or --profile none for neither. (profile-ambiguous)")
    assert desk.ledger("select * from run") == []


def test_a_profile_for_invoices_is_not_looked_for_among_payments(desk: Desk, known: Known) -> None:
    """Their rows are something else."""
    known(shop='[expects]\nheaders = ["Laskunumero", "Summa", "Maksupäivä"]\n[columns]\nSumma = "row.gross"')
    desk.write("p.csv", "1001;10,00;1.10.2026", header="Laskunumero;Summa;Maksupäivä")
    desk.here("payments", "p.csv", "--out", "out")
    assert desk.report()["run"]["profile"] is None


RECORDS = """
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
[[records]]
mark = "R"
columns = {2 = "payrow.desc", 3 = "payrow.count", 4 = "payrow.amount", 5 = "payrow.taxpr"}
[constants]
customertype = "1"
"""


def test_a_file_that_only_its_profile_can_read_is_found(desk: Desk, known: Known) -> None:
    """Records of several kinds differ in length: without the profile such a file is damaged."""
    known(records=RECORDS, shop=SHOP)
    lines = [
        "L;1001;1.10.2026;15.10.2026;Acme Oy;Katu 1;00100;HELSINKI",
        "R;Työ;2;50,00;25,5",
        "R;Muu;1;1,00;0",
    ]
    desk.write("a.csv", *lines, header=None)
    done, report = desk.run("a.csv")
    assert done.code == 0, done.err
    assert report["run"]["profile"] == "records"
    assert outcomes(report) == {"1001": "accepted"}
    desk.write("b.csv", *lines, "X;1;2", header=None)
    assert desk.here("run", "b.csv").code == 2


# -- corrections -----------------------------------------------------------------------------------

WRONG = row(Määrä="kaksi")


def test_corrections_remember_the_profile(desk: Desk, known: Known) -> None:
    """They are read with it, without anybody agreeing again, also at night."""
    known(shop=SHOP)
    desk.write("a.csv", WRONG, header=OWN)
    desk.run("a.csv")
    assert remembered_profile(desk.folder / "out" / "corrections.xlsx") == "shop"
    with serve_in_thread(desk.home / "service.sqlite") as server:
        production(desk, server.url)
        done = desk.here("run", "out/corrections.xlsx", "--yes", "--out", "again")
    assert done.code == 1
    report = desk.report("again")
    assert (report["run"]["profile"], report["run"].get("profile_fits")) == ("shop", None)
    assert told(report) == told(desk.report())


def test_corrections_of_a_run_without_profile_are_read_without(desk: Desk, known: Known) -> None:
    """Also when a profile that would fit has come with a later version."""
    desk.write("a.csv", WRONG)
    desk.run("a.csv")
    known(plain=f"[expects]\nheaders = {HEADER.split(';')!r}\n[prices]\nvat = 'included'")
    desk.here("run", "out/corrections.xlsx", "--out", "again")
    assert desk.report("again")["run"]["profile"] == "none"


def test_corrections_of_a_run_with_a_file_ask_for_it(desk: Desk) -> None:
    """What the columns mean stands in that file only."""
    desk.write("a.csv", WRONG, header=OWN)
    (desk.folder / "own.toml").write_text(SHOP, encoding="utf-8")
    desk.run("a.csv", "--profile", "./own.toml")
    refused = desk.here("run", "out/corrections.xlsx", "--out", "again")
    assert refused.one_line == (
        "out/corrections.xlsx: These corrections come from a run with the profile own.toml. Give it again "
        "with --profile, so that the same columns mean the same. (profile-remembered)"
    )
    done = desk.here("run", "out/corrections.xlsx", "--profile", "own.toml", "--out", "again")
    assert told(desk.report("again")) == told(desk.report())
    assert done.code == 1


# -- drift -----------------------------------------------------------------------------------------


def test_a_changed_export_is_refused_or_told(desk: Desk, known: Known) -> None:
    """A column that is read and gone stops the run; one that is new is a warning in report and preview."""
    known(shop=SHOP)
    desk.write("a.csv", GOOD, header=OWN.replace("Vero X", "Vero-XX"))
    assert desk.here("run", "a.csv", "--profile", "shop").one_line == (
        "a.csv: The export no longer fits the profile. The header “Vero X” that this profile reads is gone; "
        "the file has “Vero-XX”. If the export was changed on purpose, name the header as it is now in the "
        "profile, in [expects] and wherever it is read; otherwise export it as before. (profile-header-gone)"
    )
    desk.write("b.csv", f"{GOOD};y", header=f"{OWN};Muuta")
    done = desk.here("check", "b.csv", "--profile", "shop", "--out", "out")
    assert done.code == 0
    assert told(desk.report(), "warning") == [("profile-header-added", "M1", None)]
    assert "The header “Muuta” is new since this profile was written; it is not read." in done.out


def test_a_saved_profile_notices_a_change(desk: Desk) -> None:
    """`columns --save` writes down the whole header."""
    desk.write("a.csv", GOOD)
    desk.here("columns", "a.csv", "--save", "p.toml")
    desk.write("b.csv", GOOD, header=HEADER.replace("Postinumero", "Postinumerot"))
    assert desk.here("run", "b.csv", "--profile", "p.toml").one_line.endswith("(profile-header-gone)")
    assert desk.run("a.csv", "--profile", "p.toml")[1]["findings"] == []


def test_a_saved_profile_of_two_exports_expects_neither(desk: Desk) -> None:
    """Their headers differ anyway."""
    desk.write("a.csv", GOOD)
    desk.write("b.csv", f"{row(Laskunumero='2')};x", header=f"{HEADER};Muuta")
    desk.here("columns", "a.csv", "b.csv", "--save", "p.toml")
    assert "[expects]" not in (desk.folder / "p.toml").read_text(encoding="utf-8")
    assert desk.run("a.csv", "b.csv", "--profile", "p.toml")[1]["findings"] == []


# -- profile list, show, check ---------------------------------------------------------------------


def test_the_list_tells_source_and_limits(desk: Desk, known: Known) -> None:
    """Plain lines; what was not checked says so."""
    known(shop=SHOP, other='[profile]\nsource = "hearsay"')
    assert desk.here("profile", "list").out.splitlines() == [
        "other",
        "  Layout: hearsay (not checked against the vendor's own description)",
        "shop: The shop's export",
        "  Layout: the shop's manual, page 3 (checked against the vendor's own description)",
        "  Limit: It knows no reminders.",
    ]


def test_show_tells_what_a_profile_declares(desk: Desk, known: Known) -> None:
    """Columns, what it gives, and sentences for the rest."""
    known(shop=SHOP)
    assert desk.here("profile", "show", "shop").out.splitlines()[3:] == [
        "  Vero X → payrow.taxpr",
        "  Hinta X → payrow.amount",
        "  language is “fin” where the file has nothing",
        "  Rows where “Tuote” is “luonnos” are left out: draft.",
    ]


TRIED = """
[reading]
carry = true
[columns]
"Vero X" = "payrow.taxpr"
"Turha" = ""
[[leave_out]]
when = {Tuote = "luonnos"}
reason = "draft"
[[split]]
column = "Paikka"
pattern = "([0-9]+) (.*)"
into = ["postcode", "city"]
[values."payrow.taxpr"]
A = "25,5"
[values."payrow.itemtype"]
x = "y"
"""


def test_check_shows_what_each_declaration_did(desk: Desk) -> None:
    """Cell by cell, then what was not used, and what the profile says."""
    header = HEADER.replace("Postinumero;Postitoimipaikka", "Paikka").replace("ALV %", "Vero X;Turha;Uusi")
    desk.write(
        "a.csv",
        "1001;1.10.2026;15.10.2026;Acme Oy;2262509-5;Katu 1;00100 HELSINKI;Työ;2;50,00;A;t;u",
        ";;;;;;;luonnos;1;1.5;B;t;u",
        header=header,
    )
    desk.write("p.toml", TRIED, header=None)
    lines = desk.here("profile", "check", "p.toml", "a.csv", "--rows", "2").out.splitlines()
    assert " a.csv: header in row 1, 11 columns understood; encoding UTF-8" in lines[0]
    assert lines[3:] == [
        "a.csv, row 2:",
        "  A2 “Laskunumero”: “1001” → billnum “1001”",
        "  B2 “Laskupäivä”: “1.10.2026” → billdate “2026-10-01”",
        "  C2 “Eräpäivä”: “15.10.2026” → paydate “2026-10-15”",
        "  D2 “Nimi”: “Acme Oy” → name “Acme Oy”",
        "  E2 “Y-tunnus”: “2262509-5” → govid “2262509-5”",
        "  F2 “Osoite”: “Katu 1” → address “Katu 1”",
        "  G2 “Paikka”: “00100 HELSINKI”",
        "  H2 “Tuote”: “Työ” → payrow.desc “Työ”",
        "  I2 “Määrä”: “2” → payrow.count “2”",
        "  J2 “Veroton hinta”: “50,00” → payrow.amount “50.00”",
        "  K2 “Vero X”: “A” → payrow.taxpr “25.5”",
        "  [[split]] 1: “Paikka” “00100 HELSINKI” → postcode “00100”",
        "  [[split]] 1: “Paikka” “00100 HELSINKI” → city “HELSINKI”",
        "  [values] payrow.taxpr: “payrow.taxpr” “A” → payrow.taxpr “25.5”",
        "  → postcode “00100”",
        "  → city “HELSINKI”",
        "a.csv, row 3:",
        "  A3 “Laskunumero”: “1001” → billnum “1001” (from the row above)",
        "  B3 “Laskupäivä”: “” → billdate",
        "  C3 “Eräpäivä”: “” → paydate",
        "  D3 “Nimi”: “” → name",
        "  E3 “Y-tunnus”: “” → govid",
        "  F3 “Osoite”: “” → address",
        "  G3 “Paikka”: “”",
        "  H3 “Tuote”: “luonnos” → payrow.desc “luonnos”",
        "  I3 “Määrä”: “1” → payrow.count “1”",
        "  J3 “Veroton hinta”: “1.5” → payrow.amount “1.50”",
        "  K3 “Vero X”: “B” → payrow.taxpr cannot be read (number-form)",
        "  [[leave_out]] 1: “Tuote” “luonnos” → left out: draft",
        "Nothing reads the column “Uusi”.",
        "[values] payrow.itemtype found nothing in the first rows.",
        "Rows where “Tuote” is “luonnos” are left out: draft.",
        "“Paikka” is split into postcode, city.",
        "In payrow.taxpr, “A” means “25,5”.",
        "In payrow.itemtype, “x” means “y”.",
    ]


def test_check_tells_of_drift_and_ends_as_a_run_would(desk: Desk, known: Known) -> None:
    """What is shown first helps to see why."""
    known(shop=SHOP)
    desk.write("a.csv", f"{GOOD};x", header=OWN.replace("Vero X", "Vero-XX") + ";Muuta")
    done = desk.here("profile", "check", "shop", "a.csv")
    assert "  K2 “Hinta X”: “50,00” → payrow.amount “50.00”" in done.out
    assert "There is no column “Vero X”, which [columns] names." in done.out
    assert "The header “Muuta” is new since this profile was written; it is not read." in done.out
    assert done.one_line.endswith("(profile-header-gone)")


def test_check_shows_each_repetition_of_columns(desk: Desk) -> None:
    """Each number makes an invoice row of its own."""
    header = HEADER.split(";")[:8]
    desk.write(
        "a.csv",
        ";".join([*GOOD.split(";")[:8], "Työ", "1,00", "Muu", "2,00"]),
        header=";".join([*header, "Tuote 1", "Hinta 1", "Tuote 2", "Hinta 2"]),
    )
    desk.write(
        "p.toml",
        '[columns]\n"Tuote {n}" = "payrow.desc"\n"Hinta {n}" = "payrow.amount"',
        '[defaults]\n"payrow.count" = "1"\n"payrow.taxpr" = "0"',
        header=None,
    )
    lines = desk.here("profile", "check", "p.toml", "a.csv").out.splitlines()
    assert lines[-6:] == [
        "  I2 “Tuote 1”: “Työ” → payrow.desc “Työ”",
        "  J2 “Hinta 1”: “1,00” → payrow.amount “1.00”",
        "  K2 “Tuote 2”: “Muu” → payrow.desc “Muu”",
        "  L2 “Hinta 2”: “2,00” → payrow.amount “2.00”",
        "  payrow.count is “1” where the file has nothing",
        "  payrow.taxpr is “0” where the file has nothing",
    ]


def test_no_personal_code_is_shown(desk: Desk) -> None:
    """Neither in a cell nor in a value."""
    desk.write("a.csv", row(Nimi="Matti 131052-308T").replace("2262509-5", "131052-308T"))
    desk.write("p.toml", '[values.name]\nx = "131052-308T"', header=None)
    assert "131052-308T" not in desk.here("profile", "check", "p.toml", "a.csv").out
    assert "131052-308T" not in desk.here("profile", "show", "p.toml").out
