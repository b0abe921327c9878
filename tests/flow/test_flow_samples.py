"""Every sample file, from the command line to the report that lies beside this test."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest
from flow_desk import SAMPLES, Desk, told

HERE = Path(__file__).parent
REWRITE = "REWRITE_GOLDEN"
"""Set in the environment, the goldens are written anew, on purpose; the tests then fail, to say so."""

GOLDEN = {
    "invoices.xlsx": 0,
    "invoices.csv": 0,
    "invoices-en.xlsx": 0,
    "invoices-sv.csv": 0,
    "mistakes.xlsx": 1,
    "example-invoice.xlsx": 0,
    "example-credited-invoice.csv": 0,
    "example-credit-note.csv": 1,
    "example-credit-note-half.csv": 0,
    "everything.xlsx": 0,
    "allocations.xlsx": 0,
    "payments.xlsx": 0,
}
"""Each sample file, and the exit code that it leads to."""
COMMANDS = {
    "invoices-sv.csv": ["run", "--country", "se"],
    "everything.xlsx": ["run", "--attachments", "sample_data/attachments"],
    "allocations.xlsx": ["allocate", "--workers", "1"],
    "payments.xlsx": ["payments", "--workers", "1"],
}
"""What is done with a sample; without a word, `run`."""
BEFORE = {"allocations.xlsx": "everything.xlsx", "payments.xlsx": "invoices.xlsx"}
"""Samples that speak of another's invoices, which go first."""


def lasting(report: dict[str, Any]) -> dict[str, Any]:
    """The report without what differs from run to run and from machine to machine."""
    for name in ("id", "started", "finished", "ledger", "version"):
        del report["run"][name]
    for each in report["inputs"]:
        del each["path"]
    return report


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same, decimals compared as numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    try:
        return one == other or Decimal(one) == Decimal(other)
    except (InvalidOperation, TypeError):
        return False


def mistakes() -> tuple[Any, ...]:
    """`MISTAKES` of `sample_data/make.py`."""
    spec = importlib.util.spec_from_file_location("sample_data_mistakes", SAMPLES / "make.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: tuple[Any, ...] = module.MISTAKES
    return found


@pytest.fixture
def samples(desk: Desk) -> Desk:
    """A desk with the sample files in `sample_data/`."""
    (desk.folder / "sample_data").symlink_to(SAMPLES)
    return desk


@pytest.mark.parametrize(("name", "code"), GOLDEN.items())
def test_a_sample_gives_its_golden_report(samples: Desk, name: str, code: int) -> None:
    """Outcomes, sums, rows, findings and how the file was understood are as they were looked at once."""
    for each in filter(None, (BEFORE.get(name), name)):
        done = samples.here(*COMMANDS.get(each, ["run"]), f"sample_data/{each}", "--out", "out")
    report = samples.report()
    golden = HERE / "golden" / f"{name}.json"
    shown = json.dumps(lasting(report), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get(REWRITE):
        golden.write_text(shown, encoding="utf-8")
        pytest.fail(f"{golden.name} is rewritten: look at what has changed in it")
    assert done.code == code
    assert done.err == ""
    assert json.loads(shown) == json.loads(golden.read_text(encoding="utf-8"))


def test_every_sample_of_invoices_has_a_golden_report() -> None:
    """No sample is left out, and no report is left over."""
    found = {path.name for path in SAMPLES.iterdir() if path.suffix in {".xlsx", ".csv"}}
    assert found == GOLDEN.keys()
    assert {path.name for path in (HERE / "golden").iterdir()} == {f"{name}.json" for name in GOLDEN}


def test_a_workbook_and_its_csv_twin_are_the_same_invoices(samples: Desk, tmp_path: Path) -> None:
    """The datasets are identical, so that the second export is nothing new to the ledger."""
    _, from_workbook = samples.run("sample_data/invoices.xlsx")
    sent = samples.accepted()
    other = Desk(tmp_path / "other", samples.folder)
    _, from_text = other.run("sample_data/invoices.csv")
    assert len(sent) == 40
    assert other.accepted() == sent
    assert from_text["totals"] == from_workbook["totals"]
    done, report = samples.run("sample_data/invoices.csv")
    assert done.code == 0
    assert report["totals"]["outcomes"]["already-accepted"]["count"] == 40
    assert samples.accepted() == sent


@pytest.mark.parametrize(
    ("document", "sample"),
    [("invoice", "example-invoice.xlsx"), ("credit-note-allocation", "example-credited-invoice.csv")],
)
def test_the_documents_examples_come_out_of_a_spreadsheet(samples: Desk, document: str, sample: str) -> None:
    """What is sent has the tags and values of the example in Ropo One's own documentation."""
    text = (HERE / "documents" / f"{document}.json").read_text(encoding="utf-8")
    wanted = json.loads(text)["datastream"]["dataset"]
    samples.run(f"sample_data/{sample}")
    sent = samples.accepted()
    assert same(sent, wanted), sent


def test_each_mistake_is_found_on_its_cell_and_the_good_invoices_go(samples: Desk) -> None:
    """A dozen mistakes are a dozen errors, beside one warning; eight invoices go, and the exit code is 1."""
    done, report = samples.run("sample_data/mistakes.xlsx")
    assert done.code == 1
    found = [(each["cell"], each["billnum"], each["code"], each["severity"]) for each in report["findings"]]
    wanted = [(each.cell, each.billnum, each.code, each.severity) for each in mistakes()]
    assert sorted(found) == sorted(wanted)
    assert len(told(report)) == 12
    wrong = {each.billnum for each in mistakes() if each.severity == "error"}
    assert {each["billnum"] for each in samples.accepted()} == {str(262001 + n) for n in range(20)} - wrong
    assert {each["file"] for each in report["findings"]} == {"sample_data/mistakes.xlsx"}


def test_the_mistakes_corrected_are_sent_and_the_others_not_again(samples: Desk) -> None:
    """After a first run with mistakes, the corrected rows go and nothing goes twice."""
    samples.run("sample_data/mistakes.xlsx")
    before = samples.accepted()
    done, report = samples.run("sample_data/mistakes.xlsx")
    assert done.code == 1
    assert report["totals"]["outcomes"]["already-accepted"]["count"] == 8
    assert samples.accepted() == before
