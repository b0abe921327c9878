"""What every part of the ledger says when the database cannot do what it is asked to."""

from __future__ import annotations

from sqlalchemy import URL

from pipeline.findings import Refusal

_SECRET_PARAMETERS = frozenset({"password", "passwd", "sslpassword"})


class Unrecordable(Refusal):
    """What has to be recorded cannot be: nothing more may be sent. 3 when something may be on its way."""

    exit_code = 4


class LockLost(Unrecordable):
    """The connection that held the ledger alone was cut: another run may have it by now."""


def shown_url(url: URL) -> str:
    """A database's URL without its password, wherever it stands in it."""
    plain = url.set(drivername=url.get_backend_name()).difference_update_query(_SECRET_PARAMETERS)
    return plain.render_as_string(hide_password=True)


def cause(error: BaseException) -> str:
    """What the database says, in a line, without what SQLAlchemy adds."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
