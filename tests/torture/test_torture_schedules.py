"""Whatever happens in whatever order: nothing twice, nothing lost, nothing claimed that is not so."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from torture_machine import STAGE, Weeks, stage
from torture_world import FULL

PARTS = 4  # so that all cores have something to do
STEPS = (100_000 if FULL else 2_000) // PARTS
STEPS_AN_EXAMPLE = 100


@pytest.mark.parametrize("part", range(PARTS))
def test_random_schedules(part: int) -> None:
    """Runs, faults, edits, kills, late requests, look-ups and decisions: the same ones in every CI run."""
    Weeks.steps, Weeks.part = 0, part
    with stage() as sandbox:
        STAGE[:] = [sandbox]
        run_state_machine_as_test(
            Weeks,
            settings=settings(
                max_examples=STEPS // STEPS_AN_EXAMPLE * 11 // 10 + 1,  # some end early
                stateful_step_count=STEPS_AN_EXAMPLE,
                derandomize=not FULL,
                deadline=None,
                database=None,
                phases=[Phase.generate],  # to shrink a failure would take many minutes
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert Weeks.steps >= STEPS
