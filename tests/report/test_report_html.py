"""`report.html` as a file: safe, self-contained, complete. How it behaves is tried in tests/browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.document import Outcome
from pipeline.ledger import tables
from pipeline.report import HtmlReport, write_report
from pipeline.report.columns import Columns, Contents
from pipeline.report.read import InvoiceLine, run_facts, snapshot
from pipeline.report.totals import Totals

PAYLOAD = json.dumps(
    {
        "billnum": "1004",
        "payrow": [
            {"desc": "Työ", "count": "2", "amount": "50.00", "taxpr": "25.5"},
            {"desc": "Kahvi", "amount": "10.00", "taxpr": "13.50"},
        ],
    }
)


class Parsed(HTMLParser):
    """The page: its texts, its scripts and styles by kind, and every attribute."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.raw: dict[str, str] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self._inside = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the attributes."""
        given = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in given.items()]
        self._inside = given.get("id", tag) if tag in {"script", "style"} else ""

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser gives it
        """Be outside again."""
        self._inside = ""

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self._inside:
            self.raw[self._inside] = self.raw.get(self._inside, "") + data
        else:
            self.texts.append(" ".join(data.split()))

    @property
    def policy(self) -> str:
        """The content security policy."""
        return next(value for _, _, value in self.attributes if value.startswith("default-src"))

    @property
    def text(self) -> str:
        """All text that a reader sees, in one line."""
        return " ".join(filter(None, self.texts))

    def lines(self) -> Any:
        """The invoices of the table."""
        return json.loads(self.raw["lines"])

    def details(self) -> list[Any]:
        """What is told of each invoice."""
        packs = json.loads(self.raw["details"])
        return [each for pack in packs for each in json.loads(zlib.decompress(base64.b64decode(pack)))]


def page(ledger: Any, run_id: str, out: Path) -> Parsed:
    """The page of a run."""
    return Parsed(write_report(ledger.engine, run_id, out).html)


