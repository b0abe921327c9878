"""The report's sums per VAT rate: as they were counted, or from what the ledger keeps of each invoice."""

from __future__ import annotations

import pytest
from flow_desk import SAMPLES, Desk

import pipeline.report
from pipeline.values.rates import Rates


@pytest.mark.parametrize("sample", ["invoices.csv", "invoices.xlsx"])
def test_where_all_went_the_counted_sums_are_those_of_the_contents(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, sample: str
) -> None:
    """The fast way, which looks into no content, writes the very page of the obvious one."""
    desk.run(SAMPLES / sample)
    looked_into: list[str] = []
    of_payload = Rates.add_payload

    def counting(rates: Rates, payload: str, net: str) -> None:
        looked_into.append(payload)
        of_payload(rates, payload, net)

    monkeypatch.setattr(Rates, "add_payload", counting)
    desk.here("report", "--out", "counted")
    assert looked_into == []
    monkeypatch.setattr(pipeline.report, "all_went", lambda *_: False)
    desk.here("report", "--out", "looked-into")
    assert len(looked_into) == len(desk.report("counted")["invoices"])
    pages = [(desk.folder / name / "report.html").read_bytes() for name in ("counted", "looked-into")]
    assert pages[0] == pages[1]


def test_where_some_did_not_go_their_contents_are_looked_into(desk: Desk) -> None:
    """Of a run of which not all went, the sums per rate are those of what went."""
    desk.run(SAMPLES / "mistakes.xlsx")
    page = (desk.folder / "out" / "report.html").read_text(encoding="utf-8")
    sent = [each for each in desk.report()["invoices"] if each["outcome"] == "accepted"]
    assert 0 < len(sent) < len(desk.report()["invoices"])
    net = sum(round(100 * float(each["net"])) for each in sent)
    assert f"{net // 100:,}.{net % 100:02}" in page
