"""Options from the environment, credentials from three places, and nothing secret anywhere else."""

from __future__ import annotations

import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keyring
import pytest
from flow_desk import HEADER, Desk, outcomes, row
from keyring.backend import KeyringBackend

from pipeline import settings
from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.server import serve_in_thread

CID, APICODE = "customer-4711", "s3cret-api-code"
HETU = "131052-308T"


def test_every_option_of_run_has_a_variable(desk: Desk) -> None:
    """What the command line says can be said by the environment, and is used."""
    desk.write("a.csv", row(), row(Laskunumero="1002"))
    (desk.folder / "profile.toml").write_text(
        '[sending]\ncheckbillnum = false\n[constants]\ncountry = "Finland"'
    )
    with serve_in_thread(desk.home / "service.sqlite") as server:
        desk.env = {
            "ROPO_TARGET": "production",
            "ROPO_COUNTRY": "se",
            "ROPO_PROFILE": "profile.toml",
            "ROPO_OUT": "reports",
            "ROPO_LEDGER": f"sqlite:///{desk.home}/own.sqlite",
            "ROPO_BATCH_SIZE": "1",
            "ROPO_WORKERS": "2",
            "ROPO_YES": "1",
            "ROPO_CID": CID,
            "ROPO_APICODE": APICODE,
            "ROPO_BASE_URL": server.url,
        }
        done = desk.here("run", "a.csv")
    report = desk.report("reports")
    assert done.code == 0
    assert report["run"]["environment"] == "production-se"
    assert report["run"]["ledger"] == f"sqlite:///{desk.home}/own.sqlite"
    assert (report["run"]["batch_size"], report["run"]["workers"]) == (1, 2)
    assert report["run"]["profile"] == "profile.toml"


def test_the_command_line_goes_before_the_environment(desk: Desk) -> None:
    """An option that is given wins."""
    desk.write("a.csv", row())
    desk.env = {"ROPO_OUT": "elsewhere", "ROPO_TARGET": "production"}
    done = desk.here("run", "a.csv", "--target", "sandbox", "--out", "out")
    assert done.code == 0
    assert not (desk.folder / "elsewhere").exists()


def test_credentials_from_a_dot_env(desk: Desk) -> None:
    """A `.env` in the working directory serves as the environment does, which goes before it."""
    desk.write("a.csv", row())
    with serve_in_thread(desk.home / "service.sqlite") as server:
        (desk.folder / ".env").write_text(
            f"ROPO_CID={CID}\nROPO_APICODE={APICODE}\nROPO_BASE_URL=http://127.0.0.1:9\n"
        )
        desk.env = {"ROPO_BASE_URL": server.url}
        done, report = desk.run("a.csv", "--target", "test")
    assert done.code == 0
    assert outcomes(report) == {"1001": "accepted"}
    assert desk.ledger("select cid from run") == [(CID,)]


@contextmanager
def a_keyring(answer: Callable[[str, str], str | None]) -> Iterator[None]:
    """A keyring that answers so."""

    class Backend(KeyringBackend):
        priority = 0  # only taken where it is set

        def get_password(self, service: str, username: str) -> str | None:
            return answer(service, username)

        def set_password(self, service: str, username: str, password: str) -> None:
            raise NotImplementedError

    before = keyring.get_keyring()
    keyring.set_keyring(Backend())
    try:
        yield
    finally:
        keyring.set_keyring(before)


def test_credentials_from_the_keyring(desk: Desk) -> None:
    """The keyring is asked for each environment's own."""
    held = {("ropo-pipeline test-fi", "cid"): CID, ("ropo-pipeline test-fi", "apicode"): APICODE}
    desk.write("a.csv", row())
    with a_keyring(lambda *name: held.get(name)), serve_in_thread(desk.home / "service.sqlite") as server:
        desk.env = {"ROPO_BASE_URL": server.url}
        done, _ = desk.run("a.csv", "--target", "test")
        other = desk.here("run", "a.csv", "--target", "test", "--country", "se")
    assert done.code == 0
    assert other.one_line.startswith("The credentials for test-se are missing: ROPO_CID and ROPO_APICODE.")


