"""What a schema cannot say: small functions, in layers, each rule with a stable code.

A rule is given a document that has passed the layers before and yields what is broken. A layer is
asked only of documents in which the layers before found no error.
"""

from __future__ import annotations

from pipeline.validator.rules.base import Broken, Context, Rule
from pipeline.validator.rules.credit import credit_names_its_original
from pipeline.validator.rules.dates import dates_in_order
from pipeline.validator.rules.features import features
from pipeline.validator.rules.identifiers import identifiers, vat_rates
from pipeline.validator.rules.identity import identity_is_sure
from pipeline.validator.rules.sums import open_sum, row_totals, sum_column, vat_percent

__all__ = ["ENTRY_LAYERS", "LAYERS", "Broken", "Context", "Rule"]

LAYERS: tuple[tuple[Rule, ...], ...] = (
    (identity_is_sure, dates_in_order, vat_percent, identifiers),
    (open_sum, row_totals, sum_column, features, vat_rates, credit_names_its_original),
)
ENTRY_LAYERS: tuple[tuple[Rule, ...], ...] = ((identity_is_sure,),)
"""Those for allocations and payments, which have no rows and name an invoice that is sent already."""
