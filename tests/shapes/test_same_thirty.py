"""The same thirty invoices, said in every way and laid out in every shape, are the same datasets.

Nothing but a TOML profile tells how to read each file.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from from_files import Read, canonical, read, toml
from shapes.thirty import (
    MEANINGS,
    NOT_OF_SUMS,
    PLAIN,
    SHAPES,
    THIRTY,
    Export,
    Invoice,
    Told,
    standard,
    sum_only,
    sums,
    told,
)

Shape = Callable[[Told, Path], Export]


def datasets(shape: Shape, this: Told, folder: Path) -> Read:
    """What a shape's files come to with its profile; nothing may be wrong."""
    folder.mkdir()
    inputs, declared = shape(this, folder)
    path = folder / "ours.toml"
    path.write_text(toml(declared), encoding="utf-8")
    found = read(inputs, path)
    assert found.errors == []
    return found


def understood_plainly(this: Told, folder: Path) -> Read:
    """The standard shape without a profile."""
    folder.mkdir()
    found = read(standard(this, folder).inputs)
    assert found.errors == []
    return found


def totals(found: Read) -> dict[str | None, tuple[Decimal, Decimal, Decimal]]:
    """Each invoice's sums."""
    return {each.billnum: (each.net, each.vat, each.total) for each in found.documents}


def sums_of(bills: tuple[Invoice, ...]) -> dict[str | None, tuple[Decimal, Decimal, Decimal]]:
    """The sums of the invoices by the arithmetic of this list alone."""
    result: dict[str | None, tuple[Decimal, Decimal, Decimal]] = {}
    for bill in bills:
        net, vat = (
            sum((row.net for row in bill.rows), Decimal(0)),
            sum((row.vat for row in bill.rows), Decimal(0)),
        )
        sign = -1 if bill.credit else 1
        result[str(bill.number)] = (sign * net, sign * vat, sign * (net + vat))
    return result


def test_the_thirty_are_what_they_claim() -> None:
    """Consumers and companies, credits, discounts, three rates, several rows, and cents to round."""
    rows = [row for bill in THIRTY for row in bill.rows]
    assert len(THIRTY) == 30
    assert {bool(bill.customer.company) for bill in THIRTY} == {True, False}
    assert sum(bill.credit for bill in THIRTY) >= 5
    assert {len(bill.rows) for bill in THIRTY} == {1, 2, 3, 4}
    assert {str(row.rate) for row in rows} == {"25.5", "13.5", "10"}
    assert {str(row.discount) for row in rows} == {"0", "10", "2.5", "5"}
    assert any(row.net != row.before and not row.discount for row in rows)
    assert {"Ä", "Ö", "Å"} <= {letter for bill in THIRTY for letter in bill.customer.name.upper()}


def test_the_sums_are_those_of_the_list(tmp_path: Path) -> None:
    """What the standard shape comes to is what the list itself adds up to."""
    assert totals(understood_plainly(told(PLAIN), tmp_path / "plain")) == sums_of(THIRTY)


@pytest.mark.parametrize("meaning", MEANINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_meaning_in_every_shape(shape: str, meaning: str, tmp_path: Path) -> None:
    """The datasets are those of the standard shape, which needs no profile; with VAT in prices, the sums."""
    declared = MEANINGS[meaning]
    expected = understood_plainly(told(PLAIN), tmp_path / "plain")
    found = datasets(SHAPES[shape], told(declared), tmp_path / "shape")
    assert totals(found) == totals(expected)
    if declared.with_vat:
        expected = datasets(standard, told(declared), tmp_path / "standard")
    assert canonical(found.documents) == canonical(expected.documents)
    assert len(found.documents) == 30


@pytest.mark.parametrize("meaning", [name for name in MEANINGS if name not in NOT_OF_SUMS])
def test_every_meaning_that_a_sum_alone_can_have(meaning: str, tmp_path: Path) -> None:
    """A file with a sum an invoice, completed by constants, is the standard shape with these on each row."""
    declared = MEANINGS[meaning]
    expected = understood_plainly(sums(PLAIN), tmp_path / "plain")
    found = datasets(sum_only, sums(declared), tmp_path / "shape")
    assert totals(found) == totals(expected)
    if declared.with_vat:
        expected = datasets(standard, sums(declared), tmp_path / "standard")
    assert canonical(found.documents) == canonical(expected.documents)
    assert len(found.documents) == 30
