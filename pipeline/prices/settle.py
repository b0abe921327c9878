"""What a profile says of prices: VAT in them, discounts in money, rates from sums, where a minus stands.

Sources disagree on all of it (`finnish-exports.md`, Signs and prices); the service wants unit prices without
VAT, rates and discounts in percent (`schemas/payrow.json`). What is found is what gives the export's own sums
by the rule of `values.money`, to the cent; where nothing does, or more than one thing, that is an error.

`row_prices` settles each row by itself, `gross_prices` then takes the VAT out of all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Context, Decimal, localcontext
from typing import NamedTuple

from pipeline.document import Document
from pipeline.language import translate
from pipeline.prices.gross import gross_to_net
from pipeline.prices.row import HELPERS, SUMS, row_of, settle_row
from pipeline.profile.model import Prices
from pipeline.validator.rules.base import Broken
from pipeline.values.money import Cents, cents, document_sums, from_cents, money_text, row_sums_bulk, to_cents

_FACTORS = ("count", "amount", "taxpr", "discount")
_TOTALS = ("netamount", "vatamount", "totalamount")
_EXACT = Context(prec=200)  # more digits than three numbers of an export have together
_NO_SUMS = (0, 0, 0)


class Settled(NamedTuple):
    """A document's rows as the service wants them, and what to tell about it.

    `rows` may have one more at its end, for rounding. `exported` are the sums of each row as the export has
    them, if its prices include VAT: from those that are sent they may differ by the rounding.
    """

    rows: list[dict[str, str]]
    told: list[Broken]
    exported: list[Cents] | None = None


def has_prices(prices: Prices, fields: Collection[str]) -> bool:
    """Whether rows with those fields have anything to settle: all others need not be looked at."""
    return prices != Prices() or any(name in fields for name in ("included", *HELPERS))


def found_fields(prices: Prices, fields: Collection[str]) -> set[str]:
    """The fields of a row that need no column, since they follow from these."""
    sums = {name for name in SUMS if name in fields}
    found = set()
    if len(sums) > 1 or ("row.gross" if prices.vat == "included" else "row.net") in sums:
        found.add("payrow.amount")
    if len(sums) > 1 and prices.rate == "sums":
        found.add("payrow.taxpr")
    return found


def settle_document(
    document: Document, prices: Prices, home: str | None, *, credit: bool, included: str | None = None
) -> list[Broken]:
    """Settle the rows of a document and make its sums anew; returns what to tell about it.

    Args:
        document: with its rows as they were read; its sums may be anything.
        prices: what the profile says.
        home: the biller's country (alpha-3), whose VAT rates are meant.
        credit: whether its column says that it is a credit note.
        included: what its column says of its prices: `1` if they have VAT in them, else `0`.
    """
    rows = document.dataset.get("payrow")
    if not rows:
        return []
    places = list(document.payrows)
    settled = settle_prices(
        rows,
        [document.given_totals[at] if document.given_totals else "" for at in places],
        prices,
        days=[day for tag in ("billdate", "deliverydate") if (day := document.dataset.get(tag))],
        home=home,
        credit=credit,
        included=included,
    )
    document.dataset["payrow"] = settled.rows
    sums = row_sums_bulk(*([row.get(tag) for row in settled.rows] for tag in _FACTORS))
    of_rows = [_NO_SUMS] * len(document.rows)
    for at, own in zip(places, sums, strict=False):
        of_rows[at] = own
    if len(sums) > len(places):  # the row for rounding, which stands in no row of the file
        document.payrows = [*places, -1]
        of_rows.append(sums[-1])
    document.row_sums = of_rows
    document.net, document.vat, document.total = document_sums(of_rows)
    if settled.exported:
        _restate_totals(document, dict(zip(places, settled.exported, strict=True)))
    return settled.told


def settle_prices(
    rows: Sequence[Mapping[str, str]],
    given_totals: Sequence[str],
    prices: Prices,
    *,
    days: Sequence[str] = (),
    home: str | None = None,
    credit: bool = False,
    included: str | None = None,
) -> Settled:
    """Bring the rows of one document to unit prices without VAT, and rates and discounts in percent.

    Args:
        rows: the entries of `payrow`, with the helper fields `row.discount`, `row.included`, `row.net`,
            `row.vat` and `row.gross` beside the tags; texts of the API.
        given_totals: the sum column of each, `""` where it is blank.
        prices: what the profile says.
        days: the document's dates (ISO) that tell which VAT rates were in force; none: all ever known.
        home: the country (alpha-3) whose rates they are.
        credit: whether its column says that the document is a credit note.
        included: what the document's own column says of prices of which their row says nothing.

    Returns:
        Rows without helper fields. Where something is told as an error they are as far as they came.
    """
    with localcontext(_EXACT):
        unsigned = credit and prices.minus == "column"
        under_way = [
            row_of(number, row, total, unsigned=unsigned)
            for number, (row, total) in enumerate(zip(rows, given_totals, strict=True))
        ]
        for row in under_way:
            if included:
                row.given.setdefault("row.included", Decimal(included))
            settle_row(row, prices, days, home)
        told = [each for row in under_way for each in row.told]
        tags = [row.tags for row in under_way]
        whole = all(row.countable and row.tags.get("amount") and row.tags.get("taxpr") for row in under_way)
        has_vat = [row.included for row in under_way]
        if not any(has_vat) or told or not whole:
            return Settled(tags, told)
        return Settled(*gross_to_net(tags, prices.rounding_row, has_vat))


def explain(prices: Prices) -> list[str]:
    """What is declared, a sentence each; nothing for what is as usual."""
    sentences = []
    if prices.vat == "included":
        sentences.append(
            translate("Prices include VAT; those without it are found so that an invoice's total stays.")
        )
    if prices.vat == "column":
        sentences.append(
            translate(
                "A column says which prices include VAT; those without it are found so that an invoice's "
                "total stays."
            )
        )
    if prices.rounding_row:
        text = translate(
            "Where a cent is left over, a row “{desc}” without VAT makes up for it.", desc=prices.rounding_row
        )
        sentences.append(text)
    others = {
        "row": translate("The discount in money is taken off the sum of its row."),
        "unit": translate("The discount in money is taken off the price of each unit."),
        "sums": translate("The VAT rate of a row follows from its sums."),
        "price": translate("A credit has its minus at the price; a quantity with a minus is an error."),
        "quantity": translate("A credit has its minus at the quantity; a price with a minus is an error."),
        "total": translate(
            "A credit has its minus at the row's sum; one at a price or quantity is an error."
        ),
        "column": translate("A column says what is a credit; a minus at a price or quantity is an error."),
    }
    declared = (prices.discount, prices.rate, prices.minus)
    return sentences + [others[word] for word in declared if word in others]


def _restate_totals(document: Document, exported: Mapping[int, Cents]) -> None:
    """Totals that hold against the export's own prices follow what is sent, which may be a cent off.

    The rules would else find fault with the rounding (`rules/sums.py`), and the service refuse the row.
    """
    for at, row in zip(document.payrows, document.dataset["payrow"], strict=True):
        sums = zip(_TOTALS, exported.get(at, _NO_SUMS), document.row_sums[at], strict=True)
        for tag, theirs, ours in sums:
            if tag in row and Decimal(row[tag]) == from_cents(theirs):
                row[tag] = money_text(from_cents(ours))
    count = len(document.rows)
    had, sent = [exported.get(at, _NO_SUMS) for at in range(count)], document.row_sums[:count]
    meanings = [
        ([total for _, _, total in had], [total for _, _, total in sent]),
        ([net for net, _, _ in had], [net for net, _, _ in sent]),
        ([sum(net for net, _, _ in had)] * count, [to_cents(document.net)] * count),
    ]
    given = {at: to_cents(cents(Decimal(text))) for at, text in enumerate(document.given_totals) if text}
    for column, ours_too in meanings:
        if given and all(column[at] == value for at, value in given.items()):
            restated = {at: money_text(from_cents(ours_too[at])) for at in given}
            document.given_totals = tuple(restated.get(at, "") for at in range(count))
            return
