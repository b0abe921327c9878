"""A real browser, and reports of real runs to open in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_runs import NIGHT, many, report_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window; where there is none, the tests that need it are skipped."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here: report.html was not tried in a browser")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield launched
        launched.close()


@dataclass
class Opener:
    """Opens reports, and notes all that a page asked for or complained about."""

    browser: Browser
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _contexts: list[Any] = field(default_factory=list)

    def __call__(self, report: Path, **options: Any) -> Page:
        """The page of that report, with no way to anything but that file."""
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

        def answer(route: Route) -> None:
            self.requests.append(route.request.url)
            if route.request.url == report.as_uri():
                route.continue_()
            else:
                route.abort()

        context.route("**/*", answer)
        page.goto(report.as_uri())
        return page

    def close(self) -> None:
        """Close all pages."""
        for context in self._contexts:
            context.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opener]:
    """Opens reports; in the end no page may have asked for anything else, or complained."""
    opener = Opener(browser)
    yield opener
    opener.close()
    assert opener.complaints == []
    assert all(url.endswith("report.html") and url.startswith("file://") for url in opener.requests)


@pytest.fixture(scope="session")
def night(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run in which three of six invoices went."""
    assert browser
    return report_of(NIGHT, tmp_path_factory.mktemp("night"))


@pytest.fixture(scope="session")
def crowd(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a check of 3,000 invoices."""
    assert browser
    return report_of(many(3000), tmp_path_factory.mktemp("crowd"), "check")
