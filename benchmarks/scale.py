"""`make bench-scale`: memory flat, time linear, up to millions of rows; and what more processes bring."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path

from inputs import CACHE, input_file
from measure import Cost, circumstances, clear_scratch, ours, publish, run, script, service, table


def main() -> None:
    """Measure, compare, publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=5_000_000, help="rows of the largest file")
    most = parser.parse_args().most
    CACHE.mkdir(exist_ok=True)
    clear_scratch()
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
    """One process, two, and a cluster of two on this machine: the same report, and the time each takes."""
    path = input_file("scattered", rows)
    ways = {"one process": None, "a second process": "helper", "Dask, 2 workers": "local:2"}
    costs, reports = {}, []
    for name, where in ways.items():
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            command = [*ours(path, command="check")[:-1], folder]
            costs[name] = run([*command, *(["--cluster", where] if where else [])])
            reports.append(_report(Path(folder)))
    same = all(each == reports[0] for each in reports)
    first = costs["one process"]
    lines = [
        [
            *(name, f"{cost.wall:.1f} s", f"{cost.cpu:.1f} s"),
            *(f"{first.wall / cost.wall:.2f}", f"{cost.peak:.0f} MB"),
        ]
        for name, cost in costs.items()
    ]
    header = [f"check of {rows:,} scattered rows", "wall", "CPU", "speed-up", "largest process"]
    told = f"Their reports are {'the same' if same else 'NOT THE SAME'}."
    publish("processes", f"{table(header, lines)}\n\n{told} {circumstances()}")


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
