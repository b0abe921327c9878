"""Reading status updates: every reasonable shape says the same, nothing is guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.follow.updates import _spelt, _stages, _table, read
from pipeline.ledger.life import Stage, Update

DAY = "2026-11-20"
PAID = Update("12", "1001", "2026-11-18", Stage.PAID, "paid")
ENTRY = {"jobid": 12, "billnum": "1001", "status": "paid", "date": "2026-11-18"}


@pytest.mark.parametrize(
    "content",
    [
        [ENTRY],
        ENTRY,
        {"updates": [ENTRY]},
        {"status": "ok", "count": 1, "statusupdates": [ENTRY], "errors": []},
        {"data": {"updates": [ENTRY]}},
        [{"job_id": "12", "Bill-Number": 1001, "currentStatus": "paid", "statusDate": "2026-11-18"}],
        [{"jobid": 12, "billnum": "1001", "statuses": [{"status": "paid", "date": "2026-11-18"}]}],
        [{"job": {"jobid": 12, "billnum": "1001"}} | ENTRY],
        [ENTRY | {"statustext": "paid"}],
        [ENTRY | {"date": "18.11.2026"}],
        [{"jobid": 12, "billnum": "1001", "event": {"name": "paid"}, "created": "2026-11-18"}],
    ],
)
def test_a_shape(content: Any) -> None:
    """A list, an object around it, other spellings of the names, several updates in one object."""
    reading = read(content, DAY)
    assert reading.updates == [PAID]
    assert (reading.entries, reading.strange, reading.unknown) == (1, 0, [])


@pytest.mark.parametrize("content", [[], {}, {"updates": []}, {"updates": [], "count": 0}])
def test_nothing_new(content: Any) -> None:
    """Nothing is not strange."""
    assert read(content, DAY) == (0, [], 0, [])


@pytest.mark.parametrize(
    ("entry", "strange"),
    [
        ({"message": "no updates"}, 1),
        ([["1001", "paid"], 3, None, "paid"], 4),
        ([{"status": "paid"}, {"billnum": "1001"}, ENTRY], 2),
    ],
)
def test_what_cannot_be_read_is_counted(entry: Any, strange: int) -> None:
    """No job, no status, or no object."""
    assert read(entry, DAY).strange == strange


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ({"date": "2026-11-18T10:15:30.123+02:00"}, "2026-11-18T10:15:30"),
        ({"date": "2026-11-18 10:15"}, "2026-11-18T10:15:00"),
        ({"date": "yesterday", "timestamp": "2026-11-17"}, "2026-11-17"),
        ({"date": "2026-02-30"}, DAY),
        ({"paydate": "2026-12-24"}, DAY),
        ({}, DAY),
    ],
)
def test_when(told: dict[str, str], at: str) -> None:
    """As the service tells it; else the day that was asked for; a due date is no date of a change."""
    assert read([{"billnum": "1", "status": "paid"} | told], DAY).updates[0].at == at


@pytest.mark.parametrize(
    ("status", "stage", "is_known"),
    [
        ("Maksettu", Stage.PAID, True),
        ("Payment reminder", Stage.REMINDED, True),
        ("1. maksumuistutus", Stage.REMINDED, True),
        ("SENT_TO_COLLECTION", Stage.COLLECTED, True),
        ("krediterad", Stage.CREDITED, True),
        ("Hylätty", Stage.REFUSED, True),
        ("partly paid", Stage.NOTED, True),
        ("not paid", Stage.NOTED, False),
        ("paid?  maybe", Stage.NOTED, False),
        (30, Stage.NOTED, False),
    ],
)
def test_words(status: Any, stage: Stage, is_known: bool) -> None:
    """Whole words of the table, in three languages; whatever else there is changes nothing."""
    reading = read([{"billnum": "1", "status": status}], DAY)
    assert reading.updates[0].stage is stage
    assert reading.unknown == ([] if is_known else [" ".join(str(status).split())])


def test_a_contradiction_is_no_stage() -> None:
    """A status and a text of another meaning: neither counts."""
    reading = read([ENTRY | {"statustext": "open"}], DAY)
    assert (reading.updates[0].stage, reading.unknown) == (Stage.NOTED, ["paid; open"])


def test_a_code_beside_a_known_text_does_no_harm() -> None:
    """`30` says nothing, “Maksettu” does."""
    reading = read([ENTRY | {"status": 30, "statustext": "Maksettu"}], DAY)
    assert (reading.updates[0].stage, reading.updates[0].words) == (Stage.PAID, "30; Maksettu")


def test_identity_codes_in_words_are_masked() -> None:
    """A status is no place for one, but nobody knows."""
    (update,) = read([ENTRY | {"status": "paid by 131052-308T"}], DAY).updates
    assert update.words == "paid by [personal identity code]"


def test_the_table_is_sound() -> None:
    """Each word is spelt as words are compared, and means one thing."""
    words = [word for group in _table()["words"].values() for word in group]
    assert len(words) == len(set(words)) == len(_stages())
    assert [word for word in words if _spelt(word) != word] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["paid", "1001"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["jobid", "billnum", "status", "date", "updates", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_comes_is_read(content: Any) -> None:
    """No answer makes it fail, and every update names a job."""
    reading = read(content, DAY)
    assert all(each.jobid or each.billnum for each in reading.updates)
    assert reading.strange <= reading.entries
