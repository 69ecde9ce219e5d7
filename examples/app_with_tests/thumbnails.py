"""Somebody's application: it has pictures made smaller by a job, and falls back to the picture itself."""

from __future__ import annotations

import logging

from fluxbase_jobs import FluxbaseClient, JobFailed, WaitTimeout

LOGGER = logging.getLogger(__name__)


class UnusablePicture(ValueError):  # it says what happened
    """The job says that the picture is none."""


def thumbnail(client: FluxbaseClient, picture: str, *, width: int = 64, timeout: float = 30) -> str:
    """The address of a small picture; that of the picture itself where the server takes too long or does not answer."""
    job, error = client.jobs.run("thumbnail", {"picture": picture, "width": width}, timeout=timeout, cancel_on_timeout=True)
    if job:
        address: str = job.result["address"]
        return address
    if isinstance(error, JobFailed):
        raise UnusablePicture(error.message)
    LOGGER.warning("no thumbnail of %s: %s", picture, "it takes too long" if isinstance(error, WaitTimeout) else error)
    return picture
