"""Valid bodies of every sort, and the errors that a validator finds in one."""

from __future__ import annotations

from typing import Any

from pipeline.validator.schema import explaining_validator, fast_validator

ROW = {"desc": "Hieronta", "count": "1", "itemtype": "h", "amount": "35.00", "taxpr": "24.00"}

PERSON: dict[str, Any] = {  # the invoice page's smallest invoice
    "jobtype": "0",
    "person": "Teppo Testaaja",
    "address": "Sammonkatu 23-25 A 7",
    "postcode": "70100",
    "city": "KUOPIO",
    "customertype": "2",
    "billdate": "2017-03-03",
    "paydate": "2017-03-17",
    "payrow": [ROW],
}

COMPANY: dict[str, Any] = {
    "jobtype": "0",
    "company": "Matin konepaja Oy",
    "govid": "2262509-5",
    "customertype": "1",
    "address": "Mäkikatu 12 B 4",
    "postcode": "70100",
    "city": "KUOPIO",
    "billnum": "R123467",
    "billdate": "2026-02-02",
    "paydate": "2026-02-16",
    "payrow": [ROW, ROW],
}

REMINDER: dict[str, Any] = {
    "jobtype": "1",
    "sendtype": "b2c",
    "person": "Teppo Testaaja",
    "address": "Sammonkatu 23-25 A 7",
    "postcode": "70100",
    "city": "KUOPIO",
    "customertype": "2",
    "billcode": "1232",
    "amount": "125.50",
}

COLLECTION: dict[str, Any] = {
    **{tag: value for tag, value in COMPANY.items() if tag != "payrow"},
    "jobtype": "2",
    "noticedate": "2026-03-02",
    "billcode": "1232",
    "amount": "125.50",
}

FEATURES: dict[str, Any] = {
    **COMPANY,
    "attachment": [
        {"attachmentname": "a.pdf", "attachmentfile": "JVBERi0xLjQK"},
        {"attachmentid": "12345"},
    ],
    "cashdiscountrow": [
        {"discountdate": "2026-02-09", "discountpercent": "2", "discountamount": "28.30"},
    ],
    "payplan": {"instalment": [{"date": "2026-03-02", "amount": "35.00"}]},
    "finance": "2",
    "fixedfee": "0",
    "TA0001": "KT-0001",
    "TA0002": "12345",
    "TA0003": "Y",
    "accountdate": "2026-02-02",
    "accountrow": [
        {"accountid": "1700", "debit": 125.5},
        {"accountid": "3000", "credit": 125.5, "type10": "D20"},
    ],
    "propertyrow": {"propname": "job_finvoice_paymentid", "propvalue": "1234567890"},
    "freetext": "Kiitos\ntilauksesta!",
}

CREDIT: dict[str, Any] = {
    **PERSON,
    "refundtobillnum": "R123467",
    "payrow": [
        {
            **ROW,
            "amount": "-100",
            "discount": "50",
            "netamount": "-50",
            "vatamount": "-12.75",
            "totalamount": "-62.75",
        }
    ],
}

VALID = {
    "person": PERSON,
    "company": COMPANY,
    "reminder": REMINDER,
    "collection": COLLECTION,
    "features": FEATURES,
    "credit": CREDIT,
}

Found = list[tuple[list[str | int], str]]


def fast_errors(document: object, name: str = "dataset.json") -> Found:
    """What jsonschema-rs finds: where in the document, and which keyword refused it."""
    errors = fast_validator(name).iter_errors(document)
    return sorted(((each.instance_path, str(each.schema_path[-1])) for each in errors), key=repr)


def explained_errors(document: object, name: str = "dataset.json") -> Found:
    """The same of jsonschema."""
    errors = explaining_validator(name).iter_errors(document)
    return sorted(
        ((list(each.absolute_path), str(list(each.absolute_schema_path)[-1])) for each in errors), key=repr
    )
