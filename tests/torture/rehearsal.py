"""A night with a service that fails in every way, in one command: `python tests/torture/rehearsal.py`.

10,000 invoices go to a sandbox in which a fifth of all requests fail (`sandbox --faults seed:N`). The same
file is run again until all is well, as a person would. After every run rows, numbers and money of the
export's cells, the ledger, the sandbox and the report agree; in the end each invoice is there once.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from torture_world import Driver, World, assert_agree, assert_all_there_once, assert_code, bills, sandbox


class Night(NamedTuple):
    """One run: its exit code, how many invoices had which outcome, how many are at the service after it."""

    code: int
    outcomes: Counter[str]
    there: int


def rehearse(driver: Driver, folder: Path, invoices: int, seed: int, batch_size: int) -> Iterator[Night]:
    """Run the file until the exit code is 0; every night is checked before it is told.

    Raises:
        AssertionError: something is twice, lost, or does not agree; or fifty runs are not enough.
    """
    with sandbox(folder / "service.sqlite", "--faults", f"seed:{seed}") as service:
        options = (f"--batch-size={batch_size}", "--workers=4", "--grace=0")
        world = World(driver, service, folder / "desk", "rehearsal", options=options)
        world.export(bills(invoices))
        for _ in range(50):
            code = world.run(hasty=True).code
            report = world.report()
            assert_agree(world)
            assert_code(report, code)
            yield Night(
                code, Counter(each["outcome"] for each in report["invoices"]), len(world.at_the_service())
            )
            if code == 0:
                assert_all_there_once(world)
                return
    raise AssertionError("fifty runs were not enough")


def main() -> None:
    """Rehearse and print each night."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=25)
    given = parser.parse_args()
    print(f"{given.invoices:,} invoices, a fifth of all requests fails (seed {given.seed})")  # noqa: T201
    driver, began = Driver(), time.monotonic()
    with TemporaryDirectory() as folder:
        for number, night in enumerate(
            rehearse(driver, Path(folder), given.invoices, given.seed, given.batch_size), start=1
        ):
            told = ", ".join(f"{count:,} {outcome}" for outcome, count in night.outcomes.most_common())
            print(f"run {number}: exit {night.code}; {told}; at the service {night.there:,}")  # noqa: T201
    driver.close()
    print(f"Each invoice is at the service once; {time.monotonic() - began:.0f} s.")  # noqa: T201


if __name__ == "__main__":
    main()
