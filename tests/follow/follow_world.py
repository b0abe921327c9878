"""A user's desk, the service that it sends to, and what its reports tell."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flow.flow_desk import Desk, Done, row

from pipeline.sandbox.state import SandboxState

STATUS_UPDATES = "GET /rest/jobs/statusupdates"


@dataclass(slots=True)
class World:
    """A desk and the sandbox that it sends to."""

    desk: Desk
    file: Path

    def send(self, *billnums: str) -> Done:
        """Send an invoice of each number."""
        self.desk.write("laskut.csv", *(row(Laskunumero=each) for each in billnums))
        return self.desk.here("run", "laskut.csv", "--out", "sent")

    def follow(self, *args: object) -> tuple[Done, dict[str, Any]]:
        """`follow` with its report; without arguments all that is not read yet."""
        done = self.desk.here("follow", *(args or ["--consume"]), "--out", "out")
        assert (self.desk.folder / "out" / "report.json").exists(), done.err
        return done, self.desk.report()

    def happens(self, billnum: str, status: str, day: str | None = None) -> None:
        """The service changes the status of a job, on a day or now."""
        moment = datetime.fromisoformat(f"{day}T12:00:00Z") if day else datetime.now(UTC)
        with closing(SandboxState(self.file)) as records:
            job = records.find("sandbox", billnum=billnum)
            assert job is not None
            records.add_change("sandbox", job["jobid"], status, moment.timestamp())


StartWorld = Callable[..., World]


def new_desk(tmp_path: Path, url: str) -> Desk:
    """An empty home and working directory, and that service."""
    home, folder = tmp_path / "home", tmp_path / "desk"
    home.mkdir()
    folder.mkdir()
    return Desk(home, folder, {"ROPO_BASE_URL": url})


def stages(report: dict[str, Any]) -> dict[str, str]:
    """Where each invoice of a report stands, by bill number."""
    return {each["billnum"]: each["life"]["stage"] for each in report["invoices"] if "life" in each}


def codes(report: dict[str, Any]) -> list[str]:
    """The codes of a report's findings."""
    return [each["code"] for each in report["findings"]]


def messages(report: dict[str, Any]) -> list[str]:
    """Their messages."""
    return [each["message"] for each in report["findings"]]
