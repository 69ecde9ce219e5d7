"""Runs: progress, log lines, results and errors of handlers, and the limit of parallel jobs."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest
from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.emulator.profiles import MARCH
from fluxbase_jobs.emulator.runtime.reports import progress_text

from tests.support.handlers import observable_handlers
from tests.support.servers.emulator_in_process import Client, eventually, serving


@pytest.fixture(autouse=True)
def _reset() -> None:
    observable_handlers.reset()


@pytest.fixture(scope="module")
def lab() -> Generator[Client]:
    """A client of an emulator with `observable_handlers`."""
    with serving(*vars(observable_handlers).values(), profile=MARCH) as running, running.client() as client:
        yield client


def test_progress_of_running_job(lab: Client) -> None:
    """A report is visible at once: as text, as separate fields, and with an estimate while the job runs."""
    job_id = lab.queue("gated")
    running = lab.until(job_id, lambda job: "progress" in job)
    listed = lab.listed(limit=1)[0]
    observable_handlers.gate.set()
    done = lab.ended(job_id)

    progress = '{"data": {"z": 1, "aa": 0.5}, "message": "at the gate", "percent": 20, "estimated_seconds_left": 0}'
    assert running["progress"] == progress
    assert (running["progress_percent"], running["progress_message"]) == (20, "at the gate")
    assert json.dumps(running["progress_data"]) == '{"aa": 0.5, "z": 1}'
    assert {"estimated_completion_at", "estimated_seconds_left"} <= set(running)
    assert "progress_percent" not in listed
    assert "estimated_completion_at" in listed
    assert (done["progress"], "estimated_completion_at" in done) == (progress, False)


@pytest.mark.parametrize(
    ("report", "progress"),
    [
        ({"percent": 150}, '{"percent": 150}'),
        ({"percent": -5, "message": ""}, '{"percent": -5}'),
        ({"percent": 100.0, "data": {}}, '{"percent": 100}'),
        ({"percent": 33.3}, None),
        ({"percent": "7"}, None),
        ({"percent": True}, None),
        ({"percent": 100, "data": [1]}, None),
        ({"percent": 100, "message": 5}, None),
        ({"percent": 100, "message": "a\0b"}, None),
    ],
)
def test_progress_reports(report: dict[str, Any], progress: str | None) -> None:
    """Percents are whole numbers and not clamped; a report with any invalid part is dropped."""
    assert progress_text(report["percent"], report.get("message"), report.get("data"), 1.0) == progress


def test_dropped_progress_is_not_an_error(lab: Client) -> None:
    """A handler that reports a fraction completes, without progress."""
    job = lab.run("reports", {"percent": 33.3})

    assert (job["status"], "progress" in job) == ("completed", False)


def test_log_lines(lab: Client) -> None:
    """Each line of the text is a log line, numbered from 1; the raw result is the last line."""
    job = lab.run("logs_lines")
    lines = lab.logs(job["id"]).json()["logs"]

    assert [(line["level"], line["message"]) for line in lines] == [
        ("debug", "one"),
        ("debug", "two"),
        ("error", "{'a': 1}"),
        ("info", "lone \ufffd"),
        ("info", '__RESULT__::{"success":true,"result":null}'),
    ]
    assert [(line["line_number"], line["fields"]["line_number"]) for line in lines] == [(i + 1, i) for i in range(5)]
    assert list(lines[0]) == ["id", "timestamp", "category", "level", "message", "fields", "execution_id", "line_number"]


@pytest.mark.parametrize(
    ("query", "count"), [("", 5), ("?after_line=2", 3), ("?after_line=-1", 5), ("?after_line=abc", 5), ("?after_line=9", 0)]
)
def test_log_after_a_line(lab: Client, query: str, count: int) -> None:
    """`after_line` skips lines that were read before; an invalid value counts as 0; without lines `logs` is null."""
    body = lab.get(f"/api/v1/jobs/{lab.run('logs_lines')['id']}/logs{query}").json()

    assert (body["count"], len(body["logs"] or [])) == (count, count)
    assert (body["logs"] is None) == (count == 0)


def test_log_of_running_job(lab: Client) -> None:
    """Log lines can be read while the job runs."""
    job_id = lab.queue("gated")
    lines = eventually(lambda: lab.messages(job_id), bool)
    observable_handlers.gate.set()

    assert lines == [("info", "waiting")]


def test_log_of_a_retried_job(client: Client) -> None:
    """`line_number` counts on over all runs of a job; `fields.line_number` restarts in each run."""
    job_id = client.run("flaky")["id"]
    client.retry(job_id)
    client.ended(job_id)
    lines = client.logs(job_id).json()["logs"]

    assert [(line["line_number"], line["fields"]["line_number"]) for line in lines] == [(1, 0), (2, 1), (3, 0), (4, 1)]


def test_execution_logs_option(client: Client) -> None:
    """`execution_logs=False` hides nothing, as recorded."""
    lines = client.messages(client.run("quiet")["id"])

    assert lines == [("info", "hidden"), ("info", '__RESULT__::{"success":true,"result":{"quiet":true}}')]


def test_exception(client: Client) -> None:
    """A handler's exception is in the log; the job's error message is only `exit status 1`."""
    job = client.run("boom")
    error, result = client.messages(job["id"])

    assert (job["status"], job["error_message"], "result" in job) == ("failed", "exit status 1", False)
    assert error == ("error", "Job execution error: the reactor is on fire")
    assert result[0] == "info"
    assert result[1].startswith('__RESULT__::{"success":false,"error":"the reactor is on fire","stack":"Traceback')


def test_system_exit(lab: Client) -> None:
    """A handler that calls sys.exit fails its job and does not end the server."""
    job = lab.run("exits")

    assert (job["status"], job["error_message"]) == ("failed", "exit status 1")
    assert lab.messages(job["id"])[0] == ("error", "Job execution error: 3")


def test_exception_without_a_text(lab: Client) -> None:
    """An exception whose `__str__` raises fails its job all the same."""
    job = lab.run("unprintable")

    assert (job["status"], job["error_message"]) == ("failed", "Internal error: job execution panic: ")


def test_wrong_level(lab: Client) -> None:
    """An unknown log level fails the job with an error that lists the levels."""
    level, message = lab.messages(lab.run("bad_level")["id"])[0]

    assert level == "error"
    assert message.endswith("level must be one of trace, debug, info, warn, error, fatal, panic, not loud")


def test_soft_failure(client: Client) -> None:
    """A handler fails its job by returning `success: False` and an error."""
    job = client.run("softfail")

    assert (job["status"], job["error_message"], "result" in job) == ("failed", "validation failed: no rows", False)


@pytest.mark.parametrize(
    ("value", "kind"),
    [([1], "array"), ("text", "string"), (5, "number"), (0.5, "number"), (True, "bool")],
)
def test_result_that_is_not_an_object(lab: Client, value: Any, kind: str) -> None:
    """A result must be an object; otherwise the job fails with Go's error message."""
    job = lab.run("returns", {"value": value})

    assert job["status"] == "failed"
    assert job["error_message"] == (
        f"Failed to parse job result: json: cannot unmarshal {kind} into Go struct field .result of type map[string]interface {{}}"
    )


