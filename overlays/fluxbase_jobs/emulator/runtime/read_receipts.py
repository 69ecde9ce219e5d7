"""Runs that take no time at all, and yet are seen.

A job that cannot be run, having no code, is running for three milliseconds on April, and the recording met it there: read as running, and
in the next request as failed (admin: `poll: running`). So that clients meet both states here too, such a run lasts until
somebody has read its job, but no longer than one look of the workers.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress


class ReadReceipts:
    """The runs that wait to be seen."""

    def __init__(self) -> None:
        self._unseen: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    async def seen(self, job_id: str, timeout_seconds: float) -> None:
        """Wait until somebody has read the job, or for so many seconds of real time."""
        _, event = self._unseen[job_id] = asyncio.get_running_loop(), asyncio.Event()
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), timeout_seconds)
        finally:
            del self._unseen[job_id]

    def note(self, job_id: str) -> None:
        """Note that somebody has been shown the job. From any thread."""
        unseen = self._unseen.get(job_id)
        if unseen:
            loop, event = unseen
            loop.call_soon_threadsafe(event.set)
