"""A server that denies jobs although they exist, as real ones do on a spoiled database connection."""

from __future__ import annotations

from typing import Final

from fluxbase_jobs import Submission
from fluxbase_jobs._context.call_context import ClientSettings
from fluxbase_jobs._plans import jobs as plans
from fluxbase_jobs._plans.exchange.call import call
from fluxbase_jobs._transports.messages import RawResponse
from fluxbase_jobs.errors import FluxbaseError

from tests.support.fake_driver import Clock, FakeDriver, ReceivedRequest, reply
from tests.support.simulated_jobs import FakeJobs

DENIAL: Final = reply(404, {"error": "Job not found"})
UNSURE: Final = (
    "is the id right? April 2026 servers may also answer so for a job that exists, until they are restarted: call jobs.list to make sure"
)


class Spoiled:
    """A server that denies each job by id `times` times, and then no more. Lists and submits are not touched."""

    def __init__(self, jobs: FakeJobs, times: float = float("inf"), *, logs_too: bool = False) -> None:
        self.jobs = jobs
        self.times = times
        self.logs_too = logs_too

    def __call__(self, request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        denies = request.path.count("/") >= 4 and not request.path.endswith("/submit") and self.times > 0
        if denies and request.path.endswith("/logs"):
            if not self.logs_too:
                return self.jobs(request, clock)
            self.times -= 1
            return reply(500, {"error": "Failed to get job"})
        self.times -= denies
        return DENIAL if denies else self.jobs(request, clock)


def knowing(driver: FakeDriver, client: ClientSettings) -> None:
    """Let a client see all jobs once."""
    driver.run(call(plans.submit, client, {}, Submission("resize")))
    driver.requests.clear()
