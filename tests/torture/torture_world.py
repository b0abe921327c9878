"""A company with an export, a ledger and a sandbox in another process; and what must hold of all three."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

CHECKOUT = Path(__file__).parents[2]
FULL = bool(os.environ.get("TORTURE"))
"""Whether to take the time of `make torture`."""

HEADER = (
    "Laskunumero;Asiakasnumero;Laskupäivä;Eräpäivä;Nimi;Y-tunnus;Osoite;Postinumero;Postitoimipaikka;"
    "Tuote;Määrä;Veroton hinta;ALV %"
)
WITH_THE_SERVICE = ("accepted", "already-accepted")
STOPS = {"service-unreachable", "service-busy", "credentials-refused", "service-refuses-all"}
"""Findings that say why a run stopped early."""

_CENT = Decimal("0.01")


class Sums(NamedTuple):
    """Money."""

    net: Decimal
    vat: Decimal
    total: Decimal


class Bill(NamedTuple):
    """An invoice of the export: its number ("" for none), its customer, and rows of (count, price, VAT %)."""

    number: str
    rows: tuple[tuple[str, str, str], ...]
    customer: str = "Acme Oy"

    @property
    def key(self) -> str:
        """What tells it from the others: its number, or without one its customer."""
        return self.number or self.customer

    @property
    def sums(self) -> Sums:
        """What the cells come to, by an arithmetic of the test's own."""
        net = [
            (Decimal(count) * Decimal(price)).quantize(_CENT, ROUND_HALF_UP) for count, price, _ in self.rows
        ]
        vat = [
            (each * Decimal(row[2]) / 100).quantize(_CENT, ROUND_HALF_UP)
            for each, row in zip(net, self.rows, strict=True)
        ]
        return Sums(sum(net, Decimal(0)), sum(vat, Decimal(0)), sum(net, Decimal(0)) + sum(vat, Decimal(0)))

    @property
    def lines(self) -> list[str]:
        """Its rows in the export."""
        head = f"{self.number};{self.customer};1.10.2026;15.10.2026;{self.customer};2262509-5"
        return [
            ";".join([head, "Katu 1;00100;HELSINKI;Työ", *(cell.replace(".", ",") for cell in row)])
            for row in self.rows
        ]


def bills(count: int, first: int = 1001) -> list[Bill]:
    """So many invoices, every third of two rows, with sums that need rounding."""
    return [
        Bill(
            str(first + number),
            (("3", f"{number + 10}.35", "25.5"), *([("0.5", "7.77", "13.5")] if number % 3 == 0 else [])),
        )
        for number in range(count)
    ]


class Ended(NamedTuple):
    """How a command ended: exit code, the moments that it passed, what it said."""

    code: int
    moments: list[str]
    said: str


class Driver:
    """Gives orders to `torture_driver.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(Path(__file__).with_name("torture_driver.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(CHECKOUT)},
        )

    def order(self, **order: Any) -> Ended:
        """Have a command run."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        said = (Path(order["cwd"]) / ".said").read_text(errors="replace")
        return Ended(answer["code"], answer["moments"], said)

    def close(self) -> None:
        """End it."""
        self._process.communicate()


class Sandbox(NamedTuple):
    """A sandbox at work in another process: where, and the file of what it accepted."""

    url: str
    file: Path


@contextmanager
def sandbox(file: Path, *options: str) -> Iterator[Sandbox]:
    """Run `python -m pipeline sandbox` with those options."""
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", "sandbox", "--port", "0", "--state", str(file), *options],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
    ) as process:
        assert process.stdout
        try:
            words = process.stdout.readline().split()
            yield Sandbox(next(each.rstrip(":") for each in words if each.startswith("http")), file)
        finally:
            process.terminate()
            process.communicate()


