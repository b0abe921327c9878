"""The sample files: what they must hold for the tests and the docs to lean on them."""

from __future__ import annotations

import csv
import importlib.util
import io
import re
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from stdnum.fi import ytunnus
from stdnum.se import orgnr

from pipeline.columns.layouts import find_field
from pipeline.privacy import mask
from pipeline.profile import Profile
from pipeline.validator.schema import fields

FOLDER = Path(__file__).parent.parent / "sample_data"
BOOKS = ("finnish", "english", "swedish")
RESERVED = (".example", "@example.com", "@example.org", "@example.net")  # RFC 2606

TABLE_OF_THE_INVOICE_PAGE = """
addaddress address addressaddline1 addressaddline2 addresscountry attachment billcode billdate
billnum billtemplate cashbill checkbillnum city collectionprocess company country custnum
customertype deliverydate deliverymethod deliveryterm email email2 evoice evoiceint freetext govid
jobtype language model negvat ordernumber ourcode overdueinterest ownref paydate period person phone
postcode salesman salesmanname sendtype sensible servicecode vatid vatperiod voucherbatch vouchernum
yourcode advancepayment
""".split()  # noqa: SIM905 - 51 words read better than 51 quoted ones


def load_make() -> Any:
    """The generator as a module, wherever the tests run from."""
    spec = importlib.util.spec_from_file_location("sample_data_make", FOLDER / "make.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


make = load_make()
FILES: dict[str, bytes] = make.files()


def parts(file: bytes) -> dict[str, bytes]:
    """A workbook's parts, unpacked: how well zlib packed them is no part of their content."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows_of(name: str, encoding: str) -> list[list[str]]:
    """The rows of a CSV file."""
    return list(csv.reader(io.StringIO(FILES[name].decode(encoding), newline=""), delimiter=";"))


def sheet_of(name: str, sheet: int = 0) -> Any:
    """A sheet of a workbook."""
    return openpyxl.load_workbook(io.BytesIO(FILES[name])).worksheets[sheet]


def every_text() -> Iterator[str]:
    """Every text in every file, titles and cover sheets included."""
    for name, file in FILES.items():
        if name.endswith(".xlsx"):
            for sheet in openpyxl.load_workbook(io.BytesIO(file)).worksheets:
                yield from (str(value) for row in sheet.values for value in row if value is not None)
        else:
            yield file.decode("utf-8-sig" if name == "invoices-sv.csv" else "cp1252")


@pytest.mark.parametrize("name", FILES)
def test_the_file_on_disk_is_what_the_generator_writes(name: str) -> None:
    """A sample file is never edited by hand, nor left behind by a change of the generator."""
    on_disk = (FOLDER / name).read_bytes()
    if name.endswith(".xlsx"):
        assert parts(on_disk) == parts(FILES[name])
    else:
        assert on_disk == FILES[name]


def test_the_generator_writes_the_same_bytes_each_time() -> None:
    """Neither clock nor chance shows in any file, workbooks included."""
    assert make.files() == FILES


def test_nothing_else_lies_in_the_folder() -> None:
    """Every file is the generator's, its content's, the README or git's."""
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    own = {name for name in found if not name.startswith(("content/", "__pycache__/"))}
    assert own == {*FILES, "make.py", "README.md", ".gitattributes"}


def test_the_readme_tells_of_every_file() -> None:
    """Each file's story is told."""
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [name for name in FILES if name.split("/")[0] not in readme] == []


def test_the_csv_twin_shows_the_cells_of_the_workbook() -> None:
    """The same cell stands at the same address in both, a number as a Finnish Excel shows it."""
    sheet = sheet_of("invoices.xlsx")
    twin = rows_of("invoices.csv", "cp1252")
    assert sheet.dimensions == "B2:Z119"
    assert (len(twin), {len(row) for row in twin}) == (119, {26})
    for row, texts in enumerate(twin, start=1):
        for column, text in enumerate(texts, start=1):
            cell = sheet.cell(row, column)
            assert meaning_of(text, cell) == cell.value, f"{cell.coordinate}: {text}"


def meaning_of(text: str, cell: Any) -> Any:
    """What a person reads in the text, knowing what kind of cell it was."""
    if text == "":
        return None
    if isinstance(cell.value, datetime):
        day, month, year = text.split(".")
        return datetime(int(year), int(month), int(day))  # noqa: DTZ001 - Excel knows no zones
    if isinstance(cell.value, (int, float)):
        number = Decimal(text.replace("\N{NO-BREAK SPACE}", "").replace(",", ".").removesuffix(" %"))
        return float(number / 100 if text.endswith("%") else number)
    return text


def test_the_finnish_export_is_like_a_real_one() -> None:
    """Titles above the header in row 5 from B on, a blank row between blocks, a total row at the end."""
    sheet = sheet_of("invoices.xlsx")
    assert (sheet["B2"].value, sheet["B3"].value) == ("Myyntilaskut 2026-10", "Tulostettu 1.11.2026")
    assert (sheet["B5"].value, sheet["Z5"].value) == ("Laskunumero", "Lisätiedot")
    assert [row[0].row for row in sheet["B6:Z118"] if not any(cell.value for cell in row)] == [61]
    assert sheet["B119"].value == "Yhteensä"
    assert sheet["L6"].value == 100
    assert sheet["L6"].number_format == "00000"
    assert sheet["W6"].value == 0.255
    assert {"NA Oy", "Virta-Vesi Oy"} <= {sheet.cell(row, 8).value for row in range(6, 119)}
    assert "null-moduuli" in {sheet.cell(row, 19).value for row in range(6, 119)}
    assert any("\n" in str(sheet.cell(row, 26).value) for row in range(6, 119))


@pytest.mark.parametrize(
    ("book", "first", "number", "rows"),
    [("finnish", 261001, 40, 112), ("english", 101, 10, 22), ("swedish", 70101, 8, 20)],
)
def test_the_invoices_are_right(book: str, first: int, number: int, rows: int) -> None:
    """October's deliveries, due in time, of one customer and more than nothing each."""
    made = make.invoices(make.content(book), first, number)
    assert (len(made), sum(map(len, made))) == (number, rows)
    for invoice in made:
        head = invoice[0]
        assert date(2026, 10, 1) <= head["deliverydate"] <= head["billdate"] <= date(2026, 10, 31)
        assert timedelta(days=14) <= head["paydate"] - head["billdate"] <= timedelta(days=30)
        assert len({row["name"] for row in invoice}) == 1
        assert sum(row["check.total"] for row in invoice) > 0
        assert 1 <= len(invoice) <= 6


def test_the_sums_add_up() -> None:
    """The total row is the sum of the rows, and a row's sum is rounded as an accountant would."""
    totals = [row[-2] for row in rows_of("invoices.csv", "cp1252")[5:] if row[-2]]
    *rows, last = [Decimal(text.replace("\N{NO-BREAK SPACE}", "").replace(",", ".")) for text in totals]
    assert sum(rows) == last
    row = {"payrow.count": Decimal(3), "payrow.amount": Decimal("0.335"), "payrow.taxpr": Decimal(10)}
    assert make.row_total(row) == Decimal("1.01") + Decimal("0.10")


def test_vat_rates_are_those_of_2026() -> None:
    """Finland 25.5, 13.5, 10 and 0; Sweden 25, 12 and 6."""
    rates = {book: {product["taxpr"] for product in make.content(book)["products"]} for book in BOOKS}
    finnish = {Decimal("25.5"), Decimal("13.5"), Decimal(10), Decimal(0)}
    assert rates["finnish"] == finnish
    assert rates["english"] <= finnish
    assert rates["swedish"] == {Decimal(25), Decimal(12), Decimal(6)}


def test_references_have_right_check_digits() -> None:
    """By the examples that banks publish: 123456 gives 1 (weights 7, 3, 1), 123456789 gives 7 (Luhn)."""
    assert make.viitenumero(123456) == "1234561"
    assert make.ocr(123456789) == "1234567897"


@pytest.mark.parametrize("book", BOOKS)
def test_business_ids_are_valid_and_nobodys(book: str) -> None:
    """Right check digits, in a series that has not been given to anyone; e-invoice addresses go with them."""
    for customer in make.content(book)["customers"]:
        govid = customer.get("govid")
        assert (govid is not None) == (customer["type"] == "company")
        if govid:
            assert ytunnus.is_valid(govid) or orgnr.is_valid(govid)
            assert govid.startswith(("99", "599"))
        if "evoice" in customer:
            assert customer["evoice"] == "0037" + govid.replace("-", "")


def test_nobody_real_can_be_reached() -> None:
    """Mail goes to reserved domains only, and no file holds a personal identity code."""
    for text in every_text():
        assert mask(text) == text
        for mail in re.findall(r"[^\s;]+@[^\s;]+", text):
            assert mail.endswith(RESERVED), mail


def test_each_mistake_stands_in_an_invoice_of_its_own() -> None:
    """`MISTAKES` are all that `mistakes.xlsx` has beside a right export; twelve invoices must not be sent."""
    book = make.content("finnish") | {"rows_of_an_invoice": [1, 1, 2]}
    right = make.finnish_sheet(book, make.invoices(book, 262001, 20))
    wrong = {}
    for row, (before, after) in enumerate(zip(right, make.mistaken(), strict=True), start=1):
        for column, (one, other) in enumerate(zip(before, after, strict=True), start=1):
            if one != other:
                wrong[f"{get_column_letter(column)}{row}"] = after[1].value
    assert wrong == {mistake.cell: int(mistake.billnum) for mistake in make.MISTAKES}
    assert len(set(wrong.values())) == len(make.MISTAKES)
    errors = [mistake for mistake in make.MISTAKES if mistake.severity == "error"]
    assert len(errors) == len({mistake.code for mistake in errors}) == 12


def test_the_workbook_really_holds_the_mistakes_that_only_a_workbook_can() -> None:
    """A formula without a value, an error cell, a number with its last digits lost."""
    book = openpyxl.load_workbook(io.BytesIO(FILES["mistakes.xlsx"])).worksheets[0]
    values = openpyxl.load_workbook(io.BytesIO(FILES["mistakes.xlsx"]), data_only=True).worksheets[0]
    assert (book["V19"].value, values["V19"].value) == ("=V10/50", None)
    assert values["V17"].value == "#N/A"
    assert values["F22"].value != 12345678901234567890
    assert values["F22"].value == pytest.approx(12345678901234567890)
    assert values["W15"].value == 2.5
    assert (values["V23"].value, values["D14"].value) == ("1.234", "31.11.2026")


def test_the_readme_lists_the_mistakes() -> None:
    """Its table names each mistake's cell and invoice, and no other."""
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([A-Z]+[0-9]+) \| ([0-9]+) \|", readme, flags=re.MULTILINE)
    assert sorted(listed) == sorted((mistake.cell, mistake.billnum) for mistake in make.MISTAKES)


@pytest.mark.parametrize("book", [*BOOKS, "everything"])
def test_every_header_is_understood(book: str) -> None:
    """A header names the field that its column holds; `Warehouse` is one that nobody knows."""
    found = {header: find_field(header, Profile()) for header, _ in make.content(book)["columns"]}
    meant = dict(make.content(book)["columns"]) | ({"Warehouse": None} if book == "english" else {})
    assert found == meant


def test_everything_uses_every_field() -> None:
    """Every tag of the documentation's table and every other field of the schemas has a value somewhere."""
    book = make.content("everything")
    used = {
        path
        for entry in book["invoices"]
        for path in (*make.paths(entry), *make.paths(book["debtors"][entry["debtor"]]))
    } | {f"payrow.{tag}" for entry in book["invoices"] for row in entry.get("rows", ()) for tag in row}
    used = {re.sub(r"(?<=row|ent)[0-9]", "", path) for path in used}
    assert [
        tag for tag in TABLE_OF_THE_INVOICE_PAGE if tag not in {path.split(".")[0] for path in used}
    ] == []
    # A job id is known only after sending; the helper fields are for exports that lack others.
    elsewhere = {"refundtojobid", "name", "firstname", "lastname", "credit", "check.total", "included"}
    elsewhere |= {f"row.{sum_of}" for sum_of in ("discount", "net", "vat", "gross", "included")}
    sendable = {path for path in fields() if "{n}" not in path}
    assert sendable - used == elsewhere


def test_everything_shows_each_field_under_its_header() -> None:
    """What an entry tells is in the sheet: nothing is left out for want of a column."""
    sheet = sheet_of("everything.xlsx")
    book = make.content("everything")
    told = sum(
        len(make.paths({**book["debtors"][entry["debtor"]], **entry}))
        - len({"story", "debtor"} | ({"rows"} & set(entry)))
        + sum(map(len, entry.get("rows", ())))
        + max(len(entry.get("rows", ())) - 1, 0)  # the bill number again on each later row
        for entry in book["invoices"]
    )
    assert sum(value is not None for row in list(sheet.values)[1:] for value in row) == told


def test_the_pdf_is_whole() -> None:
    """Its table of contents points at its objects."""
    pdf = FILES["attachments/specification.pdf"]
    assert pdf.startswith(b"%PDF-1.4\n")
    assert pdf.endswith(b"%%EOF\n")
    for number, place in enumerate(re.findall(rb"^([0-9]{10}) 00000 n", pdf, flags=re.MULTILINE), start=1):
        assert pdf[int(place) :].startswith(b"%d 0 obj\n" % number)
    start = int(pdf.split(b"startxref\n")[1].split(b"\n")[0])
    assert pdf[start:].startswith(b"xref\n0 7\n")


def test_payments_and_allocations_speak_of_invoices_of_the_other_files() -> None:
    """Each names a bill number or reference that another sample file holds, and no more than its sum."""
    october = {
        key: sum(row["check.total"] for row in invoice)
        for invoice in make.invoices(make.content("finnish"), 261001, 40)
        for key in (str(invoice[0]["billnum"]), invoice[0]["billcode"])
    }
    for amount, _, billcode, billnum, *_ in list(sheet_of("payments.xlsx").values)[1:]:
        assert Decimal(str(amount)) <= october[billcode or billnum]
    everything = {
        entry.get(key) for entry in make.content("everything")["invoices"] for key in ("billnum", "billcode")
    }
    for _, _, billcode, billnum, _, credit_note, _ in list(sheet_of("allocations.xlsx").values)[1:]:
        assert {billcode or billnum, credit_note or billnum} <= everything
