"""The pages in a real browser: they open, filter, search, download, mask, and show new data."""

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, ViewportSize, expect

from c360_dashboard import screenshots
from c360_dashboard.contents import VIEWS
from tests.dashboard.conftest import Tab, serve
from tests.dashboard.small_snapshot import AS_OF, HOSTILE, rows, write_snapshot

PAGES = {
    "": "Overview",
    "segments": "Segments",
    "value": "Value and churn",
    "customer?id=C1": "Customer",
    "products": "Products and affinity",
    "service": "Service and deliveries",
    "marketing": "Marketing",
    "audiences": "Audiences",
    "health": "Data health",
}
PHONE: ViewportSize = {"width": 390, "height": 844}
WIDTH = "document.querySelector('[data-testid=stMain]').scrollWidth"
# Both are measured in one call, because the page may move between two calls.
FIRST_TWO_SIDE_BY_SIDE = """() => {
    const [first, second] = document.querySelectorAll('[data-testid=stMetric]')
    return second && first.getBoundingClientRect().top === second.getBoundingClientRect().top
}"""
LAYER = "cell => Number(getComputedStyle(cell).zIndex)"
TAGS = "all => all.map(each => each.tagName)"
COUNT_SCRIPT_STATES = """app => new Promise(resolve => {
    let changes = 0
    const observer = new MutationObserver(seen => { changes += seen.length })
    observer.observe(app, {attributeFilter: ['data-test-script-state']})
    setTimeout(() => resolve(changes), 1000)
})"""
FILLS = "all => all.map(each => getComputedStyle(each).fill)"
PERSONAL = ("Bérg", "ana.berg", "old.ana", "15550101", "First Street", "Aville", "window.hacked")


@pytest.mark.parametrize(("where", "title"), PAGES.items())
def test_a_page_opens_without_an_error_and_tells_nothing_personal(
    tab: Tab, where: str, title: str
) -> None:
    page = tab.open(where)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_test_id("freshness")).to_contain_text("As of 30 Jun 2026")
    expect(page.get_by_test_id("freshness")).to_contain_text("personal data masked")
    assert page.get_by_test_id("stException").count() == 0
    assert set(page.locator("h1, h2, h3, h4").evaluate_all(TAGS)) == {"H1", "H2"}
    page.set_viewport_size(PHONE)
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    page.wait_for_function(f"{WIDTH} <= {PHONE['width']}")
    said = page.content()
    assert [word for word in PERSONAL if word in said] == []
    assert tab.problems == []


def test_a_link_to_what_is_no_more_says_so_and_shows_everything(tab: Tab) -> None:
    page = tab.open("?region=Atlantis&channel=Online")
    note = page.get_by_role("note").filter(has_text="The address asks for")
    expect(note).to_have_text(
        "The address asks for region “Atlantis”, which these data do not have."
    )


def test_a_filter_changes_the_numbers_the_address_and_the_other_pages(tab: Tab) -> None:
    page = tab.open()
    # The page says it as text, because on a phone nothing can be hovered over.
    compared = page.get_by_role("note").first
    expect(compared).to_have_text("Compared with 1 Jan 2025 – 1 Jul 2025.")
    expect(page.get_by_test_id("stMetric").first).to_contain_text("$200.00")
    tab.choose("Channel", "Store")
    expect(page.get_by_test_id("stMetric").first).to_contain_text("$120.00")
    expect(page).to_have_url(re.compile("channel=Store"))
    page.get_by_role("link", name="Products and affinity").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Products and affinity")
    tab.settle()
    table = page.get_by_role("table", name="Categories")
    expect(table).to_contain_text("Footwear")
    expect(table).not_to_contain_text("Home")
    expect(page).to_have_url(re.compile("products.*channel=Store"))
    assert tab.problems == []


