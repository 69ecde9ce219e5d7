"""`jobs.watch` over a real server, sync and async. Timing is in plans/test_watch.py."""

from __future__ import annotations

from typing import Final

from fluxbase_jobs import FluxbaseClient, InvalidInput, PollPolicy, WaitTimeout

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.emulator_process import Address
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

QUICK: Final = PollPolicy(initial=0.01, maximum=0.01)
RUNNING: Final = Answer(200, job(status="running", result=None))


def test_watch_yields_each_state_until_the_end(connect: Connect, march: Address) -> None:
    """Progress increases, no state is repeated, and the final state is the last."""
    client = connect(march.url, march.service_key)
    job_id = client.jobs.submit("steps", {"steps": 4, "delay_ms": 40}).unwrap().id

    states_seen = [result.unwrap() for result in client.jobs.watch(job_id, poll=QUICK)]

    states = [(shown.status, shown.progress_text) for shown in states_seen]
    assert len(set(states)) == len(states)
    assert [shown.is_terminal for shown in states_seen] == [False] * (len(states_seen) - 1) + [True]
    percents = [shown.progress_percent or 0 for shown in states_seen]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_error_is_the_last_item(client: FluxbaseClient, server: LocalServer) -> None:
    """The timeout, or an invalid argument."""
    server.answer(RUNNING)

    first, last = client.jobs.watch(JOB_ID, timeout=0.5, poll=QUICK)
    (only,) = client.jobs.watch("{x}")

    assert first.unwrap().status == "running"
    assert isinstance(last.error, WaitTimeout)
    assert isinstance(only.error, InvalidInput)


def test_closed_iterator_sends_no_requests(client: FluxbaseClient, server: LocalServer) -> None:
    """And nothing is sent before the first item."""
    server.answer(RUNNING)
    watched = client.jobs.watch(JOB_ID, poll=QUICK)

    assert server.requests == []
    next(watched)
    watched.close()

    assert next(watched, None) is None
    assert len(server.requests) == 1
