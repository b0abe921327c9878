"""`follow`, killed by SIGKILL at a given moment. Started by `test_follow_crash.py`.

Usage: follow_driver.py MOMENT NUMBER [ARGUMENT...]

The process dies at the n-th MOMENT; the arguments are those of the command line.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from pipeline.__main__ import main
from pipeline.ledger import heard
from pipeline.sender.service import Service

MOMENTS = ("before-question", "after-answer", "within-record", "after-record", "before-told")


def dying(call: Callable[..., Any], number: int, *, before: bool) -> Callable[..., Any]:
    """The call, of which the n-th is the last thing, or the last but one, that this process does."""
    calls = count(1)

    def called(*args: Any, **kwargs: Any) -> Any:
        last = next(calls) == number
        if last and before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*args, **kwargs)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return called


def prepare(moment: str, number: int) -> None:
    """See to it that the process dies then."""
    if moment in {"before-question", "after-answer"}:
        Service.status_updates = dying(  # type: ignore[method-assign]  # it is what the test is about
            Service.status_updates, number, before=moment == "before-question"
        )
    elif moment == "within-record":
        heard._take_in = dying(heard._take_in, number, before=False)
    elif moment == "after-record":
        heard.record = dying(heard.record, number, before=False)
    else:
        heard.mark_told = dying(heard.mark_told, number, before=True)


if __name__ == "__main__":
    moment, number, *arguments = sys.argv[1:]
    prepare(moment, int(number))
    sys.argv = ["ropo-pipeline", "follow", *arguments]
    main()
