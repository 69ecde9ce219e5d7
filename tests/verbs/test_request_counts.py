"""Verbs that need more than one request: `attempts` counts all of them, in the result's `meta` and in the error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import pytest
from fluxbase_jobs import FluxbaseClient, Result, SyncFunction

from contract.recordings import APRIL
from tests.support.sample_responses import JOB_ID, LINES, job, page, recorded
from tests.support.servers.local_server import Answer, LocalServer

Call = Callable[[FluxbaseClient], Result[Any]]

FAILED: Final = Answer(500, {"error": "Failed"})
NO: Final = Answer(403, {"error": "no"})
NOT_FOUND: Final = Answer(404, {"error": "Job not found"})
DONE: Final = Answer(200, {"message": "done"})
FUNCTIONS: Final = [SyncFunction(name=name, code="export default 1") for name in ("first", "second")]


def found(**changes: Any) -> Answer:
    """A job."""
    return Answer(200, job(**changes))


def listed(first: int, last: int, namespace: str) -> Answer:
    """A page of the jobs with these numbers."""
    return Answer(200, page(*(job(id=str(UUID(int=number)), namespace=namespace, payload=None) for number in range(first, last))))


def synced() -> Answer:
    """The answer to a sync that created two functions."""
    body = recorded("admin", "sync", APRIL).json()
    return Answer(200, {**body, "details": {"created": ["first"], "updated": ["second"], "deleted": []}})


def stored(name: str, code: str) -> Answer:
    """A function with its code."""
    body = recorded("admin", "GET /functions/default/echo").json()
    return Answer(200, {**body, "namespace": "reports", "name": name, "code": code})


def sync(client: FluxbaseClient) -> Result[Any]:
    """A sync that is verified."""
    return client.admin.jobs.sync(FUNCTIONS, namespace="reports", verify=True)


def batch(client: FluxbaseClient) -> Result[Any]:
    """The only item of a batch whose earlier failures are tried again."""
    items: list[Any] = [("resize", {})]
    ((_, result),) = client.jobs.submit_many(items, batch_key="night", retry_failed=True)
    return result


REPLAYED: Final = {"idempotency-replayed": "true"}
UNKNOWN: Final = Answer(404, {"error": "Job function not found"}, REPLAYED)
SECOND: Final = listed(99, 120, "default")
FIRST: Final = listed(0, 100, "media")
CALLS: Final[dict[str, tuple[Call, list[Answer], bool]]] = {
    "get": (lambda client: client.jobs.get(JOB_ID, include_logs=True), [found(status="running"), Answer(200, {"logs": LINES})], True),
    "get without its log": (lambda client: client.jobs.get(JOB_ID, include_logs=True), [found(status="running"), NO], True),
    "list": (lambda client: client.jobs.list(namespace="default"), [FIRST, SECOND], True),
    "list, refused": (lambda client: client.jobs.list(namespace="default"), [FIRST, NO], False),
    "retry": (lambda client: client.jobs.retry(JOB_ID), [DONE, found(status="pending")], True),
    "retry, not read back": (lambda client: client.jobs.retry(JOB_ID), [DONE, NO], False),
    "retry, not allowed": (lambda client: client.jobs.retry(JOB_ID), [FAILED, found(status="completed")], False),
    "retry, not explained": (lambda client: client.jobs.retry(JOB_ID), [FAILED, found(status="failed", max_retries=9)], False),
    "retry, not explained as it is refused": (lambda client: client.jobs.retry(JOB_ID), [FAILED, NO], False),
    "cancel, not allowed": (lambda client: client.jobs.cancel(JOB_ID), [FAILED, found(status="completed")], False),
    "cancel, not explained": (lambda client: client.jobs.cancel(JOB_ID), [FAILED, found(status="running")], False),
    "resubmit": (lambda client: client.jobs.resubmit(JOB_ID), [found(), Answer(201, job(id=str(UUID(int=7))))], True),
    "resubmit, refused": (lambda client: client.jobs.resubmit(JOB_ID), [found(), NO], False),
    "resubmit, not ended": (lambda client: client.jobs.resubmit(JOB_ID), [found(status="running")], False),
    "logs": (lambda client: client.jobs.logs(JOB_ID), [Answer(200, {"logs": None}), found(status="running")], True),
    "logs of an unreadable job": (lambda client: client.jobs.logs(JOB_ID), [Answer(200, {"logs": None}), NO], True),
    "logs of a job that has ended": (
        lambda client: client.jobs.logs(JOB_ID),
        [Answer(200, {"logs": None}), found(), Answer(200, {"logs": LINES})],
        True,
    ),
    "logs, then refused": (lambda client: client.jobs.logs(JOB_ID), [Answer(200, {"logs": None}), found(), NO], False),
    "admin resubmit of nothing": (lambda client: client.admin.jobs.resubmit(JOB_ID), [FAILED, NOT_FOUND], False),
    "admin resubmit, not explained": (lambda client: client.admin.jobs.resubmit(JOB_ID), [FAILED, found()], False),
    "delete nothing": (lambda client: client.admin.jobs.delete_function("reports", "first"), [FAILED, NOT_FOUND], False),
    "delete, not explained": (lambda client: client.admin.jobs.delete_function("reports", "first"), [FAILED, stored("first", "1")], False),
    "terminate, not allowed": (lambda client: client.admin.jobs.terminate(JOB_ID), [FAILED, found(status="completed")], False),
    "an item that failed before": (batch, [UNKNOWN, UNKNOWN, Answer(201, job())], True),
    "an item that fails again": (batch, [UNKNOWN, UNKNOWN, Answer(404, {"error": "Job function not found"})], False),
    "sync": (sync, [synced(), stored("first", "1"), stored("second", "2")], True),
    "sync, code lost": (sync, [synced(), stored("first", ""), stored("second", "2")], False),
    "sync, first not read back": (sync, [synced(), NO], False),
    "sync, second not read back": (sync, [synced(), stored("first", "1"), NO], False),
}


@pytest.mark.parametrize("name", CALLS)
def test_all_requests_of_a_call_are_counted(client: FluxbaseClient, server: LocalServer, name: str) -> None:
    """Those that succeeded before another one failed, and those that only explain a failure."""
    call, answers, ok = CALLS[name]
    server.answer(*answers)

    result = call(client)

    assert result.ok is ok
    assert result.meta.attempts == len(server.requests) == len(answers)
    assert result.error is None or result.error.attempts == len(answers)


def test_a_failure_that_is_always_repeated_is_passed_over_so_often(client: FluxbaseClient, server: LocalServer) -> None:
    """Each time under the next key, twenty in all."""
    server.answer(UNKNOWN)

    result = batch(client)

    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert keys == ["night#0", *(f"night#0~{number}" for number in range(1, 20))]
    assert result.error is not None
    assert result.error.attempts == result.meta.attempts == 20
