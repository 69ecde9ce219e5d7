"""Jobs on the page: they change as they change, are found, looked at, submitted, cancelled, retried and submitted again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from tests.browser.handlers import MARKUP
from tests.browser.page import Keys, Page, Script
from tests.support.servers.emulator_in_process import Client


def test_a_job_changes_as_it_is_looked_at(page: Page, client: Client, script: Script) -> None:
    """From a program's submit to the end, without a reload, in the list and beside it."""
    job_id = client.queue("scripted", script.payload)

    page.until(lambda: "running" in page.row(job_id))
    script.write("progress 40 forty of a hundred")
    page.until(lambda: "40 % · forty of a hundred" in page.row(job_id))
    page.click(f'.row[data-id="{job_id}"]')
    page.until_text(".detail-progress", "forty of a hundred")
    assert page.find(".detail-progress progress").get_attribute("value") == "40"
    script.write("progress 90 nearly there", "end")
    page.until(lambda: "completed" in page.row(job_id))
    page.until_text(".detail-head", "completed")
    page.until_text(".detail-result", '"lines": 3')
    page.until_text(".detail-data", '"line": 2')
    assert page.texts(".attempts .badge") == ["completed"]


def test_filters(page: Page, client: Client) -> None:
    """By text, status and function; a reload keeps them, and a new job that does not match stays out."""
    word = uuid4().hex
    echoed, later = client.queue("echo", {"word": word}), client.queue("scripted", {"word": word}, scheduled_at="2099-01-01T00:00:00Z")
    client.ended(echoed)
    other = client.queue("echo")

    page.type("#filter-text", word)
    page.until(lambda: len(page.all(".row")) == 2)
    page.click('#filter-status [data-status="pending"]')
    page.until(lambda: [each.get_attribute("data-id") for each in page.all(".row")] == [later])
    assert "due in" in page.row(later)
    page.browser.refresh()
    page.until(lambda: [each.get_attribute("data-id") for each in page.all(".row")] == [later])
    assert page.find("#filter-text").get_attribute("value") == word
    page.click('#filter-status [data-status="all"]')
    page.find("#filter-function").send_keys("echo")
    page.until(lambda: [each.get_attribute("data-id") for each in page.all(".row")] == [echoed])
    assert not page.row(other)
    client.cancel(later)


def test_a_row_leaves_a_filtered_list(page: Page, client: Client, script: Script) -> None:
    """When its job no longer matches; the numbers follow."""
    page.click('#filter-status [data-status="running"]')
    job_id = client.queue("scripted", script.payload)
    page.until(lambda: "running" in page.row(job_id))

    script.write("end")

    page.until(lambda: not page.row(job_id))


def test_hundreds_at_once(page: Page, client: Client) -> None:
    """The page keeps up: the newest hundred are listed, older ones on demand, and the numbers are those of the server."""
    word = uuid4().hex
    with ThreadPoolExecutor(4) as pool:
        jobs = [each.result() for each in [pool.submit(client.queue, "echo", {"word": word, "number": number}) for number in range(250)]]
    for job_id in jobs:
        client.ended(job_id)

    total = len(client.listed(limit=0, status="completed"))
    page.until(lambda: page.text('#filter-status [data-status="completed"] b') == f"{total:,}")
    page.type("#filter-text", word)
    page.until(lambda: len(page.all(".row")) == 100 and page.all("#more:not([hidden])"))
    page.click("#more")
    page.until(lambda: len(page.all(".row")) == 200)
    page.click("#more")
    page.until(lambda: len(page.all(".row")) == 250 and not page.all("#more:not([hidden])"))


def test_nothing_is_found(page: Page) -> None:
    """The page says so, and leads back."""
    page.type("#filter-text", uuid4().hex)
    page.until_text("#rows-empty", "No job matches.")

    page.click("#rows-empty button")

    page.until(lambda: not page.all("#rows-empty:not([hidden])"))
    assert page.find("#filter-text").get_attribute("value") == ""


def test_submit_with_the_editor(page: Page) -> None:
    """What is no JSON object is not sent; what is formatted is the same."""
    page.click("#open-submit")
    page.find('[name="function"]').send_keys("echo")
    page.type("#payload", '{"n": 1,')
    page.until(lambda: page.text("#payload-note"))
    page.click("#submit-form [type=submit]")
    assert page.all("dialog[open]")
    page.type("#payload", "[1, 2]")
    page.until_text("#payload-note", "must be a JSON object")
    page.type("#payload", '{"big": 123456789012345678, "list": [1, {"a": []}], "text": "a, b: {c}"}')
    page.click("#format-payload")
    formatted = page.find("#payload").get_attribute("value")
    assert formatted == (
        '{\n  "big": 123456789012345678,\n  "list": [\n    1,\n    {\n      "a": []\n    }\n  ],\n  "text": "a, b: {c}"\n}'
    )
    page.type('[name="priority"]', "7")
    page.click("#submit-form [type=submit]")

    page.until_text(".detail-head", "completed")
    assert "7" in page.text(".detail-facts")
    shown: dict[str, Any] = json.loads(page.text(".detail-payload .json"))
    assert shown["list"] == [1, {"a": []}]
    page.until_text(".detail-result", '"echoed"')


