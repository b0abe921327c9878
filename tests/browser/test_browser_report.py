"""`report.html` in a real browser: what a person sees, finds and opens, and that nothing leaves the file."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from browser_runs import NIGHT, SCRIPT, report_of
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page


def billnums(page: Page) -> list[str]:
    """The bill numbers in the table, from top to bottom."""
    return page.locator("#table tbody th").all_inner_texts()


def found(page: Page) -> str:
    """What the page says of how many invoices it shows."""
    return page.locator("#found").inner_text()


def sort(page: Page, column: str) -> None:
    """Click on that column's heading."""
    page.locator("#table thead").get_by_role("button", name=column).click()


def opened_detail(page: Page, billnum: str) -> str:
    """The text of the details of an invoice, once they are all there."""
    page.get_by_role("button", name=billnum, exact=True).click()
    page.get_by_role("heading", name="The JSON that was sent").wait_for()
    return page.locator("#detail-body").inner_text()


def test_the_page_begins_with_the_verdict_and_the_outcomes(opened: Any, night: Path) -> None:
    """The first thing to read is whether all went; counts and sums of each outcome follow."""
    page = opened(night)
    assert page.locator(".verdict").inner_text().split("\n")[-1] == (
        "3 of 6 invoices are with the service. Need attention: 3 invalid. "
        "The service was the sandbox: nothing left this machine."
    )
    tiles = [tile.split("\n")[:3] for tile in page.locator(".tile").all_inner_texts()]
    assert tiles == [["All", "6", "3,415.55"], ["Accepted", "3", "2,662.55"], ["Invalid", "3", "753.00"]]
    assert page.get_by_text("No invoice is: already accepted, refused by the service").is_visible()


def test_findings_are_grouped_by_cause_with_what_to_do(opened: Any, night: Path) -> None:
    """Two invoices without a postcode are one cause, told once, with both cells."""
    page = opened(night)
    cause = page.locator(".cause", has_text="postcode is missing")
    assert cause.locator(".cause-count").inner_text() == "2 invoices"
    assert "What to do: Fill in the cell, or add the column if there is none." in cause.inner_text()
    assert cause.locator(".spots li").all_inner_texts() == ["1004 G6", "1005 G7"]
    cause.get_by_role("button", name="Show in the table").click()
    assert billnums(page) == ["1004", "1005"]
    assert found(page) == "2 of 6 invoices shown · total 376.50"


def test_sums_per_vat_rate_are_those_of_what_is_with_the_service(opened: Any, night: Path) -> None:
    """Each rate has its net, VAT and total, beside the total in the files, and they add up."""
    page = opened(night)
    rows = [row.split("\t") for row in page.locator(".rates tr").all_inner_texts()]
    assert [[row[0], *row[-4:]] for row in rows] == [
        ["VAT rate", "Net", "VAT", "Total", "In the files"],
        ["25.5 %", "2,089.90", "532.92", "2,622.82", "3,375.82"],
        ["13.5 %", "35.00", "4.73", "39.73", "39.73"],
        ["all", "2,124.90", "537.65", "2,662.55", "3,415.55"],
    ]
    assert page.get_by_text("They add up to the sums of the outcomes.").is_visible()


def test_every_column_sorts_both_ways(opened: Any, night: Path) -> None:
    """Numbers sort as numbers, and the heading tells a screen reader how."""
    page = opened(night)
    heading = page.locator("#table th.total")
    sort(page, "Total")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert billnums(page) == ["1003", "1002", "1004", "1005", "1006", "1001"]
    sort(page, "Total")
    assert heading.get_attribute("aria-sort") == "descending"
    assert billnums(page) == ["1001", "1006", "1005", "1004", "1002", "1003"]
    sort(page, "Customer")
    assert heading.get_attribute("aria-sort") == "none"
    assert billnums(page)[:2] == ["1003", "1001"]


def test_search_finds_customers_dates_and_sums_as_they_are_written(opened: Any, night: Path) -> None:
    """Case does not matter, words that are quoted belong together, and a sum may be written either way."""
    page = opened(night)
    search = page.get_by_label("Search")
    for text, expected in {
        "åkesson": ["1001"],
        "mallikas 2026-10-02": ["1002"],
        "2 549,73": ["1001"],
        "2,549.73": ["1001"],
        '"postiton oy"': ["1004", "1005"],
        "field-missing": ["1004", "1005"],
        "nobody": ["No invoice matches."],
    }.items():
        search.fill(text)
        expect(page.locator("#table tbody [data-place] th, #table tbody .quiet")).to_have_text(expected)
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#found")).to_have_text("6 of 6 invoices shown · total 3,415.55")


