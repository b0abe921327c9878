"""Attachments: only what lies in the folder, is of a right kind and was checked is ever sent."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
import xlwt
from checked import check, found
from hypothesis import given
from hypothesis import strategies as st

from pipeline.attachments import LIMIT, AttachmentChanged, Attachments
from pipeline.findings import Refusal
from pipeline.ledger.content import as_json
from pipeline.sandbox import checks

PDF = b"%PDF-1.4\n%%EOF\n"
CSV = "päivä;tunnit\n1.10.2026;7,5\n".encode("cp1252")
BUSINESS = {"Sendtype": "evoice"}


def saved(book: openpyxl.Workbook | xlwt.Workbook) -> bytes:
    """The bytes of a workbook."""
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def xls() -> bytes:
    """An Excel 97-2003 workbook."""
    book = xlwt.Workbook()
    book.add_sheet("Tunnit").write(0, 0, "7,5")
    return saved(book)


def archive(*names: str) -> bytes:
    """A zip archive of empty parts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name in names:
            made.writestr(name, "")
    return stream.getvalue()


KINDS: dict[str, tuple[bytes, str | None]] = {
    "PDF": (PDF, "PDF"),
    "CSV": (CSV, "CSV"),
    "CSV by tabs": (b"date\thours\r\n", "CSV"),
    "xlsx": (saved(openpyxl.Workbook()), "Excel"),
    "xls": (xls(), "Excel"),
    "docx": (archive("[Content_Types].xml", "word/document.xml"), None),
    "zip": (archive("a.pdf"), None),
    "half a zip": (archive("xl/workbook.xml")[:-30], None),
    "OLE2 without a workbook": (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), None),
    "OLE2 with a workbook in it": (
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600) + archive("xl/workbook.xml"),
        None,
    ),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", None),
    "web page": (b"\xef\xbb\xbf<html>a, b</html>", None),
    "text": (b"no list at all", None),
    "noise": (b"a;b\0c", None),
}

SEEN_CLOSER = {
    "docx",
    "zip",
    "half a zip",
    "OLE2 without a workbook",
    "OLE2 with a workbook in it",
    "web page",
}
"""What the sandbox takes for Excel or CSV, and we do not."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of attachments, with a file beside it."""
    inside = tmp_path / "attachments"
    inside.mkdir()
    (tmp_path / "secret.pdf").write_bytes(PDF)
    (inside / "a.pdf").write_bytes(PDF)
    (inside / "hours.csv").write_bytes(CSV)
    (inside / "2026").mkdir()
    (inside / "2026" / "b.pdf").write_bytes(PDF + b"b")
    return inside


def stands_for(content: bytes) -> str:
    """What a dataset holds instead of a file's content."""
    return f"sha256/{hashlib.sha256(content).hexdigest()}"


def attached(row: dict[str, str], folder: Path) -> list[dict[str, str]]:
    """The attachments of a row's dataset, in which nothing was found."""
    [document] = check(row, attachments=Attachments(folder))
    assert document.findings == []
    return document.dataset["attachment"]


@pytest.mark.parametrize("written", ["a.pdf", " a.pdf ; ", "./a.pdf", "2026/../a.pdf", "2026\\..\\a.pdf"])
def test_a_file_is_named_as_seen_from_the_folder(written: str, folder: Path) -> None:
    """Whatever way the cell takes to it, the file goes by its own name."""
    assert attached({"Liite": written}, folder) == [
        {"attachmentname": "a.pdf", "attachmentfile": stands_for(PDF)}
    ]


@pytest.mark.parametrize("between", ["; ", ";", "\n", "\r\n", ";\n"])
def test_a_cell_may_name_several_files(between: str, folder: Path) -> None:
    """Names are divided by semicolons or line breaks, and keep their order."""
    assert [each["attachmentname"] for each in attached({"Liite": f"2026/b.pdf{between}a.pdf"}, folder)] == [
        "b.pdf",
        "a.pdf",
    ]


def test_numbered_columns_and_ids(folder: Path) -> None:
    """Files and ids of numbered columns come in the order of their numbers."""
    row = {"Liite 10": "a.pdf", "Liite 2": "2026/b.pdf", "Attachment ID": "12345; 12346"}
    assert attached(row, folder) == [
        {"attachmentid": "12345"},
        {"attachmentid": "12346"},
        {"attachmentname": "b.pdf", "attachmentfile": stands_for(PDF + b"b")},
        {"attachmentname": "a.pdf", "attachmentfile": stands_for(PDF)},
    ]


def test_ids_need_no_folder() -> None:
    """What the service already has is named by its id alone."""
    [document] = check({"Attachment ID": "12345"})
    assert (document.valid, document.dataset["attachment"]) == (True, [{"attachmentid": "12345"}])


