"""The log on the page: it follows, stops where its reader scrolls up, and shows what clients cannot read."""

from __future__ import annotations

from tests.browser.page import Page, Script
from tests.support.servers.emulator_in_process import Client


def is_at_end(page: Page) -> bool:
    """Whether the last line is in sight."""
    return bool(
        page.browser.execute_script("const e = document.getElementById('log'); return e.scrollHeight - e.scrollTop - e.clientHeight < 24")
    )


def test_the_log_follows(page: Page, client: Client, script: Script) -> None:
    """Line by line, in order, each once; the last one is in sight."""
    job_id = client.queue("scripted", script.payload)
    page.open(f"#/jobs/{job_id}")
    script.write("log one")
    page.until_text(".log", "one")
    script.write(*(f"log line {number}" for number in range(100)))
    page.until_text(".log li:last-child", "line 99")

    assert page.texts(".log .message") == ["one", *(f"line {number}" for number in range(100))]
    page.until(lambda: is_at_end(page))
    assert page.text("#log-count") == "101"
    script.write("end")
    page.until_text(".detail-head", "completed")


def test_scrolling_up_stops_it(page: Page, client: Client, script: Script) -> None:
    """New lines come, and leave the reader where he reads; the key f goes on."""
    job_id = client.queue("scripted", script.payload)
    page.open(f"#/jobs/{job_id}")
    script.write(*(f"log line {number}" for number in range(60)))
    page.until_text(".log li:last-child", "line 59")
    page.browser.execute_script("document.getElementById('log').scrollTop = 0")
    page.until(lambda: not page.find("#follow").is_selected())

    script.write("log another")
    page.until_text(".log li:last-child", "another")
    assert page.browser.execute_script("return document.getElementById('log').scrollTop") == 0
    page.press("f")

    assert page.find("#follow").is_selected()
    page.until(lambda: is_at_end(page))
    script.write("end")


def test_long_logs_show_their_end(page: Page, client: Client, script: Script) -> None:
    """The page keeps the last lines, and says how many there are."""
    script.write(*(f"log {number}" for number in range(2_100)), "end")
    job_id = client.queue("scripted", script.payload)
    client.ended(job_id)

    page.open(f"#/jobs/{job_id}")

    page.until_text("#log-count", "the last 2,000 of 2,101 lines")
    assert len(page.all(".log li")) == 2_000


def test_what_the_profile_hides_is_marked(page: Page, client: Client) -> None:
    """Clients of 2026-04 cannot read these lines yet."""
    job_id = client.queue("echo", {})
    client.ended(job_id)
    assert client.messages(job_id) == []

    page.open(f"#/jobs/{job_id}")

    page.until_text(".log", "said again")
    page.until_text("#log-hidden", "Clients of 2026-04 cannot read these lines over HTTP")
    page.press("4")
    page.until_text("#server", "Log lines written since the server started")
    assert page.text("#profile-chip") == "2026-04"
