"""How long the report of a large night takes to open, search and sort in a real browser."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def page_times(report: Path, billnum: str) -> dict[str, float]:
    """Seconds until `report.html` shows its table, finds a bill number, and is sorted by total.

    Raises:
        RuntimeError: there is no Chromium.
    """
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this part needs a browser

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise RuntimeError("there is no Chromium to open the report with")
    times = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        began = time.perf_counter()
        page.goto(report.as_uri())
        page.locator("#table tbody th").first.wait_for()
        times["open"] = time.perf_counter() - began
        began = time.perf_counter()
        page.get_by_role("searchbox").first.fill(billnum)
        page.wait_for_function("document.querySelector('#found').innerText.startsWith('1 of')")
        times["search a bill number"] = time.perf_counter() - began
        page.get_by_role("searchbox").first.fill("")
        began = time.perf_counter()
        page.locator("#table thead").get_by_role("button", name="Total").click()
        page.wait_for_function("document.querySelector('#table th[aria-sort=ascending]') !== null")
        times["sort by total"] = time.perf_counter() - began
        browser.close()
    return times
