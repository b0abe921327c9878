"""What a profile gives where the file has nothing: constants, defaults, and dates counted from others."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from dataclasses import dataclass

from pipeline.findings import refuse
from pipeline.profile import Prices, Profile
from pipeline.subject import INVOICES, Subject, is_of_row
from pipeline.values.convert import Unreadable, convert_text

TODAY = "today"
NO_PRICES = Prices()
_DATE_RULE = re.compile(r"(today|[a-z]+date)(?:\s*([+-])\s*([0-9]{1,4})\s*days?)?")


@dataclass(frozen=True, slots=True)
class DateRule:
    """A date so many days after another field's date, or after today."""

    base: str
    days: int


@dataclass(frozen=True, slots=True)
class Given:
    """A profile's constants and defaults as the API's text, and its date rules, by field.

    `forced` are the fields whose date rule is a constant: what the file says does not count. `prices` is what
    prices, discounts and rates mean.
    """

    constants: dict[str, str]
    defaults: dict[str, str]
    dates: dict[str, DateRule]
    forced: frozenset[str] = frozenset()
    prices: Prices = NO_PRICES


def given(profile: Profile, subject: Subject = INVOICES) -> Given:
    """The profile's constants and defaults, converted like cells are.

    Raises:
        Refusal: a value is no value of its field.
    """
    constants, dates = {}, {}
    defaults = {} if subject.kind else {"jobtype": "0"}
    forced = set()
    for field, text in profile.constants.items():
        if rule := _date_rule(field, text, subject):
            dates[field] = rule
            forced.add(field)
        else:
            constants[field] = _converted(field, text, profile, subject)
    for field, text in profile.defaults.items():
        if rule := _date_rule(field, text, subject):
            dates[field] = rule
        else:
            defaults[field] = _converted(field, text, profile, subject)
    return Given(constants, defaults, dates, frozenset(forced), profile.prices)


def fill(flat: dict[str, str], rules: Given, today: dt.date) -> frozenset[str]:
    """Give one document's blank fields their defaults; returns those whose value comes from the clock."""
    for field in rules.forced:
        flat.pop(field, None)
    for field, value in rules.defaults.items():
        if field not in flat and not is_of_row(field):
            flat[field] = value
    clock: set[str] = set()
    waiting = {field: rule for field, rule in rules.dates.items() if field not in flat}
    while waiting:
        ready = [field for field, rule in waiting.items() if rule.base == TODAY or rule.base in flat]
        if not ready:
            break
        for field in ready:
            rule = waiting.pop(field)
            start = today if rule.base == TODAY else dt.date.fromisoformat(flat[rule.base])
            with suppress(OverflowError):  # beyond the calendar there is no date
                flat[field] = (start + dt.timedelta(days=rule.days)).isoformat()
            if rule.base == TODAY or rule.base in clock:
                clock.add(field)
    return frozenset(clock)


def _date_rule(field: str, text: str, subject: Subject) -> DateRule | None:
    match = _DATE_RULE.fullmatch(text.strip())
    spec = subject.fields.get(field)
    if not match or spec is None or spec.kind != "date":
        return None
    days = int(match[3] or 0)
    return DateRule(match[1], -days if match[2] == "-" else days)


def _converted(field: str, text: str, profile: Profile, subject: Subject) -> str:
    try:
        return convert_text(text, field, profile.conventions, subject)
    except Unreadable as problem:
        raise refuse("profile-value", field=field, value=text, reason=problem.code) from problem
