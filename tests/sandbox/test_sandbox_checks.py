"""The sandbox's own checks of a job: what each rule takes and what it refuses, word for word."""

from __future__ import annotations

import base64
import subprocess
import sys
import tomllib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.resources import data_text
from pipeline.sandbox import checks, sums

if TYPE_CHECKING:
    from sandbox_client import Client, Job, MakeInvoice

PERSON = {"customertype": "2", "company": None, "person": "Teppo Testaaja"}
REMINDER = {"jobtype": "1", "payrow": None, "amount": "125.50", "billcode": "1232"}
COLLECTION = REMINDER | {"jobtype": "2", "noticedate": "2026-11-01"}
ROW = {"desc": "Huolto", "count": "2", "amount": "50.00", "taxpr": "25.5"}
PDF = base64.b64encode(b"%PDF-1.4 made up").decode()
XLSX = base64.b64encode(b"PK\x03\x04 made up").decode()
XLS = base64.b64encode(bytes.fromhex("d0cf11e0a1b11ae1") + b" made up").decode()
CSV = base64.b64encode("tunnit;määrä\r\n1;2\r\n".encode()).decode()
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def attached(content: str, **changes: Any) -> Job:
    """A change that attaches the content, and others."""
    return {"attachment": [{"attachmentname": "file", "attachmentfile": content}], **changes}


def entry(accountid: int, **sides: Any) -> Job:
    """An accounting row."""
    return {"accountid": accountid, "desc": "Myynti", **sides}


ACCEPTED = {
    "print service": {"jobtype": "300", "billcode": "1232"},
    "mail service": {"jobtype": "301"},
    "reminder": REMINDER | {"sendtype": "b2c"},
    "debt collection": COLLECTION,
    "private person": PERSON,
    "person at a company": {"person": "Matti Meikäläinen"},
    "same day": {"paydate": "2026-10-01"},
    "leap day": {"billdate": "2028-02-29", "paydate": "2028-02-29"},
    "free row of text": {"payrow": [ROW | {"count": "0", "amount": "0", "taxpr": "0"}]},
    "row totals": {
        "payrow": [
            ROW | {"discount": "10", "netamount": "90.00", "vatamount": "22.95", "totalamount": "112.95"}
        ]
    },
    "halves away from zero": {
        "payrow": [ROW | {"count": "1", "amount": "0.125", "netamount": "0.13", "taxpr": "0"}]
    },
    "unallocated credit": {"payrow": [ROW | {"amount": "-50.00", "netamount": "-100"}]},
    "PDF by e-mail": attached(PDF, sendtype="email"),
    "PDF for a person": attached(PDF, **PERSON),
    "xlsx with an e-invoice": attached(XLSX, sendtype="evoice"),
    "xls with Peppol": attached(XLS, sendtype="peppol"),
    "CSV with an e-invoice": attached(CSV, sendtype="evoice"),
    "uploaded before": {"attachment": [{"attachmentid": "77"}]},
    "large by post": attached(base64.b64encode(b"%PDF-" + b"x" * 1024 * 1024).decode(), sendtype="post"),
    "the documents' cash discount": {
        "payrow": [ROW | {"count": "1", "amount": "1415.00"}],
        "cashdiscountrow": [
            {
                "discountdate": "2026-10-08",
                "discountpercent": "2",
                "discountamount": "28.30",
                "discountfreetext": "-",
            }
        ],
    },
    "plan by number": {"payplaninterval": "1", "payplancount": "3"},
    "plan by amount": {"payplaninterval": "1", "payplanamount": "50.00"},
    "own plan": {
        "payplan": {
            "instalment": [
                {"date": "2026-11-01", "amount": "62.75"},
                {"date": "2026-12-01", "amount": "62.75"},
            ]
        }
    },
    "financing": {"finance": "1", "govid": "2262509-5"},
    "Swedish purchase": {"finance": "2", "govid": "556703-7485"},
    "Norwegian financing": {"finance": "1", "govid": "923 609 016"},
    "fixed fee": {"fixedfee": "1"},
    "construction site": {"TA0001": "100", "TA0002": "9", "TA0003": "Y"},
    "one property": {"propertyrow": {"propname": "job_finvoice_paymentid", "propvalue": "1"}},
    "two properties": {
        "propertyrow": [{"propname": "a", "propvalue": "1"}, {"propname": "b", "propvalue": "2"}]
    },
    "accounting": {
        "accountdate": "2026-10-31",
        "accountrow": [
            entry(1700, debit=125.5),
            entry(
                3000, credit=100, netamount=100, vatamount=25.5, taxpr=25.5, vatcode="K1", type10="project"
            ),
            entry(2939, credit=25.5),
        ],
    },
    "line breaks in free text": {"freetext": "first\nsecond\tthird"},
}


