"""`python -m pipeline` and the installed `ropo-pipeline`: bad input is one line and an exit code."""

from __future__ import annotations

import atexit
import gc
import os
import sys

_INTERRUPTED = 130  # what typer makes of a KeyboardInterrupt


def main() -> None:
    """Run the command line; never a traceback (unless `ROPO_DEBUG` is set)."""
    # Documents by the 10,000 hold no cycles to look for. Measured on 60,000: a tenth of all the time.
    gc.set_threshold(400_000, 20, 100)
    # Nor need all that is left be looked through at the end, several times: 0.25 s.
    atexit.register(gc.freeze)
    # Nothing here multiplies matrices; the threads to do so cost numpy 0.1 s.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from pipeline.cli import app  # noqa: PLC0415 - an import that fails is reported like the rest
    from pipeline.findings import Refusal  # noqa: PLC0415 - likewise
    from pipeline.language import translate  # noqa: PLC0415 - likewise

    try:
        app()
    except Refusal as refusal:
        found = refusal.finding
        _tell(found.place.file, f"{found.message} {found.remedy}", found.code)
        sys.exit(refusal.exit_code)
    except SystemExit as ended:
        if ended.code != _INTERRUPTED:
            raise
        stopped = translate("Stopped. The ledger knows what was sent; run the same command again to go on.")
        _tell(None, stopped, "stopped")
        sys.exit(4)
    except Exception as error:
        if os.environ.get("ROPO_DEBUG"):
            raise
        _tell(
            None,
            translate(
                "This should not have happened: {error}. Nothing more was attempted, and the ledger knows "
                "what was sent. Please report it; ROPO_DEBUG=1 shows where it happened.",
                error=f"{type(error).__name__}: {error}",
            ),
            "internal",
        )
        sys.exit(4)


def _tell(file: str | None, text: str, code: str) -> None:
    from pipeline.privacy import mask  # noqa: PLC0415 - start-up time

    where = f"{file}: " if file and file not in text else ""
    line = " ".join(f"{where}{text} ({code})".split())
    print(mask(line), file=sys.stderr)  # noqa: T201 - the one line that a refused command prints


if __name__ == "__main__":
    main()
