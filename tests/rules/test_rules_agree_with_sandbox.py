"""Our schemas and rules against the sandbox's own: two readings of the same pages."""

from __future__ import annotations

import json
from decimal import Decimal

from checked import check
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ledger.content import as_json
from pipeline.sandbox import checks

Cells = dict[str, str]


def cells(*choices: Cells) -> st.SearchStrategy[Cells]:
    """One of those; what comes first is what Hypothesis shrinks to."""
    return st.sampled_from(choices)


DEBTOR = cells({"Asiakastyyppi": "1"}, {"Asiakastyyppi": "2"})
GOVID = cells({}, {"Y-tunnus": ""}, {"Y-tunnus": "2262509-4"}, {"Y-tunnus": "556677-8899"})
JOB = cells({}, {"jobtype": "300", "Viite": "1232"}, {"jobtype": "301"}, {"Collection process": "T1"})
PLAN = cells(
    {},
    {"Instalment 1 date": "15.10.2026", "Instalment 1 amount": "125,50"},
    {"Instalment 1 date": "15.10.2026", "Instalment 1 amount": "-125,50"},
    {"Instalment 1 date": "15.10.2026"},
    {"Instalment 1 date": "15.10.2026", "Instalment 1 amount": "100"}
    | {"Instalment 2 date": "15.11.2026", "Instalment 2 amount": "25,5"},
)
CALCULATED = st.dictionaries(
    st.sampled_from(["Instalment interval", "Instalment size", "Number of instalments"]),
    st.just("2"),
    max_size=3,
)
FINANCE = cells({}, {"Rahoitus": "1"}, {"Rahoitus": "2"}, {"Rahoitus": "3"})
FEE = cells({}, {"Fixed fee": "1"}, {"Fixed fee": "0"})
SITE = st.dictionaries(st.sampled_from(["Site ID", "Site number"]), st.just("7"), max_size=2)
DISCOUNT = cells(
    {},
    {"Cash discount date": "8.10.2026", "Cash discount %": "2", "Cash discount amount": "2,00"},
    {"Cash discount date": "8.10.2026", "Cash discount %": "2", "Cash discount amount": "-2,00"},
    {"Cash discount date": "8.10.2026", "Cash discount %": "2"},
)
ACCOUNTS = cells(
    {},
    {"Account 1": "1701", "Debit 1": "125,5", "Account 2": "3000", "Credit 2": "125,50"},
    {"Account 1": "1701", "Debit 1": "125,5", "Account 2": "3000", "Credit 2": "100"},
    {"Account 1": "1701", "Debit 1": "1", "Credit 1": "1", "Posting 1 type": "12345678901"},
    {"Debit 1": "1", "Credit 1": "1"},
)
PROPERTIES = cells(
    {},
    {"Property 1 name": "a", "Property 1 value": "b"},
    {"Property 1 name": "a"},
    {"Property 1 name": "a", "Property 1 value": "b", "Property 2 name": "c", "Property 2 value": "d"},
)
SIGNS = cells(
    {},
    {"Veroton hinta": "-50"},
    {"Määrä": "-2"},
    {"Veroton hinta": "-50", "Hyvitettävä lasku": "1000"},
    {"Määrä": "-2", "Hyvitettävä lasku": "1000"},
    {"Hyvitettävä lasku": "1000"},
    {"Laskutyyppi": "Hyvityslasku", "Refund jobid": "7"},
    {"Veroton hinta": "-50", "Hyvitettävä lasku": "1000", "Refund jobid": "7"},
)
DELIVERY = cells({}, {"Sendtype": "post"}, {"Sendtype": "b2c"})
DATES = cells({}, {"Eräpäivä": "30.9.2026"})

FEATURES = (
    DEBTOR,
    GOVID,
    JOB,
    PLAN,
    CALCULATED,
    FINANCE,
    FEE,
    SITE,
    DISCOUNT,
    ACCOUNTS,
    PROPERTIES,
    SIGNS,
    DELIVERY,
)


def agree(row: Cells) -> None:
    """Both take the invoice of that row, or neither does."""
    [document] = check(row)
    refused = checks.check(json.loads(as_json(document.dataset), parse_float=Decimal))
    errors = [each.code for each in document.findings if each.severity == "error"]
    assert (errors == []) == (refused == []), (errors, refused)


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_we_send_what_the_sandbox_takes_and_nothing_else(data: st.DataObject) -> None:
    """A few features at a time, right and wrong: the verdicts are one."""
    chosen = data.draw(st.lists(st.sampled_from([*FEATURES, DATES]), max_size=4, unique_by=id))
    row: Cells = {"Asiakastyyppi": "1"}
    for strategy in chosen:
        row |= data.draw(strategy)
    agree(row)


BLANK = dict.fromkeys(("Tuote", "Määrä", "Veroton hinta", "ALV %"), "")


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["1", "2"]),
    st.fixed_dictionaries(
        {
            "Avoin summa": st.sampled_from(["75,30", "0", "-1", ""]),
            "Viite": st.sampled_from(["1232", ""]),
            "Laskunumero": st.sampled_from(["1001", ""]),
            "Noticedate": st.sampled_from(["1.11.2026", ""]),
            "Sendtype": st.sampled_from(["post", "b2c", ""]),
        }
    ),
    st.booleans(),
)
def test_reminders_and_collections_too(jobtype: str, row: Cells, with_rows: bool) -> None:
    """Each job type needs what both say that it needs."""
    agree({"jobtype": jobtype, **row, **({} if with_rows else BLANK)})
