"""Hashes, payloads without identity codes, differences."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ledger_made import HETU, invoice

from pipeline.ledger.content import _without_codes, as_json, content, differences, guarded
from pipeline.ledger.entry import Sealing, entry_of
from pipeline.privacy import mask

KEY = bytes(32)
CODES = [HETU, "131052A308T", "811228-9874", "19811228-9874", "15107707083", "151077 07083", "198112289874"]


def test_another_ledger_has_other_hashes() -> None:
    """A hash tells nothing to who has not the ledger's key."""
    assert content(KEY, invoice(), "1").hash != content(bytes(31) + b"1", invoice(), "1").hash


@given(st.sampled_from([None, "0", "1"]), st.sampled_from([None, "0", "1"]), st.sampled_from(CODES))
def test_a_guard_is_changed_without_making_the_json_anew(
    before: str | None, after: str | None, govid: str
) -> None:
    """Put in, changed or taken out of a body, it gives what the dataset would; the payload never has it."""
    document = invoice(govid=govid, customertype="2", checkbillnum=None)
    body = content(KEY, document, before).body
    assert guarded(body, before, after) == content(KEY, document, after).body
    entry = entry_of(document, Sealing(KEY))
    assert entry._replace(guard=after, body=guarded(entry.body, None, after)).payload == entry.payload
    assert entry.under_guard().body == content(KEY, document, "1").body


def test_the_guard_is_sent_and_is_no_content() -> None:
    """With and without `checkbillnum` it is the same invoice; what is sent says which."""
    closed, open_ = content(KEY, invoice(), "1"), content(KEY, invoice(checkbillnum=None), None)
    assert closed[:2] == open_[:2]
    assert orjson.loads(closed.body) == orjson.loads(open_.body) | {"checkbillnum": "1"}


def test_numbers_are_sent_digit_for_digit() -> None:
    """Accounting rows are JSON numbers, written as they are."""
    rows = [{"debit": Decimal("10.10"), "credit": Decimal("0.00")}]
    body = content(KEY, invoice(accountrow=rows), None).body
    assert b'"accountrow":[{"credit":0.00,"debit":10.10}]' in body


_TEXTS = st.lists(
    st.one_of(
        st.sampled_from([*CODES, " ", "\n", "\t", "A", "n", "-", "é", '"', "\\", "1", "2262509-5", "FI"]),
        st.text(alphabet='0123456789-+A \n"\\', max_size=14),
    ),
    max_size=5,
).map("".join)
_DATASETS = st.fixed_dictionaries(
    {"freetext": _TEXTS, "payrow": st.lists(st.fixed_dictionaries({"desc": _TEXTS}), max_size=2)}
)


@settings(max_examples=400)
@given(_DATASETS)
@example({"freetext": f"\n{HETU}", "payrow": []})
@example({"freetext": f"\\n{HETU}", "payrow": []})
@example({"freetext": "12345678901234567890 " + CODES[4], "payrow": []})
def test_the_quick_look_for_codes_misses_none(dataset: dict[str, Any]) -> None:
    """The payload is what looking at every single text gives, and holds no code."""
    document = invoice()
    document.dataset = dataset
    payload = entry_of(document, Sealing(KEY)).payload
    assert payload == as_json(_without_codes(KEY, dataset)).decode()
    for text in _texts(orjson.loads(payload)):
        assert mask(text) == text


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value]


def test_a_persons_govid_is_hashed_whatever_its_form() -> None:
    """A mistyped code of a person is as personal as a right one; a company's id stays."""
    assert "131052" not in entry_of(invoice(customertype="2", govid="131052 308X"), Sealing(KEY)).payload
    assert "2262509-5" in entry_of(invoice(govid="2262509-5"), Sealing(KEY)).payload


def test_codes_stay_distinguishable() -> None:
    """The same code has the same hash, another one another."""
    payloads = [
        entry_of(invoice(freetext=f"hetu {code}"), Sealing(KEY)).payload for code in (HETU, HETU, CODES[2])
    ]
    assert payloads[0] == payloads[1] != payloads[2]


def test_differences_name_each_field() -> None:
    """Changed, added and missing fields and rows are told, one text each, in the order of tags."""
    before = as_json({"a": "1", "payrow": [{"amount": "1", "desc": "x"}], "z": "same"}).decode()
    after = as_json(
        {"b": "2", "payrow": [{"amount": "2", "desc": "x"}, {"amount": "3"}], "z": "same"}
    ).decode()
    assert differences(before, after) == [
        "a: 1 → (none)",
        "payrow 1 amount: 1 → 2",
        'payrow 2: (none) → {"amount":"3"}',
        "b: (none) → 2",
    ]


def test_what_was_purged_cannot_be_compared() -> None:
    """Without the earlier payload the difference says so."""
    assert differences(None, "{}") == ["the earlier content is no longer kept (purge)"]


def test_same_content_has_no_differences() -> None:
    """Tags that came from the clock do not count."""
    assert differences('{"a":"1","billdate":"x"}', '{"a":"1","billdate":"y"}', {"billdate"}) == []