@dataclass(slots=True)
class World:
    """One customer `cid` of a sandbox, with a folder of its own."""

    driver: Driver | None  # None where the program is run in the test's own process
    sandbox: Sandbox
    folder: Path
    cid: str
    bills: list[Bill] = field(default_factory=list)
    options: tuple[str, ...] = ("--batch-size=5", "--workers=3", "--grace=0")
    more_env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def env(self) -> dict[str, str]:
        """The environment of its commands."""
        return {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "ROPO_BASE_URL": self.sandbox.url,
            "ROPO_CID": self.cid,
            "ROPO_APICODE": "secret",
            "ROPO_LEDGER": "sqlite:///ledger.sqlite",
            "ROPO_OUT": "out",
            **self.more_env,
        }

    def export(self, bills: Iterable[Bill]) -> None:
        """Write the export anew."""
        self.bills = list(bills)
        lines = [HEADER, *(line for bill in self.bills for line in bill.lines)]
        (self.folder / "export.csv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def command(self, *args: str, **order: Any) -> Ended:
        """Run a command of the program."""
        assert self.driver
        return self.driver.order(args=list(args), cwd=str(self.folder), env=self.env, **order)

    def run(self, *more: str, **order: Any) -> Ended:
        """Run the export."""
        return self.command("run", "export.csv", *self.options, *more, **order)

    def restore(self, copy: Path) -> None:
        """Put a copy of the ledger in the place of the ledger."""
        for each in self.folder.glob("ledger.sqlite*"):
            each.unlink()
        for each in copy.iterdir():
            shutil.copy(each, self.folder / each.name)

    def report(self) -> dict[str, Any]:
        """The last report."""
        report: dict[str, Any] = json.loads((self.folder / "out" / "report.json").read_text())
        return report

    def ledger(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the ledger."""
        if not (path := self.folder / "ledger.sqlite").exists():
            return []
        with closing(sqlite3.connect(path)) as file:
            return file.execute(query, values).fetchall()

    def documents(self) -> list[tuple[Any, ...]]:
        """Key, state, whether an attempt may have arrived unanswered, and sums of every document."""
        if not self.ledger("SELECT 1 FROM sqlite_master WHERE name = 'document'"):
            return []
        return self.ledger(
            "SELECT coalesce(billnum, custnum), state, exposed OR earlier IS NOT NULL, net, vat, total"
            " FROM document"
        )

    def at_the_service(self) -> dict[str, list[Sums]]:
        """What the sandbox has of the customer by bill number, else by customer: the sums of each job."""
        there: dict[str, list[Sums]] = {}
        with closing(sqlite3.connect(self.sandbox.file)) as file:
            jobs = file.execute(
                "SELECT coalesce(billnum, custnum), net, vat, total FROM job WHERE cid = ?",
                (self.cid,),
            ).fetchall()
        for key, *money in jobs:
            there.setdefault(key, []).append(Sums(*map(Decimal, money)))
        return there


def assert_agree(world: World, *, known: bool = True, twice: frozenset[str] = frozenset()) -> None:
    """Rows, numbers and money agree: the export's cells, the report of the last run, ledger and sandbox.

    Args:
        world: after a run that came to its end; its export is what that run read.
        known: whether the ledger is the newest. An older one, restored, may not know what the sandbox has.
        twice: what may be there twice nevertheless: bills without a number, after such a restoring.
    """
    report, there = world.report(), world.at_the_service()
    cells = {bill.key: bill.sums for bill in world.bills}
    _assert_report_agrees(report, world.bills)
    assert {key: len(jobs) for key, jobs in there.items() if len(jobs) > 1 and key not in twice} == {}
    run = report["run"]["id"]
    in_ledger = world.ledger(
        "SELECT coalesce(billnum, customer), outcome, net, vat, total FROM invoice WHERE run_id = ?",
        run,
    )
    in_report = [
        (each["billnum"] or each["customer"], each["outcome"], each["net"], each["vat"], each["total"])
        for each in report["invoices"]
    ]
    assert sorted(in_ledger) == sorted(in_report)
    tried = {document[0] for document in world.documents() if document[2]}
    for key, outcome, *_ in in_report:
        if outcome in WITH_THE_SERVICE:
            assert there[key][0] == cells[key], key
        elif outcome in {"not-sent", "refused", "invalid"} and known and key not in tried:
            assert key not in there, (key, outcome)
    assert_ledger_is_true(world, known=known)


def assert_ledger_is_true(world: World, *, known: bool = True) -> None:
    """What the ledger says of every document is so: in the sandbox with that money, or not there at all."""
    there = world.at_the_service()
    documents = world.documents()
    for key, state, tried, *money in documents:
        if state == "accepted":
            assert there[key][0] == Sums(*map(Decimal, money)), key
        elif state in {"planned", "refused"} and not tried and known:
            assert key not in there, (key, state)
    if known:
        assert set(there) <= {each[0] for each in documents}


def assert_all_there_once(world: World) -> None:
    """Every invoice of the export is with the service exactly once, with the money of its cells."""
    assert world.at_the_service() == {bill.key: [bill.sums] for bill in world.bills}


def assert_code(report: Mapping[str, Any], code: int) -> None:
    """The exit code says how the run of the report went: the worst wins, 3 before 4 before 1."""
    outcomes = {each["outcome"] for each in report["invoices"]}
    stopped = {each["code"] for each in report["findings"]} & STOPS
    undecided = outcomes - {*WITH_THE_SERVICE}
    # What stopped may have been the look-up of another file's invoices, when all of this one is decided.
    halted = bool(stopped) and not undecided <= {"conflict", "invalid"}
    expected = 3 if "unknown" in outcomes else 4 if halted else int(bool(undecided))
    assert code == expected == report["run"]["exit_code"]


def _assert_report_agrees(report: Mapping[str, Any], bills: Sequence[Bill]) -> None:
    rows = sum(len(bill.rows) for bill in bills)
    totals, control = report["totals"], report["control"]
    assert control["agree"] is True, control
    assert (totals["rows_read"], totals["rows_in_invoices"]) == (rows + 1, rows)
    assert totals["rows_set_aside"] == 1  # the header
    cells = {bill.key: bill.sums for bill in bills}
    told = {
        each["billnum"] or each["customer"]: Sums(*(Decimal(each[name]) for name in Sums._fields))
        for each in report["invoices"]
    }
    assert told == cells, {
        key: (told.get(key), cells.get(key)) for key in told | cells if told.get(key) != cells.get(key)
    }
    assert len(report["invoices"]) == len(bills) == totals["invoices"]
    for name in Sums._fields:
        assert Decimal(totals[name]) == sum(getattr(each, name) for each in cells.values()), name
    by_outcome = Counter(each["outcome"] for each in report["invoices"])
    assert by_outcome == {
        outcome: part["count"] for outcome, part in totals["outcomes"].items() if part["count"]
    }
    for outcome, part in totals["outcomes"].items():
        money = sum(Decimal(each["total"]) for each in report["invoices"] if each["outcome"] == outcome)
        assert Decimal(part["total"]) == money, outcome
