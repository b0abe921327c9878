"""Who reads, builds and checks does not change what comes of it, and a process that dies loses nothing."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster.made_exports import write_exports
from distributed import Client, LocalCluster
from flow.flow_desk import CHECKOUT, Desk, Done, row, told

from pipeline import gather
from pipeline.workers import cluster as cluster_module
from pipeline.workers import team
from pipeline.workers.cluster import Cluster

PROFILES = CHECKOUT / "pipeline" / "data" / "profiles"
FILES = [
    *sorted(path for path in (CHECKOUT / "sample_data").iterdir() if path.suffix in {".csv", ".xlsx"}),
    *sorted(PROFILES.glob("*.example.*")),
]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a cluster of two processes."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as made:
        yield made.scheduler_address


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty home and an empty working directory."""
    home, folder = tmp_path / "home", tmp_path / "desk"
    home.mkdir()
    folder.mkdir()
    return Desk(home, folder)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches of some hundred rows, and many parts."""
    monkeypatch.setattr(cluster_module, "STRETCH", 20_000)
    monkeypatch.setattr(gather, "BYTES_A_PART", 30_000)


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process whatever the size of the input, and however many cores there are."""
    monkeypatch.setattr(team, "HELPED_FROM", 0)
    monkeypatch.setattr(team, "_cores", lambda: 2)


@pytest.fixture
def export(desk: Desk) -> list[Path]:
    """Two files of 2,000 invoices."""
    return write_exports(desk.folder, 2_000)


def report_of(desk: Desk, out: str) -> dict[str, Any]:
    """A report without what differs between any two runs: id, times, and where its ledger lies."""
    report = desk.report(out)
    for name in ("id", "started", "finished", "ledger"):
        del report["run"][name]
    return report


def run_at(desk: Desk, name: str, *args: object, **env: str) -> tuple[Done, dict[str, Any], list[Any]]:
    """A run of its own home and ledger: how it ended, its report, and what the sandbox has accepted."""
    home = desk.home / name
    home.mkdir(exist_ok=True)
    own = Desk(home, desk.folder, env)
    done = own.here("run", *args, "--workers", "1", "--out", name)
    return done, report_of(desk, name), own.accepted()


def test_files_of_every_kind_come_to_the_same(desk: Desk, scheduler: str) -> None:
    """Every sample and every profile's example gives the same report from one process and from a cluster."""
    for path in FILES:
        ended = []
        for out, more in (("one", ()), ("many", ("--cluster", scheduler))):
            ledger = f"sqlite:///{out}-{path.stem}.sqlite"
            ended.append(desk.here("check", path, *more, "--ledger", ledger, "--out", out))
        assert ended[0].code == ended[1].code, (path, ended)
        assert ended[0].code == 2 or report_of(desk, "one") == report_of(desk, "many"), path


