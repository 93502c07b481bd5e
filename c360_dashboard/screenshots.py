"""`python -m c360_dashboard.screenshots`: every page as a picture, desk and phone, light and dark.

It needs Playwright, which the development environment has, and a Chromium of the system.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from c360_dagster.settings import REPOSITORY, SettingsError, read_settings
from c360_dashboard.contents import VIEWS
from c360_dashboard.queries.value import find_showcase_customer
from c360_dashboard.snapshot import SnapshotError, ask, find_snapshot

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SIZES: dict[str, ViewportSize] = {
    "desk": {"width": 1440, "height": 900},
    "phone": {"width": 390, "height": 844},
}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
DASHBOARD = ("c360_dashboard",)
START_TIMEOUT_SECONDS = 120
# While a chart or a download is loading, a grey box holds its place.
DRAWN = "!document.querySelector('[data-testid=stSkeleton]')"
# The page scrolls inside a box of its own: a window as tall as the box shows all of it.
HEIGHT = "document.querySelector('[data-testid=stMain]').scrollHeight"


def main() -> int:
    try:
        settings = read_settings()
        snapshot = find_snapshot(settings.published, shows_personal_data=False)
        customer = ask(snapshot, find_showcase_customer)
    except (SettingsError, SnapshotError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    found = find_browser()
    if found is None:
        sys.stderr.write("There is no Chromium here: install it, then take the pictures again.\n")
        return 1
    folder = settings.home / "screenshots"
    with serve() as address, open_browser(found) as browser:
        count = take_all(browser, address, folder, customer)
    sys.stdout.write(f"{count} pictures are in {folder}.\n")
    return 0


def find_browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def needs_no_sandbox() -> bool:
    """Chromium's own sandbox needs rights that the root of a container does not have."""
    return os.geteuid() == 0


@contextmanager
def open_browser(path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if needs_no_sandbox() else []
        with playwright.chromium.launch(executable_path=path, args=flags) as browser:
            yield browser


@contextmanager
def serve(
    command: Sequence[str] = DASHBOARD,
    health: str = "_stcore/health",
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Starts a server of ours on a free port, yields its address, and stops it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", *command, "--port", str(port)],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/{health}", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310  our own
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise TimeoutError(f"The server did not start within {START_TIMEOUT_SECONDS} seconds.")


def open_page(page: Page, address: str, *, until_quiet: bool = True) -> None:
    """Opens a page and waits until it and its charts are drawn; if `until_quiet`, also until
    nothing more is loaded."""
    page.goto(address)
    page.wait_for_selector("[data-testid=freshness]")
    page.wait_for_selector("[data-test-script-state=notRunning]")
    if until_quiet:
        page.wait_for_load_state("networkidle")
    page.wait_for_function(DRAWN)


def take_all(browser: Browser, address: str, folder: Path, customer: str | None) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for size, viewport in SIZES.items():
        for scheme in SCHEMES:
            with browser.new_context(viewport=viewport, color_scheme=scheme) as context:
                page = context.new_page()
                for view in VIEWS:
                    where = "" if view is VIEWS[0] else view.address
                    if view.address == "customer" and customer:
                        where += f"?id={customer}"
                    page.set_viewport_size(viewport)
                    open_page(page, f"{address}/{where}")
                    tall = min(int(page.evaluate(HEIGHT)) + 20, 6000)
                    page.set_viewport_size({"width": viewport["width"], "height": tall})
                    page.wait_for_timeout(400)
                    page.screenshot(path=folder / f"{view.address}-{size}-{scheme}.png")
                    count += 1
    return count


if __name__ == "__main__":
    raise SystemExit(main())
