"""An export with prices that include VAT, from file to service to report."""

from __future__ import annotations

from flow_desk import HEADER, Desk, outcomes, row, told

PROFILE = """\
[columns]
"Hinta sis. ALV" = "payrow.amount"
"Alennus euroina" = "row.discount"

[prices]
vat = "included"
rounding_row = "Pyöristys"
discount = "row"
minus = "quantity"
"""
GROSS_HEADER = HEADER.replace("Veroton hinta", "Hinta sis. ALV") + ";Alennus euroina;Summa"


def test_the_total_is_the_exports_everywhere(desk: Desk) -> None:
    """An invoice that needs a cent of rounding, and its credit: sent and reported to the cent."""
    desk.write("p.toml", PROFILE, header=None)
    lines = [
        row(Määrä="1", Veroton_hinta="134,00") + ";10,00;124,00",
        row(Laskunumero="1002", Määrä="-1", Veroton_hinta="134,00") + ";10,00;-124,00",
    ]
    desk.write("laskut.csv", *lines, header=GROSS_HEADER)
    done, report = desk.run("laskut.csv", "--profile", "p.toml")
    assert done.code == 0, done.out + done.err
    assert outcomes(report) == {"1001": "accepted", "1002": "accepted"}
    assert told(report) == []
    assert [
        (each["code"], each["cell"]) for each in report["findings"] if each["code"] == "prices-made-net"
    ] == [("prices-made-net", "K2"), ("prices-made-net", "K3")]
    assert [(each["net"], each["vat"], each["total"]) for each in report["invoices"]] == [
        ("98.81", "25.19", "124.00"),
        ("-98.81", "-25.19", "-124.00"),
    ]
    assert [[line["amount"] for line in each["payrow"]] for each in desk.accepted()] == [
        ["106.76", "0.01"],
        ["-106.76", "-0.01"],
    ]
    again, report = desk.run("laskut.csv", "--profile", "p.toml")
    assert outcomes(report) == {"1001": "already-accepted", "1002": "already-accepted"}
    assert again.code == 0


def test_a_total_out_of_reach_goes_to_corrections(desk: Desk) -> None:
    """Without a rounding row the invoice is held back, its row copied, and its remedy named."""
    desk.write("p.toml", PROFILE.replace('rounding_row = "Pyöristys"\n', ""), header=None)
    good = row(Laskunumero="1002", Määrä="1", Veroton_hinta="125,50") + ";;"
    desk.write("laskut.csv", row(Määrä="1", Veroton_hinta="124,00") + ";;", good, header=GROSS_HEADER)
    done, report = desk.run("laskut.csv", "--profile", "p.toml")
    assert done.code == 1
    assert outcomes(report) == {"1001": "invalid", "1002": "accepted"}
    assert told(report) == [("gross-unreachable", "K2", "1001")]
    assert (desk.folder / "out" / "corrections.xlsx").exists()
    desk.write("p.toml", PROFILE, header=None)
    _, report = desk.run("out/corrections.xlsx", "--profile", "p.toml")
    assert outcomes(report) == {"1001": "accepted"}
    assert desk.accepted()[-1]["payrow"][-1]["desc"] == "Pyöristys"
