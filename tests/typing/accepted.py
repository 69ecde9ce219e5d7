"""All the ways in which users write programs against the client. Type checkers must accept it; it is never run (see check_typing.py).

After unpacking, `job` is `Job | Any` for both checkers: its fields are checked and completed, but their types come as `str | Any`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type
from uuid import UUID

import httpx
from fluxbase_jobs import (
    AsyncFluxbaseClient,
    AsyncFluxbaseFetch,
    AsyncFluxbaseJobs,
    CompletedJob,
    Conflict,
    Err,
    FluxbaseClient,
    FluxbaseError,
    FluxbaseFetch,
    FluxbaseJobs,
    Job,
    JobStatus,
    LogLine,
    Meta,
    NotAllowedInState,
    NotFound,
    Ok,
    OnBehalfOf,
    RateLimited,
    Rejected,
    Result,
    ResultLost,
    ResultMismatch,
    TypedJob,
    create_client,
    is_err,
    is_ok,
)
from fluxbase_jobs.emulator import Context
from fluxbase_jobs.testing import Script, Server, VirtualClock


@dataclass
class Resize:
    """A payload of a user's own."""

    id: int


def unpacks_and_tests(client: FluxbaseClient) -> str:
    """The form of the README: `if error:` narrows both halves."""
    job, error = client.jobs.submit("resize", {"id": 7}, priority=5)
    assert_type(error, FluxbaseError | None)
    if error:
        assert_type(error, FluxbaseError)
        return error.message
    assert_type(error, None)
    status: str = job.status
    created: datetime = job.created_at
    percent: int | None = job.progress_percent
    payload = job.payload
    assert_type(payload, Any)
    return f"{status} {created:%H:%M} {percent} {job.payload['id']} {payload['id']}"


def unpacks_and_raises(client: FluxbaseClient) -> Job:
    """An error is an exception that can be raised; what is left is a Job."""
    job, error = client.jobs.get("3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11", include_logs=True)
    if error is not None:
        raise error
    return job


def unpacks_where_there_is_no_data(client: FluxbaseClient) -> FluxbaseError | None:
    """`cancel` returns only an error or None."""
    _, error = client.jobs.cancel(UUID(int=7))
    return error


def keeps_the_result(client: FluxbaseClient) -> str:
    """The same without unpacking: pyright does not narrow `data` here, so the failed half's is Any."""
    result = client.jobs.get("3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11")
    if result.error:
        raise result.error
    status: str = result.data.status
    return status


def unwraps(client: FluxbaseClient) -> None:
    """The shortest forms, with exact types."""
    job = client.jobs.submit("resize").unwrap()
    assert_type(job, Job)
    assert_type(job.id, str)
    assert_type(job.status, str)
    assert_type(job.created_at, datetime)
    assert_type(job.started_at, datetime | None)
    assert_type(job.payload, Any)
    assert_type(job.payload_text, str | None)
    assert_type(job.progress_data, dict[str, Any] | None)
    assert_type(job.error, str | None)
    assert_type(job.is_terminal, bool)
    assert_type(job.logs, list[LogLine] | None)
    assert_type(client.jobs.get(job.id).unwrap_or(None), Job | None)
    assert_type(client.jobs.get(job.id).unwrap_or("gone"), Job | str)
    assert_type(client.jobs.retry(job.id).unwrap(), Job)
    assert_type(client.jobs.list().unwrap_or([]), list[Job])
    client.jobs.cancel(job.id).unwrap()
    client.jobs.cancel(job).unwrap()
    assert_type(client.jobs.resubmit(job), Result[Job])


def defines(client: FluxbaseClient, job: Job) -> None:
    """Typed jobs: a result is of its type where the job has completed, else it may be None."""
    resize = client.jobs.define("resize", Resize, Resize)
    assert_type(resize.submit(Resize(id=7), priority=5).unwrap(), TypedJob[Resize])
    assert_type(resize.submit(Resize(id=7)).unwrap().result, Resize | None)
    assert_type(resize.read(job), Result[TypedJob[Resize]])
    assert_type(resize.read(job).unwrap().result, Resize | None)
    assert_type(resize.run(Resize(id=7), timeout=5).unwrap(), CompletedJob[Resize])
    assert_type(resize.run(Resize(id=7)).unwrap().result, Resize)
    assert_type(resize.wait(job, timeout=5).unwrap().result, Resize)
    assert_type(resize.wait(job.id).unwrap().result.id, int)
    for payload, result in resize.submit_many([Resize(id=7)], batch_key="b", concurrency=2, priority=5):
        assert_type(payload, Resize)
        assert_type(result, Result[TypedJob[Resize]])
    match resize.run(Resize(id=7)):
        case Err(ResultMismatch(job=odd) | ResultLost(job=odd)):
            assert_type(odd, Job | None)
        case _:
            assert_type(job.to_dict(), dict[str, Any])


