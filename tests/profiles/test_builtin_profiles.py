"""The built-in profiles: each reads its example as its golden file says, and is found by it alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from flow.flow_desk import Desk
from profiles.golden import compare, datasets, documents_of, told

from pipeline.document import Document
from pipeline.profile import builtin, load_profile
from pipeline.profile.decide import profile_for
from pipeline.readers.inputs import expanded
from pipeline.subject import INVOICES

FOLDER = builtin.FOLDER
SAMPLES = Path(__file__).parents[2] / "sample_data"
NAMES = builtin.names()
HOMES = {"plain-se": ("se", "SWE"), "plain-no": ("no", "NOR")}
RATES = {
    "FIN": {Decimal("25.5"), Decimal("13.5"), Decimal(10), Decimal(0)},
    "SWE": {Decimal(25), Decimal(12), Decimal(6)},
    "NOR": {Decimal(25), Decimal(15), Decimal(12), Decimal(0)},
}


def example(name: str) -> Path:
    """The export that lies beside a profile."""
    (path,) = FOLDER.glob(f"{name}.example.*")
    return path


def home(name: str) -> tuple[str, str]:
    """The country of a profile's companies, as on the command line and as three letters."""
    return HOMES.get(name, ("fi", "FIN"))


def made(name: str) -> list[Document]:
    """The documents of a profile's example."""
    found, _ = documents_of([example(name)], load_profile(name), home(name)[1])
    return found


def chosen(path: Path) -> str | None:
    """The name of the profile that is found for a file."""
    with expanded([path]) as (files, _):
        return profile_for(None, files, INVOICES).name


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty home and an empty working directory."""
    (tmp_path / "home").mkdir()
    (tmp_path / "desk").mkdir()
    return Desk(tmp_path / "home", tmp_path / "desk")


def test_there_are_those_of_the_issue() -> None:
    """Of each the profile, an example and its golden file, and nothing that belongs to none."""
    systems = {"procountor", "netvisor", "heeros", "fivaldi", "netbaron", "plain-se", "plain-no"}
    assert set(NAMES) == systems
    files = {path.name.partition(".")[0] for path in FOLDER.iterdir() if path.name != "README.md"}
    assert files == systems


@pytest.mark.parametrize("name", NAMES)
def test_the_example_gives_the_golden_datasets(name: str) -> None:
    """Every invoice of it can be sent, and no cell of it is in error."""
    found = made(name)
    assert [each for document in found for each in document.findings if not document.valid] == []
    compare(FOLDER / f"{name}.expected.json", datasets(found))


@pytest.mark.parametrize("name", NAMES)
def test_the_example_is_worth_its_name(name: str) -> None:
    """It has a credit, a discount, the country's VAT rates, a company, a consumer, letters beyond ASCII."""
    found = made(name)
    rows = [row for document in found for row in document.dataset["payrow"]]
    assert len(found) >= 3
    assert any(document.total < 0 for document in found)
    assert any(Decimal(row.get("discount", "0")) for row in rows)
    assert {Decimal(row["taxpr"]) for row in rows} >= RATES[home(name)[1]]
    assert {document.dataset["customertype"] for document in found} == {"1", "2"}
    texts = " ".join(str(document.dataset) for document in found).casefold()
    assert all(letter in texts for letter in ("æøå" if name == "plain-no" else "äöå"))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_found_by_its_example(desk: Desk, name: str) -> None:
    """`check` proposes it by itself, names it, and ends well."""
    done = desk.here("check", example(name), "--country", home(name)[0], "--out", "out")
    assert (done.code, f"The profile {name} fits best" in done.out) == (0, True), done.err
    assert {each["severity"] for each in desk.report()["findings"]} <= {"warning", "repair"}
    assert chosen(example(name)) == name


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*.[cx]*")))
def test_no_ordinary_export_is_claimed(name: str) -> None:
    """The sample exports are understood without a profile, and stay so."""
    assert chosen(SAMPLES / name) in {None, builtin.NONE}


