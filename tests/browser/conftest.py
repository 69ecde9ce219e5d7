"""A headless Chromium and an emulator for all tests of the page. Without a browser they are skipped.

Debian and Ubuntu have both programs: `apt-get install chromium chromium-driver`.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import pytest
from attrs import define, frozen

from tests.support.emulator_in_process import Client, Running, program

webdriver: Any = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: run `nox -s browser`")

from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402  # after the check that it is installed
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402  # the same
from selenium.webdriver.common.by import By  # noqa: E402  # the same
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402  # the same

HANDLERS: Final = Path(__file__).with_name("handlers.py")
SECONDS: Final = 30
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_T = TypeVar("_T")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them take seconds."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


def new_browser() -> Any:
    """A browser, or a skip that says what is missing."""
    binary = next(filter(None, map(shutil.which, _BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        missing = "Chromium" if not binary else "chromedriver"
        pytest.skip(f"no {missing} is found: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1440,900", "--lang=en-GB"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which Chromium refuses to do without as root
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all tests."""
    browser = new_browser()
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    """An emulator of version 2026-04 as a program, with the handlers of this folder."""
    with program("--functions", HANDLERS, "--no-access-log") as started:
        assert started.process.stderr
        # What the handlers log is read: an emulator whose pipe is full waits.
        threading.Thread(target=deque[str](maxlen=0).extend, args=[started.process.stderr], daemon=True).start()
        yield started.running


@pytest.fixture
def client(running: Running) -> Iterator[Client]:
    """A program's client of the emulator."""
    with running.client() as client:
        yield client


@define
class Script:
    """The file that a `scripted` job follows."""

    path: Path

    def write(self, *lines: str) -> None:
        """Add lines, which the job carries out."""
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    @property
    def payload(self) -> dict[str, str]:
        """The payload of a job that follows it."""
        return {"file": str(self.path)}


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A file for one `scripted` job."""
    return Script(tmp_path / f"{uuid4()}.txt")


@frozen
class Page:
    """The page in the browser, as its user sees it."""

    browser: Any
    url: str

    def open(self, place: str = "#/jobs") -> None:
        """Open a view and wait until it is live."""
        self.browser.get("about:blank")
        self.browser.get(f"{self.url}/_emulator{place}")
        self.until(lambda: self.all('#connection[data-state="live"]'))

    def find(self, selector: str) -> WebElement:
        """The first visible element of a CSS selector, once there is one."""
        return self.until(lambda: [each for each in self.all(selector) if each.is_displayed()])[0]

    def all(self, selector: str) -> list[WebElement]:
        """The elements of a CSS selector."""
        found: list[WebElement] = self.browser.find_elements(By.CSS_SELECTOR, selector)
        return found

    def text(self, selector: str) -> str:
        """The text that is seen of the first element."""
        found = self.all(selector)
        return found[0].text if found else ""

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements."""
        return [each.text for each in self.all(selector)]

    def click(self, selector: str) -> None:
        """Click an element that is enabled."""
        self.until(lambda: self.find(selector).is_enabled())
        self.find(selector).click()

    def type(self, selector: str, text: str) -> None:
        """Replace the text of a field."""
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def focused(self) -> str:
        """What has the focus: its id, its job or its text."""
        script = "const e = document.activeElement; return e.id || e.dataset.id || e.dataset.action || e.textContent"
        return str(self.browser.execute_script(script))

    def row(self, job_id: str) -> str:
        """The text of a job's row; empty if it is not listed."""
        return self.text(f'.row[data-id="{job_id}"]')

    def until(self, look: Callable[[], _T]) -> _T:
        """Look again and again until there is something."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                found = look()
            except StaleElementReferenceException:
                found = None
            if found:
                return found
            assert time.monotonic() < deadline, f"{self.text('main')}\n{self.browser.get_log('browser')}"
            time.sleep(0.03)

    def until_text(self, selector: str, text: str) -> None:
        """Wait until an element shows a text."""
        self.until(lambda: text in self.text(selector))

    def errors(self) -> list[str]:
        """What the browser has complained of since the last call: errors of scripts, refused requests, broken policies."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] in {"SEVERE", "WARNING"}]


@pytest.fixture
def page(browser: Any, running: Running) -> Iterator[Page]:
    """The page, which must not make the browser complain."""
    page = Page(browser, running.url)
    width = partial(browser.execute_cdp_cmd, "Emulation.clearDeviceMetricsOverride")
    width({})
    page.open()
    yield page
    assert page.errors() == []
    browser.get("about:blank")