def test_only_this_style_and_this_script_may_work(ledger: Any, night: str, tmp_path: Path) -> None:
    """The policy names both by their hashes and allows nothing else."""
    made = page(ledger, night, tmp_path)
    style, script = (
        base64.b64encode(hashlib.sha256(made.raw[name].encode()).digest()).decode()
        for name in ("style", "script")
    )
    assert made.policy == (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def test_the_file_needs_no_other(ledger: Any, night: str, tmp_path: Path) -> None:
    """Nothing in it is fetched from anywhere, and no attribute holds a script or a style."""
    made = page(ledger, night, tmp_path)
    assert [each for each in made.attributes if each[1] in {"src", "style", "srcset", "data", "action"}] == []
    assert [each for each in made.attributes if each[1].startswith("on")] == []
    assert all(value.startswith("#") for _, name, value in made.attributes if name == "href")
    assert "url(" not in made.raw["style"]
    assert "@import" not in made.raw["style"]


def test_ids_are_unique_and_labels_lead_somewhere(ledger: Any, night: str, tmp_path: Path) -> None:
    """What a link or a label names is in the page, once."""
    made = page(ledger, night, tmp_path)
    ids = [value for _, name, value in made.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    named = {value for _, name, value in made.attributes if name in {"aria-labelledby", "aria-describedby"}}
    linked = {value.removeprefix("#") for _, name, value in made.attributes if name == "href"}
    assert named | linked <= set(ids)


def test_texts_of_the_input_stay_texts(ledger: Any, tmp_path: Path) -> None:
    """Markup in a customer, a value, a file name or an answer ends no element and begins none."""
    evil = "</script><script>alert(1)</script><!-- \u2028"
    run = ledger.run(
        sources=json.dumps([{"file": evil, "sheet": evil, "columns": [], "facts": {evil: evil}}])
    )
    ledger.document(run, 1, "refused", answer=json.dumps({"error": evil}), payload=json.dumps({"x": evil}))
    ledger.invoice(run, 4, "refused", document_id=1, customer=evil, billnum=evil)
    ledger.finding(run, 1, 4, value=evil, message=evil, file=evil, column=evil, billnum=evil)
    made = page(ledger, run, tmp_path)
    assert sorted(made.raw) == ["details", "lines", "page", "script", "style"]
    assert made.lines()[0][:2] == [evil, evil]
    assert made.details()[0][:2] == [json.dumps({"x": evil}), {"error": evil}]
    assert made.text.count("</script><script>alert(1)</script><!--") >= 5


def test_the_page_has_every_invoice_with_what_is_kept_of_it(ledger: Any, night: str, tmp_path: Path) -> None:
    """The table's lines are the invoices in the order of the export; each has its findings and its answer."""
    made = page(ledger, night, tmp_path)
    outcomes = list(Outcome)
    assert [(line[0], outcomes[line[3]]) for line in made.lines()] == [
        ("1004", "accepted"),
        ("1005", "already-accepted"),
        ("1006", "refused"),
        ("1007", "conflict"),
        ("1008", "unknown"),
        ("1009", "not-sent"),
        (None, "invalid"),
    ]
    codes = [[found[0] for found in details[3]] for details in made.details()]
    assert codes == [
        ["postcode-zeros"],
        [],
        ["refused-by-service"],
        ["conflict"],
        ["outcome-unknown"],
        ["not-sent"],
        ["postcode-form", "date-form", "date-form"],
    ]
    causes = json.loads(made.raw["page"])["causes"]
    assert [[causes[each][0] for each in line[11]] for line in made.lines()][6] == [
        "postcode-form",
        "date-form",
    ]


def test_what_was_sent_is_told_as_it_was(ledger: Any, tmp_path: Path) -> None:
    """The flag that guards against doubles is part of it; an earlier run's content is not this run's."""
    earlier = ledger.run("20261119T021500-aaaa")
    run = ledger.run()
    ledger.document(run, 1, "accepted", payload=PAYLOAD, guarded=1)
    ledger.document(run, 2, "accepted", payload=PAYLOAD)
    ledger.document(earlier, 3, "refused", payload=PAYLOAD)
    ledger.document(earlier, 4, "accepted", payload=PAYLOAD)
    for number, outcome in enumerate(("accepted", "accepted", "not-sent", "conflict"), 1):
        ledger.invoice(run, number, outcome, document_id=number)
    sent = [details[0] for details in page(ledger, run, tmp_path).details()]
    assert sent == ['{"checkbillnum":"1",' + PAYLOAD[1:], PAYLOAD, None, PAYLOAD]


def test_the_request_that_an_invoice_went_with_is_told(ledger: Any, tmp_path: Path) -> None:
    """With its name, time and meaning; a bad answer word for word, but for personal identity codes."""
    run = ledger.run()
    times = {"sent": "2026-11-20T02:15:01Z", "answered": "2026-11-20T02:15:02Z"}
    ledger.put(
        tables.batch,
        id=1,
        run_id=run,
        data_identifier="a-1",
        status=201,
        meaning="counted",
        answer="{}",
        **times,
    )
    ledger.put(
        tables.batch,
        id=2,
        run_id=run,
        data_identifier="a-2",
        status=500,
        meaning="unclear",
        answer="131052-308T?",
        **times,
    )
    ledger.document(run, 1, "accepted", batch_id=1)
    ledger.document(run, 2, "unknown", batch_id=2)
    ledger.invoice(run, 1, "accepted", document_id=1)
    ledger.invoice(run, 2, "unknown", document_id=2)
    made = page(ledger, run, tmp_path)
    assert [details[2] for details in made.details()] == [1, 2]
    assert json.loads(made.raw["page"])["batches"] == {
        "1": {"name": "a-1", "sent": times["sent"], "status": 201, "meaning": "counted", "answer": None},
        "2": {
            "name": "a-2",
            "sent": times["sent"],
            "status": 500,
            "meaning": "unclear",
            "answer": "[personal identity code]?",
        },
    }


def test_sums_per_vat_rate_say_when_content_is_gone(ledger: Any, tmp_path: Path) -> None:
    """One spelling of a rate is one rate; an invoice whose content was purged is told of, not guessed."""
    run = ledger.run(totals={"rates": {"25.5": ["200.00", "51.00"], "13.5": ["10.00", "1.35"]}})
    ledger.document(run, 1, "accepted", payload=PAYLOAD)
    ledger.document(run, 2, "accepted", payload=None)
    ledger.invoice(run, 1, "accepted", document_id=1, net="110.00", vat="26.85", total="136.85")
    ledger.invoice(run, 2, "accepted", document_id=2)
    text = page(ledger, run, tmp_path).text
    assert "25.5 % 100.00 25.50 125.50 251.00 13.5 % 10.00 1.35 11.35 11.35 all 110.00 26.85 136.85" in text
    assert (
        "The content of 1 invoice that is with the service is not kept any more; it is not in these sums."
        in text
    )
    assert "THEY DO NOT ADD UP" not in text
    assert "They add up" not in text


@pytest.mark.parametrize(("net", "expected"), [("110.00", True), ("110.01", False)])
def test_sums_per_vat_rate_are_held_against_the_outcomes(
    ledger: Any, tmp_path: Path, net: str, expected: bool
) -> None:
    """A cent of difference is said in capitals."""
    run = ledger.run()
    ledger.document(run, 1, "accepted", payload=PAYLOAD)
    ledger.invoice(run, 1, "accepted", document_id=1, net=net, vat="26.85", total="136.85")
    text = page(ledger, run, tmp_path).text
    assert ("They add up to the sums of the outcomes." in text) == expected
    assert ("THEY DO NOT ADD UP TO THE SUMS OF THE OUTCOMES." in text) != expected


def test_how_files_were_understood_is_told(ledger: Any, night: str, tmp_path: Path) -> None:
    """Encoding, header row, columns, what was ignored or set aside, how much was repaired."""
    text = page(ledger, night, tmp_path).text
    assert "laskut.xlsx · Tammi 'A' header row 3 reader xlsx repairs 1 Rows set aside header rows: 1" in text
    assert "F3 “Muistio” (closest field: freetext)" in text
    assert "A3 Laskunumero billnum" in text
    assert "lisää.csv header row 1 encoding windows-1252 delimiter ; warnings 1" in text


def test_no_personal_identity_code_reaches_the_page(ledger: Any, tmp_path: Path) -> None:
    """Not even packed."""
    code = "131052-308T"
    run = ledger.run(facts={"profile": f"{code}.toml"}, sources=json.dumps([{"file": f"{code}.csv"}]))
    ledger.document(run, 1, "refused", answer=json.dumps({f"for {code}": [f"no {code}"]}))
    ledger.invoice(run, 4, "refused", document_id=1, customer=f"Teppo {code}")
    ledger.finding(run, 1, 4, value=code, message=f"not {code}", remedy=f"see {code}", file=f"{code}.csv")
    paths = write_report(ledger.engine, run, tmp_path)
    assert code not in paths.html.read_text(encoding="utf-8")
    assert code not in json.dumps(Parsed(paths.html).details())
    assert "Teppo [personal identity code]" in paths.html.read_text(encoding="utf-8")


def test_the_same_ledger_gives_the_same_page(ledger: Any, night: str, tmp_path: Path) -> None:
    """A report made again differs in nothing."""
    first = write_report(ledger.engine, night, tmp_path / "first")
    again = write_report(ledger.engine, night, tmp_path / "again")
    assert first.html.read_bytes() == again.html.read_bytes()


def test_an_unfinished_run_has_a_page_without_guesses(ledger: Any, tmp_path: Path) -> None:
    """What was not counted is said to be not known."""
    run = ledger.run(finished=None, exit_code=None, sources=None)
    ledger.invoice(run, 4, "not-sent")
    text = page(ledger, run, tmp_path).text
    assert "The run was interrupted before its end." in text
    assert "net not known 100.00 not known" in text


def test_of_very_many_invoices_the_first_are_shown(ledger: Any, tmp_path: Path) -> None:
    """The page says so and where all are; counts and causes are those of all."""
    run_id = ledger.run()
    totals = Totals()
    with snapshot(ledger.engine) as connection:
        run = run_facts(connection, run_id)
    with HtmlReport(run, tmp_path, {}, {}, most=2) as made:
        for number in range(5):
            line = InvoiceLine(
                *(number, "invoice", f"{number}", "0", "Oy", "2026-11-01", Outcome.NOT_SENT),
                *("1.00", "0.00", "1.00", [[0, 1, 1]], None, None, [], True),
            )
            totals.add(line.outcome, line.net, line.vat, line.total, line.rows)
            made.add_invoices(Contents(Columns(*zip(line, strict=True)), [None], [None], [[]]))
        made.finish(totals, tmp_path / "report.html")
    parsed = Parsed(tmp_path / "report.html")
    assert len(parsed.lines()) == len(parsed.details()) == 2
    assert (
        "This page has the first 2 of 5 invoices. All of them are in report.json and report.xlsx."
        in parsed.text
    )
    assert re.search(r"\ball 5 5\.00\b", parsed.text)
