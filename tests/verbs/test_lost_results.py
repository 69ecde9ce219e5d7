"""A job that completed with `{}`, over real servers, sync and async: whether that is its result is said, or that nobody knows."""

from __future__ import annotations

from typing import Any, Final

from fluxbase_jobs import FluxbaseClient, PollPolicy, Result

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer

QUICK: Final = PollPolicy(initial=0.01, maximum=0.05)
CREATED: Final = Answer(201, job(status="pending", result=None))
EMPTY: Final = job(result="{}")
HIDDEN: Final = Answer(200, {"logs": None, "count": 0})
DENIED: Final = Answer(500, {"error": "Failed to get job"})


def told(result: Result[Any]) -> tuple[Any, bool | None, bool]:
    """The result, whether it is said to be lost, and whether a note says that it may be."""
    return result.unwrap().result, result.meta.result_lost, any("completed with {}" in note for note in result.meta.notes)


def test_it_is_said_where_nobody_knows(client: FluxbaseClient, server: LocalServer) -> None:
    """On 2026-04, which hides logs, or denies them."""
    for log in (HIDDEN, DENIED):
        server.answer(CREATED, Answer(200, EMPTY), log)
        ran = client.jobs.run("echo", poll=QUICK)
        server.answer(Answer(200, EMPTY), log)
        waited = client.jobs.wait(JOB_ID, poll=QUICK)
        server.answer(CREATED, Answer(200, EMPTY), log)
        typed = client.jobs.define("echo", dict[str, Any], dict[str, Any]).run({}, poll=QUICK)

        assert [told(ran), told(waited), told(typed)] == [({}, None, True)] * 3


def test_it_is_said_where_nobody_looks(client: FluxbaseClient, server: LocalServer) -> None:
    """`watch`, `watch_many` and `wait_many` read no logs."""
    server.answer(Answer(200, EMPTY))
    watched = list(client.jobs.watch(JOB_ID, poll=QUICK))
    both = [result for _, result in (*client.jobs.wait_many([JOB_ID], poll=QUICK), *client.jobs.watch_many([JOB_ID]))]

    assert [told(result) for result in (*watched, *both)] == [({}, None, True)] * 3
