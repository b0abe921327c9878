"""The sandbox's endpoints answer as the API's documentation has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from starlette.status import HTTP_413_CONTENT_TOO_LARGE

from pipeline.sandbox import app

if TYPE_CHECKING:
    from sandbox_client import Client, Job, MakeInvoice, StartSandbox

EXAMPLE = {  # the minimum invoice of the invoice page
    "jobtype": "0",
    "person": "Teppo Testaaja",
    "address": "Sammonkatu 23-25 A 7",
    "postcode": "70100",
    "city": "KUOPIO",
    "customertype": "2",
    "billdate": "2017-03-03",
    "paydate": "2017-03-17",
    "payrow": [{"desc": "Hieronta", "count": "1", "itemtype": "h", "amount": "35.00", "taxpr": "24.00"}],
}


def token(url: str, body: object) -> requests.Response:
    """The answer to a token request."""
    return requests.post(f"{url}/rest/token", json=body, timeout=10)


def problem(status: int, title: str, detail: str) -> dict[str, Any]:
    """The JSON of a problem."""
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


def test_any_credentials_get_a_token(client: Client) -> None:
    """Without configured credentials any cid and apicode that are not empty get a token with 201."""
    answer = token(client.url, {"cid": "7", "apicode": "x"})
    assert (answer.status_code, list(answer.json())) == (201, ["token"])


@pytest.mark.parametrize(
    "body", [{}, [], {"cid": "7"}, {"cid": "", "apicode": "x"}, {"cid": 7, "apicode": "x"}]
)
def test_missing_credentials_get_none(client: Client, body: object) -> None:
    """A token request without both of cid and apicode is refused in the form of the token endpoint."""
    answer = token(client.url, body)
    assert answer.status_code == 400
    assert answer.json() == {"errorId": 1, "errorText": "cid and apicode are needed"}


def test_configured_credentials_are_checked(sandbox: StartSandbox) -> None:
    """With configured credentials only those get a token."""
    url = sandbox(credentials={"1001": "secret"}).url
    assert token(url, {"cid": "1001", "apicode": "secret"}).status_code == 201
    for wrong in ({"cid": "1001", "apicode": "Secret"}, {"cid": "1002", "apicode": "secret"}):
        assert token(url, wrong).json() == {"errorId": 2, "errorText": "cid or apicode is wrong"}


@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "Basic YTpi", "Bearer "])
def test_without_a_token_nothing_is_done(client: Client, authorization: str | None) -> None:
    """Every other call without a valid bearer token is a problem 401."""
    headers = {"Authorization": authorization} if authorization else {}
    for method, path in (
        ("POST", "jobs"),
        ("GET", "jobs"),
        ("GET", "jobs/statusupdates"),
        ("POST", "jobs/payment"),
    ):
        answer = requests.request(method, f"{client.url}/rest/{path}", headers=headers, json={}, timeout=10)
        assert answer.json() == problem(401, "Unauthorized", "A valid bearer token is needed.")
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_token_expires(sandbox: StartSandbox) -> None:
    """A token is good for its life, then a call with it is a 401, and a new token helps."""
    now = [1_790_000_000.0]
    client = sandbox(clock=lambda: now[0], token_life=7200)
    now[0] += 7199
    assert client.get("/statusupdates").status_code == 204
    now[0] += 1
    assert client.get("/statusupdates").status_code == 401
    client.renew("1001")
    assert client.get("/statusupdates").status_code == 204


def test_the_documents_example_is_accepted(client: Client) -> None:
    """The minimum invoice of the invoice page is accepted as it stands there, and kept word for word."""
    answer = client.send(EXAMPLE, headers={"DataIdentifier": "run-7/1"})
    assert (answer.status_code, answer.json()["accepted"], answer.json()["errors"]) == (201, 1, [])
    (kept,) = [each for each in client.accepted() if each["data_identifier"] == "run-7/1"]
    assert kept["dataset"] == EXAMPLE
    assert (kept["kind"], kept["jobtype"], kept["billnum"]) == ("invoice", "0", None)
    assert (kept["net"], kept["vat"], kept["total"]) == ("35.00", "8.40", "43.40")


def test_good_jobs_go_and_bad_ones_are_named(client: Client, invoice: MakeInvoice) -> None:
    """An entry in errors names a bad job, while the good ones of its batch are accepted."""
    answer = client.send(invoice(billnum="1"), invoice(billnum="2", city=None), invoice(billnum="3"))
    ids = [job["jobid"] for job in answer.json()["jobs"]]
    assert ids[1] == ids[0] + 1
    assert answer.json() == {
        "accepted": 2,
        "jobs": [{"jobid": ids[0], "billnum": "1"}, {"jobid": ids[1], "billnum": "3"}],
        "errors": [{"error": "city is missing; jobtype 0 needs it", "index": 1, "billnum": "2"}],
    }


def test_the_bare_answer_names_no_job(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """In bare mode the answer has only what is published: the count, and errors with a text alone."""
    answer = sandbox(bare=True).send(invoice(), invoice(city=None))
    assert answer.json() == {"accepted": 1, "errors": [{"error": "city is missing; jobtype 0 needs it"}]}


def test_references_may_be_changed(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """When configured, each job gets a reference number of the sandbox's own, which the answer tells."""
    client = sandbox(changed_references=True)
    (job,) = client.send(invoice(billcode="1232")).json()["jobs"]
    assert job == {"jobid": 1000001, "billnum": "2001", "billcode": "10000016"}
    assert client.get(jobid="1000001").json()["billcode"] == "10000016"


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"datastream": []},
        {"datastream": {"dataset": []}},
        {"datastream": {"dataset": {"jobtype": "0"}}},
        "job",
    ],
)
def test_a_body_that_is_no_batch_is_refused(client: Client, body: object) -> None:
    """Anything but a datastream with a list of datasets is a problem 400."""
    detail = 'The body must be {"datastream": {"dataset": [ … ]}} with at least one dataset.'
    assert client.post("", body).json() == problem(400, "Bad Request", detail)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[NaN]", b'"\\ud800"', b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(client: Client, raw: bytes) -> None:
    """A body that is not JSON text, half a surrogate pair and endless nesting included, is a problem 400."""
    answer = client.session.post(f"{client.url}/rest/jobs", data=raw, timeout=10)
    assert answer.json() == problem(400, "Bad Request", "The body is not JSON.")


