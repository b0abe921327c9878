"""Identifiers, references, addresses and VAT rates: a wrong one is told on its cell."""

from __future__ import annotations

import pytest
from checked import check, found

from pipeline.privacy import MASKED

PERSON = {"Nimi": "Teppo Testaaja", "Asiakastyyppi": "2"}
SWEDEN = {"Maa": "SE", "Postinumero": "111 22"}
ABROAD = {"Maa": "DE", "Postinumero": "10115"}


@pytest.mark.parametrize(
    ("row", "home"),
    [
        ({"Y-tunnus": "22625095"}, "FIN"),
        ({"Y-tunnus": "", "Asiakastyyppi": "1"}, "FIN"),
        ({"Y-tunnus": "131052-308T", **PERSON}, "FIN"),
        ({"Y-tunnus": "556677-8899", **SWEDEN}, "FIN"),
        ({"Y-tunnus": "556677-8899"}, "FIN"),  # no country is told: any of the three is as good
        ({"Y-tunnus": "2262509-5", **SWEDEN}, "FIN"),  # a Finnish company's branch
        ({"Y-tunnus": "HRB 12345", "Asiakastyyppi": "1", **ABROAD}, "FIN"),
        ({"ALV-tunnus": "FI22059054"}, "FIN"),
        ({"ALV-tunnus": "DE136695976"}, "FIN"),
        ({"Verkkolaskuosoite": "003722625095"}, "FIN"),
        ({"Verkkolaskuosoite": "0216:003722625095"}, "FIN"),
        ({"Verkkolaskuosoite": "FI123578612717718"}, "FIN"),
        ({"Operaattori": "003714377140"}, "FIN"),
        ({"Operaattori": "NDEAFIHH"}, "FIN"),
        ({"Viite": "1232"}, "FIN"),
        ({"Viite": "RF18 5390 0754 7034"}, "FIN"),
        ({"Viite": "1234567897", "Postinumero": "111 22", "ALV %": "25"}, "SWE"),
        ({"Sähköposti": "mäki@yritys.example", "Sähköposti 2": "a@xn--mki-qla.example"}, "FIN"),
        ({"Postinumero": "0150", "ALV %": "25"}, "NOR"),
        ({"Postinumero": "0150", "Maa": "Norja"}, "FIN"),
        ({"Postinumero": "SW1A 1AA", "Maa": "UK", "Asiakastyyppi": "1"}, "FIN"),
    ],
)
def test_right_identifiers_are_not_mentioned(row: dict[str, str], home: str) -> None:
    """Nothing is said of what is right by the rules of its country."""
    assert found(row, home=home) == []


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            {"Y-tunnus": "2262509-4", "Asiakastyyppi": "1"},
            (
                "warning business-id-check-digit E2: The business id “2262509-4” has a wrong check digit: "
                "at least one of its digits is mistyped."
            ),
        ),
        (
            {"Y-tunnus": "131052-308U", **PERSON},
            (
                "warning personal-id-check E2: The personal identity code has a wrong check character or an "
                "impossible date."
            ),
        ),
        (
            {"Y-tunnus": "ABC-1", "Asiakastyyppi": "1"},
            (
                "warning govid-form E2: “ABC-1” has the form neither of a business id nor of a personal "
                "identity code."
            ),
        ),
        (
            {"ALV-tunnus": "FI22059055"},
            (
                "warning vatid-form M2: “FI22059055” is not a valid VAT number: its country letters, its "
                "length or its check digit is wrong."
            ),
        ),
        (
            {"Verkkolaskuosoite": "003722625094"},
            (
                "warning ovt-form M2: “003722625094” is not a valid e-invoice address: after 0037 follow the "
                "8 digits of a business id and at most 5 characters more."
            ),
        ),
        (
            {"Verkkolaskuosoite": "OP"},
            "warning evoice-form M2: “OP” is not an e-invoice address or an operator's code.",
        ),
        (
            {"Operaattori": "OP"},
            "warning evoice-form M2: “OP” is not an e-invoice address or an operator's code.",
        ),
        (
            {"Viite": "1233"},
            (
                "warning reference-check-digit M2: The reference “1233” has a wrong check digit: a bank "
                "does not accept it as a payment reference."
            ),
        ),
        (
            {"Viite": "Kiitos!"},
            (
                "warning reference-form M2: “Kiitos!” is not a payment reference, so it goes out as a "
                "message to the payer and the payment is not matched by itself."
            ),
        ),
        (
            {"Sähköposti 2": "maija@-yritys.fi"},
            "error email-form M2: “maija@-yritys.fi” is not an e-mail address.",
        ),
        (
            {"Postinumero": "100"},
            "error postcode-form G2: “100” is not a postcode of Finland.",
        ),
        (
            {"Postinumero": "01234", "Maa": "SE"},
            "error postcode-form G2: “01234” is not a postcode of Sweden.",
        ),
        (
            {"Postinumero": "LV-1010"},
            (
                "warning postcode-abroad G2: “LV-1010” is not a postcode of Finland, and nothing says which "
                "country the address is in."
            ),
        ),
    ],
)
def test_a_wrong_identifier_is_told_on_its_cell(row: dict[str, str], told: str) -> None:
    """One mistake is one finding, in words."""
    assert found(row) == [told]


