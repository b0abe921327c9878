"""Cells that hold another word than the service knows, and refusals that nothing else produces."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow_desk import HEADER, Desk, outcomes, row, told

from pipeline.flow import run
from pipeline.options import Options
from pipeline.sandbox.server import serve_in_thread
from pipeline.screens.terminal import Screen
from pipeline.targets import Country, Target

WORDS = [
    ("Hyvityslasku", "osittain", "credit-form"),
    ("Asiakastyyppi", "muu", "customertype-form"),
    ("Käteiskuitti", "ehkä", "flag-unknown"),
    ("Maksuerien määrä", "3,5", "integer-form"),
    ("Sanomatyyppi", "tarjous", "jobtype-unknown"),
    ("Kieli", "viro", "language-unknown"),
    ("Lähetystapa", "faksi", "sendtype-unknown"),
]


@pytest.mark.parametrize(("header", "word", "code"), WORDS, ids=[code for _, _, code in WORDS])
def test_a_word_that_is_not_known_names_its_cell(desk: Desk, header: str, word: str, code: str) -> None:
    """The invoice waits, and the finding names the cell and what stands in it."""
    desk.write("laskut.csv", f"{row()};{word}", header=f"{HEADER};{header}")
    _, report = desk.run("laskut.csv")
    assert outcomes(report) == {"1001": "invalid"}
    found = next(each for each in report["findings"] if each["code"] == code)
    assert (found["cell"], found["column"], found["value"]) == ("M2", header, word)


def test_a_report_of_a_run_that_never_was(desk: Desk) -> None:
    """The ledger says which run it does not have."""
    desk.write("laskut.csv", row())
    desk.run("laskut.csv")
    assert desk.here("report", "20200101T000000-0000").one_line == (
        "The ledger has no run 20200101T000000-0000. Give the id of a run as its report names it, and the "
        "ledger that it used (--ledger). (run-unknown)"
    )


def test_no_credit_note_is_made_of_what_was_purged(desk: Desk) -> None:
    """The proof that the invoice was sent is there, its rows are not."""
    desk.write("laskut.csv", row())
    desk.run("laskut.csv")
    desk.here("purge", "--before", "2999-01-01")
    assert desk.here("credit", "1001", "--out", "credit").one_line.endswith("(credit-contents-gone)")


class Person(Screen):
    """Somebody who is asked, removes a file, and says yes."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    @property
    def interactive(self) -> bool:
        """Somebody is there."""
        return True

    def confirm(self, question: str) -> bool:  # noqa: ARG002 - the answer is yes
        """Yes."""
        self._file.write_bytes(b"%PDF-1.4 other\n%%EOF\n")
        return True


def test_an_attachment_that_changed_after_the_check_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was checked is what is sent: the invoice waits for a run that has seen the new file."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    lines = [f"{HEADER};Liite", f"{row()};a.pdf", f"{row(Laskunumero='1002')};"]
    (tmp_path / "laskut.csv").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROPO_CID", "1")
    monkeypatch.setenv("ROPO_APICODE", "secret")
    with serve_in_thread(tmp_path / "sandbox.sqlite") as sandbox:
        monkeypatch.setenv("ROPO_BASE_URL", sandbox.url)
        options = Options(
            command="run",
            inputs=(tmp_path / "laskut.csv",),
            target=Target.PRODUCTION,
            country=Country.FI,
            profile=None,
            out=tmp_path / "out",
            ledger=f"sqlite:///{tmp_path / 'ledger.sqlite'}",
            attachments=tmp_path / "files",
        )
        assert run(options, Person(tmp_path / "files" / "a.pdf")) == 1
    report = Desk(tmp_path, tmp_path).report()
    assert outcomes(report) == {"1001": "not-sent", "1002": "accepted"}
    assert ("attachment-changed", None, "1001") in told(report)