@pytest.mark.parametrize("change", ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_rules_allow_is_accepted(client: Client, invoice: MakeInvoice, change: Job) -> None:
    """Each feature, used rightly, is accepted."""
    assert client.send(invoice(**change)).json()["errors"] == []


REFUSED = {
    "no jobtype": ({"jobtype": None}, "jobtype is missing"),
    "unknown jobtype": ({"jobtype": "3"}, "jobtype: '3' is not 0, 1, 2, 300 or 301"),
    "a number": ({"jobtype": 0}, "jobtype must be a JSON string"),
    "a flag as boolean": ({"cashbill": True}, "cashbill must be a JSON string"),
    "null": ({"freetext": [None]}, "freetext must be a JSON string"),
    "unknown tag": ({"colour": "red"}, "colour is not a known tag"),
    "unknown row tag": ({"payrow": [ROW | {"price": "1"}]}, "payrow[0].price is not a known tag"),
    "control character": ({"company": "Matti\x00"}, "company holds a control character"),
    "no street": ({"address": None}, "address is missing; jobtype 0 needs it"),
    "blank city": ({"city": " "}, "city is missing; jobtype 0 needs it"),
    "company without a name": ({"company": None}, "company is missing; jobtype 0 needs it"),
    "person without a name": (PERSON | {"person": None}, "person is missing; jobtype 0 needs it"),
    "no rows": ({"payrow": None}, "payrow is missing; jobtype 0 needs it"),
    "empty rows": ({"payrow": []}, "payrow must be a list with something in it"),
    "row without a price": (
        {"payrow": [{"desc": "Huolto", "count": "2", "taxpr": "25.5"}]},
        "payrow[0].amount is missing",
    ),
    "row that is no object": ({"payrow": ["x"]}, "payrow[0] must be an object"),
    "invoice with an open sum": (
        {"amount": "1"},
        "amount must not be there; jobtype 0 has its sum from its rows",
    ),
    "reminder with rows": (
        REMINDER | {"payrow": [ROW]},
        "payrow must not be there; jobtype 1 tells the open sum in amount",
    ),
    "reminder without a reference": (
        REMINDER | {"billcode": None},
        "billcode is missing; jobtype 1 needs it",
    ),
    "reminder of nothing": (REMINDER | {"amount": "0.00"}, "amount must be above 0"),
    "collection without a notice": (
        COLLECTION | {"noticedate": None},
        "noticedate is missing; jobtype 2 needs it",
    ),
    "collection without a number": (COLLECTION | {"billnum": None}, "billnum is missing; jobtype 2 needs it"),
    "b2c invoice": ({"sendtype": "b2c"}, "sendtype b2c is for reminders only"),
    "impossible date": (
        {"billdate": "2026-02-30"},
        "billdate: '2026-02-30' is not a date in the form YYYY-MM-DD",
    ),
    "Finnish date": ({"paydate": "1.2.2026"}, "paydate: '1.2.2026' is not a date in the form YYYY-MM-DD"),
    "date with a line end": (
        {"period": "2026-02-01\n"},
        "period: '2026-02-01\\n' is not a date in the form YYYY-MM-DD",
    ),
    "other digits": (
        {"billdate": "２０２６-02-01"},
        "billdate: '２０２６-02-01' is not a date in the form YYYY-MM-DD",
    ),
    "due too early": ({"paydate": "2026-09-30"}, "paydate is before billdate"),
    "decimal comma": (
        {"payrow": [ROW | {"amount": "50,00"}]},
        "payrow[0].amount: '50,00' is not a number with a decimal point",
    ),
    "exponent": (
        {"payrow": [ROW | {"amount": "5e1"}]},
        "payrow[0].amount: '5e1' is not a number with a decimal point",
    ),
    "VAT above 100": (
        {"payrow": [ROW | {"taxpr": "250"}]},
        "payrow[0].taxpr: '250' is not a percentage from 0 to 100",
    ),
    "negative discount": (
        {"payrow": [ROW | {"discount": "-1"}]},
        "payrow[0].discount: '-1' is not a percentage from 0 to 100",
    ),
    "flag yes": ({"checkbillnum": "yes"}, "checkbillnum: 'yes' is not 0 or 1"),
    "language": ({"language": "fi"}, "language: 'fi' is not eng, fin, swe or nor"),
    "template": ({"billtemplate": "custom"}, "billtemplate: 'custom' is not CUSTOM, ECOM, BOBCAT or INC"),
    "country": (
        {"country": "FI"},
        "country: 'FI' is not a country code of three letters (ISO 3166-1 alpha-3)",
    ),
    "no such country": (
        {"addresscountry": "XXX"},
        "addresscountry: 'XXX' is not a country code of three letters (ISO 3166-1 alpha-3)",
    ),
    "e-mail": ({"email": "matti@"}, "email: 'matti@' is not an e-mail address"),
    "register flag": ({"TA0003": "1"}, "TA0003: '1' is not Y or N"),
    "net": (
        {"payrow": [ROW | {"netamount": "100.01"}]},
        "payrow[0].netamount is 100.01, but the row comes to 100.00",
    ),
    "VAT": (
        {"payrow": [ROW, ROW | {"vatamount": "25.51"}]},
        "payrow[1].vatamount is 25.51, but the row comes to 25.50",
    ),
    "total": (
        {"payrow": [ROW | {"totalamount": "125.49"}]},
        "payrow[0].totalamount is 125.49, but the row comes to 125.50",
    ),
    "not base64": (attached("%%%"), "attachment[0] is empty, or not base64"),
    "picture": (attached(PNG, sendtype="evoice"), "attachment[0] is neither PDF, Excel nor CSV"),
    "CSV by e-mail": (
        attached(CSV, sendtype="email"),
        "attachment[0] is CSV, which only a company's e-invoice or Peppol invoice may carry",
    ),
    "Excel for a person": (
        attached(XLSX, **PERSON, sendtype="evoice"),
        "attachment[0] is Excel, which only a company's e-invoice or Peppol invoice may carry",
    ),
    "half an attachment": (
        {"attachment": [{"attachmentname": "file.pdf"}]},
        "attachment[0] needs attachmentname and attachmentfile, or attachmentid alone",
    ),
    "large by e-mail": (
        attached(base64.b64encode(b"%PDF-" + b"x" * 1024 * 1024).decode(), sendtype="email"),
        "the attachments are 1048581 bytes in all; 1048576 is the limit for sendtype email",
    ),
    "cash discount sum": (
        {
            "cashdiscountrow": [
                {"discountdate": "2026-10-08", "discountpercent": "2", "discountamount": "2.51"}
            ]
        },
        "cashdiscountrow[0].discountamount is 2.51, but 2 % of the invoice is 2.00",
    ),
    "cash discount as object": (
        {"cashdiscountrow": {"discountdate": "2026-10-08", "discountpercent": "2", "discountamount": "2.00"}},
        "cashdiscountrow must be a list with something in it",
    ),
    "plan for a person": (
        PERSON | {"payplaninterval": "1", "payplancount": "3"},
        "a payment plan is for companies only",
    ),
    "plan without interval": (
        {"payplancount": "3"},
        "payplaninterval needs exactly one of payplanamount and payplancount",
    ),
    "plan by both": (
        {"payplaninterval": "1", "payplancount": "3", "payplanamount": "50"},
        "payplaninterval needs exactly one of payplanamount and payplancount",
    ),
    "plan by neither": (
        {"payplaninterval": "1"},
        "payplaninterval needs exactly one of payplanamount and payplancount",
    ),
    "plan of no instalments": (
        {"payplaninterval": "1", "payplancount": "0"},
        "payplancount: '0' is not a whole number above 0",
    ),
    "two plans": (
        {"payplaninterval": "1", "payplan": {"instalment": [{"date": "2026-11-01", "amount": "125.50"}]}},
        "payplan must not be there together with payplaninterval",
    ),
    "plan that falls short": (
        {"payplan": {"instalment": [{"date": "2026-11-01", "amount": "100.00"}]}},
        "the instalments add up to 100.00, the invoice to 125.50",
    ),
    "financed person": (
        PERSON | {"finance": "1", "govid": "2262509-5"},
        "finance is for companies only",
    ),
    "financed without id": ({"finance": "1"}, "finance needs a valid business id in govid"),
    "financed by a wrong id": (
        {"finance": "2", "govid": "2262509-6"},
        "finance needs a valid business id in govid",
    ),
    "fee for a person": (PERSON | {"fixedfee": "1"}, "fixedfee is for companies only"),
    "fee and financing": (
        {"fixedfee": "1", "finance": "1", "govid": "2262509-5"},
        "fixedfee and finance must not both be there",
    ),
    "half a site": ({"TA0001": "100"}, "TA0001 and TA0002 must be sent together"),
    "accounting as text": (
        {"accountrow": [entry(1700, debit="125.5")]},
        "accountrow[0].debit must be a JSON number",
    ),
    "unbalanced": (
        {"accountrow": [entry(1700, debit=0.3), entry(3000, credit=0.2), entry(3000, credit=0.11)]},
        "accountrow: the debits are 0.30, the credits 0.31",
    ),
    "long type": (
        {"accountrow": [entry(1700, type="12345678901")]},
        "accountrow[0].type: '12345678901' is not a text of at most 10 characters",
    ),
    "property without value": ({"propertyrow": {"propname": "a"}}, "propertyrow.propvalue is missing"),
    "two originals": (
        {"refundtojobid": "1", "refundtobillnum": "1", "payrow": [ROW | {"amount": "-50"}]},
        "refundtojobid and refundtobillnum must not both be there",
    ),
    "crediting reminder": (
        REMINDER | {"refundtobillnum": "1"},
        "jobtype 1 cannot be a credit note",
    ),
    "positive credit": (
        {"refundtobillnum": "1"},
        "payrow[0].amount must be negative on a credit note",
    ),
    "negative count": (
        {"refundtobillnum": "1", "payrow": [ROW | {"count": "-2", "amount": "-50"}]},
        "payrow[0].count must not be negative on a credit note",
    ),
}


@pytest.mark.parametrize(("change", "error"), REFUSED.values(), ids=REFUSED)
def test_what_the_rules_forbid_is_refused(
    client: Client, invoice: MakeInvoice, change: Job, error: str
) -> None:
    """Each rule, broken, refuses the job with its one reason, and nothing of it is kept."""
    answer = client.send(invoice(**change))
    assert answer.status_code == 201
    (refused,) = answer.json()["errors"]
    assert refused["error"] == error
    assert client.get("/statusupdates").status_code == 204


def test_a_job_that_is_no_object_is_refused(client: Client, invoice: MakeInvoice) -> None:
    """A dataset entry of another form is refused alone."""
    answer = client.send("job", invoice())
    assert answer.json()["errors"] == [{"error": "a dataset must be an object", "index": 0}]
    assert answer.json()["accepted"] == 1


def test_identity_codes_are_not_repeated(client: Client, invoice: MakeInvoice) -> None:
    """A refusal never repeats a personal identity code that came with the job."""
    answer = client.send(
        invoice(govid="131052-308T\x00", finance="1"), invoice(govid="131052-308T", finance="1")
    )
    assert len(answer.json()["errors"]) == 2
    assert "308T" not in answer.text


def test_the_checks_stand_alone() -> None:
    """The sandbox loads nothing of the validator, its schemas or its rules."""
    program = (
        "import sys, pipeline.sandbox.server; "
        "print(*sorted(name for name in sys.modules if name.startswith(('pipeline', 'jsonschema'))))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    others = {name for name in loaded.stdout.split() if not name.startswith("pipeline.sandbox")}
    words = {"pipeline.findings", "pipeline.language", "pipeline.privacy", "pipeline.resources"}
    assert others == {"pipeline", *words}


def test_every_kind_of_value_is_described() -> None:
    """Every tag's kind has the words that a refusal tells it in, and none is left over."""
    tags = tomllib.loads(data_text("sandbox/tags.toml"))
    used = set(tags["dataset"].values())
    for group in tags["groups"].values():
        used |= set(group["tags"].values())
        for inner in group.get("groups", {}).values():
            used |= set(inner["tags"].values())
    assert used == set(tags["kinds"])


decimals = st.decimals(min_value=-(10**9), max_value=10**9, places=4)
percents = st.decimals(min_value=0, max_value=100, places=2)


@given(count=decimals, amount=decimals, taxpr=percents, discount=percents)
def test_rows_are_rounded_once_and_symmetrically(
    count: Decimal, amount: Decimal, taxpr: Decimal, discount: Decimal
) -> None:
    """A row is within half a cent of its exact sum, its VAT too, and its negative is minus it."""
    row = {"count": str(count), "amount": str(amount), "taxpr": str(taxpr), "discount": str(discount)}
    net, vat, total = sums.row_sums({tag: format(Decimal(text), "f") for tag, text in row.items()})
    exact = count * amount * (100 - discount) / 100
    assert abs(net - exact) <= Decimal("0.005")
    assert abs(vat - net * taxpr / 100) <= Decimal("0.005")
    assert total == net + vat
    negative = sums.row_sums(row | {"amount": str(-amount)})
    assert negative == (-net, -vat, -total)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
tags = st.sampled_from(
    sorted(tomllib.loads(data_text("sandbox/tags.toml"))["dataset"]) + list(checks._DATASET["groups"])
)


@given(changes=st.dictionaries(tags, json_values, max_size=4))
def test_whatever_comes_is_judged(changes: Job) -> None:
    """No JSON value in any tag makes the checks themselves fail."""
    job = {
        "jobtype": "0",
        "customertype": "1",
        "company": "Oy",
        "address": "Katu 1",
        "postcode": "00100",
        "city": "HELSINKI",
        "billdate": "2026-10-01",
        "paydate": "2026-10-15",
        "payrow": [ROW],
    }
    assert all(isinstance(reason, str) for reason in checks.check(job | changes))
