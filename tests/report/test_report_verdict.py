"""The verdict: the whole run in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.document import Outcome
from pipeline.report.read import RunFacts
from pipeline.report.totals import Totals
from pipeline.report.words import verdict


def said(outcomes: dict[Outcome, int], *, counted: dict[str, Any] | None = None, **facts: Any) -> str:
    """The verdict on a run with so many invoices of 1,000.00 each."""
    totals = Totals(counted=counted or {})
    for outcome, count in outcomes.items():
        for _ in range(count):
            totals.add(outcome, "1000.00", "0.00", "1000.00", [])
    known: dict[str, Any] = {"command": "run", "environment": "test-fi", "finished": "2026-11-20T02:16:00Z"}
    run = RunFacts(
        **{
            "id": "1",
            "started": "2026-11-20T02:15:00Z",
            "exit_code": 0,
            "facts": {},
            "sources": [],
            "counted": {},
            "ledger": "sqlite:///l",
            **known,
            **facts,
        }
    )
    return verdict(run, totals)


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ({}, "Nothing was attempted: no invoice was made from the input."),
        ({Outcome.ACCEPTED: 2}, "Every invoice is with the service: 2 of 2, total 2,000.00."),
        (
            {Outcome.ACCEPTED: 1, Outcome.ALREADY_ACCEPTED: 2},
            "Every invoice is with the service: 3 of 3, total 3,000.00; 2 of them from an earlier run.",
        ),
        (
            {Outcome.ALREADY_ACCEPTED: 2},
            "Every invoice was with the service already: 2 of 2, total 2,000.00. Nothing was sent again.",
        ),
        (
            {
                Outcome.ACCEPTED: 1,
                Outcome.REFUSED: 2,
                Outcome.INVALID: 3,
                Outcome.CONFLICT: 1,
                Outcome.UNKNOWN: 1,
                Outcome.NOT_SENT: 4,
            },
            (
                "1 of 12 invoices are with the service. "
                "Need attention: 2 refused by the service, 3 invalid, 1 in conflict, 1 unknown, 4 not sent."
            ),
        ),
    ],
)
def test_a_run_in_one_sentence(outcomes: dict[Outcome, int], sentence: str) -> None:
    """It says whether all are with the service, and what the others need."""
    assert said(outcomes) == sentence


def test_a_check_says_that_nothing_was_sent() -> None:
    """An invoice that a check did not send is one that can be sent."""
    assert said({Outcome.NOT_SENT: 2, Outcome.INVALID: 1}, command="check") == (
        "2 of 3 invoices can be sent. Need attention: 1 invalid. This was a check, nothing was sent."
    )


def test_the_sandbox_is_named() -> None:
    """Nobody takes a rehearsal for the real thing."""
    assert said({Outcome.ACCEPTED: 1}, environment="sandbox") == (
        "Every invoice is with the service: 1 of 1, total 1,000.00. "
        "The service was the sandbox: nothing left this machine."
    )


def test_an_interrupted_run_says_so_first() -> None:
    """A run without an end is not told as if it had one."""
    assert said({Outcome.ACCEPTED: 1}, finished=None).startswith(
        "The run was interrupted before its end. Every invoice is with the service"
    )


def test_control_sums_that_disagree_come_before_all_else() -> None:
    """A report whose sums do not add up warns of itself."""
    assert said({Outcome.ACCEPTED: 1}, counted={"invoices": 2}) == (
        "THE CONTROL SUMS DO NOT AGREE: do not rely on this report, and tell whoever maintains this program. "
        "Every invoice is with the service: 1 of 1, total 1,000.00."
    )
