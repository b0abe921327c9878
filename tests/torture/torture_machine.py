"""A company's weeks at random: exports, edits, faults, kills, look-ups and decisions, in any order.

In one process, so that a step takes milliseconds: a killed run is one in which, from a moment on, every
commit and every request raises `Killed`. What the sandbox has recorded is the judge of all that is claimed.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest import mock

import hypothesis.strategies as st
import requests
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from requests.adapters import HTTPAdapter
from sqlalchemy.engine.default import DefaultDialect
from torture_world import Bill, Sandbox, Sums, World, assert_agree, assert_code, assert_ledger_is_true
from typer.main import get_command

from pipeline.cli import app
from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.server import serve_in_thread
from pipeline.sender import reconcile
from pipeline.sender import send as sender


class Killed(BaseException):
    """The process is dead: nothing is written or sent any more."""


class Late(NamedTuple):
    """A request that is still on its way while its sender has given up."""

    url: str
    body: bytes
    headers: dict[str, str]


class Trouble(NamedTuple):
    """What a process meets: a fault or none for each request, batches held up, the moment of its death."""

    faults: list[Fault | None]
    delayed: list[int]
    kill_in: int | None


SUNSHINE = Trouble([], [], None)


@dataclass
class Weather:
    """What is left of the trouble of the process at work, and what is still on its way."""

    trouble: Trouble = SUNSHINE
    late: list[Late] = field(default_factory=list)
    _moments: int = 0
    _batches: int = 0
    _faults: list[Fault | None] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def brew(self, trouble: Trouble) -> None:
        """The next process meets this."""
        self.trouble, self._faults, self._moments, self._batches = trouble, [*trouble.faults], 0, 0

    def moment(self) -> None:
        """A moment at which the process may die; once dead, it stays so."""
        with self._turn:
            self._moments += 1
            if self.trouble.kill_in is not None and self._moments > self.trouble.kill_in:
                raise Killed

    def fault(self) -> Fault | None:
        """What the next request to the service meets."""
        with self._turn:
            return self._faults.pop(0) if self._faults else None

    def delays(self) -> bool:
        """Whether the next batch is held up on its way."""
        with self._turn:
            self._batches += 1
            return self._batches in self.trouble.delayed


WEATHER = Weather()


class _Faults(Faults):
    """The sandbox's faults, as the weather is."""

    def __init__(self) -> None:
        super().__init__([])

    def next(self, endpoint: str) -> Fault | None:
        fault = WEATHER.fault()
        return fault if fault and fault.concerns(endpoint) else None


def _commit(original: Callable[..., Any]) -> Callable[..., Any]:
    def commit(*args: Any) -> None:
        WEATHER.moment()
        original(*args)
        WEATHER.moment()

    return commit


