"""`columns INPUT --save`: a profile that says what was found, to be changed where that is wrong."""

from __future__ import annotations

import tomllib

from flow_desk import HEADER, SAMPLES, Desk, row

from pipeline.profile import Profile


def test_used_as_it_is_it_changes_nothing(desk: Desk) -> None:
    """With the saved profile, a sample is understood exactly as without it."""
    for name in ("invoices.xlsx", "invoices-en.xlsx", "invoices-sv.csv", "mistakes.xlsx"):
        assert desk.here("columns", SAMPLES / name, "--save", f"{name}.toml").code == 0
        plain = desk.here("check", SAMPLES / name, "--out", "plain")
        with_profile = desk.here("check", SAMPLES / name, "--profile", f"{name}.toml", "--out", "with")
        assert with_profile.code == plain.code
        before, after = desk.report("plain"), desk.report("with")
        assert after["findings"] == before["findings"]
        assert after["totals"] == before["totals"]
        columns = [[each["columns"] for each in report["inputs"]] for report in (before, after)]
        assert columns[0] == columns[1]


def test_it_names_every_header_with_its_field(desk: Desk) -> None:
    """Recognised headers have their field, others are ignored, with the closest field beside."""
    desk.write("laskut.csv", row() + ";x", header=f"{HEADER};Laskunumro")
    desk.here("columns", "laskut.csv", "--save", "p.toml")
    text = (desk.folder / "p.toml").read_text(encoding="utf-8")
    profile = Profile.model_validate(tomllib.loads(text))
    assert profile.columns["Laskunumero"] == "billnum"
    assert profile.columns["Veroton hinta"] == "payrow.amount"
    assert '"Laskunumro" = ""  # closest: billnum' in text.splitlines()


def test_an_export_that_cannot_be_sent_yet_gets_one_too(desk: Desk) -> None:
    """That is when it is needed: what is missing is told after it is written."""
    desk.write("laskut.csv", "1001;Acme Oy;1.10.2026", header="Laskunumero;Nimi;Laskupäivä")
    done = desk.here("columns", "laskut.csv", "--save", "p.toml")
    assert done.code == 2
    assert "column-missing" in done.one_line
    assert tomllib.loads((desk.folder / "p.toml").read_text(encoding="utf-8"))["columns"] == {
        "Laskunumero": "billnum",
        "Nimi": "name",
        "Laskupäivä": "billdate",
    }


def test_headers_with_signs_of_toml_are_kept(desk: Desk) -> None:
    """Quotation marks and backslashes of a header come back out of the profile as they were."""
    desk.write("laskut.csv", row() + ";x", header=HEADER + ';"Koodi ""A\\B"""')
    desk.here("columns", "laskut.csv", "--save", "p.toml")
    assert (
        tomllib.loads((desk.folder / "p.toml").read_text(encoding="utf-8"))["columns"]['Koodi "A\\B"'] == ""
    )


def test_a_profile_that_is_there_is_not_overwritten(desk: Desk) -> None:
    """Somebody has written it."""
    desk.write("laskut.csv", row())
    desk.write("p.toml", "# mine", header=None)
    done = desk.here("columns", "laskut.csv", "--save", "p.toml")
    assert done.one_line == (
        "p.toml exists already. Give another name: a profile that somebody has written is not overwritten. "
        "(profile-exists)"
    )
    assert (desk.folder / "p.toml").read_text() == "# mine\n"
