"""Write the pictures of the emulator's page, docs/pictures/dashboard-*.png: three widths, light and dark, in a headless Chromium.

Run it with `python docs/page_pictures.py`; it needs the extra `emulator`, selenium, Chromium and its driver.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

FOLDER: Final = Path(__file__).parent / "pictures"
FUNCTIONS: Final = Path(__file__).with_name("picture_functions.py")
WIDTHS: Final = {1440: 900, 820: 1100, 390: 844}
SECONDS: Final = 60
PROGRAM: Final = (sys.executable, "-m", "fluxbase_jobs", "dev", "--port", "0", "--no-access-log", "--functions", str(FUNCTIONS))
OPTIONS: Final = ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--lang=en-GB", "--no-sandbox")
"""Without a sandbox, as Chromium refuses to have one where it runs as root; it opens no page but ours."""


def main() -> None:
    """Make all pictures."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        print("no pictures of the page: they need chromium and chromium-driver")
        return
    with emulator() as url, browser() as driver:
        failed, running = jobs(url)
        for width, height in WIDTHS.items():
            for scheme in ("light", "dark"):
                set_screen(driver, width, height, scheme)
                take(driver, f"{url}#/jobs/{running}", f"dashboard-{width}-{scheme}")
        set_screen(driver, 1440, 900, "light")
        take(driver, f"{url}#/jobs/{failed}", "dashboard-failed")
        take(driver, f"{url}#/functions", "dashboard-functions")
        write(url, "/faults", {"preset": "submit-lost"})
        take(driver, f"{url}#/faults", "dashboard-faults")


@contextmanager
def emulator() -> Generator[str]:
    """Run an emulator with the functions of the pictures; the address of its page."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(PROGRAM, stdout=subprocess.PIPE, stderr=log, text=True, env=variables) as process,
    ):
        try:
            yield next(found[1] for line in process.stdout or () if (found := re.search(r"dashboard: +(\S+)", line)))
        finally:
            process.terminate()


@contextmanager
def browser() -> Generator[Any]:
    """A headless Chromium."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for option in OPTIONS:
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(shutil.which("chromedriver"))))
    try:
        yield driver
    finally:
        driver.quit()


def jobs(url: str) -> tuple[str, str]:
    """Submit some jobs; the ids of one that has failed twice and of one that runs long enough."""
    for day in range(3):
        submit(url, "report", {"day": f"2026-11-{24 + day}"})
    failed = submit(url, "thumbnails", {"broken": 3, "seconds": 0.05, "source": "s3://photos/2026-11"}, retries=1)
    submit(url, "report", {"day": "2026-12-24"}, scheduled_at="2026-12-24T06:00:00Z")
    submit(url, "thumbnails", {"pictures": 12, "seconds": 0.02, "width": 64})
    submit(url, "thumbnails", {"pictures": 900, "width": 256}, priority=5)
    running = submit(url, "thumbnails", {"pictures": 300, "width": 128, "source": "s3://photos/2026-12"})
    time.sleep(4)
    return failed, running


def submit(url: str, name: str, payload: Mapping[str, Any], *, retries: int = 0, **fields: Any) -> str:
    """Submit a job; its id."""
    job_id = str(write(url, "/jobs", {"job_name": name, "payload": payload, **fields})["id"])
    for _ in range(retries):
        time.sleep(1)
        write(url, f"/jobs/{job_id}/retry", {})
    return job_id


def write(url: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Send what the page sends."""
    headers = {"x-emulator-dashboard": "1"}
    request = urllib.request.Request(f"{url}/api{path}", json.dumps(body).encode(), headers)  # noqa: S310  # our own emulator
    with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310  # the same
        answer: dict[str, Any] = json.load(response)
        return answer


def set_screen(driver: Any, width: int, height: int, scheme: str) -> None:
    """Take the size and the colours of a device."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    )
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})


def take(driver: Any, address: str, name: str) -> None:
    """Write a picture of a view, once it is live."""
    driver.get("about:blank")
    driver.get(address)
    WebDriverWait(driver, SECONDS).until(lambda driver: driver.find_elements("css selector", '[data-state="live"]'))
    time.sleep(0.6)  # until what has just come is no longer marked
    driver.save_screenshot(str(FOLDER / f"{name}.png"))
    print(f"docs/pictures/{name}.png")


if __name__ == "__main__":
    main()
