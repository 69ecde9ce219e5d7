"""The page's other views, the keyboard, widths and colours, other sites, and an emulator that is started again."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser.page import HANDLERS, ActionChains, Keys, Page, Script
from tests.support.servers.emulator_in_process import Client, Running, eventually, program

VIEWS = ("#/jobs", "#/functions", "#/faults", "#/server")


def test_the_keyboard_is_enough(page: Page, client: Client, script: Script) -> None:
    """Submit, go through the list, open, cancel, close, search and change the view, without a mouse."""
    first = client.queue("echo", {})
    client.ended(first)
    page.until(lambda: "completed" in page.row(first))
    page.press("n")
    page.until(lambda: page.focused() == "scripted" or bool(page.all("dialog[open]")))
    page.press("scripted", Keys.TAB, Keys.TAB)
    assert page.focused() == "payload"
    ActionChains(page.browser).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
    page.press('{"file": "' + str(script.path) + '"}')
    ActionChains(page.browser).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    page.until_text(".detail-head", "running")
    second = page.text(".job-id code")

    page.press("c")
    page.until_text(".detail-head", "cancelled")
    page.press(Keys.ESCAPE)
    page.until(lambda: page.focused() == second)
    page.press(Keys.ARROW_DOWN)
    assert page.focused() == first
    page.press(Keys.ENTER)
    page.until(lambda: page.text(".job-id code") == first)
    page.press("k")
    assert page.focused() == second
    page.press("/")
    page.until(lambda: page.focused() == "filter-text")
    page.press("nothing like it", Keys.ESCAPE, "3")
    page.until_text("#faults-title", "Faults")
    page.press("?")
    page.until_text("#help-dialog", "submit a job")
    page.press(Keys.ESCAPE)
    assert not page.all("dialog[open]")


def test_tab_reaches_everything_and_shows_where_it_is(page: Page, client: Client) -> None:
    """The link to the content comes first; each stop has an outline; the list is one stop."""
    client.ended(client.queue("echo", {}))
    client.ended(client.queue("echo", {}))
    page.open()
    page.until(lambda: len(page.all(".row")) > 1)
    page.press(Keys.TAB)
    assert page.focused() == "Skip to the content"
    stops: list[str] = []
    for _ in range(40):
        page.press(Keys.TAB)
        stops.append(str(page.browser.execute_script("const e = document.activeElement; return e.id || e.className || e.textContent")))
        outline = page.browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", stops[-1]
        if stops[-1] == "row":
            break

    assert {"open-submit", "open-help", "filter-text", "filter-function"} <= set(stops)
    assert stops[-1] == "row"


def test_faults_on_and_off(page: Page, client: Client) -> None:
    """A switch, a fault of one's own and its hits; the page works all the while."""
    page.open("#/faults")
    page.click('[data-preset="submit-503"]')
    page.until(lambda: page.find('[data-preset="submit-503"]').get_attribute("aria-checked") == "true")
    assert client.submit("echo").status_code == 503
    page.until_text("#active-faults", "1 hit")
    assert page.text("#faults-count") == "1"
    page.click('[data-preset="submit-503"]')
    page.until_text("#active-faults", "None")
    assert client.submit("echo").status_code == 201

    page.type('[name="route"]', "GET /api/v1/jobs")
    page.type('[name="status"]', "502")
    page.click("#fault-form [type=submit]")
    page.until_text("#active-faults", "GET /api/v1/jobs answers 502")
    assert client.get("/api/v1/jobs").status_code == 502
    page.press("1")
    page.until(lambda: page.all(".row"))
    page.press("3")
    page.click("#all-off")
    page.until_text("#active-faults", "None")
    assert client.get("/api/v1/jobs").status_code == 200


def test_a_fault_that_cannot_be_is_explained(page: Page) -> None:
    """The reason is shown for some seconds."""
    page.open("#/faults")
    page.type('[name="route"]', "GET /nowhere")

    page.click("#fault-form [type=submit]")

    page.until_text("#toasts", "none of the server's")
    assert [message for message in page.errors() if "400 (Bad Request)" not in message] == []