def test_a_body_without_end_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body above the limit is a problem 413."""
    monkeypatch.setattr(app, "LARGEST_BODY", 1000)
    answer = client.session.post(f"{client.url}/rest/jobs", data=b"[" + b" " * 1000, timeout=10)
    assert answer.status_code == HTTP_413_CONTENT_TOO_LARGE
    assert answer.json()["detail"] == "The body is larger than 1000 bytes."


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("PUT", "jobs", 405, "Method Not Allowed"),
        ("DELETE", "jobs", 405, "Method Not Allowed"),
        ("GET", "token", 405, "Method Not Allowed"),
        ("GET", "nothing", 404, "Not Found"),
    ],
)
def test_other_methods_and_paths_are_problems(
    client: Client, method: str, path: str, status: int, title: str
) -> None:
    """A method or path that the API does not have is a problem, in its JSON."""
    answer = client.session.request(method, f"{client.url}/rest/{path}", timeout=10)
    assert (answer.status_code, answer.json()["title"]) == (status, title)


def test_a_job_is_read_by_its_id(client: Client, invoice: MakeInvoice) -> None:
    """A job's state is found by jobid, and by nothing else."""
    (job,) = client.send(invoice(custnum="77", billcode="1232", country="FIN")).json()["jobs"]
    assert client.get(jobid=str(job["jobid"])).json() == {
        "jobid": job["jobid"],
        "billnum": "2001",
        "billcode": "1232",
        "custnum": "77",
        "company": "Matin konepaja Oy",
        "city": "KUOPIO",
        "country": "FIN",
        "govid": None,
        "currentstatus": "received",
        "currentstatustext": "received",
        "currentpaydate": "2026-10-15",
        "nextstatus": None,
        "nextstatusdate": None,
    }
    assert client.get(billnum="2001").json()["detail"] == "jobid is needed, and nothing else is taken."
    assert client.get(jobid="abc").json()["detail"] == "jobid must be an integer."
    assert client.get(jobid="1").status_code == 404


