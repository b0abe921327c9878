"""What becomes of exports: taken when complete, run once, put away, told of."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock
from night_desk import CHECKOUT, Desk, Message, export, line

from pipeline.findings import Refusal
from pipeline.nightly.clock import Clock
from pipeline.nightly.folders import make_folders
from pipeline.nightly.inbox import Places, inbox
from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.server import serve_in_thread

INBOX = """
settle = 30
tell = ["it"]
[[source]]
name = "sales"
target = "sandbox"
grace = 0
tell = ["accounting"]
pattern = "*.csv"
"""
NIGHT = "2026-11-16T02:15:00+00:00"
NEXT = "2026-11-17T02:15:00+00:00"
THIRD = "2026-11-18T02:15:00+00:00"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """An inbox with one source."""
    desk.declare(INBOX)
    return desk


def test_an_export_is_put_away_with_its_report(desk: Desk) -> None:
    """The log of its run has the id that its report has, the ledger, and every batch at the service."""
    desk.put("a.csv", export(line(1), line(2)))
    assert desk.night(NIGHT) == 0
    folder = desk.root / "done/2026-11-16/a"
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "report"]
    run = json.loads((folder / "report/report.json").read_text(encoding="utf-8"))["run"]["id"]
    with closing(sqlite3.connect(desk.state)) as state:
        batches = [each for (each,) in state.execute("SELECT DISTINCT data_identifier FROM job")]
    assert batches == [f"{run}-1"]
    lines = desk.log()
    began = next(at for at, each in enumerate(lines) if "run" in each)
    assert {each.get("run") for each in lines[began:]} == {run}
    assert [each["event"] for each in lines if each["event"] in {"taken", "outcomes", "run", "moved"}] == [
        *("taken", "outcomes", "run", "moved")
    ]


def test_what_needs_attention(desk: Desk) -> None:
    """It stays where people look, with a text that says why; the message cites no cell."""
    desk.put("a.csv", export(line(1), line(2, "1")))
    assert desk.night(NIGHT) == 1
    run = json.loads((desk.root / "attention/a/report/report.json").read_text(encoding="utf-8"))["run"]["id"]
    about = (
        "Some invoices were not taken. Correct them in corrections.xlsx beside the report, or in the "
        "source, and put the corrected file into the inbox: what was accepted is not sent again.\n"
        "accepted: 1, 125.50 in all\n"
        "invalid: 1, 125.50 in all\n"
    )
    remedy = (
        "Correct the postcode in the export; if the address is in another country, give the country. In "
        "Excel, format the column as text so that zeros at the beginning stay. (postcode-form)\n"
        f"It lies in attention/a.\nRun: {run}"
    )
    assert desk.why("attention/a") == f"{about}1 × “1” is not a postcode of Finland. {remedy}\n"
    assert desk.people.messages == [
        Message(
            "accounting", "Ropo: a.csv needs attention", f"{about}1 × “…” is not a postcode of … {remedy}"
        )
    ]


def test_a_message_may_cite_and_carry_what_is_allowed(desk: Desk) -> None:
    """Cells where the source says `personal`, the report where it says `send_report`."""
    desk.declare(INBOX, "personal = true", "send_report = true")
    desk.put("a.csv", export(line(1, "1")))
    assert desk.night(NIGHT) == 1
    (message,) = desk.people.messages
    assert "1 × “1” is not a postcode of Finland." in message.body
    assert message.attached == ("report.html",)


def test_personal_codes_and_secrets_are_nowhere(desk: Desk) -> None:
    """Neither in messages, even where cells may be cited, nor in the log, metrics or beside the export."""
    desk.declare(INBOX, "personal = true", "send_report = true")
    desk.env = {"ROPO_CID": "c1", "ROPO_APICODE": "s3cret-code"}
    desk.put("a.csv", export(line(1).replace("2262509-5", "131052-308T").replace("50,00", "131052-308T")))
    assert desk.night(NIGHT) == 1
    folder = desk.root.parent
    written = [folder / "night.log", folder / "night.prom", desk.root / "attention/a/why.txt"]
    everything = "".join(path.read_text(encoding="utf-8") for path in written)
    everything += "".join(each.body for each in desk.people.messages) + desk.said
    assert "[personal identity code]" in everything
    for secret in ("131052-308T", "s3cret-code", f"127.0.0.1:{desk.people.port}"):
        assert secret not in everything


def test_broken_files_do_not_stop_the_others(desk: Desk) -> None:
    """Each lies in attention with its reason, and the good one is with the service."""
    desk.put("a-empty.csv", "")
    desk.put("b-binary.csv", bytes(range(256)) * 20)
    desk.put("c-half.csv", export(line(7))[:-40])
    desk.put("d-good.csv", export(line(8)))
    desk.put("e-other.pdf", "%PDF")
    assert desk.night(NIGHT) == 2
    assert desk.at_the_service()["8"] == 1
    assert sorted(desk.files()) == [
        "attention/a-empty/a-empty.csv",
        "attention/b-binary/b-binary.csv",
        "attention/c-half/c-half.csv",
        "attention/e-other/e-other.pdf",
        "done/2026-11-16/d-good/d-good.csv",
    ]
    assert desk.why("attention/e-other") == (
        "Nothing was sent of it. Put it into the inbox again when the cause is gone.\n"
        "inbox.toml has no source for e-other.pdf. Put the file into the folder of its source, or add a "
        "source for it; then put it into the inbox again. (inbox-no-source)\n"
        "It lies in attention/e-other.\n"
    )
    assert "is empty (0 bytes). Export it again. (file-empty)" in desk.why("attention/a-empty")
    assert {each.title: each.to for each in desk.people.messages} == {
        "Ropo: a-empty.csv needs attention": "accounting",
        "Ropo: b-binary.csv needs attention": "accounting",
        "Ropo: c-half.csv needs attention": "accounting",
        "Ropo: e-other.pdf needs attention": "it",
    }


def test_names_that_are_taken_get_a_number(desk: Desk) -> None:
    """Nothing that lies there is overwritten."""
    for number, night in enumerate((NIGHT, NIGHT, NIGHT)):
        desk.put("a.csv", export(line(number, "00100" if number else "1")))
        desk.night(night)
    desk.put("a.csv", export(line(9, "1")))
    desk.night(NIGHT)
    assert sorted(desk.files()) == [
        "attention/a-2/a.csv",
        "attention/a/a.csv",
        "done/2026-11-16/a-2/a.csv",
        "done/2026-11-16/a/a.csv",
    ]


def test_the_same_content_is_run_once(desk: Desk) -> None:
    """Under whatever name it comes again; people are told once."""
    desk.put("a.csv", export(line(1)))
    assert desk.night(NIGHT) == 0
    for name in ("a.csv", "b.csv", "c.csv"):
        desk.put(name, export(line(1)))
        assert desk.night(NEXT) == 0
    assert sum(each["event"] == "outcomes" for each in desk.log()) == 1
    text = (
        "holds the same as done/2026-11-16/a/a.csv, which is done: it was not run again. If a new export "
        "was meant, see that it is made."
    )
    assert desk.why("done/2026-11-17/b") == f"b.csv {text}\n"
    assert desk.people.messages == [Message("accounting", "Ropo: a.csv was done before", f"a.csv {text}")]


def test_what_needed_attention_is_run_again_when_it_comes_again(desk: Desk) -> None:
    """The cause may lie elsewhere and be gone: the same file counts as done only when it is."""
    desk.put("a.csv", export(line(1, "1")))
    assert desk.night(NIGHT) == 1
    desk.put("a.csv", export(line(1, "1")))
    assert desk.night(NEXT) == 1
    assert sum(each["event"] == "outcomes" for each in desk.log()) == 2
    assert len(desk.people.messages) == 2


def test_what_could_not_be_finished_is_tried_again(desk: Desk) -> None:
    """The service was down; once it is up the export is done, and those who were told hear of it."""
    up, desk.url = desk.url, "http://127.0.0.1:9"
    desk.put("a.csv", export(line(1)))
    assert desk.night(NIGHT) == 4
    assert desk.night(NEXT) == 4
    desk.url = up
    assert desk.night(THIRD) == 0
    assert list(desk.files()) == ["done/2026-11-18/a/a.csv"]
    assert not (desk.root / "done/2026-11-18/a/why.txt").exists()
    assert [each.title for each in desk.people.messages] == [
        "Ropo: a.csv needs attention",
        "Ropo: a.csv is done after all",
    ]
    assert desk.people.messages[1].body == (
        "It was run again: all of it is with the service now.\naccepted: 1, 125.50 in all\n"
        "It lies in done/2026-11-18/a."
    )


def test_what_somebody_works_on_is_left_alone(desk: Desk) -> None:
    """A corrections workbook that was saved, or an export that was changed, is not run over."""
    up, desk.url = desk.url, "http://127.0.0.1:9"
    desk.put("a.csv", export(line(1), line(2, "1")))
    desk.put("b.csv", export(line(3)))
    assert desk.night(NIGHT) == 4
    os.utime(desk.root / "attention/a/report/corrections.xlsx", (time.time() + 10, time.time() + 10))
    with (desk.root / "attention/b/b.csv").open("a") as file:
        file.write(f"{line(4)}\n")
    desk.url = up
    assert desk.night(NEXT) == 0
    assert sorted(desk.files()) == ["attention/a/a.csv", "attention/b/b.csv"]


def test_an_export_waits_for_its_source_to_be_ready(desk: Desk) -> None:
    """A profile that cannot be read is told once a day, and the export stays in the inbox until it can."""
    desk.declare(INBOX, 'profile = "sales.toml"')
    (desk.root / "sales.toml").write_text("nonsense", encoding="utf-8")
    desk.put("a.csv", export(line(1)))
    for night in (NIGHT, NIGHT, NEXT):
        assert desk.night(night) == 2
        assert list(desk.files()) == ["inbox/a.csv"]
    assert [each.title for each in desk.people.messages] == ["Ropo: no run could be made of sales"] * 2
    (desk.root / "sales.toml").write_text("", encoding="utf-8")
    assert desk.night(THIRD) == 0
    assert list(desk.files()) == ["done/2026-11-18/a/a.csv"]


def test_an_export_that_waits_has_come(desk: Desk) -> None:
    """Nobody is told that it did not come."""
    desk.declare(INBOX, 'profile = "sales.toml"', "expected_by = 02:00:00")
    (desk.root / "sales.toml").write_text("", encoding="utf-8")
    assert desk.night(NIGHT) == 0
    (desk.root / "sales.toml").write_text("nonsense", encoding="utf-8")
    desk.put("a.csv", export(line(1)))
    assert desk.night(NEXT) == 2
    assert [each.title for each in desk.people.messages] == ["Ropo: no run could be made of sales"]


def test_production_needs_consent(desk: Desk) -> None:
    """A source that goes to production without `yes` takes nothing."""
    desk.declare(INBOX.replace('"sandbox"', '"production"'))
    desk.env = {"ROPO_CID": "c1", "ROPO_APICODE": "x"}
    desk.put("a.csv", export(line(1)))
    assert desk.night(NIGHT) == 2
    assert list(desk.files()) == ["inbox/a.csv"]
    assert desk.people.messages[0].body.endswith("(consent-missing)")


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("", "inbox.toml is wrong at source: Field required."),
        (
            "x",
            "inbox.toml cannot be read: Expected '=' after a key in a key/value pair (at end of document).",
        ),
        (f"{INBOX}\nfoldr = 'x'", "inbox.toml is wrong at source.0.foldr: Extra inputs are not permitted."),
        (
            f"{INBOX}\n[[source]]\nname = 'sales'\ntarget = 'test'",
            "inbox.toml is wrong at inbox.toml: Value error, two sources have the same name.",
        ),
        (f"{INBOX}\nyes = 'x'", None),
    ],
)
def test_a_wrong_inbox_toml(desk: Desk, declared: str, said: str | None) -> None:
    """Nothing is taken, and everybody is told what is wrong with it, once a day."""
    desk.declare(declared)
    desk.put("a.csv", export(line(1)))
    assert desk.night(NIGHT) == 2
    assert desk.night(NIGHT) == 2
    assert list(desk.files()) == ["inbox/a.csv"]
    assert [each.to for each in desk.people.messages] == ["accounting", "it"]
    assert said is None or said in desk.people.messages[0].body


def test_no_inbox_toml(desk: Desk, tmp_path: Path) -> None:
    """It is said; in a folder that is not there, too."""
    (desk.root / "inbox.toml").unlink()
    assert desk.night(NIGHT) == 2
    assert desk.said == "inbox-unreadable inbox.toml cannot be read: No such file or directory.\n"
    desk.root = tmp_path / "nowhere"
    assert desk.night(NIGHT) == 2
    assert desk.said == f"inbox-unreadable inbox.toml cannot be read: there is no folder {desk.root}.\n"
    assert not desk.root.exists()


def test_one_inbox_at_a_time(desk: Desk) -> None:
    """A second one ends at once, and says so."""
    desk.put("a.csv", export(line(1)))
    with FileLock(desk.root / ".inbox.lock"):
        assert desk.night(NIGHT) == 4
    assert desk.said == f"another-inbox Another inbox is at work on {desk.root}.\n"
    assert list(desk.files()) == ["inbox/a.csv"]


def test_a_journal_that_is_none(desk: Desk) -> None:
    """A file that is no journal is refused, not overwritten."""
    (desk.root / "journal.sqlite").write_text("x" * 5000, encoding="utf-8")
    assert desk.night(NIGHT) == 2
    assert desk.said == (
        f"journal-unusable The journal {desk.root}/journal.sqlite cannot be used: file is not a database.\n"
    )


def test_a_journal_that_breaks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The night stops with 4 rather than take what it cannot record; the export stays in the inbox."""
    monkeypatch.setenv("HOME", str(desk.root.parent))
    desk.put("a.csv", export(line(1)))

    def destroy(_: float) -> None:
        with closing(sqlite3.connect(desk.root / "journal.sqlite")) as journal:
            journal.execute("ALTER TABLE export RENAME TO gone")

    places = Places(f"sqlite:///{desk.root.parent / 'ledger.sqlite'}")
    seconds = iter(range(0, 10_000, 100))
    with pytest.raises(Refusal) as stopped:
        inbox(desk.root, places, once=True, clock=Clock(seconds=lambda: float(next(seconds)), wait=destroy))
    assert stopped.value.exit_code == 4
    assert stopped.value.finding.message == "The inbox had to stop: no such table: export."
    assert list(desk.files()) == ["inbox/a.csv"]


