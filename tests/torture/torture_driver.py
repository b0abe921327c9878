"""Runs the command line in forked children, killed at a moment, short of disk or of patience when so ordered.

Reads one JSON order a line on standard input, answers each with a line of JSON: how the command ended
and which moments it passed. Everything is imported once, so that a run takes a tenth of a second.
The hooks are in the child alone; the program itself knows nothing of them.
"""

from __future__ import annotations

import http.client
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from sqlalchemy.engine.default import DefaultDialect

from pipeline.__main__ import main
from pipeline.sender import reconcile
from pipeline.sender import send as sender

for _each in ("flow", "commands", "cli", "sandbox.server", "report", "screens.terminal"):
    importlib.import_module(f"pipeline.{_each}")


def obey(order: dict[str, Any]) -> dict[str, Any]:
    """Run one command in a child; its exit code (negative: the signal that ended it) and its moments."""
    passed = Path(order["cwd"]) / ".moments"
    passed.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _become(order, passed)
    _, status = os.waitpid(child, 0)
    moments = passed.read_text().splitlines() if passed.exists() else []
    return {"code": os.waitstatus_to_exitcode(status), "moments": moments}


def _become(order: dict[str, Any], passed: Path) -> None:
    """Be the command, and end with it."""
    code: Any = 70
    try:
        os.chdir(order["cwd"])
        os.environ.clear()
        os.environ.update(order["env"])
        # Appended to: some tests let files grow to a limit only.
        said = os.open(".said", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        os.dup2(said, 1)
        os.dup2(said, 2)
        _watch(passed, order.get("kill_at"), order.get("copies"))
        if limit := order.get("file_limit"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if order.get("hasty"):
            for function in (sender.send, reconcile.reconcile):
                defaults: dict[str, Any] = getattr(function, "__kwdefaults__")  # noqa: B009 - mypy sees None
                defaults["pauses"] = (0.001,) * len(defaults["pauses"])
        sys.argv = ["ropo-pipeline", *order["args"]]
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - this process ends here whatever it was
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _watch(passed: Path, kill_at: int | None, copies: str | None) -> None:
    """Note each moment, die at the n-th, copy the ledger after each commit."""
    log = os.open(passed, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    turn = threading.Lock()
    number = 0

    def moment(name: str) -> None:
        nonlocal number
        with turn:
            number += 1
            os.write(log, f"{name}\n".encode())
            if number == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if copies and name == "committed":
                _copy_ledger(Path(copies) / f"{number:03}")

    _around(DefaultDialect, "do_commit", "committing", "committed", moment)
    _around(http.client.HTTPConnection, "endheaders", "request", None, moment)
    _around(http.client.HTTPConnection, "getresponse", "request left", "answered", moment)
    _around(requests.Response, "close", "answer read", None, moment)


def _around(
    owner: type, name: str, before: str | None, after: str | None, moment: Callable[[str], None]
) -> None:
    original = getattr(owner, name)

    def around(*args: Any, **options: Any) -> Any:
        if before:
            moment(before)
        result = original(*args, **options)
        if after:
            moment(after)
        return result

    setattr(owner, name, around)


def _copy_ledger(folder: Path) -> None:
    """As a backup would that copies the files: whole, since commits take turns."""
    folder.mkdir(parents=True)
    for each in Path().glob("ledger.sqlite*"):
        if not each.name.endswith((".lock", "-shm")):
            shutil.copy(each, folder / each.name)


if __name__ == "__main__":
    for _line in sys.stdin:
        print(json.dumps(obey(json.loads(_line))), flush=True)  # noqa: T201 - its answer
