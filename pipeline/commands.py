"""What a person does between runs: look at a file, ask the service again, decide, look back, forget."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import select

from pipeline import __version__
from pipeline.columns.layouts import check_layouts, tables_of
from pipeline.credit_note import write_credit_note
from pipeline.documents import read_layouts
from pipeline.findings import refuse
from pipeline.flow import run as send_file
from pipeline.language import shown_date, shown_number, translate
from pipeline.ledger import open_ledger, tables
from pipeline.ledger.history import history as history_of
from pipeline.ledger.history import purge as purge_contents
from pipeline.ledger.life import Stage, life_of
from pipeline.options import Options
from pipeline.profile import show
from pipeline.profile.builtin import NONE
from pipeline.profile.decide import profile_for
from pipeline.profile.starting import write_profile
from pipeline.readers.inputs import expanded
from pipeline.report import write_report
from pipeline.report.words import life_text, stage_label
from pipeline.screens.terminal import Screen
from pipeline.sender.reconcile import resolve as decide
from pipeline.sender.session import (
    ask_about_unknown,
    exit_code,
    honest_exit,
    make_folder,
    open_service,
    show_report,
    stopping,
)
from pipeline.settings import Account, account, notify_urls
from pipeline.subject import INVOICES
from pipeline.targets import Country, Target


def reconcile(
    target: Target, country: Country, url: str, out: Path, grace: float, *, patient: bool, screen: Screen
) -> int:
    """Ask the service about every unknown outcome; returns the exit code.

    Raises:
        Refusal: the configuration is wrong, or another run is at work.
    """
    where = account(target, country)
    make_folder(out)
    with ExitStack() as stack:
        ledger = stack.enter_context(open_ledger(url))
        stack.enter_context(ledger.lock(where.environment, where.cid))
        this = ledger.begin_run("reconcile", where.environment, where.cid, _facts(where))
        stack.enter_context(honest_exit(this))
        with open_service(where) as service, stopping(screen) as stop:
            result = ask_about_unknown(this, service, stop, grace, screen, patient=patient)
        if result is None:
            screen.say(translate("No outcome is unknown."))
            this.finish(0)
            return 0
        screen.say(
            translate(
                "Unknown outcomes: {accepted} were accepted, {again} may be sent again by the next run, "
                "{unknown} stay unknown.",
                accepted=shown_number(result.accepted),
                again=shown_number(result.may_go_again),
                unknown=shown_number(result.unknown),
            )
        )
        if result.waiting:
            screen.say(
                translate(
                    "{count} of them can be settled after {seconds} seconds: ask again then.",
                    count=shown_number(result.waiting),
                    seconds=f"{grace:g}",
                )
            )
        code = 3 if result.unknown else exit_code(this, halted=result.halted is not None)
        this.finish(code)
        show_report(this, out, screen)
    return code


def resolve(
    target: Target,
    country: Country,
    url: str,
    billnum: str,
    *,
    accepted: bool,
    who: str,
    why: str,
    kind: str | None,
    content: int | None,
    screen: Screen,
) -> None:
    """Record a person's decision about an unknown outcome.

    Raises:
        Refusal: nothing of that number is unknown, it is not said which of several, or another run is at
            work.
    """
    where = account(target, country, needs_apicode=False)
    decision: dict[str, Any] = {
        "accepted": accepted,
        "who": who,
        "why": why,
        "kind": kind,
        "content": content,
    }
    with open_ledger(url) as ledger:
        decide(ledger, where.environment, where.cid, billnum, **decision)
    if accepted:
        screen.say(translate("{billnum}: recorded as accepted, decided by {who}.", billnum=billnum, who=who))
    else:
        screen.say(
            translate(
                "{billnum}: recorded as not accepted, so the next run may send it, decided by {who}.",
                billnum=billnum,
                who=who,
            )
        )


def credit(
    options: Options, billnum: str, *, percent: str, number: str | None, send: bool, screen: Screen
) -> int:
    """Make a credit note from what the ledger has sent, and send it like any other file if asked to.

    Raises:
        Refusal: the ledger has no such invoice, or the configuration is wrong.
    """
    share = _percent(percent)
    where = account(options.target, options.country, needs_apicode=send)
    make_folder(options.out)
    with open_ledger(options.ledger) as ledger:
        path = write_credit_note(
            *(ledger, where.environment, where.cid, billnum),
            percent=share,
            number=number,
            folder=options.out,
        )
    screen.say(
        translate(
            "Credit note of {percent} % of {billnum}: {path}",
            percent=f"{share:f}",
            billnum=billnum,
            path=path,
        )
    )
    if not send:
        screen.say(translate("Look at it, then run it like any other file, or give --send."))
        return 0
    return send_file(replace(options, inputs=(path,), profile=NONE), screen)


def _percent(text: str) -> Decimal:
    try:
        share = Decimal(text.removesuffix("%").strip().replace(",", "."))
    except InvalidOperation:
        share = Decimal(0)
    if not share.is_finite() or not 0 < share <= 100:
        raise refuse("credit-percent", value=text)
    return share


def history(url: str, billnum: str, screen: Screen) -> int:
    """Show everything that ever happened to a bill number.

    Returns:
        0; 1 if the ledger does not know it, or the service refused it after it had accepted it.
    """
    with open_ledger(url) as ledger:
        found = history_of(ledger, billnum)
    if not found:
        screen.say(translate("The ledger has nothing under {billnum}.", billnum=billnum))
        return 1
    refused = False
    for each in found:
        job = f", job {each['jobid']}" if each["jobid"] else ""
        who = f"{each['kind']} {each['billnum'] or each['identity']} in {each['environment']}"
        life = life_of((told["at"], told["stage"], told["words"]) for told in each["updates"])
        later = f", {life_text(life)}" if life else ""
        screen.say(f"{who} for {each['cid']}: {each['state']}, total {each['total']}{job}{later}")
        for event in each["events"]:
            screen.say(
                f"  {event['at']}  {event['from_state'] or 'new'} → {event['to_state']}  {_why(event)}"
            )
        for run in each["runs"]:
            told = f"{run['command']} {run['run_id']}: {run['outcome']}, total {run['total']}"
            screen.say(f"  {run['started']}  {told}")
        for update in each["updates"]:
            heard = translate("heard {at}", at=update["answered"])
            screen.say(f"  {update['at']}  {stage_label(update['stage'])}: “{update['words']}”, {heard}")
        refused = refused or (life is not None and life.stage is Stage.REFUSED)
    return int(refused)


def take_exports(root: Path, url: str, *, once: bool, metrics: Path | None, log: Path | None) -> int:
    """Take exports out of an inbox; returns the exit code.

    Raises:
        Refusal: nothing can be taken.
    """
    from pipeline.nightly.inbox import Places, inbox  # noqa: PLC0415 - start-up time

    return inbox(root.resolve(), Places(url, notify_urls(), metrics, log), once=once)


def examine(root: Path, url: str, *, metrics: Path | None, log: Path | None) -> int:
    """Show what a night needs and whether it has it; returns 0, or 2 if something is wrong."""
    from pipeline.nightly.doctor import doctor  # noqa: PLC0415 - start-up time
    from pipeline.nightly.inbox import Places  # noqa: PLC0415 - start-up time

    return doctor(root.resolve(), Places(url, None, metrics, log), typer.echo)


def purge(url: str, before: dt.date, screen: Screen) -> None:
    """Forget the contents of what ended before a day; hashes, numbers, sums and events stay."""
    with open_ledger(url) as ledger:
        purged = purge_contents(ledger, before.isoformat())
    screen.say(
        translate(
            "The contents of {count} documents from before {day} are gone; the proof of them stays.",
            count=shown_number(purged),
            day=shown_date(before.isoformat()),
        )
    )


def report(url: str, run_id: str | None, out: Path, screen: Screen) -> None:
    """Write a run's report again from the ledger; the last run's unless another is named.

    Raises:
        Refusal: the ledger has no such run.
    """
    make_folder(out)
    with open_ledger(url) as ledger:
        with ledger.engine.connect() as connection:
            run = tables.run.c
            which = select(run.id).order_by(run.started.desc()).limit(1)
            found = connection.scalar(which if run_id is None else which.where(run.id == run_id))
        if found is None:
            raise refuse("run-unknown", run=run_id or "at all")
        paths = write_report(ledger.engine, found, out)
    screen.outcome_table(paths.totals)
    screen.say(paths.verdict)
    screen.say(translate("Report of {run}: {path}", run=found, path=paths.html))


def _why(event: dict[str, Any]) -> str:
    parts = (
        event["detail"],
        event["data_identifier"],
        event["status"] and f"HTTP {event['status']}",
        event["meaning"],
    )
    return "; ".join(str(part) for part in parts if part)


def _facts(where: Account) -> dict[str, Any]:
    return {
        "version": __version__,
        "base_url": where.base_url or "the built-in sandbox, on this machine only",
    }


def show_columns(inputs: Sequence[Path], given: str | None, screen: Screen, save: Path | None = None) -> None:
    """Show how each table of the inputs is understood, column by column; `save` a starting profile of it.

    Raises:
        Refusal: a file cannot be read or understood; or, when all is shown, it could not be sent like this.
    """
    with expanded(inputs) as (files, findings):
        decision = profile_for(given, files, INVOICES)
        if decision.reason:
            screen.say(show.proposal(decision))
        profile = decision.profile
        layouts = read_layouts(files, profile, INVOICES, opened=decision.opened, checked=False)
        screen.finding_lines(findings)
        screen.understood(tables_of(layouts))
        for layout in tables_of(layouts):
            below = layout.table.head[layout.header_row :]
            for at, header in layout.users_headers.items():
                sample = next((row[at] for row in below if at < len(row) and row[at].strip()), "")
                cell, made = layout.heading(at).cell, layout.read.get(at)
                field = translate("ignored") if made is None else ", ".join(made) or translate("a condition")
                shown = translate("  (first value: {value})", value=sample[:40]) if sample else ""
                screen.say(f"{cell}  {header} → {field}{shown}")
        if save:
            write_profile(save, tables_of(layouts))
            screen.say(translate("Profile: {path}", path=save))
        check_layouts(layouts)
