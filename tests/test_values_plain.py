"""Texts that are plain are converted at once; reading each of them gives the same."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.profile import Conventions
from pipeline.readers.table import EXACT
from pipeline.validator.schema import fields
from pipeline.values import convert as values
from pipeline.values.convert import convert, decimal_evidence

CONVENTIONS = st.builds(
    Conventions, decimal=st.sampled_from([None, ",", "."]), date=st.sampled_from([None, "dmy"])
)
NUMBERS = st.from_regex(rf"-?[0-9]{{1,6}}([.,][0-9]{{0,3}})?(E\+[0-9]+)?{EXACT}?", fullmatch=True)
LINES = st.text(st.sampled_from("aÄz Z09-.,@+ \u00a0\u00ad\u0301\u00b4ﬁ\t\n\u2063"), max_size=8)
TEXTS = st.lists(NUMBERS | LINES, unique=True, max_size=20)
NEVER = re.compile(r"(?!)")


def converted(texts: Sequence[str], field: str, conventions: Conventions) -> tuple[object, ...]:
    """A column of those texts: values, problems and repairs."""
    column = pd.Series(pd.Categorical(texts, categories=texts)) if texts else pd.Series(pd.Categorical([]))
    made = convert(pd.DataFrame({field: column}), conventions)[field]
    problems = {code: (each.code, each.details) for code, each in made.problems.items()}
    return made.values.tolist(), problems, made.repairs


@pytest.mark.parametrize("field", sorted({spec.kind: path for path, spec in fields().items()}.values()))
@given(texts=TEXTS, conventions=CONVENTIONS)
@example(
    texts=["1234,50", "0,05", "-0,00", "007,00", f"12.50{EXACT}", "1,50", "1.234"], conventions=Conventions()
)
def test_plain_texts_convert_as_if_read(field: str, texts: list[str], conventions: Conventions) -> None:
    """For every kind of field, the quick way gives what reading each text gives."""
    quick = converted(texts, field, conventions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "_PLAIN_FORMS", {})
        assert converted(texts, field, conventions) == quick


@given(TEXTS)
@example(["12,5", "1.234"])
def test_plain_numbers_prove_what_they_prove_when_read(texts: list[str]) -> None:
    """The decimal separators that texts prove are the same, looked at all at once or one by one."""
    quick = decimal_evidence(np.array(texts, dtype=object))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "_PLAIN_NUMBER", NEVER)
        assert decimal_evidence(texts) == quick


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("payrow.amount", "1234,50"),
        ("payrow.amount", f"1234.50{EXACT}"),
        ("payrow.count", "2,5"),
        ("payrow.count", "3"),
        ("company", "Ääkkönen & Pojat Oy"),
        ("billnum", "100001"),
        ("billcode", "1000012"),
    ],
)
def test_what_exports_mostly_hold_is_plain(field: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such texts are never read one by one."""
    monkeypatch.setattr(values, "_prepared", None)  # to read one would fail
    assert converted([text], field, Conventions())[1:] == ({}, {})
