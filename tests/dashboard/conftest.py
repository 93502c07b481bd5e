"""The small snapshot, a dashboard that serves it, and a real browser that opens it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    Response,
    ViewportSize,
    sync_playwright,
)

from c360_dagster.settings import REPOSITORY
from c360_dashboard.screenshots import find_browser, needs_no_sandbox
from c360_dashboard.snapshot import Reader, Snapshot, find_snapshot
from tests.audiences.gold import export
from tests.dashboard.small_snapshot import AS_OF, rows, write_snapshot

PATIENCE = 30
DESK: ViewportSize = {"width": 1280, "height": 900}
USUAL_MEDIA = {"media": "screen", "color_scheme": "light", "forced_colors": "none"}


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "published"
    write_snapshot(folder, rows())
    exports = folder.parent / "exports" / "fans"
    export(exports, date(2026, 6, 29), "C1 C2 C3")
    export(exports, AS_OF, "C3 C8")
    return folder


@pytest.fixture
def snapshot(published: Path) -> Snapshot:
    return find_snapshot(published, shows_personal_data=True)


@pytest.fixture
def reader(snapshot: Snapshot) -> Iterator[Reader]:
    with snapshot.open() as opened:
        yield opened


@pytest.fixture
def masking(published: Path) -> Iterator[Reader]:
    with find_snapshot(published, shows_personal_data=False).open() as opened:
        yield opened


# In a real browser ----------------------------------------------------------------------------


@contextmanager
def serve(home: Path, **environment: str) -> Iterator[str]:
    """Yields the address of a dashboard on a free port, and stops it with all that it started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    settings = {"C360_HOME": str(home), "C360_SHOW_PII": "off"} | environment
    log = home / f"dashboard-{port}.log"
    home.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w") as out,
        subprocess.Popen(
            [sys.executable, "-m", "c360_dashboard", "--port", str(port)],
            cwd=REPOSITORY,
            env=os.environ | settings,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            _wait_for(f"{address}/_stcore/health", process, log)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
    assert "Traceback" not in log.read_text("utf-8")


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310  our own server
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    pytest.fail(f"The dashboard did not start:\n{log.read_text('utf-8')}")


@pytest.fixture(scope="session")
def address(published: Path) -> Iterator[str]:
    """The address of a dashboard that masks personal data, as it does by default."""
    with serve(published.parent) as found:
        yield found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    found = find_browser()
    if found is None:
        sentence = "There is no Chromium on this machine: install it (apt-get install chromium)."
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    flags = ["--no-sandbox"] if needs_no_sandbox() else []
    with playwright.chromium.launch(executable_path=found, args=flags) as opened:
        yield opened


@dataclass
class Tab:
    """A page in the browser, with all problems that occurred in it."""

    page: Page
    address: str
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def watch(self) -> Iterator[None]:
        listeners: dict[Any, Callable[..., None]] = {
            "response": self._note_response,
            "pageerror": lambda error: self.problems.append(f"thrown: {error}"),
            "console": self._note_words,
            "request": self._note_request,
        }
        for event, listener in listeners.items():
            self.page.on(event, listener)
        yield
        for event, listener in listeners.items():
            self.page.remove_listener(event, listener)

    def _note_response(self, response: Response) -> None:
        # Streamlit's client first looks for its server below the page's path, where it is not.
        is_search = (
            "/_stcore/" in response.url and "/" in response.url.split("//")[1].split("/_stcore/")[0]
        )
        if response.status >= 400 and not is_search:
            self.problems.append(f"{response.status} {response.url}")

    def _note_words(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning") and "Failed to load resource" not in said.text:
            self.problems.append(f"console: {said.text}")

    def _note_request(self, asked: Request) -> None:
        if not asked.url.startswith((self.address, "data:", "blob:", "ws://127.0.0.1")):
            self.problems.append(f"left the machine: {asked.url}")

    def open(self, where: str = "") -> Page:
        self.page.goto(f"{self.address}/{where}")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Waits until the page is drawn: it shows its freshness or a message, and nothing runs."""
        self.page.wait_for_selector(
            "[data-testid=freshness], [data-testid=stAlert]", timeout=PATIENCE * 1000
        )
        self.page.wait_for_selector(
            "[data-testid=stApp][data-test-script-state=notRunning]", timeout=PATIENCE * 1000
        )

    def choose(self, label: str, option: str) -> None:
        self.page.get_by_role("combobox", name=label).first.click()
        self.page.get_by_role("option", name=option, exact=True).click()
        self.page.keyboard.press("Escape")
        self.settle()


@pytest.fixture(scope="session")
def page(browser: Browser) -> Page:
    """One page for all tests, so that the browser fetches and compiles everything only once."""
    return browser.new_page()


@pytest.fixture
def open_tab(page: Page) -> Iterator[Callable[..., Tab]]:
    with ExitStack() as watched:

        def open_one(
            address: str,
            size: ViewportSize = DESK,
            **media: Any,  # noqa: ANN401  Playwright's own
        ) -> Tab:
            page.set_viewport_size(size)
            page.emulate_media(**USUAL_MEDIA | media)
            tab = Tab(page, address)
            watched.enter_context(tab.watch())
            return tab

        yield open_one
    page.goto("about:blank")  # otherwise it would keep calling a server that is stopped


@pytest.fixture
def tab(open_tab: Callable[..., Tab], address: str) -> Tab:
    return open_tab(address)
