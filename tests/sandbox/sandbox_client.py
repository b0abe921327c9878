"""A bare client for the sandbox: it says exactly what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import requests

from pipeline.sandbox.state import SandboxState

Job = dict[str, Any]
MakeInvoice = Callable[..., Job]


class Client:
    """A customer of the sandbox, with a token of its own."""

    def __init__(self, url: str, cid: str = "1001", state_file: Path | None = None) -> None:
        self.url = url
        self.state_file = state_file
        self.session = requests.Session()
        self.renew(cid)

    def renew(self, cid: str) -> None:
        """Get a new token, for this customer or another."""
        body = {"cid": cid, "apicode": "secret"}
        answer = self.session.post(f"{self.url}/rest/token", json=body, timeout=10)
        self.session.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    def send(self, *jobs: object, **options: Any) -> requests.Response:
        """Send the jobs as one batch."""
        return self.post("", {"datastream": {"dataset": list(jobs)}}, **options)

    def post(self, path: str, body: object, timeout: float = 10, **options: Any) -> requests.Response:
        """POST to `/rest/jobs` and what follows it."""
        return self.session.post(f"{self.url}/rest/jobs{path}", json=body, timeout=timeout, **options)

    def get(self, path: str = "", **query: str) -> requests.Response:
        """GET from `/rest/jobs` and what follows it."""
        return self.session.get(f"{self.url}/rest/jobs{path}", params=query, timeout=10)

    def accepted(self) -> list[Job]:
        """What the sandbox has, by its own records."""
        assert self.state_file
        with closing(SandboxState(self.state_file)) as records:
            return records.accepted()


StartSandbox = Callable[..., Client]
