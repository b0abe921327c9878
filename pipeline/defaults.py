"""What a profile gives where the file has nothing: constants, defaults, and dates counted from others."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from dataclasses import dataclass

from pipeline.findings import refuse
from pipeline.profile import Profile
from pipeline.schema import fields as schema_fields
from pipeline.values import Unreadable, convert_text

TODAY = "today"
_DATE_RULE = re.compile(r"(today|[a-z]+date)(?:\s*([+-])\s*([0-9]{1,4})\s*days?)?")


@dataclass(frozen=True, slots=True)
class DateRule:
    """A date so many days after another field's date, or after today."""

    base: str
    days: int


@dataclass(frozen=True, slots=True)
class Given:
    """A profile's constants and defaults as the API's text, and its date rules, by field."""

    constants: dict[str, str]
    defaults: dict[str, str]
    dates: dict[str, DateRule]


def given(profile: Profile) -> Given:
    """The profile's constants and defaults, converted like cells are.

    Raises:
        Refusal: a value is no value of its field.
    """
    constants, defaults, dates = {}, {"jobtype": "0"}, {}
    for field, text in profile.constants.items():
        if rule := _date_rule(field, text):
            dates[field] = rule
        else:
            constants[field] = _converted(field, text, profile)
    for field, text in profile.defaults.items():
        if rule := _date_rule(field, text):
            dates[field] = rule
        else:
            defaults[field] = _converted(field, text, profile)
    return Given(constants, defaults, dates)


def fill(flat: dict[str, str], rules: Given, today: dt.date) -> frozenset[str]:
    """Give one document's blank fields their defaults; returns those whose value comes from the clock."""
    for field, value in rules.defaults.items():
        if field not in flat and not field.startswith("payrow."):
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


def _date_rule(field: str, text: str) -> DateRule | None:
    match = _DATE_RULE.fullmatch(text.strip())
    spec = schema_fields().get(field)
    if not match or spec is None or spec.kind != "date":
        return None
    days = int(match[3] or 0)
    return DateRule(match[1], -days if match[2] == "-" else days)


def _converted(field: str, text: str, profile: Profile) -> str:
    try:
        return convert_text(text, field, profile.conventions)
    except Unreadable as problem:
        raise refuse("profile-value", field=field, value=text, reason=problem.code) from problem
