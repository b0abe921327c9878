"""The report's own words, from `data/report.toml` in the user's language, and its verdict."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

from pipeline.document import Outcome
from pipeline.language import language, shown_date, shown_money, shown_number, translate
from pipeline.ledger.life import Life, Stage
from pipeline.report.read import WITH_THE_SERVICE, RunFacts
from pipeline.report.totals import Totals
from pipeline.resources import data_text


def words() -> dict[str, Any]:
    """All of `data/report.toml`."""
    return _words(language())


@cache
def _words(_: str) -> dict[str, Any]:
    words: dict[str, Any] = _translated(tomllib.loads(data_text("report.toml")))
    return words


def _translated(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _translated(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_translated(value) for value in part]
    return translate(part) if isinstance(part, str) else part


def outcome_label(outcome: Outcome) -> str:
    """The outcome as an accountant reads it."""
    return _label(outcome, language())


@cache  # asked for with every invoice
def _label(outcome: Outcome, _: str) -> str:
    label: str = words()["outcomes"][outcome]["label"]
    return label


def verdict(run: RunFacts, totals: Totals) -> str:
    """The whole run in one or two sentences: did all go, and what did not."""
    before = words()["verdict"]["unfinished"] if run.finished is None else ""
    if not totals.agree:
        before += words()["verdict"]["control"]
    after = words()["verdict"]["sandbox"] if run.environment == "sandbox" and not run.only_checked else ""
    if run.command == "follow":
        return f"{before}{_news(totals)}"
    if refused := totals.lives[Stage.REFUSED]:
        after = words()["verdict"]["refused_later"].format(count=shown_number(refused)) + after
    return f"{before}{_sentence(run, totals)}{after}"


def life_text(life: Life | None) -> str:
    """`paid 2026-11-20 (open 2026-10-01; reminded 2026-11-03, 2026-11-17)`; nothing where there is none."""
    if life is None:
        return ""
    told = []
    for stage, days in life.days.items():
        if before := [shown_date(day) for day in days if (stage, day) != life[:2]]:
            told.append(f"{stage_label(stage)} {', '.join(before)}")
    last = f"{stage_label(life.stage)} {shown_date(life.since)}"
    return f"{last} ({'; '.join(told)})" if told else last


def stage_label(stage: Stage) -> str:
    """Where an invoice stands, as an accountant reads it."""
    label: str = words()["stages"][stage]
    return label


def _news(totals: Totals) -> str:
    said: str = words()["verdict"]["followed" if totals.whole.count else "followed_none"]
    stages = [f"{shown_number(totals.lives[each])} {stage_label(each)}" for each in totals.stages]
    return said.format(invoices=shown_number(totals.whole.count), stages=", ".join(stages) or "–")


def _sentence(run: RunFacts, totals: Totals) -> str:
    whole = totals.whole
    fine_outcomes = {*WITH_THE_SERVICE, *([Outcome.NOT_SENT] if run.leaves_unsent else [])}
    fine, again = totals.count(*fine_outcomes), totals.count(Outcome.ALREADY_ACCEPTED)
    if not whole.count:
        key = "nothing"
    elif fine < whole.count:
        key = "checked_some" if run.only_checked else "planned_some" if run.leaves_unsent else "some"
    elif run.only_checked:
        key = "checked"
    elif totals.count(Outcome.NOT_SENT):
        key = "planned"
    else:
        key = "nothing_new" if again == fine else "again" if again else "all"
    wrong = [
        translate("{count} {label}", count=shown_number(totals.count(outcome)), label=outcome_label(outcome))
        for outcome in Outcome
        if outcome not in fine_outcomes and totals.count(outcome)
    ]
    text: str = words()["verdict"][key]
    return text.format(
        invoices=shown_number(whole.count),
        fine=shown_number(fine),
        again=shown_number(again),
        waiting=shown_number(totals.count(Outcome.NOT_SENT)),
        total=shown_money(whole.total),
        wrong=", ".join(wrong),
    )
