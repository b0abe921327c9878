"""`doctor` finds each fault that is planted, says what to do, and sends nothing."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from night_desk import Desk, export, line

from pipeline.__main__ import main
from pipeline.ledger.database import MIGRATIONS

# One of Apprise's many services still imports it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

INBOX = """
tell = ["it"]
[[source]]
name = "sales"
target = "test"
tell = ["accounting"]
"""


class Examined:
    """A desk that is in order, its doctor, and what the doctor said."""

    def __init__(self, desk: Desk, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.desk, self._capsys, self.patch = desk, capsys, patch
        desk.declare(INBOX)
        (desk.root / "inbox").mkdir()
        for name in os.environ:
            if name.startswith("ROPO_"):
                patch.delenv(name)
        patch.setenv("HOME", str(desk.root.parent))
        patch.setenv("ROPO_CID", "c1")
        patch.setenv("ROPO_APICODE", "s3cret")
        patch.setenv("ROPO_BASE_URL", desk.url)
        patch.setenv("ROPO_NOTIFY", desk.notify)
        patch.setenv("ROPO_LEDGER", f"sqlite:///{desk.root.parent / 'ledger.sqlite'}")
        patch.chdir(desk.root.parent)

    def lines(self, *options: str) -> list[str]:
        """What the doctor says, once its exit code fits it."""
        self.patch.setattr(sys, "argv", ["ropo-pipeline", "doctor", str(self.desk.root), *options])
        with pytest.raises(SystemExit) as ended:
            main()
        lines = self._capsys.readouterr().out.splitlines()
        assert "s3cret" not in "".join(lines)
        assert ended.value.code == (2 if any(each.startswith("PROBLEM") for each in lines) else 0)
        return lines

    def problems(self, *options: str) -> list[str]:
        """What the doctor finds wrong."""
        return [each.removeprefix("PROBLEM  ") for each in self.lines(*options) if each.startswith("PROBLEM")]


@pytest.fixture
def examined(desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Examined:
    """A desk that is in order."""
    return Examined(desk, capsys, monkeypatch)


def test_all_is_well(examined: Examined) -> None:
    """A line for each check; the service has got nothing, nor have the people."""
    desk = examined.desk
    assert examined.lines() == [
        "ok       inbox.toml: sources: sales",
        "ok       folders: all can be written, and moves between them are safe",
        "ok       disk: there is room for what a night records",
        f"ok       ledger: none yet: the first run makes {desk.root.parent}/ledger.sqlite",
        "ok       messages: 2 addresses, all reachable; nothing was sent to them",
        "ok       target: test",
        "ok       profile of sales: none is named",
        "ok       credentials of test-fi: the service takes them",
        f"ok       service of test-fi: {desk.url} answers, and its clock agrees with this machine's",
    ]
    assert not (desk.root.parent / "ledger.sqlite").exists()
    assert desk.at_the_service() == {}
    assert desk.people.messages == []


def test_after_a_night(examined: Examined) -> None:
    """The ledger that is there is looked into, and stays as it is."""
    examined.desk.put("a.csv", export(line(1)))
    examined.desk.env = {"ROPO_CID": "c1", "ROPO_APICODE": "s3cret"}
    assert examined.desk.night("2026-11-16T02:15:00+00:00") == 0
    lines = examined.lines()
    assert "ok       ledger: it can be written, is consistent, and of this program's version" in lines
    assert examined.problems() == []


def without_inbox(examined: Examined) -> None:
    """There is no inbox.toml."""
    (examined.desk.root / "inbox.toml").unlink()


def misspelt(examined: Examined) -> None:
    """A key that does not exist."""
    examined.desk.declare(INBOX, "expected = 1")


def no_credentials(examined: Examined) -> None:
    """Neither in the environment nor in a keyring."""
    examined.patch.delenv("ROPO_CID")
    examined.patch.delenv("ROPO_APICODE")
    examined.patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    examined.patch.setattr("keyring.core._keyring_backend", None)


def service_down(examined: Examined) -> None:
    """Nothing listens there."""
    examined.patch.setenv("ROPO_BASE_URL", "http://127.0.0.1:9")


def url_of_production(examined: Examined) -> None:
    """Production's, though the target is not."""
    examined.patch.setenv("ROPO_BASE_URL", "https://ropo24.fi")


def two_targets(examined: Examined) -> None:
    """A source was left at the sandbox."""
    examined.desk.declare(INBOX, '[[source]]\nname = "books"\ntarget = "sandbox"')


