"""The messages to people, and the text that is laid beside an export."""

from __future__ import annotations

from pipeline.findings import Finding
from pipeline.language import translate
from pipeline.nightly import folders
from pipeline.nightly.attempt import Attempt
from pipeline.nightly.config import Source, Tags
from pipeline.nightly.journal import Export, Fact
from pipeline.nightly.summary import cause_lines, described, outcome_lines
from pipeline.screens.terminal import clean

FAILED, WARNED, FINE, TOLD = "failure", "warning", "success", "info"
"""How Apprise shows a message."""


def attention_fact(export: Export, source: Source | None, result: Attempt, others: Tags) -> Fact:
    """An export was not done: some invoices need attention, or its run could not be made or finished.

    `others` are told of an export that belongs to no source.
    """
    personal = source is not None and source.personal
    report = f"{export.place}/{folders.REPORT}/report.html"
    has_report = result.screen.totals is not None
    return Fact(
        f"attention:{export.id}:{result.exit_code}",
        WARNED if result.exit_code == 1 else FAILED,
        translate("Ropo: {file} needs attention", file=export.shown),
        _text(export, result, personal=personal),
        report if has_report and source and source.send_report else None,
        source.tell if source else others,
    )


def settled_fact(export: Export, source: Source | None, result: Attempt, place: str | None) -> Fact:
    """An export of which people were told is done after all."""
    lines = [
        translate("It was run again: all of it is with the service now."),
        *outcome_lines(result.screen),
        translate("It lies in {place}.", place=place),
    ]
    title = translate("Ropo: {file} is done after all", file=export.shown)
    return Fact(f"settled:{export.id}", FINE, title, "\n".join(lines), tags=source.tell if source else ())


def duplicate_fact(export: Export, earlier: Export, source: Source) -> Fact:
    """An export holds what another one held that is done; told once for each content."""
    body = translate(
        "{file} holds the same as {place}, which is done: it was not run again. If a new export was meant, "
        "see that it is made.",
        file=export.shown,
        place=earlier.place if len(earlier.stamps) > 1 else f"{earlier.place}/{earlier.shown}",
    )
    title = translate("Ropo: {file} was done before", file=export.shown)
    return Fact(f"duplicate:{source.name}:{export.sha256}", TOLD, title, body, tags=source.tell)


def trouble_fact(found: Finding, about: str, day: str, tags: Tags) -> Fact:
    """No run can be made, for a reason that is not an export's; told once a day."""
    title = translate("Ropo: no run could be made of {about}", about=about)
    body = f"{found.message} {found.remedy} ({found.code})"
    return Fact(f"trouble:{about}:{found.code}:{day}", FAILED, title, body, tags=tags)


def why(export: Export, result: Attempt) -> str:
    """What lies beside an export in `attention/`; as there, texts may cite its cells."""
    return "\n".join(map(clean, _text(export, result, personal=True).splitlines()))


def _text(export: Export, result: Attempt, *, personal: bool) -> str:
    lines = [_meaning(result.exit_code), *outcome_lines(result.screen)]
    if result.refused:
        lines.append(described(result.refused, personal=personal))
    lines += cause_lines(result.screen, personal=personal)
    lines.append(translate("It lies in {place}.", place=export.place))
    if result.screen.run:
        lines.append(translate("Run: {run}", run=result.screen.run))
    return "\n".join(lines)


def _meaning(exit_code: int) -> str:
    if exit_code == 1:
        return translate(
            "Some invoices were not taken. Correct them in corrections.xlsx beside the report, or in the "
            "source, and put the corrected file into the inbox: what was accepted is not sent again."
        )
    if exit_code == 2:
        return translate("Nothing was sent of it. Put it into the inbox again when the cause is gone.")
    return translate("It could not be finished. Leave it where it lies: it is tried again by itself.")
