"""What notebooks show: a line, or a table without payloads, results and keys, in which markup is text."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, Final, cast

import pytest
from fluxbase_jobs import Err, FluxbaseClient, FluxbaseError, JobFunction, LogLine, Ok

from tests.support.sample_responses import JOB_ID, LINES, job, page
from tests.support.servers.local_server import Answer, LocalServer

MARKUP: Final = "<script>alert('x')</script>\n\"&"
SECRET: Final = "the-secret-of-somebody"  # of a test
KEY: Final = "sk_0123456789abcdef0123456789"
MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
HIDDEN: Final = {
    "payload": f'{{"card":"{SECRET}"}}',
    "result": f'{{"card":"{SECRET}"}}',
    "progress": f'{{"percent":40,"data":"{SECRET}"}}',
    "user_email": f"{SECRET}@example.com",
}
FUNCTION: Final = cast("Any", JobFunction)(
    id="f-1",
    name=MARKUP,
    namespace="default",
    version=3,
    enabled=True,
    is_bundled=False,
    source="api",
    created_at=MOMENT,
    updated_at=MOMENT,
    code=SECRET,
    **dict.fromkeys(("timeout_seconds", "memory_limit_mb", "max_retries", "progress_timeout_seconds"), 1),
    **dict.fromkeys(("allow_net", "allow_env", "allow_read", "allow_write"), False),
).to_dict()
NUMBERS: Final[dict[str, Any]] = {
    **dict.fromkeys(("running_jobs", "completed_jobs", "failed_jobs", "cancelled_jobs", "avg_duration_seconds"), 0),
    "total_jobs": 7,
    "pending_jobs": 2,
    "jobs_by_status": [],
    "jobs_by_day": None,
    "jobs_by_function": None,
}


class Table(HTMLParser):
    """The tags of a page, and the texts of its cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; none has an attribute, which a name could break out of."""
        assert attrs == []
        self.tags.add(tag)
        if tag in {"th", "td", "p"}:
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        """Text belongs to the last cell."""
        self.cells[-1] += data


def shown(value: object) -> Table:
    """What a notebook makes of a value."""
    return Table(cast("Any", value)._repr_html_())


def test_a_job_is_one_row(client: FluxbaseClient, server: LocalServer) -> None:
    """Alone, in its result, and as a job of a definition."""
    server.answer(*[Answer(200, job(**HIDDEN, job_name=MARKUP, progress_percent=40))] * 2)
    found = client.jobs.get(JOB_ID)
    typed = client.jobs.define(MARKUP[:8], dict[str, Any], dict[str, Any]).read(found.unwrap())

    for value in (found, found.unwrap(), typed):
        assert "\n" not in repr(value)
        assert shown(value).cells[:9] == [
            *("id", "namespace", "job_name", "status", "progress_percent", "priority", "created_at", "started_at", "completed_at")
        ]
        assert shown(value).cells[9:14] == [JOB_ID, "default", MARKUP, "completed", "40"]
        assert shown(value).tags == {"table", "thead", "tbody", "tr", "th", "td"}
        assert SECRET not in repr(value) + cast("Any", value)._repr_html_()


@pytest.mark.parametrize("namespace", [None, "default"])
def test_a_list_is_a_table(client: FluxbaseClient, server: LocalServer, namespace: str | None) -> None:
    """Also one that the client has filtered; as text it is a list as every other."""
    server.answer(Answer(200, page(job(**HIDDEN, job_name=f"key {KEY}"), job(id="0" + JOB_ID[1:], job_name=MARKUP * 100))))
    found = client.jobs.list(include_result=True, namespace=namespace)
    jobs = found.unwrap()

    for value in (found, jobs):
        html = cast("Any", value)._repr_html_()
        assert html.count("<tr>") == 3
        assert SECRET not in html
        assert KEY not in html
        assert len(html) < 3_000
    assert repr(jobs) == f"[{jobs[0]!r}, {jobs[1]!r}]"
    assert "\n" not in repr(jobs)
    assert jobs == [*jobs]


def test_a_long_list_says_how_many_more_there_are(client: FluxbaseClient, server: LocalServer) -> None:
    """A notebook keeps what it shows."""
    server.answer(Answer(200, page(*[job()] * 103)))

    assert shown(client.jobs.list(limit=200)).cells[-1] == "and 3 more"


def test_an_empty_list_is_shown_as_text(client: FluxbaseClient, server: LocalServer) -> None:
    """IPython takes None for that."""
    server.answer(Answer(200, page()))
    found: Any = client.jobs.list()

    assert found._repr_html_() is None
    assert found.data._repr_html_() is None
    assert repr(found) == "Ok([])"


@pytest.mark.parametrize("others", [[1], [None], ["a", "b"], [LogLine]], ids=repr)
def test_a_list_with_other_values_is_shown_as_text(client: FluxbaseClient, server: LocalServer, others: list[Any]) -> None:
    """The list is the user's, who may put anything into it."""
    server.answer(Answer(200, page(job())), Answer(200, {"logs": [LINES[1]]}))
    found: Any = client.jobs.list().data
    found += client.jobs.logs(JOB_ID).data if others == [LogLine] else others

    assert found._repr_html_() is None
    found.reverse()
    assert found._repr_html_() is None


def test_log_lines_functions_and_numbers(client: FluxbaseClient, server: LocalServer) -> None:
    """Each in its columns."""
    server.answer(Answer(200, {"logs": [*LINES, {**LINES[1], "id": "3", "line_number": 3, "message": MARKUP}]}))
    assert shown(client.jobs.logs(JOB_ID)).cells == [
        "line_number",
        "level",
        "message",
        "1",
        "info",
        "a",
        "2",
        "error",
        "b",
        "3",
        "error",
        MARKUP,
    ]
    server.answer(Answer(200, [FUNCTION]))
    assert shown(client.admin.jobs.list_functions()).cells == ["namespace", "name", "version", "enabled", "default", MARKUP, "3", "True"]
    server.answer(Answer(200, NUMBERS))
    numbers = shown(client.admin.jobs.get_stats()).cells
    assert dict(zip(numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :], strict=True))["total_jobs"] == "7"
    assert "jobs_by_day" not in numbers


def test_errors(client: FluxbaseClient, server: LocalServer) -> None:
    """Their kind, the message and the cure; to be shown is to be used."""
    server.answer(Answer(403, {"error": MARKUP, "hint": f"{MARKUP} {KEY}"}))
    result = client.jobs.get(JOB_ID)
    table = shown(result)

    assert table.tags == {"p", "b"}
    assert table.cells[0].startswith("PermissionDenied: ")
    assert "<script>" in table.cells[0]
    assert KEY not in "".join(table.cells)
    assert "\n" not in repr(result)
    assert shown(Err(FluxbaseError("no"))).cells == ["FluxbaseError: no"]


@pytest.mark.parametrize("value", [7, "<b>", None, ["<b>"]])
def test_other_data_is_shown_as_text(value: object) -> None:
    """It has no table."""
    assert cast("Any", Ok(value))._repr_html_() is None
