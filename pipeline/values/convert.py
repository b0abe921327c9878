"""Turns cell text into the API's text, one function a kind of value, one call a distinct text.

A field's kind is the `$defs` entry of `schemas/values.json` that its schema refers to. What cannot be
read for certain is `Unreadable`: it becomes a finding on its cell and the field stays empty.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from pipeline.privacy import is_personal
from pipeline.profile import Conventions
from pipeline.readers.table import EXACT
from pipeline.rows.frames import texts
from pipeline.subject import INVOICES, Subject
from pipeline.values.money import decimal_text, money_text
from pipeline.values.words import countries, normalise, value_words


class Unreadable(Exception):  # noqa: N818 - the cell is at fault, not the program
    """A cell text that cannot be read for certain; `code` is its finding's."""

    def __init__(self, code: str, **details: str) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


@dataclass(frozen=True, slots=True)
class Column:
    """A field's column converted: what each distinct text became, by the text's code.

    `values[code]` is the API's text, `""` where the cell is blank or unreadable. `problems` holds what
    could not be read, `repairs` the finding codes of what was mended, both by code.
    """

    texts: np.ndarray[Any, np.dtype[np.object_]]
    values: np.ndarray[Any, np.dtype[np.object_]]
    problems: dict[int, Unreadable]
    repairs: dict[int, str]


def convert(frame: pd.DataFrame, conventions: Conventions, subject: Subject = INVOICES) -> dict[str, Column]:
    """Every field column of a named frame, converted."""
    return {
        name: _convert_column(texts(frame[name]), subject.value_kind(str(name)), conventions)
        for name in frame.columns
        if not str(name).startswith("@")
    }


def convert_text(text: str, field: str, conventions: Conventions, subject: Subject = INVOICES) -> str:
    """One text as the API's text for a field, for values that a profile gives.

    Raises:
        Unreadable: it is no such value.
    """
    kind = subject.value_kind(field)
    return _CONVERTERS[kind](_prepared(text, kind), conventions)


def decimal_evidence(distinct: Iterable[str]) -> set[str]:
    """The decimal separators that these texts prove: `,` for `35,5`, `.` for `1,234.50`.

    A text such as `1.234` proves nothing but that the question matters (`?`); the same dot is a thousands
    separator in `1.234.567`.
    """
    cells = distinct if isinstance(distinct, list) else list(distinct)
    plain = [_PLAIN_NUMBER.fullmatch(text) for text in cells]  # nearly all: 0.1 s instead of 0.8 for 400,000
    proof = {match[1] for match in plain if match} - {None}
    for text in [text for text, match in zip(cells, plain, strict=True) if not match]:
        if text.endswith(EXACT):  # a number cell knows no convention
            continue
        digits = _number_body(text)[1]
        if match := _PROVES.fullmatch(digits.replace(" ", "") if _SPACED.fullmatch(digits) else digits):
            proof.add(_mark(match))
        elif _GROUPED_TWICE.fullmatch(digits):
            proof.add("," if "." in digits else ".")
        elif _AMBIGUOUS.fullmatch(digits):
            proof.add("?")
    return proof


def settled_decimal(evidence: Iterable[set[str]]) -> str | None:
    """The decimal separator by which ambiguous texts can be read, from what each table proves (see above).

    Each table that holds such texts must prove it by itself: another file's convention is no evidence.
    """
    wanted = {frozenset(each - {"?"}) for each in evidence if "?" in each}
    if len(wanted) != 1:
        return None
    proved = wanted.pop()
    return next(iter(proved)) if len(proved) == 1 else None


def _convert_column(
    distinct: np.ndarray[Any, np.dtype[np.object_]], kind: str, conventions: Conventions
) -> Column:
    converter = _CONVERTERS[kind]
    values = _plain_values(distinct, converter)
    problems, repairs = {}, {}
    for code in [code for code, value in enumerate(values) if value is None]:
        text, values[code] = distinct[code], ""
        if cleaned := _prepared(text, kind):
            try:
                value = values[code] = converter(cleaned, conventions)
            except Unreadable as problem:
                problems[code] = problem
            else:
                if repair := _repair(text, value, kind):
                    repairs[code] = repair
    return Column(distinct, np.array(values, dtype=object), problems, repairs)