def test_a_row_without_attachment_has_none(folder: Path) -> None:
    """A blank cell attaches nothing."""
    [document] = check({"Liite": ""}, attachments=Attachments(folder))
    assert (document.findings, "attachment" in document.dataset) == ([], False)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("none.pdf", "attachment-missing M2: There is no file “none.pdf” in the folder of attachments."),
        ("2026", "attachment-missing M2: There is no file “2026” in the folder of attachments."),
        ("empty.pdf", "attachment-empty M2: The file “empty.pdf” is empty."),
        (
            "../secret.pdf",
            (
                "attachment-outside M2: “../secret.pdf” does not lie in the folder of attachments, and "
                "nothing outside of it is ever sent."
            ),
        ),
        (
            "2026\\..\\..\\secret.pdf",
            (
                "attachment-outside M2: “2026\\..\\..\\secret.pdf” does not lie in the folder of "
                "attachments, and nothing outside of it is ever sent."
            ),
        ),
        (
            "link.pdf",
            (
                "attachment-outside M2: “link.pdf” does not lie in the folder of attachments, and nothing "
                "outside of it is ever sent."
            ),
        ),
        (
            "elsewhere/secret.pdf",
            (
                "attachment-outside M2: “elsewhere/secret.pdf” does not lie in the folder of attachments, "
                "and nothing outside of it is ever sent."
            ),
        ),
        (
            "/a.pdf",
            (
                "attachment-outside M2: “/a.pdf” does not lie in the folder of attachments, and nothing "
                "outside of it is ever sent."
            ),
        ),
        (
            "C:\\a.pdf",
            (
                "attachment-outside M2: “C:\\a.pdf” does not lie in the folder of attachments, and nothing "
                "outside of it is ever sent."
            ),
        ),
        (
            "fake.pdf",
            (
                "attachment-kind M2: “fake.pdf” is by its content neither a PDF nor an Excel or CSV file, "
                "whatever its name says."
            ),
        ),
        (
            "hours.csv",
            (
                "attachment-not-allowed M2: “hours.csv” is a file of type CSV by its content, which only "
                "e-invoices to companies and Peppol invoices may carry."
            ),
        ),
        (
            "a.pdf" * 100,
            f"attachment-unreadable M2: The file “{'a.pdf' * 100}” cannot be read: File name too long.",
        ),
        ("pipe.pdf", "attachment-missing M2: There is no file “pipe.pdf” in the folder of attachments."),
    ],
)
def test_what_cannot_be_attached_is_told_on_its_cell(name: str, told: str, folder: Path) -> None:
    """A file that is missing, empty, outside, or of a wrong kind keeps its invoice from being sent."""
    (folder / "empty.pdf").touch()
    (folder / "fake.pdf").write_bytes(b"<html>")
    (folder / "link.pdf").symlink_to(folder.parent / "secret.pdf")
    (folder / "elsewhere").symlink_to(folder.parent)
    os.mkfifo(folder / "pipe.pdf")
    assert found({"Liite": name}, attachments=Attachments(folder)) == [f"error {told}"]


def test_links_that_go_in_a_circle(folder: Path) -> None:
    """They lead to no file."""
    (folder / "one").symlink_to(folder / "two")
    (folder / "two").symlink_to(folder / "one")
    [told] = found({"Liite": "one"}, attachments=Attachments(folder))
    assert told.startswith(("error attachment-unreadable M2: ", "error attachment-missing M2: "))


def test_a_link_within_the_folder_is_followed(folder: Path) -> None:
    """What it leads to lies in the folder too."""
    (folder / "link.pdf").symlink_to(folder / "2026" / "b.pdf")
    assert attached({"Liite": "link.pdf"}, folder)[0]["attachmentfile"] == stands_for(PDF + b"b")


def test_without_a_folder_no_file_is_attached() -> None:
    """A name in a cell alone reads no file; the invoice is held back, not sent without."""
    assert found({"Liite": "a.pdf"}) == [
        "error attachment-no-folder M2: “a.pdf” is to be attached, but no folder of attachments was given."
    ]


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """Nothing begins with a mistyped folder."""
    with pytest.raises(Refusal) as refused:
        Attachments(tmp_path / "none")
    assert str(refused.value) == f"The folder of attachments does not exist: {tmp_path / 'none'}."


def test_a_cell_on_a_later_row_is_told_there(folder: Path) -> None:
    """The finding stands where the name stands."""
    [told] = found({}, {"Liite 2": "none.pdf"}, attachments=Attachments(folder))
    assert told.startswith("error attachment-missing M3: ")


# -- Kinds and sizes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sendtype", ["", "post", "print", "email", "evoice", "evoicenet", "evoicesm", "peppol"]
)
@pytest.mark.parametrize("debtor", [{}, {"Asiakastyyppi": "2", "Y-tunnus": ""}])
@pytest.mark.parametrize("kind", KINDS)
def test_what_may_be_attached_to_what(
    kind: str, debtor: dict[str, str], sendtype: str, tmp_path: Path
) -> None:
    """PDF to all; Excel and CSV only to companies by e-invoice or Peppol. The sandbox says the same."""
    content, meant = KINDS[kind]
    (tmp_path / "file.pdf").write_bytes(content)
    [document] = check(
        {"Liite": "file.pdf", "Sendtype": sendtype} | debtor, attachments=Attachments(tmp_path)
    )
    business = sendtype in {"evoice", "evoicenet", "evoicesm", "peppol"} and not debtor
    assert document.valid == (meant == "PDF" or (meant is not None and business))
    file = {"attachmentname": "file.pdf", "attachmentfile": base64.b64encode(content).decode()}
    job = {**document.dataset, "attachment": [file]}
    if kind not in SEEN_CLOSER:
        assert (checks.check(job) == []) == document.valid


