"""Tells people of profiles: which there are, and what one declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.language import translate
from pipeline.meaning.shown import explain as explain_meaning
from pipeline.prices.settle import explain as explain_prices
from pipeline.profile import builtin
from pipeline.profile.model import Profile

if TYPE_CHECKING:
    from pipeline.profile.decide import Decision


def meaning_of(profile: Profile) -> list[str]:
    """What a profile says of cells and prices, a sentence each."""
    return [*explain_meaning(profile), *explain_prices(profile.prices)]


def proposal(decision: Decision) -> str:
    """Which profile was found, and why."""
    return translate(
        "The profile {name} fits best: {reason}. Give --profile {name} or --profile none to say it outright.",
        name=decision.name,
        reason=decision.reason,
    )


def listed() -> Iterator[str]:
    """The profiles that come with the program, some lines each."""
    known = builtin.profiles(builtin.FOLDER)
    for name, profile in known.items():
        yield from _about(name, profile)
    if not known:
        yield translate("No profile is built in yet.")


def shown(name: str, profile: Profile) -> Iterator[str]:
    """What a profile declares: what it is for, its columns, and what it says of cells and prices."""
    yield from _about(name, profile)
    for where, column, field in columns_of(profile):
        named = f"{where}, {column}" if where else column
        yield translate("  {column} → {field}", column=named, field=field or translate("ignored"))
    yield from given_of(profile)
    yield from (f"  {sentence}" for sentence in meaning_of(profile))


def columns_of(profile: Profile) -> Iterator[tuple[str, str, str]]:
    """Every column that is declared, with its field, and its table: a sheet or file, or a record's mark."""
    yield from (("", column, field) for column, field in profile.columns.items())
    for part in profile.tables:
        where = part.sheet or part.file or part.part
        yield from ((where, column, field) for column, field in part.columns.items())
    for record in profile.records:
        yield from ((record.mark, column, field) for column, field in record.columns.items())


def given_of(profile: Profile) -> Iterator[str]:
    """What a profile gives to invoices whose file says nothing."""
    for field, value in profile.constants.items():
        yield translate("  {field} is always “{value}”", field=field, value=value)
    for field, value in profile.defaults.items():
        yield translate("  {field} is “{value}” where the file has nothing", field=field, value=value)


def _about(name: str, profile: Profile) -> Iterator[str]:
    about = profile.profile
    yield f"{name}: {translate(about.title)}" if about.title else name
    if about.source:
        verified = (
            translate("checked against the vendor's own description")
            if about.verified
            else translate("not checked against the vendor's own description")
        )
        yield translate("  Layout: {source} ({verified})", source=about.source, verified=verified)
    for limit in about.limits:
        yield translate("  Limit: {limit}", limit=translate(limit))
