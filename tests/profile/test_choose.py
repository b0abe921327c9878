"""Without --profile: the built-in one that fits the files best, none that does not, and never a guess."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made import GOOD, HEADER, good, table

from pipeline.findings import Refusal
from pipeline.profile.choose import choose
from pipeline.readers import open_tables

SAMPLES = Path(__file__).parents[2] / "sample_data"
Known = Callable[..., None]

OWN = [*HEADER[:-1], "Kassa-ale"]
OWN_TEXT = f"""
[expects]
headers = {OWN!r}
[columns]
"Kassa-ale" = ""
"""


def expects(*headers: str, optional: tuple[str, ...] = (), more: str = "") -> str:
    """A profile of those headers."""
    return f"[expects]\nheaders = {[*headers]!r}\noptional = {[*optional]!r}\n{more}"


def test_a_file_with_a_profiles_own_headers_is_found(known: Known) -> None:
    """It says how much of it is there; the case and punctuation of headers do not count."""
    known(own=OWN_TEXT, other=expects("Faktuuri", *HEADER))
    header = [*HEADER[:-1], "KASSA ALE", "Muuta"]
    fit = choose([[table([["Otsikko"], header, [*GOOD, ""]])]])
    assert fit is not None
    assert fit.name == "own"
    assert fit.reason == "12 of its 12 headers are there, and 12 of the file's 13 are its own"


def test_no_profile_fits_a_file_that_lacks_a_header(known: Known) -> None:
    """Unless that header is optional."""
    known(own=OWN_TEXT)
    lacking = [[table([[each for each in OWN if each != "Tuote"], GOOD[1:]])]]
    assert choose(lacking) is None
    known(own=expects(*OWN, optional=("Tuote",)))
    fit = choose(lacking)
    assert fit is not None
    assert fit.reason == "11 of its 12 headers are there, and 11 of the file's 11 are its own"


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*.[cx]*")))
def test_ordinary_exports_stay_what_they_are(known: Known, name: str) -> None:
    """Headers that are understood without a profile do not make a file another system's."""
    known(
        plain=expects("Laskunumero", "Laskupäivä", "Eräpäivä", "Nimi", "Osoite", "Tuote"),
        swedish=expects("Fakturanummer", "Fakturadatum", "Förfallodatum", "Kund"),
        english=expects("Invoice number", "Invoice date", "Due date", "Customer"),
        payments=expects("Laskunumero"),
    )
    assert choose([open_tables(SAMPLES / name)]) is None


def test_headers_that_are_known_anyway_fit_only_when_they_are_all(known: Known) -> None:
    """A profile of ordinary headers fits the file that has them and no other."""
    known(plain=expects(*HEADER))
    assert choose([[table([HEADER, good()])]]) is not None
    assert choose([[table([[*HEADER, "Puhelin"], [*good(), "1"]])]]) is None


def test_a_header_that_means_another_thing_is_a_profiles_own(known: Known) -> None:
    """`Hinta` with VAT is not what `Hinta` is without a profile."""
    known(gross=expects(*HEADER, more='[columns]\n"Veroton hinta" = "row.gross"'))
    assert choose([[table([[*HEADER, "Puhelin"], [*good(), "1"]])]]) is not None


def test_a_profile_that_knows_little_of_a_file_does_not_fit(known: Known) -> None:
    """Two odd headers of fourteen prove nothing."""
    known(odd=expects("Kassa-ale", "Laskunumero"))
    assert choose([[table([[*HEADER, "Kassa-ale"], [*good(), ""]])]]) is None


def test_of_two_the_one_that_explains_more_is_chosen(known: Known) -> None:
    """A profile for more of the file goes before one for less."""
    known(less=expects(*OWN), more=expects(*OWN, "Lisä"))
    fit = choose([[table([[*OWN, "Lisä"], [*good(), ""]])]])
    assert fit is not None
    assert fit.name == "more"


def test_two_that_fit_equally_are_refused(known: Known) -> None:
    """Both are named, with their reasons."""
    known(one=OWN_TEXT, two=OWN_TEXT)
    with pytest.raises(Refusal) as refused:
        choose([[table([OWN, good()], file="a.csv")]])
    assert refused.value.finding.code == "profile-ambiguous"
    assert refused.value.finding.message == (
        "Two profiles fit a.csv equally: one (12 of its 12 headers are there, and 12 of the file's "
        "12 are its "
        "own); two (12 of its 12 headers are there, and 12 of the file's 12 are its own)."
    )
    assert refused.value.finding.remedy == (
        "Say which one is meant with --profile NAME, or --profile none for neither."
    )