def test_a_reference_follows_the_billers_country() -> None:
    """The payer pays to the biller's bank: a right Finnish reference need not be a Swedish one."""
    swedish = {"Postinumero": "111 22", "ALV %": "25"}
    assert found({"Viite": "1232"}) == []
    assert found({"Viite": "1232", **swedish}, home="SWE") == [
        (
            "warning reference-check-digit M2: The reference “1232” has a wrong check digit: a bank does not "
            "accept it as a payment reference."
        )
    ]


def test_a_mistyped_personal_code_is_never_shown() -> None:
    """The finding on a personal identity code does not repeat it."""
    [document] = check({"Y-tunnus": "131052-308U", **PERSON})
    assert document.findings[0].value == MASKED


@pytest.mark.parametrize(
    ("govid", "shown"),
    [("2262509-4", "2262509-4"), ("12345", "12345"), ("131052-308T", MASKED)],
)
@pytest.mark.parametrize("finance", ["1", "2"])
def test_financing_needs_a_valid_business_id(govid: str, shown: str, finance: str) -> None:
    """What is a warning elsewhere keeps a financed or sold invoice from being sent."""
    assert found({"Y-tunnus": govid, "Asiakastyyppi": "1", "Rahoitus": finance}) == [
        (
            "error business-id-invalid E2: Financing and purchase of an invoice need the customer's valid "
            f"business id, and “{shown}” is none."
        )
    ]


@pytest.mark.parametrize("govid", ["2262509-5", "556677-8899", "988077917", "811218-9876"])
def test_a_valid_business_id_can_be_financed(govid: str) -> None:
    """A business id of each country is right; a Swedish sole trader's is the owner's personal number."""
    assert found({"Y-tunnus": govid, "Asiakastyyppi": "1", "Rahoitus": "1"}) == []


# -- VAT rates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "home"),
    [
        ({"ALV %": "25,5"}, "FIN"),
        ({"ALV %": "14", "Toimituspäivä": "31.12.2025"}, "FIN"),
        ({"ALV %": "13,5", "Toimituspäivä": "1.1.2026"}, "FIN"),
        ({"ALV %": "0"}, "FIN"),
        ({"ALV %": "25", "Postinumero": "11122"}, "SWE"),
        ({"ALV %": "15", "Postinumero": "0150"}, "NOR"),
        ({"ALV %": "25,5", "Maa": "SE", "Postinumero": "11122"}, "FIN"),
    ],
)
def test_a_rate_in_force_is_not_mentioned(row: dict[str, str], home: str) -> None:
    """The rates are the biller's country's, on the day of delivery, else of the invoice."""
    assert found(row, home=home) == []


def test_an_unusual_rate_is_a_warning_once_an_invoice() -> None:
    """A rate that was not in force is told on the first row that has it; a second rate is a second one."""
    rows = [{"ALV %": rate, "Toimituspäivä": "1.9.2024"} for rate in ("24", "25,5", "24", "8")]
    assert found(*rows) == [
        (
            "warning vat-rate-unusual L2: A VAT rate of 24 % was not in force in Finland on 2024-09-01; the "
            "rates were 25.5, 14, 10, 0 %."
        ),
        (
            "warning vat-rate-unusual L5: A VAT rate of 8 % was not in force in Finland on 2024-09-01; the "
            "rates were 25.5, 14, 10, 0 %."
        ),
    ]


def test_without_a_delivery_date_the_invoice_date_counts() -> None:
    """An invoice of October 2026 has the rates of October 2026."""
    assert found({"ALV %": "14"}) == [
        (
            "warning vat-rate-unusual L2: A VAT rate of 14 % was not in force in Finland on 2026-10-01; the "
            "rates were 25.5, 13.5, 10, 0 %."
        )
    ]
