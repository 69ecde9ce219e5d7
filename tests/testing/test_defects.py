"""Defects that the real servers have by chance, switched on by a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from fluxbase_jobs.testing import Server

JOBS: Final = "/api/v1/jobs"


@pytest.fixture
def march() -> Iterator[Server]:
    """A server that shows logs."""
    with Server(profile="2026-03") as server:
        yield server


def plain(server: Server) -> httpx.Client:
    """A plain httpx client with a service key."""
    headers = {"authorization": f"Bearer {server.service_key()}"}
    return httpx.Client(transport=server.transport(), base_url="http://any.test", headers=headers)


def run(http: httpx.Client, name: str = "resize") -> dict[str, Any]:
    """Submit a job and read it when the workers are idle."""
    job_id = http.post(f"{JOBS}/submit", json={"job_name": name}).json()["id"]
    job: dict[str, Any] = http.get(f"{JOBS}/{job_id}").json()
    return job


def messages(http: httpx.Client, job_id: str) -> list[str]:
    """The lines of a job's log."""
    lines: list[dict[str, str]] = http.get(f"{JOBS}/{job_id}/logs").json()["logs"] or []
    return [line["message"] for line in lines]


def test_denied_jobs(server: Server) -> None:
    """Reading, cancelling, retrying answer 404 and the log 500, as for unknown jobs; lists, submits and wrong ids are not affected."""
    server.script("resize").fail("boom")
    with plain(server) as http:
        job_id = run(http)["id"]
        defect = server.faults.deny_jobs()
        denied = [http.get(f"{JOBS}/{job_id}"), *(http.post(f"{JOBS}/{job_id}/{verb}") for verb in ("cancel", "retry"))]
        log = http.get(f"{JOBS}/{job_id}/logs")

        assert [(answer.status_code, answer.text) for answer in denied] == [(404, '{"error":"Job not found"}')] * 3
        assert (log.status_code, log.text, defect.hits) == (500, '{"error":"Failed to get job"}', 4)
        assert http.get(f"{JOBS}/nope").status_code == 400
        assert http.get(JOBS).json()["jobs"][0]["id"] == job_id
        assert http.post(f"{JOBS}/submit", json={"job_name": "resize"}).status_code == 201
        server.faults.clear()
        assert http.get(f"{JOBS}/{job_id}").json()["status"] == "failed"


def test_share_of_denied_jobs_is_spread_evenly(server: Server) -> None:
    """As where one of several pooled connections is spoiled."""
    server.script("resize").complete()
    with plain(server) as http:
        job_id = run(http)["id"]
        server.faults.deny_jobs(share=0.25, times=2, skip=1)

        assert [http.get(f"{JOBS}/{job_id}").status_code for _ in range(13)] == [200, *[200, 200, 200, 404] * 2, *[200] * 4]


def test_march_denies_no_jobs(march: Server) -> None:
    """Only 2026-04 servers do."""
    with pytest.raises(ValueError, match="servers of 2026-03 do not deny"):
        march.faults.deny_jobs()


@pytest.mark.parametrize("share", [0, 1.5, -1])
def test_impossible_share_is_refused(server: Server, share: float) -> None:
    """With an error that names it."""
    with pytest.raises(ValueError, match="share must be above 0"):
        server.faults.deny_jobs(share=share)


def test_lost_result(march: Server) -> None:
    """The job is completed with an empty result, and its log has no line with the result; the next run loses nothing."""
    march.script("resize").log("one").log("two").complete({"width": 1})
    defect = march.faults.lose_output()
    with plain(march) as http:
        lost, whole = run(http), run(http)

        assert (lost["status"], lost["result"], messages(http, lost["id"])) == ("completed", "{}", ["one", "two"])
        assert (whole["result"], len(messages(http, whole["id"])), defect.hits) == ('{"width": 1}', 3, 1)


def test_lost_tail_of_the_log(march: Server) -> None:
    """The last lines of the job's own go with the result."""
    march.script("resize").log("one").log("two").log("three").complete({"width": 1})
    march.faults.lose_output(lines=2)
    with plain(march) as http:
        assert messages(http, run(http)["id"]) == ["one"]


def test_lost_cause(march: Server) -> None:
    """A thrown error still fails the job, and its text is lost."""
    march.script("resize").fail("boom")
    march.faults.lose_output()
    with plain(march) as http:
        job = run(http)

        assert (job["status"], job["error_message"], messages(http, job["id"])) == ("failed", "exit status 1", [])


def test_result_of_a_wrong_type_may_be_lost_too(march: Server) -> None:
    """Then the job is completed, not failed."""

    @march.function("scalar")
    def scalar(_payload: dict[str, Any], _context: object) -> list[int]:
        return [1]

    march.faults.lose_output()
    with plain(march) as http:
        assert [run(http, "scalar")["status"] for _ in range(2)] == ["completed", "failed"]


def test_hanging_job_of_march_ends_by_the_progress_timeout(march: Server) -> None:
    """After five minutes of the server's clock."""
    march.script("resize").complete({"width": 1})
    defect = march.faults.hang_jobs()
    with plain(march) as http:
        job = run(http)
        assert (job["status"], "result" in job) == ("running", False)
        march.clock.advance(301)
        ended = http.get(f"{JOBS}/{job['id']}").json()

        assert (ended["status"], ended["error_message"]) == ("failed", "Progress timeout exceeded (5m0s)")
        assert (run(http)["status"], defect.hits) == ("completed", 1)


def test_hanging_job_of_april_never_ends(server: Server) -> None:
    """It can be cancelled, and it does not keep its worker busy."""
    server.script("resize").complete()
    server.faults.hang_jobs(times=None)
    with plain(server) as http:
        jobs = [run(http)["id"] for _ in range(30)]
        server.clock.advance(3600)

        assert {http.get(f"{JOBS}/{job_id}").json()["status"] for job_id in jobs} == {"running"}
        assert http.post(f"{JOBS}/{jobs[0]}/cancel").status_code == 200