@pytest.mark.parametrize("backend", ["keyring.backends.null.Keyring", ""])
def test_a_machine_without_a_keyring(desk: Desk, backend: str) -> None:
    """Missing credentials are said at once, whatever back end a headless machine comes with."""
    desk.write("a.csv", row())
    env = {"PYTHON_KEYRING_BACKEND": backend} if backend else {}
    done = desk.process("run", "a.csv", "--target", "test", **env)
    assert done.code == 2
    assert done.one_line.startswith("The credentials for test-fi are missing: ROPO_CID and ROPO_APICODE.")


def test_a_keyring_that_waits_for_a_person(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A locked keyring does not hold up the night: after a while it counts as empty."""
    opened = threading.Event()
    monkeypatch.setattr(settings, "KEYRING_PATIENCE", 0.05)
    desk.write("a.csv", row())
    with a_keyring(lambda *_: "never" if opened.wait(60) else None):
        done = desk.here("run", "a.csv", "--target", "test")
    opened.set()
    assert done.one_line.endswith("(credentials-missing)")


def test_credentials_are_nowhere_to_be_seen(desk: Desk) -> None:
    """Not in the arguments that other users can list, nor in report, ledger or terminal."""
    desk.write("a.csv", row())
    fault = Fault(kind="slow", seconds=0.5, endpoint="POST /rest/token")
    with serve_in_thread(desk.home / "service.sqlite", faults=Faults([fault])) as server:
        desk.env = {"ROPO_CID": CID, "ROPO_APICODE": APICODE, "ROPO_BASE_URL": server.url}
        with desk.start("run", "a.csv", "--target", "test", "--out", "out") as process:
            while not (listed := Path(f"/proc/{process.pid}/cmdline").read_bytes()):
                pass  # it has not begun
            out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b"run" in listed.split(b"\0")
    for text in (listed, out.encode(), err.encode(), desk.everything_written()):
        assert APICODE.encode() not in text


@pytest.mark.parametrize("option", ["--cid", "--apicode"])
def test_credentials_are_no_options(desk: Desk, option: str) -> None:
    """The command line takes none."""
    desk.write("a.csv", row())
    done = desk.here("run", "a.csv", option, "x")
    assert done.code == 2
    assert f"No such option: {option}" in done.err


def test_a_personal_identity_code_is_in_no_output(desk: Desk) -> None:
    """It is sent, since the service wants it; what we write and show has it in no place.

    The corrections workbook is the user's own rows, to be run again, so it has what they have.
    """
    person = row(Laskunumero="2", Nimi=f"Matti {HETU}", Tuote=f"Työ {HETU}").replace("2262509-5", HETU)
    wrong = person.replace("2;", "3;", 1).replace("00100", "X")
    as_number = person.replace("2;", f"{HETU};", 1)
    desk.write("a.csv", person, wrong, as_number)
    first, report = desk.run("a.csv")
    changed = person.replace("50,00", "60,00")
    desk.write("a.csv", changed)
    second = desk.here("run", "a.csv", "--out", "out/second")
    history = desk.here("history", "2")
    assert outcomes(report)["2"] == "accepted"
    assert second.code == 1
    assert HETU in str(desk.accepted()[0])
    for done in (first, second, history):
        assert HETU not in done.out + done.err
    assert HETU.encode() not in desk.everything_written()
    for path in (desk.folder / "out").rglob("report.xlsx"):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                assert HETU.encode() not in archive.read(name), (path.name, name)


def test_a_code_in_the_header_or_the_files_name_is_masked(desk: Desk) -> None:
    """Wherever a person put it."""
    path = desk.write(
        f"{HETU}.csv", row() + ";x", row(Laskunumero="2", Määrä="abc") + ";x", header=f"{HEADER};{HETU}"
    )
    done, _ = desk.run(path.name)
    assert HETU not in done.out + done.err
    assert HETU.encode() not in (desk.folder / "out" / "report.json").read_bytes()


def test_the_ledger_is_its_owners_only(desk: Desk) -> None:
    """File mode 0600, also for what SQLite lays beside it."""
    desk.write("a.csv", row())
    desk.run("a.csv")
    modes = {path.name: path.stat().st_mode & 0o777 for path in desk.home.rglob("ledger*")}
    assert modes
    assert set(modes.values()) == {0o600}


def test_the_installed_command_says_the_same(desk: Desk) -> None:
    """`python -m pipeline` and `ropo-pipeline` are one."""
    found = subprocess.run(
        [Path(sys.executable).parent / "ropo-pipeline", "--version"],
        env=desk.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == desk.process("--version").out
