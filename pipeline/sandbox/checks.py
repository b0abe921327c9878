"""The sandbox's own checks of one job: its tags and values, what its type needs, its features.

Written from the API's documentation (the invoice and credit note pages, the feature pages), and on
purpose not from our validator or its schemas: two readings of the same rules find each other's errors.
What needs earlier jobs is in `history`, money in `sums`, files in `attachments`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from stdnum.fi import ytunnus
from stdnum.no import orgnr as norwegian
from stdnum.se import orgnr as swedish

from pipeline.resources import data_text
from pipeline.sandbox import attachments, sums

Job = dict[str, Any]

INVOICE_TYPES = ("0", "300", "301")

_TAGS = tomllib.loads(data_text("sandbox/tags.toml"))
_DATASET = {"tags": _TAGS["dataset"], "groups": _TAGS["groups"]}
_ALLOWED = {kind: frozenset(values) for kind, values in _TAGS["values"].items()}

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,20})?")
_INTEGER = re.compile(r"0*[1-9][0-9]{0,17}")
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")


def check(job: object) -> list[str]:
    """Every reason to refuse a job that the job itself shows; an empty list is a good job.

    The layers build on each other: a later one only looks when the earlier ones found nothing.
    """
    if not isinstance(job, dict):
        return ["a dataset must be an object"]
    for layer in (_shape, _needs, _features):
        if found := list(layer(job)):
            return found
    return []


def is_date(text: str) -> bool:
    """Whether the text is a real date in the form `YYYY-MM-DD` (invoice page, `billdate`)."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_number(value: object) -> bool:
    """Whether a JSON value is a number of money's size (`true` is none, though Python calls it an int)."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and -(10**15) < value < 10**15


_FORMS: dict[str, Callable[[str], object]] = {
    "date": is_date,
    "decimal": _DECIMAL.fullmatch,
    "percent": lambda text: _DECIMAL.fullmatch(text) and 0 <= Decimal(text) <= 100,
    "integer": _INTEGER.fullmatch,
    "email": _EMAIL.fullmatch,
    "short": lambda text: len(text) <= 10,
}


def _shape(job: Job) -> Iterator[str]:
    yield from _object(job, _DATASET, "")


def _object(thing: object, group: Job, path: str) -> Iterator[str]:
    if not isinstance(thing, dict):
        yield f"{path.rstrip('.')} must be an object"
        return
    for tag in group.get("required", ()):
        if thing.get(tag) in (None, "", []):
            yield f"{path}{tag} is missing"
    for tag, value in thing.items():
        if tag in group["tags"]:
            yield from _value(value, group["tags"][tag], path + tag)
        elif tag in group.get("groups", {}):
            yield from _group(value, group["groups"][tag], path + tag)
        else:
            yield f"{path}{tag} is not a known tag"


def _group(value: object, group: Job, path: str) -> Iterator[str]:
    if group["holds"] == "object" or (group["holds"] == "either" and isinstance(value, dict)):
        yield from _object(value, group, f"{path}.")
    elif not isinstance(value, list) or not value:
        yield f"{path} must be a list with something in it"
    else:
        for index, each in enumerate(value):
            yield from _object(each, group, f"{path}[{index}].")


def _value(value: object, kind: str, path: str) -> Iterator[str]:
    if kind == "number" or (kind == "any" and is_number(value)):
        if not is_number(value):
            yield f"{path} must be a JSON number"
    elif not isinstance(value, str):
        yield f"{path} must be a JSON string"
    elif _CONTROL.search(value):
        yield f"{path} holds a control character"
    elif not _fits(value, kind):
        # Texts have no form to miss, so that names and identity codes are never repeated in an error.
        yield f"{path}: {value[:40]!r} is not {_TAGS['kinds'][kind]}"


def _fits(value: str, kind: str) -> bool:
    if kind in _ALLOWED:
        return value in _ALLOWED[kind]
    return kind not in _FORMS or bool(_FORMS[kind](value))


def _needs(job: Job) -> Iterator[str]:
    """What the job's type needs (API digest, "Job types" and "Smallest invoice")."""
    if "jobtype" not in job:
        yield "jobtype is missing"
        return
    jobtype = job["jobtype"]
    needed = list(_TAGS["needs"][jobtype])
    if "customertype" in needed and "customertype" in job:
        needed.append("person" if job["customertype"] == "2" else "company")
    for tag in needed:
        value = job.get(tag)
        if not value or (isinstance(value, str) and not value.strip()):
            yield f"{tag} is missing; jobtype {jobtype} needs it"
    if jobtype == "1" and "payrow" in job:
        yield "payrow must not be there; jobtype 1 tells the open sum in amount"
    if jobtype in INVOICE_TYPES and "amount" in job:
        yield f"amount must not be there; jobtype {jobtype} has its sum from its rows"
    if jobtype not in INVOICE_TYPES and Decimal(job.get("amount", "1")) <= 0:
        yield "amount must be above 0"
    if job.get("sendtype") == "b2c" and jobtype != "1":
        yield "sendtype b2c is for reminders only"