def test_result_without_json_form(lab: Client) -> None:
    """A result without a JSON form fails the job; the log says why."""
    job = lab.run("set")

    assert (job["status"], job["error_message"]) == ("failed", "exit status 1")
    assert lab.messages(job["id"])[0] == ("error", "Job execution error: set has no JSON form")


def test_blocking_async_handler(lab: Client) -> None:
    """An async handler that blocks its thread delays neither the server nor other jobs."""
    blocked = lab.queue("blocking")
    lab.until(blocked, lambda job: job["status"] == "running")
    other = lab.run("returns", {"value": {}})
    observable_handlers.gate.set()

    assert (other["status"], lab.ended(blocked)["status"]) == ("completed", "completed")


def test_context(lab: Client) -> None:
    """A handler's context has its job and the user it runs for."""
    job = lab.run("keeps_context")
    context = observable_handlers.contexts[0]

    assert (context.job_id, context.job_name, context.namespace) == (job["id"], "keeps_context", "default")
    assert (context.retry_count, context.cancelled) == (0, True)
    assert (context.user.id, context.user.email, context.user.role) == (
        job["created_by"],
        "developer@example.com",
        "authenticated",
    )


def test_decorated_handler(lab: Client) -> None:
    """A decorator above `@function` is applied too."""
    assert lab.run("decorated")["result"] == '{"timed": true}'


def test_limit_of_parallel_jobs() -> None:
    """At most `workers * jobs_per_worker` jobs run at a time."""
    with serving(*vars(observable_handlers).values(), workers=2, jobs_per_worker=1) as running, running.client() as client:
        first = [client.queue("gated") for _ in range(3)]
        eventually(lambda: [client.job(job_id)["status"] for job_id in first[:2]], lambda found: found == ["running"] * 2)
        waiting = client.job(first[2])["status"]
        workers = {client.job(job_id)["worker_id"] for job_id in first[:2]}
        observable_handlers.gate.set()
        ended = [client.ended(job_id)["status"] for job_id in first]

    assert (waiting, len(workers), ended) == ("pending", 2, ["completed"] * 3)


def test_dropped_report_stays_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The log says that a report was dropped, but not what was in it, which may be part of a payload."""

    @function("careless")
    def careless(_payload: dict[str, Any], context: Context) -> None:
        context.progress("a secret", "another")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    with serving(careless, profile=MARCH) as running, running.client() as client:
        job = client.run("careless")

    assert (job["status"], "progress" in job) == ("completed", False)
    assert f"job {job['id']}: a progress report was dropped" in caplog.text
    assert "secret" not in caplog.text
    assert "another" not in caplog.text
