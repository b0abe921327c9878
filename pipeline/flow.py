"""The whole job: an export's rows become documents, are checked, sent once, and reported.

readers → row frames → columns → values → grouper → validator → sender (with ledger) → report
"""

from __future__ import annotations

import datetime as dt
import filecmp
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import __version__, outbox
from pipeline.attachments import Attachments
from pipeline.columns import Intake, Layout, check_columns, named_frames, understand
from pipeline.corrections.status import Traces, is_corrections_workbook
from pipeline.corrections.write import Stamp, stamps, write_corrections
from pipeline.defaults import given
from pipeline.document import Document, Outcome
from pipeline.findings import Place, Refusal, Severity, refuse
from pipeline.frames import texts
from pipeline.gather import gather
from pipeline.grouper import build
from pipeline.language import translate
from pipeline.ledger import Planned, Run, open_ledger
from pipeline.ledger.plan import JOBS
from pipeline.originals import against_originals, names_original
from pipeline.profile import Profile, load_profile
from pipeline.readers import open_tables
from pipeline.reconcile import GRACE, Reconciled, any_unknown, reconcile
from pipeline.report import needs_attention, write_report
from pipeline.report.rates import Rates
from pipeline.rules import Context
from pipeline.sender import SendResult, send
from pipeline.service import Service
from pipeline.settings import Account, account, sandbox_state
from pipeline.starting_profile import write_profile
from pipeline.subject import INVOICES, Subject
from pipeline.targets import Country, Target
from pipeline.terminal import Screen
from pipeline.validator import Validator
from pipeline.values import convert, decimal_evidence, settled_decimal

