"""Who reads, builds and checks does not change what comes of it, and a process that dies loses nothing."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cluster.made_exports import write_exports
from distributed import LocalCluster
from flow.flow_desk import CHECKOUT, HEADER, Desk, Done, row, told

from pipeline import __version__
from pipeline.documents import read_layouts
from pipeline.findings import Refusal
from pipeline.profile import Profile
from pipeline.readers import encoding
from pipeline.readers.inputs import Input
from pipeline.rows import gather
from pipeline.rows.gather import Span
from pipeline.subject import INVOICES
from pipeline.workers import cluster as cluster_module
from pipeline.workers import helper as helper_module
from pipeline.workers import team
from pipeline.workers.cluster import Cluster
from pipeline.workers.part import check_spilt
from pipeline.workers.reading import read_stretch

PROFILES = CHECKOUT / "pipeline" / "data" / "profiles"
FILES = [
    *sorted(path for path in (CHECKOUT / "sample_data").iterdir() if path.suffix in {".csv", ".xlsx"}),
    *sorted(PROFILES.glob("*.example.*")),
]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a cluster of two processes."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
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
    monkeypatch.setattr(helper_module, "STRETCH", 20_000)
    monkeypatch.setattr(encoding, "PIECE", 5_000)  # it can be cut where a piece ends
    monkeypatch.setattr(gather, "BYTES_A_PART", 30_000)


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


def datasets(ledger: Path) -> list[tuple[int, bytes]]:
    """What waits to be sent, byte for byte."""
    with closing(sqlite3.connect(ledger)) as database:
        return database.execute("SELECT number, body FROM outbox ORDER BY number").fetchall()


def test_files_of_every_kind_come_to_the_same(desk: Desk, scheduler: str) -> None:
    """Every sample and every profile's example: the same report and datasets from a cluster."""
    count = 0
    for path in FILES:
        ended, planned = [], []
        for out, more in (("one", ()), ("many", ("--cluster", scheduler))):
            ledger = desk.folder / f"{out}-{path.stem}.sqlite"
            ended.append(desk.here("plan", path, *more, "--ledger", f"sqlite:///{ledger}", "--out", out))
            planned.append(datasets(ledger) if ended[-1].code != 2 else [])
        assert ended[0].code == ended[1].code, (path, ended)
        assert ended[0].code == 2 or report_of(desk, "one") == report_of(desk, "many"), path
        assert planned[0] == planned[1], path
        count += len(planned[0])
    assert count > 100


