"""A small Ropo One of our own: the endpoints of its REST API, over ASGI.

What is published it does as published. What is not (the rest of `JobResponse`, the shape of status
updates, which jobs `checkbillnum` compares) it does in one reasonable way, and the shape of the answer
to `POST /rest/jobs` can be switched to the barest published one.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipeline.sandbox import endpoints
from pipeline.sandbox.endpoints import Call, Options
from pipeline.sandbox.faults import Faults, Misbehaving
from pipeline.sandbox.state import SandboxState

LARGEST_BODY = 256 * 1024 * 1024
"""Bytes of a request's body; the real limit is not published."""

Clock = Callable[[], float]
Endpoint = Callable[[Call], Response]


@dataclass(frozen=True, slots=True)
class _Doors:
    """Who may come in, and for how long."""

    credentials: Mapping[str, str] | None
    token_life: float
    clock: Clock


def create_app(
    state_file: Path,
    *,
    faults: Faults | None = None,
    token_life: float = 7200,
    clock: Clock = time.time,
    latency: float = 0.0,
    credentials: Mapping[str, str] | None = None,
    bare: bool = False,
    changed_references: bool = False,
    lag: float = 0.0,
) -> Starlette:
    """The sandbox as an ASGI app; `server` serves it.

    Args:
        state_file: the SQLite file of what it has accepted (`state.SandboxState`); made if missing.
        faults: how it misbehaves; not at all by default.
        token_life: seconds that a token is good for.
        clock: seconds since 1970.
        latency: seconds that each request takes longer.
        credentials: `{cid: apicode}`; without them any pair that is not empty gets a token.
        bare: answer to sent jobs with the count and plain error texts only, naming no job.
        changed_references: give each job a reference number (`billcode`) of the sandbox's own.
        lag: seconds until a status change can be seen.

    Raises:
        sqlite3.DatabaseError: the state file is something else.
    """
    SandboxState(state_file).close()  # a file that is something else fails here, not in the server

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        with closing(SandboxState(state_file)) as records:
            yield {"records": records}

    app = Starlette(
        routes=[
            Route("/rest/token", _token, methods=["POST"]),
            _route("POST", "/rest/jobs", endpoints.send_jobs),
            _route("GET", "/rest/jobs", endpoints.read_job),
            _route("POST", "/rest/jobs/findbyendcustomer", endpoints.find_by_end_customer),
            _route("GET", "/rest/jobs/statusupdates", endpoints.status_updates),
            _route("POST", "/rest/jobs/creditnote", endpoints.allocate_credit_note),
            _route("POST", "/rest/jobs/payment", endpoints.register_payment),
            _route("GET", "/rest/jobs/pdf", endpoints.pdf),
        ],
        middleware=[Middleware(Misbehaving, faults, latency)],
        exception_handlers={HTTPException: _problem, ClientDisconnect: _nobody},
        lifespan=lifespan,
    )
    app.state.doors = _Doors(credentials, token_life, clock)
    app.state.options = Options(bare=bare, changed_references=changed_references, lag=lag)
    return app


def _route(method: str, path: str, endpoint: Endpoint) -> Route:
    async def serve(request: Request) -> Response:
        cid = _customer(request)
        return endpoint(
            Call(
                cid=cid,
                body=await _json(request) if method == "POST" else None,
                query=request.query_params,
                data_identifier=request.headers.get("DataIdentifier"),
                records=request.state.records,
                fault=request.state.fault,
                now=request.app.state.doors.clock(),
                options=request.app.state.options,
            )
        )

    return Route(path, serve, methods=[method])


async def _token(request: Request) -> Response:
    body = await _json(request)
    doors: _Doors = request.app.state.doors
    given = body if isinstance(body, dict) else {}
    cid, apicode = given.get("cid"), given.get("apicode")
    if not (isinstance(cid, str) and isinstance(apicode, str) and cid and apicode):
        return _token_refused(1, "cid and apicode are needed")
    if doors.credentials is not None and not secrets.compare_digest(
        doors.credentials.get(cid, "").encode(), apicode.encode()
    ):
        return _token_refused(2, "cid or apicode is wrong")
    token = secrets.token_urlsafe(32)
    request.state.records.add_token(token, cid, doors.clock() + doors.token_life)
    return JSONResponse({"token": token}, 201)


def _token_refused(number: int, text: str) -> Response:
    return JSONResponse({"errorId": number, "errorText": text}, 400)


def _customer(request: Request) -> str:
    """Whose bearer token came with the request."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    cid = request.state.records.cid_of(token, request.app.state.doors.clock()) if scheme == "Bearer" else None
    if cid is None:
        raise HTTPException(401, "A valid bearer token is needed.", {"WWW-Authenticate": "Bearer"})
    return str(cid)


async def _json(request: Request) -> Any:
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > LARGEST_BODY:
            raise HTTPException(413, f"The body is larger than {LARGEST_BODY} bytes.")
    try:
        read = json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)
        if b"\\ud" in raw.lower():  # half of a surrogate pair is no text, though JSON can spell it
            json.dumps(read, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is not JSON.") from None
    return read


def _no_constant(name: str) -> None:
    raise ValueError(name)


async def _problem(_: Request, error: Exception) -> Response:
    """An error as the API's `HttpApiProblem` (RFC 7807)."""
    assert isinstance(error, HTTPException)  # noqa: S101 - for mypy; registered for nothing else
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "detail": error.detail,
    }
    return JSONResponse(problem, error.status_code, error.headers, media_type="application/problem+json")


async def _nobody(_: Request, __: Exception) -> Response:
    """The sender went away within its request: nothing was processed, and nobody hears the answer."""
    return Response(status_code=400)
