"""Which Ropo One the invoices go to, and where it lies (`data/targets.toml`)."""

from __future__ import annotations

import tomllib
from enum import StrEnum

from pipeline.resources import data_text


class Target(StrEnum):
    """Which Ropo One: the one built in here, the service's for tests, or the real one."""

    SANDBOX = "sandbox"
    TEST = "test"
    PRODUCTION = "production"


class Country(StrEnum):
    """Whose Ropo One it is: each country has hosts of its own."""

    FI = "fi"
    SE = "se"
    NO = "no"

    @property
    def alpha3(self) -> str:
        """The code that datasets use."""
        return {"fi": "FIN", "se": "SWE", "no": "NOR"}[self]


def host(target: Target, country: Country) -> str:
    """Scheme and host of a target other than the sandbox."""
    return _hosts()[target][country]


def production_hosts() -> set[str]:
    """The host names of production, in every country."""
    return {url.removeprefix("https://") for url in _hosts()[Target.PRODUCTION].values()}


def _hosts() -> dict[str, dict[str, str]]:
    return tomllib.loads(data_text("targets.toml"))
