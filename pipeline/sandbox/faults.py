"""A sandbox that misbehaves on demand, at the level of the socket, so that a sender can be rehearsed.

`Faults` tells which request meets which fault; `Misbehaving` is the ASGI middleware that makes it
happen around the sandbox's own processing; the faults that concern single jobs (`JOB_KINDS`) it hands on
to the endpoint in the request's state.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.findings import Place, refuse
from pipeline.resources import data_text

JOB_KINDS = ("partial", "duplicate", "whole", "refuse-later")


class Fault(BaseModel):
    """One rule of a faults file: which requests it strikes, and what happens to them.

    Without `nth`, `every` or `probability` it strikes every request to its endpoint. `before` means that
    the request is never processed, `after` that it is, whatever the answer says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal[
        "close",  # the connection is closed without an answer
        "reset",  # likewise, with a TCP reset
        "status",  # the answer is `status`, with `retry_after` if given
        "slow",  # the answer comes `seconds` late
        "half",  # an answer that announces more than it brings, then the connection closes
        "garbage",  # a 2xx answer that is not JSON
        "empty",  # a 2xx answer without a body
        "wrong-count",  # processed, but `accepted` is `offset` off
        "expired-token",  # 401, and the token is no longer valid
        "partial",  # the chosen jobs are refused, the others processed
        "duplicate",  # likewise, as used bill numbers
        "refuse-later",  # the chosen jobs are accepted, and refused afterwards: a status change tells it
        "whole",  # 400 for the whole batch because of the chosen jobs or any bad one; none is processed
    ]
    endpoint: str = "POST /rest/jobs"  # "*" for all
    when: Literal["before", "after"] = "before"
    nth: int | None = Field(None, ge=1)  # only the nth request
    every: int | None = Field(None, ge=1)  # every k-th
    probability: float | None = Field(None, ge=0, le=1)
    times: int | None = Field(None, ge=1)  # at most so often
    status: int = Field(500, ge=400, le=599)
    retry_after: int | str | None = None  # seconds, or an HTTP date
    seconds: float = Field(0.1, ge=0)
    offset: int = -1
    positions: tuple[Annotated[int, Field(ge=0)], ...] = (0,)  # the chosen jobs, counted from 0
    billnums: tuple[str, ...] | None = None  # the chosen jobs by bill number; then `positions` does not count
    named: bool = True  # the refusal names the job

    def concerns(self, endpoint: str) -> bool:
        """Whether it can strike a request to `POST /rest/jobs` or the like."""
        return self.endpoint in ("*", endpoint) and not (
            self.kind == "expired-token" and endpoint == "POST /rest/token"
        )

    def chosen(self, jobs: list[Any]) -> set[int]:
        """The positions of the jobs in the batch that it strikes."""
        if self.billnums is None:
            return {position for position in self.positions if position < len(jobs)}
        return {
            position
            for position, job in enumerate(jobs)
            if isinstance(job, dict) and job.get("billnum") in self.billnums
        }


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    fault: tuple[Fault, ...]
    seed: int = 0  # decides where a probability strikes


class Faults:
    """Decides for each request whether a fault strikes it; the same rules and seed decide the same.

    Args:
        rules: the faults; the first that strikes a request wins.
        seed: decides where a probability strikes.
        rate: when given, so large a share of all requests meets one of the rules at random instead.
    """

    def __init__(self, rules: Iterable[Fault], *, seed: int = 0, rate: float | None = None) -> None:
        self._rules = tuple(rules)
        self._seed = seed
        self._rate = rate
        self._seen: Counter[object] = Counter()
        self._struck: Counter[int] = Counter()

    @classmethod
    def from_file(cls, path: Path) -> Faults:
        """The faults of a TOML file of `[[fault]]` tables, or of JSON `{"fault": [...]}` in a `.json` file.

        Raises:
            Refusal: the file cannot be read or is not a list of faults.
        """
        try:
            text = path.read_text(encoding="utf-8")
            read = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
            file = _File.model_validate(read)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise refuse("faults-unreadable", Place(file=str(path)), reason=reason) from error
        except (OSError, ValueError) as error:
            raise refuse("faults-unreadable", Place(file=str(path)), reason=error) from error
        return cls(file.fault, seed=file.seed)

    @classmethod
    def from_seed(cls, seed: int, rate: float = 0.2) -> Faults:
        """A share `rate` of all requests fails, each in one of the ways of `data/sandbox/seeded.toml`."""
        file = _File.model_validate(tomllib.loads(data_text("sandbox/seeded.toml")))
        return cls(file.fault, seed=seed, rate=rate)

    def next(self, endpoint: str) -> Fault | None:
        """The fault that strikes the next request to the endpoint, if any."""
        concerned = [(number, rule) for number, rule in enumerate(self._rules) if rule.concerns(endpoint)]
        if self._rate is not None:
            self._seen[endpoint] += 1
            chance = Random(f"{self._seed} {endpoint} {self._seen[endpoint]}")  # noqa: S311 - not for secrets
            return chance.choice(concerned)[1] if concerned and chance.random() < self._rate else None
        striking = [(number, rule) for number, rule in concerned if self._strikes(number, rule)]
        if not striking:
            return None
        number, rule = striking[0]
        self._struck[number] += 1
        return rule

    def _strikes(self, number: int, rule: Fault) -> bool:
        self._seen[number] += 1
        count = self._seen[number]
        if rule.times is not None and self._struck[number] >= rule.times:
            return False
        if rule.nth is not None and count != rule.nth:
            return False
        if rule.every is not None and count % rule.every:
            return False
        chance = Random(f"{self._seed} {number} {count}")  # noqa: S311 - not for secrets
        return rule.probability is None or chance.random() < rule.probability