def test_functions_and_their_next_runs(page: Page) -> None:
    """A function leads to its jobs and to a new one."""
    page.open("#/functions")
    page.until_text("#functions", "daily/report")

    card = next(each for each in page.all(".function") if "report" in each.text)
    assert "0 6 * * *" in card.text
    assert len(card.find_elements("css selector", ".schedule time")) == 3
    page.click('[aria-label="Submit a job of report"]')
    assert page.find('[name="function"]').get_attribute("value") == "daily/report"
    page.press(Keys.ESCAPE)
    page.click('[aria-label="Jobs of report"]')
    page.until(lambda: page.find("#filter-function").get_attribute("value") == "daily/report")


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_nothing_is_wider_than_the_page(page: Page, client: Client, width: int) -> None:
    """On a telephone, a tablet and a desk."""
    job_id = client.queue("echo", {"long": "x" * 400, "long words": ["y" * 90] * 3})
    client.ended(job_id)
    page.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    )
    for place in (*VIEWS, f"#/jobs/{job_id}"):
        page.open(place)
        if place.endswith(job_id):
            page.until_text(".detail-head", "completed")
        wide = page.browser.execute_script(
            "return [document.documentElement, ...document.querySelectorAll('main, .list-pane, .detail-pane, .page, .top')]"
            ".filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className || e.tagName)"
        )
        assert wide == [], place


def test_dark_and_light(page: Page) -> None:
    """As the system is; texts can be read in both: their contrast is 4.5 at least."""
    grounds: set[str] = set()
    for scheme in ("light", "dark"):
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        grounds.add(str(page.browser.execute_script("return getComputedStyle(document.body).backgroundColor")))
        assert page.browser.execute_script(CONTRASTS) == [], scheme
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    assert len(grounds) == 2


CONTRASTS = """
const style = getComputedStyle(document.documentElement);
const light = (name) => {
  const parts = style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16) / 255);
  const [r, g, b] = parts.map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const pairs = [["--text", "--ground"], ["--quiet", "--ground"], ["--quiet", "--surface"], ["--quiet", "--sunken"],
  ["--accent", "--surface"], ["--accent", "--accent-ground"], ["--on-accent", "--accent"], ["--failed", "--surface"],
  ...["pending", "running", "completed", "failed", "cancelled"].map((name) => [`--${name}`, `--${name}-ground`])];
return pairs.filter(([one, other]) => {
  const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05) < 4.5;
});
"""


def test_the_page_asks_nobody_else(page: Page) -> None:
    """All that it has loaded comes from the emulator."""
    names: list[str] = page.browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")

    assert names
    assert {urlsplit(name).netloc for name in names} == {urlsplit(page.url).netloc}


@contextmanager
def site(html: str) -> Generator[int]:
    """A page of another site on this machine; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as the base class names it
            """Stay silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


ATTACK = """<!doctype html><title>waiting</title><form method="post" enctype="text/plain"><input name='{"job_name":"echo","x":"' value='"}'></form>
<script>
const target = "%s/_emulator/api";
const tries = [
  fetch(`${target}/overview`).then((answer) => answer.text()),
  fetch(`${target}/jobs`, { method: "POST", mode: "no-cors", body: '{"job_name": "echo"}' }).then(() => { throw new Error("sent, unread"); }),
  fetch(`${target}/jobs`, { method: "POST", headers: { "x-emulator-dashboard": "1" }, body: '{"job_name": "echo"}' }),
  new Promise((resolve, reject) => { const events = new EventSource(`${target}/events`); events.onopen = resolve; events.onerror = reject; }),
];
Promise.allSettled(tries).then((ends) => { document.title = ends.map((end) => end.status).join(" "); document.querySelector("form").dataset.done = 1; });
</script>"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_other_sites_reach_nothing(page: Page, running: Running, client: Client, host: str) -> None:
    """Another port of this machine, and another name of it: neither reads, nor submits, nor follows."""
    before = len(client.listed(limit=0))
    with site(ATTACK % running.url) as port:
        page.browser.get(f"http://{host}:{port}/")
        page.until(lambda: page.browser.title == "rejected rejected rejected rejected")
        page.browser.execute_script(
            "const form = document.querySelector('form'); form.action = arguments[0]; form.submit()", f"{running.url}/_emulator/api/jobs"
        )
        page.until(lambda: "Pages of other sites are not answered" in page.text("body"))

    assert len(client.listed(limit=0)) == before
    page.errors()  # what was tried and refused


def test_an_emulator_that_is_started_again(page: Page) -> None:
    """The page says that it is gone, and goes on by itself."""
    with program("--functions", HANDLERS) as started:
        other = Page(page.browser, started.running.url)
        other.open()
        started.end(15)
        other.until_text("#connection", "Not connected")
    port = urlsplit(started.running.url).port
    with program("--functions", HANDLERS, "--port", port) as again:
        eventually(lambda: other.text("#connection"), lambda text: text == "Live")
        with again.running.client() as client:
            job_id = client.queue("echo", {})
        other.until(lambda: "completed" in other.row(job_id))
    page.browser.get("about:blank")
    page.errors()  # what the browser said of the emulator that was gone
