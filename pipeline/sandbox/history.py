"""The checks that need what was accepted before: used numbers, debt collection, credit notes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipeline.sandbox import sums
from pipeline.sandbox.checks import is_credit

if TYPE_CHECKING:
    import sqlite3

    from pipeline.sandbox.state import SandboxState

KINDS = {"1": "reminder", "2": "collection"}
"""What a job is to the sandbox by its jobtype; every other one is an invoice."""


def already_exists(billnum: str) -> str:
    """The refusal of a used bill number under `checkbillnum` (invoice page: "make sure it is unique")."""
    return f"billnum {billnum} already exists"


def check(job: dict[str, Any], records: SandboxState, cid: str) -> list[str]:
    """Every reason to refuse a job, itself good, after what the customer `cid` has sent before."""
    return [*_used_number(job, records, cid), *_collected(job, records, cid), *_credited(job, records, cid)]


def _used_number(job: dict[str, Any], records: SandboxState, cid: str) -> Iterator[str]:
    # A reminder or a debt collection carries its invoice's number, so each kind has a series of its own;
    # which jobs the real service compares is not published.
    billnum = job.get("billnum")
    kind = KINDS.get(job["jobtype"], "invoice")
    if job.get("checkbillnum") == "1" and billnum and records.find(cid, (kind,), billnum=billnum):
        yield already_exists(billnum)


def _collected(job: dict[str, Any], records: SandboxState, cid: str) -> Iterator[str]:
    if job["jobtype"] != "2":
        return
    if records.find(cid, ("collection",), billnum=job["billnum"]):
        yield f"the debt collection of billnum {job['billnum']} was sent before"
    if records.find(cid, ("invoice", "reminder"), billnum=job["billnum"]):
        yield f"billnum {job['billnum']} was sent as invoice or reminder; its collection needs no new job"


def original_of(job: dict[str, Any], records: SandboxState, cid: str) -> sqlite3.Row | None:
    """The invoice that a credit note credits, if this customer has sent it."""
    if not is_credit(job):
        return None
    jobid = int(job["refundtojobid"]) if "refundtojobid" in job else None
    return records.find(cid, ("invoice",), jobid=jobid, billnum=job.get("refundtobillnum"))


def _credited(job: dict[str, Any], records: SandboxState, cid: str) -> Iterator[str]:
    """The original exists, has every product of the credit note, and is not credited above its total."""
    if not is_credit(job):
        return
    original = original_of(job, records, cid)
    if original is None:
        yield "the invoice to credit does not exist"
        return
    sold = {_product(row) for row in records.dataset(original["jobid"])["payrow"]}
    for index, row in enumerate(job["payrow"]):
        if _product(row) not in sold:
            yield f"payrow[{index}]: {row['desc']!r} is not on the invoice to credit"
    credit = -sums.job_sums(job).total
    room = Decimal(original["total"]) - records.credited(original["jobid"])
    if credit > room:
        yield f"the credit of {credit} is above what is left to credit, {room}"


def _product(row: dict[str, str]) -> str:
    return " ".join(row["desc"].split()).casefold()
