"""Ropo One over HTTP: the token, requests, and for each what came back."""

from __future__ import annotations

import io
import ipaddress
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
import requests
from urllib3.exceptions import HTTPError

from pipeline import __version__
from pipeline.privacy import mask
from pipeline.sender.answers import Answer

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 120.0
"""Seconds of silence after which a batch counts as unanswered: long, since unknown is costly."""

TOKEN_LIFE = 2 * 60 * 60 - 5 * 60
"""Seconds after which a token is renewed: it lives for two hours (`ropo-one-api.md`, Service)."""

IDLE = 3.0
"""Seconds after which an unused connection is not used again. Servers close idle ones (uvicorn after 5 s),
and a request that meets the closing has an unknown outcome."""

LARGEST_ANSWER = 32 * 1024 * 1024

_FAILURES = (requests.RequestException, HTTPError, OSError, UnicodeError)


class CredentialsRefused(Exception):  # noqa: N818 - the service's word, not an error of ours
    """The service gives no token for the customer id and API code."""


class Unreachable(Exception):  # noqa: N818 - a state of the network, not an error of ours
    """No token can be had: the service does not answer, or not usably. No invoice has left."""


class Service:
    """One customer's access to one Ropo One. Threads may share it; each has connections of its own."""

    def __init__(
        self,
        base_url: str,
        cid: str,
        apicode: str,
        *,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT),
        token_life: float = TOKEN_LIFE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is sent yet.

        Args:
            base_url: scheme, host and port; `/rest` is appended.
            cid: the customer id.
            apicode: its secret.
            timeout: seconds for connecting, and of silence while reading.
            token_life: seconds after which a token is renewed.
            clock: seconds that only rise.
        """
        self.base_url = base_url.rstrip("/")
        self._credentials = {"cid": cid, "apicode": apicode}
        self._timeout = timeout
        self._token_life = token_life
        self._clock = clock
        self._token: tuple[str, float] | None = None
        self._renewing = threading.Lock()
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        for session in self._sessions:
            session.close()

    def authorise(self) -> None:
        """See that there is a token.

        Raises:
            CredentialsRefused: the service gives none.
            Unreachable: it cannot be asked.
        """
        self._current_token()

    def time(self) -> datetime | None:
        """The time by the service's clock, from the Date header of any answer; None if it tells none.

        Raises:
            Unreachable: there is no answer.
        """
        try:
            with self._session().get(self.base_url, timeout=self._timeout, allow_redirects=False) as response:
                told = response.headers.get("Date")
        except _FAILURES as error:
            raise Unreachable(_reason(error)) from error
        with suppress(ValueError, TypeError):
            return parsedate_to_datetime(told or "")
        return None

    def send_jobs(self, body: bytes, data_identifier: str) -> Answer:
        """`POST /rest/jobs`, once; a 401 is answered with a new token, once.

        Args:
            body: the whole datastream as JSON.
            data_identifier: the header by which the service's people find the batch.

        Raises:
            CredentialsRefused, Unreachable: no token; nothing has left.
        """
        return self.send_entry("/rest/jobs", body, data_identifier)

    def send_entry(self, path: str, body: bytes, data_identifier: str) -> Answer:
        """`POST` a credit note allocation or payment to its path, once; otherwise as `send_jobs`."""
        headers = {"Content-Type": "application/json", "DataIdentifier": data_identifier}
        return self._authorised("POST", path, body=body, headers=headers)

    def look_up(self, billnum: str) -> Answer:
        """`GET /rest/jobs/statusupdates?billnum=`, a single look-up.

        Raises:
            ValueError: there is no bill number: the bare form would consume other systems' updates.
            CredentialsRefused, Unreachable: no token.
        """
        if not billnum.strip():
            raise ValueError("a look-up needs a bill number")
        return self._authorised("GET", "/rest/jobs/statusupdates", params={"billnum": billnum})

    def status_updates(self, question: Mapping[str, str]) -> Answer:
        """`GET /rest/jobs/statusupdates`, once. Without a question it consumes: what it gives, it gives once.

        Args:
            question: `date` or `billnum`, which change nothing; or nothing.

        Raises:
            CredentialsRefused, Unreachable: no token; nothing was consumed.
        """
        return self._authorised("GET", "/rest/jobs/statusupdates", params=dict(question))

    def pdf(self, billnum: str) -> Answer:
        """`GET /rest/jobs/pdf?billnum=`: the archived document.

        Raises:
            CredentialsRefused, Unreachable: no token.
        """
        headers = {"Accept": "application/pdf"}
        return self._authorised("GET", "/rest/jobs/pdf", params={"billnum": billnum}, headers=headers)

    def _authorised(self, method: str, path: str, **request: Any) -> Answer:
        token = self._current_token()
        answer = self._exchange(method, path, token=token, **request)
        if answer.status == 401:
            token = self._current_token(refused=token)
            answer = self._exchange(method, path, token=token, **request)
        return answer

    def _current_token(self, refused: str | None = None) -> str:
        with self._renewing:
            if self._token is not None:
                token, until = self._token
                if token != refused and self._clock() < until:
                    return token
            token = self._new_token()
            self._token = token, self._clock() + self._token_life
            return token

    def _new_token(self) -> str:
        answer = self._exchange(
            "POST",
            "/rest/token",
            body=orjson.dumps(self._credentials),
            headers={"Content-Type": "application/json"},
        )
        content = answer.content
        if (
            answer.status in {200, 201}
            and isinstance(content, dict)
            and isinstance(content.get("token"), str)
        ):
            return str(content["token"])
        if answer.status in {400, 401, 403}:
            raise CredentialsRefused(answer.text or f"HTTP {answer.status}")
        raise Unreachable(answer.error or f"the token request was answered with HTTP {answer.status}")

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        upload = _Upload(body) if body else None
        status: int | None = None
        retry_after: float | None = None
        try:
            with self._session().request(
                method,
                self.base_url + path,
                data=upload,
                headers=headers,
                params=params,
                auth=_Bearer(token),
                timeout=self._timeout,
                allow_redirects=False,  # the token is for this host only
                stream=True,
            ) as response:
                status = response.status_code
                retry_after = _seconds(response.headers.get("Retry-After"))
                return Answer(status, _read(response, self._timeout[1]), retry_after=retry_after)
        except _FAILURES as error:
            return Answer(
                status,
                complete=False,
                sent=upload.began if upload else False,
                error=_reason(error),
                retry_after=retry_after,
            )
        finally:
            self._local.used = time.monotonic()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.headers["User-Agent"] = f"ropo-pipeline/{__version__}"
            # Company proxies and certificates are taken from the environment; none stands before ourselves.
            session.trust_env = not _is_loopback(self.base_url)
            self._sessions.append(session)
        elif time.monotonic() - self._local.used > IDLE:
            session.close()  # it opens new connections when needed
        return session


class _Upload(io.BytesIO):
    """A body that knows whether any of it was taken.

    urllib3 reads the body only when the connection stands and the headers are written. So when nothing
    was read, whatever went wrong (DNS, refused, TLS, proxy, a connection that broke), the service cannot
    have the invoices; no exception type says this as surely.
    """

    began = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.began = True
        return super().read(size)


class _Bearer(requests.auth.AuthBase):
    """Sets the token. Given even without one, since requests would else take a password from ~/.netrc."""

    def __init__(self, token: str | None) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token is not None:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def _read(response: requests.Response, patience: float) -> bytes:
    """The whole body, of bounded size, in bounded time.

    Raises:
        OSError: it is larger, or takes longer.
    """
    until = time.monotonic() + patience
    content = bytearray()
    for chunk in response.iter_content(65536):
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise OSError("the answer is too large")
        if time.monotonic() > until:
            raise TimeoutError("the answer takes too long")
    return bytes(content)


def _seconds(retry_after: str | None) -> float | None:
    """A Retry-After header in seconds from now: it holds seconds, or a date."""
    if not retry_after:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", retry_after):
        return float(retry_after)
    with suppress(ValueError):
        moment = parsedate_to_datetime(retry_after)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
    return None


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words: what a person can act on."""
    inner: BaseException = error
    while (deeper := getattr(inner, "reason", None) or _first_exception(inner)) and isinstance(
        deeper, BaseException
    ):
        inner = deeper
    words = str(inner).rsplit(": ", 1)[-1].strip("'\"() ")
    return mask(f"{type(inner).__name__}: {words}" if words else type(inner).__name__)[:200]


def _first_exception(error: BaseException) -> BaseException | None:
    return next((each for each in error.args if isinstance(each, BaseException)), error.__cause__)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
