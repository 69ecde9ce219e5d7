"""A server that is no stand-in: the emulator in both profiles, or, with FLUXBASE_TEST_URL and its kin set, one of yours."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from os import environ
from typing import Final

from attrs import field, frozen
from fluxbase_jobs import FluxbaseClient, Job, PollPolicy

from tests.support.emulator_process import started

PROFILES: Final = (environ["FLUXBASE_TEST_PROFILE"],) if "FLUXBASE_TEST_URL" in environ else ("2026-03", "2026-04")


@frozen
class Place:
    """A server's address, a key, and whose answers it gives."""

    url: str
    key: str = field(repr=False)
    profile: str


@contextmanager
def living(profile: str) -> Generator[Place]:
    """The server of a profile while the block runs."""
    if "FLUXBASE_TEST_URL" in environ:
        yield Place(environ["FLUXBASE_TEST_URL"], environ["FLUXBASE_TEST_KEY"], profile)
        return
    with started("--profile", profile) as address:
        yield Place(address.url, address.service_key, profile)


def until(client: FluxbaseClient, job_id: str, reached: Callable[[Job], bool]) -> Job:
    """The job once it has come so far; a minute at most."""
    for job in client.jobs.watch(job_id, timeout=60, poll=PollPolicy(initial=0.1, factor=1)):
        if reached(job.unwrap()):
            return job.unwrap()
    raise AssertionError("the job ended otherwise")


def ended(client: FluxbaseClient, job_id: str) -> Job:
    """The job at its end."""
    return until(client, job_id, lambda job: job.is_terminal)
