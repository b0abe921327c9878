"""Before sending: what was read as it would go, and what is unusual against the ledger's history."""

from __future__ import annotations

import json

from flow_desk import SAMPLES, Desk, row, told


def numbered(first: int, count: int, **changes: str) -> list[str]:
    """Good rows with bill numbers from `first` on."""
    return [row(Laskunumero=str(first + at), **changes) for at in range(count)]


HEADER = (
    "Laskunumero;Laskupäivä;Eräpäivä;Nimi;Y-tunnus;Osoite;Postinumero;Postitoimipaikka;"
    "Tuote;Määrä;Veroton hinta;ALV %;Asiakasnumero"
)


def test_check_shows_what_would_go(desk: Desk) -> None:
    """The first invoices, sums per VAT rate, and the earliest and latest dates."""
    done = desk.here("check", SAMPLES / "invoices.xlsx", "--out", "out")
    lines = [line.partition("Z ")[2] or line for line in done.out.splitlines()]
    assert "The first invoices:" in lines
    first = next(line for line in lines if line.startswith("| 261001"))
    assert [cell.strip() for cell in first.strip("|").split("|")] == [
        *("261001", "NA Oy", "2026-10-01", "2026-10-31", "1", "35.00", "8.93", "43.93"),
    ]
    assert "| 25.5 %   | 54,453.20 | 13,885.70 |" in lines
    assert "Invoice date: 2026-10-01 – 2026-10-30" in lines
    assert "Due date: 2026-10-15 – 2026-11-29" in lines


def test_a_run_without_anybody_to_read_it_shows_none_of_that(desk: Desk) -> None:
    """A night's run tells how it went; the preview is for who is asked."""
    desk.write("laskut.csv", row())
    assert "The first invoices:" not in desk.here("run", "laskut.csv").out


def test_ten_times_the_customers_usual_sum_is_a_warning(desk: Desk) -> None:
    """After three invoices of 125.50, one of 1255.00 is sent all the same, and pointed out."""
    usual = [f"{each};K-1" for each in numbered(1001, 3)]
    desk.write("a.csv", *usual, header=HEADER)
    desk.run("a.csv")
    desk.write("b.csv", row(Laskunumero="1004", Veroton_hinta="500,00") + ";K-1", header=HEADER)
    done, report = desk.run("b.csv")
    assert done.code == 0
    assert told(report, "warning") == [("unusual-total", "M2", "1004")]
    assert report["findings"][0]["message"] == (
        "This invoice of 1,255.00 is 10 times the customer's usual 125.50."
    )
    assert len(desk.accepted()) == 4


def test_another_customers_sums_say_nothing(desk: Desk) -> None:
    """What is usual is a customer's own."""
    desk.write("a.csv", *[f"{each};K-1" for each in numbered(1001, 3)], header=HEADER)
    desk.run("a.csv")
    desk.write("b.csv", row(Laskunumero="1004", Veroton_hinta="500,00") + ";K-2", header=HEADER)
    assert told(desk.run("b.csv")[1], "warning") == []


def test_a_customer_number_that_is_a_personal_code_is_compared_too(desk: Desk) -> None:
    """The ledger knows such a customer by a keyed hash only."""
    desk.write("a.csv", *[f"{each};131052-308T" for each in numbered(1001, 3)], header=HEADER)
    desk.run("a.csv")
    desk.write("b.csv", row(Laskunumero="1004", Veroton_hinta="500,00") + ";131052-308T", header=HEADER)
    assert "unusual-total" in {code for code, _, _ in told(desk.run("b.csv")[1], "warning")}
    assert b"131052-308T" not in desk.everything_written()


def test_a_gap_in_the_numbers_is_a_warning(desk: Desk) -> None:
    """Within a run, and after what was sent before."""
    desk.write("a.csv", *numbered(1001, 2))
    desk.run("a.csv")
    desk.write("b.csv", *numbered(1004, 2), *numbered(1007, 10))
    done, report = desk.run("b.csv")
    assert done.code == 0
    assert [(each["billnum"], each["message"]) for each in report["findings"]] == [
        ("1004", "Bill numbers are missing before 1004: 1003."),
        ("1007", "Bill numbers are missing before 1007: 1006."),
    ]