def test_a_single_status_look_up_consumes_nothing(client: Client, invoice: MakeInvoice) -> None:
    """A look-up by bill number finds the job's changes, however often; 204 when there is no such job."""
    (job,) = client.send(invoice(billnum="A 1")).json()["jobs"]
    for _ in range(2):
        (update,) = client.get("/statusupdates", billnum="A 1").json()
        assert (update["jobid"], update["billnum"], update["status"]) == (job["jobid"], "A 1", "received")
    today = client.get("/statusupdates", date=update["date"]).json()
    assert update in today
    assert client.get("/statusupdates", billnum="A 2").status_code == 204
    assert client.get("/statusupdates", date="1999-01-01").status_code == 204
    assert client.get("/statusupdates", date="yesterday").status_code == 400
    assert client.get("/statusupdates", date=update["date"], billnum="A 1").status_code == 400


def test_the_bare_status_look_up_consumes(client: Client, invoice: MakeInvoice) -> None:
    """Without a parameter all unread changes come, at most 1,000 a call, each once, until 204."""
    client.send(*(invoice(billnum=str(number)) for number in range(1001)))
    first, second = client.get("/statusupdates").json(), client.get("/statusupdates").json()
    assert [update["billnum"] for update in first + second] == [str(number) for number in range(1001)]
    assert (len(first), len(second)) == (1000, 1)
    assert client.get("/statusupdates").status_code == 204
    assert client.get("/statusupdates", billnum="7").status_code == 200


def test_status_changes_may_lag(sandbox: StartSandbox, invoice: MakeInvoice) -> None:
    """With a lag, an accepted job is not found until it has passed."""
    now = [1_790_000_000.0]
    client = sandbox(clock=lambda: now[0], lag=30)
    client.send(invoice())
    now[0] += 29
    assert client.get("/statusupdates", billnum="2001").status_code == 204
    now[0] += 1
    assert client.get("/statusupdates", billnum="2001").status_code == 200


def test_customers_do_not_see_each_other(client: Client, invoice: MakeInvoice) -> None:
    """Jobs are looked up within the customer whose token it is."""
    (job,) = client.send(invoice(billnum="own")).json()["jobs"]
    client.renew("somebody else")
    assert client.get(jobid=str(job["jobid"])).status_code == 404
    assert client.get("/statusupdates", billnum="own").status_code == 204
    assert client.get("/statusupdates").status_code == 204
    assert (
        client.post("/payment", {"amount": 1, "paydate": "2026-10-20", "billnum": "own"}).status_code == 404
    )


def test_jobs_of_an_end_customer(client: Client, invoice: MakeInvoice) -> None:
    """An end customer's jobs are found by custnum or ssn: the open ones, or all."""
    client.send(invoice(billnum="1", custnum="77"), invoice(billnum="2", custnum="77", govid="131052-308T"))
    client.post("/payment", {"amount": 125.5, "paydate": "2026-10-20", "billnum": "1"})
    paid = {
        "invoice_number": "1",
        "original_invoice_date": "2026-10-01",
        "status": "paid",
        "open_amount": "0.00",
    }
    unpaid = paid | {"invoice_number": "2", "status": "received", "open_amount": "125.50"}
    assert client.post("/findbyendcustomer", {"custnum": "77"}).json() == {"jobs": [unpaid]}
    assert client.post("/findbyendcustomer", {"custnum": "77", "all_invoices": 1}).json() == {
        "jobs": [paid, unpaid]
    }
    assert client.post("/findbyendcustomer", {"ssn": "131052-308T"}).json() == {"jobs": [unpaid]}
    assert client.post("/findbyendcustomer", {"custnum": "78"}).json() == {"jobs": []}
    assert client.post("/findbyendcustomer", {}).status_code == 400


