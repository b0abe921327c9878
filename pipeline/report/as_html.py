"""Writes `report.html`: one file that needs nothing else, for a browser, a phone or the printer.

What is said of the whole run is plain HTML, made by `templates/report.html.j2`. The invoices travel as
JSON, one array each, for the script to sort, filter and show; what is shown of one invoice only is packed
by the hundred, so that 60,000 of them stay a few megabytes and nothing is unpacked before it is looked at.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Self

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from pipeline.document import Outcome
from pipeline.findings import Finding, Severity
from pipeline.language import language, shown_date, shown_money, shown_number
from pipeline.ledger.life import Stage
from pipeline.report.as_json import run_as_dict
from pipeline.report.causes import Causes
from pipeline.report.charts import outcome_bars, rate_chart, rates_read
from pipeline.report.columns import Contents, json_lists, json_texts
from pipeline.report.contents import Aside
from pipeline.report.files import BUFFER, Entries
from pipeline.report.read import WITH_THE_SERVICE, Remark, RunFacts, answer_text
from pipeline.report.totals import MONEY, Totals
from pipeline.report.words import life_text, outcome_label, stage_label, verdict, words
from pipeline.values.rates import Rates

MOST_INVOICES = 200_000
"""How many invoices the page shows; a browser would choke on many more."""

_IN_A_PACK = 100  # the details of so many invoices are packed, and unpacked, together
_MOST_PACKING = 40  # packs that wait for their thread: a few megabytes
_TEMPLATES = Path(__file__).parent / "templates"
_COMPRESSION = 1  # level 6 takes four times as long for a file a quarter smaller
_DIGITS = re.compile("[0-9]+$")


class HtmlReport:
    """The report for a browser; the same ledger in the same language gives the same bytes.

    It grows in the folder `spool`. A context manager, which closes the files there.

    Args:
        run: the run.
        spool: a folder for temporary files.
        batches: the requests, by id (`contents.batches`).
        asides: the rows set aside, by source number (`contents.asides`).
        all_went: whether `read.all_went`: what was counted per VAT rate is then what is with the service, and
            no content needs to be looked into.
        most: how many invoices to show.
    """

    def __init__(
        self,
        run: RunFacts,
        spool: Path,
        batches: dict[int, dict[str, Any]],
        asides: dict[int, list[Aside]],
        *,
        all_went: bool = False,
        most: int = MOST_INVOICES,
    ) -> None:
        self._run, self._batches, self._asides, self._most = run, batches, asides, most
        self._all_went = all_went
        self._shown = 0
        self._causes, self._rates = Causes(), Rates()
        self._purged = 0
        self._noted: dict[tuple[str | None, str | None, Severity], int] = {}
        self._waiting: list[tuple[Any, ...]] = []
        self._packer = ThreadPoolExecutor(1)  # zlib lets others work meanwhile: a sixth of the report's time
        self._packing: deque[Future[bytes]] = deque()
        self._lines, self._details = Entries(spool / "lines"), Entries(spool / "details")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._packer.shutdown(cancel_futures=True)
        self._lines.close()
        self._details.close()

    def add_invoices(self, contents: Contents) -> None:
        """Add the next invoices."""
        found = contents.findings
        causes = [
            self._causes.add(those, total) if those else []
            for those, total in zip(found, contents.lines.total, strict=True)
        ]
        for those in filter(None, found):
            self._note(those)
        if not self._all_went:
            self._add_rates(contents)
        if left := self._most - self._shown:
            self._show(contents, causes, left)
            self._shown += min(left, len(found))

    def add_remark(self, remark: Remark) -> None:
        """Add a finding that concerns no single invoice; those of an invoice came with it."""
        self._causes.add([remark.finding])
        self._note([remark.finding])

    def finish(self, totals: Totals, path: Path) -> None:
        """Write the whole page to `path`."""
        self._flush(len(self._waiting))
        self._keep(0)
        with path.open("wb", buffering=BUFFER) as file:
            for part in _template().generate(self._names(totals)):
                file.write(part.encode())

    def _names(self, totals: Totals) -> dict[str, Any]:
        run, style, script = self._run, _file("report.css"), _file("report.js")
        return {
            "language": language(),
            "words": words()["page"],
            "labels": words()["outcomes"],
            "asides": words()["aside"],
            "run": run,
            "mood": _mood(run, totals),
            "verdict": verdict(run, totals),
            "totals": totals,
            "ended": [each for each in Outcome if totals.outcomes[each].count],
            "none_ended": [each for each in Outcome if not totals.outcomes[each].count],
            "bars": outcome_bars(totals),
            "lives": [(stage_label(stage), totals.lives[stage]) for stage in totals.stages],
            "errors": self._causes.of(Severity.ERROR),
            "notes": self._causes.of(Severity.WARNING, Severity.REPAIR),
            "rates": rate_chart(
                run, totals, rates_read(run) if self._all_went else self._rates.sums(), self._purged
            ),
            "purged": self._purged,
            "control": _control(totals),
            "sources": list(self._sources()),
            "several_files": len({each.get("file") for each in run.sources}) > 1,
            "facts": {name: answer_text(value) for name, value in run_as_dict(run).items() if value != {}},
            "invoices": totals.whole.count,
            "shown": self._shown,
            "style": style,
            "script": script,
            "policy": _policy(style, script),
            "lines": _parts(self._lines.read()),
            "details": _parts(self._details.read()),
            "page": _data(orjson.dumps(self._facts(), option=orjson.OPT_NON_STR_KEYS)),
        }

    def _facts(self) -> dict[str, Any]:
        """What the script needs to know beside the invoices."""
        page = words()["page"]
        return {
            "locale": language(),
            "words": {name: page[name] for name in ("table", "detail", "count", "causes", "kinds", "lives")},
            "outcomes": [[each, words()["outcomes"][each]["label"]] for each in Outcome],
            "causes": self._causes.names(),
            "sources": [
                [each.get("sheet") or each.get("file"), _columns(each)] for each in self._run.sources
            ],
            "batches": self._batches,
            "pack": _IN_A_PACK,
            "all": self._shown,
        }

    def _sources(self) -> Iterator[dict[str, Any]]:
        for number, source in enumerate(self._run.sources):
            named = (source.get("file"), source.get("sheet"))
            yield {
                **source,
                "aside": self._asides.get(number, []),
                "noted": {each: self._noted.get((*named, each), 0) for each in Severity},
            }

    def _note(self, findings: Sequence[Finding]) -> None:
        for found in findings:
            key = (found.place.file, found.place.sheet, found.severity)
            self._noted[key] = self._noted.get(key, 0) + 1

    def _show(self, contents: Contents, causes: list[list[int]], most: int) -> None:
        """Put the first of these invoices on the page, at most so many."""
        lines = contents.lines
        columns = (
            *map(json_texts, (lines.billnum, lines.customer, lines.billdate)),
            [str(_ORDER[outcome]) for outcome in lines.outcome],
            *map(json_texts, (lines.net, lines.vat, lines.total, lines.jobid, lines.kind, lines.jobtype)),
            json_lists(lines.rows),
            json_lists(causes),
        )
        self._lines.add_all([f"[{','.join(each)}]" for each in islice(zip(*columns, strict=True), most)])
        details = [[_detail(each) for each in those] for those in contents.findings]
        shown = zip(
            *(contents.sent, lines.answer, contents.batch, details, map(life_text, lines.life)), strict=True
        )
        self._waiting += islice(shown, most)
        self._flush(len(self._waiting) // _IN_A_PACK * _IN_A_PACK)

    def _add_rates(self, contents: Contents) -> None:
        lines = contents.lines
        for sent, net, outcome in zip(contents.sent, lines.net, lines.outcome, strict=True):
            if outcome in WITH_THE_SERVICE:
                if sent:
                    self._rates.add_payload(sent, net)
                else:
                    self._purged += 1

    def _flush(self, count: int) -> None:
        """Pack so many of the waiting details."""
        for first in range(0, count, _IN_A_PACK):
            pack = orjson.dumps(self._waiting[first : min(first + _IN_A_PACK, count)])
            self._packing.append(self._packer.submit(_packed, pack))
        del self._waiting[:count]
        self._keep(_MOST_PACKING)

    def _keep(self, most: int) -> None:
        """Keep what is packed, until no more than so many packs are left to wait for."""
        while len(self._packing) > most:
            self._details.add(self._packing.popleft().result())


_ORDER = {outcome: number for number, outcome in enumerate(Outcome)}


def _packed(pack: bytes) -> bytes:
    return b'"%b"' % base64.b64encode(zlib.compress(pack, _COMPRESSION))


def _detail(found: Finding) -> list[Any]:
    place = found.place
    where = [place.file, place.sheet, place.row, place.column, place.cell]
    return [found.code, found.severity, found.message, found.remedy, found.field, found.value, *where]


def _mood(run: RunFacts, totals: Totals) -> str:
    """How the verdict looks: `good`, `wrong`, or `unknown` when it may not be what it seems."""
    if not totals.agree or run.finished is None or totals.count(Outcome.UNKNOWN):
        return "unknown"
    if totals.lives[Stage.REFUSED]:
        return "wrong"
    fine = (*WITH_THE_SERVICE, *([Outcome.NOT_SENT] if run.leaves_unsent else []))
    return "good" if totals.whole.count and totals.count(*fine) == totals.whole.count else "wrong"


def _control(totals: Totals) -> Iterator[tuple[str, Any, Any, bool | None]]:
    """Each control sum: its name, what was counted, what is reported, whether they agree."""
    control = totals.control()
    rows, invoices = control["rows"], control["invoices"]
    yield "rows", rows["read"], rows["in_invoices"] + rows["set_aside"], rows["agree"]
    yield "twice", 0, rows["in_two_invoices"], not rows["in_two_invoices"]
    yield "invoices", invoices["grouped"], invoices["by_outcome"], invoices["agree"]
    for name in MONEY:
        check = control[name]
        grouped = None if check["grouped"] is None else Decimal(check["grouped"])
        yield name, grouped, Decimal(check["by_outcome"]), check["agree"]


def _columns(source: dict[str, Any]) -> dict[str, list[str]]:
    """By field: the letters of its column and its header."""
    return {
        each["field"]: [_DIGITS.sub("", each["column"]), each["header"]]
        for each in source.get("columns") or []
    }


def _rate(percent: str) -> str:
    return shown_number(Decimal(percent), len(percent.partition(".")[2]))


def _ranges(ranges: list[list[int]]) -> str:
    """`5, 7–9`."""
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ranges)


def _parts(file: BinaryIO) -> Iterator[Markup]:
    """The file, piece by piece, to stand in a script."""
    # By lines, since a piece must not end within a letter of several bytes.
    while lines := file.readlines(BUFFER):
        yield _data(b"".join(lines))


def _data(json: bytes) -> Markup:
    """JSON so that nothing in it ends the script element that it stands in, or begins another."""
    return Markup(json.replace(b"<", b"\\u003c").decode())  # noqa: S704 - this is the escaping


def _policy(style: str, script: str) -> str:
    """The content security policy: this style and this script, and nothing from anywhere."""
    hashes = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


@cache
def _file(name: str) -> Markup:
    """A file of ours to stand in the page as it is."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704 - it is ours


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,  # its one use pays for a fifth of the start-up time of a short run
    )
    environment.filters |= {
        "money": shown_money,
        "number": shown_number,
        "day": shown_date,
        "rate": _rate,
        "share": lambda percent: shown_number(Decimal(percent), 1),
        "amount": lambda value: shown_number(value) if isinstance(value, int) else shown_money(value),
        "label_of": outcome_label,
        "ranges": _ranges,
        "spread": lambda ranges: sum(last - first + 1 for first, last in ranges),
    }
    return environment.get_template("report.html.j2")
