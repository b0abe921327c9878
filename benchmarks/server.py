"""A service that accepts everything: at once, or after `--latency` seconds. Prints its URL and serves on."""

from __future__ import annotations

import argparse
import asyncio

TOKEN = b'{"token":"benchmark"}'


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection with bodies of known length: all that the measured programs send."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._received = bytearray()
        self._wanted = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as asyncio has it
        """Remember where to answer."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when the whole request is there."""
        self._received += data
        if not self._wanted:
            head_end = self._received.find(b"\r\n\r\n")
            if head_end < 0:
                return
            head = bytes(self._received[:head_end]).lower()
            self._wanted = head_end + 4 + int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if len(self._received) >= self._wanted:
            answer = self._answer()
            self._received.clear()
            self._wanted = 0
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, answer)

    def _answer(self) -> bytes:
        is_token = b"/rest/token" in self._received[:64]
        body = TOKEN if is_token else b'{"accepted":%d}' % self._received.count(b'"billdate"')
        return b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
            len(body),
            body,
        )


async def serve(latency: float) -> None:
    """Serve on a free port of this machine until the process is ended."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(latency), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    asyncio.run(serve(parser.parse_args().latency))
