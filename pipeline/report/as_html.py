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
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from pipeline.document import Outcome
from pipeline.findings import Finding, Place, Severity
from pipeline.language import language, shown_date, shown_money, shown_number
from pipeline.report.as_json import run_as_dict
from pipeline.report.causes import Causes
from pipeline.report.contents import Aside, Content
from pipeline.report.rates import NO_RATE, Rates
from pipeline.report.read import Remark, RunFacts, answer_text
from pipeline.report.totals import MONEY, Totals
from pipeline.report.words import WITH_THE_SERVICE, verdict, words

MOST_INVOICES = 200_000
"""How many invoices the page shows; a browser would choke on many more."""

_IN_A_PACK = 100  # the details of so many invoices are packed, and unpacked, together
_BUFFER = 1 << 20
_TEMPLATES = Path(__file__).parent / "templates"
_COMPRESSION = 1  # level 6 takes four times as long for a file a quarter smaller
_DIGITS = re.compile("[0-9]+$")


class Share(NamedTuple):
    """A part of a bar in percent: where it begins and how long it is, as text; how much of the whole."""

    outcome: Outcome
    start: str
    length: str
    shown: str


class HtmlReport:
    """The report for a browser; the same ledger in the same language gives the same bytes.

    It grows in the folder `spool`. A context manager, which closes the files there.

    Args:
        run: the run.
        spool: a folder for temporary files.
        batches: the requests, by id (`contents.batches`).
        asides: the rows set aside, by source number (`contents.asides`).
        most: how many invoices to show.
    """

    def __init__(
        self,
        run: RunFacts,
        spool: Path,
        batches: dict[int, dict[str, Any]],
        asides: dict[int, list[Aside]],
        most: int = MOST_INVOICES,
    ) -> None:
        self._run, self._batches, self._asides, self._most = run, batches, asides, most
        self._shown = 0
        self._codes: dict[str, int] = {}
        self._causes, self._rates = Causes(), Rates()
        self._purged = 0
        self._noted: dict[tuple[str | None, str | None, Severity], int] = {}
        self._pack: list[Any] = []
        self._lines = (spool / "lines").open("w+b", buffering=_BUFFER)
        self._details = (spool / "details").open("w+b", buffering=_BUFFER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._details.close()

    def add_invoice(self, content: Content) -> None:
        """Add the next invoice."""
        line = content.line
        self._causes.add(content.findings, line.total)
        self._note(content.findings)
        if line.outcome in WITH_THE_SERVICE:
            if content.sent:
                self._rates.add_payload(content.sent, Decimal(line.net))
            else:
                self._purged += 1
        if self._shown == self._most:
            return
        self._shown += 1
        codes = [self._codes.setdefault(code, len(self._codes)) for code in line.codes]
        shown = [
            *(line.billnum, line.customer, line.billdate, _ORDER[line.outcome], line.net, line.vat),
            *(line.total, line.jobid, line.kind, line.jobtype, line.rows, codes),
        ]
        _add(self._lines, orjson.dumps(shown))
        findings = [_detail(found) for found in content.findings]
        self._pack.append([content.sent, line.answer, content.batch, findings])
        if len(self._pack) == _IN_A_PACK:
            self._flush()

    def add_remark(self, remark: Remark) -> None:
        """Add a finding that concerns no single invoice; those of an invoice came with it."""
        self._causes.add([remark.finding])
        self._note([remark.finding])

    def finish(self, totals: Totals, path: Path) -> None:
        """Write the whole page to `path`."""
        self._flush()
        with path.open("wb", buffering=_BUFFER) as file:
            for part in _template().generate(self._names(totals)):
                file.write(part.encode())

    def _names(self, totals: Totals) -> dict[str, Any]:
        run, style, script = self._run, _file("report.css"), _file("report.js")
        return {
            "language": language(),
            "words": words()["page"],
            "labels": words()["outcomes"],
            "run": run,
            "mood": _mood(run, totals),
            "verdict": verdict(run, totals),
            "totals": totals,
            "ended": [each for each in Outcome if totals.outcomes[each].count],
            "none_ended": [each for each in Outcome if not totals.outcomes[each].count],
            "bars": {"by_count": _by_count(totals), "by_total": _by_total(totals)},
            "errors": self._causes.of(Severity.ERROR),
            "notes": self._causes.of(Severity.WARNING, Severity.REPAIR),
            "rates": self._rates_shown(totals),
            "control": _control(totals),
            "sources": list(self._sources()),
            "facts": {name: answer_text(value) for name, value in run_as_dict(run).items() if value != {}},
            "invoices": totals.whole.count,
            "shown": self._shown,
            "style": style,
            "script": script,
            "policy": _policy(style, script),
            "lines": _parts(self._lines),
            "details": _parts(self._details),
            "page": Markup(_safe(orjson.dumps(self._facts())).decode()),  # noqa: S704 - escaped for a script
        }

    def _facts(self) -> dict[str, Any]:
        """What the script needs to know beside the invoices."""
        page = words()["page"]
        return {
            "locale": language(),
            "words": {name: page[name] for name in ("table", "detail", "count", "causes")},
            "outcomes": [[each, words()["outcomes"][each]["label"]] for each in Outcome],
            "codes": list(self._codes),
            "sources": [
                [each.get("sheet") or each.get("file"), _columns(each)] for each in self._run.sources
            ],
            "batches": self._batches,
            "pack": _IN_A_PACK,
            "all": self._shown,
        }

    def _rates_shown(self, totals: Totals) -> dict[str, Any]:
        """The sums per VAT rate: of all that was read, where that is known, and of what is with the service."""
        sent = self._rates.sums()
        read = {
            rate: (Decimal(net), Decimal(vat))
            for rate, (net, vat) in (self._run.counted.get("rates") or {}).items()
        }
        rates = sorted(read | sent, key=lambda rate: (rate == NO_RATE, -Decimal(rate or 0)))
        known = {name: [sums[rate][:2] for rate in rates if rate in sums] for name, sums in (("sent", sent), ("read", read))}
        return rates

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

    def _flush(self) -> None:
        if self._pack:
            packed = base64.b64encode(zlib.compress(orjson.dumps(self._pack), _COMPRESSION))
            _add(self._details, b'"%b"' % packed)
            self._pack.clear()
