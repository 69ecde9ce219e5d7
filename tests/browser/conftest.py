"""A headless Chromium and an emulator for all tests of the page. Without a browser they are skipped.

Debian and Ubuntu have both programs: `apt-get install chromium chromium-driver`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.support.servers.emulator_in_process import Client, Running, program

if TYPE_CHECKING:  # it needs selenium, without which this file is loaded, too
    from tests.browser.page import Page, Script


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them take seconds."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all tests."""
    from tests.browser.page import new_browser  # noqa: PLC0415  # it needs selenium

    browser = new_browser()
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    """An emulator of version 2026-04 as a program, with the handlers of this folder."""
    with program("--functions", Path(__file__).with_name("handlers.py"), "--no-access-log") as started:
        assert started.process.stderr
        # What the handlers log is read: an emulator whose pipe is full waits.
        threading.Thread(target=deque[str](maxlen=0).extend, args=[started.process.stderr], daemon=True).start()
        yield started.running


@pytest.fixture
def client(running: Running) -> Iterator[Client]:
    """A program's client of the emulator."""
    with running.client() as client:
        yield client


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A file for one `scripted` job."""
    from tests.browser.page import Script  # noqa: PLC0415  # it needs selenium

    return Script(tmp_path / f"{uuid4()}.txt")


@pytest.fixture
def page(browser: Any, running: Running) -> Iterator[Page]:
    """The page, which must not make the browser complain."""
    from tests.browser.page import Page  # noqa: PLC0415  # it needs selenium

    page = Page(browser, running.url)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    page.open()
    yield page
    assert page.errors() == []
    browser.get("about:blank")
