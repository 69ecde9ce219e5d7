"""Mistakes that type checkers must find, one a line; it is never run (see check_typing.py).

Each line that is wrong ends with the comment that would hush mypy. For the check these comments are taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import httpx
from fluxbase_jobs import (
    AsyncFluxbaseClient,
    Err,
    FluxbaseClient,
    FluxbaseJobs,
    Job,
    JobStatus,
    Ok,
    OnBehalfOf,
    RateLimited,
    Result,
    Submission,
    create_client,
    is_err,
    is_ok,
)
from fluxbase_jobs.testing import Server
from fluxbase_jobs_client import Client
from fluxbase_jobs_client.api.jobs import get_job, submit_job
from fluxbase_jobs_client.models import SubmitJobRequest

ID = "3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11"


def after_unpacking(client: FluxbaseClient) -> None:
    """Misspelt names and wrong types of what a verb gave."""
    job, error = client.jobs.get(ID)
    print(error.message)  # type: ignore[union-attr]
    if error:
        print(error.mesage)  # type: ignore[attr-defined]
        print(error.data)  # type: ignore[attr-defined]
        print(error.job_status)  # type: ignore[attr-defined]
        return
    print(error.message)  # type: ignore[attr-defined]
    print(job.stauts)  # type: ignore[union-attr]
    print(job.status.uper())  # type: ignore[union-attr]
    print(job.created_at + 5)  # type: ignore[operator]
    priority: str = job.priority  # type: ignore[assignment]
    status: int = job.status  # type: ignore[assignment]
    print(job.started_at.year)  # type: ignore[union-attr]
    print(priority, status)


def after_unwrapping(client: FluxbaseClient) -> None:
    """The same with exact types."""
    job = client.jobs.get(ID).unwrap()
    print(job.stauts)  # type: ignore[attr-defined]
    print(job.progress_percent + 1)  # type: ignore[operator]
    for line in job.logs:  # type: ignore[union-attr]
        print(line)
    for job_of_list in client.jobs.list().unwrap():
        print(job_of_list.stauts)  # type: ignore[attr-defined]
    for line in client.jobs.logs(ID).unwrap():
        print(line.mesage)  # type: ignore[attr-defined]
        print(line.line_number + 1)  # type: ignore[operator]
    print(client.jobs.cancel(ID).unwrap().id)  # type: ignore[attr-defined]
    print(client.jobs.get(ID).unwrap_or(None).id)  # type: ignore[union-attr]


def without_unpacking(client: FluxbaseClient) -> None:
    """A result is not yet the job."""
    print(client.jobs.submit("resize").id)  # type: ignore[union-attr]
    print(client.jobs.submit("resize").data.stauts)  # type: ignore[union-attr]
    print(client.jobs.submit("resize").error.message)  # type: ignore[union-attr]
    print(client.jobs.submit("resize").meta.stauts)  # type: ignore[attr-defined]
    job: Job = client.jobs.submit("resize")  # type: ignore[assignment]
    for listed in client.jobs.list():
        print(listed.id)  # type: ignore[union-attr]
    print(client.jobs.list()[0].id)  # type: ignore[union-attr]
    _, _, _ = client.jobs.get(ID)  # type: ignore[misc]
    print(job)


def by_position(client: FluxbaseClient) -> None:
    """Options go by keyword."""
    client.jobs.submit("resize", {"id": 7}, "media")  # type: ignore[call-arg]
    client.jobs.get(ID, True)  # type: ignore[call-arg]
    client.jobs.list("failed")  # type: ignore[call-arg]
    client.jobs.logs(ID, 3)  # type: ignore[call-arg]
    client.jobs.cancel(ID, 5)  # type: ignore[arg-type, call-arg]
    FluxbaseClient("https://example.com", "key", {})  # type: ignore[arg-type, call-arg]
    Submission("resize", {"id": 7}, "media")  # type: ignore[call-arg]


def wrong_arguments(client: FluxbaseClient) -> None:
    """Missing, misspelt and mistyped arguments."""
    client.jobs.submit()  # type: ignore[call-arg]
    client.jobs.submit(7)  # type: ignore[arg-type]
    client.jobs.submit("resize", priority="high")  # type: ignore[arg-type]
    client.jobs.submit("resize", priorty=5)  # type: ignore[call-arg]
    client.jobs.submit("resize", scheduled=60)  # type: ignore[arg-type]
    client.jobs.submit("resize", scheduled_at="2030-01-02T03:04:05Z")  # type: ignore[call-arg]
    client.jobs.submit("resize", on_behalf_of=7)  # type: ignore[arg-type]
    client.jobs.submit("resize", on_behalf_of=OnBehalfOf(user_id=7))  # type: ignore[arg-type]
    client.jobs.submit("resize", idempotency_key=7)  # type: ignore[arg-type]
    client.jobs.submit("resize", timeout="5")  # type: ignore[arg-type]
    client.jobs.list(limit="5")  # type: ignore[arg-type]
    client.jobs.list(include_result="yes")  # type: ignore[arg-type]
    client.jobs.list(include_results=True)  # type: ignore[call-arg]
    client.jobs.get()  # type: ignore[call-arg]
    client.jobs.get(7)  # type: ignore[arg-type]
    client.jobs.get(None)  # type: ignore[arg-type]
    client.jobs.logs(ID, after_line="3")  # type: ignore[arg-type]
    client.jobs.retry(ID, max_retries=3)  # type: ignore[call-arg]
    client.jobs.list(status="done")  # type: ignore[arg-type]
    client.jobs.delete(ID)  # type: ignore[attr-defined]


@dataclass
class Width:
    width: int


def lies_about_results(client: FluxbaseClient, job: Job) -> None:
    """A result that may not be there yet, or may not fit, taken for one that is there."""
    resize = client.jobs.define("resize", Width, Width)
    print(resize.submit(Width(1)).unwrap().result.width)  # type: ignore[union-attr]
    print(resize.read(job).unwrap().result.width)  # type: ignore[union-attr]
    print(resize.run(Width(1)).unwrap().result.height)  # type: ignore[attr-defined]
    resize.submit({"width": 1})  # type: ignore[arg-type]
    resize.submit_many([1])  # type: ignore[list-item]
    resize.wait(7)  # type: ignore[arg-type]
    resize.wait(job, priority=5)  # type: ignore[call-arg]


async def _key_from_afar() -> str:
    return "eyJ.a-token"


def wrong_clients() -> None:
    """Clients that can't be made so."""
    FluxbaseClient()  # type: ignore[call-arg]
    FluxbaseClient(7)  # type: ignore[arg-type]
    FluxbaseClient("https://example.com", key=7)  # type: ignore[arg-type]
    FluxbaseClient("https://example.com", _key_from_afar)  # type: ignore[arg-type]
    FluxbaseClient("https://example.com", retries=3)  # type: ignore[call-arg]
    FluxbaseClient("https://example.com", headers={"x-a": 1})  # type: ignore[dict-item]
    FluxbaseClient("https://example.com", http_client=httpx.AsyncClient())  # type: ignore[arg-type]
    AsyncFluxbaseClient("https://example.com", http_client=httpx.Client())  # type: ignore[arg-type]
    FluxbaseClient.from_env(url="https://example.com")  # type: ignore[call-arg]
    FluxbaseClient.from_env(tiemout=5)  # type: ignore[call-arg]
    FluxbaseClient.sign_in("https://example.com", "ada@example.com")  # type: ignore[call-arg]
    FluxbaseClient.sign_in("https://example.com", "ada@example.com", "x").close()  # type: ignore[union-attr]
    create_client("https://example.com", tiemout=5)  # type: ignore[call-arg]
    FluxbaseJobs("https://example.com")  # type: ignore[arg-type]