def test_an_outcome_is_shown_alone(opened: Any, night: Path) -> None:
    """By the tile or by the list: both are the same filter."""
    page = opened(night)
    page.locator(".tile.accepted").get_by_role("button").click()
    assert page.get_by_role("combobox", name="Outcome").input_value() == "accepted"
    assert billnums(page) == ["1001", "1002", "1003"]
    page.get_by_role("combobox", name="Outcome").select_option("invalid")
    expect(page.locator("#table tbody th")).to_have_text(["1004", "1005", "1006"])


def test_details_show_cells_the_very_json_and_the_answer(opened: Any, night: Path) -> None:
    """What was sent stands there digit for digit, each row with the cells that it came from."""
    page = opened(night)
    text = opened_detail(page, "1001")
    ((payload, jobid),) = sqlite3.connect(night.parent.parent / "ledger.sqlite").execute(
        "select payload, jobid from document join content on document_id = id where billnum = '1001'"
    )
    shown = page.locator("#detail pre").last.inner_text()
    assert json.loads(shown) == {"checkbillnum": "1", **json.loads(payload)}
    assert '"amount": "1000.00"' in shown
    assert ["1000.00", "K2"] in [cell.split() for cell in page.locator("#detail td").all_inner_texts()]
    assert "Postinumero · column G" in text
    assert f'"jobid": {jobid}' in text
    assert "HTTP 201" in text


def test_details_of_an_invoice_that_did_not_go_say_why(opened: Any, night: Path) -> None:
    """The finding stands there with cell, reason and remedy; no JSON is made up."""
    page = opened(night)
    text = opened_detail(page, "1006")
    assert "“31.11.2026” in paydate is a day that does not exist." in text
    assert "export.csv · C8 · “Eräpäivä” · = 31.11.2026" in text
    assert "This invoice was not sent, so its content is not kept." in text


def test_details_lead_to_the_neighbours_and_back(opened: Any, night: Path) -> None:
    """Next and Previous follow the table's order; Escape closes and the row is still at hand."""
    page = opened(night)
    sort(page, "Total")
    opened_detail(page, "1002")
    page.get_by_role("button", name="Next").click()
    assert page.locator("#detail-title").inner_text() == "1004"
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="1004")).to_be_focused()


def test_a_script_in_a_customers_name_is_text(opened: Any, night: Path) -> None:
    """It is shown letter by letter, in the table and in the details, and never runs."""
    page = opened(night)
    assert page.locator("#table td.customer").nth(2).inner_text() == SCRIPT
    assert SCRIPT in opened_detail(page, "1003")
    assert page.locator("main img, dialog img, main script, dialog script").count() == 0
    assert page.title().startswith("Ropo One run report · ")


def test_the_page_cannot_ask_for_anything_from_outside(opened: Any, night: Path) -> None:
    """Even if something strange got into it, its own policy forbids images, requests and scripts."""
    page = opened(night)
    refused = page.evaluate(
        """async () => {
          const refused = [];
          const told = new Promise((resolve) => {
            document.addEventListener("securitypolicyviolation", (event) => {
              refused.push(event.effectiveDirective);
              if (refused.includes("img-src") && refused.includes("connect-src")) resolve();
            });
          });
          const attempts = {
            image: () => { new Image().src = "http://127.0.0.1:9/"; },
            request: () => { fetch("http://127.0.0.1:9/").catch(() => 0); },
            handler: () => document.body.setAttribute("onclick", "document.title = 'stolen'"),
            markup: () => { document.body.innerHTML = "<b>stolen</b>"; },
          };
          for (const [name, attempt] of Object.entries(attempts)) {
            try { attempt(); } catch { refused.push(name); }
          }
          await told;
          document.body.click();
          return refused;
        }"""
    )
    assert {"img-src", "connect-src", "handler", "markup"} <= set(refused)
    assert "stolen" not in page.title()
    opened.complaints.clear()  # the browser tells of each of them


def test_a_keyboard_is_enough(opened: Any, night: Path) -> None:
    """From the skip link to an invoice's details and back, without a mouse."""
    page = opened(night)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the content"
    page.get_by_role("button", name="Rows", exact=True).focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "1001"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText") == "1003"
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert page.locator("#detail-title").inner_text() == "1006"
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="1006")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#window')") is None


