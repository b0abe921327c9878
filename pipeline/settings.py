"""Where to send and with what credentials: from the environment, a `.env` file, systemd or the keyring.

Never from the command line, where other users of the machine could read them.
"""

from __future__ import annotations

import ipaddress
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.findings import refuse
from pipeline.language import translate
from pipeline.targets import Country, Target, host, production_hosts

APP = "ropo-pipeline"

KEYRING_PATIENCE = 10.0
"""Seconds that a keyring has to answer: nobody opens a locked one at night."""


class _Environment(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ROPO_", env_file=".env", extra="ignore")

    cid: str | None = None
    apicode: SecretStr | None = None
    base_url: str | None = None
    notify: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One customer's access to one Ropo One.

    `environment` is the ledger's name of it: `sandbox`, `test-fi`, `production-fi`…
    `base_url` is scheme, host and port, without `/rest`; None for the sandbox until it is started.
    """

    environment: str
    cid: str
    apicode: SecretStr
    base_url: str | None


def account(target: Target, country: Country, *, needs_apicode: bool = True) -> Account:
    """The account for a target, from `ROPO_CID`, `ROPO_APICODE` and `ROPO_BASE_URL`, `.env` or the keyring.

    systemd's `LoadCredential=` gives them as files `ropo_cid` and `ropo_apicode`.

    `needs_apicode` is False for what asks nothing of the service.

    Raises:
        Refusal: credentials are missing, or the base URL cannot be trusted with them.
    """
    given = _environment()
    base_url = _checked_url(given.base_url, target) if given.base_url else None
    if target is Target.SANDBOX:
        return Account("sandbox", given.cid or "sandbox", given.apicode or SecretStr("sandbox"), base_url)
    environment = f"{target}-{country}"
    cid = given.cid or _from_keyring(environment, "cid")
    apicode = given.apicode.get_secret_value() if given.apicode else _from_keyring(environment, "apicode")
    if not needs_apicode:
        apicode = apicode or "none"
    if not cid or not apicode:
        missing = " and ".join(
            name for name, value in (("ROPO_CID", cid), ("ROPO_APICODE", apicode)) if not value
        )
        raise refuse("credentials-missing", missing=missing, environment=environment)
    return Account(environment, cid, SecretStr(apicode), base_url or host(target, country))


def notify_urls() -> SecretStr | None:
    """Whom nights tell, by `ROPO_NOTIFY` or systemd's credential `ropo_notify`: Apprise URLs, one a line.

    Raises:
        Refusal: `settings-unreadable`.
    """
    return _environment().notify


def _environment() -> _Environment:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")  # set by systemd, with one file a credential
    try:
        given: dict[str, Any] = {"_secrets_dir": folder} if folder and Path(folder).is_dir() else {}
        return _Environment(**given)
    except (OSError, UnicodeDecodeError) as error:
        raise refuse("settings-unreadable", reason=error) from error


def default_ledger() -> str:
    """The URL of the user's one ledger, the same whatever the working directory."""
    return f"sqlite:///{_data_folder() / 'ledger.sqlite'}"


def sandbox_state() -> Path:
    """The file in which the built-in sandbox keeps what it accepted."""
    return _data_folder() / "sandbox.sqlite"


def _data_folder() -> Path:
    from platformdirs import user_data_path  # noqa: PLC0415 - start-up time

    folder = user_data_path(APP, appauthor=False)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _from_keyring(environment: str, name: str) -> str | None:
    """What the keyring holds, if there is one and it answers: a locked one waits for a person to open it."""
    import keyring  # noqa: PLC0415 - start-up time
    from keyring.errors import KeyringError  # noqa: PLC0415 - start-up time

    found: list[str | None] = []

    def ask() -> None:
        with suppress(KeyringError):  # a machine without a keyring has none of our secrets either
            found.append(keyring.get_password(f"{APP} {environment}", name))

    asking = threading.Thread(target=ask, name="keyring", daemon=True)
    asking.start()
    asking.join(KEYRING_PATIENCE)
    return found[0] if found else None


def _checked_url(text: str, target: Target) -> str:
    """Scheme, host and port only; plain http only where nothing can listen in; production only when meant."""
    shown = text.rsplit("@", 1)[-1]  # whatever stood before an @ may be a secret
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise refuse("base-url", url=shown, reason=str(error)) from error
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        raise refuse("base-url", url=shown, reason=translate("it must begin with https:// and name a host"))
    if parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        raise refuse("base-url", url=shown, reason=translate("only scheme, host and port may be given"))
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise refuse(
            "base-url", url=shown, reason=translate("plain http is only allowed to this machine itself")
        )
    if target is Target.SANDBOX and not _is_loopback(parts.hostname):
        raise refuse("base-url", url=shown, reason=translate("the sandbox is only ever on this machine"))
    if target is not Target.PRODUCTION and parts.hostname.rstrip(".") in production_hosts():
        raise refuse(
            "base-url", url=shown, reason=translate("it is production's, and the target is not production")
        )
    netloc = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{netloc}" + (f":{port}" if port else "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