@pytest.mark.parametrize("name", NAMES)
def test_it_tells_where_it_comes_from(name: str) -> None:
    """A name, a title, a source and its limits; what was not checked says so."""
    about = load_profile(name).profile
    assert about.name == name
    assert about.title
    assert about.source
    assert about.limits
    assert about.verified or any("check" in limit or "No vendor" in limit for limit in about.limits)


@pytest.mark.parametrize("name", NAMES)
def test_its_declarations_all_do_something_in_the_example(desk: Desk, name: str) -> None:
    """`profile check` names none that found nothing, no column that is not there, and no change."""
    done = desk.here("profile", "check", name, example(name), "--rows", "20")
    assert done.code == 0, done.err
    assert [line for line in done.out.splitlines() if "found nothing" in line or "no column" in line] == []
    assert "profile-header" not in done.out + done.err


def other(tmp_path: Path, name: str, old: str, new: str) -> list[str]:
    """What is told of a profile's example in which one text is another."""
    path = tmp_path / example(name).name
    raw = example(name).read_bytes()
    encoding = "utf-8" if name in {"heeros", "netbaron", "plain-no"} else "cp1252"
    text = raw.decode(encoding)
    assert text.count(old) == 1
    path.write_bytes(text.replace(old, new).encode(encoding))
    found, _ = documents_of([path], load_profile(name), home(name)[1])
    return told(document for document in found if not document.valid)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "heeros",
            "L;4;H100;;;;;;;;;;;;;;;;;;INV02;;EUR",
            "L;4;H100;;;;;;;;;;;;;;;;;;INV02;;SEK",
            "W15 cell-form: “SEK” does not have the form that the profile declares for this column.",
        ),
        (
            "heeros",
            "Asennustyö;-2;62,00",
            "Asennustyö;2;-62,00",
            (
                "F16 minus-elsewhere: payrow.amount is -62.00, but by the profile a credit's minus stands at "
                "the quantity."
            ),
        ),
        (
            "heeros",
            "R;3;;Huoltokäynti;1;89,00;B",
            "R;3;;Huoltokäynti;1;89,00;",
            "G14 included-missing: Nothing says whether the row's price has VAT in it.",
        ),
        (
            "procountor",
            "M;EUR;10016;FI2112345600000785;9955002-8;Tilisiirto;Satulahden Sähkö Oy;Nouto;0",
            "M;EUR;10016;FI2112345600000785;9955002-8;Tilisiirto;Satulahden Sähkö Oy;Nouto;5",
            "I1 cell-form: “5” does not have the form that the profile declares for this column.",
        ),
        (
            "procountor",
            "637,97",
            "637,98",
            (
                "X1 sum-disagrees: The sum column says 637.98, but the row is 0.00 without VAT and 0.00 with "
                "it, and the invoice 516.96 and 637.97."
            ),
        ),
        (
            "plain-no",
            "Togbillett;2;stk;249,00;;33",
            "Togbillett;2;stk;249,00;;13",
            "T4 cell-form: “13” does not have the form that the profile declares for this column.",
        ),
    ],
)
def test_what_it_cannot_read_is_held_back(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    """Another currency, a discount that is not read, an unknown code: an error, never a wrong sum."""
    assert message in other(tmp_path, name, old, new)


def test_a_consumer_is_no_guess(tmp_path: Path) -> None:
    """Procountor: without id and with prices without VAT it is not known who the customer is."""
    path = tmp_path / "a.csv"
    text = example("procountor").read_bytes().decode("cp1252")
    path.write_bytes(text.replace(";0;t;f;;1.11.2026", ";0;f;f;;1.11.2026").encode("cp1252"))
    found, _ = documents_of([path], load_profile("procountor"))
    assert [each.code for document in found for each in document.findings if not document.valid] == [
        "customertype-unknown",
        "customertype-unknown",
    ]


def test_drafts_are_left_out() -> None:
    """Netbaron: they are set aside with their reason."""
    _, intake = documents_of([example("netbaron")], load_profile("netbaron"))
    assert intake.aside == {(0, "header"): [1], (0, "draft"): [8]}