def test_audiences_are_counted_and_nobody_in_them_is_named(tab: Tab) -> None:
    page = tab.open("audiences")
    expect(page.get_by_role("table", name="Audiences", exact=True)).to_contain_text("fans")
    expect(page.get_by_role("table", name="Why others")).to_contain_text("total_orders > 0")
    assert "C8" not in page.content()
    assert tab.problems == []


def test_charts_count_customers_in_whole_numbers_and_name_their_axes(tab: Tab) -> None:
    drawn = tab.open("value").get_by_test_id("stVegaLiteChart").first.locator("svg text")
    expect(drawn.last).to_have_text("Customers")
    *_, title, none, one, _ = drawn.all_text_contents()
    assert (title, none, one) == ("Expected in 12 months (USD)", "0", "1")
    moves = tab.open("segments").get_by_test_id("stVegaLiteChart").last
    for title in ("then", "now"):
        expect(moves.get_by_text(title, exact=True)).to_be_visible()


def test_names_of_few_campaigns_do_not_overlap(tab: Tab) -> None:
    page = tab.open("marketing")
    names = page.locator(".role-axis-label text", has_text="CMP")
    expect(names).to_have_count(2)
    upper, lower = sorted(box["y"] for box in map(Locator.bounding_box, names.all()) if box)
    assert lower - upper > 15


def test_an_address_can_be_shared(tab: Tab) -> None:
    page = tab.open("?period=Last+13+weeks&channel=Online")
    expect(page.get_by_test_id("stMetric").first).to_contain_text("$80.00")


def test_a_choice_that_meets_nothing_is_a_plain_sentence(tab: Tab) -> None:
    page = tab.open("?channel=Store&persona=Premium+but+At-Risk")
    expect(page.get_by_role("note")).to_contain_text("No orders match")
    assert tab.problems == []


def test_campaigns_say_that_they_are_of_all_personas(tab: Tab) -> None:
    page = tab.open("marketing?persona=Engaged+Regulars")
    expect(page.get_by_role("note").first).to_contain_text("for all personas")


@pytest.mark.parametrize("old", ["C9", "c8"])
def test_the_search_finds_a_person_by_the_id_before_a_merge(tab: Tab, old: str) -> None:
    page = tab.open("customer")
    page.get_by_role("textbox", name="Search for a customer").fill(old)
    page.keyboard.press("Enter")
    expect(page.locator("h2.c360-name")).to_have_text("Customer C2")
    expect(page.get_by_role("note").first).to_contain_text(f"{old} is now C2")


def test_a_search_with_several_answers_leads_to_a_customers_page(tab: Tab) -> None:
    page = tab.open("customer?q=example.com")
    page.get_by_role("table", name="Customers found").get_by_role("link", name="C1").click()
    expect(page.locator("h2.c360-name")).to_have_text("Customer C1")
    tab.settle()
    happened = page.get_by_role("region", name="Timeline")
    expect(happened).to_contain_text("2 visits")
    expect(happened.get_by_text("· $110.00", exact=True)).to_have_css("white-space", "nowrap")
    assert tab.problems == []


def test_an_unknown_id_is_a_plain_sentence(tab: Tab) -> None:
    page = tab.open("customer?id=C404")
    expect(page.get_by_role("note")).to_contain_text("no customer with the id C404")


def test_orders_without_lines_do_not_count_as_no_purchase(tab: Tab) -> None:
    page = tab.open("customer?id=C2")
    expect(page.get_by_text("No category is known of what was bought.")).to_be_visible()


def test_a_customer_with_returns_only_is_not_shown_as_a_buyer(tab: Tab) -> None:
    page = tab.open("customer?id=C3")
    expect(page.get_by_text("Nothing has been bought yet.")).to_be_visible()
    expect(page.get_by_role("note").first).to_contain_text("Only returns are known")
    expect(page.get_by_test_id("stMetric").first).to_contain_text("Returned")
    expect(page.get_by_test_id("stMetric").first).to_contain_text("$5.50")
    expect(page.get_by_text("Returns only")).to_be_visible()
    assert "No purchase yet ·" not in page.content()
    assert tab.problems == []