def parse(text: str) -> Faults:
    """The faults of a `--faults` option: `seed:42`, or the path of a file.

    Raises:
        Refusal: as `Faults.from_file`; also for a seed that is no whole number.
    """
    if not text.startswith("seed:"):
        return Faults.from_file(Path(text))
    try:
        return Faults.from_seed(int(text.removeprefix("seed:")))
    except ValueError as error:
        raise refuse(
            "faults-unreadable", Place(file=text), reason="a seed is a whole number: seed:42"
        ) from error


class _Answer(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Misbehaving:
    """ASGI middleware: the app, its faults around it, each request `latency` seconds late.

    It needs `server.Protocol`, which puts the connection's transport into the request's state.
    """

    def __init__(self, app: ASGIApp, faults: Faults | None, latency: float) -> None:
        self._app = app
        self._faults = faults
        self._latency = latency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, well or badly."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fault = self._faults.next(f"{scope['method']} {scope['path']}") if self._faults else None
        scope["state"]["fault"] = fault if fault and fault.kind in JOB_KINDS else None
        if fault or self._latency:
            receive = await _buffered(receive)
        await asyncio.sleep(self._latency)
        if fault is None or fault.kind in JOB_KINDS:
            await self._app(scope, receive, send)
        elif fault.kind == "expired-token":
            await _expire(scope)
            await self._app(scope, receive, send)  # which then refuses the token by itself
        else:
            await self._strike(fault, scope, receive, send)

    async def _strike(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "slow" and fault.when == "before":
            await asyncio.sleep(fault.seconds)
        if fault.when == "after" or fault.kind in ("slow", "wrong-count"):
            answer = await _answer(self._app, scope, receive)
        else:
            answer = _Answer(201, [(b"content-type", b"application/json")], b'{"accepted": 1, "errors": []}')
        if fault.kind == "slow" and fault.when == "after":
            await asyncio.sleep(fault.seconds)
        if fault.kind in ("close", "reset"):
            await _hang_up(scope, receive, reset=fault.kind == "reset")
        elif fault.kind == "half":
            await _send(send, _with_body(answer, answer.body or b"{}"), cut=len(answer.body) // 2)
            scope["state"]["transport"].close()
            await _disconnected(receive)
        else:
            await _send(send, _spoiled(answer, fault))


def _spoiled(answer: _Answer, fault: Fault) -> _Answer:
    if fault.kind == "status":
        headers = [(b"content-type", b"text/plain")]
        if fault.retry_after is not None:
            headers.append((b"retry-after", str(fault.retry_after).encode("ascii")))
        return _Answer(fault.status, headers, b"The sandbox was asked to fail.")
    if fault.kind == "garbage":
        return _with_body(answer, b"<html>\xff\xfe")
    if fault.kind == "empty":
        return answer._replace(body=b"")
    if fault.kind == "wrong-count" and answer.status == 201:
        body = json.loads(answer.body)
        body["accepted"] = max(0, body.get("accepted", 0) + fault.offset)
        return answer._replace(body=json.dumps(body).encode())
    return answer


def _with_body(answer: _Answer, body: bytes) -> _Answer:
    return answer._replace(status=200 if answer.status == 204 else answer.status, body=body)


async def _expire(scope: Scope) -> None:
    authorization = dict(scope["headers"]).get(b"authorization", b"")
    scope["state"]["records"].forget_token(authorization.decode("latin-1").removeprefix("Bearer "))


async def _answer(app: ASGIApp, scope: Scope, receive: Receive) -> _Answer:
    """What the app answers, held back."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    body = b"".join(message.get("body", b"") for message in messages[1:])
    headers = [(name, value) for name, value in messages[0].get("headers", ()) if name != b"content-length"]
    return _Answer(messages[0]["status"], headers, body)


async def _send(send: Send, answer: _Answer, cut: int | None = None) -> None:
    length = [(b"content-length", str(len(answer.body)).encode())] if answer.status != 204 else []
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers + length})
    await send({"type": "http.response.body", "body": answer.body[:cut], "more_body": cut is not None})


async def _buffered(receive: Receive) -> Receive:
    """The request's body, received whole and given again.

    So the sender is done sending when a fault strikes, and a slow request is processed even when its
    sender has gone meanwhile, as a real service would.
    """
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return again


async def _hang_up(scope: Scope, receive: Receive, *, reset: bool) -> None:
    transport = scope["state"]["transport"]
    if reset:  # lingering for no time makes the kernel send RST in place of FIN
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    """Return only when uvicorn knows that the connection is gone; then it expects no answer."""
    while (await receive())["type"] != "http.disconnect":
        pass
