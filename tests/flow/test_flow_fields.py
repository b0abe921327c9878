"""Every field of the source documents, from a workbook's cell to what the service has."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from flow_desk import Desk
from openpyxl import Workbook

from pipeline.validator.schema import fields

TABLE = Path(__file__).parents[1] / "schemas" / "invoice_fields.tsv"
BASE = {
    "jobtype": "0",
    "customertype": "1",
    "company": "Acme Oy",
    "address": "Katu 1",
    "postcode": "00100",
    "city": "HELSINKI",
    "billdate": "2026-10-01",
    "paydate": "2026-10-15",
    "payrow.desc": "Työ",
    "payrow.count": "2",
    "payrow.amount": "50.00",
    "payrow.taxpr": "25.5",
}
NOT_BY_ITS_EXAMPLE: dict[str, dict[str, str]] = {
    "person": {"customertype": "2", "company": "", "person": "Teppo Testaaja"},
    "customertype": {"customertype": "2", "company": "", "person": "Teppo Testaaja"},
    "attachment": {"attachment": "note.pdf"},
    "payrow.netamount": {"payrow.netamount": "100.00"},
    "payrow.vatamount": {"payrow.vatamount": "25.50"},
    "payrow.totalamount": {"payrow.totalamount": "125.50"},
    "billdate": {"billdate": "2026-10-02"},
    "paydate": {"paydate": "2026-10-16"},
    "payrow.amount": {"payrow.amount": "0.0125"},
    "overdueinterest": {"overdueinterest": "8.00"},
}
SENT_AS = {"overdueinterest": "8", "payrow.count": "1"}


def tags() -> list[str]:
    """Every tag of the invoice table, and of its rows."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        table = [line[0] for line in csv.reader(file, delimiter="\t") if line and not line[0].startswith("#")]
    own = [tag for tag in table if tag not in {"tag", "field", "Field"}]
    return [*own, *(path for path in fields() if path.startswith("payrow.") and "{" not in path)]


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """One invoice for each tag, all in one workbook, as the sandbox has them by bill number."""
    folder = tmp_path_factory.mktemp("fields")
    (folder / "home").mkdir()
    (folder / "files").mkdir()
    (folder / "files" / "note.pdf").write_bytes(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n")
    desk = Desk(folder / "home", folder)
    header = list(dict.fromkeys(["billnum", *BASE, *tags()]))
    book = Workbook()
    assert book.active is not None
    book.active.append(header)
    for number, tag in enumerate(tags()):
        cells = {"billnum": f"F{number}"} | BASE
        cells |= NOT_BY_ITS_EXAMPLE.get(tag) or {tag: fields()[tag].example}
        book.active.append([cells.get(name, "") for name in header])
    book.save(folder / "fields.xlsx")
    done, report = desk.run("fields.xlsx", "--attachments", "files")
    assert (done.code, [each["message"] for each in report["findings"] if each["severity"] == "error"]) == (
        0,
        [],
    )
    return dict(zip(tags(), sorted(desk.accepted(), key=_number), strict=True))


def _number(dataset: dict[str, Any]) -> int:
    number = dataset["billnum"]
    return int(number.removeprefix("F")) if number.startswith("F") else tags().index("billnum")


def test_the_table_is_whole() -> None:
    """51 tags of an invoice and 9 of its rows."""
    assert len(tags()) == 60


@pytest.mark.parametrize("tag", tags())
def test_a_cell_becomes_the_tag(tag: str, accepted: dict[str, dict[str, Any]]) -> None:
    """What stands in the cell is what the service has under the tag, and nothing else is there."""
    cells = BASE | (
        NOT_BY_ITS_EXAMPLE.get(tag) or {tag: fields()[tag].example} if tag != "attachment" else {}
    )
    cells = {name: SENT_AS.get(name, text) if name == tag else text for name, text in cells.items() if text}
    expected: dict[str, Any] = {name: text for name, text in cells.items() if not name.startswith("payrow.")}
    expected["payrow"] = [
        {name.removeprefix("payrow."): text for name, text in cells.items() if name.startswith("payrow.")}
    ]
    got = dict(accepted[tag])
    assert got.pop("checkbillnum") == "1"
    if tag == "attachment":
        (file,) = got.pop("attachment")
        assert (file["attachmentname"], file["attachmentfile"][:8]) == ("note.pdf", "JVBERi0x")
    if tag != "billnum":
        del got["billnum"]
    expected.pop("checkbillnum", None)
    assert got == expected