def lists(client: FluxbaseClient) -> set[str]:
    """Elements of a list are jobs."""
    status: JobStatus = "failed"
    jobs, error = client.jobs.list(status=status, namespace="media", job_name="resize", include_result=True, limit=5, offset=10)
    if error:
        return set()
    for job in jobs:
        print(job.job_name.upper(), job.result)
    exact = client.jobs.list().unwrap()
    assert_type(exact[0], Job)
    return {job.status for job in exact}


def reads_logs(client: FluxbaseClient, job: Job) -> list[str]:
    """Lines of a log are texts with fields."""
    lines = client.jobs.logs(job.id, after_line=3).unwrap()
    assert_type(lines, list[LogLine])
    assert_type(lines[0].line_number, int | None)
    assert_type(lines[0].timestamp, datetime)
    assert_type(lines[0].fields, dict[str, Any] | None)
    return [f"{line.level}: {line}" for line in lines + (job.logs or [])]


def matches_classes(result: Result[Job]) -> str:
    """`match` on the two halves is complete; mypy takes the captured job for Any, see `matches_pairs`."""
    match result:
        case Ok(job):
            return str(job.status)
        case Err(error):
            assert_type(error, FluxbaseError)
            return error.message


def matches_pairs(result: Result[Job]) -> str:
    """`match` on the pair has exact types in both checkers."""
    match result:
        case (job, None):
            assert_type(job, Job)
            return job.status
        case (_, error):
            assert_type(error, FluxbaseError)
            return error.message


def matches_errors(client: FluxbaseClient) -> float | str | None:
    """Errors are distinguished by their class, and have their own fields."""
    match client.jobs.retry("3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11"):
        case Err(RateLimited() as limited):
            assert_type(limited.retry_after, float | None)
            return limited.retry_after
        case Err(NotAllowedInState(job_status=state)):
            return state
        case Err(NotFound() | Conflict()):
            return None
        case Err(other):
            return other.hint
        case Ok():
            return 0.0


def tells_halves_apart(result: Result[Job]) -> None:
    """By helper, by class, and by the literal `ok`, which pyright wants compared."""
    if is_ok(result):
        assert_type(result, Ok[Job])
        assert_type(result.data, Job)
    if is_err(result):
        assert_type(result.error, FluxbaseError)
    else:
        assert_type(result.data, Job)
    if isinstance(result, Err):
        assert_type(result, Err)
    else:
        assert_type(result.data, Job)
    if result.ok is True:
        assert_type(result.data, Job)
    else:
        assert_type(result.error, FluxbaseError)
    if result.error is None:
        assert_type(result.data, Job)


def asks_for_more(result: Result[list[Job]]) -> None:
    """How a result came about."""
    assert_type(result.meta, Meta)
    assert_type(result.meta.status, int | None)
    assert_type(result.meta.headers, Mapping[str, str])
    assert_type(result.meta.request_id, str | None)
    assert_type(result.meta.attempts, int)
    assert_type(result.meta.elapsed, float)
    assert_type(result.meta.idempotency_replayed, bool)
    assert_type(result.meta.notes, tuple[str, ...])
    assert_type(result.meta.logs_error, FluxbaseError | None)


def looks_into(error: FluxbaseError) -> str:
    """What every error says, and that each is true."""
    assert_type(error.message, str)
    assert_type(error.code, str | int | None)
    assert_type(error.status, int | None)
    assert_type(error.request_id, str | None)
    assert_type(error.hint, str | None)
    assert_type(error.details, Any)
    assert_type(error.retryable, bool)
    assert_type(error.attempts, int)
    assert_type(error.job_id, str | None)
    return "refused" if isinstance(error, Rejected) else error.message


def catches(client: FluxbaseClient) -> str:
    """Unwrapped errors are caught like any exception."""
    try:
        return client.jobs.get("3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11").unwrap().status
    except NotFound as error:
        return error.message


def submits_with_everything(jobs: FluxbaseJobs) -> list[Result[Job]]:
    """Payloads of users' own classes, all forms of a moment, of a user and of a timeout."""
    user = OnBehalfOf(UUID(int=7), user_email="ada@example.com", user_role="authenticated")
    return [
        jobs.submit("resize", Resize(id=7), scheduled=datetime.now(UTC), on_behalf_of=user, timeout=timedelta(seconds=5)),
        jobs.submit("resize", {"a": [1, None]}, scheduled=timedelta(hours=1), on_behalf_of=UUID(int=7), timeout=5),
        jobs.submit(job_name="resize", payload=None, scheduled="2030-01-02T03:04:05Z", on_behalf_of=str(UUID(int=7)), timeout=0.5),
        jobs.submit("resize", namespace="media", priority=-5, idempotency_key="order-7"),
    ]


