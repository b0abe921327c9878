"""What a dataset needs and must not have, by its job type, its customer and its features."""

from __future__ import annotations

from typing import Any

import pytest
from schema_samples import (
    COLLECTION,
    COMPANY,
    FEATURES,
    PERSON,
    REMINDER,
    ROW,
    VALID,
    explained_errors,
    fast_errors,
)

from pipeline.validator.schema import explaining_validator, reason

INVOICE = (
    "An invoice needs its date, its due date and at least one row; its sum comes from the rows, so it has "
    "no amount of its own."
)
REMINDS = "A reminder has no rows: it needs its open sum in amount, and the payment reference in billcode."
COLLECTS = (
    "A debt collection needs the date of its notice, the payment reference, the open sum, the bill number "
    "and the dates of the bill."
)
COMPANIES_ONLY = "A payment plan, financing and the fixed fee are for companies only."
OWN_OR_SERVICE = "A payment plan is either the biller's own or made by the service."
SUM_OR_NUMBER = "A payment plan made by the service has either the sum of its instalments or their number."
FINANCED = "A financed or sold invoice needs the customer's business id, and cannot have the fixed fee."
SITE = "A construction site's id and number go together."

GONE = object()
PLAN = {"instalment": [{"date": "2026-03-02", "amount": "35.00"}]}

REFUSED: list[tuple[dict[str, Any], dict[str, Any], str, str, str]] = [
    *((PERSON, {tag: GONE}, "", "required", INVOICE) for tag in ("billdate", "paydate", "payrow")),
    *((PERSON, {"jobtype": kind, "payrow": GONE}, "", "required", INVOICE) for kind in ("300", "301")),
    (PERSON, {"amount": "35.00"}, "amount", "not", INVOICE),
    *((REMINDER, {tag: GONE}, "", "required", REMINDS) for tag in ("amount", "billcode")),
    (REMINDER, {"payrow": [ROW]}, "payrow", "not", REMINDS),
    *(
        (COLLECTION, {tag: GONE}, "", "required", COLLECTS)
        for tag in ("noticedate", "billcode", "amount", "billnum", "billdate", "paydate")
    ),
    (COMPANY, {"company": GONE}, "", "required", "A company is named in company."),
    (PERSON, {"person": GONE}, "", "required", "A private person is named in person."),
    (PERSON, {"payplan": PLAN}, "payplan", "not", COMPANIES_ONLY),
    (PERSON, {"fixedfee": "1"}, "fixedfee", "const", COMPANIES_ONLY),
    (PERSON, {"finance": "1", "govid": "2262509-5"}, "finance", "not", COMPANIES_ONLY),
    (COMPANY, {"sendtype": "b2c"}, "jobtype", "const", "b2c is a way to send reminders only."),
    (
        COMPANY,
        {"refundtojobid": "1", "refundtobillnum": "R1"},
        "refundtobillnum",
        "not",
        "A credit note names its original by job id or by bill number, not by both.",
    ),
    (
        COMPANY,
        {"payplaninterval": "1"},
        "",
        "required",
        "A payment plan made by the service needs the sum or the number of its instalments.",
    ),
    (COMPANY, {"payplanamount": "10.00"}, "", "required", SUM_OR_NUMBER),
    (
        COMPANY,
        {"payplancount": "3"},
        "",
        "required",
        "The number of instalments needs the months between them.",
    ),
    (
        COMPANY,
        {"payplaninterval": "1", "payplanamount": "10.00", "payplancount": "3"},
        "payplancount",
        "not",
        SUM_OR_NUMBER,
    ),
    (
        COMPANY,
        {"payplan": PLAN, "payplaninterval": "1", "payplancount": "3"},
        "payplancount",
        "not",
        OWN_OR_SERVICE,
    ),
    (COMPANY, {"finance": "1", "govid": GONE}, "", "required", FINANCED),
    (COMPANY, {"finance": "2", "fixedfee": "1"}, "fixedfee", "const", FINANCED),
    (FEATURES, {"TA0001": GONE}, "", "required", SITE),
    (FEATURES, {"TA0002": GONE}, "", "required", SITE),
]

ACCEPTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (PERSON, {"jobtype": "300"}),
    (PERSON, {"jobtype": "301"}),
    (PERSON, {"fixedfee": "0"}),
    (PERSON, {"company": "c/o Matin konepaja Oy"}),
    (COMPANY, {"person": "Matti Meikäläinen"}),
    (COMPANY, {"fixedfee": "1"}),
    (COMPANY, {"refundtojobid": "123467"}),
    (COMPANY, {"payplaninterval": "1", "payplanamount": "10.00"}),
    (COMPANY, {"payplaninterval": "1", "payplancount": "3"}),
    (COMPANY, {"payplan": PLAN}),
    (COMPANY, {"finance": "2", "fixedfee": "0"}),
    (COLLECTION, {"payrow": [ROW]}),
    (FEATURES, {"propertyrow": [FEATURES["propertyrow"], FEATURES["propertyrow"]]}),
    (FEATURES, {"TA0003": GONE}),
]


def changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The document with other values, and without what is `GONE`."""
    return {tag: value for tag, value in (document | changes).items() if value is not GONE}


@pytest.mark.parametrize(("document", "changes", "field", "keyword", "why"), REFUSED)
def test_a_condition_that_is_broken_says_why(
    document: dict[str, Any], changes: dict[str, Any], field: str, keyword: str, why: str
) -> None:
    """Both validators refuse it at the field that is wrong, and the explanation names the condition."""
    wrong = changed(document, changes)
    where = [field] if field else []
    assert (where, keyword) in fast_errors(wrong)
    assert fast_errors(wrong) == explained_errors(wrong)
    reasons = {
        reason(error)
        for error in explaining_validator().iter_errors(wrong)
        if (list(error.absolute_path), error.validator) == (where, keyword)
    }
    assert why in reasons


@pytest.mark.parametrize(("document", "changes"), ACCEPTED)
def test_a_condition_asks_no_more_than_it_says(document: dict[str, Any], changes: dict[str, Any]) -> None:
    """What the documents leave open is accepted."""
    assert explained_errors(changed(document, changes)) == []


@pytest.mark.parametrize("tag", ["jobtype", "customertype", "address", "postcode", "city"])
@pytest.mark.parametrize("name", VALID)
def test_everything_sent_has_a_kind_and_a_debtor(name: str, tag: str) -> None:
    """No sort of dataset goes without its job type, kind of customer or address."""
    assert ([], "required") in fast_errors(changed(VALID[name], {tag: GONE}))


def test_a_form_that_is_wrong_has_no_condition() -> None:
    """A value of a wrong form is explained by its kind, not by a condition."""
    (error,) = explaining_validator().iter_errors({**PERSON, "billdate": "2026-02-30"})
    assert reason(error) is None
    assert error.schema["description"] == "A date that the calendar has, as YYYY-MM-DD."  # type: ignore[index]  # no boolean


@pytest.mark.parametrize(
    ("attachment", "errors"),
    [
        ({"attachmentid": "1"}, []),
        ({"attachmentname": "a.pdf", "attachmentfile": "JVBERi0xLjQK"}, []),
        ({"attachmentname": "a.pdf"}, [([], "required")]),
        ({}, [([], "required"), ([], "required")]),
        ({"attachmentid": "1", "attachmentname": "a.pdf"}, [(["attachmentname"], "not")]),
        ({"attachmentname": "a.pdf", "attachmentfile": "JVBERi0xLjQK\n"}, [(["attachmentfile"], "not")]),
    ],
)
def test_an_attachment_is_a_file_or_an_id(attachment: dict[str, str], errors: list[Any]) -> None:
    """A file has a name and a content; an id stands alone."""
    assert (
        fast_errors(attachment, "attachment.json")
        == explained_errors(attachment, "attachment.json")
        == errors
    )


def test_a_big_attachment_is_checked_whole() -> None:
    """The largest attachment that the service takes passes both validators."""
    whole = {"attachmentname": "a.pdf", "attachmentfile": "A" * 1_400_000}
    assert fast_errors(whole, "attachment.json") == explained_errors(whole, "attachment.json") == []


@pytest.mark.parametrize("name", ["allocation.json", "payment.json"])
@pytest.mark.parametrize("key", [{"billcode": "123467"}, {"jobid": 123467}, {"billnum": "R123467"}])
def test_a_job_is_named_by_one_of_three(name: str, key: dict[str, Any]) -> None:
    """An allocation or a payment names its job by reference, job id or bill number, and must name it."""
    body = {"amount": 710.00, "date" if name == "allocation.json" else "paydate": "2017-10-10"}
    assert fast_errors(body | key, name) == []
    assert fast_errors(body, name) == explained_errors(body, name) == [([], "anyOf")]


@pytest.mark.parametrize("amount", [0, -710, "710.00", None])
def test_an_allocation_is_a_positive_number(amount: object) -> None:
    """An amount that is no JSON number above zero is refused."""
    body = {"amount": amount, "date": "2017-10-10", "billnum": "R123467"}
    assert [path for path, _ in fast_errors(body, "allocation.json")] == [["amount"]]
