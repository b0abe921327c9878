"""Makes the pictures in docs/images from the sample data: `.venv/bin/python docs/make_screenshots.py`.

Needs Chromium; with LibreOffice and poppler's pdftoppm it also takes one of the corrections workbook.
"""

# ruff: noqa: INP001 - a script beside the pages that it is for

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import openpyxl
from openpyxl.styles import Alignment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
COMMAND = ("run", "mistakes.xlsx", "--out", "out", "--ledger", "sqlite:///ledger.sqlite", "--language", "en")
SHOWN_COLUMNS = (
    *("Laskunumero", "Laskupäivä", "Eräpäivä", "Nimi", "Postinumero", "Veroton hinta", "ALV %"),
    *("Ropo: outcome", "Ropo: what is wrong"),
)
_TERMINAL = """<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0; background: #14181f; color: #e4e8ef; padding: 20px 24px; width: fit-content; }}
pre {{ margin: 0; font: 13px/1.5 "Liberation Mono", monospace; width: 132ch; white-space: pre-wrap; }}
b {{ color: #72cf97; font-weight: 400; }}
</style><pre><b>$</b> make run INPUT=mistakes.xlsx
{output}</pre>"""


def main() -> None:
    """Run the sample with mistakes against the sandbox, and take pictures of what comes out."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("No Chromium here.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        output = run(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        terminal(browser, output)
        report(browser, folder / "out" / "report.html")
        browser.close()
        corrections(folder)


def run(folder: Path) -> str:
    """The run's output, without the dates that a log has."""
    shutil.copy(ROOT / "sample_data" / "mistakes.xlsx", folder)
    home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    ended = subprocess.run(  # noqa: S603 - our own program with arguments of ours
        [sys.executable, "-m", "pipeline", *COMMAND],
        cwd=folder,
        env={**os.environ, **home, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return re.sub(r"^\d{4}-\d\d-\d\dT[0-9:]+Z ", "", ended.stdout, flags=re.MULTILINE).replace(
        f"{folder}/", ""
    )


def terminal(browser: Browser, output: str) -> None:
    """What the command says."""
    page = browser.new_page()
    page.set_content(_TERMINAL.format(output=html.escape(output)))
    page.locator("body").screenshot(path=IMAGES / "terminal.png")


def report(browser: Browser, path: Path) -> None:
    """The top of the report, its table, one invoice, and the report on a phone in the dark."""
    page = browser.new_page(viewport={"width": 1200, "height": 860})
    page.goto(path.as_uri())
    page.screenshot(path=IMAGES / "report.png")
    page.locator("section.invoices").screenshot(path=IMAGES / "report-invoices.png")
    page.get_by_role("button", name="262003").click()
    page.get_by_role("heading", name="The JSON that was sent").wait_for()
    page.screenshot(path=IMAGES / "report-invoice.png")
    phone = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    phone.goto(path.as_uri())
    phone.screenshot(path=IMAGES / "report-phone.png")


def corrections(folder: Path) -> None:
    """The corrections workbook as LibreOffice prints it, with some of its columns."""
    office, painter = shutil.which("soffice"), shutil.which("pdftoppm")
    if office is None or painter is None:
        sys.stderr.write("corrections.png stays as it was: that needs LibreOffice and pdftoppm.\n")
        return
    book = openpyxl.load_workbook(folder / "out" / "corrections.xlsx")
    for other in book.worksheets[1:]:
        book.remove(other)
    (sheet,) = book.worksheets
    for (header,) in sheet.iter_cols(max_row=1):
        column = sheet.column_dimensions[get_column_letter(header.column)]
        column.min = column.max = header.column  # neighbours of one width are kept as one
        column.hidden = header.value not in SHOWN_COLUMNS
        if header.value == SHOWN_COLUMNS[-1]:
            column.width = 90
            for (cell,) in sheet.iter_rows(min_col=header.column, max_col=header.column):
                cell.alignment = Alignment(wrap_text=False)
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_margins = PageMargins(left=0.2, right=0.2, top=0.2, bottom=0.2, header=0, footer=0)
    book.save(folder / "picture.xlsx")
    home = {**os.environ, "HOME": str(folder)}
    crop = ("-r", "125", "-x", "0", "-y", "0", "-W", "1460", "-H", "280")
    for command in (
        [office, "--headless", "--convert-to", "pdf", "picture.xlsx"],
        [painter, "-png", "-singlefile", *crop, "picture.pdf", str(IMAGES / "corrections")],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env=home)  # noqa: S603 - as above


if __name__ == "__main__":
    main()
