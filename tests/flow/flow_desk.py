"""The command line as a user meets it: an empty home, a working directory, and what came out."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.__main__ import main

CHECKOUT = Path(__file__).parents[2]
SAMPLES = CHECKOUT / "sample_data"

HEADER = (
    "Laskunumero;Laskupäivä;Eräpäivä;Nimi;Y-tunnus;Osoite;Postinumero;Postitoimipaikka;"
    "Tuote;Määrä;Veroton hinta;ALV %"
)
GOOD = "1001;1.10.2026;15.10.2026;Acme Oy;2262509-5;Katu 1;00100;HELSINKI;Työ;2;50,00;25,5"


def row(**changes: str) -> str:
    """A row that is right, with the cells under those headers changed (spaces as underscores)."""
    cells = dict(zip(HEADER.split(";"), GOOD.split(";"), strict=True))
    known = {name.replace(" ", "_").replace("%", "pr"): name for name in cells}
    return ";".join((cells | {known[name]: value for name, value in changes.items()}).values())


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def one_line(self) -> str:
        """The one line that a refused command prints on standard error; nothing else is there."""
        (line,) = self.err.splitlines()
        return line


@dataclass(slots=True)
class Desk:
    """A user's machine: `home` is empty at first, commands are given in `folder`."""

    home: Path
    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, *lines: str, header: str | None = HEADER, encoding: str = "utf-8") -> Path:
        """A file of those lines, under the usual header unless another is given."""
        path = self.folder / name
        path.write_bytes(
            "".join(f"{line}\n" for line in (header, *lines) if line is not None).encode(encoding)
        )
        return path

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of every command: nothing of this machine's user, and no way out of the machine."""
        own = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        return own | {"HTTPS_PROXY": "http://127.0.0.1:9"} | self.env | more

    def here(self, *args: object) -> Done:
        """Run the command line in this process, which takes a tenth of the time."""
        out, err = self.folder / ".out", self.folder / ".err"
        with pytest.MonkeyPatch.context() as patch, out.open("w+") as stdout, err.open("w+") as stderr:
            environment = self.environment()
            for name in {*os.environ} - {*environment}:
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["ropo-pipeline", *map(str, args)])
            patch.setattr(sys, "stdout", stdout)
            patch.setattr(sys, "stderr", stderr)
            patch.chdir(self.folder)
            if "PYTHON_KEYRING_BACKEND" in environment:  # keyring chooses once a process
                patch.setattr("keyring.core._keyring_backend", None)
            with pytest.raises(SystemExit) as ended:
                main()
        code = ended.value.code
        return Done(
            code if isinstance(code, int) else int(code is not None), out.read_text(), err.read_text()
        )

    def start(self, *args: object, **env: str) -> subprocess.Popen[str]:
        """Start the command line as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", *map(str, args)],
            cwd=self.folder,
            env=self.environment(PYTHONPATH=str(CHECKOUT), **env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def process(self, *args: object, **env: str) -> Done:
        """Run the command line as a process of its own."""
        with self.start(*args, **env) as process:
            out, err = process.communicate(timeout=120)
        return Done(process.returncode, out, err)

    def run(self, *args: object) -> tuple[Done, dict[str, Any]]:
        """`run` with its report in `out/`."""
        done = self.here("run", *args, "--out", "out")
        return done, self.report()

    def report(self, out: str = "out") -> dict[str, Any]:
        """The `report.json` of a folder."""
        report: dict[str, Any] = json.loads((self.folder / out / "report.json").read_text())
        return report

    def accepted(self) -> list[dict[str, Any]]:
        """What the built-in sandbox has accepted, from its own file, in the order it came."""
        found = list(self.home.rglob("sandbox.sqlite"))
        if not found:
            return []
        with closing(sqlite3.connect(found[0])) as state:
            return [json.loads(text) for (text,) in state.execute("select dataset from job order by jobid")]

    def ledger(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the user's ledger; none if there is no ledger."""
        for path in self.home.rglob("ledger.sqlite"):
            with closing(sqlite3.connect(path)) as ledger, suppress(sqlite3.OperationalError):
                return ledger.execute(query).fetchall()
        return []

    def everything_written(self) -> bytes:
        """Every byte of the ledger's files and the report; the sandbox's own file is the service's."""
        files = [*self.home.rglob("ledger*"), *(self.folder / "out").rglob("*")]
        return b"".join(path.read_bytes() for path in files if path.is_file())


def told(report: dict[str, Any], severity: str | None = "error") -> list[tuple[str, str | None, str | None]]:
    """Code, cell and bill number of every finding of that severity."""
    return [
        (each["code"], each["cell"] or (each["row"] and f"row {each['row']}"), each["billnum"])
        for each in report["findings"]
        if severity in {None, each["severity"]}
    ]


def outcomes(report: dict[str, Any]) -> dict[str | None, str]:
    """The outcome of each invoice by bill number."""
    return {each["billnum"]: each["outcome"] for each in report["invoices"]}
