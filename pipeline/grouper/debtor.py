"""Who pays: `company` or `person`, and the `customertype` that says which, from evidence only.

The service wants `company` with customertype 1 and `person` with 2 (`seeds/invoice.txt`). Exports often
have one name column for both; then a business id, a VAT number or a personal identity code decides.
"""

from __future__ import annotations

from pipeline.values.identifiers import COUNTRIES, canonical_govid, kind_of_govid

COMPANY, PERSON = "1", "2"


def settle(flat: dict[str, str], home: str | None = None) -> bool:
    """Make `company` or `person` and `customertype` of one document's fields, the helper fields gone.

    A valid `govid` is written as its country writes it: the customer's, or where the file does not tell,
    `home`, the biller's (alpha-3). Another country's number may look like one of ours and stays as it is.

    False where nothing in the file says which kind of customer it is; the name then stays unsettled.
    """
    name = flat.pop("name", None)
    parts = [part for part in (flat.pop("firstname", None), flat.pop("lastname", None)) if part]
    if parts:
        flat.setdefault("person", " ".join(parts))
    kind = flat.get("customertype") or _evidence(flat)
    if "govid" in flat:
        country = flat.get("country") or flat.get("addresscountry") or home
        flat["govid"] = canonical_govid(flat["govid"], country)
    if kind is None:
        if name:
            flat["company"] = name
        return False
    flat["customertype"] = kind
    wanted = "company" if kind == COMPANY else "person"
    if name:
        flat.setdefault(wanted, name)
    return True


def _kind_of_govid(govid: str, country: str | None) -> str | None:
    """What the id proves; also one of another Nordic country, as a branch has."""
    return kind_of_govid(govid, country) or (kind_of_govid(govid) if country in COUNTRIES else None)


def _evidence(flat: dict[str, str]) -> str | None:
    if "govid" in flat and (kind := _kind_of_govid(flat["govid"], flat.get("country"))):
        return COMPANY if kind == "business" else PERSON
    if "vatid" in flat:
        return COMPANY
    named = [name for name in ("company", "person") if name in flat]
    if len(named) == 1:
        return COMPANY if named[0] == "company" else PERSON
    return None
