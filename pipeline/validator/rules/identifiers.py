"""Identifiers, references, addresses and VAT rates of a document, as `values.identifiers` judges them.

A wrong check digit is a warning, except where the service needs the identifier valid: financing
(`ropo-one-api.md`, Invoice features). Whose rules hold: a customer's identifiers follow the customer's
country as far as the file tells it, references and VAT rates the biller's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from pipeline.document import Document
from pipeline.validator.rules.base import Broken, Context
from pipeline.values import identifiers as known
from pipeline.values.vat import rates_in_force, vat_rate_known

_NAMES = {known.FINLAND: "Finland", known.SWEDEN: "Sweden", known.NORWAY: "Norway"}

_Tags: TypeAlias = Mapping[str, str]


def identifiers(document: Document, context: Context) -> Iterator[Broken]:
    """Every identifier has the form of its kind and the right check digits."""
    dataset = document.dataset
    wrong = _wrong_with_customer(
        (*map(dataset.get, _OF_CUSTOMER), "finance" if "finance" in dataset else None), context.home
    )
    billcode = dataset.get("billcode")
    if billcode is not None and (code := _billcode(billcode, context.home)):
        wrong = {**wrong, "billcode": code}
    if wrong:
        country = _address_country(dataset) or context.home
        for tag in filter(wrong.get, _ORDER):
            yield Broken(wrong[tag], tag, dataset[tag], details={"country": _NAMES.get(country, country)})


@lru_cache(maxsize=65536)
def _wrong_with_customer(values: tuple[str | None, ...], home: str) -> dict[str, str]:
    """By tag, the code of what is wrong: judged once for all invoices of a customer.

    To remember each judgement by itself takes 3 µs an invoice, this 1.
    """
    tags = zip((*_OF_CUSTOMER, "finance"), values, strict=True)
    customer = {tag: value for tag, value in tags if value is not None}
    return {
        tag: code
        for tag, check in _CHECKS.items()
        if tag in customer and (code := check(customer[tag], customer, home))
    }


def vat_rates(document: Document, context: Context) -> Iterator[Broken]:
    """Each VAT rate was in force in the biller's country when the goods or services were delivered."""
    dataset = document.dataset
    day = dataset.get("deliverydate") or dataset.get("billdate")
    if day is None:
        return
    told = set()
    for number, row in enumerate(dataset.get("payrow", ())):
        rate = row["taxpr"]
        if rate not in told and (rates := _rates_instead(context.home, rate, day)):
            country = _NAMES.get(context.home, context.home)
            yield Broken(
                "vat-rate-unusual",
                "payrow.taxpr",
                rate,
                number,
                {"country": country, "date": day, "rates": rates},
            )
        told.add(rate)


@lru_cache(maxsize=65536)
def _rates_instead(country: str, rate: str, day: str) -> str | None:
    """The rates in force, where this one was not among them."""
    on = dt.date.fromisoformat(day)
    if vat_rate_known(country, rate, on):
        return None
    return ", ".join(format(each, "f") for each in rates_in_force(country, on))


def _address_country(dataset: _Tags) -> str | None:
    return dataset.get("addresscountry") or dataset.get("country")


def _govid(value: str, dataset: _Tags, _: str) -> str | None:
    country = dataset.get("country") or dataset.get("addresscountry")
    # A branch or a move: an id of another Nordic country is as good as one of the customer's own.
    found = known.govid(value, country) or known.govid(value)
    if "finance" in dataset:
        return None if found and found.valid and _names_business(found) else "business-id-invalid"
    if (country is not None and country not in known.COUNTRIES) or (found and found.valid):
        return None
    if found is None:
        return "govid-form"
    return "business-id-check-digit" if found.kind == "business" else "personal-id-check"


def _names_business(found: known.Govid) -> bool:
    """A Swedish sole trader's organisationsnummer is the owner's personnummer (Skatteverket, SKV 709)."""
    return found.kind == "business" or found.country == known.SWEDEN


def _vatid(value: str, dataset: _Tags, _: str) -> str | None:
    country = dataset.get("country") or dataset.get("addresscountry")
    return None if known.vat_number(value, country) else "vatid-form"


def _evoice(value: str, _: _Tags, __: str) -> str | None:
    if known.einvoice_address(value):
        return None
    return "ovt-form" if value.rpartition(":")[2].startswith("0037") else "evoice-form"


def _evoiceint(value: str, _: _Tags, __: str) -> str | None:
    return None if known.operator(value) else "evoice-form"


def _billcode(value: str, home: str) -> str | None:
    if known.reference(value, home):
        return None
    return "reference-check-digit" if known.has_reference_form(value, home) else "reference-form"


def _email_form(value: str, _: _Tags, __: str) -> str | None:
    return None if known.email(value) else "email-form"


def _postcode(value: str, dataset: _Tags, home: str) -> str | None:
    """An error where the country is told, or none is and the digits can only be meant for home.

    Letters in a postcode whose country is not told are those of another country: a warning.
    """
    country = _address_country(dataset)
    if known.postcode(value, country or home):
        return None
    abroad = country is None and any(map(str.isalpha, value))
    return "postcode-abroad" if abroad else "postcode-form"


_CHECKS: dict[str, Callable[[str, _Tags, str], str | None]] = {
    "govid": _govid,
    "vatid": _vatid,
    "evoice": _evoice,
    "evoiceint": _evoiceint,
    "email": _email_form,
    "email2": _email_form,
    "postcode": _postcode,
}
"""For each tag of a customer: from its value, the customer and the biller's country, what is wrong."""

_OF_CUSTOMER = (*_CHECKS, "country", "addresscountry")
_ORDER = ("govid", "vatid", "evoice", "evoiceint", "billcode", "email", "email2", "postcode")