def test_the_segments_page_says_if_no_history_is_kept(tab: Tab) -> None:
    page = tab.open("segments")
    told = page.get_by_role("note").filter(has_text="No changes are recorded yet")
    expect(told).to_contain_text("make backfill")


def test_a_download_holds_what_the_screen_shows(tab: Tab) -> None:
    page = tab.open("customer?q=example.com")
    shown = page.get_by_role("table", name="Customers found").get_by_role("row")
    ids = [row.get_by_role("rowheader").inner_text() for row in shown.all()[1:]]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == f"customers-found-{AS_OF}.csv"
    text = Path(download.value.path()).read_text("utf-8-sig")
    titles, *read = csv.reader(io.StringIO(text))
    assert [row[0] for row in read] == ids == ["C1", "C2"]
    assert titles[:3] == ["Customer", "Name", "E-mail"]
    assert [word for word in PERSONAL if word in text] == []


def test_a_phone_in_the_dark_is_shown_dark_and_narrow(
    open_tab: Callable[..., Tab], address: str
) -> None:
    tab = open_tab(address, PHONE, color_scheme="dark")
    page = tab.open()
    background = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert max(map(int, re.findall(r"\d+", background)[:3])) < 60
    page.wait_for_function(f"{WIDTH} <= {PHONE['width']}")
    page.wait_for_function(FIRST_TWO_SIDE_BY_SIDE)


def test_sticky_cells_hide_the_cells_that_scroll_below_them(tab: Tab) -> None:
    """If a number showed through a name, people would read half of it."""
    page = tab.open("segments")
    page.set_viewport_size(PHONE)
    for cell in (page.locator("thead th").first, page.locator("tbody th").first):
        assert cell.evaluate("cell => getComputedStyle(cell).position") == "sticky"
        expect(cell).to_have_css("background-color", "rgb(255, 255, 255)")
    corner, other = page.locator("thead th").all()[:2]
    assert corner.evaluate(LAYER) > other.evaluate(LAYER)
    page.emulate_media(color_scheme="dark")
    ground = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    page.wait_for_function(f"{ground} !== 'rgb(255, 255, 255)'")
    expect(corner).to_have_css("background-color", page.evaluate(ground))


def test_controls_are_large_enough_for_a_finger(open_tab: Callable[..., Tab], address: str) -> None:
    page = open_tab(address, PHONE).open("value")
    device = page.context.new_cdp_session(page)
    device.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        for target in (
            page.get_by_test_id("stSidebarNavLink").first,
            page.get_by_test_id("stExpandSidebarButton"),
            page.get_by_role("table").first.get_by_role("link").first,
        ):
            box = target.bounding_box()
            assert box
            assert box["height"] >= 40
        around = page.get_by_role("button", name="Help for 12-month value").bounding_box()
        assert around
        page.mouse.click(around["x"] - 9, around["y"] - 9)
        expect(page.get_by_role("tooltip")).to_contain_text("expected to spend")
    finally:
        device.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
        device.detach()


def test_the_focused_element_has_an_outline(open_tab: Callable[..., Tab], address: str) -> None:
    """Forced colours remove shades and shadows, so the focus needs a line.

    A chart's buttons appear when the keyboard reaches them.
    """
    page = open_tab(address, forced_colors="active").open()
    for wanted in ("link", "button"):
        focused = page.get_by_role(wanted).last
        page.keyboard.press("Tab")  # from here on the browser shows where the keyboard is
        focused.focus()
        expect(focused).to_have_css("outline-style", "solid")
    tools = page.get_by_test_id("stElementToolbar").first
    tools.get_by_role("button").first.focus()
    expect(tools).to_have_css("opacity", "1")


