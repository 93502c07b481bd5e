"""`python -m c360_dashboard.pictures`: takes the README's pictures, of a small simulated retailer.

Settings and days are fixed, so that a picture changes only if what it shows does. A file beside the
pictures records what they were made from; a test compares that with the present repository.
"""

import ast
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterable, Mapping

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, ViewportSize

from c360_dagster.settings import REPOSITORY, Settings, environment_for_dagster, read_settings
from c360_dashboard.queries.value import find_showcase_customer
from c360_dashboard.screenshots import find_browser, open_browser, open_page, serve
from c360_dashboard.snapshot import ask, find_snapshot

FOLDER = REPOSITORY / "docs" / "pictures"
MADE_FROM = FOLDER / "made-from.txt"
RETAILER = {
    "C360_CUSTOMERS": "400",
    "C360_SEED": "7",
    "C360_START_DATE": "2025-01-01",
    "C360_END_DATE": "2026-06-30",
    "C360_SHOW_PII": "off",
}
DESK: ViewportSize = {"width": 1200, "height": 860}
GRAPH: ViewportSize = {"width": 1000, "height": 440}
COLOURS = 64
MARGIN = 24
WEBSERVER = ("dagster_webserver", "-h", "127.0.0.1", "-m", "c360_dagster.definitions")
# The modules that draw the pages in the pictures, beside each page's own in views/ and queries/.
SHARED = ("app", "charts", "contents", "filters", "format", "layout", "queries/choices")
PAGES = ("overview", "customer")
# Removes how long ago the data were published, because that is true for a minute only.
TIMELESS = """
    const line = document.querySelector('[data-testid=freshness]');
    line.textContent = line.textContent.replace(/published [^·]*·/, 'published just now ·');
"""
EDGES = "{ assetNodes { assetKey { path } dependencyKeys { path } } }"


def main() -> int:
    found = find_browser()
    if found is None:
        sys.stderr.write("There is no Chromium here: install it, then take the pictures again.\n")
        return 1
    with tempfile.TemporaryDirectory() as home:
        settings = read_settings(RETAILER | {"C360_HOME": home})
        environment = environment_for_dagster(settings) | RETAILER | {"C360_HOME": home}
        sys.stdout.write("Making a small retailer to look at …\n")
        sys.stdout.flush()
        subprocess.run(
            [sys.executable, "-m", "c360_dagster", "run"],
            cwd=REPOSITORY,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        FOLDER.mkdir(parents=True, exist_ok=True)
        with open_browser(found) as browser:
            take_pages(browser, settings, environment)
            edges = take_graph(browser, environment)
    MADE_FROM.write_text(describe_origin(edges), "utf-8")
    size = sum(path.stat().st_size for path in FOLDER.glob("*.png"))
    sys.stdout.write(f"The pictures are in {FOLDER}, {size / 1000:,.0f} kB in all.\n")
    return 0


def take_pages(browser: Browser, settings: Settings, environment: Mapping[str, str]) -> None:
    customer = ask(
        find_snapshot(settings.published, shows_personal_data=False), find_showcase_customer
    )
    with (
        serve(environment=environment) as address,
        browser.new_context(viewport=DESK, color_scheme="light") as context,
    ):
        page = context.new_page()
        for name, where in (("overview", ""), ("customer", f"customer?id={customer}")):
            open_page(page, f"{address}/{where}")
            page.evaluate(TIMELESS)
            page.wait_for_timeout(400)
            save(page.screenshot(), name)


def take_graph(browser: Browser, environment: Mapping[str, str]) -> set[tuple[str, str]]:
    """Takes a picture of the layers in Dagster's own graph. Returns which layer reads which."""
    with (
        serve(WEBSERVER, "server_info", environment) as address,
        browser.new_context(viewport=GRAPH, device_scale_factor=2) as context,
    ):
        edges = read_edges(address)
        page = context.new_page()
        page.goto(f"{address}/asset-groups")
        page.get_by_text("Hide navigation").click()
        page.get_by_placeholder("Jump to").locator("xpath=following::button[1]").click()
        page.wait_for_timeout(3000)
        save(page.screenshot(clip=find_graph(page, edges)), "graph")
    return edges


def find_graph(page: Page, edges: Iterable[tuple[str, str]]) -> FloatRect:
    """Returns the part of the page that holds all layers."""
    layers = sorted({layer for edge in edges for layer in edge})
    boxes = [page.get_by_text(layer, exact=True).first.bounding_box() for layer in layers]
    known = [box for box in boxes if box]
    left, top = min(box["x"] for box in known), min(box["y"] for box in known)
    right = max(box["x"] + box["width"] for box in known)
    bottom = max(box["y"] + box["height"] for box in known)
    return {
        "x": left - MARGIN,
        "y": top - MARGIN,
        "width": right - left + 2 * MARGIN,
        "height": bottom - top + 2 * MARGIN,
    }


def read_edges(address: str) -> set[tuple[str, str]]:
    """Returns which layer reads which, as the webserver says."""
    request = urllib.request.Request(  # noqa: S310  our own server
        f"{address}/graphql",
        json.dumps({"query": EDGES}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310  the same
        nodes = json.load(answer)["data"]["assetNodes"]
    return join_layers(
        (node["assetKey"]["path"][0], [key["path"][0] for key in node["dependencyKeys"]])
        for node in nodes
    )


def join_layers(assets: Iterable[tuple[str, Iterable[str]]]) -> set[tuple[str, str]]:
    """Returns the edges between layers, given each asset's layer and the layers that it reads."""
    return {(read, layer) for layer, reads in assets for read in reads if read != layer}


def describe_origin(edges: Iterable[tuple[str, str]]) -> str:
    """Returns what the pictures were made of: the graph's edges and checksums of pages' code."""
    return "".join(
        [
            "What the pictures were made of; `make pictures` writes it and them anew.\n",
            *(f"graph {read} > {layer}\n" for read, layer in sorted(edges)),
            *(f"{page} {take_checksum(page)}\n" for page in PAGES),
        ]
    )


def take_checksum(page: str) -> str:
    """Returns a checksum of the code that draws a page. Comments, docstrings and formatting do not
    change it."""
    modules = (*SHARED, f"views/{page}", f"queries/{page}", "views/meanings")
    checksum = hashlib.sha256()
    for module in modules:
        text = (REPOSITORY / "c360_dashboard" / f"{module}.py").read_text("utf-8")
        tree = _WithoutDocstrings().visit(ast.parse(text))
        checksum.update(repr(_outline(tree)).encode())
    return checksum.hexdigest()[:16]


def _outline(node: object) -> object:
    """Returns the syntax tree as lists, the same in every version of Python.

    Versions differ in which fields they know; those that only a later one knows are empty here.
    """
    if isinstance(node, list):
        return [_outline(item) for item in node]
    if not isinstance(node, ast.AST):
        return node
    fields = [pair for pair in ast.iter_fields(node) if pair[1] not in (None, [])]
    return [type(node).__name__, *((name, _outline(value)) for name, value in fields)]


class _WithoutDocstrings(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node


def save(picture: bytes, name: str) -> None:
    """Saves a picture with few colours: a page of text and charts needs no more, and the file stays
    small."""
    with Image.open(io.BytesIO(picture)) as opened:
        few = opened.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    raise SystemExit(main())
