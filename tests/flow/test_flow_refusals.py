"""Files and configurations with which nothing is attempted: one line, exit code 2, nothing recorded."""

from __future__ import annotations

import io
import struct
import zipfile

import openpyxl
import pytest
from flow_desk import GOOD, HEADER, SAMPLES, Desk, Done, row

KEYRING_NONE = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


def nothing_attempted(desk: Desk, done: Done) -> bool:
    """Whether the command ended before the ledger was touched, with no report and nothing on screen."""
    return (
        done.code == 2
        and done.out == ""
        and not [*desk.folder.glob("out/*")]
        and desk.accepted() == []
        and desk.ledger("select 1 from run") == []
    )


def ole2(name: str) -> bytes:
    """An OLE2 document (MS-CFB) whose directory has an entry of that name."""
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHH", 0x3E, 3, 0xFFFE)
    return head.ljust(512, b"\0") + name.encode("utf-16-le").ljust(512, b"\0") + bytes(2048)


def bomb() -> bytes:
    """A workbook of 300 kB whose sheet unpacks to 300 MB."""
    file = io.BytesIO((SAMPLES / "invoices.xlsx").read_bytes())
    with (
        zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/more.xml", "w") as part,
    ):
        for _ in range(300):
            part.write(bytes(1_000_000))
    return file.getvalue()


