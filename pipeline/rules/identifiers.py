"""Identifiers, references, addresses and VAT rates of a document, as `pipeline.identifiers` judges them.

A wrong check digit is a warning, except where the service needs the identifier valid: financing
(`ropo-one-api.md`, Invoice features). Whose rules hold: a customer's identifiers follow the customer's
country as far as the file tells it, references and VAT rates the biller's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from pipeline import identifiers as known
from pipeline.document import Document
from pipeline.rules.base import Broken, Context
from pipeline.vat import rates_in_force, vat_rate_known

_NAMES = {known.FINLAND: "Finland", known.SWEDEN: "Sweden", known.NORWAY: "Norway"}

_Tags: TypeAlias = Mapping[str, str]
_email = lru_cache(maxsize=65536)(known.email)
_postal_code = lru_cache(maxsize=65536)(known.postcode)
_reference = lru_cache(maxsize=65536)(known.reference)


def identifiers(document: Document, context: Context) -> Iterator[Broken]:
    """Every identifier has the form of its kind and the right check digits."""
    dataset = document.dataset
    for tag, check in _CHECKS.items():
        if tag in dataset and (code := check(dataset[tag], dataset, context.home)):
            country = _address_country(dataset) or context.home
            yield Broken(code, tag, dataset[tag], details={"country": _NAMES.get(country, country)})


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
    if country not in {None, *known.COUNTRIES} or (found and found.valid):
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


def _billcode(value: str, _: _Tags, home: str) -> str | None:
    if _reference(value, home):
        return None
    return "reference-check-digit" if known.has_reference_form(value, home) else "reference-form"


def _email_form(value: str, _: _Tags, __: str) -> str | None:
    return None if _email(value) else "email-form"


def _postcode(value: str, dataset: _Tags, home: str) -> str | None:
    """An error where the country is told, or none is and the digits can only be meant for home.

    Letters in a postcode whose country is not told are those of another country: a warning.
    """
    country = _address_country(dataset)
    if _postal_code(value, country or home):
        return None
    abroad = country is None and any(map(str.isalpha, value))
    return "postcode-abroad" if abroad else "postcode-form"


_CHECKS: dict[str, Callable[[str, _Tags, str], str | None]] = {
    "govid": _govid,
    "vatid": _vatid,
    "evoice": _evoice,
    "evoiceint": _evoiceint,
    "billcode": _billcode,
    "email": _email_form,
    "email2": _email_form,
    "postcode": _postcode,
}
"""For each tag: from its value, the dataset and the biller's country, the code of what is wrong."""
