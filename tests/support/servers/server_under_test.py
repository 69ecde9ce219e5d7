"""The server for end-to-end tests: the emulator in both versions, or, if FLUXBASE_TEST_URL is set, a real Fluxbase server."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from os import environ
from typing import Final

from attrs import field, frozen
from fluxbase_jobs import FluxbaseClient, Job, PollPolicy

from tests.support.servers.emulator_process import started

PROFILES: Final = (environ["FLUXBASE_TEST_PROFILE"],) if "FLUXBASE_TEST_URL" in environ else ("2026-03", "2026-04")


@frozen
class ServerUnderTest:
    """A server's address, key and version."""

    url: str
    key: str = field(repr=False)
    profile: str


@contextmanager
def running_server(profile: str) -> Generator[ServerUnderTest]:
    """A server of this version; an emulator stops at the end of the block."""
    if "FLUXBASE_TEST_URL" in environ:
        yield ServerUnderTest(environ["FLUXBASE_TEST_URL"], environ["FLUXBASE_TEST_KEY"], profile)
        return
    with started("--profile", profile) as address:
        yield ServerUnderTest(address.url, address.service_key, profile)


def wait_until(client: FluxbaseClient, job_id: str, reached: Callable[[Job], bool]) -> Job:
    """Wait at most a minute until a job reaches a state, and return it."""
    for job in client.jobs.watch(job_id, timeout=60, poll=PollPolicy(initial=0.1, factor=1)):
        if reached(job.unwrap()):
            return job.unwrap()
    raise AssertionError("the job ended in another state")


def wait_for_end(client: FluxbaseClient, job_id: str) -> Job:
    """Wait at most a minute until a job has ended, and return it."""
    return wait_until(client, job_id, lambda job: job.is_terminal)
