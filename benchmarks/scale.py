"""`make bench-scale`: whether memory stays flat and time linear, up to millions of rows."""

from __future__ import annotations

import argparse

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


def _line(name: str, rows: int, cost: Cost) -> list[str]:
    micro = 1_000_000 / rows
    return [
        *(name, f"{cost.wall:.1f} s", f"{cost.cpu:.1f} s"),
        *(f"{cost.wall * micro:.1f}", f"{cost.cpu * micro:.1f}", f"{cost.peak:.0f} MB"),
    ]


if __name__ == "__main__":
    main()