ROWS_A_FRAME = 50_000
DOCUMENTS_A_CHUNK = 5_000
ATTACHED_IN_A_BATCH = 8_000_000
"""Bytes of files: with them a request stays within some 11 MB, whatever the batch size."""
_NUMBERS = frozenset({"money", "decimal", "percent", "number", "integer"})


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for; see `ropo-pipeline run --help`.

    `sends` is False for `check`; `subject` is what the rows of the inputs are.
    """

    command: str
    inputs: tuple[Path, ...]
    target: Target
    country: Country
    profile: Path | None
    out: Path
    ledger: str
    subject: Subject = INVOICES
    attachments: Path | None = None
    batch_size: int = 100
    workers: int = 4
    grace: float = GRACE
    yes: bool = False
    sends: bool = True


@dataclass(slots=True)
class Tally:
    """What was counted before any document had an outcome: the other side of the report's control sums."""

    documents: int = 0
    net: Decimal = Decimal("0.00")
    vat: Decimal = Decimal("0.00")
    total: Decimal = Decimal("0.00")
    rates: Rates = field(default_factory=Rates)
    intake: Intake = field(default_factory=Intake)

    def count(self, documents: Sequence[Document]) -> None:
        """Count those documents."""
        self.documents += len(documents)
        self.net += sum((each.net for each in documents), Decimal(0))
        self.vat += sum((each.vat for each in documents), Decimal(0))
        self.total += sum((each.total for each in documents), Decimal(0))
        self.rates.add_documents(documents)

    @property
    def has_errors(self) -> bool:
        """Whether the files themselves have errors, beside those of single invoices."""
        return any(each.severity is Severity.ERROR for each in self.intake.findings)

    def as_totals(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        sums = {name: format(getattr(self, name), "f") for name in ("net", "vat", "total")}
        rates = self.rates.as_totals()
        return {"rows_read": self.intake.rows_read, "invoices": self.documents, **sums, "rates": rates}


def run(options: Options, screen: Screen) -> int:
    """Do the whole job, or all but sending; returns the exit code (docs/exit-codes.md).

    Raises:
        Refusal: nothing can be attempted with this input or configuration, or another run is at work.
    """
    profile = load_profile(options.profile)
    given(profile)  # a value in it that cannot be read must not wait until the ledger is open
    where = account(options.target, options.country)
    asks = options.sends and options.target is Target.PRODUCTION and not options.yes
    if asks and not screen.interactive:
        raise refuse("consent-missing")
    layouts = _layouts(options.inputs, profile, options.subject)
    files = Attachments(options.attachments)
    before = stamps(layouts)
    make_folder(options.out)
    with ExitStack() as stack:
        ledger = stack.enter_context(open_ledger(options.ledger))
        if options.sends:
            stack.enter_context(ledger.lock(where.environment, where.cid))
        facts = _facts(options, where, profile)
        this = ledger.begin_run(options.command, where.environment, where.cid, facts, sends=options.sends)
        this.describe([_described(layout) for layout in layouts])
        screen.understood(layouts)
        tally = Tally()
        planned = _planned(this, layouts, profile, options, files, tally, screen)
        halted = False
        try:
            if options.sends:
                service = stack.enter_context(open_service(where))
                stop = stack.enter_context(stopping(screen))
                ask_about_unknown(this, service, stop, options.grace, screen)
                if asks:
                    planned = [outbox.keep(each) for each in planned]
                if not asks or _consent(tally, where, screen):
                    for each in planned:
                        halted = halted or _send(each, this, service, stop, options, files, screen).try_again
                    ask_about_unknown(this, service, stop, options.grace, screen)
            for _ in chain(*planned):  # what was not sent is planned all the same, so that all rows are told
                pass
        finally:
            _note(this, tally)
            code = exit_code(this, halted=halted, errors=tally.has_errors)
            this.finish(code, tally.as_totals())
            show_report(this, options.out, screen)
            _correct(this, layouts, before, options.out, screen)
    return code


def ask_about_unknown(
    this: Run, service: Service, stop: threading.Event, grace: float, screen: Screen, *, patient: bool = False
) -> Reconciled | None:
    """Have the service say what became of documents whose outcome is unknown; None if there are none."""
    if not any_unknown(this):
        return None
    with screen.progress("Asking about unknown outcomes") as bar:
        return reconcile(this, service, grace=grace, stop=stop, patient=patient, on_progress=bar.advance)


def show_report(this: Run, out: Path, screen: Screen) -> None:
    """Write the report of a run from the ledger, and show what it comes to."""
    engine = this.ledger.engine
    report = write_report(engine, this.id, out)
    screen.finding_lines(needs_attention(engine, this.id))
    screen.outcome_table(report.totals)
    screen.say(report.verdict)
    screen.say(f"Report: {report.html}")
    screen.say(f"Ledger: {this.ledger.engine.url.render_as_string(hide_password=True)}")


def _correct(
    this: Run, layouts: Sequence[Layout], before: dict[str, Stamp], out: Path, screen: Screen
) -> None:
    """Write the workbook in which to correct what did not go, if there is anything to correct."""
    try:
        path = write_corrections(this.ledger.engine, this.id, layouts, before, out)
    except (OSError, Refusal) as error:
        # The report is there, and tells all; this one is a convenience.
        screen.say(translate("The corrections workbook could not be written: {reason}", reason=error))
    else:
        if path:
            screen.say(translate("Correct it here, and run this file: {path}", path=path))


def _layouts(
    inputs: Sequence[Path], profile: Profile, subject: Subject, *, checked: bool = True
) -> list[Layout]:
    reading = profile.reading
    files = [
        open_tables(
            path,
            sheet=None if reading.sheet == "*" or is_corrections_workbook(path) else reading.sheet,
            encoding=reading.encoding,
            delimiter=reading.delimiter,
        )
        for path in inputs
    ]
    _refuse_same_file(inputs)
    return understand(files, profile, subject, checked=checked)


def _refuse_same_file(inputs: Sequence[Path]) -> None:
    """A file given twice, also as a copy, would double the rows of its invoices.

    Raises:
        Refusal: `file-twice`.
    """
    for number, path in enumerate(inputs):
        for other in inputs[:number]:
            if filecmp.cmp(path, other, shallow=False):
                raise refuse("file-twice", Place(str(path)), other=other)


def _documents(
    layouts: Sequence[Layout],
    profile: Profile,
    options: Options,
    files: Attachments,
    intake: Intake,
    screen: Screen,
) -> Iterator[list[Document]]:
    """The documents of all tables, in chunks, not yet checked.

    The first chunk comes when every row has been read: only then are the number convention, the damaged
    rows and the last row of each document known.
    """
    today = _today()
    rules = given(profile, options.subject)
    evidence: list[set[str]] = [set() for _ in layouts]
    size = sum(_text_size(path) for path in options.inputs)
    for frame in gather(_read(layouts, intake, evidence, screen), size):
        conventions = profile.conventions
        if conventions.decimal is None:
            conventions = conventions.model_copy(update={"decimal": settled_decimal(evidence)})
        columns = convert(frame, conventions, options.subject)
        documents = build(
            *(frame, columns, layouts, rules, today, intake.suspects),
            continued=intake.continued,
            several_tables=profile.reading.several_tables,
            home=options.country.alpha3,
            attachments=files,
        )
        while chunk := list(islice(documents, DOCUMENTS_A_CHUNK)):
            yield chunk


def _read(
    layouts: Sequence[Layout], intake: Intake, evidence: Sequence[set[str]], screen: Screen
) -> Iterator[pd.DataFrame]:
    """Every table's named frames, noting on the way what proves each one's decimal separator."""
    with screen.progress("Reading", 1.0, unit=None) as bar:
        for number, layout in enumerate(layouts):
            for frame in named_frames(layout, ROWS_A_FRAME, intake):
                for name in layout.fields.values():
                    if len(evidence[number]) < 3 and layout.subject.value_kind(name) in _NUMBERS:
                        evidence[number].update(decimal_evidence(texts(frame[name])))
                bar.reach((number + layout.table.share_read) / len(layouts))
                yield frame
        bar.reach(1.0)


def _planned(
    this: Run,
    layouts: Sequence[Layout],
    profile: Profile,
    options: Options,
    files: Attachments,
    tally: Tally,
    screen: Screen,
) -> list[Iterator[Planned]]:
    """The documents that may be sent, each recorded in the ledger as such; the others are recorded too.

    First all but the credit notes that name an invoice, then those: what they credit may be in the same
    file, and has to be there before them.
    """
    validator = Validator(layouts, Context(_today(), options.country.alpha3))
    crediting: list[Document] = []

    def invoices() -> Iterator[list[Document]]:
        for chunk in _documents(layouts, profile, options, files, tally.intake, screen):
            validator.check(chunk)
            crediting.extend(each for each in chunk if each.valid and names_original(each))
            waiting = {id(each) for each in crediting}
            yield [each for each in chunk if id(each) not in waiting]

    def credit_notes() -> Iterator[list[Document]]:
        while chunk := crediting[:DOCUMENTS_A_CHUNK]:
            for document, broken in against_originals(this, chunk):
                validator.add(document, broken)
            yield chunk
            del crediting[:DOCUMENTS_A_CHUNK]

    traces = Traces(layouts)
    return [
        _recorded(this, chunks, profile, tally, traces, screen) for chunks in (invoices(), credit_notes())
    ]


def _recorded(
    this: Run,
    chunks: Iterator[list[Document]],
    profile: Profile,
    tally: Tally,
    traces: Traces,
    screen: Screen,
) -> Iterator[Planned]:
    for first in chunks:  # no progress where there is nothing to check
        with screen.progress("Checking") as bar:
            for chunk in chain([first], chunks):
                for each in chunk:
                    _guard(each, profile)
                traces.add_to(chunk)
                tally.count(chunk)
                yield from this.plan(chunk)
                bar.advance(len(chunk))


def _today() -> dt.date:
    return dt.datetime.now().astimezone().date()


def _guard(document: Document, profile: Profile) -> None:
    """Have the service itself refuse a bill number that it already has (`checkbillnum`)."""
    if document.billnum and document.kind in JOBS and profile.sending.checkbillnum:
        document.dataset.setdefault("checkbillnum", "1")


def _consent(tally: Tally, where: Account, screen: Screen) -> bool:
    """Whether the person at the terminal wants these invoices sent."""
    question = f"Send {tally.documents:,} invoices, {tally.total:,.2f} in all, to {where.base_url}?"
    if screen.confirm(question):
        return True
    screen.say("Nothing was sent.")
    return False


def _send(
    planned: Iterator[Planned],
    this: Run,
    service: Service,
    stop: threading.Event,
    options: Options,
    files: Attachments,
    screen: Screen,
) -> SendResult:
    batches = _batches(planned, 1 if options.subject.path else options.batch_size, files)
    first = next(batches, None)
    if first is None:
        return SendResult(0, 0, None)
    with screen.progress("Sending") as bar:
        return send(
            chain([first], batches),
            run=this,
            service=service,
            workers=options.workers,
            on_progress=bar.advance,
            stop=stop,
            path=options.subject.path,
            attachments=files,
        )


def _batches(planned: Iterator[Planned], size: int, files: Attachments) -> Iterator[list[Planned]]:
    """Batches of so many documents, or fewer where their attachments are large."""
    batch: list[Planned] = []
    bytes_in_batch = 0
    for each in planned:
        attached = files.size(each.body)
        if batch and (len(batch) >= size or bytes_in_batch + attached > ATTACHED_IN_A_BATCH):
            yield batch
            batch, bytes_in_batch = [], 0
        batch.append(each)
        bytes_in_batch += attached
    if batch:
        yield batch


@contextmanager
def open_service(where: Account) -> Iterator[Service]:
    """The service to send to; the sandbox is started for the run, unless one stands elsewhere."""
    with ExitStack() as stack:
        base_url = where.base_url
        if base_url is None:
            from pipeline.sandbox.server import serve_in_thread  # noqa: PLC0415 - only where it is wanted

            base_url = stack.enter_context(serve_in_thread(sandbox_state())).url
        yield stack.enter_context(Service(base_url, where.cid, where.apicode.get_secret_value()))


@contextmanager
def stopping(screen: Screen) -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets; a second one stops at once."""
    stop = threading.Event()

    def on_signal(number: int, _: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        screen.say(
            f"{signal.Signals(number).name}: finishing the requests in flight; once more stops at once."
        )

    signals = (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = [signal.signal(each, on_signal) for each in signals]
    try:
        yield stop
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def _note(this: Run, tally: Tally) -> None:
    """Keep what the reading found that concerns no single invoice."""
    intake = tally.intake
    for (source, reason), rows in sorted(intake.aside.items()):
        this.set_aside(source, reason, len(rows), [[row, row] for row in rows[:20]])
    this.note(intake.findings)


def exit_code(this: Run, *, halted: bool = False, errors: bool = False) -> int:
    """0 all with the service, 1 some need attention, 3 some unknown, 4 try again later; the worst wins.

    `halted` is whether sending stopped early, `errors` whether the file itself has errors.
    """
    outcomes = this.outcomes()
    if outcomes[Outcome.UNKNOWN]:
        return 3
    if halted:
        return 4
    fine = {Outcome.ACCEPTED, Outcome.ALREADY_ACCEPTED} | (set() if this.sends else {Outcome.NOT_SENT})
    return int(errors or any(number for outcome, number in outcomes.items() if outcome not in fine))


def _described(layout: Layout) -> dict[str, Any]:
    """How a table was understood, for the report."""
    table = layout.table
    return {
        "file": table.file,
        "path": str(Path(table.file).resolve()),  # the report's links need it
        "sheet": table.sheet,
        "header_row": layout.header_row,
        "facts": table.facts,
        "columns": [
            {"column": layout.cell(layout.header_row, at).cell, "header": layout.headers[at], "field": path}
            for at, path in layout.fields.items()
        ],
        "ignored": [
            {
                "column": layout.cell(layout.header_row, at).cell,
                "header": layout.headers[at],
                "nearest": list(names),
            }
            for at, names in layout.ignored.items()
        ],
    }


def _facts(options: Options, where: Account, profile: Profile) -> dict[str, Any]:
    """What the report tells of the run itself."""
    return {
        "version": __version__,
        "target": options.target,
        "country": options.country,
        "base_url": where.base_url or "the built-in sandbox, on this machine only",
        "profile": str(options.profile) if options.profile else None,
        "declared": profile.model_dump(exclude_defaults=True),
        "batch_size": options.batch_size,
        "workers": options.workers,
    }


def _text_size(path: Path) -> int:
    """About how much text a file holds; a workbook is packed some eight times."""
    size = path.stat().st_size
    return size if path.suffix.lower() in {".csv", ".tsv", ".txt"} else 8 * size


def make_folder(out: Path) -> None:
    """Make the report's folder.

    Raises:
        Refusal: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass  # before anything is sent it must be sure that the report can be written
    except OSError as error:
        raise refuse("out-unusable", Place(file=str(out)), reason=error.strerror or str(error)) from error


def show_columns(
    inputs: Sequence[Path], profile_path: Path | None, screen: Screen, save: Path | None = None
) -> None:
    """Show how each table of the inputs is understood, column by column; `save` a starting profile of it.

    Raises:
        Refusal: a file cannot be read or understood; or, when all is shown, it could not be sent like this.
    """
    profile = load_profile(profile_path)
    layouts = _layouts(inputs, profile, INVOICES, checked=False)
    screen.understood(layouts)
    for layout in layouts:
        below = layout.table.head[layout.header_row :]
        for at, header in layout.headers.items():
            sample = next((row[at] for row in below if at < len(row) and row[at].strip()), "")
            screen.say(
                f"{layout.cell(layout.header_row, at).cell}  {header} → {layout.fields.get(at, 'ignored')}"
                f"{sample and f'  (first value: {sample[:40]})'}"
            )
    if save:
        write_profile(save, layouts)
        screen.say(translate("Profile: {path}", path=save))
    for layout in layouts:
        check_columns(layout, profile)
