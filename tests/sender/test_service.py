"""HTTP: tokens, what has left and what has not, whom the token is shown."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from scripted import Reply, Scripted, accept, in_turn

from pipeline.sender import service as service_module
from pipeline.sender.answers import Answer, Meaning, meaning
from pipeline.sender.service import CredentialsRefused, Service, Unreachable

BODY = b'{"datastream":{"dataset":[{"billnum":"1"}]}}'


@contextmanager
def _to(url: str, **options: object) -> Iterator[Service]:
    with Service(url, "1001", "secret", timeout=(1.0, 1.0), **options) as service:  # type: ignore[arg-type]
        yield service


def test_a_request_as_the_service_wants_it(server: Scripted) -> None:
    """Token first, then the jobs with bearer, identifier and JSON's type."""
    with _to(server.url) as service:
        answer = service.send_jobs(BODY, "run-1")
    token, jobs = server.requests
    assert token.body == {"cid": "1001", "apicode": "secret"}
    assert jobs.headers["Authorization"] == "Bearer token-1"
    assert jobs.headers["DataIdentifier"] == "run-1"
    assert jobs.headers["Content-Type"] == "application/json"
    assert "Transfer-Encoding" not in jobs.headers
    assert answer.content == {"accepted": 1}


def test_a_token_is_used_until_shortly_before_its_end(server: Scripted) -> None:
    """One token serves many requests, and is renewed by the clock."""
    now = [0.0]
    with _to(server.url, clock=lambda: now[0]) as service:
        for moment in (0, 60, 6899, 6901, 7000):
            now[0] = moment
            service.send_jobs(BODY, "x")
    used = [each.headers["Authorization"] for each in server.requests if each.path == "/rest/jobs"]
    assert used == ["Bearer token-1"] * 3 + ["Bearer token-2"] * 2


def test_a_401_gets_a_new_token_once(server: Scripted) -> None:
    """The same request goes again with a new token; a second 401 is the answer."""
    server.jobs = in_turn(Reply(401), Reply(201, {"accepted": 1}), Reply(401))
    with _to(server.url) as service:
        assert service.send_jobs(BODY, "x").status == 201
        assert service.send_jobs(BODY, "x").status == 401
    assert server.tokens == 3
    assert len(server.sent()) == 4


def test_threads_renew_a_token_once(server: Scripted) -> None:
    """Many that meet a 401 at once share one new token."""
    server.jobs = lambda request: (
        Reply(401) if request.headers["Authorization"] == "Bearer token-1" else accept(request)
    )
    with _to(server.url) as service, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.send_jobs(BODY, "x"), range(24)))
    assert {each.status for each in answers} == {201}
    assert server.tokens == 2


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (Reply(400, {"errorId": 3, "errorText": "unknown cid"}), CredentialsRefused, "unknown cid"),
        (Reply(401), CredentialsRefused, "HTTP 401"),
        (Reply(500), Unreachable, "the token request was answered with HTTP 500"),
        (Reply(201, "no token"), Unreachable, "the token request was answered with HTTP 201"),
        (Reply(0), Unreachable, "RemoteDisconnected: Remote end closed connection without response"),
    ],
)
def test_no_token(server: Scripted, reply: Reply, error: type[Exception], message: str) -> None:
    """Refused credentials are told from a service that cannot be asked; no job is sent in either case."""
    server.token = lambda _: reply
    with _to(server.url) as service, pytest.raises(error) as raised:
        service.send_jobs(BODY, "x")
    assert str(raised.value) == message
    assert server.sent() == []


def test_a_redirect_is_not_followed(server: Scripted) -> None:
    """The token is for one host; where it is sent elsewhere, the outcome is unknown."""
    server.jobs = lambda _: Reply(307, b"", {"Location": f"{server.url}/elsewhere"})
    with _to(server.url) as service:
        assert meaning(service.send_jobs(BODY, "x")) is Meaning.UNKNOWN
    assert len(server.sent()) == 1


