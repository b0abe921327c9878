"""An inbox with its people: exports put in, nights passed, and what became of all of it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).parents[2]
KILLED = -9

HEADER = (
    "Laskunumero;Laskupäivä;Eräpäivä;Nimi;Y-tunnus;Osoite;Postinumero;Postitoimipaikka;"
    "Tuote;Määrä;Veroton hinta;ALV %"
)


def line(number: int, postcode: str = "00100") -> str:
    """An export's row of one invoice, right unless its postcode is not."""
    return f"{number};1.10.2026;15.10.2026;Acme Oy;2262509-5;Katu 1;{postcode};HELSINKI;Työ;2;50,00;25,5"


def export(*lines: str) -> str:
    """An export of those rows."""
    return "".join(f"{each}\n" for each in (HEADER, *lines))


class Message(NamedTuple):
    """What somebody was told: whom the URL names, title, body and the names of attached files."""

    to: str
    title: str
    body: str
    attached: tuple[str, ...] = ()


class People:
    """A web server that takes messages; `deaf` makes it refuse them."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.deaf = False
        people = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not people.deaf:
                    attached = tuple(each["filename"] for each in body["attachments"])
                    told = Message(self.path.strip("/"), body["title"], body["message"], attached)
                    people.messages.append(told)
                self.send_response(503 if people.deaf else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take messages until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    @property
    def titles(self) -> Counter[tuple[str, str]]:
        """How often whom was told what, by title."""
        return Counter((each.to, each.title) for each in self.messages)


class Driver:
    """Gives orders to `night_driver.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(Path(__file__).with_name("night_driver.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(CHECKOUT)},
        )

    def order(self, **order: Any) -> dict[str, Any]:
        """Have a night pass."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@dataclass(slots=True)
class Desk:
    """`root` holds inbox.toml and the folders; `url` is the service's, `state` its file."""

    driver: Driver
    root: Path
    people: People
    state: Path
    url: str = ""
    env: dict[str, str] = field(default_factory=dict)
    moments: list[str] = field(default_factory=list)

    @property
    def notify(self) -> str:
        """Two people, the accountant and the administrator."""
        base = f"json://127.0.0.1:{self.people.port}"
        return f"accounting={base}/accounting\nit={base}/it"

    def declare(self, *sections: str) -> None:
        """Write inbox.toml."""
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "inbox.toml").write_text("\n".join(sections), encoding="utf-8")

    def put(self, name: str, content: str | bytes) -> Path:
        """Lay a file into the inbox."""
        path = self.root / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def night(
        self,
        begins: str,
        *,
        kill_at: int | tuple[str, int] | None = None,
        meanwhile: list[tuple[float, str, str]] | None = None,
    ) -> int:
        """`inbox --once`, begun at that time; its exit code, or `KILLED`.

        Args:
            begins: the time, ISO 8601.
            kill_at: the moment of a power cut: the n-th, or the n-th of a name.
            meanwhile: what is appended to files while the night waits: seconds, path, text.
        """
        environment = {
            "HOME": str(self.root.parent),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "ROPO_BASE_URL": self.url,
            "ROPO_LEDGER": f"sqlite:///{self.root.parent / 'ledger.sqlite'}",
        }
        answer = self.driver.order(
            root=str(self.root),
            env=environment | self.env,
            notify=self.notify,
            begins=begins,
            kill_at=kill_at,
            meanwhile=meanwhile or [],
        )
        self.moments = answer["moments"]
        code: int = answer["code"]
        assert code != 70, self.said
        return code

    @property
    def said(self) -> str:
        """What the last night said beside its log."""
        return (self.root.parent / ".said").read_text()

    def log(self) -> list[dict[str, Any]]:
        """The lines of the log."""
        text = (self.root.parent / "night.log").read_text(encoding="utf-8")
        return [json.loads(each) for each in text.splitlines()]

    def at_the_service(self) -> Counter[str]:
        """How often the service has each bill number."""
        with closing(sqlite3.connect(self.state)) as state:
            return Counter(number for (number,) in state.execute("SELECT billnum FROM job"))

    def files(self) -> dict[str, str]:
        """Every export that lies anywhere, by its place from the root, with its content."""
        return {
            str(path.relative_to(self.root)): path.read_text(encoding="utf-8", errors="replace")
            for folder in ("inbox", "done", "attention")
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file() and path.parent.name != "report" and path.name != "why.txt"
        }

    def why(self, place: str) -> str:
        """The text beside an export."""
        return (self.root / place / "why.txt").read_text(encoding="utf-8")