def no_consent(examined: Examined) -> None:
    """Production, with nobody to ask."""
    examined.desk.declare(INBOX.replace('"test"', '"production"'))


def no_profile(examined: Examined) -> None:
    """The profile is not there."""
    examined.desk.declare(INBOX, 'profile = "sales.toml"')


def two_files(examined: Examined) -> None:
    """The profile wants two files together, and the source takes each alone."""
    examined.desk.declare(INBOX, 'profile = "sales.toml"')
    parts = '[[tables]]\npart = "invoices"\nfile = "a.csv"\n[[tables]]\npart = "rows"\nfile = "b.csv"\n'
    (examined.desk.root / "sales.toml").write_text(parts, encoding="utf-8")


def no_attachments(examined: Examined) -> None:
    """The folder of attachments is not there."""
    examined.desk.declare(INBOX, 'attachments = "pdf"')


def nobody(examined: Examined) -> None:
    """Nobody is named."""
    examined.patch.delenv("ROPO_NOTIFY")


def no_such_tag(examined: Examined) -> None:
    """A tag that nobody has."""
    examined.patch.setenv("ROPO_NOTIFY", examined.desk.notify.replace("it=", "boss="))


def no_address(examined: Examined) -> None:
    """A line that is no URL."""
    examined.patch.setenv("ROPO_NOTIFY", f"{examined.desk.notify}\nfoo://s3cret@x")


def people_down(examined: Examined) -> None:
    """Nothing listens where messages go."""
    examined.patch.setenv("ROPO_NOTIFY", f"{examined.desk.notify}\njson://u:s3cret@127.0.0.1:9/boss")


def ledger_gone(examined: Examined) -> None:
    """The inbox has a journal, but the ledger is not there."""
    examined.desk.night("2026-11-16T02:15:00+00:00")
    (examined.desk.root.parent / "ledger.sqlite").unlink(missing_ok=True)


def ledger_no_ledger(examined: Examined) -> None:
    """Another file in the place of the ledger."""
    (examined.desk.root.parent / "ledger.sqlite").write_text("x" * 5000, encoding="utf-8")


def ledger_newer(examined: Examined) -> None:
    """A later version of the program has written it."""
    _with_ledger(examined, "UPDATE meta SET value = '99' WHERE key = 'schema_version'")


def ledger_damaged(examined: Examined) -> None:
    """A row whose run is not there."""
    _with_ledger(
        examined,
        "INSERT INTO batch (id, run_id, data_identifier, attempt, size, sent) VALUES (99, '', '', 1, 1, '')",
    )


def _with_ledger(examined: Examined, statement: str) -> None:
    examined.desk.put("a.csv", export(line(1)))
    examined.desk.env = {"ROPO_CID": "c1", "ROPO_APICODE": "s3cret"}
    assert examined.desk.night("2026-11-16T02:15:00+00:00") == 0
    with closing(sqlite3.connect(examined.desk.root.parent / "ledger.sqlite")) as ledger:
        ledger.execute(statement)
        ledger.commit()


def ledger_out_of_reach(examined: Examined) -> None:
    """It lies on a server that does not answer."""
    examined.patch.setenv("ROPO_LEDGER", "postgresql://me:s3cret@127.0.0.1:9/ledger")


def folder_is_a_file(examined: Examined) -> None:
    """A file in the place of a folder."""
    (examined.desk.root / "done").write_text("", encoding="utf-8")