def test_of_a_long_table_only_what_is_in_sight_is_drawn(opened: Any, crowd: Path) -> None:
    """A screen reader learns how long it is, and which rows it sees; the last one is a scroll away."""
    page = opened(crowd)
    table = page.locator("#table")
    assert table.get_attribute("aria-rowcount") == "3001"
    assert table.locator("tr").count() < 60
    page.locator("#window").evaluate("view => { view.scrollTop = view.scrollHeight; }")
    expect(page.locator("#table tbody th").last).to_have_text("3000")
    assert table.locator("tr[data-place]").last.get_attribute("aria-rowindex") == "3001"
    assert table.locator("tr").count() < 60
    page.get_by_label("Search").fill('"asiakas 7 oy"')
    expect(page.locator("#found")).to_have_text("60 of 3,000 invoices shown · total 111,594.90")


def test_a_check_says_what_it_would_send(opened: Any, crowd: Path) -> None:
    """Nothing is with the service, so the sums per VAT rate are those of the files."""
    page = opened(crowd)
    assert page.locator(".rates caption").inner_text() == "In the files"
    assert page.locator(".rates tfoot").inner_text().split()[1:] == [
        "4,501,500.00",
        "1,147,890.00",
        "5,649,390.00",
    ]


def test_printing_takes_all_rows_up_to_a_limit_that_it_tells(opened: Any, night: Path, crowd: Path) -> None:
    """Not only the rows in sight are printed, and where the print ends it says so."""
    short, long = opened(night), opened(crowd)
    for page in (short, long):
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(billnums(short)) == 6
    assert short.locator("#printed").inner_text() == ""
    assert len(billnums(long)) == 1000
    assert long.locator("#printed").inner_text() == (
        "The first 1,000 of 3,000 invoices are printed. All of them are in report.xlsx."
    )
    assert long.get_by_label("Search").is_hidden()
    # A header with a button in it would stand on the first page only.
    assert long.locator("#table thead button").first.is_hidden()
    long.emulate_media(media="screen")
    long.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(billnums(long)) < 60


def test_a_phone_needs_no_scrolling_sideways(opened: Any, night: Path) -> None:
    """Page and details are as wide as the screen."""
    page = opened(night, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    opened_detail(page, "1001")
    assert page.evaluate("document.getElementById('detail').scrollWidth") == 390


def test_every_text_is_readable_in_light_and_dark(opened: Any, night: Path) -> None:
    """Contrast is at least 4.5 to 1, the AA level of WCAG 2.2 (1.4.3)."""
    grounds = set()
    for scheme in ("light", "dark"):
        page = opened(night, color_scheme=scheme)
        opened_detail(page, "1006")
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert page.evaluate(POOR_CONTRAST) == []
    assert len(grounds) == 2


POOR_CONTRAST = """() => {
  const parse = (color) => color.match(/[0-9.]+/g).map(Number);
  const light = (color) => color.slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = parse(getComputedStyle(each).backgroundColor);
      if (color[3] === undefined || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const element = text.parentElement;
    if (!text.data.trim() || !element.checkVisibility() || element.disabled) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
    if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) poor.push(text.data.trim().slice(0, 40));
  }
  return poor;
}"""


def test_without_scripts_all_but_the_table_is_there(opened: Any, night: Path) -> None:
    """The verdict, the causes and the sums are plain HTML."""
    page = opened(night, java_script_enabled=False)
    assert page.get_by_text("3 of 6 invoices are with the service.").is_visible()
    assert page.get_by_text("postcode is missing").is_visible()
    assert page.get_by_text("The table of invoices needs JavaScript").is_visible()
    assert page.get_by_role("button").count() == 0


def test_the_page_speaks_finnish_and_swedish(opened: Any, browser: Any, tmp_path: Path) -> None:
    """Words, numbers and dates are those of the language that the run was asked to speak."""
    assert browser
    finnish = opened(report_of(NIGHT, tmp_path / "fi", language="fi"))
    assert finnish.locator("html").get_attribute("lang") == "fi"
    assert finnish.locator(".tile-sum").first.inner_text() == "3\u00a0415,55"
    assert finnish.locator("#table td.total").first.inner_text() == "2\u00a0549,73"
    assert finnish.locator("#table td.billdate").first.inner_text() == "1.10.2026"
    swedish = opened(report_of(NIGHT, tmp_path / "sv", language="sv"))
    assert swedish.locator("html").get_attribute("lang") == "sv"
    assert swedish.locator("#table td.billdate").first.inner_text() == "2026-10-01"
    for page, heading, count in ((finnish, "Tulokset", "2 laskua"), (swedish, "Utfall", "2 fakturor")):
        assert page.locator("h2#outcomes").inner_text() == heading
        assert count in page.locator(".cause-count").all_inner_texts()
