"""Runs to report: exports written here, sent to the sandbox by the real command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = "<script>document.title='stolen'</script><img src=x onerror=document.title='stolen'>"

_HEADER = (
    "Laskunumero;Laskupäivä;Eräpäivä;Nimi;Asiakastyyppi;Osoite;Postinumero;Postitoimipaikka;"
    "Selite;Määrä;Veroton hinta;ALV %"
)
NIGHT = "\n".join(
    [
        _HEADER,
        "1001;1.10.2026;15.10.2026;Åkesson Öljy Oy;1;Katu 1;00100;HELSINKI;Siivous;2;1000,00;25,5",
        "1001;1.10.2026;15.10.2026;Åkesson Öljy Oy;1;Katu 1;00100;HELSINKI;Kahvi;1;35,00;13,5",
        "1002;2.10.2026;16.10.2026;Matti Mallikas;2;Katu 2;00100;HELSINKI;Hieronta;1;80,00;25,5",
        f"1003;3.10.2026;17.10.2026;{SCRIPT};1;Katu 3;00100;HELSINKI;Työ;1;9,90;25,5",
        "1004;4.10.2026;18.10.2026;Postiton Oy;1;Katu 4;;HELSINKI;Työ;1;100,00;25,5",
        "1005;5.10.2026;19.10.2026;Postiton Oy;1;Katu 4;;HELSINKI;Työ;1;200,00;25,5",
        "1006;6.10.2026;31.11.2026;Päivätön Oy;1;Katu 5;00100;HELSINKI;Työ;1;300,00;25,5",
        "",
    ]
)
"""Three invoices that go, one of them of a customer with a script for a name, and three that do not."""


def many(count: int) -> str:
    """So many good invoices of one row each, numbered from 1."""
    middle = "1;Katu 1;00100;HELSINKI;Työ;1"
    rows = (
        f"{number};1.10.2026;15.10.2026;Asiakas {number % 50} Oy;{middle};{number},00;25,5"
        for number in range(1, count + 1)
    )
    return "\n".join([_HEADER, *rows, ""])


def report_of(export: str, folder: Path, command: str = "run", language: str = "en") -> Path:
    """The `report.html` of a run with that export; what it needs and leaves lies in `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "export.csv").write_text(export, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROPO_")}
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pipeline", command, "export.csv", "--out", "out"),
            *("--language", language, "--ledger", f"sqlite:///{folder / 'ledger.sqlite'}"),
        ],
        cwd=folder,
        env={
            **environment,
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode in {0, 1}, ended.stderr
    return folder / "out" / "report.html"
