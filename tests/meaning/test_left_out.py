"""Rows that a profile leaves out go with their whole invoice, or the invoice is not sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from made import HEADER, documents, good, table, told

from pipeline.meaning.left_out import LEFT_OUT, LeftOut, go, mark
from pipeline.profile import Profile
from pipeline.rows.frames import categorical

DRAFT = {"when": {"Tila": ["Luonnos", "Kesken"]}, "reason": "draft"}
INTERNAL = {"when": {"Tuote": "Sisäinen"}, "reason": "internal"}
BLANK = dict.fromkeys(
    ("Laskupäivä", "Eräpäivä", "Nimi", "Y-tunnus", "Osoite", "Postinumero", "Postitoimipaikka"), ""
)


def profile_of(*leave_out: dict[str, Any], **declared: Any) -> Profile:
    """A profile that leaves these out."""
    return Profile.model_validate({"leave_out": [*leave_out], **declared})


def with_state(*rows: tuple[list[str], str], header: list[str] = HEADER) -> list[list[str]]:
    """A table of rows with a last column for their state."""
    return [[*header, "Tila"], *([*row, state] for row, state in rows)]


def test_an_invoice_goes_when_all_its_rows_do() -> None:
    """Its rows are told with the reason; the other invoices stay, whatever frames they come in."""
    rows = with_state(
        (good(), "Valmis"),
        (good(Laskunumero="1002"), "Luonnos"),
        (good(Laskunumero="1002", Tuote="Muu"), " kesken "),
        (good(Laskunumero="1003"), ""),
    )
    for size, part_bytes in ((1000, 1), (1, 1), (2, 50)):
        found, intake = documents(table(rows), profile=profile_of(DRAFT), size=size, part_bytes=part_bytes)
        assert [document.billnum for document in found] == ["1001", "1003"]
        assert told(found) == []
        assert intake.aside == {(0, "header"): [1], (0, "draft"): [3, 4]}


def test_an_invoice_left_out_in_part_is_not_sent() -> None:
    """It keeps all its rows, so that nothing is lost of it, and the row meant is named."""
    rows = with_state(
        (good(), "Valmis"), (good(Tuote="Sisäinen"), "Valmis"), (good(Laskunumero="1002"), "Valmis")
    )
    found, intake = documents(table(rows), profile=profile_of(INTERNAL))
    assert told(found) == [("left-out-in-part", "I3")]
    assert [len(document.rows) for document in found] == [2, 1]
    (finding,) = found[0].findings
    assert finding.message == (
        "The profile leaves this row out (internal), but not the other rows of its invoice, "
        "which would have a wrong sum without it."
    )
    assert finding.billnum == "1001"
    assert intake.aside == {(0, "header"): [1]}


def test_drafts_without_number_do_not_touch_others_of_their_customer() -> None:
    """Rows without bill number are one invoice only with the same debtor and dates."""
    draft = good(Laskunumero="", Laskupäivä="2.10.2026")
    rows = with_state((good(Laskunumero=""), "Valmis"), (draft, "Luonnos"), (draft, "Luonnos"))
    found, intake = documents(table(rows), profile=profile_of(DRAFT))
    assert len(found) == 1
    assert told(found) == []
    assert intake.aside[0, "draft"] == [3, 4]


def test_the_invoices_own_row_speaks_for_it() -> None:
    """Where rows with the debtor and rows with the products alternate, the state stands on the first kind."""
    own = dict(zip(HEADER, good(), strict=True)) | dict.fromkeys(HEADER[8:], "")
    part = dict(zip(HEADER, good(), strict=True)) | BLANK
    lines = [
        *(([*own.values()], "Luonnos"), ([*part.values()], ""), ([*part.values()], "")),
        *((["1002", *[*own.values()][1:]], "Valmis"), (["1002", *[*part.values()][1:]], "")),
    ]
    found, intake = documents(table(with_state(*lines)), profile=profile_of(DRAFT))
    assert [document.billnum for document in found] == ["1002"]
    assert intake.aside[0, "draft"] == [2, 3, 4]


def test_with_carry_the_first_row_speaks_for_the_invoice() -> None:
    """One of the others that says otherwise keeps the invoice from being sent."""
    below = [*(dict(zip(HEADER, good(), strict=True)) | BLANK | {"Laskunumero": ""}).values()]
    rows = with_state((good(), "Luonnos"), (below, ""), (good(Laskunumero="1002"), "Valmis"), (below, ""))
    carrying = profile_of(DRAFT, reading={"carry": True})
    found, intake = documents(table(rows), profile=carrying)
    assert [(document.billnum, len(document.rows)) for document in found] == [("1002", 2)]
    assert intake.aside[0, "draft"] == [2, 3]
    rows[2][-1] = "Valmis"
    found, intake = documents(table(rows), profile=carrying)
    assert told(found) == [("left-out-in-part", "M2")]
    assert (0, "draft") not in intake.aside


def test_a_row_that_says_nothing_is_no_consent() -> None:
    """A product's row without code does not go because another product's does."""
    rows = with_state((good(Tuote="Sisäinen"), ""), (good(Tuote=""), ""))
    found, _ = documents(table(rows), profile=profile_of(INTERNAL))
    assert ("left-out-in-part", "I2") in told(found)
    assert len(found[0].rows) == 2


def test_a_row_that_names_nobody_may_be_of_the_invoice_above() -> None:
    """Left out or not, it makes the invoice doubtful; a draft that names its debtor does not."""
    nobody = [
        *(dict(zip(HEADER, good(Tuote="Sisäinen"), strict=True)) | BLANK | {"Laskunumero": ""}).values()
    ]
    debtor = good(Laskunumero="", Tuote="Sisäinen", Laskupäivä="", Nimi="Toinen Oy")
    for below, codes in ((nobody, ["row-below-unnamed"]), (debtor, [])):
        rows = with_state((good(), "Valmis"), (below, "Valmis"))
        found, intake = documents(table(rows), profile=profile_of(INTERNAL))
        assert [code for code, _ in told(found)] == codes
        assert intake.aside[0, "internal"] == [3]


def test_of_two_tables_the_invoices_one_speaks() -> None:
    """Its draft goes with its rows in the other table; what the rows themselves say comes first."""
    own = [["Tila", *HEADER[:8]], ["Luonnos", *good()[:8]], ["Valmis", *good(Laskunumero="1002")[:8]]]
    parts = [["Laskunumero", *HEADER[8:]], *([number, *good()[8:]] for number in ("1001", "1001", "1002"))]
    tables = [{"part": "invoices", "file": "a*"}, {"part": "rows", "file": "b*"}]
    by_rows = {"when": {"Tuote": "Sisäinen"}, "reason": "internal"}
    both = profile_of(by_rows, DRAFT, tables=tables)
    found, intake = documents(table(own, file="a.csv"), table(parts, file="b.csv"), profile=both)
    assert [document.billnum for document in found] == ["1002"]
    assert told(found) == []
    assert intake.aside == {(0, "header"): [1], (1, "header"): [1], (0, "draft"): [2], (1, "draft"): [2, 3]}
    parts[3][1] = "Sisäinen"
    found, _ = documents(table(own, file="a.csv"), table(parts, file="b.csv"), profile=both)
    assert told(found) == [("left-out-in-part", "B4")]


_LEFT = [LeftOut(number, number, reason) for number, reason in enumerate(["draft", "internal"])]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),  # the document
            st.sampled_from(["out", "silent", "says"]),
            st.sampled_from(["out", "silent", "says"]),
            st.booleans(),  # an own row
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_what_goes_is_as_document_by_document(rows: list[tuple[int, str, str, bool]], carried: bool) -> None:
    """An invoice goes as a whole or stays as a whole; what was left out in vain is exactly what stays."""
    frame = pd.DataFrame({"document": [row[0] for row in rows]})
    for number, left in enumerate(_LEFT):
        said = np.array([row[number + 1] for row in rows], dtype=object)
        frame = mark(frame, left, said == "out", said == "silent")
    documents_of = frame["document"].to_numpy(np.int64)
    own = np.array([row[3] for row in rows], bool)
    reasons, in_vain = go(frame[LEFT_OUT], documents_of, own, carried=carried)
    for document in {row[0] for row in rows}:
        numbers = [at for at, row in enumerate(rows) if row[0] == document]
        out = {at: next((n for n in (0, 1) if rows[at][n + 1] == "out"), None) for at in numbers}
        stay = [at for at in numbers if out[at] is None]
        whole = [
            out[at]
            for at in numbers
            if out[at] is not None
            and (rows[at][3] or (carried and at == numbers[0]))
            and not any(rows[other][out[at] + 1] == "says" for other in stay)  # type: ignore[operator] # not None
        ]
        goes = (not stay) or bool(whole)
        assert [bool(reasons[at]) for at in numbers] == [goes] * len(numbers)
        if goes:
            given_reasons = [_LEFT[out[at] if out[at] is not None else whole[0]].reason for at in numbers]  # type: ignore[index] # likewise
            assert [reasons[at] for at in numbers] == given_reasons
        assert {at: left.declaration for at, left in in_vain.items() if at in numbers} == (
            {} if goes else {at: n for at, n in out.items() if n is not None}
        )


def test_a_mark_travels_as_text() -> None:
    """As what it was packed from; other texts are no marks."""
    left = LeftOut(7, None, "ei lähetetä, “ä”")
    assert LeftOut.unpack(left.pack()) == left
    assert LeftOut.unpack("0 2") is None
    column = categorical(np.array([0, 1]), [left.pack(), ""])
    assert [LeftOut.reason_in(text) for text in column] == ["ei lähetetä, “ä”", ""]
