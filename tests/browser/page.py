"""The page in a headless Chromium, as its user sees it. Without selenium, the test modules that import this are skipped."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from attrs import define, frozen

webdriver: Any = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: run `nox --sessions browser`")

from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402  # after the check that it is installed
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402  # the same
from selenium.webdriver.common.by import By  # noqa: E402  # the same
from selenium.webdriver.common.keys import Keys  # noqa: E402  # the same
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402  # the same

__all__ = ["HANDLERS", "ActionChains", "Keys", "Page", "Script", "new_browser"]

HANDLERS: Final = Path(__file__).with_name("handlers.py")
SECONDS: Final = 30
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_T = TypeVar("_T")


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