@pytest.mark.usefixtures("small")
def test_scattered_and_damaged_rows_come_to_the_same(
    desk: Desk, export: list[Path], scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process, a second one, and a cluster that reads in stretches send the same and report the same."""
    profile = desk.folder / "profile.toml"
    profile.write_text("[reading]\nseveral_tables = true\n")
    args = (*export, "--profile", profile)
    alone, report, accepted = run_at(desk, "alone", *args)
    on_cluster, *same = run_at(desk, "many", *args, "--cluster", scheduler)
    monkeypatch.setattr(team, "HELPED_FROM", 0)
    monkeypatch.setattr(team, "_cores", lambda: 2)
    with_helper, *helped = run_at(desk, "two", *args)
    assert alone.code == on_cluster.code == with_helper.code == 1
    codes = {code for code, _, _ in told(report, None)}
    assert codes >= {"row-length", "touched-by-damage", "row-without-invoice", "row-below-unnamed"}
    assert len(accepted) > 1000
    assert any(each.get("refundtojobid") for each in accepted)
    assert same == helped == [report, accepted]


@pytest.mark.usefixtures("small")
def test_a_worker_that_dies_is_survived(
    desk: Desk, export: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker killed in the middle of reading, and one while documents are built, change nothing."""
    _, report, accepted = run_at(desk, "alone", *export)
    killed: list[int] = []
    read, checked = Cluster.read, Cluster.checked

    def kill_one(found: Cluster) -> None:
        killed.append(found.client.submit(os.getpid, pure=False).result())
        os.kill(killed[-1], signal.SIGKILL)

    def killing(done: Callable[..., Iterator[Any]], after: int) -> Callable[..., Iterator[Any]]:
        def work(found: Cluster, *args: Any) -> Iterator[Any]:
            for number, each in enumerate(done(found, *args)):
                if number == after:
                    kill_one(found)
                yield each

        return work

    monkeypatch.setattr(Cluster, "read", killing(read, 0))
    monkeypatch.setattr(Cluster, "checked", killing(checked, 3))
    done, *same = run_at(desk, "many", *export, "--cluster", "local:2")
    assert done.code == 1
    assert len(killed) == 2
    assert same == [report, accepted]


@pytest.mark.usefixtures("small", "helped")
def test_a_helper_that_dies_ends_the_run(desk: Desk, export: list[Path]) -> None:
    """It ends with a clear error; what was sent has its outcome, and the next run sends the rest, once."""
    killed = threading.Event()

    def kill() -> None:
        while not (children := multiprocessing.active_children()):
            time.sleep(0.01)
        os.kill(children[0].pid or 0, signal.SIGKILL)
        killed.set()

    killer = threading.Thread(target=kill)
    killer.start()
    done, _, accepted = run_at(desk, "two", *export)
    killer.join()
    assert done.code == 4
    assert done.one_line == (
        "The second process of this run died, perhaps for want of memory. What was not sent by then is not "
        "sent. Run the same command again: nothing is sent twice. (helper-lost)"
    )
    assert accepted == []
    again, _, accepted = run_at(desk, "two", *export)
    assert again.code == 1
    assert len({each["billnum"] for each in accepted}) == len(accepted) > 1000


def test_a_helper_does_not_outlive_its_run() -> None:
    """When the first process is killed, the second one ends by itself."""
    code = (
        "import multiprocessing, sys\n"
        "from pipeline.workers.helper import helper\n"
        "with helper():\n"
        "    print(multiprocessing.active_children()[0].pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        second = int(first.stdout.readline())
        first.kill()
    until = time.monotonic() + 60
    while is_alive(second):
        assert time.monotonic() < until
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    """Whether a process is at work: it neither is gone nor waits for somebody to ask how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (
            "nearby",
            "“nearby” is no cluster. Give local, local:2 for two processes, or the address of a Dask "
            "scheduler, such as tcp://10.0.0.5:8786. (cluster-address)",
        ),
        (
            "tcp://127.0.0.1:1",
            "The cluster at tcp://127.0.0.1:1 cannot be used: Timed out trying to connect to "
            "tcp://127.0.0.1:1 after 1 s. See that its scheduler and at least one worker are running, or leave "
            "--cluster out. (cluster-unreachable)",
        ),
    ],
)
def test_no_cluster_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str, line: str
) -> None:
    """What is no cluster, or cannot be reached, is refused before anything is recorded."""
    monkeypatch.setattr(cluster_module, "_SECONDS_TO_CONNECT", 1)
    done = desk.here("run", desk.write("laskut.csv", row()), "--cluster", where)
    assert (done.code, done.one_line) == (2, line)
    assert desk.ledger("select * from run") == []


def test_without_dask_the_extra_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Dask is not installed, the refusal says how it is."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = desk.here("check", desk.write("laskut.csv", row()), "--cluster", "local")
    assert done.code == 2
    assert done.one_line == (
        "--cluster needs Dask, which is not installed. Install it with pip install "
        '"ropo-pipeline[cluster]", or leave the option out. (cluster-missing)'
    )


def test_a_file_that_no_worker_sees_is_named(
    desk: Desk, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that a worker cannot read is named before anything is recorded."""
    path = desk.write("laskut.csv", row())
    monkeypatch.setattr(cluster_module, "look", look_without_laskut)
    done = desk.here("check", path, "--cluster", scheduler)
    assert done.code == 2
    assert re.fullmatch(
        rf"A worker of the cluster cannot use {path}: No such file or directory \(tcp://[0-9.:]+\)\. The "
        r"files, the attachments and --out must lie where every worker sees them, under the same path\. "
        r"\(worker-blind\)",
        done.one_line,
    )
    assert desk.ledger("select * from run") == []
