"""Each fact is told once to each; what cannot be told waits; nothing secret is shown."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from night_desk import Message, People
from pydantic import SecretStr

from pipeline.findings import finding
from pipeline.nightly.journal import Fact, Journal
from pipeline.nightly.summary import described
from pipeline.nightly.telling import servers, tell

# One of Apprise's many services still imports it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

FACT = Fact("f1", "warning", "Title", "Body\nof two lines")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal."""
    with Journal(tmp_path, "2026-11-20T00:00:00Z") as made:
        yield made


class Teller:
    """Tells what the journal has, and keeps the log."""

    def __init__(self, journal: Journal, root: Path, urls: str) -> None:
        self.journal, self.root, self.urls = journal, root, urls
        self.file = io.StringIO()

    def tell(self, urls: str | None = None) -> None:
        """Tell, by these URLs or the usual ones."""
        log = structlog.wrap_logger(
            structlog.WriteLogger(self.file),
            processors=[structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger("info"),
        )
        tell(
            self.journal,
            self.root,
            SecretStr(self.urls if urls is None else urls),
            "2026-11-20T02:00:00Z",
            log,
        )


@pytest.fixture
def teller(journal: Journal, tmp_path: Path, people: People) -> Teller:
    """Two people, the second with a password in the URL."""
    there = f"127.0.0.1:{people.port}"
    return Teller(
        journal,
        tmp_path,
        f"# who is told\naccounting=json://{there}/accounting\n\nit=json://u:s3cret@{there}/it",
    )


def test_each_is_told_once(teller: Teller, people: People) -> None:
    """However often it is tried or noted again."""
    for _ in range(2):
        teller.journal.note(FACT, "2026-11-20T01:00:00Z")
        teller.tell()
        teller.tell()
    assert people.messages == [
        Message("accounting", "Title", "Body\nof two lines"),
        Message("it", "Title", "Body\nof two lines"),
    ]


def test_only_those_concerned(teller: Teller, people: People) -> None:
    """Tags choose; one that nobody has is said in the log, and the message waits for somebody."""
    teller.journal.note(FACT._replace(tags=("it",)), "2026-11-20T01:00:00Z")
    teller.journal.note(Fact("f2", "info", "Other", "Body", tags=("boss",)), "2026-11-20T01:00:01Z")
    teller.tell()
    assert [each.to for each in people.messages] == ["it"]
    assert '"fact": "f2", "tags": ["boss"], "event": "nobody-to-tell"' in teller.file.getvalue()
    teller.tell(f"boss=json://127.0.0.1:{people.port}/boss")
    assert [(each.to, each.title) for each in people.messages[1:]] == [("boss", "Other")]


def test_what_fails_is_tried_again(teller: Teller, people: People) -> None:
    """Only with those who have not got it."""
    teller.journal.note(FACT, "2026-11-20T01:00:00Z")
    teller.tell(teller.urls.replace(f":{people.port}/it", ":9/it"))
    assert [each.to for each in people.messages] == ["accounting"]
    teller.tell()
    teller.tell()
    assert [each.to for each in people.messages] == ["accounting", "it"]


def test_refused_messages_wait(teller: Teller, people: People) -> None:
    """A server that answers 503 has not been told."""
    people.deaf = True
    teller.journal.note(FACT, "2026-11-20T01:00:00Z")
    teller.tell()
    people.deaf = False
    teller.tell()
    assert len(people.messages) == 2


def test_no_secret_is_logged(teller: Teller) -> None:
    """Neither passwords nor URLs, whether it goes well or not."""
    teller.journal.note(FACT, "2026-11-20T01:00:00Z")
    teller.tell("it=json://u:s3cret@127.0.0.1:9/it\nnonsense s3cret")
    teller.tell()
    log = teller.file.getvalue()
    assert "not-told" in log
    assert "told" in log
    assert "s3cret" not in log
    assert "127.0.0.1" not in log


def test_a_line_that_is_no_address(teller: Teller, people: People) -> None:
    """It is named by its number; the others are told."""
    found, wrong = servers(SecretStr(f"{teller.urls}\nfoo://s3cret\ninclude /etc/passwd"))
    assert len(found) == 2
    assert [each.message for each in wrong] == [
        "Line 5 of ROPO_NOTIFY is no address that messages can be sent to.",
        "Line 6 of ROPO_NOTIFY is no address that messages can be sent to.",
    ]
    teller.journal.note(FACT, "2026-11-20T01:00:00Z")
    teller.tell(f"{teller.urls}\nfoo://s3cret")
    assert len(people.messages) == 2


def test_with_nobody_named_nothing_waits(teller: Teller, people: People) -> None:
    """People who are named later are not told of long ago."""
    teller.journal.note(FACT, "2026-11-20T01:00:00Z")
    teller.tell("")
    teller.tell()
    assert people.messages == []


def test_the_report_goes_with_it(teller: Teller, people: People) -> None:
    """If there is one; a message whose report is gone goes without."""
    (teller.root / "report.html").write_text("<p>", encoding="utf-8")
    teller.journal.note(FACT._replace(attachment="report.html", tags=("it",)), "2026-11-20T01:00:00Z")
    teller.journal.note(Fact("f2", "info", "T", "B", "gone.html", ("it",)), "2026-11-20T01:00:01Z")
    teller.tell()
    assert [each.attached for each in people.messages] == [("report.html",), ()]


@pytest.mark.parametrize(
    ("code", "names", "told"),
    [
        ("night-internal", {"error": "ValueError: Matti"}, "This should not have happened: …"),
        ("service-refuses-all", {"reason": "no such Matti"}, "The service refuses every request: …"),
    ],
)
def test_what_an_error_may_cite_is_not_told(code: str, names: dict[str, str], told: str) -> None:
    """The words of an exception or of the service may hold a customer: the log and `why.txt` have them."""
    text = described(finding(code, **names), personal=False)
    assert text.startswith(told)
    assert "Matti" not in text
    assert "Matti" in described(finding(code, **names), personal=True)
