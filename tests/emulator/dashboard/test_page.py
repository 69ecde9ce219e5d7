"""The page and its files: their headers, what they load, and where they are not served."""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from fluxbase_jobs.emulator.profiles import APRIL

from tests.emulator.dashboard.conftest import PATH, Page
from tests.support.servers.emulator_in_process import eventually, program, serving

FILES = {"": "text/html", "/dashboard.css": "text/css", "/dashboard.js": "text/javascript", "/icon.svg": "image/svg+xml"}


def source(name: str) -> str:
    """One of the page's files."""
    return files("fluxbase_jobs.emulator.dashboard").joinpath("static", name).read_text("utf-8")


@pytest.mark.parametrize(("name", "media_type"), FILES.items())
def test_the_page_and_its_files(page: Page, name: str, media_type: str) -> None:
    """Each has its type, which browsers must not guess."""
    answer = page.get(PATH + name)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media_type)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["", "/dashboard.js", "/api/jobs", "/api/nothing", "/nothing"])
def test_a_strict_policy_on_every_answer(page: Page, path: str) -> None:
    """Nothing inline, nothing from elsewhere, in no frame of another page, kept nowhere, and no markup made of texts."""
    headers = page.get(PATH + path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))

    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
    assert {policy[name] for name in ("base-uri", "form-action", "frame-ancestors", "trusted-types")} == {"'none'"}
    assert policy["require-trusted-types-for"] == "'script'"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


def test_the_page_loads_its_own_files_only() -> None:
    """No address of another server, no inline script or style, and nothing that makes markup of texts."""
    html, css, script = (source(name) for name in ("index.html", "dashboard.css", "dashboard.js"))

    assert re.findall(r"(?:src|href)=\"([^#\"]+)\"", html) == [
        "_emulator/icon.svg",
        "_emulator/dashboard.css",
        "_emulator/dashboard.js",
        "_emulator/icon.svg",
    ]
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src)", html)
    assert "http" not in css
    assert "url(" not in css
    assert "@import" not in css
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|https?://|localStorage", script)


def test_a_slash_at_the_end_leads_to_the_page(page: Page) -> None:
    """By a relative address, so that a proxy may put a path before it."""
    answer = page.get(f"{PATH}/")

    assert (answer.status_code, answer.headers["location"]) == (307, "../_emulator")
    assert page.get(f"{PATH}/", follow_redirects=True).text == page.get(PATH).text


@pytest.mark.parametrize("path", ["/nothing", "/api/nothing", "/api/jobs/no-uuid", "/../_emulator/api/none"])
def test_unknown_addresses(page: Page, path: str) -> None:
    """They answer 404 with a text."""
    answer = page.get(PATH + path)

    assert answer.status_code == 404
    assert answer.json()["error"]


def test_the_rest_of_the_server_is_as_before(page: Page) -> None:
    """The page changes no other path, not even one that begins like it."""
    assert page.get("/health").json()["status"] == "ok"
    assert page.get("/_emulators").json() == {"error": "Not Found", "path": "/_emulators"}
    assert "content-security-policy" not in page.get("/health").headers


def test_in_process_emulators_have_no_page() -> None:
    """Nor does the real server have this path."""
    with serving(profile=APRIL) as running:
        assert httpx.get(running.url + PATH).json() == {"error": "Not Found", "path": PATH}


@pytest.mark.slow
def test_the_program_names_the_page(tmp_path: Path) -> None:
    """On loopback; it ends at once although a page is open."""
    with program("--database", tmp_path / "db") as started:
        address = re.findall(r"^  dashboard:   (\S+)$", started.start_up, re.MULTILINE)
        with Page(base_url=started.running.url) as page, page.events() as events:
            assert next(events) == ("ready", {})
            status = started.end(15)
        assert started.process.stderr
        errors = started.process.stderr.read()

    assert address == [f"{started.running.url}{PATH}"]
    assert (status, errors) == (0, "")


@pytest.mark.slow
def test_open_starts_the_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that the system names, with the page's address."""
    script, opened = tmp_path / "browser.py", tmp_path / "opened"
    script.write_text(f"import sys, pathlib\npathlib.Path({str(opened)!r}).write_text(sys.argv[1])\n", "utf-8")
    monkeypatch.setenv("BROWSER", f"{sys.executable} {script} %s")

    with program("--open") as started:
        address = eventually(lambda: opened.read_text("utf-8") if opened.exists() else "", bool)

    assert address == f"{started.running.url}{PATH}"


@pytest.mark.slow
def test_there_is_no_page_for_the_network() -> None:
    """It needs no key, so it is not served where others reach it."""
    with program("--host", "0.0.0.0") as started:  # noqa: S104  # what is tested
        answer = httpx.get(started.running.url + PATH)

    assert "dashboard:   none, as it needs no key: omit --host to have it" in started.start_up
    assert answer.json() == {"error": "Not Found", "path": PATH}