def test_a_payment_is_registered(client: Client, invoice: MakeInvoice) -> None:
    """A payment finds its job by billcode, jobid or billnum, in that order, and is kept; 201."""
    (job,) = client.send(invoice(billcode="1232")).json()["jobs"]
    body = {
        "amount": 100.5,
        "paydate": "2026-10-20",
        "billcode": "9",
        "jobid": job["jobid"],
        "type": "directpayment",
    }
    answer = client.post("/payment", body)
    assert answer.status_code == 201
    names = {"billcode": "1232", "jobid": job["jobid"], "billnum": "2001"}
    assert answer.json() == {**names, "paydate": "2026-10-20", "amount": 100.5}
    (_, kept) = [each for each in client.accepted() if each["jobid"] == job["jobid"]]
    assert (kept["kind"], kept["total"], kept["billnum"], kept["dataset"]) == (
        "payment",
        "100.5",
        "2001",
        body,
    )
    assert client.get(jobid=str(job["jobid"])).json()["currentstatus"] == "partly paid"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"amount": "25.00"}, "amount must be a JSON number above 0"),
        ({"amount": True}, "amount must be a JSON number above 0"),
        ({"amount": -1}, "amount must be a JSON number above 0"),
        ({"date": "10.10.2017"}, "date must be a date in the form YYYY-MM-DD"),
        ({"date": "2017-02-29"}, "date must be a date in the form YYYY-MM-DD"),
        ({"jobid": "1"}, "jobid must be a JSON integer"),
        ({"jobid": 2**63}, "jobid must be a JSON integer"),
        ({"description": 7}, "description must be a JSON string"),
        ({"paydate": "2017-10-10"}, "paydate is not a known tag"),
        ({"billnum": None}, "billnum must be a JSON string"),
    ],
)
def test_a_wrong_allocation_is_refused(client: Client, change: Job, detail: str) -> None:
    """An allocation with a wrong field is a problem 400 that names it."""
    body = {"amount": 25.0, "date": "2017-10-10", "billnum": "R123467"}
    assert client.post("/creditnote", body | change).json() == problem(400, "Bad Request", detail)


def test_an_allocation_needs_its_fields(client: Client) -> None:
    """An allocation without amount, date and a key to a job is refused for each of them."""
    detail = (
        "amount must be a JSON number above 0; date must be a date in the form YYYY-MM-DD; "
        "one of billcode, jobid and billnum is needed"
    )
    assert client.post("/creditnote", {}).json()["detail"] == detail
    assert client.post("/creditnote", []).json()["detail"] == "The body must be an object."
    unknown = {"amount": 1, "date": "2026-10-20", "billnum": "9"}
    assert client.post("/creditnote", unknown).json() == problem(404, "Not Found", "There is no such job.")


def test_allocations_stay_within_the_invoice(client: Client, invoice: MakeInvoice) -> None:
    """Credit notes are allocated to a job until nothing is left of it to credit."""
    client.send(invoice())
    body = {"amount": 100.0, "date": "2026-10-20", "billnum": "2001", "type": "allocated"}
    assert client.post("/creditnote", body).status_code == 201
    answer = client.post("/creditnote", body)
    assert answer.json()["detail"] == "The amount 100.0 is above what is left to credit, 25.50."
    assert client.post("/creditnote", body | {"amount": 25.5}).status_code == 201
    assert client.get("/statusupdates", billnum="2001").json()[-1]["status"] == "credited"


def test_a_pdf_is_a_pdf(client: Client, invoice: MakeInvoice) -> None:
    """The document of an accepted job is a PDF whose table of objects is right; 404 without a job."""
    (job,) = client.send(invoice()).json()["jobs"]
    for query in ({"jobid": str(job["jobid"])}, {"billnum": "2001"}):
        answer = client.get("/pdf", **query)
        assert answer.headers["Content-Type"] == "application/pdf"
        content = answer.content
        assert content.startswith(b"%PDF-1.4\n")
        start = int(content.split(b"startxref\n")[1].split()[0])
        assert content[start:].startswith(b"xref\n0 7\n")
        for number, entry in enumerate(content[start:].split(b"\n")[3:9], start=1):
            assert content[int(entry[:10]) :].startswith(b"%d 0 obj" % number)
    assert client.get("/pdf", billnum="none").status_code == 404
    assert client.get("/pdf", contractnum="1").status_code == 404
    assert client.get("/pdf").status_code == 400
