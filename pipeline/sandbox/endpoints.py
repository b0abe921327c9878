"""What the sandbox's endpoints do, once the caller is known and the body is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from pipeline.sandbox import checks, history, sums

if TYPE_CHECKING:
    import sqlite3

    from pipeline.sandbox.faults import Fault
    from pipeline.sandbox.state import SandboxState


@dataclass(frozen=True, slots=True)
class Options:
    """How the sandbox answers where the API's documentation leaves it open; see `app.create_app`."""

    bare: bool
    changed_references: bool
    lag: float


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a known customer; `body` is the JSON of a POST, fractions as Decimal."""

    cid: str
    body: Any
    query: Mapping[str, str]
    data_identifier: str | None
    records: SandboxState
    fault: Fault | None
    now: float
    options: Options


# --- POST /rest/jobs


def send_jobs(call: Call) -> Response:
    """Take the good jobs of a batch and refuse the others, each with the reasons; 201 (`JobResponse`)."""
    jobs = _jobs(call.body)
    accepted: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    with call.records.transaction():
        for index, job in enumerate(jobs):
            if reasons := _reasons(call, jobs, index):
                errors.append({"error": "; ".join(reasons), "index": index} | _name(job))
            else:
                accepted.append(_accept(call, job))
                if call.fault and call.fault.kind == "refuse-later" and index in call.fault.chosen(jobs):
                    call.records.add_change(call.cid, accepted[-1]["jobid"], "refused", call.now)
        if errors and call.fault and call.fault.kind == "whole":
            named = (
                f" (billnum {errors[0].get('billnum')}, index {errors[0]['index']})"
                if call.fault.named
                else ""
            )
            raise HTTPException(400, f"The batch is refused: {errors[0]['error']}{named}")  # and rolled back
    return JSONResponse(_job_response(call, accepted, errors), 201)


def _jobs(body: Any) -> list[Any]:
    match body:
        case {"datastream": {"dataset": [_, *_] as jobs}}:
            return list(jobs)
    raise HTTPException(400, 'The body must be {"datastream": {"dataset": [ … ]}} with at least one dataset.')


def _reasons(call: Call, jobs: list[Any], index: int) -> list[str]:
    job = jobs[index]
    if call.fault and call.fault.kind != "refuse-later" and index in call.fault.chosen(jobs):
        return [_pretended(call.fault, job)]
    return checks.check(job) or history.check(job, call.records, call.cid)


def _pretended(fault: Fault, job: Any) -> str:
    if fault.kind == "duplicate":
        return history.already_exists(_name(job).get("billnum", ""))
    return "the sandbox was asked to refuse this job"


def _name(job: Any) -> dict[str, str]:
    billnum = job.get("billnum") if isinstance(job, dict) else None
    return {"billnum": billnum} if isinstance(billnum, str) else {}


def _accept(call: Call, job: dict[str, Any]) -> dict[str, Any]:
    records = call.records
    jobid = records.next_jobid()
    billcode = _reference(jobid) if call.options.changed_references else job.get("billcode")
    original = history.original_of(job, records, call.cid)
    records.add_job(
        jobid,
        call.cid,
        history.KINDS.get(job["jobtype"], "invoice"),
        job,
        billcode=billcode,
        sums=sums.job_sums(job),
        refund_to=original["jobid"] if original else None,
        data_identifier=call.data_identifier,
        now=call.now,
    )
    if original:
        records.add_change(call.cid, original["jobid"], "credited", call.now)
    return {"jobid": jobid, **_name(job), **({"billcode": billcode} if billcode else {})}


def _reference(jobid: int) -> str:
    """A Finnish reference number of the job id: its check digit has the weights 7, 3, 1 from the right."""
    weighted = sum(int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(reversed(str(jobid))))
    return f"{jobid}{-weighted % 10}"


def _job_response(call: Call, accepted: list[dict[str, Any]], errors: list[dict[str, Any]]) -> dict[str, Any]:
    if call.options.bare:
        return {"accepted": len(accepted), "errors": [{"error": each["error"]} for each in errors]}
    if call.fault and not call.fault.named:
        # Nothing may tell by its name, or by its absence, which jobs were refused.
        chosen = "the sandbox was asked to refuse this job"
        return {"accepted": len(accepted), "errors": [{"error": chosen} for _ in errors]}
    return {"accepted": len(accepted), "jobs": accepted, "errors": errors}


# --- looking up


def read_job(call: Call) -> Response:
    """The state of one job by `jobid`, the only key that the API takes here."""
    if set(call.query) != {"jobid"}:
        raise HTTPException(400, "jobid is needed, and nothing else is taken.")
    job = call.records.find(call.cid, jobid=_integer(call.query["jobid"], "jobid"))
    if job is None:
        raise HTTPException(404, "There is no such job.")
    dataset = call.records.dataset(job["jobid"])
    status = call.records.status(job["jobid"])["status"]
    asked = ("custnum", "company", "city", "country", "govid")
    answer = {"jobid": job["jobid"], "billnum": job["billnum"], "billcode": job["billcode"]}
    answer |= {tag: dataset.get(tag) for tag in asked}
    answer |= {"currentstatus": status, "currentstatustext": status, "currentpaydate": dataset.get("paydate")}
    return JSONResponse(answer | {"nextstatus": None, "nextstatusdate": None})


def find_by_end_customer(call: Call) -> Response:
    """The jobs of an end customer by `ssn` or `custnum`: the open ones, or with `all_invoices` 1 all."""
    body = call.body if isinstance(call.body, dict) else {}
    keys = [key for key in ("ssn", "custnum") if isinstance(body.get(key), str)]
    if len(keys) != 1 or str(body.get("all_invoices", 0)) not in {"0", "1"}:
        raise HTTPException(400, "One of ssn and custnum is needed, and all_invoices 0 or 1.")
    column = {"ssn": "govid", "custnum": "custnum"}[keys[0]]
    found = call.records.of_customer(call.cid, column, body[keys[0]])
    jobs = [_invoice(call, job) for job in found]
    if str(body.get("all_invoices", 0)) == "0":
        jobs = [job for job in jobs if Decimal(job["open_amount"]) > 0]
    return JSONResponse({"jobs": jobs})


def _invoice(call: Call, job: sqlite3.Row) -> dict[str, Any]:
    return {
        "invoice_number": job["billnum"],
        "original_invoice_date": call.records.dataset(job["jobid"]).get("billdate"),
        "status": call.records.status(job["jobid"])["status"],
        "open_amount": str(call.records.open_amount(job["jobid"])),
    }


def status_updates(call: Call) -> Response:
    """Status changes of a `date` or `billnum`, else those not yet read, which marks them read.

    At most 1,000 a call; 204 when there are none.
    """
    if not set(call.query) <= {"date", "billnum"} or len(call.query) > 1:
        raise HTTPException(400, "Either date or billnum is taken, or neither.")
    date, billnum = call.query.get("date"), call.query.get("billnum")
    if date is not None and not checks.is_date(date):
        raise HTTPException(400, "date must have the form YYYY-MM-DD.")
    until = call.now - call.options.lag
    with call.records.transaction():  # two that ask at once are not given the same
        changes = call.records.changes(call.cid, until=until, billnum=billnum, date=date)
        if date is None and billnum is None:
            call.records.mark_read([change["id"] for change in changes])
    return JSONResponse([_update(change) for change in changes]) if changes else Response(status_code=204)


def _update(change: sqlite3.Row) -> dict[str, Any]:
    day = datetime.fromtimestamp(change["at"], UTC).date().isoformat()
    kept = {key: change[key] for key in ("id", "jobid", "billnum", "billcode", "status")}
    return kept | {"statustext": change["status"], "date": day}


def pdf(call: Call) -> Response:
    """The archived document of a job: one page that says that it is the sandbox's."""
    keys = set(call.query)
    if len(keys) != 1 or not keys <= {"billnum", "jobid", "contractnum"}:
        raise HTTPException(400, "One of billnum, jobid and contractnum is needed.")
    jobid = _integer(call.query["jobid"], "jobid") if "jobid" in keys else None
    job = call.records.find(call.cid, jobid=jobid, billnum=call.query.get("billnum"))
    if job is None:  # the sandbox knows no contracts
        raise HTTPException(404, "There is no such document.")
    return Response(
        _page(f"Sandbox copy of job {job['jobid']}: nothing was sent"), media_type="application/pdf"
    )