def test_a_date_outside_the_month_is_a_warning(desk: Desk) -> None:
    """Nine invoices of October and one of January: somebody typed the month wrong."""
    desk.write("a.csv", *numbered(1001, 9), row(Laskunumero="1010", Laskupäivä="1.1.2026"))
    done, report = desk.run("a.csv")
    assert done.code == 0
    assert told(report, "warning") == [("date-outside-month", "B11", "1010")]
    assert report["findings"][0]["message"] == (
        "The invoice date 2026-01-01 is not in 2026-10, as nearly all others are."
    )


def test_what_is_unusual_belongs_to_its_invoice(desk: Desk) -> None:
    """The report tells it of the invoice, not of the file."""
    desk.write("a.csv", *numbered(1001, 9), row(Laskunumero="1010", Laskupäivä="1.1.2026"))
    _, report = desk.run("a.csv")
    assert {each["billnum"]: each["findings"] for each in report["invoices"]}["1010"] == [
        "date-outside-month"
    ]


def test_quiet_says_what_matters_only(desk: Desk) -> None:
    """What needs attention, the verdict, and where the files are."""
    desk.write("laskut.csv", row(), row(Laskunumero="1002", Eräpäivä="31.11.2026"))
    done = desk.here("run", "laskut.csv", "--out", "out", "--quiet")
    lines = [line.partition("Z ")[2] or line for line in done.out.splitlines()]
    assert lines[0].startswith("laskut.csv C3: “31.11.2026”")
    assert lines[1].startswith("1 of 2 invoices are with the service. Need attention: 1 invalid.")
    assert [line.partition(":")[0] for line in lines[2:]] == [
        "Report",
        "Ledger",
        "Correct it here, and run this file",
    ]


def test_json_is_one_object_a_line(desk: Desk) -> None:
    """Each with its time and event; the same keys in every language."""
    desk.write("laskut.csv", row(), row(Laskunumero="1002", Eräpäivä="31.11.2026"))
    events = {}
    for language in ("en", "fi"):
        done = desk.here("check", "laskut.csv", "--out", "out", "--json", "--language", language)
        lines = [json.loads(line) for line in done.out.splitlines()]
        assert all(line["time"].endswith("Z") for line in lines)
        events[language] = [(line["event"], sorted(line)) for line in lines]
    assert events["en"] == events["fi"]
    kinds = {event for event, _ in events["en"]}
    assert kinds == {"table", "progress", "preview", "finding", "outcomes", "message"}


def test_json_tells_a_refusal(desk: Desk) -> None:
    """An event on standard output, and the one line on standard error as always."""
    done = desk.here("run", "nowhere.csv", "--json")
    (event,) = [json.loads(line) for line in done.out.splitlines()]
    assert (event["event"], event["code"], event["file"]) == ("refused", "file-missing", "nowhere.csv")
    assert done.one_line.endswith("(file-missing)")


def test_no_personal_code_on_any_screen(desk: Desk) -> None:
    """Neither in tables, nor in findings, nor in JSON."""
    code = "131052-308T"
    desk.write("laskut.csv", row(**{"Y-tunnus": code}, Nimi=f"Matti {code}", Tuote=code, Eräpäivä=code))
    for options in ([], ["--quiet"], ["--json"]):
        done = desk.here("check", "laskut.csv", *options)
        assert code not in done.out + done.err


def test_a_quiet_production_run_is_not_asked(desk: Desk) -> None:
    """Consent without having seen what it is for is none: it takes --yes."""
    desk.env |= {"ROPO_CID": "1", "ROPO_APICODE": "secret"}
    desk.write("laskut.csv", row())
    for option in ("--quiet", "--json"):
        assert "consent-missing" in desk.here("run", "laskut.csv", "--target", "production", option).err
