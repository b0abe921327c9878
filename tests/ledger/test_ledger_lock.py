"""One run at a time, and what a dead one leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_made import CID, ENVIRONMENT, begin, invoice, invoices, opened, outcomes, rows, states, url

from pipeline.ledger import AnotherRunAtWork, open_ledger

HOLDER = """
import sys, time
from pipeline.ledger import open_ledger
with open_ledger(sys.argv[1]) as ledger, ledger.lock("sandbox", "1001"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    """Another process holds the lock until it ends, however it ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    with open_ledger(url(tmp_path)) as ledger:
        with pytest.raises(AnotherRunAtWork) as refused, ledger.lock(ENVIRONMENT, CID):
            pass
        assert str(refused.value) == "Another run is at work for customer 1001 in sandbox."
        with ledger.lock(ENVIRONMENT, "another customer"), ledger.lock("test-fi", CID):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
        with ledger.lock(ENVIRONMENT, CID):
            assert begin(ledger).id


def test_one_process_cannot_take_it_twice(tmp_path: Path) -> None:
    """Nor does a second ledger object in the same process get it, and failing does not free it."""
    with opened(tmp_path), open_ledger(url(tmp_path)) as second:
        for _ in range(2):
            with pytest.raises(AnotherRunAtWork), second.lock(ENVIRONMENT, CID):
                pass


def test_a_run_that_sends_needs_the_lock(tmp_path: Path) -> None:
    """Without it only a check can begin."""
    with open_ledger(url(tmp_path)) as ledger:
        with pytest.raises(RuntimeError, match="a run that sends needs the lock"):
            begin(ledger)
        assert begin(ledger, sends=False).id


def test_what_a_dead_run_was_sending_is_unknown(tmp_path: Path) -> None:
    """What never left stays planned; what may have left is unknown, in the dead run's report too."""
    with opened(tmp_path) as ledger:
        dead = begin(ledger)
        planned = dead.plan(invoices(3))
        dead.begin_batch(planned[:2])
        assert outcomes(dead) == ["unknown", "unknown", "not-sent"]
        run = begin(ledger)
        assert states(ledger) == {"1001": "unknown", "1002": "unknown", "1003": "planned"}
        assert rows(ledger, "SELECT exposed FROM document ORDER BY id") == [1, 1, 0]
        assert rows(ledger, "SELECT reason FROM document WHERE id = 1") == [
            "the program stopped before the service's answer was recorded"
        ]
        assert [each.billnum for each in run.plan(invoices(3))] == ["1003"]


def test_a_check_leaves_a_run_at_work_alone(tmp_path: Path) -> None:
    """What another run is sending right now is no dead run's."""
    with opened(tmp_path) as ledger:
        run = begin(ledger)
        run.begin_batch(run.plan([invoice()]))
        check = begin(ledger, sends=False)
        check.plan([invoice()])
        assert outcomes(check) == ["unknown"]
        assert states(ledger) == {"1001": "sending"}