def _page(text: str) -> bytes:
    """A PDF of one page with one line of ASCII text."""
    stream = f"BT /F1 14 Tf 60 780 Td ({text}) Tj ET"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Font << /F1 5 0 R >> >>",
    )
    document, offsets = "%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        offsets.append(len(document))
        document += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(document)}\n%%EOF\n"
    return f"{document}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")


# --- POST /rest/jobs/creditnote, POST /rest/jobs/payment

_KEYS = {"billcode": str, "jobid": int, "billnum": str}


def allocate_credit_note(call: Call) -> Response:
    """Put a credit note's sum against an existing invoice, not above what is left of it to credit."""
    body = _entry(call.body, "date", {"type", "creditnotebillnum", "description"})
    with call.records.transaction():
        job = _target(call, body)
        left = Decimal(job["total"]) - call.records.credited(job["jobid"])
        if body["amount"] > left:
            raise HTTPException(400, f"The amount {body['amount']} is above what is left to credit, {left}.")
        return _book(call, job, "allocation", "credited", body)


def register_payment(call: Call) -> Response:
    """Put a payment against an existing job."""
    body = _entry(call.body, "paydate", {"identifier", "type", "creditnotebillnum", "description"})
    with call.records.transaction():
        job = _target(call, body)
        return _book(call, job, "payment", "paid", body)