FOUND = {
    without_inbox: (
        "inbox.toml: inbox.toml cannot be read: No such file or directory. Put an inbox.toml into the "
        "folder that is given to “inbox”, as docs/nights.md shows it. (inbox-unreadable)"
    ),
    misspelt: (
        "inbox.toml: inbox.toml is wrong at source.0.expected: Extra inputs are not permitted. Correct "
        "it as docs/nights.md shows; nothing was taken out of the inbox. (inbox-invalid)"
    ),
    no_credentials: (
        "credentials of test-fi: The credentials for test-fi are missing: ROPO_CID and ROPO_APICODE. "
        "Set them as environment variables, in a .env file in this folder, or in the keyring under "
        "“ropo-pipeline test-fi”. Never on the command line. (credentials-missing)"
    ),
    url_of_production: (
        "credentials of test-fi: ROPO_BASE_URL “https://ropo24.fi” cannot be used: it is production's, "
        "and the target is not production. Give scheme, host and port only, such as "
        "https://rc.ropo24.fi; /rest is appended. (base-url)"
    ),
    service_down: (
        "service of test-fi: http://127.0.0.1:9 cannot be reached: ConnectionRefusedError: [Errno 111] "
        "Connection refused. Check the network, the proxy and ROPO_BASE_URL. (doctor-unreachable)"
    ),
    two_targets: (
        "target: The sources go to different targets: sales: test, books: sandbox. Give all sources one"
        " target; rehearse in an inbox of its own. (doctor-targets)"
    ),
    no_consent: (
        "target: Source sales goes to production without consent. Set yes = true in its section of "
        "inbox.toml, once you have rehearsed it. (doctor-consent)"
    ),
    no_profile: (
        "profile of sales: The profile {root}/sales.toml cannot be read: [Errno 2] No such file or "
        "directory: '{root}/sales.toml'. Give the path of a TOML file in UTF-8. (profile-unreadable)"
    ),
    no_attachments: (
        "folders: The folder of attachments does not exist: {root}/pdf. Give an existing folder with "
        "--attachments. (attachments-folder)"
    ),
    nobody: (
        "messages: Nobody is told when something needs attention: neither ROPO_NOTIFY nor ROPO_METRICS "
        "is set. Set ROPO_NOTIFY to Apprise URLs, one a line, as docs/nights.md shows. (doctor-nobody)"
    ),
    no_such_tag: (
        "messages: inbox.toml wants “it” to be told, but no line of ROPO_NOTIFY has that tag. Write the"
        " tag before the URL of that person, as in it=mailto://…, or correct it in inbox.toml. "
        "(doctor-tag)"
    ),
    no_address: (
        "messages: Line 3 of ROPO_NOTIFY is no address that messages can be sent to. Write one URL a "
        "line as Apprise has them, with tags before it if wanted (accounting=mailto://…). "
        "(notify-invalid)"
    ),
    people_down: (
        "messages: 127.0.0.1, port 9, to which messages go, cannot be reached: Connection refused. "
        "Check the URL in ROPO_NOTIFY and the network; messages wait meanwhile. (doctor-notify)"
    ),
    ledger_gone: (
        "ledger: There is no ledger at {home}/ledger.sqlite, though exports were taken from this inbox "
        "before. Give the ledger that was used then: without it everything could be sent again. It is "
        "each user's own unless ROPO_LEDGER or --ledger names it. (doctor-ledger-missing)"
    ),
    ledger_no_ledger: (
        "ledger: The ledger {home}/ledger.sqlite cannot be used: file is not a database. See that the "
        "file is a ledger of this program, that you may write it, and that its disk is well. Do not "
        "delete it: it knows what was sent. (ledger-unusable)"
    ),
    ledger_newer: (
        "ledger: The ledger {home}/ledger.sqlite was written by a newer version of this program (schema"
        " 99; this one knows {known}). Use the newer version of the program. (ledger-newer)"
    ),
    ledger_damaged: (
        "ledger: The ledger {home}/ledger.sqlite is damaged: batch 99 → run. Run nothing. Put the last "
        "good copy in its place, then run “reconcile”; keep the damaged file. (doctor-ledger-damaged)"
    ),
    two_files: (
        "profile of sales: The profile of sales speaks of tables in different files (“a.csv”, “b.csv”), but "
        "its source in inbox.toml takes each file for an export of its own. Name the files in inbox.toml: "
        'files = [ … ] in place of pattern; or have them come as one .zip, with pattern = "*.zip". '
        "(inbox-files)"
    ),
    ledger_out_of_reach: (
        "ledger: The ledger postgresql://me:***@127.0.0.1:9/ledger cannot be used: connection failed: "
        'connection to server at "127.0.0.1", port 9 failed: Connection refused. See that the file is a '
        "ledger of this program, that you may write it, and that its disk is well. Do not delete it: it "
        "knows what was sent. (ledger-unusable)"
    ),
    folder_is_a_file: (
        "folders: {root}/done cannot be written: File exists. Let the user that the inbox "
        "runs as write it. (inbox-folder)"
    ),
}
"""What is planted, and what the doctor says."""