WORKBOOK = (SAMPLES / "invoices.xlsx").read_bytes()
FILES: dict[str, tuple[str, bytes | None, str]] = {
    "missing": (
        "invoices.xlsx",
        None,
        "There is no file invoices.xlsx. Check the name and the folder. (file-missing)",
    ),
    "empty": ("invoices.csv", b"", "invoices.csv is empty (0 bytes). Export it again. (file-empty)"),
    "header-only": (
        "invoices.csv",
        f"{HEADER}\n".encode(),
        (
            "invoices.csv has a header and no rows. Check that the export was complete; an empty export is "
            "not sent as a success. (header-only)"
        ),
    ),
    "encrypted": ("invoices.xlsx", ole2("EncryptedPackage"), "(file-encrypted)"),
    "truncated": ("invoices.xlsx", WORKBOOK[: len(WORKBOOK) // 2], "(file-damaged)"),
    "truncated xls": ("invoices.xls", ole2("Workbook"), "(file-damaged)"),
    "a CSV named .xlsx": ("invoices.xlsx", f"{HEADER}\n{GOOD}\n".encode(), "(file-not-as-named)"),
    "a workbook named .csv": ("invoices.csv", WORKBOOK, "(file-not-as-named)"),
    "a web page named .xls": ("invoices.xls", b"<html><table><tr><td>Laskunumero", "(file-not-as-named)"),
    "a PDF": ("invoices.pdf", b"%PDF-1.7", "(file-type-unsupported)"),
    "zip bomb": ("invoices.xlsx", bomb(), "(file-unpacks-too-big)"),
    "no header": ("invoices.csv", f"{GOOD}\n{GOOD}\n".encode(), "(no-header)"),
    "stray quote": (
        "invoices.csv",
        f"{HEADER}\n{GOOD}\n{GOOD.replace('Acme', chr(34) + 'Acme')}\n".encode(),
        "(quote-unclosed)",
    ),
    "a needed column missing": (
        "invoices.csv",
        f"{HEADER.replace(';Postinumero', ';X')}\n{GOOD}\n".encode(),
        (
            "No column for postcode. The headers found are: “Laskunumero”, “Laskupäivä”, “Eräpäivä”, “Nimi”, "
            "“Y-tunnus”, “Osoite”, “X”, “Postitoimipaikka”, “Tuote”, “Määrä”, “Veroton hinta”, “ALV %”. "
            "Add the column, map your header to the field in a profile's [columns], or give a value in "
            "[defaults] or [constants]. (column-missing)"
        ),
    ),
    "two columns for one field": (
        "invoices.csv",
        f"{HEADER.replace(';Postitoimipaikka', ';Kaupunki')};Postitoimipaikka\n{GOOD};X\n".encode(),
        (
            "Two columns hold city: “Kaupunki” (H1) and “Postitoimipaikka” (M1). Remove one of them, or say "
            'in a profile\'s [columns] which is which; "" ignores a column. (two-columns)'
        ),
    ),
}


@pytest.mark.parametrize(("name", "content", "said"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_read_for_certain(
    desk: Desk, name: str, content: bytes | None, said: str
) -> None:
    """It is refused whole, in one line that names it and what to do."""
    if content is not None:
        (desk.folder / name).write_bytes(content)
    done = desk.here("run", name, "--out", "out")
    assert name in done.one_line or "Two columns" in said or "No column" in said
    assert done.one_line.endswith(said)
    assert nothing_attempted(desk, done)


def test_one_refused_file_of_two_stops_both(desk: Desk) -> None:
    """Half a run would look like a whole one."""
    desk.write("good.csv", GOOD)
    desk.write("bad.csv", header=None)
    done = desk.here("run", "good.csv", "bad.csv", "--out", "out")
    assert done.one_line == "bad.csv is empty (0 bytes). Export it again. (file-empty)"
    assert nothing_attempted(desk, done)


@pytest.mark.parametrize("copy", ["invoices.csv", "./invoices.csv", "copy.csv"])
def test_a_file_given_twice(desk: Desk, copy: str) -> None:
    """Also by another name: its invoices would have each row twice."""
    desk.write("invoices.csv", GOOD)
    desk.write("copy.csv", GOOD)
    done = desk.here("run", "invoices.csv", copy, "--out", "out")
    assert "is the same file as invoices.csv. Give each export once. (file-twice)" in done.one_line
    assert nothing_attempted(desk, done)


CONFIGURATIONS: dict[str, tuple[list[str], dict[str, str], str]] = {
    "no such profile": (["--profile", "nix.toml"], {}, "(profile-unreadable)"),
    "a profile that is no TOML": (["--profile", "invoices.csv"], {}, "(profile-unreadable)"),
    "an unknown key in a profile": (["--profile", "key.toml"], {}, "(profile-invalid)"),
    "an unknown field in a profile": (["--profile", "field.toml"], {}, "(profile-field)"),
    "a value that is none in a profile": (["--profile", "value.toml"], {}, "(profile-value)"),
    "a ledger that is no URL": (["--ledger", "ledger.sqlite"], {}, "(ledger-url)"),
    "a ledger that is something else": (["--ledger", "sqlite:///invoices.csv"], {}, "(ledger-unusable)"),
    "a ledger where none can be": (["--ledger", "sqlite:///invoices.csv/x"], {}, "(ledger-unusable)"),
    "out is a file": (["--out", "invoices.csv"], {}, "(out-unusable)"),
    "out lies in a file": (["--out", "invoices.csv/out"], {}, "(out-unusable)"),
    "out cannot be written": (["--out", "/proc"], {}, "(out-unusable)"),
    "no credentials": (["--target", "test"], KEYRING_NONE, "(credentials-missing)"),
    "no API code": (["--target", "test"], KEYRING_NONE | {"ROPO_CID": "c"}, "(credentials-missing)"),
    "production without consent": (
        ["--target", "production"],
        {"ROPO_CID": "c", "ROPO_APICODE": "a"},
        (
            "Sending to production needs a yes, and nobody is here to give it. Add --yes (or ROPO_YES=1) for "
            "runs without a terminal. (consent-missing)"
        ),
    ),
    "credentials unprotected": ([], {"ROPO_BASE_URL": "http://ropo.example"}, "(base-url)"),
    "a base URL with a path": ([], {"ROPO_BASE_URL": "https://ropo.example/rest"}, "(base-url)"),
    "the sandbox elsewhere": ([], {"ROPO_BASE_URL": "https://ropo24.fi"}, "(base-url)"),
    "production as test": (
        ["--target", "test"],
        {"ROPO_BASE_URL": "https://ropo24.fi", "ROPO_CID": "c", "ROPO_APICODE": "a"},
        "(base-url)",
    ),
}


@pytest.mark.parametrize(("args", "env", "said"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_configuration_that_cannot_be_meant(
    desk: Desk, args: list[str], env: dict[str, str], said: str
) -> None:
    """It is refused before the ledger is touched."""
    desk.write("invoices.csv", GOOD)
    for name, text in (
        ("key", 'columns = 1\n"nix" = 2'),
        ("field", '[columns]\n"X" = "nix"'),
        ("value", '[constants]\npaydate = "next week"'),
    ):
        (desk.folder / f"{name}.toml").write_text(text)
    desk.env = env
    done = desk.here("run", "invoices.csv", *(args if "--out" in args else [*args, "--out", "out"]))
    assert done.one_line.endswith(said)
    assert nothing_attempted(desk, done)


def test_a_dot_env_in_another_encoding(desk: Desk) -> None:
    """What cannot be read is said, not guessed past."""
    desk.write("invoices.csv", GOOD)
    (desk.folder / ".env").write_bytes("ROPO_CID=Mäki".encode("cp1252"))
    done = desk.here("run", "invoices.csv", "--out", "out")
    assert done.one_line.endswith(
        "Save it as plain text in UTF-8, one NAME=value a line. (settings-unreadable)"
    )
    assert nothing_attempted(desk, done)


@pytest.mark.parametrize(
    "args",
    [
        ["run"],
        ["run", "invoices.csv", "--batch-size", "0"],
        ["run", "invoices.csv", "--target", "moon"],
        ["walk"],
    ],
)
def test_a_wrong_command_line_is_2(desk: Desk, args: list[str]) -> None:
    """Usage errors say how the command is used, and attempt nothing."""
    desk.write("invoices.csv", GOOD)
    done = desk.here(*args)
    assert done.code == 2
    assert done.err.startswith("Usage: ")
    assert desk.ledger("select 1 from run") == []


def test_a_file_larger_than_the_limit(desk: Desk) -> None:
    """The limit is on the file as it lies, before any of it is read."""
    desk.write("invoices.csv", GOOD)
    with (desk.folder / "invoices.csv").open("r+b") as file:
        file.truncate(5 * 1024**3)  # a hole: it takes no room on the disk
    done = desk.here("run", "invoices.csv", "--out", "out")
    assert "(file-too-big)" in done.one_line
    assert nothing_attempted(desk, done)


def test_two_sheets_that_may_be_meant(desk: Desk) -> None:
    """Which sheet is meant is never guessed; a profile says it."""
    book = openpyxl.Workbook()
    for title in ("Lokakuu", "Marraskuu"):
        sheet = book.create_sheet(title)
        sheet.append(HEADER.split(";"))
        sheet.append(row(Laskunumero=title).split(";"))
    book.save(desk.folder / "invoices.xlsx")
    done = desk.here("run", "invoices.xlsx", "--out", "out")
    assert done.one_line == (
        "Several sheets of invoices.xlsx look like invoices: “Lokakuu”, “Marraskuu”. Name the one to send in "
        'a profile, [reading] sheet = "…", or * for all of them. (several-sheets)'
    )
    assert nothing_attempted(desk, done)
    (desk.folder / "profile.toml").write_text('[reading]\nsheet = "Marraskuu"')
    assert desk.here("run", "invoices.xlsx", "--profile", "profile.toml").code == 0
    assert [each["billnum"] for each in desk.accepted()] == ["Marraskuu"]