def _send(original: Callable[..., Any]) -> Callable[..., Any]:
    def send(adapter: HTTPAdapter, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        WEATHER.moment()
        url = request.url or ""
        if url.endswith("/rest/jobs") and WEATHER.delays():
            upload: Any = request.body
            WEATHER.late.append(Late(url, upload.read(), {**request.headers}))
            raise requests.ConnectionError("held up")
        response: requests.Response = original(adapter, request, **options)
        try:
            WEATHER.moment()
        except Killed:
            response.close()  # the operating system would
            raise
        return response

    return send


@contextmanager
def stage() -> Iterator[Sandbox]:
    """A sandbox in this process, and every moment watched."""
    no_pauses = {"pauses": (0.001,) * 3}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        running = stack.enter_context(serve_in_thread(folder / "sandbox.sqlite", faults=_Faults()))
        for owner, name, watched in (
            (DefaultDialect, "do_commit", _commit),
            (HTTPAdapter, "send", _send),
        ):
            stack.enter_context(mock.patch.object(owner, name, watched(getattr(owner, name))))
        for function in (sender.send, reconcile.reconcile):
            stack.enter_context(mock.patch.dict(function.__kwdefaults__, no_pauses))
        yield Sandbox(running.url, folder / "sandbox.sqlite")


AFTER = {"when": "after"}
FAULTS = [
    Fault.model_validate(each)
    for each in (
        {"kind": "close", "endpoint": "*"},
        {"kind": "close", "endpoint": "*"} | AFTER,
        {"kind": "reset", "endpoint": "*"} | AFTER,
        {"kind": "status", "endpoint": "*"},
        {"kind": "status", "endpoint": "*"} | AFTER,
        {"kind": "status", "endpoint": "*", "status": 429, "retry_after": 0},
        {"kind": "half", "endpoint": "*"} | AFTER,
        {"kind": "garbage", "endpoint": "*"},
        {"kind": "garbage", "endpoint": "*"} | AFTER,
        {"kind": "empty", "endpoint": "*"} | AFTER,
        {"kind": "expired-token", "endpoint": "*"},
        {"kind": "wrong-count", "offset": -1},
        {"kind": "wrong-count", "offset": 1},
        {"kind": "partial", "positions": (1,)},
        {"kind": "partial", "named": False},
        {"kind": "whole"},
        {"kind": "whole", "named": False},
    )
]
PRICES = ("1.00", "9.99", "33.35", "1000.05")
MOST_BILLS = 7
NUMBERS = itertools.count(1)
SEEDS = st.integers(0, 2**32 - 1)
"""What a step does is drawn from a seed: Hypothesis's own draws are mostly small, and kills mostly early."""


class Weeks(RuleBasedStateMachine):
    """See the module."""

    steps = 0
    part = 0

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(TemporaryDirectory()))
        WEATHER.brew(SUNSHINE)
        WEATHER.late.clear()
        self.world = World(None, STAGE[0], folder, f"machine-{next(NUMBERS)}")
        here = {"ROPO_LEDGER": f"sqlite:///{folder / 'ledger.sqlite'}", "ROPO_OUT": str(folder / "out")}
        self._stack.enter_context(mock.patch.dict(os.environ, self.world.env | here | {"ROPO_GRACE": "0"}))
        self.file = str(folder / "export.csv")
        self.profile: tuple[str, ...] = ()
        self.count = 0
        self.fresh = itertools.count(1001)
        self.world.export([])

    @initialize(seed=SEEDS)
    def begin(self, seed: int) -> None:
        """The first export; for some customers without `checkbillnum`."""
        if self._chance(seed).random() < 0.5:
            self.rethink()
        self.add(seed)

    @rule()
    def rethink(self) -> None:
        """From now on without `checkbillnum`, or with it again."""
        profile = self.world.folder / "profile.toml"
        profile.write_text("[sending]\ncheckbillnum = false\n")
        self.profile = () if self.profile else ("--profile", str(profile))

    # -- the export

    def add(self, seed: int) -> None:
        """Some new invoices, at times without a number; the oldest leave when it grows too long."""
        chance = self._chance(seed)
        bills = list(self.world.bills)
        for _ in range(chance.randrange(4) or not bills):
            number = next(self.fresh)
            rows = (("3", chance.choice(PRICES), "25.5"), ("0.5", "7.77", "13.5"))[: 1 + number % 2]
            bills.append(Bill(str(number) if chance.random() < 0.7 else "", rows, f"Acme {number} Oy"))
        self.world.export(bills[-MOST_BILLS:])

    @rule(seed=SEEDS)
    def edit(self, seed: int) -> None:
        """Another price; without a number that is another invoice, of another customer."""
        chance, bills = self._chance(seed), list(self.world.bills)
        for place in range(len(bills)):
            if chance.random() < 0.3:
                number, _, customer = bills[place]
                customer = customer if number else f"Acme {next(self.fresh)} Oy"
                bills[place] = Bill(number, (("3", chance.choice(PRICES), "25.5"),), customer)
        self.world.export(bills)

    @rule(seed=SEEDS)
    def remove(self, seed: int) -> None:
        """Some are no longer in the export."""
        chance = self._chance(seed)
        kept = [each for each in self.world.bills if chance.random() < 0.8]
        self.world.export(kept or self.world.bills)

    # -- the network

    @rule()
    def arrive(self) -> None:
        """What was held up arrives, though nobody waits for the answer."""
        while WEATHER.late:
            late = WEATHER.late.pop(0)
            credentials = {"cid": self.world.cid, "apicode": "secret"}
            token = requests.post(f"{self.world.sandbox.url}/rest/token", json=credentials, timeout=10).json()
            headers = {**late.headers, "Authorization": f"Bearer {token['token']}"}
            requests.post(late.url, data=late.body, headers=headers, timeout=10)

    # -- the program

    @rule(seed=SEEDS)
    def run(self, seed: int) -> None:
        """New invoices come and the export is run: most often in trouble."""
        self.add(seed)
        chance = self._chance(seed)
        self._run(_trouble(chance), chance.randint(1, 3), chance.randint(1, 4))

    @rule(seed=SEEDS)
    def run_again(self, seed: int) -> None:
        """The same export."""
        chance = self._chance(seed)
        self._run(_trouble(chance), chance.randint(1, 3), chance.randint(1, 4))

    @rule(seed=SEEDS)
    def check(self, seed: int) -> None:
        """A check changes nothing."""
        if self._chance(seed).random() < 0.7:
            return
        before = self.world.documents()
        self._program("check", self.file, *self.profile)
        assert self.world.documents() == before

    @rule(seed=SEEDS)
    def ask(self, seed: int) -> None:
        """Reconcile."""
        WEATHER.brew(_trouble(self._chance(seed)))
        self._program("reconcile")

    @rule(seed=SEEDS)
    def decide(self, seed: int) -> None:
        """A person who has waited for what was held up looks unknown invoices up, and says what is true."""
        self.arrive()
        chance = self._chance(seed)
        for document in self._unknown():
            if chance.random() < 0.5:
                self._decide(*document)

    # -- what holds

    @invariant()
    def true(self) -> None:
        """At every moment: nothing is there twice, and nothing that the ledger says is wrong."""
        type(self).steps += 1
        self.count += 1
        assert {key for key, jobs in self.world.at_the_service().items() if len(jobs) > 1} == set()
        assert_ledger_is_true(self.world)

    def teardown(self) -> None:
        """When the sun shines again, every invoice of the export comes there once."""
        try:
            self.arrive()
            for _ in range(2):
                self._run(SUNSHINE, 2, 3)
                for document in self._unknown():
                    self._decide(*document)
            outcomes = {
                each["billnum"] or each["customer"]: each["outcome"]
                for each in self.world.report()["invoices"]
            }
            assert set(outcomes.values()) <= {"accepted", "already-accepted", "conflict"}
            assert set(outcomes) <= set(self.world.at_the_service())
        finally:
            self._stack.close()

    def _chance(self, seed: int) -> Random:
        """The chances of this step."""
        return Random(f"{self.part} {seed} {self.count}")

    def _run(self, trouble: Trouble, workers: int, size: int) -> None:
        """Run the export; if that comes to its end, all agrees, and the exit code says how it went."""
        WEATHER.brew(trouble)
        code = self._program("run", self.file, *self.profile, f"--workers={workers}", f"--batch-size={size}")
        if code is not None:
            assert_agree(self.world)
            assert_code(self.world.report(), code)

    def _program(self, *args: str) -> int | None:
        """Run a command as a process of its own would; its exit code, None if it was killed."""
        try:
            SAID.seek(0)
            with redirect_stdout(SAID):
                return int(COMMAND.main(args, standalone_mode=False) or 0)
        except Killed:
            return None
        finally:
            WEATHER.brew(SUNSHINE)

    def _unknown(self) -> list[tuple[str, str]]:
        return self.world.ledger(
            "SELECT identity, coalesce(billnum, custnum) FROM document WHERE state = 'unknown' ORDER BY id"
        )

    def _decide(self, identity: str, key: str) -> None:
        there = self.world.at_the_service().get(key)
        said = ["resolve", identity, "--who=Maija", "--why=looked up"]
        if there is None:
            self._program(*said, "--not-accepted")
            return
        tried = exposed_sums(self.world, identity)
        which = [f"--content={tried.index(there[0]) + 1}"] if len(tried) > 1 else []
        self._program(*said, "--accepted", *which)


def _trouble(chance: Random) -> Trouble:
    """None for one process in five; else faults for half of its requests, late ones, at times its death."""
    if chance.random() < 0.2:
        return SUNSHINE
    return Trouble(
        [chance.choice(FAULTS) if chance.random() < 0.5 else None for _ in range(chance.randrange(12))],
        [batch for batch in range(1, 5) if chance.random() < 0.2],
        chance.randrange(60) if chance.random() < 0.4 else None,
    )


def exposed_sums(world: World, identity: str) -> list[Sums]:
    """The sums of each content that was sent without an answer, oldest first."""
    ((earlier, exposed, *money),) = world.ledger(
        "SELECT earlier, exposed, net, vat, total FROM document WHERE identity = ?", identity
    )
    tried = [[each[name] for name in Sums._fields] for each in json.loads(earlier or "[]")]
    return [Sums(*map(Decimal, each)) for each in [*tried, *([money] if exposed else [])]]


COMMAND = get_command(app)

SAID = io.StringIO()
"""What the program says goes here."""

STAGE: list[Sandbox] = []
"""The sandbox of all examples; each is a customer of its own."""
