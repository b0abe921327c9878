"""No row is lost or in two invoices, and the sums add up, whatever order and frame size rows come in."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from flow_desk import HEADER, Desk, row
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

CENT = Decimal("0.01")

rows = st.lists(
    st.tuples(
        st.sampled_from(["1001", "1002", "1003", "A-1", "Ä 2"]),
        st.decimals(-50, 50, places=1),
        st.decimals(-500, 500, places=2),
        st.sampled_from(["0", "10", "13,5", "25,5"]),
    ),
    min_size=1,
    max_size=25,
)
others = st.lists(st.sampled_from(["", HEADER, "Yhteensä;;;;;;;;;;12,50;"]), max_size=5)


def cents(value: Decimal) -> Decimal:
    """Rounded to cents, halves away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def text(value: Decimal) -> str:
    """As a Finnish export has it."""
    return f"{value:f}".replace(".", ",")


@given(
    rows=rows, others=others, frame=st.integers(1, 30), parts=st.sampled_from([1, 200, 10**9]), data=st.data()
)
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_rows_add_up(
    rows: list[tuple[str, Decimal, Decimal, str]],
    others: list[str],
    frame: int,
    parts: int,
    data: st.DataObject,
) -> None:
    """Every row read is in exactly one invoice or set aside; net and VAT are those of the cells."""
    lines = [
        row(Laskunumero=number, Tuote=f"Rivi {at}", Määrä=text(count), Veroton_hinta=text(price), ALV_pr=rate)
        for at, (number, count, price, rate) in enumerate(rows)
    ]
    mixed = data.draw(st.permutations([*lines, *others]))
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.workers.reading.ROWS_A_FRAME", frame)
        patch.setattr("pipeline.rows.gather.BYTES_A_PART", parts)
        desk = Desk(Path(folder) / "home", Path(folder))
        desk.write("a.csv", *mixed)
        done = desk.here("check", "a.csv", "--out", "out")
        report = desk.report()
    assert done.err == ""
    assert report["control"]["agree"] is True
    assert report["totals"]["rows_read"] == 1 + len(mixed)
    assert report["totals"]["rows_set_aside"] == 1 + len(others)
    places = {place: line for place, line in enumerate(mixed, start=2) if line in lines}
    found = Counter(each["row"] for invoice in report["invoices"] for each in invoice["rows"])
    assert found == dict.fromkeys(places, 1)
    assert {each["billnum"] for each in report["invoices"]} == {number for number, *_ in rows}
    net = sum((cents(count * price) for _, count, price, _ in rows), Decimal(0))
    assert Decimal(report["totals"]["net"]) == net
