"""A server that answers as a test tells it to, in shapes and at moments of the test's choosing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from pipeline.sender.service import Service


class Reply(NamedTuple):
    """An answer: a body that is not text or bytes is sent as JSON. Status 0 hangs up without one."""

    status: int
    body: Any = b""
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


class Request(NamedTuple):
    """What came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any

    @property
    def billnums(self) -> list[str | None]:
        """The bill numbers of the jobs."""
        return [each.get("billnum") for each in self.body["datastream"]["dataset"]]


Answering = Callable[[Request], Reply]


StartService = Callable[..., Service]
"""Starts a sandbox with those options, and gives a service that speaks to it."""


class Scripted:
    """The server: `jobs` and `look_ups` answer those; tokens are free. `requests` is what came."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.tokens = 0
        self.token: Answering = self._new_token
        self.jobs: Answering = accept
        self.look_ups: Answering = lambda _: Reply(204)

    def sent(self) -> list[list[str | None]]:
        """The bill numbers of each `POST /rest/jobs` that came."""
        return [each.billnums for each in self.requests if each.path == "/rest/jobs"]

    def answer(self, request: Request) -> Reply:
        """The answer to a request."""
        self.requests.append(request)
        if request.path == "/rest/token":
            return self.token(request)
        if request.path == "/rest/jobs":
            return self.jobs(request)
        return self.look_ups(request)

    def _new_token(self, _: Request) -> Reply:
        self.tokens += 1
        return Reply(201, {"token": f"token-{self.tokens}"})


def accept(request: Request) -> Reply:
    """Everything is accepted."""
    return Reply(201, {"accepted": len(request.billnums)})


def in_turn(*replies: Reply) -> Answering:
    """These answers, one after the other; the last one from then on."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def scripted() -> Iterator[Scripted]:
    """Run the server on a free port of this machine."""
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._answer(json.loads(self.rfile.read(length)))

        def do_GET(self) -> None:
            self._answer(None)

        def _answer(self, body: Any) -> None:
            reply = script.answer(Request(self.command, self.path, dict(self.headers), body))
            if not reply.status:
                self.close_connection = True
                return
            content = reply.body.encode() if isinstance(reply.body, str) else reply.body
            content = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(reply.status)
            headers = {"Content-Length": str(len(content))} if reply.status != 204 else {}
            for name, value in (headers | reply.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            if int(reply.headers.get("Content-Length", 0)) > len(content):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that went away is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