async def mixed_colours(client: FluxbaseClient, afar: AsyncFluxbaseClient) -> None:
    """Awaiting what is not awaitable, and not awaiting what is."""
    await client.jobs.get(ID)  # type: ignore[misc]
    afar.jobs.cancel(ID)  # type: ignore[unused-coroutine]
    afar.jobs.get(ID).unwrap()  # type: ignore[attr-defined]
    _, _ = afar.jobs.get(ID)  # type: ignore[misc]
    afar.close()  # type: ignore[unused-coroutine]
    async with client:  # type: ignore[attr-defined]
        pass
    with afar:  # type: ignore[attr-defined]
        pass
    await afar.jobs.get(ID).unwrap()  # type: ignore[attr-defined]


def changes(job: Job, result: Ok[Job], error: Err) -> None:
    """What was received can't be changed."""
    job.status = "completed"  # type: ignore[misc]
    job.payload_text = "{}"  # type: ignore[misc]
    job.progress_percent = 5  # type: ignore[misc]
    job.error = "no"  # type: ignore[misc]
    result[0] = job  # type: ignore[index]
    result.meta.status = 200  # type: ignore[misc]
    error.meta.attempts = 5  # type: ignore[misc]


def misread(result: Result[Job]) -> None:
    """The halves of a result, mistaken for one another."""
    if is_ok(result):
        print(result.error.message)  # type: ignore[attr-defined]
    if is_err(result):
        print(result.error.job_status)  # type: ignore[attr-defined]
    else:
        print(result.data.stauts)  # type: ignore[attr-defined]
    if result.ok is True:
        print(result.error.message)  # type: ignore[attr-defined]
    is_ok(result.unwrap())  # type: ignore[arg-type]
    result.unwrap_or()  # type: ignore[call-arg]
    status: JobStatus = "complete"  # type: ignore[assignment]
    print(status)


