"""What the three programs to compare with have in common: the columns, and how a batch is sent."""

from __future__ import annotations

import os
from typing import Any

import requests

BATCH = 100
HEADERS = {"Content-Type": "application/json"}
OWN = {  # header → tag of the invoice
    "Laskunumero": "billnum",
    "Laskupäivä": "billdate",
    "Eräpäivä": "paydate",
    "Toimituspäivä": "deliverydate",
    "Viitenumero": "billcode",
    "Asiakasnumero": "custnum",
    "Nimi": "name",
    "Y-tunnus": "govid",
    "ALV-tunnus": "vatid",
    "Osoite": "address",
    "Postinumero": "postcode",
    "Postitoimipaikka": "city",
    "Maa": "country",
    "Sähköposti": "email",
    "Puhelin": "phone",
    "Verkkolaskuosoite": "evoice",
    "Välittäjätunnus": "evoiceint",
    "Kieli": "language",
    "Viitteenne": "yourcode",
    "Viitteemme": "ourcode",
    "Tilausnumero": "ordernumber",
    "Lisätiedot": "freetext",
    "Viivästyskorko": "overdueinterest",
}
ROW = {  # header → tag of the row
    "Selite": "desc",
    "Määrä": "count",
    "Yksikkö": "itemtype",
    "À-hinta": "amount",
    "ALV %": "taxpr",
    "Alennus %": "discount",
    "Veroton summa": "netamount",
}
DATES = ("billdate", "paydate", "deliverydate")
NUMBERS = ("count", "amount", "taxpr", "discount", "netamount")


def session() -> requests.Session:
    """A session with the token."""
    new = requests.Session()
    new.trust_env = False
    answer = new.post(_url("/rest/token"), json={"cid": "1", "apicode": "x"}, timeout=60)
    new.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return new


def post(to: requests.Session, body: bytes) -> int:
    """Send a batch; how many were accepted."""
    answer = to.post(_url("/rest/jobs"), data=body, headers=HEADERS, timeout=60)
    answer.raise_for_status()
    return int(answer.json()["accepted"])


def iso(text: str) -> str:
    """`2026-02-01` of `1.2.2026`, or of what a workbook's date cell becomes as text."""
    if "." not in text:
        return text[:10]
    day, month, year = text.split(".")
    return f"{year}-{month:0>2}-{day:0>2}"


def dataset(own: dict[str, str], rows: list[dict[str, str]]) -> dict[str, Any]:
    """The dataset of converted fields: the country by its code of three letters, the name by its kind."""
    is_company = own.get("govid", "")[-2:-1] == "-"
    own["company" if is_company else "person"] = own.pop("name")
    return {
        **own,
        "country": "FIN",
        "jobtype": "0",
        "customertype": "1" if is_company else "2",
        "payrow": rows,
    }


def _url(path: str) -> str:
    return os.environ["ROPO_BASE_URL"] + path
