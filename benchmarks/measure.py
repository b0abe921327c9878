"""Runs programs in fresh processes and tells what each took."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
README = HERE / "README.md"
_BEGIN, _END = "<!-- {}: begin -->", "<!-- {}: end -->"
_PACKAGES = (
    *("pandas", "numpy", "pyarrow", "python-calamine", "jsonschema", "jsonschema-rs", "orjson"),
    *("requests", "sqlalchemy", "xlsxwriter", "openpyxl"),
)


class Cost(NamedTuple):
    """What a process took: seconds on the clock and of the processor, and its highest memory in MB."""

    wall: float
    cpu: float
    peak: float


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a program to its end in a folder of its own.

    In the command, `{scratch}` stands for that folder. Its children's processor time counts too; the
    peak is that of the largest process.

    Raises:
        RuntimeError: it failed; its last output is told.
    """
    with tempfile.TemporaryDirectory(prefix="bench-", dir=HERE / ".cache") as scratch:
        command = [part.replace("{scratch}", scratch) for part in command]
        output = Path(scratch) / "output"
        with output.open("wb") as file:
            began = time.perf_counter()
            process = subprocess.Popen(
                command,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=HERE.parent,
                env={
                    **os.environ,
                    "PYTHONPATH": str(HERE.parent),
                    "PYTHONHASHSEED": "0",
                    **(environment or {}),
                },
            )
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in {0, 1}:  # 1: some invoices need attention
            raise RuntimeError(f"{command} failed:\n{output.read_text(errors='replace')[-2000:]}")
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / unit)


def in_turn(
    programs: Mapping[str, Sequence[str]], rounds: int, **options: Mapping[str, str]
) -> dict[str, Cost]:
    """The medians of several rounds, in each of which every program runs once."""
    costs: dict[str, list[Cost]] = {name: [] for name in programs}
    for number in range(rounds):
        for name, command in programs.items():
            cost = run(command, **options)
            costs[name].append(cost)
            print(
                f"  round {number + 1}: {name}: {cost.wall:.2f} s, {cost.cpu:.2f} s CPU, {cost.peak:.0f} MB"
            )
    return {name: Cost(*map(statistics.median, zip(*each, strict=True))) for name, each in costs.items()}


def ours(path: Path, *more: str, command: str = "run") -> list[str]:
    """The whole product, with a ledger of its own."""
    sends = ["--target", "test"] if command == "run" else []
    return [
        *(sys.executable, "-m", "pipeline", command, str(path), *sends, *more),
        *("--ledger", "sqlite:///{scratch}/ledger.sqlite", "--out", "{scratch}/out"),
    ]


def script(name: str, path: Path, *more: str) -> list[str]:
    """A program of this folder."""
    return [sys.executable, str(HERE / name), str(path), *more]


@contextmanager
def service(latency: float = 0.0) -> Iterator[dict[str, str]]:
    """The environment that leads programs to a service in another process."""
    command = [sys.executable, str(HERE / "server.py"), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield {"ROPO_BASE_URL": server.stdout.readline().strip(), "ROPO_CID": "1", "ROPO_APICODE": "x"}
        finally:
            server.terminate()


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, aligned for the terminal too."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    return "\n".join([shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]])


def publish(name: str, text: str) -> None:
    """Print a result, and put it into the README in the place that has its name."""
    print(f"\n{text}\n")
    readme = README.read_text(encoding="utf-8")
    begin, end = _BEGIN.format(name), _END.format(name)
    before, found, rest = readme.partition(begin)
    if not found:
        raise ValueError(f"the README has no place for {name}")
    _, found, after = rest.partition(end)
    README.write_text(f"{before}{begin}\n{text}\n{found}{after}", encoding="utf-8")


def circumstances() -> str:
    """The day, the machine and the versions, in two lines."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    load = f", load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}{load}.\n{packages}."
    )


def clear_scratch() -> None:
    """Remove what runs that were stopped left behind."""
    for left in (HERE / ".cache").glob("bench-*"):
        shutil.rmtree(left, ignore_errors=True)