def test_printed_pages_show_whole_tables_and_no_buttons(tab: Tab) -> None:
    page = tab.open("segments")
    page.emulate_media(media="print")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.get_by_role("button", name="Download CSV").first).to_be_hidden()
    expect(page.locator(".c360-scroll").first).to_have_css("max-height", "none")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_words_around_a_chart_are_as_dark_as_others(
    open_tab: Callable[..., Tab], address: str, scheme: str
) -> None:
    page = open_tab(address, color_scheme=scheme).open("products")
    page.wait_for_selector(".role-axis-label text")
    ink = page.get_by_role("heading", level=1).evaluate("each => getComputedStyle(each).color")
    chart = page.get_by_test_id("stVegaLiteChart").first
    assert set(chart.locator("svg text").evaluate_all(FILLS)) == {ink}


def test_a_chosen_filter_can_be_read_in_the_dark(
    open_tab: Callable[..., Tab], address: str
) -> None:
    """The letters are white on dark blue; on the dark theme's light blue nobody could read them."""
    page = open_tab(address, color_scheme="dark").open("?channel=Store")
    chip = page.get_by_test_id("stMultiSelectTagsContainer").get_by_text("Store").locator("..")
    expect(chip).to_have_css("color", "rgb(255, 255, 255)")
    expect(chip).to_have_css("background-color", "rgb(0, 114, 178)")


def test_names_are_shown_if_the_operator_allows_it_and_only_as_text(
    open_tab: Callable[..., Tab], published: Path
) -> None:
    with serve(published.parent, C360_SHOW_PII="1") as address:
        tab = open_tab(address)
        page = tab.open("customer?q=cole")
        expect(page.locator("h2.c360-name")).to_have_text(f"{HOSTILE} Cole")
        page = tab.open("customer?q=example.com")
        expect(page.get_by_role("table")).to_contain_text(HOSTILE)
        expect(page.get_by_role("table")).to_contain_text("ana.berg@example.com")
        page = tab.open("customer?q=<script>window.hacked=1</script>**x**$y$")
        expect(page.get_by_role("note")).to_contain_text(
            "“<script>window.hacked=1</script>**x**$y$”"
        )
        assert page.evaluate("window.hacked") is None
        assert tab.problems == []


def test_the_app_waits_for_a_snapshot_and_follows_each_new_one(
    open_tab: Callable[..., Tab], tmp_path: Path
) -> None:
    with serve(tmp_path) as address:
        tab = open_tab(address)
        page = tab.open()
        expect(page.get_by_test_id("stAlert")).to_contain_text("Nothing is published yet")
        expect(page.get_by_test_id("stAlert")).to_contain_text("make run")
        patience = 20_000
        (tmp_path / "published").mkdir()
        (tmp_path / "published" / "c360.duckdb").write_text("torn")
        damaged = page.get_by_test_id("stAlert").filter(has_text="cannot be read as a snapshot")
        expect(damaged).to_be_visible(timeout=patience)
        assert page.get_by_test_id("stApp").evaluate(COUNT_SCRIPT_STATES) < 5, (
            "it tries again and again"
        )
        write_snapshot(tmp_path / "published", rows())
        metric = page.get_by_test_id("stMetric").first
        expect(metric).to_contain_text("$200.00", timeout=patience)
        newer = rows()
        newer["publication"][0] |= {"run_id": "run-two", "published_at": datetime(2026, 7, 2)}
        newer["fct_orders"][0]["net_amount"] = 1100
        write_snapshot(tmp_path / "published", newer)
        expect(metric).to_contain_text("$1,200", timeout=patience)
        assert tab.problems == []


def test_pictures_show_whole_pages(
    browser: Browser, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screenshots, "VIEWS", VIEWS[:1])
    monkeypatch.setattr(screenshots, "SCHEMES", ("dark",))
    assert screenshots.take_all(browser, address, tmp_path, "C1") == 2
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"overview-desk-dark.png", "overview-phone-dark.png"}
    with Image.open(tmp_path / "overview-phone-dark.png") as picture:
        assert picture.width == PHONE["width"]
        assert picture.height > PHONE["height"]
