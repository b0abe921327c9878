"""What a schema cannot say: small functions, in layers, each rule with a stable code.

A rule is given a document that has passed the layers before and yields what is broken. A layer is
asked only of documents in which the layers before found no error.
"""

from __future__ import annotations

from pipeline.rules.base import Broken, Context, Rule
from pipeline.rules.dates import dates_in_order
from pipeline.rules.identity import identity_is_sure
from pipeline.rules.sums import open_sum, row_totals, sum_column, vat_percent

__all__ = ["LAYERS", "Broken", "Context", "Rule"]

LAYERS: tuple[tuple[Rule, ...], ...] = (
    (identity_is_sure, dates_in_order, vat_percent),
    (open_sum, row_totals, sum_column),
)
