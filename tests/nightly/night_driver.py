"""Has nights pass in forked children, killed at a moment when so ordered, with a clock that the order sets.

Reads one JSON order a line on standard input, answers each with a line of JSON: how the night ended and
which moments it passed. Everything is imported once. The hooks are in the child alone; the program itself
knows nothing of them.
"""

from __future__ import annotations

import http.client
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from pipeline.findings import Refusal
from pipeline.nightly.clock import Clock
from pipeline.nightly.inbox import Places, inbox
from pipeline.nightly.journal import Journal
from pipeline.sender import reconcile
from pipeline.sender import send as sender

for _each in ("sandbox.server", "report"):
    importlib.import_module(f"pipeline.{_each}")
importlib.import_module("apprise").Apprise.instantiate("json://127.0.0.1")


def obey(order: dict[str, Any]) -> dict[str, Any]:
    """Have one night pass in a child; its exit code (negative: the signal that ended it) and its moments."""
    passed = Path(order["root"]).parent / ".moments"
    passed.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _become(order, passed)
    _, status = os.waitpid(child, 0)
    moments = passed.read_text().splitlines() if passed.exists() else []
    return {"code": os.waitstatus_to_exitcode(status), "moments": moments}


def _become(order: dict[str, Any], passed: Path) -> None:
    """Be the night, and end with it."""
    code = 70
    try:
        os.environ.clear()
        os.environ.update(order["env"])
        os.chdir(Path(order["root"]).parent)
        said = os.open(".said", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        os.dup2(said, 1)
        os.dup2(said, 2)
        _watch(passed, order.get("kill_at"))
        for function in (sender.send, reconcile.reconcile):
            defaults: dict[str, Any] = getattr(function, "__kwdefaults__")  # noqa: B009 - mypy sees None
            defaults["pauses"] = (0.001,) * len(defaults["pauses"])
        places = Places(
            order["env"]["ROPO_LEDGER"],
            SecretStr(order["notify"]),
            Path("night.prom"),
            Path("night.log"),
        )
        code = inbox(Path(order["root"]), places, once=True, clock=_clock(order))
    except Refusal as refusal:
        print(refusal.finding.code, refusal)  # noqa: T201 - for whoever looks into a failure
        code = refusal.exit_code
    except BaseException:  # noqa: BLE001 - this process ends here whatever it was
        traceback.print_exc()
    finally:
        os._exit(code)


def _clock(order: dict[str, Any]) -> Clock:
    """A clock that begins when the order says; while it is waited for, files are written to as it says."""
    begins = datetime.fromisoformat(order["begins"])
    writes = sorted(order.get("meanwhile", []))
    passed = 0.0

    def wait(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        while writes and writes[0][0] <= passed:
            _, path, text = writes.pop(0)
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)

    return Clock(lambda: begins + timedelta(seconds=passed), lambda: passed, threading.Event(), wait)


def _watch(passed: Path, kill_at: int | list[Any] | None) -> None:
    """Note each moment, and die at the n-th, or at the n-th of a name."""
    log = os.open(passed, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    turn = threading.Lock()
    number = 0
    seen: Counter[str] = Counter()

    def moment(name: str) -> None:
        nonlocal number
        with turn:
            number += 1
            os.write(log, f"{name}\n".encode())
            seen[name] += 1
            if kill_at in (number, [name, seen[name]]):
                os.kill(os.getpid(), signal.SIGKILL)

    for name in ("add", "change", "forget", "note", "tell", "all_told"):
        _around(Journal, name, f"journal {name}", f"journal {name} done", moment)
    for name in ("rename", "unlink", "rmdir"):
        _around(Path, name, f"{name}", f"{name} done", moment)
    _around(http.client.HTTPConnection, "getresponse", "request left", "answered", moment)


def _around(owner: type, name: str, before: str, after: str, moment: Callable[[str], None]) -> None:
    original = getattr(owner, name)

    def around(*args: Any, **options: Any) -> Any:
        moment(before)
        result = original(*args, **options)
        moment(after)
        return result

    setattr(owner, name, around)


if __name__ == "__main__":
    for _line in sys.stdin:
        print(json.dumps(obey(json.loads(_line))), flush=True)  # noqa: T201 - its answer