def test_slashes_in_names_of_functions(page: Page) -> None:
    """Namespace and name are sent apart: a slash belongs to one of them, or to the other."""
    page.click("#open-submit")
    page.find('[name="function"]').send_keys("team/a/tidy/up")
    page.type("#payload", '{"n": 1}')
    page.click("#submit-form [type=submit]")
    page.until_text(".detail-head", "completed")
    job_id = page.text(".job-id code")

    page.open("#/functions")
    page.until(lambda: page.all('[aria-label="Jobs of tidy/up"]'))
    page.click('[aria-label="Jobs of tidy/up"]')
    page.until(lambda: [each.get_attribute("data-id") for each in page.all(".row")] == [job_id])
    page.browser.refresh()
    page.until(lambda: [each.get_attribute("data-id") for each in page.all(".row")] == [job_id])


def test_a_refused_submit_says_why(page: Page) -> None:
    """In the dialog, which stays open with what was typed."""
    page.click("#open-submit")
    page.find('[name="function"]').send_keys("echo")
    page.type("#payload", '{"nul": "\\u0000"}')

    page.click("#submit-form [type=submit]")

    page.until_text("#submit-problem", "U+0000")
    assert page.find("#payload").get_attribute("value") == '{"nul": "\\u0000"}'
    assert [message for message in page.errors() if "400 (Bad Request)" not in message] == []
    page.press(Keys.ESCAPE)


def test_cancel(page: Page, client: Client, script: Script) -> None:
    """A running job ends, and its buttons follow."""
    job_id = client.queue("scripted", script.payload)
    page.open(f"#/jobs/{job_id}")
    page.until_text(".detail-head", "running")

    page.click('[data-action="cancel"]')

    page.until_text(".detail-head", "cancelled")
    assert client.job(job_id)["status"] == "cancelled"
    assert not page.find('[data-action="cancel"]').is_enabled()
    page.until_text("#toasts", "Cancelled.")


def test_retry_and_its_attempts(page: Page, client: Client, script: Script) -> None:
    """The cause is shown that the server hides, and the attempt before."""
    script.write("log first", "fail the disk is full")
    job_id = client.queue("scripted", script.payload)
    page.open(f"#/jobs/{job_id}")
    page.until_text(".callout", "the disk is full")
    assert "exit status 1" in page.text(".callout")
    assert page.text('[data-action="retry"]') == "Retry (1 left)"
    script.path.write_text("end\n", "utf-8")

    page.click('[data-action="retry"]')

    page.until(lambda: page.texts(".attempts .badge") == ["failed", "completed"])
    assert not page.find('[data-action="retry"]').is_enabled()
    assert page.all(".log .next-run")


def test_resubmit_and_edit(page: Page, client: Client) -> None:
    """A new job with the same payload, or with one that is changed first."""
    job_id = client.queue("echo", {"n": 1})
    page.open(f"#/jobs/{job_id}")
    page.click('[data-action="resubmit"]')
    page.until(lambda: page.text(".job-id code") not in {"", job_id})
    page.until_text(".detail-head", "completed")
    page.click('[data-action="edit"]')
    assert json.loads(str(page.find("#payload").get_attribute("value"))) == {"n": 1}
    page.type("#payload", '{"n": 2}')
    page.click("#submit-form [type=submit]")

    page.until_text(".detail-result", '"n": 2')


def test_markup_is_shown_as_text(page: Page, client: Client) -> None:
    """In names, descriptions, payloads, results and lines; nothing of it becomes an element."""
    job_id = client.queue(MARKUP, {"<em>": "</pre><script>document.title='broken'</script>"})
    client.ended(job_id)

    page.until(lambda: MARKUP in page.row(job_id))
    page.click(f'.row[data-id="{job_id}"]')
    page.until_text(".log", "<i>a line</i>")
    assert MARKUP in page.text(".detail-head h2")
    assert "<em>" in page.text(".detail-payload")
    assert "<u>key</u>" in page.text(".detail-result")
    page.press("2")
    page.until_text("#functions", "<img src=x onerror=")
    assert not page.all("main b > script, main em, main u, main i:not([aria-hidden]), main img")
    assert page.browser.title == "Functions – Fluxbase emulator"  # noqa: RUF001  # as the page writes it


def test_a_job_that_is_not_there(page: Page) -> None:
    """The page says so, and leads back to the list."""
    page.open(f"#/jobs/{uuid4()}")
    page.until_text("#detail", "there is no such job")

    page.click("#detail button")

    page.until(lambda: not page.all("#detail:not([hidden])"))
    assert [message for message in page.errors() if "404 (Not Found)" not in message] == []
