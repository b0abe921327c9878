"""Identifiers, references and addresses: what form they have and whether their check digits are right.

Every function takes text as a person may have written it (spaces anywhere, any dash, any case) and
returns its canonical form, or None where it is no such thing. Countries are alpha-3; None stands for
"not known", and any of Finland, Sweden and Norway then fits. python-stdnum has most of the check
digits; the rest is here, with its source.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import cycle
from operator import mul
from typing import Literal, NamedTuple

from stdnum import get_cc_module, iso11649, luhn
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.fi import alv, hetu
from stdnum.no import fodselsnummer
from stdnum.no import orgnr as no_orgnr
from stdnum.se import orgnr as se_orgnr
from stdnum.se import personnummer

from pipeline.resources import data_text

FINLAND, SWEDEN, NORWAY = COUNTRIES = ("FIN", "SWE", "NOR")

_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))


def _compact(text: str) -> str:
    if text.isalnum() and text.isascii():  # mostly
        return text.upper()
    return "".join(text.split()).translate(_DASHES).upper()


# -- Business ids and personal identity codes (`govid`) ----------------------------------------------


@lru_cache(maxsize=65536)
def _is_ytunnus(digits: str) -> bool:
    """Whether the check digit of these eight is right.

    stdnum's own `is_valid` first cleans the text: 6 µs instead of 2, and a customer's Y-tunnus stands in its
    `govid`, its `vatid` and its `evoice`.
    """
    return alv.checksum(digits) == 0


class Govid(NamedTuple):
    """A text that has the form of a business id or of a personal identity code."""

    kind: Literal["business", "personal"]
    country: str
    text: str
    """In the form that its country writes it: `2262509-5`, `556677-8899`, `988077917`, `131052-308T`."""
    valid: bool
    """Whether the check digits, and the date in a personal code, are right."""


class _Form(NamedTuple):
    kind: Literal["business", "personal"]
    country: str
    pattern: re.Pattern[str]
    write: Callable[[re.Match[str]], str]
    is_valid: Callable[[str], bool]


def _is_personnummer(code: str) -> bool:
    """Personnummer (Skatteverket, SKV 704), or samordningsnummer: with 60 added to the day (SKV 707)."""
    day = int(code[-7:-5])
    birthday = f"{code[:-7]}{day - 60 if day > 60 else day:02}{code[-5:]}"
    try:
        born: dt.date = personnummer.get_birth_date(birthday)
    except ValidationError:
        return False
    digits = code[:-5] + code[-4:]
    return born <= dt.date.today() and bool(luhn.is_valid(digits[-10:]))  # noqa: DTZ011 - a birthday has no zone


_FORMS = (
    # Y-tunnus (PRH and the Tax Administration, ytj.fi); numbers before 2002 may have six digits and the
    # check digit. As a VAT number it has FI before it and no hyphen.
    _Form(
        "business",
        FINLAND,
        re.compile(r"(?:FI-?)?(?:([0-9]{6,7})-([0-9])|([0-9]{7})([0-9]))"),
        lambda found: f"{found[1] or found[3]:0>7}-{found[2] or found[4]}",
        lambda written: _is_ytunnus(written.replace("-", "")),
    ),
    # Henkilötunnus (Digital and Population Data Services Agency), with the signs added in 2023; serial
    # numbers from 900 are given for a time, by hospitals for example.
    _Form(
        "personal",
        FINLAND,
        re.compile(r"[0-3][0-9][01][0-9]{3}[-+ABCDEFYXWVU][0-9]{3}[0-9A-FHJ-NPR-Y]"),
        lambda found: found[0],
        lambda code: bool(hetu.is_valid(code, allow_temporary=True)),
    ),
    # Organisationsnummer (Skatteverket, SKV 709): the third digit is at least 2, which no month's is.
    # Authorities write 16 before it, a VAT number has SE before and 01 after it.
    _Form(
        "business",
        SWEDEN,
        re.compile(
            r"(?:16)?([0-9]{2}[2-9][0-9]{3})-?([0-9]{4})|SE-?([0-9]{2}[2-9][0-9]{3})-?([0-9]{4})(?:-?01)?"
        ),
        lambda found: f"{found[1] or found[3]}-{found[2] or found[4]}",
        se_orgnr.is_valid,
    ),
    _Form(
        "personal",
        SWEDEN,
        re.compile(r"((?:18|19|20)?[0-9]{2}[01][0-9][0-9]{2})([-+]?)([0-9]{4})"),
        lambda found: f"{found[1]}{found[2] or '-'}{found[3]}",
        _is_personnummer,
    ),
    # Organisasjonsnummer (Brønnøysundregistrene); MVA after it makes it a VAT number.
    _Form(
        "business",
        NORWAY,
        re.compile(r"(?:NO-?)?([0-9]{9})(?:MVA)?"),
        lambda found: found[1],
        no_orgnr.is_valid,
    ),
    # Fødselsnummer, D-number (day + 40) and H-number (month + 40) (Skatteetaten).
    _Form(
        "personal",
        NORWAY,
        re.compile(r"([0-9]{6})-?([0-9]{5})"),
        lambda found: found[1] + found[2],
        fodselsnummer.is_valid,
    ),
)


@lru_cache(maxsize=65536)
def govid(text: str, country: str | None = None) -> Govid | None:
    """What a `govid` is by its form, the valid reading first where two countries' forms fit.

    None: neither a business id nor a personal identity code of that country (or of the three), also
    for any other country, whose forms are not known here.
    """
    code = _compact(text)
    found = [
        Govid(form.kind, form.country, written, bool(form.is_valid(written)))
        for form in _FORMS
        if country in {None, form.country} and (match := form.pattern.fullmatch(code))
        for written in [form.write(match)]
    ]
    return max(found, key=lambda each: each.valid, default=None)


def business_id(text: str, country: str | None = None) -> str | None:
    """A valid business id: Y-tunnus, organisationsnummer or organisasjonsnummer."""
    return _valid_of("business", text, country)


def personal_id(text: str, country: str | None = None) -> str | None:
    """A valid personal identity code: henkilötunnus, personnummer, samordningsnummer or fødselsnummer."""
    return _valid_of("personal", text, country)


def kind_of_govid(text: str, country: str | None = None) -> Literal["business", "personal"] | None:
    """What a `govid` proves its owner to be; None unless its check digits are right."""
    found = govid(text, country)
    return found.kind if found and found.valid else None


def canonical_govid(text: str, country: str | None = None) -> str:
    """A valid `govid` as its country writes it (`22625095` is `2262509-5`), any other text as it is."""
    found = govid(text, country)
    return found.text if found and found.valid else text


def _valid_of(kind: str, text: str, country: str | None) -> str | None:
    found = govid(text, country)
    return found.text if found and found.valid and found.kind == kind else None


# -- VAT numbers (`vatid`) ---------------------------------------------------------------------------

_VAT_PREFIX = {FINLAND: "FI", SWEDEN: "SE", NORWAY: "NO"}


_FINNISH_VAT = re.compile(r"FI([0-9]{8})")


def vat_number(text: str, country: str | None = None) -> str | None:
    """A VAT number with its country's prefix: `FI22059054`, `SE556677889901`, `NO988077917MVA`.

    The form and check digits of the country of its prefix (python-stdnum; nobody is asked whether it is
    registered). With `country`, a number of that country may lack the prefix.
    """
    number = _compact(text)
    if country in _VAT_PREFIX and not number[:2].isalpha():
        number = _VAT_PREFIX[country] + number
    if finnish := _FINNISH_VAT.fullmatch(number):  # as below, in a fifth of the time
        return number if _is_ytunnus(finnish[1]) else None
    prefix = number[:2]
    if not re.fullmatch(r"[A-Z]{2}[-A-Z0-9+*.]{2,20}", number):
        return None
    # eu.vat knows Greece's EL and Northern Ireland's XI too
    module = eu_vat if prefix.lower() in {*eu_vat.MEMBER_STATES, "el"} else get_cc_module(prefix, "vat")
    if module is None:
        return None
    try:
        valid: str = module.validate(number.replace("-", ""))
    except ValidationError:
        return None
    return valid if valid.startswith(prefix) else prefix + valid


# -- E-invoice addresses and operators (`evoice`, `evoiceint`) ---------------------------------------

_OVT = re.compile(r"0037([0-9]{8})[0-9A-Z]{0,5}")
_PEPPOL_SCHEME = re.compile(r"[0-9]{4}:")
_ADDRESS = re.compile(r"(?=.*[0-9])[0-9A-Z][-0-9A-Z:._]{2,49}")
_OPERATOR = re.compile(r"[0-9A-Z]{4,20}")


def ovt(text: str) -> str | None:
    """An OVT address: 0037, the 8 digits of a valid Y-tunnus, up to 5 characters (Tieke; SFS 5748)."""
    address = _compact(text)
    match = _OVT.fullmatch(address)
    return address if match and _is_ytunnus(match[1]) else None


def einvoice_address(text: str) -> str | None:
    """An e-invoice address: an OVT address, an IBAN, a Peppol id (`0216:0037…`) or another network's.

    Only an OVT address is checked beyond its characters, of which one is a digit: banks' addresses look
    like an IBAN without being one (`FI123578612717718` in `seeds/invoice.txt`), and every network has
    forms of its own.
    """
    address = _compact(text)
    if not _ADDRESS.fullmatch(address):
        return None
    identifier = _PEPPOL_SCHEME.sub("", address, count=1)
    return address if not identifier.startswith("0037") or ovt(identifier) else None


def operator(text: str) -> str | None:
    """The code of an e-invoice operator or a bank (BIC); one that begins with 0037 is an OVT address.

    Operators that `data/operators.toml` does not have are right too: they come and go.
    """
    code = _compact(text)
    if not _OPERATOR.fullmatch(code):
        return None
    return code if not code.startswith("0037") or ovt(code) else None


def operator_name(code: str) -> str | None:
    """The operator's or bank's name, where `data/operators.toml` has it."""
    return _operators().get(_compact(code))


@cache
def _operators() -> dict[str, str]:
    return tomllib.loads(data_text("operators.toml"))


# -- References (`billcode`) -------------------------------------------------------------------------

_VIITENUMERO = re.compile(r"(?!0+$)[0-9]{4,20}")
_RF = re.compile(r"RF[0-9]{2}[0-9A-Z]{1,21}")
_KID_WEIGHTS = (2, 3, 4, 5, 6, 7)


def finnish_reference(text: str) -> str | None:
    """A viitenumero: 4-20 digits, the last a check digit by the weights 7, 3, 1 from the right.

    Source: Finance Finland, "Structure of the reference number".
    """
    number = _compact(text)
    if not _VIITENUMERO.fullmatch(number):
        return None
    weighted = sum(map(mul, map(int, number[-2::-1]), cycle((7, 3, 1))))
    return number if (weighted + int(number[-1])) % 10 == 0 else None


def rf_reference(text: str) -> str | None:
    """An international creditor reference, `RF18539007547034` (ISO 11649)."""
    number = _compact(text)
    return number if _RF.fullmatch(number) and iso11649.is_valid(number) else None


def swedish_ocr(text: str) -> str | None:
    """A Swedish OCR number: 2-25 digits that end in a Luhn check digit (Bankgirot, "OCR-referens")."""
    number = _compact(text)
    return number if re.fullmatch(r"[0-9]{2,25}", number) and luhn.is_valid(number) else None


def norwegian_kid(text: str) -> str | None:
    """A Norwegian KID: 2-25 characters, the last by Luhn or by modulus 11, where 10 is written `-`.

    Source: Mastercard Payment Services (before: Nets), "OCR giro".
    """
    number = _compact(text)
    if not re.fullmatch(r"[0-9]{1,24}[-0-9]", number):
        return None
    weighted = sum(int(digit) * _KID_WEIGHTS[place % 6] for place, digit in enumerate(reversed(number[:-1])))
    by_11 = "0123456789-"[-weighted % 11]
    return number if number[-1] == by_11 or luhn.is_valid(number) else None


_REFERENCES = {
    FINLAND: (rf_reference, finnish_reference),
    SWEDEN: (rf_reference, swedish_ocr),
    NORWAY: (rf_reference, norwegian_kid),
    None: (rf_reference, finnish_reference, swedish_ocr, norwegian_kid),
}
_REFERENCE_FORMS = {
    FINLAND: re.compile(r"[0-9]{4,20}"),
    SWEDEN: re.compile(r"[0-9]{2,25}"),
    NORWAY: re.compile(r"[0-9]{1,24}[-0-9]"),
}


def reference(text: str, country: str | None = None) -> str | None:
    """A valid payment reference: international, or of the biller's country (of any of the three)."""
    for check in _REFERENCES.get(country, (rf_reference,)):
        if found := check(text):
            return found
    return None