def large(size: int) -> bytes:
    """A PDF of so many bytes."""
    return PDF.ljust(size, b" ")


@pytest.mark.parametrize(
    ("sendtype", "extra", "told"),
    [
        ("email", 0, []),
        ("post", 1, []),
        ("print", 1, []),
        (
            "email",
            1,
            [
                (
                    "error attachments-too-large M2: The attachments of this invoice are 1,000,001 bytes in "
                    "all; with electronic delivery and by e-mail 1,000,000 are the most."
                )
            ],
        ),
        (
            "peppol",
            1,
            [
                (
                    "error attachments-too-large M2: The attachments of this invoice are 1,000,001 bytes in "
                    "all; with electronic delivery and by e-mail 1,000,000 are the most."
                )
            ],
        ),
        (
            "",
            1,
            [
                (
                    "warning attachments-large M2: The attachments of this invoice are 1,000,001 bytes in "
                    "all; if the service delivers it electronically, 1,000,000 are the most."
                )
            ],
        ),
    ],
)
def test_one_megabyte_in_all(sendtype: str, extra: int, told: list[str], tmp_path: Path) -> None:
    """All files of an invoice count together, as they are, where the delivery is electronic."""
    (tmp_path / "a.pdf").write_bytes(large(LIMIT // 2))
    (tmp_path / "b.pdf").write_bytes(large(LIMIT // 2 + extra))
    row = {"Liite": "a.pdf; b.pdf", "Sendtype": sendtype}
    assert found(row, attachments=Attachments(tmp_path)) == told


# -- Sending -----------------------------------------------------------------------------------------


def test_the_content_is_put_in_while_sending(folder: Path) -> None:
    """The body holds the files' base64, the rest of it to the byte as it was; the sandbox takes it."""
    attachments = Attachments(folder)
    accounting = {"Account 1": "1", "Debit 1": "0,10", "Account 2": "2", "Credit 2": "0,1"}
    [document] = check({"Liite": "a.pdf; hours.csv", **BUSINESS, **accounting}, attachments=attachments)
    body = as_json(document.dataset)
    sent = attachments.expand(body)
    for content in (PDF, CSV):
        assert base64.b64encode(content) in sent
        sent = sent.replace(base64.b64encode(content), stands_for(content).encode())
    assert sent == body
    assert checks.check(json.loads(attachments.expand(body), parse_float=Decimal)) == []
    assert attachments.size(body) == len(attachments.expand(body))


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=3))
def test_the_size_is_known_without_reading(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    """How large a body becomes is told from the files' sizes."""
    folder = tmp_path_factory.mktemp("files")
    names = [f"{number}.pdf" for number in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        (folder / name).write_bytes(PDF + content)
    attachments = Attachments(folder)
    entries, told = attachments.take({"attachment.attachmentname": ";".join(names) or ";"})
    body = as_json({"attachment": entries})
    assert told == []
    assert attachments.size(body) == len(attachments.expand(body))
    sent = json.loads(attachments.expand(body))["attachment"]
    assert [base64.b64decode(each["attachmentfile"]) for each in sent] == [PDF + each for each in contents]


def test_a_body_without_files_is_left_alone() -> None:
    """Also where a text looks like what stands for a file."""
    attachments = Attachments()
    for body in (
        b'{"attachment":[{"attachmentid":"12345"}]}',
        as_json({"freetext": f'"attachmentfile":"{stands_for(PDF)}"'}),
    ):
        assert attachments.expand(body) == body
        assert attachments.size(body) == len(body)


@pytest.mark.parametrize(
    "change",
    [Path.unlink, lambda path: path.write_bytes(b"%PDF-1.4 another"), lambda path: path.write_bytes(b"")],
)
def test_a_file_that_changed_is_not_sent(change: Callable[[Path], object], folder: Path) -> None:
    """What is not what was checked stops its invoice, naming the file."""
    attachments = Attachments(folder)
    [document] = check({"Liite": "a.pdf"}, attachments=attachments)
    change(folder / "a.pdf")
    with pytest.raises(AttachmentChanged) as changed:
        attachments.expand(as_json(document.dataset))
    assert changed.value.name == "a.pdf"


def test_another_content_is_another_invoice(folder: Path) -> None:
    """The dataset tells one file from another of the same name, and knows a file wherever it lies."""
    before = attached({"Liite": "a.pdf"}, folder)
    (folder / "2026" / "a.pdf").write_bytes(PDF)
    assert attached({"Liite": "2026/a.pdf"}, folder) == before
    (folder / "a.pdf").write_bytes(PDF + b"2")
    assert attached({"Liite": "a.pdf"}, folder) != before