@pytest.mark.usefixtures("small")
def test_scattered_and_damaged_rows_come_to_the_same(
    desk: Desk, export: list[Path], scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process, a second one, and a cluster that reads in stretches send the same and report the same."""
    profile = desk.folder / "profile.toml"
    profile.write_text("[reading]\nseveral_tables = true\n")
    args = (*export, "--profile", profile)
    alone, report, accepted = run_at(desk, "alone", *args)
    read: list[bool] = []
    submit = Cluster._submit

    def counted(found: Cluster, function: Callable[..., Any], *rest: Any, **named: Any) -> Any:
        read.append(function is read_stretch)
        return submit(found, function, *rest, **named)

    monkeypatch.setattr(Cluster, "_submit", counted)
    on_cluster, *same = run_at(desk, "many", *args, "--cluster", scheduler)
    with_helper, *helped = run_at(desk, "two", *args, "--cluster", "helper")
    assert alone.code == on_cluster.code == with_helper.code == 1
    codes = {code for code, _, _ in told(report, None)}
    assert codes >= {"row-length", "touched-by-damage", "row-without-invoice", "row-below-unnamed"}
    assert len(accepted) > 1000
    assert any(each.get("refundtojobid") or each.get("refundtobillnum") for each in accepted)
    assert same == helped == [report, accepted]
    assert sum(read) > 10


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


@pytest.mark.usefixtures("small")
def test_small_inputs_are_read_by_one_process_and_large_ones_by_two(
    desk: Desk, export: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unasked, a second process works from a size of the input on, if there is a core for it."""
    used: list[Path] = []

    @contextmanager
    def noted() -> Iterator[helper_module.Helper]:
        with helper_module_helper() as made:
            used.append(desk.folder)
            yield made

    helper_module_helper = helper_module.helper
    monkeypatch.setattr(helper_module, "helper", noted)
    monkeypatch.setattr(team, "_cores", lambda: 2)
    _, *small = run_at(desk, "small", *export)
    assert used == []
    monkeypatch.setattr(team, "LARGE", 100_000)
    _, *large = run_at(desk, "large", *export)
    assert used == [desk.folder]
    _, *alone = run_at(desk, "none", *export, "--cluster", "none")
    monkeypatch.setattr(team, "_cores", lambda: 1)
    _, *one_core = run_at(desk, "one-core", *export)
    assert used == [desk.folder]
    assert small == large == alone == one_core


@pytest.mark.usefixtures("small")
def test_a_helper_that_dies_ends_the_run(desk: Desk, export: list[Path]) -> None:
    """It ends with a clear error; what was sent has its outcome, and the next run sends the rest, once."""
    others = {*multiprocessing.active_children()}

    def kill() -> None:
        while not (children := {*multiprocessing.active_children()} - others):
            time.sleep(0.01)
        os.kill(children.pop().pid or 0, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    done, _, accepted = run_at(desk, "two", *export, "--cluster", "helper")
    killer.join()
    assert done.code == 4
    assert done.one_line == (
        "The second process of this run died, perhaps for want of memory. What was not sent by then is not "
        "sent. Run the same command again: nothing is sent twice. (helper-lost)"
    )
    assert accepted == []
    again, _, accepted = run_at(desk, "two", *export)
    assert again.code == 1
    assert len({each["billnum"] for each in accepted}) == len(accepted) > 500


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


def test_what_is_no_cluster_is_refused(desk: Desk) -> None:
    """An address of another form is refused before anything is recorded."""
    done = desk.here("run", desk.write("laskut.csv", row()), "--cluster", "nearby")
    assert done.code == 2
    assert done.one_line == (
        "“nearby” is no cluster. Give helper for a second process, local or local:2 for a cluster of this "
        "machine, or a Dask scheduler's address, such as tcp://10.0.0.5:8786. (cluster-address)"
    )
    assert desk.ledger("select * from run") == []


def test_a_cluster_out_of_reach_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler that does not answer is named before anything is recorded."""
    monkeypatch.setattr(cluster_module, "_SECONDS_TO_CONNECT", 1)
    done = desk.here("run", desk.write("laskut.csv", row()), "--cluster", "tcp://127.0.0.1:1")
    assert done.code == 2
    assert done.one_line == (
        "The cluster at tcp://127.0.0.1:1 cannot be used: Timed out trying to connect to "
        "tcp://127.0.0.1:1 after 1 s. See that its scheduler and at least one worker are running, or "
        "leave --cluster out. (cluster-unreachable)"
    )
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


def test_workers_may_stand_in_another_folder(desk: Desk, scheduler: str) -> None:
    """A file that is named from the command's own folder is found there."""
    desk.write("laskut.csv", row())
    done = desk.here("check", "laskut.csv", "--cluster", scheduler, "--out", "out")
    assert done.code == 0, done
    assert [each["outcome"] for each in desk.report("out")["invoices"]] == ["not-sent"]


def test_a_file_that_no_worker_sees_is_named(desk: Desk, scheduler: str) -> None:
    """A file that a worker cannot read is named before any work is given."""
    path = desk.write("laskut.csv", row())
    layouts = read_layouts([Input(path, "laskut.csv")], Profile(), INVOICES)
    path.unlink()
    with (
        pytest.raises(Refusal) as refused,
        cluster_module.cluster(scheduler, layouts, None, desk.folder),
    ):
        pass
    found = refused.value.finding
    assert found.code == "worker-blind"
    assert re.fullmatch(
        rf"A worker of the cluster cannot use {path}: No such file or directory \(tcp://[0-9.:]+\)\.",
        found.message,
    )
    assert found.remedy == (
        "The files, the attachments and --out must lie where every worker sees them, under the same path."
    )


def test_rows_that_are_gone_are_named(tmp_path: Path) -> None:
    """A folder or a file of rows that a worker does not see is named."""
    path = tmp_path / "laskut.csv"
    path.write_text(f"{HEADER}\n{row()}\n")
    (layout,) = read_layouts([Input(path, "laskut.csv")], Profile(), INVOICES)
    assert layout.table.stretches is not None
    (stretch,) = layout.table.stretches(1000)
    gone = tmp_path / "gone"
    with pytest.raises(Refusal, match=f"cannot use {gone}: No such file or directory"):
        read_stretch(layout, stretch, gone, 1, "en", is_first=True)
    with pytest.raises(Refusal, match=f"cannot use {gone}: No such file or directory"):
        check_spilt([(gone, [Span(0, 1)])], b"")
    path.unlink()
    with pytest.raises(Refusal, match="No such file or directory"):
        read_stretch(layout, stretch, tmp_path, 1, "en", is_first=True)


def test_another_version_on_a_worker_is_refused(
    desk: Desk, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker with another version of the program could make other documents: it is not used."""
    monkeypatch.setattr(cluster_module, "__version__", "0.0.0")
    done = desk.here("check", desk.write("laskut.csv", row()), "--cluster", scheduler)
    assert done.code == 2
    assert re.fullmatch(
        r"A worker of the cluster cannot run this program's work \(tcp://[0-9.:]+\): "
        rf"{__version__} ≠ 0\.0\.0\. "
        r"Install the same version of this program on every worker, and start the workers anew\. "
        r"\(worker-unfit\)",
        done.one_line,
    )


@pytest.mark.usefixtures("small")
def test_a_cluster_that_is_gone_ends_the_run(
    desk: Desk, export: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the scheduler goes, the run ends with a clear error, and nothing is half-sent."""
    monkeypatch.setattr(cluster_module, "_SECONDS_TO_CONNECT", 5)
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as made,
    ):
        checked = Cluster.checked

        def closing(found: Cluster, *args: Any) -> Iterator[Any]:
            made.close()
            return checked(found, *args)

        monkeypatch.setattr(Cluster, "checked", closing)
        done, _, accepted = run_at(desk, "many", *export, "--cluster", made.scheduler_address)
    assert (done.code, accepted) == (4, [])
    assert "The cluster stopped working for this run: " in done.one_line
    assert done.one_line.endswith(
        "What was not sent by then is not sent. Run the same command again: nothing is sent twice. Without "
        "--cluster it needs no other machine. (cluster-lost)"
    )