def _key() -> str:
    return "eyJ.a-token"


async def _key_from_afar() -> str:
    return "eyJ.a-token"


def constructs() -> None:
    """Clients by constructor, environment, function and parts; keys as text, callable or nothing."""
    with FluxbaseClient("https://example.com", _key, headers={"x-a": "1"}, timeout=timedelta(seconds=5)) as client:
        assert_type(client, FluxbaseClient)
        assert_type(client.jobs, FluxbaseJobs)
    FluxbaseClient("https://example.com", http_client=httpx.Client()).close()
    assert_type(FluxbaseClient.from_env(timeout=5), FluxbaseClient)
    assert_type(create_client("https://example.com", "sk_1", headers=None), FluxbaseClient)
    assert_type(FluxbaseJobs(FluxbaseFetch("https://example.com", lambda: "sk_1")).list(), Result[list[Job]])


def signs_in() -> FluxbaseClient:
    """Signing in gives a result like any verb."""
    client, error = FluxbaseClient.sign_in("https://example.com", "ada@example.com", "correct horse", timeout=5)
    if error:
        raise error
    with client:
        client.jobs.list()
    assert_type(FluxbaseClient.sign_in("https://example.com", "ada@example.com", "correct horse").unwrap(), FluxbaseClient)
    return client


async def awaits(client: AsyncFluxbaseClient) -> str:
    """The async classes: the same names, awaited."""
    job, error = await client.jobs.submit("resize", {"id": 7}, scheduled=timedelta(minutes=1))
    if error:
        return error.message
    assert_type((await client.jobs.get(job.id, include_logs=True)).unwrap(), Job)
    assert_type((await client.jobs.list(limit=5)).unwrap(), list[Job])
    assert_type((await client.jobs.logs(job.id)).unwrap(), list[LogLine])
    assert_type(await client.jobs.cancel(job.id), Result[None])
    assert_type(await client.jobs.retry(job.id), Result[Job])
    created: datetime = job.created_at
    resize = client.jobs.define("resize", Resize, Resize)
    assert_type((await resize.wait(job.id)).unwrap().result, Resize)
    async for _, result in resize.submit_many([Resize(id=7)]):
        assert_type(result, Result[TypedJob[Resize]])
    return f"{job.status} {created}"


async def constructs_async() -> None:
    """Async clients; their keys may come from a coroutine function."""
    async with AsyncFluxbaseClient("https://example.com", _key_from_afar, timeout=5) as client:
        assert_type(client, AsyncFluxbaseClient)
        assert_type(client.jobs, AsyncFluxbaseJobs)
    await AsyncFluxbaseClient("https://example.com", _key, http_client=httpx.AsyncClient()).close()
    assert_type(AsyncFluxbaseClient.from_env(), AsyncFluxbaseClient)
    assert_type((await AsyncFluxbaseClient.sign_in("https://example.com", "ada@example.com", "x")).unwrap(), AsyncFluxbaseClient)
    assert_type(await AsyncFluxbaseJobs(AsyncFluxbaseFetch("https://example.com", "sk_1")).list(), Result[list[Job]])


def tested_in_process(fluxbase_server: Server, fluxbase: FluxbaseClient) -> None:
    """Tests with the server for tests, by its fixtures or by hand."""
    script = fluxbase_server.script("resize", max_retries=1).progress(30, "reading").log("a", level="warn").sleep(timedelta(minutes=1))
    assert_type(script.hold().fail("boom").complete({"ok": True}), Script)
    job, _ = fluxbase.jobs.run("resize", {"id": 7})
    assert_type(job, Job | Any)
    assert_type(script.wait_until_held(timeout=1).payload, dict[str, Any])
    fault = fluxbase_server.faults.add("POST /api/v1/jobs/submit", status=503, headers={"Retry-After": "1"}, times=None)
    assert_type(fault.hits, int)
    fluxbase_server.faults.add("*", drop="after", delay=0.1)
    fluxbase_server.clock.advance(timedelta(hours=1))
    assert_type(fluxbase_server.clock.now(), datetime)

    @fluxbase_server.function("greet", timeout=5)
    def greet(payload: dict[str, Any], context: Context) -> dict[str, Any]:
        return {"hello": payload["name"], "from": context.job_id}

    assert_type(greet.__name__, str)


def tested_by_hand() -> None:
    """The same without pytest, over every way that there is."""
    with Server(profile="2026-03", functions="handlers.py", clock=VirtualClock(datetime(2026, 4, 1, tzinfo=UTC))) as server:
        assert_type(server.client(key=server.user_key("ada@example.com"), timeout=5), FluxbaseClient)
        assert_type(server.async_client(retry=None), AsyncFluxbaseClient)
        httpx.Client(transport=server.transport(), base_url=server.url)
        httpx.AsyncClient(transport=server.async_transport(), base_url="http://any.test")
