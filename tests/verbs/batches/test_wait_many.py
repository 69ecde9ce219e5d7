"""`jobs.wait_many` over real servers, sync and async. Timing is in plans/test_wait_many.py."""

from __future__ import annotations

from collections import Counter
from typing import Final
from uuid import UUID, uuid4

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, NotFound, PollPolicy, WaitTimeout

from tests.support.sample_responses import JOB_ID, job, page
from tests.support.servers.emulator_process import Address
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

QUICK: Final = PollPolicy(initial=0.01, maximum=0.05)
IDS: Final = [str(UUID(int=number)) for number in range(6)]


def test_yields_each_job_when_it_ends(connect: Connect, march: Address) -> None:
    """Whatever its status; invalid, unknown and repeated ids get their results, too."""
    client = connect(march.url, march.service_key)
    names = ["boom", "echo", "echo", "softfail"]
    submitted = [client.jobs.submit(name, {"n": number}).unwrap() for number, name in enumerate(names)]
    nobody = str(uuid4())

    pairs = list(client.jobs.wait_many([*(one.id for one in submitted), "{x}", nobody, UUID(submitted[1].id)], poll=QUICK))

    assert Counter(job_id for job_id, _ in pairs) == Counter([*(one.id for one in submitted), "{x}", nobody, submitted[1].id])
    found = dict(pairs)
    assert isinstance(found["{x}"].error, InvalidInput)
    assert isinstance(found[nobody].error, NotFound)
    assert [found[one.id].unwrap().status for one in submitted] == ["failed", "completed", "completed", "failed"]
    assert found[submitted[1].id].unwrap().result == {"echo": {"n": 1}}


def test_one_list_request_serves_many_jobs(client: FluxbaseClient, server: LocalServer) -> None:
    """Jobs that have not ended at the timeout are WaitTimeout errors with the job."""
    bodies = [job(id=job_id, payload=None, status="completed" if job_id == IDS[0] else "running") for job_id in IDS]
    server.answer(Answer(200, page(*bodies)))

    first, *late = client.jobs.wait_many(IDS, timeout=0.6, poll=QUICK)

    assert first[0] == IDS[0]
    assert (first[1].unwrap().payload, first[1].unwrap().succeeded) == (None, True)
    assert [job_id for job_id, _ in late] == IDS[1:]
    for _, result in late:
        assert isinstance(result.error, WaitTimeout)
        assert result.error.job is not None
    assert set(server.request_lines) == {"GET /api/v1/jobs"}


def test_ids_may_be_any_iterable(client: FluxbaseClient, server: LocalServer) -> None:
    """Without ids, nothing is sent."""
    server.answer(Answer(200, job()))

    assert list(client.jobs.wait_many([])) == []
    assert server.requests == []
    assert [job_id for job_id, _ in client.jobs.wait_many(iter({JOB_ID}), poll=QUICK)] == [JOB_ID]


@pytest.mark.parametrize("timeout", [0, "1"])
def test_invalid_argument_is_the_error_of_each_id(client: FluxbaseClient, server: LocalServer, timeout: float) -> None:
    """Nothing is sent."""
    pairs = list(client.jobs.wait_many(IDS, timeout=timeout))

    assert [job_id for job_id, _ in pairs] == IDS
    assert all(isinstance(result.error, InvalidInput) for _, result in pairs)
    assert server.requests == []


def test_closed_iterator_sends_no_requests(client: FluxbaseClient, server: LocalServer) -> None:
    """After the close."""
    server.answer(Answer(200, page(*(job(id=job_id) for job_id in IDS))))
    waited = client.jobs.wait_many(IDS, poll=QUICK)

    next(waited)
    waited.close()

    assert next(waited, None) is None
    assert len(server.requests) == 1
