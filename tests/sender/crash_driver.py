"""A run that kills itself at a given moment, and is then run again. Started by `test_crash.py`.

Usage: crash_driver.py FOLDER SANDBOX_URL MOMENT

For each n: a process runs `night` and is killed by SIGKILL at the n-th MOMENT; others then run `night`
three times more. Ends with the first n that does not come. Each n has a ledger and a customer of its own.
Prints for each n one line of JSON: the outcomes of those three.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "ledger"))

import requests
from ledger_made import invoice, invoices
from sqlalchemy.engine.default import DefaultDialect

from pipeline.ledger import open_ledger
from pipeline.sender.reconcile import reconcile
from pipeline.sender.send import send
from pipeline.sender.service import Service

MOMENTS = ("before-commit", "after-commit", "before-request", "after-answer")
CHUNKS = (invoices(6), [*invoices(17, 1007), invoice(None, row=99)])


def night(folder: Path, url: str, cid: str, *, reconciles: bool = True) -> list[list[str]]:
    """Plan, send with two workers, reconcile; the outcome of each invoice."""
    with (
        open_ledger(f"sqlite:///{folder / 'ledger.sqlite'}") as ledger,
        ledger.lock("sandbox", cid),
        Service(url, cid, "secret", timeout=(5.0, 10.0)) as service,
    ):
        run = ledger.begin_run("run", "sandbox", cid, {})
        planned = [each for chunk in CHUNKS for each in run.plan(chunk)]
        batches = [planned[start : start + 3] for start in range(0, len(planned), 3)]
        send(batches, run=run, service=service, workers=2, pauses=(0.01,))
        if reconciles:
            reconcile(run, service, grace=0.0, pauses=(0.01,))
        run.finish(0)
        with ledger.engine.connect() as connection:
            told = connection.exec_driver_sql(
                "SELECT coalesce(billnum, ''), outcome FROM invoice WHERE run_id = ? ORDER BY number",
                (run.id,),
            )
            return [list(each) for each in told]


def kill_at(moment: str, number: int) -> None:
    """From now on the process dies at the n-th moment of that kind."""
    numbers, turn = count(1), threading.Lock()

    def reached(*_: object) -> None:
        with turn:
            if next(numbers) == number:
                os.kill(os.getpid(), signal.SIGKILL)

    if moment.endswith("commit"):
        _around(DefaultDialect, "do_commit", moment, reached)
    else:
        _around(requests.Session, "request", moment, reached)


def copy_commits(folder: Path) -> None:
    """From now on the ledger is copied into `folder/copies` after each commit."""
    numbers = count(1)
    copies = folder / "copies"
    copies.mkdir(parents=True)
    turn = threading.Lock()

    def copy(_: object, connection: Any) -> None:
        import sqlite3  # noqa: PLC0415 - its one use

        with turn, sqlite3.connect(copies / f"{next(numbers)}.sqlite") as target:
            connection.driver_connection.backup(target)

    _around(DefaultDialect, "do_commit", "after-commit", copy)


def _around(owner: type, name: str, moment: str, do: Callable[..., None]) -> None:
    original = getattr(owner, name)

    def around(*args: Any, **options: Any) -> Any:
        if moment.startswith("before"):
            do(*args)
        result = original(*args, **options)
        if moment.startswith("after"):
            do(*args)
        return result

    setattr(owner, name, around)


def in_child(work: Callable[[], object]) -> bool:
    """Run it in a process of its own; whether it lived."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the parent is told by the code
            sys.stderr.write(f"{error!r}\n")
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise SystemExit("a night failed; see above")
    return not os.WIFSIGNALED(status)


def main(folder: Path, url: str, moment: str) -> None:
    """See the module's docstring; the moment `copies` restores the ledger to each earlier commit instead."""
    if moment == "copies":
        _restored(folder, url)
        return
    for number in count(1):
        place, cid = folder / f"{moment}-{number}", f"{moment}-{number}"

        def struck(place: Path = place, cid: str = cid, number: int = number) -> None:
            kill_at(moment, number)
            night(place, url, cid)

        def again(place: Path = place, cid: str = cid, number: int = number) -> None:
            told = [night(place, url, cid) for _ in range(3)]
            _tell(number=number, cid=cid, outcomes=told)

        lived = in_child(struck)
        in_child(again)
        if lived:
            return


def _tell(**what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def _restored(folder: Path, url: str) -> None:
    def first() -> None:
        copy_commits(folder)
        night(folder / "first", url, "copies")

    in_child(first)
    for copy in sorted((folder / "copies").iterdir()):
        place = folder / f"restored-{copy.stem}"
        place.mkdir()
        shutil.copy(copy, place / "ledger.sqlite")

        def again(place: Path = place) -> None:
            _tell(outcomes=night(place, url, "copies"))

        in_child(again)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
