"""Admin verbs end to end: against the emulator in both versions, or a real server (see `tests.support.servers.server_under_test`)."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from uuid import uuid4

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidResponse, NotAllowedInState, NotFound, SyncFunction, SyncResult

from tests.support.servers.server_under_test import ServerUnderTest, wait_for_end, wait_until

CODE = "export async function handler() { return {} }"


@pytest.fixture
def namespace(live_client: FluxbaseClient) -> str:
    """A new namespace with the functions `one` and `two`."""
    name = f"admin-{uuid4().hex[:8]}"
    live_client.admin.jobs.sync(
        [SyncFunction(name=each, code=CODE, timeout_seconds=30) for each in ("one", "two")], namespace=name
    ).unwrap()
    return name


def test_jobs_are_listed_and_read(live_client: FluxbaseClient) -> None:
    """By their fields and by their users, one by one and page by page."""
    jobs = [wait_for_end(live_client, live_client.jobs.submit("echo", {"n": n}).unwrap().id) for n in range(3)]
    admin = live_client.admin.jobs

    newest = admin.list_jobs(status="completed", job_name="echo", include_result=True, limit=3).unwrap()
    by_worker = admin.list_jobs(worker_id=jobs[0].worker_id, limit=100).unwrap()
    paged = [job.unwrap().id for job in islice(admin.iterate_jobs(page_size=2, job_name="echo"), 3)]  # a used server has many

    assert [(job.id, job.result) for job in newest] == [(job.id, {"echo": {"n": n}}) for n, job in reversed(list(enumerate(jobs)))]
    assert jobs[0].id in [job.id for job in by_worker]
    assert {job.worker_id for job in by_worker} == {jobs[0].worker_id}
    assert paged == [job.id for job in newest]
    assert admin.list_jobs(worker_id=uuid4()).unwrap() == []
    assert admin.get_job(jobs[0].id).unwrap() == live_client.jobs.get(jobs[0].id).unwrap()
    assert jobs[2].id in [job.id for job in admin.list_jobs(namespace="default", limit=5).unwrap()]


def test_running_job_is_terminated(live_client: FluxbaseClient) -> None:
    """A pending job can only be cancelled."""
    admin, running = live_client.admin.jobs, live_client.jobs.submit("slow").unwrap().id
    waiting = live_client.jobs.submit("echo", scheduled=timedelta(hours=1)).unwrap().id
    wait_until(live_client, running, lambda job: job.status == "running")

    assert admin.terminate(running).unwrap() is None
    again, early = admin.terminate(running).error, admin.terminate(waiting).error

    assert isinstance(again, NotAllowedInState)
    assert isinstance(early, NotAllowedInState)
    assert (again.job_status, early.job_status) == ("cancelled", "pending")
    assert admin.get_job(running).unwrap().status == "cancelled"
    assert admin.cancel(waiting).unwrap() is None
    assert isinstance(admin.cancel(waiting).error, NotAllowedInState)


def test_failed_job_is_retried_under_its_id(live_client: FluxbaseClient) -> None:
    """Other jobs cannot be retried."""
    failed = wait_for_end(live_client, live_client.jobs.submit("flaky").unwrap().id)
    done = wait_for_end(live_client, live_client.jobs.submit("echo").unwrap().id)

    retried = live_client.admin.jobs.retry(failed.id).unwrap()

    assert (retried.id, retried.retry_count) == (failed.id, 1)
    assert wait_for_end(live_client, failed.id).status == "failed"
    assert isinstance(live_client.admin.jobs.retry(done.id).error, NotAllowedInState)


def test_job_is_resubmitted_under_a_new_id(live_client: FluxbaseClient) -> None:
    """With its payload and priority."""
    first = wait_for_end(live_client, live_client.jobs.submit("echo", {"text": "grüße", "n": 1.5}, priority=2).unwrap().id)

    again = live_client.admin.jobs.resubmit(first.id).unwrap()

    assert again.id != first.id
    assert (again.status, again.payload, again.priority) == ("pending", first.payload, 2)
    assert wait_for_end(live_client, again.id).result == first.result


def test_unknown_jobs_are_not_found(live_client: FluxbaseClient) -> None:
    """By any verb, although resubmit gets a 500."""
    admin, nobody = live_client.admin.jobs, uuid4()

    for result in (admin.get_job(nobody), admin.cancel(nobody), admin.terminate(nobody), admin.retry(nobody), admin.resubmit(nobody)):
        assert isinstance(result.error, NotFound)


def test_functions_are_synced_read_and_deleted(live_client: FluxbaseClient, server_under_test: ServerUnderTest, namespace: str) -> None:
    """Version 2026-04 stores no code."""
    admin = live_client.admin.jobs

    listed = admin.list_functions(namespace=namespace).unwrap()
    found = admin.get_function(namespace, "one").unwrap()
    assert [function.name for function in listed] == ["one", "two"]
    assert (found.timeout_seconds, found.version, found.source) == (30, 1, "api")
    assert found.code == (CODE if server_under_test.profile == "2026-03" else "")
    assert namespace in admin.list_namespaces().unwrap()
    assert namespace in {function.namespace for function in admin.list_functions().unwrap()}
    assert "echo" in {function.name for function in admin.list_functions(namespace="default").unwrap()}

    assert admin.delete_function(namespace, "one").unwrap() is None
    assert isinstance(admin.delete_function(namespace, "one").error, NotFound)
    assert isinstance(admin.get_function(namespace, "one").error, NotFound)
    assert isinstance(live_client.jobs.submit("one", namespace=namespace).error, NotFound)


def test_delete_missing_replaces_a_namespace(live_client: FluxbaseClient, namespace: str) -> None:
    """As a dry run first, then for real."""
    admin, functions = live_client.admin.jobs, [SyncFunction(name="two", code=CODE), SyncFunction(name="three", code=CODE)]

    planned = admin.sync(functions, namespace=namespace, delete_missing=True, dry_run=True).unwrap()
    before = [function.name for function in admin.list_functions(namespace=namespace).unwrap()]
    done = admin.sync(functions, namespace=namespace, delete_missing=True).unwrap()

    assert (planned.dry_run, done.dry_run) == (True, False)
    assert planned.details == done.details
    assert (done.details.created, done.details.updated, done.details.deleted) == (["three"], ["two"], ["one"])
    assert before == ["one", "two"]
    assert [function.name for function in admin.list_functions(namespace=namespace).unwrap()] == ["three", "two"]
    assert done.errors == []


def test_verify_finds_lost_code(live_client: FluxbaseClient, server_under_test: ServerUnderTest, namespace: str) -> None:
    """Version 2026-04 loses it silently."""
    result = live_client.admin.jobs.sync([SyncFunction(name="one", code=CODE)], namespace=namespace, verify=True)

    if server_under_test.profile == "2026-03":
        assert result.unwrap().details.updated == ["one"]
        return
    assert isinstance(result.error, InvalidResponse)
    assert isinstance(result.error.details, SyncResult)
    assert "one" in result.error.message


def test_synced_function_without_handler(live_client: FluxbaseClient, server_under_test: ServerUnderTest, namespace: str) -> None:
    """Its jobs complete on version 2026-03, and fail on 2026-04, which has no code."""
    job = wait_for_end(live_client, live_client.jobs.submit("one", namespace=namespace).unwrap().id)

    if server_under_test.profile == "2026-03":
        assert (job.status, job.result) == ("completed", {})
    else:
        assert (job.status, job.error) == ("failed", "Job function has no code")


def test_functions_of_the_servers_folder_are_loaded(live_client: FluxbaseClient, namespace: str) -> None:
    """The response has only zeros, whatever was loaded."""
    loaded = live_client.admin.jobs.sync([], namespace=namespace, from_server_folder=True).unwrap()

    assert loaded.summary.created == 0
    assert {"echo", "one"} <= {function.name for function in live_client.admin.jobs.list_functions(namespace=namespace).unwrap()}


def test_stats(live_client: FluxbaseClient, namespace: str) -> None:
    """Of all jobs, and of a namespace."""
    admin = live_client.admin.jobs
    wait_for_end(live_client, live_client.jobs.submit("one", namespace=namespace).unwrap().id)

    everything, some, none = admin.get_stats(), admin.get_stats(namespace=namespace), admin.get_stats(namespace="nope")

    assert everything.unwrap().total_jobs >= some.unwrap().total_jobs == 1
    assert [(entry.name, entry.count) for entry in some.unwrap().jobs_by_function] == [("one", 1)]
    assert none.unwrap().total_jobs == 0
    assert none.unwrap().jobs_by_day == []


def test_list_workers(live_client: FluxbaseClient, server_under_test: ServerUnderTest) -> None:
    """Version 2026-04 shows none. A server that was started before also shows workers that are gone."""
    workers = live_client.admin.jobs.list_workers().unwrap()

    assert ("active" in {worker.status for worker in workers}) == (server_under_test.profile == "2026-03")
    assert bool(workers) == (server_under_test.profile == "2026-03")
    assert all(worker.hostname == worker.metadata["hostname"] for worker in workers)