def _entry(body: Any, day: str, optional: set[str]) -> dict[str, Any]:
    """The body of an allocation or payment, checked: amount, date, at least one key to a job."""
    if not isinstance(body, dict):
        raise HTTPException(400, "The body must be an object.")
    forms = _KEYS | dict.fromkeys(optional, str)
    problems = [f"{tag} is not a known tag" for tag in body if tag not in {"amount", day, *forms}]
    if not checks.is_number(body.get("amount")) or body["amount"] <= 0:
        problems.append("amount must be a JSON number above 0")
    if not isinstance(body.get(day), str) or not checks.is_date(body[day]):
        problems.append(f"{day} must be a date in the form YYYY-MM-DD")
    problems += [
        f"{tag} must be a JSON {'string' if form is str else 'integer'}"
        for tag, form in forms.items()
        if tag in body and (type(body[tag]) is not form or (form is int and not 0 < body[tag] < 2**63))
    ]
    if not _KEYS.keys() & body.keys():
        problems.append("one of billcode, jobid and billnum is needed")
    if problems:
        raise HTTPException(400, "; ".join(problems))
    return body | {"amount": Decimal(body["amount"])}


def _target(call: Call, body: dict[str, Any]) -> sqlite3.Row:
    job = call.records.find(call.cid, **{key: body[key] for key in _KEYS if key in body})
    if job is None:
        raise HTTPException(404, "There is no such job.")
    return job


def _book(call: Call, job: sqlite3.Row, kind: str, status: str, body: dict[str, Any]) -> Response:
    call.records.add_entry(call.cid, kind, job["jobid"], body["amount"], body, call.now)
    settled = call.records.open_amount(job["jobid"]) <= 0
    call.records.add_change(call.cid, job["jobid"], status if settled else f"partly {status}", call.now)
    names = {key: job[key] for key in _KEYS}
    day = {key: body[key] for key in ("date", "paydate") if key in body}
    return JSONResponse({**names, **day, "amount": float(body["amount"])}, 201)


def _integer(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise HTTPException(400, f"{name} must be an integer.")
    return int(text)
