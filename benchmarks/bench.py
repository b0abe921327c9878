"""`make bench`: ours beside what others would write, in turn, in fresh processes; tables and a profile."""

from __future__ import annotations

import argparse
import json
import pstats
import sys
import tempfile
from pathlib import Path

from inputs import CACHE, input_file
from measure import Cost, circumstances, clear_scratch, in_turn, ours, publish, run, script, service, table
from page import page_times

ROWS = 200_000
STAGES = {  # what the profile is told by: (module, function) → words
    ("readers/__init__.py", "open_tables"): "settle encoding, delimiter, layout; workbook: read all",
    ("rows/named.py", "named_frames"): "read the rows, name the columns, set rows aside",
    ("rows/gather.py", "parts_of"): "… and bring each invoice's rows together",
    ("values/convert.py", "convert"): "convert cell texts",
    ("grouper/build.py", "build"): "build documents",
    ("validator/check.py", "check"): "schemas and rules",
    ("ledger/plan.py", "plan"): "plan in the ledger",
    ("sender/send.py", "send"): "send (waits included; the stages above run within it)",
    ("report/__init__.py", "write_report"): "report",
}


def main() -> None:
    """Measure what the command line asks for: everything, unless told otherwise."""
    parts = {
        "csv": _csv,
        "xlsx": _xlsx,
        "wrong": _wrong,
        "latency": _latency,
        "startup": _startup,
        "page": _page,
        "profile": _profile,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; all unless given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    clear_scratch()
    for name in options.parts or parts:
        print(f"{name}:")
        parts[name](options.rows, options.rounds)


def _csv(rows: int, rounds: int) -> None:
    path = input_file("plain", rows)
    programs = {
        "ours": ours(path),
        "fast assembly with ledger": script("fast_assembly.py", path, "--ledger", "{scratch}/ledger"),
        "fast assembly": script("fast_assembly.py", path),
        "reasonable script": script("reasonable.py", path),
        "floor": script("floor.py", path),
    }
    with service() as environment:
        costs = in_turn(programs, rounds, environment=environment)
    _publish("csv", f"{rows:,} rows of CSV", costs, rounds)


def _xlsx(rows: int, rounds: int) -> None:
    path = input_file("plain", rows, ".xlsx")
    programs = {
        "ours": ours(path),
        "calamine, reading only": script("calamine_read.py", path),
        "fast assembly with ledger": script("fast_assembly.py", path, "--ledger", "{scratch}/ledger"),
        "fast assembly": script("fast_assembly.py", path),
        "floor": script("floor.py", path),
    }
    with service() as environment:
        costs = in_turn(programs, rounds, environment=environment)
        print("  the reasonable script, once:")
        costs["reasonable script"] = run(script("reasonable.py", path), environment)
    _publish("xlsx", f"{rows:,} rows of XLSX", costs, rounds)


def _wrong(rows: int, rounds: int) -> None:
    programs = {kind: ours(input_file(kind, rows)) for kind in ("plain", "wrong", "scattered")}
    with service() as environment:
        costs = in_turn(programs, rounds, environment=environment)
    _publish("wrong", "Ours, all right, half the invoices wrong, rows scattered", costs, rounds)


def _latency(rows: int, _: int) -> None:
    path = input_file("plain", rows // 10)
    lines = []
    with service(latency=0.2) as environment:
        for workers in (1, 2, 4, 8, 16):
            cost = run(ours(path, "--workers", str(workers)), environment)
            rate = rows // 10 * 3 // 10 / cost.wall
            lines.append([str(workers), f"{cost.wall:.1f} s", f"{rate:,.0f}", f"{cost.peak:.0f} MB"])
    publish(
        "latency",
        f"A service that takes 200 ms for a request, {rows // 10:,} rows, batches of 100:\n\n"
        + table(["workers", "wall", "invoices/s", "peak"], lines),
    )


def _startup(_: int, rounds: int) -> None:
    programs = {
        "--help": [sys.executable, "-m", "pipeline", "--help"],
        "check of 10 rows": ours(input_file("plain", 10), command="check"),
        "python alone": [sys.executable, "-c", ""],
    }
    costs = in_turn(programs, 2 * rounds + 1)
    lines = [[name, f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s"] for name, cost in costs.items()]
    publish("startup", table(["command", "wall", "CPU"], lines))


def _page(rows: int, _: int) -> None:
    """The report of a whole night in a browser."""
    with service() as environment, tempfile.TemporaryDirectory(dir=CACHE) as folder:
        run([*ours(input_file("plain", rows))[:-1], folder], environment)
        report = Path(folder) / "report.html"
        invoices = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))["invoices"]
        times = page_times(report, invoices[len(invoices) // 2]["billnum"])
        size = report.stat().st_size / 1e6
    lines = [[what, f"{seconds:.2f} s"] for what, seconds in times.items()]
    title = f"report.html of {len(invoices):,} invoices ({size:.0f} MB)"
    publish("page", table([title, "in Chromium"], lines))


def _profile(rows: int, _: int) -> None:
    """Where the main thread's time goes; the profiler itself makes all of it slower."""
    stats = CACHE / "profile"
    with service() as environment:
        command = ours(input_file("plain", rows))
        run([command[0], "-m", "cProfile", "-o", str(stats), *command[1:]], environment)
    found = pstats.Stats(str(stats))
    found.sort_stats("tottime").print_stats(30)
    whole = found.total_tt  # type: ignore[attr-defined]  # its stubs leave it out
    lines = []
    for (file, _line, name), (_, _, _, cumulative, _) in found.stats.items():  # type: ignore[attr-defined]  # likewise
        module = file.rpartition("pipeline/")[2]
        if words := STAGES.get((module, name)):
            lines.append((cumulative, [words, f"{module}:{name}", f"{cumulative / whole:.0%}"]))
    lines.sort(reverse=True)
    publish("profile", table(["stage", "function", "share of the main thread"], [line for _, line in lines]))


def _publish(name: str, title: str, costs: dict[str, Cost], rounds: int) -> None:
    own = next(iter(costs.values()))
    lines = [
        [
            *(each, f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s"),
            *(f"{own.wall / cost.wall:.2f}", f"{own.cpu / cost.cpu:.2f}", f"{cost.peak:.0f} MB"),
        ]
        for each, cost in costs.items()
    ]
    first = next(iter(costs))
    header = [title, "wall", "CPU", f"{first} ÷ it (wall)", f"{first} ÷ it (CPU)", "peak memory"]
    publish(name, f"{table(header, lines)}\n\nRounds: {rounds}. {circumstances()}")


if __name__ == "__main__":
    main()