def has_reference_form(text: str, country: str | None = None) -> bool:
    """Whether a text is a payment reference but for its check digits; a message to the payer is not."""
    number = _compact(text)
    forms = [form for of, form in _REFERENCE_FORMS.items() if country in {None, of}]
    return any(form.fullmatch(number) for form in (_RF, *forms))


# -- Postcodes and e-mail addresses ------------------------------------------------------------------

_POSTCODES = {
    FINLAND: re.compile(r"(?:FIN?-?)?([0-9]{5})"),
    SWEDEN: re.compile(r"(?:SE?-?)?([1-9][0-9]{4})"),
    NORWAY: re.compile(r"(?:NO?-?)?([0-9]{4})"),
}
_FOREIGN_POSTCODE = re.compile(r"[0-9A-Z](?:[-0-9A-Z ]{0,10}[0-9A-Z])?")


def postcode(text: str, country: str | None = None) -> str | None:
    """A postcode without spaces or country letters: `00100`, `12345` (`SE-123 45`), `0150`.

    Finland has 5 digits, Sweden 5 that never begin with 0, Norway 4 (Posti, PostNord, Posten). Of
    another country it is any short code of letters and digits, returned as it is written.
    """
    if country not in {None, *COUNTRIES}:
        written = " ".join(text.split()).upper()
        return written if _FOREIGN_POSTCODE.fullmatch(written) else None
    code = _compact(text)
    patterns = (pattern for of, pattern in _POSTCODES.items() if country in {None, of})
    return next((match[1] for pattern in patterns if (match := pattern.fullmatch(code))), None)


_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LABEL = re.compile(r"(?!-)[^\W_](?:[^\W_]|-)*(?<!-)")


def email(text: str) -> str | None:
    """One e-mail address, letters of any language allowed in both parts (RFC 6531, IDN).

    The rule: a dot-atom of at most 64 bytes, `@`, and a domain of at least two labels of letters,
    digits and inner hyphens, each at most 63 characters in its ASCII form, the last not all digits;
    254 bytes in all (RFC 5321). No quoted local parts, no address literals, no display names.
    """
    address = unicodedata.normalize("NFC", text.strip())
    local, _, domain = address.rpartition("@")
    labels = domain.split(".")
    fits = len(local.encode()) <= 64 and len(address.encode()) <= 254
    named = len(labels) >= 2 and all(map(_is_label, labels)) and not labels[-1].isdecimal()
    return address if fits and named and _LOCAL.fullmatch(local) else None


def _is_label(label: str) -> bool:
    if not _LABEL.fullmatch(label):
        return False
    if label.isascii():  # its own ASCII form, mostly
        return len(label) <= 63
    try:
        return len(label.encode("idna")) <= 63
    except UnicodeError:
        return False
