"""What an answer means, for the request and for each job in it, in every shape that is left open."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sender.answers import TABLE, Answer, Meaning, meaning
from pipeline.sender.judge import Verdict, judge

THREE = ["1001", "1002", "1003"]


def _answer(status: int, content: Any) -> Answer:
    return Answer(status, orjson.dumps(content))


def test_the_docs_tell_the_table() -> None:
    """`docs/answers.md` and the code have the same rows in the same order."""
    text = (Path(__file__).parents[2] / "docs" / "answers.md").read_text(encoding="utf-8")
    first = text.split("## To `GET")[0]
    rows = re.findall(r"^\| (?!answer)(.+) \| (\S+) \| (.+) \|$", first, re.MULTILINE)
    assert rows == [(row.when, row.meaning, row.then) for row in TABLE]


PROBLEM = {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "postcode is missing"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(None, sent=False, error="ConnectionRefusedError"), Meaning.UNREACHABLE),
        (Answer(None, error="ReadTimeoutError"), Meaning.UNKNOWN),
        (_answer(401, PROBLEM), Meaning.UNAUTHORISED),
        (Answer(401), Meaning.UNAUTHORISED),
        (Answer(429), Meaning.BUSY),
        (Answer(408, b'{"title": "x"}'), Meaning.UNKNOWN),
        (Answer(413, b"<html>"), Meaning.REFUSED),
        (_answer(400, PROBLEM), Meaning.REFUSED),
        (_answer(400, {"errorId": 7, "errorText": "no"}), Meaning.REFUSED),
        (_answer(403, PROBLEM), Meaning.REFUSED),
        (_answer(409, [{"error": "x"}]), Meaning.REFUSED),
        (_answer(422, {}), Meaning.UNKNOWN),
        (Answer(400, b"Bad Request"), Meaning.UNKNOWN),
        (Answer(404, b"<html>not here</html>"), Meaning.UNKNOWN),
        (Answer(400, b'{"title": "x"}', complete=False), Meaning.UNKNOWN),
        (_answer(201, {"accepted": 3}), Meaning.COUNTED),
        (_answer(200, {"accepted": "3"}), Meaning.COUNTED),
        (_answer(201, {"data": {"accepted": 3}}), Meaning.COUNTED),
        (_answer(201, {"accepted": True}), Meaning.UNKNOWN),
        (_answer(201, {"accepted": None}), Meaning.UNKNOWN),
        (_answer(201, {"accepted": 3.0}), Meaning.UNKNOWN),
        (_answer(201, [3]), Meaning.UNKNOWN),
        (_answer(201, {}), Meaning.UNKNOWN),
        (Answer(201), Meaning.UNKNOWN),
        (Answer(201, b'{"accepted": 3}', complete=False), Meaning.UNKNOWN),
        (Answer(204), Meaning.UNKNOWN),
        (Answer(302), Meaning.UNKNOWN),
        (_answer(500, PROBLEM), Meaning.UNKNOWN),
        (Answer(503), Meaning.UNKNOWN),
    ],
)
def test_what_a_request_s_answer_means(answer: Answer, expected: Meaning) -> None:
    """Only what is certain is concluded."""
    assert meaning(answer) is expected


A, R, U, N = Verdict.ACCEPTED, Verdict.REFUSED, Verdict.UNKNOWN, Verdict.AGAIN


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # all
        ({"accepted": 3}, [A, A, A]),
        ({"accepted": 3, "errors": []}, [A, A, A]),
        # some, named by bill number under any plausible name
        ({"accepted": 2, "errors": [{"error": "x", "billnum": "1002"}]}, [A, R, A]),
        ({"accepted": 2, "errors": [{"error": "x", "BillNum": 1002}]}, [A, R, A]),
        ({"accepted": 2, "JobResponseErrors": [{"error": "x", "bill_number": "1002"}]}, [A, R, A]),
        ({"accepted": 1, "errors": [{"error": "x", "billnum": "1003"}, {"billnum": "1001"}]}, [R, A, R]),
        # several reasons for one job
        (
            {"accepted": 2, "errors": [{"error": "x", "billnum": "1002"}, {"error": "y", "billnum": "1002"}]},
            [A, R, A],
        ),
        # the accepted named by job id, and as many errors as are left
        (
            {
                "accepted": 2,
                "jobs": [{"jobid": 1, "billnum": "1001"}, {"jobid": 3, "billnum": "1003"}],
                "errors": [{"error": "x"}],
            },
            [A, R, A],
        ),
        (
            {"accepted": 2, "jobs": [{"jobid": 1, "billnum": "1001"}, {"jobid": 3, "billnum": "1003"}]},
            [A, U, A],
        ),
        # named among the jobs
        ({"accepted": 2, "jobs": [{"billnum": "1002", "error": "x"}]}, [A, R, A]),
        # by index, when it is certain what it counts from
        ({"accepted": 2, "errors": [{"error": "x", "index": 0}]}, [R, A, A]),
        ({"accepted": 2, "errors": [{"error": "x", "index": 3}]}, [A, A, R]),
        ({"accepted": 1, "errors": [{"error": "x", "index": 0}, {"error": "x", "index": 2}]}, [R, A, R]),
        ({"accepted": 1, "errors": [{"index": 1, "billnum": "1002"}, {"index": 2, "error": "x"}]}, [A, R, R]),
        ({"accepted": 2, "errors": [{"error": "x", "index": 1}]}, [U, U, U]),
        ({"accepted": 2, "errors": [{"error": "x", "index": 9}]}, [U, U, U]),
        # by the text of a refusal as duplicate
        ({"accepted": 2, "errors": [{"error": "billnum 1002 already exists"}]}, [A, R, A]),
        ({"accepted": 2, "errors": ["Bill number '1002' already exists"]}, [A, R, A]),
        # but not by a number in another text, which may be that of a credited invoice
        ({"accepted": 2, "errors": [{"error": "refundtobillnum 1002 does not exist"}]}, [U, U, U]),
        ({"accepted": 2, "errors": [{"error": "credited bill number 1002 does not exist"}]}, [U, U, U]),
        # unnamed, or not all named
        ({"accepted": 2, "errors": [{"error": "x"}]}, [U, U, U]),
        ({"accepted": 2}, [U, U, U]),
        ({"accepted": 1, "errors": [{"error": "x", "billnum": "1002"}]}, [U, R, U]),
        ({"accepted": 2, "jobs": [{"jobid": 1, "billnum": "1001"}]}, [A, U, U]),
        # none, and an error for each
        ({"accepted": 0, "errors": [{"error": "x"}, {"error": "y"}, {"error": "z"}]}, [R, R, R]),
        ({"accepted": 0}, [U, U, U]),
        ({"accepted": 0, "errors": [{"error": "x"}]}, [U, U, U]),
        ({"accepted": 0, "errors": [{"error": "x", "billnum": "1002"}]}, [U, R, U]),
        # contradictions
        ({"accepted": 4}, [U, U, U]),
        ({"accepted": -1}, [U, U, U]),
        ({"accepted": 3, "errors": [{"error": "x"}]}, [U, U, U]),
        ({"accepted": 2, "errors": [{"billnum": "1001"}, {"billnum": "1002"}]}, [U, U, U]),
        (
            {"accepted": 1, "jobs": [{"jobid": 1, "billnum": "1001"}, {"jobid": 2, "billnum": "1002"}]},
            [U, U, U],
        ),
        ({"accepted": 2, "jobs": [{"jobid": 1, "billnum": "1"}], "errors": [{"billnum": "1002"}]}, [U, U, U]),
        ({"accepted": 2, "errors": [{"billnum": "7", "error": "x"}]}, [U, U, U]),
        (
            {"accepted": 2, "jobs": [{"jobid": 1, "billnum": "1002"}], "errors": [{"billnum": "1002"}]},
            [U, U, U],
        ),
    ],
)
def test_what_a_201_says_of_each_job(content: Any, expected: list[Verdict]) -> None:
    """Refused where the answer names the job, accepted where the counts add up, otherwise unknown."""
    assert [each.verdict for each in judge(_answer(201, content), THREE)] == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (PROBLEM, [N, N, N]),
        ({"errors": [{"error": "x", "billnum": "1002"}]}, [N, R, N]),
        ({"errors": [{"error": "x", "index": 0}]}, [R, N, N]),
        ([{"error": "x", "billnum": "1001"}], [R, N, N]),
        ({"detail": "The batch is refused because of billnum 1003."}, [N, N, R]),
        ({"detail": "billnum 1001 and billnum 1002 are the same"}, [N, N, N]),
        ({"detail": "refundtobillnum 1001 does not exist"}, [N, N, N]),
        ({"errors": [{"error": "x"}, {"error": "y"}, {"error": "z"}]}, [N, N, N]),
    ],
)
def test_what_a_400_says_of_each_job(content: Any, expected: list[Verdict]) -> None:
    """The named are refused; nothing was taken, so the others go again."""
    assert [each.verdict for each in judge(_answer(400, content), THREE)] == expected


def test_a_single_job_is_refused_with_its_reason() -> None:
    """There is nothing left to split."""
    (said,) = judge(_answer(400, PROBLEM), ["1001"])
    assert (said.verdict, said.text) == (R, "Bad Request; postcode is missing")
    (said,) = judge(_answer(201, {"accepted": 0, "errors": [{"error": "no postcode"}]}), [None])
    assert (said.verdict, said.text) == (R, "no postcode")
    (said,) = judge(Answer(413, b"<html>"), [None])
    assert (said.verdict, said.text) == (R, "<html>")


def test_job_ids_are_taken_where_they_belong() -> None:
    """By bill number; in the order sent when there is one for each job and none is named."""
    named = {"accepted": 2, "jobs": [{"jobid": 12, "billnum": "1002"}, {"jobid": 11, "billnum": "1001"}]}
    assert [each.jobid for each in judge(_answer(201, named), ["1001", "1002"])] == ["11", "12"]
    unnamed = {"accepted": 2, "jobs": [{"jobid": 11}, {"jobid": 12}]}
    assert [each.jobid for each in judge(_answer(201, unnamed), [None, None])] == ["11", "12"]
    fewer = {"accepted": 2, "jobs": [{"jobid": 11}]}
    assert [each.jobid for each in judge(_answer(201, fewer), [None, None])] == [None, None]


def test_a_number_that_is_there_twice_names_nobody() -> None:
    """An invoice and its reminder in one batch are not confused."""
    content = {"accepted": 1, "errors": [{"error": "x", "billnum": "1001"}]}
    assert [each.verdict for each in judge(_answer(201, content), ["1001", "1001"])] == [U, U]


@pytest.mark.parametrize(
    ("text", "duplicate"),
    [
        ("billnum 1001 already exists", True),
        ("Duplicate invoice number", True),
        ("Laskunumero 1001 on jo olemassa", True),
        ("bill number is not unique", True),
        ("duplicate payrow", False),
        ("postcode is missing", False),
    ],
)
def test_what_is_a_refusal_as_duplicate(text: str, duplicate: bool) -> None:
    """It must be about a bill number that exists."""
    (said,) = judge(_answer(400, {"errors": [{"error": text}]}), ["1001"])
    assert said.duplicate is duplicate


def test_texts_are_masked_and_short() -> None:
    """What the service says is kept without identity codes, and not for pages."""
    (said,) = judge(_answer(400, {"detail": "govid 131052-308T is wrong" + "!" * 9999}), ["1"])
    assert said.text.startswith("govid [personal identity code] is wrong!")
    assert len(said.text) == 500


_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-2, 4), st.sampled_from(["1001", "1002", "x", "billnum 1001"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["accepted", "jobs", "errors", "error", "billnum", "jobid", "index", "data"]),
            inner,
        ),
    ),
    max_leaves=12,
)


@given(st.sampled_from([200, 201, 400, 409, 500]), _JSON, st.integers(1, 3))
def test_no_answer_is_too_strange(status: int, content: Any, sent: int) -> None:
    """Any JSON gives one verdict a job; as accepted count no more than the answer's own number."""
    said = judge(_answer(status, content), THREE[:sent])
    assert len(said) == sent
    accepted = sum(each.verdict is A for each in said)
    if accepted:
        numbers = [content.get("accepted")]
        numbers += [each.get("accepted") for each in content.values() if isinstance(each, dict)]
        assert any(isinstance(each, int) and each >= accepted for each in numbers)
    if sent == 1:
        assert said[0].verdict is not N