def test_netrc_gives_no_password(server: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password for the host in ~/.netrc neither replaces the token nor goes with the token's request."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(service_module, "_is_loopback", lambda _: False)
    with _to(server.url) as service:
        service.send_jobs(BODY, "x")
    assert [each.headers.get("Authorization") for each in server.requests] == [None, "Bearer token-1"]


def test_no_proxy_stands_before_this_machine(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox is reached without the company's proxy."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with _to(server.url) as service:
        assert service.send_jobs(BODY, "x").status == 201


def test_a_look_up_needs_a_number(server: Scripted) -> None:
    """The bare form consumes other systems' updates, so it cannot be asked for."""
    with _to(server.url) as service:
        with pytest.raises(ValueError, match="a look-up needs a bill number"):
            service.look_up(" ")
        service.look_up("10/1 &date=2")
    assert server.requests[-1].path == "/rest/jobs/statusupdates?billnum=10%2F1+%26date%3D2"


# -- what had left when it failed


@contextmanager
def _tcp(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on TCP alone that treats each connection so."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def _failed(url: str, **options: object) -> Answer:
    with _to(url, **options) as service:
        service._token = "known", time.monotonic() + 1000
        return service.send_jobs(BODY, "x")


def test_nothing_left_when_the_name_is_not_found() -> None:
    """DNS."""
    answer = _failed("http://no-such-host.invalid")
    assert (answer.status, answer.sent, meaning(answer)) == (None, False, Meaning.UNREACHABLE)


def test_nothing_left_when_nobody_listens() -> None:
    """Connection refused; the reason can be read."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    answer = _failed(f"http://127.0.0.1:{port}")
    assert (answer.sent, meaning(answer)) == (False, Meaning.UNREACHABLE)
    assert "Connection refused" in answer.text


def test_nothing_left_when_tls_fails() -> None:
    """A server that does not speak TLS."""
    with _tcp(lambda connection: connection.sendall(b"what?\n")) as port:
        answer = _failed(f"https://127.0.0.1:{port}")
    assert (answer.status, answer.sent, meaning(answer)) == (None, False, Meaning.UNREACHABLE)


def test_nothing_left_when_the_proxy_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy's word comes before the connection stands."""

    def refuse(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with _tcp(refuse) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        answer = _failed("https://service.invalid")
    assert (answer.status, answer.sent, meaning(answer)) == (None, False, Meaning.UNREACHABLE)


def _reset(connection: socket.socket) -> None:
    connection.recv(10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    "behave",
    [
        _reset,
        lambda connection: connection.recv(10),
        lambda connection: (connection.recv(65536), time.sleep(1.3)),
        lambda connection: (connection.recv(65536), connection.sendall(b"HTTP/1.1 2")),
        lambda connection: (connection.recv(65536), connection.sendall(b"\0\xff\n\n")),
    ],
    ids=["reset", "closed", "silent", "half a status line", "no HTTP"],
)
def test_it_may_have_left(behave: Callable[[socket.socket], None]) -> None:
    """Once a byte of the body was taken, nothing is certain without an answer."""
    with _tcp(behave) as port:
        answer = _failed(f"http://127.0.0.1:{port}")
    assert (answer.status, answer.sent, meaning(answer)) == (None, True, Meaning.UNKNOWN)


def test_an_answer_that_breaks_off(server: Scripted) -> None:
    """Less than it announced: its status is known, its content is not."""
    server.jobs = lambda _: Reply(201, b'{"accepted": 1}', {"Content-Length": "99"})
    with _to(server.url) as service:
        answer = service.send_jobs(BODY, "x")
    assert (answer.status, answer.complete, meaning(answer)) == (201, False, Meaning.UNKNOWN)


def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch, server: Scripted) -> None:
    """An answer of unreasonable size is not read to its end."""
    monkeypatch.setattr(service_module, "LARGEST_ANSWER", 1000)
    server.jobs = lambda _: Reply(201, b'{"accepted": 1}' + b" " * 100_000)
    with _to(server.url) as service:
        answer = service.send_jobs(BODY, "x")
    assert (answer.complete, answer.error) == (False, "OSError: the answer is too large")


def test_an_idle_connection_is_not_used_again(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server may be closing it: a request that meets that has an unknown outcome."""
    with _to(server.url) as service:
        service.send_jobs(BODY, "x")
        kept = service._session()
        pools = kept.get_adapter(server.url).poolmanager.pools
        assert len(pools) == 1
        monkeypatch.setattr(service_module, "IDLE", -1.0)
        assert service._session() is kept
        assert len(pools) == 0
        assert service.send_jobs(BODY, "x").status == 201


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        (format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), 1800, 3600),
        (format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True), 0, 0),
        ("soon", None, None),
        ("nan", None, None),
        ("-5", None, None),
    ],
    ids=["seconds", "none", "a date to come", "a date gone by", "a word", "nan", "negative"],
)
def test_retry_after(server: Scripted, header: str, least: float | None, most: float | None) -> None:
    """Seconds or a date; anything else is as if it were not there."""
    server.jobs = lambda _: Reply(429, b"", {"Retry-After": header})
    with _to(server.url) as service:
        after = service.send_jobs(BODY, "x").retry_after
    assert (after is None and least is None) or (
        after is not None and least is not None and most is not None and least <= after <= most
    )


def test_secrets_are_in_no_error(server: Scripted) -> None:
    """Neither the API code nor a token is in what is kept of an answer."""
    server.jobs = lambda _: Reply(0)
    with _to(server.url) as service:
        answer = service.send_jobs(BODY, "x")
    assert "token" not in repr(answer)
    assert "secret" not in repr(answer)
