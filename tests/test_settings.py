"""Where to send, and with what credentials; none of it from the command line."""

from __future__ import annotations

from pathlib import Path

import keyring
import keyring.backends.fail
import pytest

from pipeline.findings import Refusal
from pipeline.settings import account, notify_urls
from pipeline.targets import Country, Target


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials from the machine that the tests run on."""
    for name in ("ROPO_CID", "ROPO_APICODE", "ROPO_BASE_URL", "ROPO_NOTIFY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keyring, "get_password", keyring.backends.fail.Keyring().get_password)


def refused(target: Target = Target.TEST) -> tuple[str, str]:
    """Code and message with which the configuration is refused."""
    with pytest.raises(Refusal) as refusal:
        account(target, Country.FI)
    return refusal.value.finding.code, refusal.value.finding.message


def test_the_sandbox_needs_nothing() -> None:
    """Trying the program out takes no account."""
    assert account(Target.SANDBOX, Country.FI).base_url is None


def test_each_country_has_its_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Target and country decide the host and the ledger's name of it."""
    monkeypatch.setenv("ROPO_CID", "c1")
    monkeypatch.setenv("ROPO_APICODE", "secret")
    found = {
        (target, country): (account(target, country).environment, account(target, country).base_url)
        for target in (Target.TEST, Target.PRODUCTION)
        for country in Country
    }
    assert found[Target.TEST, Country.SE] == ("test-se", "https://rc.ropo24.se")
    assert found[Target.PRODUCTION, Country.NO] == ("production-no", "https://ropo24.no")
    assert len(set(found.values())) == 6


def test_credentials_from_a_file(tmp_path: Path) -> None:
    """A `.env` in the working directory gives the credentials; the code does not show in any text of it."""
    (tmp_path / ".env").write_text("ROPO_CID=c2\nROPO_APICODE=secret\n", encoding="utf-8")
    found = account(Target.TEST, Country.FI)
    assert found.cid == "c2"
    assert "secret" not in repr(found)


def test_missing_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, and the remedy says where it may stand."""
    monkeypatch.setenv("ROPO_CID", "c1")
    assert refused() == ("credentials-missing", "The credentials for test-fi are missing: ROPO_APICODE.")


@pytest.mark.parametrize(
    ("url", "target", "reason"),
    [
        ("http://rc.ropo24.fi", Target.TEST, "plain http is only allowed to this machine itself"),
        ("rc.ropo24.fi", Target.TEST, "it must begin with https:// and name a host"),
        ("https://rc.ropo24.fi/rest", Target.TEST, "only scheme, host and port may be given"),
        ("https://rc.ropo24.fi?x=1", Target.TEST, "only scheme, host and port may be given"),
        ("https://ropo24.fi", Target.TEST, "it is production's, and the target is not production"),
        ("https://rc.ropo24.fi", Target.SANDBOX, "the sandbox is only ever on this machine"),
        ("https://ropo24.fi:99999", Target.PRODUCTION, "Port out of range 0-65535"),
    ],
)
def test_base_urls_that_are_refused(
    url: str, target: Target, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials and invoices go only where they are meant to."""
    monkeypatch.setenv("ROPO_BASE_URL", url)
    assert refused(target) == ("base-url", f"ROPO_BASE_URL “{url}” cannot be used: {reason}.")


def test_a_password_in_the_base_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands before an @ may be a secret."""
    monkeypatch.setenv("ROPO_BASE_URL", "https://user:secret@rc.ropo24.fi")
    assert "secret" not in "".join(refused())


def test_plain_http_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal server on loopback may do without TLS."""
    for url in ("http://127.0.0.1:8024", "http://localhost:8024", "http://[::1]:8024"):
        monkeypatch.setenv("ROPO_BASE_URL", url)
        assert account(Target.SANDBOX, Country.FI).base_url == url


def test_credentials_from_systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`LoadCredential` gives them as files; the environment goes before."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    for name, text in (
        ("ropo_cid", "c3\n"),
        ("ropo_apicode", "secret\n"),
        ("ropo_notify", "a=json://h\nb=json://h\n"),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    found = account(Target.TEST, Country.FI)
    assert (found.cid, found.apicode.get_secret_value()) == ("c3", "secret")
    assert "secret" not in repr(found)
    told = notify_urls()
    assert told
    assert told.get_secret_value() == "a=json://h\nb=json://h"
    monkeypatch.setenv("ROPO_CID", "c4")
    assert account(Target.TEST, Country.FI).cid == "c4"


def test_no_credentials_from_systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder that is not there holds none."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "nowhere"))
    assert refused()[0] == "credentials-missing"
    assert notify_urls() is None