def test_a_log_that_cannot_be_written(desk: Desk, tmp_path: Path) -> None:
    """It is said before anything is taken."""
    log = tmp_path / "no" / "night.log"
    with pytest.raises(Refusal) as refused:
        inbox(desk.root, Places("sqlite:///x", log=log), once=True)
    assert refused.value.finding.message == f"{log} cannot be written: No such file or directory."


def test_a_name_that_is_no_utf8(desk: Desk) -> None:
    """It stays where it is, people are told, and the others are run."""
    desk.put("b.csv", export(line(1)))
    (desk.root / "inbox" / os.fsdecode(b"a\xe4.csv")).write_text(export(line(2)), encoding="utf-8")
    assert desk.night(NIGHT) == 2
    assert desk.at_the_service() == {"1": 1}
    assert desk.people.messages[0].body.startswith(
        "a\ufffd.csv cannot be taken out of the inbox: its name is not in UTF-8."
    )


def in_process(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> int:
    """One look at the inbox in this process, in which time flies."""
    monkeypatch.setenv("ROPO_LEDGER", f"sqlite:///{desk.root.parent / 'ledger.sqlite'}")
    monkeypatch.setenv("HOME", str(desk.root.parent))
    seconds = iter(range(0, 100_000, 100))
    places = Places(f"sqlite:///{desk.root.parent / 'ledger.sqlite'}")
    clock = Clock(seconds=lambda: float(next(seconds)), wait=lambda _: None)
    return inbox(desk.root, places, once=True, clock=clock)


def test_an_export_that_may_not_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`inbox-unreadable-export`: it is put where people look, with the reason."""

    def refused(_: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pipeline.nightly.folders.sha256", refused)
    desk.put("a.csv", export(line(1)))
    assert in_process(desk, monkeypatch) == 2
    [why] = desk.root.rglob("why.txt")
    assert (
        why.read_text(encoding="utf-8")
        .splitlines()[1]
        .startswith("The export cannot be read: Permission denied.")
    )


def test_a_mistake_of_ours_stops_one_export_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`night-internal`: the export waits for another try, and the error is told without a traceback."""

    def broken(*_: object) -> int:
        raise RuntimeError("boom")

    monkeypatch.setattr("pipeline.nightly.attempt.run", broken)
    desk.put("a.csv", export(line(1)))
    assert in_process(desk, monkeypatch) == 4
    [why] = desk.root.rglob("why.txt")
    assert (
        why.read_text(encoding="utf-8")
        .splitlines()[1]
        .startswith("This should not have happened: RuntimeError: boom.")
    )


def test_folders_on_two_filesystems(tmp_path: Path) -> None:
    """`inbox-filesystems`: a move between them could be cut off in the middle."""
    elsewhere = Path("/dev/shm") / f"ropo-{os.getpid()}"
    elsewhere.mkdir()
    try:
        root = tmp_path / "split"
        root.mkdir()
        (root / "done").symlink_to(elsewhere)
        with pytest.raises(Refusal) as refused:
            make_folders(root, [])
    finally:
        elsewhere.rmdir()
    assert refused.value.finding.message == (
        f"inbox, done and attention in {root} lie on different filesystems."
    )


def test_marker_and_folder(desk: Desk) -> None:
    """Sources by folder; where a marker is wanted the export waits for it, and the marker goes with it."""
    desk.declare(INBOX, "marker = true", '[[source]]\nname = "books"\nfolder = "books"\ntarget = "sandbox"')
    desk.put("a.csv", export(line(1)))
    desk.put("books/a.csv", export(line(2)))
    assert desk.night(NIGHT) == 0
    assert list(desk.files()) == ["inbox/a.csv", "done/2026-11-16/a/a.csv"]
    desk.put("a.csv.done", "")
    assert desk.night(NIGHT) == 0
    assert desk.at_the_service() == {"1": 1, "2": 1}
    assert not [path for path in (desk.root / "inbox").rglob("*") if path.is_file()]


def test_allocations_and_payments(desk: Desk) -> None:
    """A source's rows may be entries for invoices that the service has."""
    desk.declare(
        INBOX, '[[source]]\nname = "paid"\nfolder = "paid"\nsubject = "payments"\ntarget = "sandbox"'
    )
    desk.put("a.csv", export(line(1)))
    desk.put("paid/p.csv", "Laskunumero;Summa;Maksupäivä\n1;10,00;20.10.2026\n")
    assert desk.night(NIGHT) == 0
    report = json.loads((desk.root / "done/2026-11-16/p/report/report.json").read_text(encoding="utf-8"))
    assert report["run"]["command"] == "payments"


def test_metrics(desk: Desk) -> None:
    """What the last day came to, by source, in whole cents."""
    desk.put("a.csv", export(line(1), line(2)))
    desk.put("b.csv", export(line(3), line(4, "1")))
    assert desk.night(NIGHT) == 1
    lines = (desk.root.parent / "night.prom").read_text(encoding="utf-8").splitlines()
    for each in (
        'ropo_exit_code{source="sales"} 1.0',
        'ropo_documents{outcome="accepted",source="sales"} 3.0',
        'ropo_documents{outcome="invalid",source="sales"} 1.0',
        'ropo_total_cents{outcome="accepted",source="sales"} 37650.0',
        'ropo_last_success_timestamp_seconds{source="sales"} 1.79479533e+09',
        'ropo_unknown_documents{environment="sandbox"} 0.0',
        'ropo_unknown_oldest_age_seconds{environment="sandbox"} 0.0',
    ):
        assert each in lines
    assert any(each.startswith('ropo_duration_seconds{source="sales"} ') for each in lines)


def test_metrics_of_an_unknown_outcome(desk: Desk, tmp_path: Path) -> None:
    """An invoice that was sent without an answer, and cannot be looked up, has an age."""
    faults = Faults(
        [Fault(kind="close", when="after"), Fault(kind="status", endpoint="GET /rest/jobs/statusupdates")]
    )
    with serve_in_thread(tmp_path / "bad.sqlite", faults=faults) as service:
        desk.url = service.url
        desk.put("a.csv", export(line(1)))
        assert desk.night(NIGHT) == 3
    lines = (desk.root.parent / "night.prom").read_text(encoding="utf-8").splitlines()
    assert 'ropo_unknown_documents{environment="sandbox"} 1.0' in lines
    (age,) = [each for each in lines if each.startswith("ropo_unknown_oldest_age_seconds{")]
    assert 0 < float(age.split()[-1]) < 60


def test_an_export_that_grows_while_it_is_read(desk: Desk, tmp_path: Path) -> None:
    """It goes back into the inbox and is read again: what came later is sent, and nothing twice."""
    slow = Faults([Fault(kind="slow", seconds=1.0)])
    path = desk.root / "attention/a/a.csv"

    def grow() -> None:
        while not (path.parent / "report").exists():
            time.sleep(0.005)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{line(2)}\n")

    with serve_in_thread(tmp_path / "slow.sqlite", faults=slow) as service:
        desk.url, desk.state = service.url, tmp_path / "slow.sqlite"
        desk.put("a.csv", export(line(1)))
        writer = threading.Thread(target=grow)
        writer.start()
        desk.night(NIGHT)
        writer.join()
        assert list(desk.files()) == ["done/2026-11-16/a-2/a.csv"]
        assert desk.at_the_service() == {"1": 1, "2": 1}
    assert desk.why("done/2026-11-16/a") == (
        "The export was written to while it was read, so it was put back into the inbox. Nothing is to be "
        "done: it is read again when it is complete, and what was accepted is not sent again. Have it "
        "written under a name that ends in .part and renamed when complete.\n"
    )


def watching(desk: Desk, *options: str) -> subprocess.Popen[str]:
    """`inbox` as a process that watches."""
    environment = {
        "HOME": str(desk.root.parent),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(CHECKOUT),
        "ROPO_BASE_URL": desk.url,
        "ROPO_NOTIFY": desk.notify,
        "ROPO_LEDGER": f"sqlite:///{desk.root.parent / 'ledger.sqlite'}",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "inbox", str(desk.root), *options],
        cwd=desk.root.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_watching_until_sigterm(desk: Desk, tmp_path: Path) -> None:
    """The run at work is finished, the next export stays in the inbox, and the exit code is 0."""
    desk.declare(INBOX.replace("settle = 30", "settle = 0\npoll = 0.05"), "batch_size = 1", "workers = 1")
    slow = Faults([Fault(kind="slow", seconds=0.2)])
    with serve_in_thread(tmp_path / "slow.sqlite", faults=slow) as service:
        desk.url, desk.state = service.url, tmp_path / "slow.sqlite"
        with watching(desk) as process:
            desk.put("a.csv", export(*(line(number) for number in range(1, 8))))
            while not desk.state.exists() or not desk.at_the_service():
                assert process.poll() is None
                time.sleep(0.02)
            desk.put("b.csv", export(line(9)))
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "")
        events = [json.loads(each)["event"] for each in err.splitlines()]
        assert "stopping" in events
        assert desk.at_the_service() == {str(number): 1 for number in range(1, 8)}
    assert [name.split("/")[0] for name in sorted(desk.files())] == ["done", "inbox"]