def _plain_values(
    distinct: np.ndarray[Any, np.dtype[np.object_]], converter: Callable[[str, Conventions], str]
) -> list[str | None]:
    """The values of texts that need no reading; None for the others, which the converter reads.

    Nearly all of an export's texts are plain. Measured on the 600,000 distinct ones of 200,000 rows: 1.4 s
    read one by one, 0.3 s so. The tests hold it against reading, which is the obvious way.
    """
    form = _PLAIN_FORMS.get(converter)
    if form is None:
        return [None] * len(distinct)
    is_plain = form.fullmatch
    if converter in {_money, _decimal}:
        return [
            text.replace(",", ".").replace(EXACT, "") if is_plain(text) else None
            for text in distinct.tolist()
        ]
    return [text if is_plain(text) else None for text in distinct.tolist()]


# -- text ------------------------------------------------------------------------------------------

# Controls, the soft hyphen, and marks without width, of direction among them; not the joiners of emoji.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e"
    r"\u2060-\u2062\u2064-\u206f\ufeff]"
)
_SPACES = re.compile(r"[\s\u00a0\u202f\u2007\u2009]+")


def clean(text: str) -> str:
    """The text as one line: white space folded, control and invisible characters gone."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return _SPACES.sub(" ", _CONTROL.sub("", unicodedata.normalize("NFC", text))).strip()


def _prepared(text: str, kind: str) -> str:
    """The text cleaned; free text line by line, so that its line breaks stay."""
    if kind != "freetext":
        return clean(text)
    return "\n".join(clean(line) for line in text.splitlines()).strip("\n")


def _repair(text: str, value: str, kind: str) -> str | None:
    if not text.isprintable() and _CONTROL.search(text.replace(EXACT, "")):
        return "control-characters"
    if kind == "date" and text.strip().isdecimal() and len(text.strip()) == 5 and value:
        return "date-from-serial"
    return None


def _line(text: str, _: Conventions) -> str:
    return text.replace(EXACT, "")


_WAS_NUMBER = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+|[0-9]+[.,]0", re.IGNORECASE)


def _code(text: str, _: Conventions) -> str:
    """A code as it stands, unless it was a number meanwhile: 1,23457E+14, 1001.0, 2026.1 for 2026.10.

    Raises:
        Unreadable: digits or zeros at its end may be missing.
    """
    if text.endswith(EXACT) or _WAS_NUMBER.fullmatch(text):
        raise Unreadable("code-was-number")
    return text


def _billnum(text: str, conventions: Conventions) -> str:
    """A bill number; the service is asked about it in a URL, where no personal identity code may stand."""
    if not text.isdecimal() and is_personal(text):
        raise Unreadable("billnum-personal")
    return _code(text, conventions)


def _joined(text: str, conventions: Conventions) -> str:
    """A code that is written with or without spaces: a reference, an e-invoice address, a VAT number."""
    return _code(text, conventions).replace(" ", "")


def _upper(text: str, conventions: Conventions) -> str:
    return _joined(text, conventions).upper()


def _postcode(text: str, conventions: Conventions) -> str:
    """`123 45` is 12345; a postcode with letters keeps its space."""
    joined = _joined(text, conventions)
    return joined if joined.isdecimal() else _line(text, conventions).upper()


# -- numbers ---------------------------------------------------------------------------------------

_CURRENCY = re.compile(
    r"^(?:€|EUR|SEK|NOK|kr)\.? ?|(?<=[0-9.,\s-]) ?(?:€|EUR|SEK|NOK|kr\.?|%)$", re.IGNORECASE
)
MOST_DIGITS = 12
"""How many digits a number may have before its decimal separator."""
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SPACED = re.compile(r"[0-9]{1,3}(?: [0-9]{3})+(?:[.,][0-9]+)?")
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,12}(?:([.,])[0-9]{1,2})?")
_GROUPED_TWICE = re.compile(r"[0-9]{1,3}(?:(?:\.[0-9]{3}){2,}|(?:,[0-9]{3}){2,})")
_AMBIGUOUS = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
# One mark only, and no thousands mark: (0,125  1234,567  35,5); or thousands mark, then the other one.
_PROVES = re.compile(
    r"(?:0|[0-9]{4,})(?P<plain>[.,])[0-9]{3}|[0-9]+(?P<decimal>[.,])(?:[0-9]{1,2}|[0-9]{4,})"
    r"|[0-9]{1,3}(?:\.[0-9]{3})+(?P<comma>,)[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+(?P<dot>\.)[0-9]+"
)


def number(text: str, conventions: Conventions) -> Decimal:
    """The number that a cell text says: `1 234,50`, `1.234,50`, `−5,00`, `5,00-`, `35,00 €`, `25,5 %`.

    Raises:
        Unreadable: it is no number, larger than any price or quantity, or `1.234` could be two and the
            file's own convention is not known.
    """
    negative, digits = _number_body(text.removesuffix(EXACT))
    if text.endswith(EXACT) and _PLAIN.fullmatch(digits):
        plain = digits
    elif _SPACED.fullmatch(digits):
        plain = digits.replace(" ", "").replace(",", ".")
    elif digits.isdecimal() and digits.isascii():
        plain = digits
    elif _AMBIGUOUS.fullmatch(digits):
        mark = "," if "," in digits else "."
        if conventions.decimal is None:
            raise Unreadable("number-ambiguous")
        plain = digits.replace(mark, "." if mark == conventions.decimal else "")
    elif _GROUPED_TWICE.fullmatch(digits):
        plain = digits.replace(".", "").replace(",", "")
    elif match := _PROVES.fullmatch(digits):
        mark = _mark(match)
        plain = digits.replace("." if mark == "," else ",", "").replace(mark, ".")
    else:
        raise Unreadable("number-form")
    if len(plain.partition(".")[0]) > MOST_DIGITS:
        raise Unreadable("number-too-large")
    value = Decimal(plain)
    return -value if negative else value


def _mark(proof: re.Match[str]) -> str:
    """The decimal separator that a text proves."""
    return next(found for found in proof.groups() if found)


def _number_body(text: str) -> tuple[bool, str]:
    """Whether a minus sign stands before or after, and the digits with their marks."""
    body = _CURRENCY.sub("", _CURRENCY.sub("", clean(text).replace("\u2212", "-"))).strip()
    if body.startswith("(") and body.endswith(")"):  # the accountants' minus
        return True, body[1:-1].strip()
    if body.startswith(("-", "+")):
        return body[0] == "-", body[1:].strip()
    return body.endswith("-"), body.removesuffix("-").strip()


def _money(text: str, conventions: Conventions) -> str:
    return money_text(number(text, conventions))


def _decimal(text: str, conventions: Conventions) -> str:
    return decimal_text(number(text, conventions))


def _integer(text: str, conventions: Conventions) -> str:
    value = number(text, conventions)
    if value != value.to_integral_value():
        raise Unreadable("integer-form")
    return decimal_text(value)


# -- dates -----------------------------------------------------------------------------------------

_DATE = re.compile(
    r"(?P<y>[0-9]{4})(?P<mark>[-/.])(?P<m>[0-9]{1,2})(?P=mark)(?P<d>[0-9]{1,2})(?:[T ][0-9:.]+)?"
    r"|(?P<y8>[12][0-9]{3})(?P<m8>[0-9]{2})(?P<d8>[0-9]{2})"
    r"|(?P<first>[0-9]{1,2})(?P<sign>[-/.])(?P<second>[0-9]{1,2})(?P=sign)(?P<year>[0-9]{4})"
    r"(?: [0-9]{1,2}[:.][0-9]{2}(?:[:.][0-9]{2})?)?"
    r"|(?P<serial>[2-7][0-9]{4})"
)
_EXCEL_DAY_0 = dt.date(1899, 12, 30)


def date(text: str, conventions: Conventions) -> str:
    """The ISO date of `1.2.2026`, `01.02.2026`, `2026-02-01`, `20260201` or an Excel day number.

    `02/03/2026` needs the profile to say which is the day.

    Raises:
        Unreadable: it is no such form, no such day, or could be two days.
    """
    match = _DATE.fullmatch(text)
    if not match:
        raise Unreadable("date-form")
    if match["serial"]:
        return (_EXCEL_DAY_0 + dt.timedelta(days=int(match["serial"]))).isoformat()
    if match["year"]:
        order = conventions.date if match["sign"] != "." else (conventions.date or "dmy")
        if order not in {"dmy", "mdy"}:
            raise Unreadable("date-ambiguous")
        day, month = (
            (match["first"], match["second"]) if order == "dmy" else (match["second"], match["first"])
        )
        year = match["year"]
    else:
        year, month, day = (match["y"] or match["y8"], match["m"] or match["m8"], match["d"] or match["d8"])
    try:
        return dt.date(int(year), int(month), int(day)).isoformat()
    except ValueError as error:
        raise Unreadable("date-impossible") from error


# -- words -----------------------------------------------------------------------------------------


def _of_words(name: str, code: str) -> Callable[[str, Conventions], str]:
    def convert_word(text: str, conventions: Conventions) -> str:
        known = value_words(name)
        value = known.get(normalise(_line(text, conventions)))
        if value is None:
            raise Unreadable(code, allowed=", ".join(dict.fromkeys(known.values())))
        return value

    return convert_word


def _country(text: str, conventions: Conventions) -> str:
    code = countries().get(normalise(_line(text, conventions)))
    if code is None:
        raise Unreadable("country-unknown")
    return code


_CONVERTERS: dict[str, Callable[[str, Conventions], str]] = {
    "text": _line,
    "freetext": _line,
    "billnum": _billnum,
    "billcode": _joined,
    "date": date,
    "money": _money,
    "decimal": _decimal,
    "percent": _decimal,
    "integer": _integer,
    "number": _decimal,
    "jobid": _integer,
    "flag": _of_words("flag", "flag-unknown"),
    "country": _country,
    "language": _of_words("language", "language-unknown"),
    "customertype": _of_words("customertype", "customertype-form"),
    "credit": _of_words("credit", "credit-form"),
    "sendtype": _of_words("sendtype", "sendtype-unknown"),
    "jobtype": _of_words("jobtype", "jobtype-unknown"),
    "billtemplate": _upper,
    "yesno": _of_words("yesno", "flag-unknown"),
    "postcode": _postcode,
    "email": _line,
    "phone": _line,
    "govid": _joined,
    "vatid": _upper,
    "evoice": _joined,
    "operator": _joined,
    "base64": _line,
}
"""A converter for each kind in `schemas/values.json`; each is given a cleaned, nonblank text."""

_PLAIN_FORMS: dict[Callable[[str, Conventions], str], re.Pattern[str]] = {
    # one line of ASCII and Latin-1 letters and signs, single spaces between them
    _line: re.compile("[!-~\u00a1-\u00ac\u00ae-\u00ff]+(?: [!-~\u00a1-\u00ac\u00ae-\u00ff]+)*"),
    _joined: re.compile("[0-9A-Za-z-]+"),
    _upper: re.compile("[0-9A-Z-]+"),
    _billnum: re.compile("[0-9]+"),
    _postcode: re.compile("[0-9]+"),
    _money: re.compile(f"(?:-?[1-9][0-9]{{0,11}}|0)(?:,[0-9]{{2}}|\\.[0-9]{{2}}{EXACT}?)"),
    _decimal: re.compile(f"(?:-?[1-9][0-9]{{0,11}}|0)(?:,[0-9]?[1-9]|\\.[0-9]?[1-9]{EXACT}?)?"),
}
"""By converter, texts that it returns as they are, but for the decimal point."""
