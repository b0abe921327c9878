"""jsonschema-rs and jsonschema: one verdict, one list of errors."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from schema_samples import PERSON, VALID, explained_errors, fast_errors

from pipeline.validator.schema import explaining_validator, fast_validator, fields, load

KINDS = load("values.json")["$defs"]
TAGS = list(load("dataset.json")["properties"])

TAILS = [
    "\n",
    "\r\n",
    " ",
    "\t",
    "\u2028",
    "\x00",
    "\x85",
    "\u0661",
    "²",
    "\u00e4",
    "%",
    "€",
    ",5",
    "\U0001f600",
]
TEXTS = ["", " ", "\n", "0", "1", "2", "300", "b2c", "FIN", "FI", "fin", "a@b.fi", "ä@ö.fi", "[]", "x" * 5000]
NUMBERS = ["-0", "1.", ".5", "1e5", "+1", "00.5", "100.1", "100.0", "1,50", "NaN", "١٢٣"]
DATES = ["2026-02-30", "0000-00-00", "2024-02-29", "2026-2-2", "20260202", "2026-W05-1", "9999-12-31"]
JUNK: list[Any] = [
    *(*TEXTS, *NUMBERS, *DATES),
    *(None, True, False, 0, -1, 3.5, 10**12),
    *([], {}, [None], [""], {"": ""}, {"amount": "1"}),
]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A valid dataset after up to four changes: a value replaced, tailed, taken away, or put in."""
    dataset = copy.deepcopy(draw(st.sampled_from(list(VALID.values()))))
    for _ in range(draw(st.integers(0, 4))):
        holder: Any = dataset
        while True:
            inner = [
                value
                for value in (holder.values() if isinstance(holder, dict) else holder)
                if value and isinstance(value, dict | list)
            ]
            if not inner or draw(st.booleans()):
                break
            holder = draw(st.sampled_from(inner))
        if isinstance(holder, list):
            holder.insert(draw(st.integers(0, len(holder))), draw(junk()))
            continue
        key = draw(st.sampled_from([*holder, *TAGS, "unknown"]))
        change = draw(st.sampled_from(["replace", "tail", "remove"]))
        if change == "tail" and isinstance(holder.get(key), str):
            holder[key] += draw(st.sampled_from(TAILS))
        elif change == "remove":
            holder.pop(key, None)
        else:
            holder[key] = draw(junk())
    return dataset


def junk() -> st.SearchStrategy[Any]:
    """Values of every JSON type, most of them wrong nearly everywhere."""
    odd = st.sampled_from(JUNK).map(copy.deepcopy)
    floats = st.floats(allow_nan=False, allow_infinity=False)
    return odd | st.text(max_size=20) | st.integers(-(2**63), 2**64 - 1) | floats


@pytest.mark.parametrize("name", VALID)
def test_both_accept_what_is_right(name: str) -> None:
    """Each sort of dataset that the documents describe is valid for both."""
    assert fast_errors(VALID[name]) == explained_errors(VALID[name]) == []
    assert fast_errors({"datastream": {"dataset": [VALID[name]]}}, "datastream.json") == []


@settings(max_examples=1500, deadline=None)
@given(damaged())
@example([])
@example(None)
@example({})
@example({**PERSON, "billdate": "2026-01-01\n"})
@example({**PERSON, "postcode": "70100\n"})
@example({**PERSON, "city": "KUOPIO\n"})
@example({**PERSON, "overdueinterest": "٨"})
def test_they_agree_on_every_dataset(dataset: Any) -> None:
    """Whatever is done to a dataset, both give the same errors at the same places by the same keywords."""
    errors = fast_errors(dataset)
    assert errors == explained_errors(dataset)
    assert fast_validator().is_valid(dataset) is explaining_validator().is_valid(dataset) is (not errors)


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(sorted(TAGS)), junk(), st.sampled_from(["", *TAILS]))
def test_they_agree_on_every_value(tag: str, value: Any, tail: str) -> None:
    """Whatever one tag holds, both give the same errors for it."""
    document = {**PERSON, tag: value + tail if isinstance(value, str) else value}
    assert fast_errors(document) == explained_errors(document)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["allocation.json", "payment.json"]), st.data())
def test_they_agree_on_the_other_bodies(name: str, data: st.DataObject) -> None:
    """Allocations and payments get the same errors from both, too."""
    tags = st.sampled_from([*fields(name), "unknown"])
    body = data.draw(st.dictionaries(tags, junk() | st.sampled_from(["2026-02-02", 710, 710.5, "R1"])))
    assert fast_errors(body, name) == explained_errors(body, name)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from([kind for kind, spec in KINDS.items() if "pattern" in spec]), st.data())
def test_what_a_pattern_describes_is_accepted_by_both(kind: str, data: st.DataObject) -> None:
    """A text made from a kind's own pattern has the right form for both, but for days of no calendar."""
    name, tag = next(
        (name, tag)
        for name in ("dataset.json", "payrow.json")
        for tag, entry in load(name)["properties"].items()
        if entry.get("$ref", "").endswith(f"/{kind}")
    )
    pattern = KINDS[kind]["pattern"].removesuffix("$(?!\\n)")
    document = {tag: data.draw(st.from_regex(pattern, fullmatch=True))}
    wrong = {keyword for path, keyword in fast_errors(document, name) if path == [tag]}
    assert wrong <= {"maxLength", "format" if kind == "date" else "maxLength"}
    assert fast_errors(document, name) == explained_errors(document, name)