def _features(job: Job) -> Iterator[str]:
    for rule in _RULES:
        yield from rule(job)


def _dates(job: Job) -> Iterator[str]:
    if job.get("billdate", "") > job.get("paydate", "9999"):
        yield "paydate is before billdate"


def _refund(job: Job) -> Iterator[str]:
    """A credit note names one original and has negative amounts (credit note page)."""
    if not is_credit(job):
        return
    if "refundtojobid" in job and "refundtobillnum" in job:
        yield "refundtojobid and refundtobillnum must not both be there"
    if job["jobtype"] not in INVOICE_TYPES:
        yield f"jobtype {job['jobtype']} cannot be a credit note"
    for index, row in enumerate(job.get("payrow", ())):
        if Decimal(row["count"]) < 0:
            yield f"payrow[{index}].count must not be negative on a credit note"
        for tag in ("amount", "netamount", "vatamount", "totalamount"):
            if Decimal(row.get(tag, "0")) > 0:
                yield f"payrow[{index}].{tag} must be negative on a credit note"


def is_credit(job: Job) -> bool:
    """Whether the job says which job it credits."""
    return "refundtojobid" in job or "refundtobillnum" in job


def _payment_plan(job: Job) -> Iterator[str]:
    calculated = [tag for tag in ("payplaninterval", "payplanamount", "payplancount") if tag in job]
    own = "payplan" in job
    if (calculated or own) and job.get("customertype") != "1":
        yield "a payment plan is for companies only"
    if calculated and own:
        yield f"payplan must not be there together with {' and '.join(calculated)}"
    elif calculated and ("payplaninterval" not in calculated or len(calculated) != 2):
        yield "payplaninterval needs exactly one of payplanamount and payplancount"
    if own:
        instalments = sums.add_up(Decimal(each["amount"]) for each in job["payplan"]["instalment"])
        total = sums.job_sums(job).total
        if instalments != total:
            yield f"the instalments add up to {instalments}, the invoice to {total}"


def _financing(job: Job) -> Iterator[str]:
    financed = job.get("finance", "0") != "0"
    company = job.get("customertype") == "1"
    if financed and not company:
        yield "finance is for companies only"
    if financed and not is_business_id(job.get("govid", "")):
        yield "finance needs a valid business id in govid"
    if job.get("fixedfee") == "1" and not company:
        yield "fixedfee is for companies only"
    if job.get("fixedfee") == "1" and financed:
        yield "fixedfee and finance must not both be there"


def is_business_id(text: str) -> bool:
    """Whether the text is a Finnish, Swedish or Norwegian business id with the right check digit."""
    return ytunnus.is_valid(text) or swedish.is_valid(text) or norwegian.is_valid(text)


def _construction_site(job: Job) -> Iterator[str]:
    if ("TA0001" in job) != ("TA0002" in job):
        yield "TA0001 and TA0002 must be sent together"


def _cash_discount(job: Job) -> Iterator[str]:
    """The amount is the percent of the net total; "2 % of a 1415.00 net row is 28.30" (its page)."""
    for index, row in enumerate(job.get("cashdiscountrow", ())):
        expected = sums.share(sums.job_sums(job).net, row["discountpercent"])
        if Decimal(row["discountamount"]) != expected:
            yield (
                f"cashdiscountrow[{index}].discountamount is {row['discountamount']}, "
                f"but {row['discountpercent']} % of the invoice is {expected}"
            )


def _accounting(job: Job) -> Iterator[str]:
    rows = job.get("accountrow", ())
    debit = sums.add_up(Decimal(row.get("debit", 0)) for row in rows)
    credit = sums.add_up(Decimal(row.get("credit", 0)) for row in rows)
    if debit != credit:
        yield f"accountrow: the debits are {debit}, the credits {credit}"
    if is_credit(job) and any(row.get(tag, 0) > 0 for row in rows for tag in ("netamount", "vatamount")):
        yield "accountrow: netamount and vatamount must be negative on a credit note"


_RULES = (
    _dates,
    sums.check_rows,
    _refund,
    _payment_plan,
    _financing,
    _construction_site,
    _cash_discount,
    _accounting,
    attachments.check,
)
