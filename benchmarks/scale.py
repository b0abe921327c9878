"""`make bench-scale`: memory flat, time linear, up to millions of rows; and what more processes bring."""

from __future__ import annotations

import argparse
import hashlib
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from inputs import CACHE, input_file
from measure import Cost, circumstances, clear_scratch, ours, publish, run, script, service, table


def main() -> None:
    """Measure, compare, publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=5_000_000, help="rows of the largest file")
    parser.add_argument("--processes", action="store_true", help="compare only one process with several")
    args = parser.parse_args()
    most = args.most
    CACHE.mkdir(exist_ok=True)
    clear_scratch()
    if args.processes:
        _processes(min(1_000_000, most))
        return
    with service() as environment:
        sizes = sorted({20_000, 50_000, 200_000, 2_000_000, 5_000_000})
        flat = {
            (kind, rows): run(ours(input_file(kind, rows)), environment)
            for kind in ("plain", "scattered")
            for rows in sizes
            if rows <= most
        }
        book = input_file("plain", 200_000, ".xlsx")
        whole, reading = run(ours(book), environment), run(script("calamine_read.py", book))
    lines = [_line(f"CSV, {kind}, {rows:,} rows", rows, cost) for (kind, rows), cost in flat.items()]
    lines += [_line("XLSX, 200,000 rows", 200_000, whole), _line("calamine, reading only", 200_000, reading)]
    header = ["input", "wall", "CPU", "µs of wall a row", "µs of CPU a row", "peak memory"]
    publish("scale", f"{table(header, lines)}\n\n{circumstances()}")
    _processes(min(1_000_000, most))


def _processes(rows: int) -> None:
    """One process, two, and a cluster of two on this machine: the same to the byte, and what each takes."""
    path = input_file("scattered", rows)
    ways = {"one process": "none", "a second process": "helper", "Dask, 2 workers": "local:2"}
    costs, found = {}, []
    for name, where in ways.items():
        more = ["--cluster", where]
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            costs[name] = run(_into(folder, path, "check", *more))
            checked = _report(Path(folder))
            run(_into(folder, path, "plan", *more))
            found.append((checked, _report(Path(folder)), *_datasets(Path(folder) / "ledger.sqlite")))
        print(f"{name}: {costs[name].wall:.0f} s; report and datasets {found[-1]}", flush=True)
    if len(set(found)) > 1:
        raise SystemExit(f"Reports or datasets are NOT THE SAME: {found}")
    first = costs["one process"]
    lines = [
        [
            *(name, f"{cost.wall:.1f} s", f"{cost.cpu:.1f} s"),
            *(f"{first.wall / cost.wall:.2f}", f"{cost.peak:.0f} MB"),
        ]
        for name, cost in costs.items()
    ]
    header = [f"check of {rows:,} scattered rows", "wall", "CPU", "speed-up", "largest process"]
    told = f"Their reports are the same, and so are the {found[0][-1]:,} datasets of a plan, byte for byte."
    publish("processes", f"{table(header, lines)}\n\n{told} {circumstances()}")


def _into(folder: str, path: Path, command: str, *more: str) -> list[str]:
    """A command of the program with its report and its ledger in a folder."""
    *args, _ = ours(path, *more, command=command)
    args[args.index("--ledger") + 1] = f"sqlite:///{folder}/ledger.sqlite"
    return [*args, folder]


def _datasets(ledger: Path) -> tuple[str, int]:
    """A hash of what waits in a ledger to be sent, in the order of the export, and how many it is."""
    found, count = hashlib.sha256(), 0
    with closing(sqlite3.connect(ledger)) as database:
        for number, body in database.execute("SELECT number, body FROM outbox ORDER BY number"):
            found.update(f"{number} {len(body)} ".encode() + body)
            count += 1
    return found.hexdigest(), count


def _report(folder: Path) -> str:
    """A hash of a report without the lines that differ between any two runs.

    Line by line: a program begins with the peak memory of the one that starts it.
    """
    found = hashlib.sha256()
    with (folder / "report.json").open("rb") as file:
        for line in file:
            if not line.startswith(
                (b'    "id": ', b'    "started": ', b'    "finished": ', b'    "ledger": ')
            ):
                found.update(line)
    return found.hexdigest()


def _line(name: str, rows: int, cost: Cost) -> list[str]:
    micro = 1_000_000 / rows
    return [
        *(name, f"{cost.wall:.1f} s", f"{cost.cpu:.1f} s"),
        *(f"{cost.wall * micro:.1f}", f"{cost.cpu * micro:.1f}", f"{cost.peak:.0f} MB"),
    ]


if __name__ == "__main__":
    main()