def test_files_of_two_kinds_are_refused(known: Known) -> None:
    """One of them would be read as what it is not."""
    known(own=OWN_TEXT)
    files = [[table([OWN, good()], file="a.csv")], [table([HEADER, good()], file="b.csv")]]
    with pytest.raises(Refusal) as refused:
        choose(files)
    assert refused.value.finding.code == "profile-differs"
    assert (
        refused.value.finding.message == "The files of this run are not of one kind: a.csv: own; b.csv: none."
    )
    assert choose(files[:1]) is not None
    assert choose([files[1], files[1]]) is None


def test_a_changed_export_of_a_known_system_is_not_read_without_its_profile(known: Known) -> None:
    """What its prices mean would be lost with the header that was renamed."""
    known(own=expects(*OWN, "Lisä"))
    renamed = [each if each != "Tuote" else "Artikkelin nimi" for each in [*OWN, "Lisä"]]
    with pytest.raises(Refusal) as refused:
        choose([[table([renamed, [*good(), ""]], file="a.csv")]])
    assert refused.value.finding.code == "profile-nearly-fits"
    assert refused.value.finding.message == (
        "This looks like the export that the profile own is for, but “Tuote” is not in its header."
    )
    assert refused.value.finding.remedy == (
        "If it is that export, see what changed with --profile own; to read it without a profile, "
        "give --profile none."
    )


def test_one_odd_header_makes_no_export_a_known_systems(known: Known) -> None:
    """Nor do headers that every export has."""
    known(own=OWN_TEXT, plain=expects(*HEADER, "Puhelin"))
    assert choose([[table([[each for each in OWN if each != "Tuote"], GOOD[1:]])]]) is None
    assert choose([[table([HEADER, good()])]]) is None


RECORDS = """
[[records]]
mark = "A"
fields = 3
columns = {2 = "custnum", 3 = "company"}
[[records]]
mark = "L"
columns = {2 = "billnum"}
[[records]]
mark = "R"
fields = 4
columns = {2 = "payrow.desc"}
[[records]]
mark = "Z"
ignored = true
"""


def records(*rows: list[str]) -> list[list[str]]:
    """Rows of that kind, as wide as the widest."""
    return [[*row, *[""] * (5 - len(row))] for row in rows]


WHOLE = records(["A", "1", "x"], ["L", "1"], [], ["R", "a", "b", "c"])


def test_records_are_found_by_their_marks(known: Known) -> None:
    """Each row at the top begins with a mark that is declared, and has no more fields than declared."""
    known(records=RECORDS)
    fit = choose([[table(WHOLE)]])
    assert fit is not None
    assert fit.reason == "each of the first 3 rows begins with one of its marks (“A”, “L”, “R”)"


@pytest.mark.parametrize(
    "rows",
    [
        [*WHOLE, *records(["X"])],
        [*WHOLE, *records(["A", "1", "x", "y"])],
        WHOLE[:3],
        records(["Z"], ["Z"]),
        records([]),
    ],
    ids=["another mark", "a field too many", "no invoice row", "nothing but what is ignored", "blank"],
)
def test_what_has_no_such_records_does_not_fit(known: Known, rows: list[list[str]]) -> None:
    """An invoice and an invoice row must be among them."""
    known(records=RECORDS)
    assert choose([[table(rows)]]) is None


POSITIONS = """
[reading]
header = false
fields = 12
[columns]
1 = "billnum"
2 = "billdate"
3 = "paydate"
4 = "company"
6 = "address"
7 = "postcode"
8 = "city"
9 = "payrow.desc"
10 = "payrow.count"
11 = "payrow.amount"
12 = "payrow.taxpr"
"""


def test_a_file_without_header_is_found_by_its_fields(known: Known) -> None:
    """Their number and their types."""
    known(positions=POSITIONS)
    fit = choose([[table([good(), good()])]])
    assert fit is not None
    assert fit.reason == "it has no header and 12 fields, as this file, and their types fit"
    assert choose([[table([[*good(), "x"]])]]) is None
    assert choose([[table([["x", *good()[:-1]]])]]) is None
    assert choose([[table([HEADER, good()])]]) is None


TABLES = """
[expects]
headers = ["Laskunro", "Asiakas X", "Laskunro", "Rivi X"]
[[tables]]
part = "invoices"
sheet = "Laskut"
[[tables]]
part = "rows"
sheet = "Rivit"
"""


def test_two_tables_are_found_by_the_headers_of_both(known: Known) -> None:
    """Both must be there."""
    known(tables=TABLES)
    one, two = table([["Laskunro", "Asiakas X"], ["1", "x"]]), table([["Laskunro", "Rivi X"], ["1", "x"]])
    one.sheet, two.sheet = "Laskut", "Rivit"
    assert choose([[one, two]]) is not None
    assert choose([[one]]) is None
    two.sheet = "Muut"
    assert choose([[one, two]]) is None


def test_without_profiles_none_is_chosen(known: Known) -> None:
    """As long as none is built in."""
    assert known is not None
    assert choose([[table([HEADER, good()])]]) is None
