"""The whole job: an export's rows become documents, are checked, sent once, and reported.

readers → row frames → columns → meaning → values → grouper → validator → ledger → sender → report
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import __version__
from pipeline.attachments import Attachments
from pipeline.columns.layouts import Layout, tables_of
from pipeline.corrections.status import Traces
from pipeline.corrections.write import Stamp, stamps, write_corrections
from pipeline.document import Document
from pipeline.documents import read_layouts, ready, text_size, today
from pipeline.findings import Refusal, refuse
from pipeline.grouper.defaults import given
from pipeline.language import shown_money, shown_number, translate
from pipeline.ledger import Hold, Planned, Run, open_ledger, outbox
from pipeline.ledger.entry import Sealing, entry_of
from pipeline.options import Options
from pipeline.profile import Profile
from pipeline.profile.decide import Decision, profile_for
from pipeline.profile.drift import drift_findings
from pipeline.profile.show import meaning_of, proposal
from pipeline.readers.inputs import Inputs, expanded
from pipeline.rows.named import Intake
from pipeline.screens.preview import Preview
from pipeline.screens.terminal import Screen
from pipeline.sender import held
from pipeline.sender.session import (
    ask_about_unknown,
    exit_code,
    honest_exit,
    make_folder,
    open_service,
    show_report,
    stopping,
    tell_open,
)
from pipeline.settings import Account, account
from pipeline.tally import Tally
from pipeline.targets import Target
from pipeline.validator.check import Validator
from pipeline.validator.originals import against_originals
from pipeline.validator.rules import Context
from pipeline.workers.part import DOCUMENTS_A_CHUNK, Ready
from pipeline.workers.team import Team, team_for

if TYPE_CHECKING:
    from pipeline.sender.send import SendResult
    from pipeline.sender.service import Service

Planning = Sequence[Iterator[Planned]]
"""Documents that may be sent, planned as they are taken: those that go first, and those that go after."""

ATTACHED_IN_A_BATCH = 8_000_000
"""Bytes of files: with them a request stays within some 11 MB, whatever the batch size."""


def run(options: Options, screen: Screen) -> int:
    """Do the whole job, or all but sending; returns the exit code (docs/exit-codes.md).

    Raises:
        Refusal: nothing can be attempted with this input or configuration, or another run is at work.
    """
    with expanded(options.inputs) as inputs:
        return _run(options, inputs, screen)


def _run(options: Options, inputs: Inputs, screen: Screen) -> int:
    where = account(options.target, options.country, needs_apicode=not options.plans)
    asks = options.sends and options.target is Target.PRODUCTION and not options.yes
    if asks and not screen.interactive:
        raise refuse("consent-missing")
    decision = _decided(options, inputs)
    profile = decision.profile
    layouts = read_layouts(inputs.files, profile, options.subject, opened=decision.opened)
    files = Attachments(options.attachments)
    before = stamps(layouts)
    make_folder(options.out)
    with ExitStack() as stack:
        team = stack.enter_context(team_for(options, layouts, text_size(layouts)))
        ledger = stack.enter_context(open_ledger(options.ledger))
        if options.sends:
            stack.enter_context(
                ledger.lock(where.environment, where.cid, Hold.PLANNING if options.plans else Hold.ALONE)
            )
        this = ledger.begin_run(
            *(options.command, where.environment, where.cid, _facts(options, where, decision)),
            sends=options.sends,
        )
        screen.begins(this.id)
        stack.enter_context(honest_exit(this))
        this.describe(
            [_described(layout) for layout in tables_of(layouts)],
            repeats={layout.number for layout in layouts if layout.is_repeat},
        )
        screen.understood(tables_of(layouts))
        tally = Tally(intake=Intake(findings=[*inputs.findings]))
        preview = Preview(this, layouts, drift_findings(layouts, profile), meaning_of(profile))
        tally.intake.findings += preview.warnings
        if decision.reason:
            screen.say(proposal(decision))
        planned = _planned(this, layouts, profile, options, files, tally, preview, screen, team)

        def going() -> Planning:
            """What may leave: where a person is asked, all is planned before, and nothing leaves without."""
            nonlocal planned
            if not asks:
                return planned
            planned = [held.keep(each) for each in planned]
            return planned if _consent(tally, preview, where, decision, screen) else []

        halted = False
        try:
            if options.plans:
                tally.in_outbox = _put(going(), this, files, screen)
            elif options.sends:
                halted = _send_all(stack, going, this, where, options, files, screen)
            for _ in chain(*planned):  # what was not sent is planned all the same, so that all rows are told
                pass
            if options.sends and not options.plans:
                tell_open(this, screen)
            preview.finish()
            if options.command == "check":
                screen.preview(preview, tally.counts.rates.sums())
        finally:
            _note(this, tally)
            code = exit_code(this, halted=halted, errors=tally.has_errors, waiting=tally.in_outbox > 0)
            this.finish(code, tally.as_totals())
            show_report(this, options.out, screen)
            _correct(this, layouts, before, options.out, screen)
    return code


def _decided(options: Options, inputs: Inputs) -> Decision:
    """The run's profile.

    Raises:
        Refusal: it cannot be told, or would need somebody to agree to it.
    """
    decision = profile_for(options.profile, inputs.files, options.subject)
    in_earnest = options.sends and options.target is Target.PRODUCTION
    if in_earnest and options.yes and decision.reason:
        raise refuse("profile-proposed", profile=decision.name, reason=decision.reason)
    given(decision.profile, options.subject)  # what cannot be read in it must not wait for the ledger
    return decision


def _correct(
    this: Run, layouts: Sequence[Layout], before: dict[str, Stamp], out: Path, screen: Screen
) -> None:
    """Write the workbook in which to correct what did not go, if there is anything to correct."""
    try:
        path = write_corrections(this.ledger.engine, this.id, tables_of(layouts), before, out)
    except (OSError, Refusal) as error:
        # The report is there, and tells all; this one is a convenience.
        screen.say(translate("The corrections workbook could not be written: {reason}", reason=error))
    else:
        if path:
            screen.say(translate("Correct it here, and run this file: {path}", path=path))


def _planned(
    this: Run,
    layouts: Sequence[Layout],
    profile: Profile,
    options: Options,
    files: Attachments,
    tally: Tally,
    preview: Preview,
    screen: Screen,
    team: Team,
) -> list[Iterator[Planned]]:
    """The documents that may be sent, each recorded in the ledger as such; the others are recorded too.

    First all but the credit notes that name an invoice, then those: what they credit may be in the same
    file, and has to be there before them.
    """
    validator = Validator(layouts, Context(today(), options.country.alpha3))
    sealing = Sealing(this.ledger.key, profile.sending.checkbillnum, frozenset(this.repeats))
    crediting: list[Document] = []

    def invoices() -> Iterator[Ready]:
        for each in ready(layouts, profile, options, files, tally.intake, screen, sealing, team):
            crediting.extend(each.crediting)
            if each.entries:
                yield each

    def credit_notes() -> Iterator[Ready]:
        while chunk := crediting[:DOCUMENTS_A_CHUNK]:
            for document, broken in against_originals(this, chunk):
                validator.add(document, broken)
            held_against = Ready([entry_of(each, sealing) for each in chunk])
            held_against.counts.count(chunk)
            yield held_against
            del crediting[:DOCUMENTS_A_CHUNK]

    traces = Traces(tables_of(layouts))
    return [
        _recorded(this, chunks, tally, preview, traces, screen) for chunks in (invoices(), credit_notes())
    ]


def _recorded(
    this: Run,
    chunks: Iterator[Ready],
    tally: Tally,
    preview: Preview,
    traces: Traces,
    screen: Screen,
) -> Iterator[Planned]:
    for first in chunks:  # no progress where there is nothing to check
        with screen.progress("Checking") as bar:
            for chunk in chain([first], chunks):
                entries = chunk.entries
                preview.add(entries)
                traces.add_to(entries)
                tally.counts.add(chunk.counts)
                yield from this.plan_entries(entries)
                bar.advance(len(entries))


def _consent(tally: Tally, preview: Preview, where: Account, decision: Decision, screen: Screen) -> bool:
    """Whether the person at the terminal wants these invoices sent, having seen what they are."""
    preview.finish()
    screen.preview(preview, tally.counts.rates.sums())
    count, total = preview.to_send()
    question = translate(
        "Send {count} invoices, {total} in all, to {url}?",
        count=shown_number(count),
        total=shown_money(total),
        url=where.base_url,
    )
    if decision.reason:
        question = f"{proposal(decision)} {question}"
    if screen.confirm(question):
        return True
    screen.say(translate("Nothing was sent."))
    return False


def _send_all(
    stack: ExitStack,
    going: Callable[[], Planning],
    this: Run,
    where: Account,
    options: Options,
    files: Attachments,
    screen: Screen,
) -> bool:
    """Ask about unknown outcomes, send, ask again; whether it stopped early."""
    service = stack.enter_context(open_service(where))
    stop = stack.enter_context(stopping(screen))
    ask_about_unknown(this, service, stop, options.grace, screen)
    halted = False
    planned = going()
    for each in planned:
        halted = halted or _send(each, this, service, stop, options, files, screen).try_again
    if planned:
        ask_about_unknown(this, service, stop, options.grace, screen)
    return halted


def _send(
    planned: Iterator[Planned],
    this: Run,
    service: Service,
    stop: threading.Event,
    options: Options,
    files: Attachments,
    screen: Screen,
) -> SendResult:
    from pipeline.sender.send import SendResult, send  # noqa: PLC0415 - start-up time

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


def _put(planned: Planning, this: Run, files: Attachments, screen: Screen) -> int:
    """Put what may be sent into the outbox, with its files; returns how many documents."""
    from pipeline.sender.send import with_files  # noqa: PLC0415 - start-up time

    count = 0
    for place, some in enumerate(planned):
        whole = (each for one in some for each in with_files(this, files, [one]))
        count += outbox.put(this, whole, late=place > 0)
    if planned:
        screen.say(translate("{count} invoices wait in the outbox for `send`.", count=shown_number(count)))
    return count


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


def _note(this: Run, tally: Tally) -> None:
    """Keep what the reading found that concerns no single invoice."""
    intake = tally.intake
    for (source, reason), rows in sorted(intake.aside.items()):
        this.set_aside(source, reason, len(rows), [[row, row] for row in rows[:20]])
    this.note(intake.findings)


def _described(layout: Layout) -> dict[str, Any]:
    """How a table was understood, for the report."""
    table = layout.table
    return {
        "file": table.file,
        "path": str(table.own_file.resolve()),  # the report's links need it
        "sheet": table.sheet,
        "header_row": layout.header_row,
        "facts": table.facts,
        "columns": [
            {"column": layout.heading(at).cell, "header": layout.headers[at], "field": ", ".join(paths)}
            for at, paths in layout.read.items()
        ],
        "ignored": [
            {
                "column": layout.heading(at).cell,
                "header": layout.headers[at],
                "nearest": list(names),
            }
            for at, names in layout.ignored.items()
        ],
    }


def _facts(options: Options, where: Account, decision: Decision) -> dict[str, Any]:
    """What the report tells of the run itself."""
    said = {"profile_fits": decision.reason, "meaning": " ".join(meaning_of(decision.profile))}
    return {name: text for name, text in said.items() if text} | {
        "version": __version__,
        "target": options.target,
        "country": options.country,
        "base_url": where.base_url or "the built-in sandbox, on this machine only",
        "profile": decision.name,
        "declared": decision.profile.model_dump(exclude_defaults=True),
        "batch_size": options.batch_size,
        "workers": options.workers,
    }