@pytest.mark.parametrize("plant", FOUND, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(examined: Examined, plant: Callable[[Examined], None]) -> None:
    """Word for word, and nothing else is found, unless it follows from it."""
    plant(examined)
    home, root = examined.desk.root.parent, examined.desk.root
    found = FOUND[plant].format(home=home, root=root, known=len(MIGRATIONS) + 1)
    problems = examined.problems()
    assert found in problems
    assert len(problems) == (2 if plant is service_down else 1), problems


def test_a_disk_without_room(examined: Examined) -> None:
    """Room is not only free space: here the user may write no large file. Tried in a child of its own."""
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000));"
        "from pipeline.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "doctor", str(examined.desk.root)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    problems = [each for each in done.stdout.splitlines() if each.startswith("PROBLEM")]
    assert len(problems) == 1
    assert problems[0].startswith("PROBLEM  disk: 67 MB cannot be written to ")
    assert problems[0].endswith(
        ": File too large. Make room on its disk, or raise the user's limit. (doctor-disk)"
    )


@contextlib.contextmanager
def a_service(*, token: int = 200, skew: float = 0.0, date: bool = True) -> Iterator[str]:
    """A service that answers token requests with that status, by a clock that is so many seconds ahead."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/rest/token"
            body = json.dumps({"token": "t"} if token == 200 else {"error": "no such customer"}).encode()
            self._answer(token, body)

        def do_GET(self) -> None:
            self._answer(404, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response_only(status)
            if date:
                now = datetime.now(UTC) + timedelta(seconds=skew)
                self.send_header("Date", format_datetime(now, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("skew", "words", "code"),
    [(-7200.0, "120 minutes ahead of", "ahead"), (7200.0, "120 minutes behind", "behind")],
)
def test_a_clock_that_is_wrong(examined: Examined, skew: float, words: str, code: str) -> None:
    """By the service's own."""
    with a_service(skew=skew) as url:
        examined.patch.setenv("ROPO_BASE_URL", url)
        (problem,) = examined.problems()
    assert problem == (
        f"service of test-fi: This machine's clock is {words} the service's. Set it by NTP: dates of invoices"
        f" and the age of tokens come from it. (doctor-clock-{code})"
    )


def test_a_service_that_tells_no_time(examined: Examined) -> None:
    """No answer is no fault."""
    with a_service(date=False) as url:
        examined.patch.setenv("ROPO_BASE_URL", url)
        assert f"ok       service of test-fi: {url} answers; it does not tell its time" in examined.lines()


@pytest.mark.parametrize(
    ("status", "found"),
    [
        (
            401,
            (
                "credentials of test-fi: The service does not take the credentials for test-fi: no such"
                " customer. Correct ROPO_CID and ROPO_APICODE, where the night gets them from"
                " (docs/nights.md). (doctor-credentials)"
            ),
        ),
        (
            500,
            (
                "credentials of test-fi: The credentials for test-fi could not be tried: the token request"
                " was answered with HTTP 500. See that the service is reachable, then look again."
                " (doctor-no-token)"
            ),
        ),
    ],
)
def test_credentials_that_are_not_taken(examined: Examined, status: int, found: str) -> None:
    """They are tried, by asking for a token and nothing else."""
    with a_service(token=status) as url:
        examined.patch.setenv("ROPO_BASE_URL", url)
        assert examined.problems() == [found]


def test_the_built_in_sandbox(examined: Examined) -> None:
    """It needs neither credentials nor a network."""
    examined.desk.declare(INBOX.replace('"test"', '"sandbox"'))
    examined.patch.delenv("ROPO_BASE_URL")
    lines = examined.lines()
    assert "ok       credentials of sandbox: the built-in sandbox takes any" in lines
    assert "ok       service of sandbox: the built-in sandbox is started for each run" in lines


def test_metrics_tell_too(examined: Examined) -> None:
    """Where nobody is named, the metrics may be watched instead."""
    examined.patch.delenv("ROPO_NOTIFY")
    lines = examined.lines("--metrics", "m/night.prom")
    assert "ok       messages: nobody is told: only the metrics tell" in lines


def test_other_services_by_their_own_hosts() -> None:
    """A message service's host is known though its URL does not name it."""
    from apprise import Apprise  # noqa: PLC0415 - slow, and with a warning

    from pipeline.nightly.doctor import _endpoint  # noqa: PLC0415 - likewise

    def endpoint(url: str) -> tuple[str | None, int]:
        return _endpoint(Apprise.instantiate(url))

    assert endpoint("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#c") == ("hooks.slack.com", 443)
    assert endpoint("mailto://user:x@example.com") == ("example.com", 25)
    assert endpoint("jsons://example.com/x") == ("example.com", 443)
