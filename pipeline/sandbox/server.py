"""Serving the sandbox on this machine, and on this machine only."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.findings import refuse
from pipeline.sandbox.app import create_app

NOTICE = "Ropo One sandbox on {url}: nothing that is sent here leaves this machine."


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox at work; `url` has scheme, host and port, without `/rest`."""

    url: str


class Protocol(H11Protocol):
    """uvicorn's own, with the connection's transport in the request's state for `faults` to cut."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Remember the transport."""
        super().connection_made(transport)
        # asyncio leaves it out on connections of a socket that it has not made: 40 ms more per answer.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """uvicorn's own; `settled` is set once it serves or has failed to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell the waiting thread in any case."""
        try:
            await super().startup(sockets)
        finally:
            self.settled.set()


@contextmanager
def serve_in_thread(state_file: Path, *, port: int = 0, **options: Any) -> Iterator[Running]:
    """Run the sandbox on 127.0.0.1 beside the caller, until the block ends.

    Args:
        state_file: what it has accepted (`state.SandboxState`); survives the block.
        port: 0 takes a free one.
        options: as for `app.create_app`.

    Raises:
        OSError: the port is taken.
        RuntimeError: it did not start; uvicorn has logged why.
    """
    with _listen("127.0.0.1", port) as listening:
        server = _Server(_config(state_file, options))
        thread = threading.Thread(target=server.run, args=([listening],), name="sandbox", daemon=True)
        thread.start()
        server.settled.wait()
        try:
            if not server.started:
                raise RuntimeError("the sandbox did not start")
            yield Running(_url(listening))
        finally:
            server.should_exit = True
            thread.join()


def serve_forever(state_file: Path, *, host: str = "127.0.0.1", port: int = 8024, **options: Any) -> None:
    """Run the sandbox until Ctrl-C or SIGTERM, and say on the terminal what it is.

    Args:
        state_file: as for `serve_in_thread`.
        host: a loopback address, or `localhost`.
        port: 0 takes a free one.
        options: as for `app.create_app`.

    Raises:
        Refusal: the host is not this machine alone.
        OSError: the port is taken.
    """
    # uvicorn raises the interrupt again once it has shut down
    with _listen(host, port) as listening, suppress(KeyboardInterrupt):
        print(NOTICE.format(url=_url(listening)), flush=True)  # noqa: T201 - the command's own output
        uvicorn.Server(_config(state_file, options)).run(sockets=[listening])


def _config(state_file: Path, options: dict[str, Any]) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(state_file, **options),
        http=Protocol,
        ws="none",
        lifespan="on",
        loop="asyncio",
        log_config=None,  # the program's own logging stays as it is
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def _listen(host: str, port: int) -> socket.socket:
    address = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise refuse("sandbox-not-loopback", host=host)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=2048)


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