def forgets_the_error(result: Result[Job]) -> None:
    """A `match` that is not complete."""
    match result:
        case Ok(job):
            print(job)
        case rest:
            assert_never(rest)  # type: ignore[arg-type]


def forgets_the_data(result: Result[Job]) -> None:
    """A `match` that is not complete."""
    match result:
        case Err(error):
            print(error)
        case rest:
            assert_never(rest)  # type: ignore[arg-type]


def matches_wrongly(result: Result[Job]) -> None:
    """Misspelt names of what a `match` captured."""
    match result:
        case (job, None):
            print(job.stauts)  # type: ignore[attr-defined]
        case (_, error):
            print(error.mesage)  # type: ignore[attr-defined]


def matches_errors_wrongly(result: Result[Job]) -> None:
    """Fields that only another error has, and a pattern that fits nothing."""
    match result:
        case Err(RateLimited() as limited):
            print(limited.retry_aftr)  # type: ignore[attr-defined]
        case Err(error):
            print(error.job_status)  # type: ignore[attr-defined]
        case Ok(job, _):  # type: ignore[misc]
            print(job)
        case _:
            pass


class MyOk(Ok[Job]):  # type: ignore[misc]
    """The halves are final."""


class MyErr(Err):  # type: ignore[misc]
    """The halves are final."""


def returns_another(client: FluxbaseClient) -> Result[Job]:
    """A result of lines is no result of a job."""
    return client.jobs.logs(ID)  # type: ignore[return-value]


def wrong_on_the_low_level(client: Client) -> None:
    """The generated client has its types too."""
    get_job.sync(ID, client=client)  # type: ignore[arg-type]
    body = SubmitJobRequest("resize")  # type: ignore[call-arg]
    body = SubmitJobRequest(job_name="resize", scheduled="2030-01-02T03:04:05Z")  # type: ignore[call-arg]
    body = SubmitJobRequest(job_name="resize", payload=[1])  # type: ignore[arg-type]
    body.priority = 5  # type: ignore[misc]
    job = submit_job.sync(client=client.with_token("sk_1"), body=body)  # type: ignore[attr-defined]
    answered = get_job.read_response(get_job.build_request(ID))  # type: ignore[arg-type]
    print(answered.parsed.status)  # type: ignore[union-attr]
    print(job)


def wrong_in_tests(server: Server) -> None:
    """The server for tests has its types, too."""
    Server(profile=3)  # type: ignore[arg-type]
    server.script("resize", style="red")  # type: ignore[call-arg]
    server.script("resize").progress("30")  # type: ignore[arg-type]
    server.script("resize").log("a", level="loud")  # type: ignore[arg-type]
    server.faults.add("*", drop="now")  # type: ignore[arg-type]
    server.clock.advance("1h")  # type: ignore[arg-type]
    server.client(http_client=None)  # type: ignore[call-arg]
