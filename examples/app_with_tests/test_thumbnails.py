"""Its tests: a server of their own for each, with scripted jobs. No socket is opened, nothing is patched, and an hour takes a moment.

    pytest examples/app_with_tests

The fixtures come with the package: `pip install ".[emulator]"` in a clone is all that it takes.
"""

from __future__ import annotations

import pytest
from fluxbase_jobs import FluxbaseClient
from fluxbase_jobs.testing import Server
from thumbnails import UnusablePicture, thumbnail

pytestmark = pytest.mark.fluxbase(profile="2026-03")
"""The version of the server: this one shows a job's log at once, and with it what the job threw."""


def test_a_thumbnail_is_made(fluxbase: FluxbaseClient, fluxbase_server: Server) -> None:
    """The job gets the picture and the width."""
    job = fluxbase_server.script("thumbnail").progress(50).complete({"address": "/small/cat.png"})

    assert thumbnail(fluxbase, "/cat.png") == "/small/cat.png"
    assert job.payloads == [{"picture": "/cat.png", "width": 64}]


def test_a_busy_server_makes_one_job(fluxbase: FluxbaseClient, fluxbase_server: Server) -> None:
    """The answer to the first request is lost; the client sends it again, under the same key."""
    job = fluxbase_server.script("thumbnail").complete({"address": "/small/cat.png"})
    fluxbase_server.faults.add("POST /api/v1/jobs/submit", drop="after")

    assert thumbnail(fluxbase, "/cat.png") == "/small/cat.png"
    assert len(job.payloads) == 1


def test_no_picture(fluxbase: FluxbaseClient, fluxbase_server: Server) -> None:
    """What the job threw is told."""
    fluxbase_server.script("thumbnail").fail("this is a text")

    with pytest.raises(UnusablePicture, match="this is a text"):
        thumbnail(fluxbase, "/cat.txt")


def test_a_job_that_hangs_is_cancelled(fluxbase: FluxbaseClient, fluxbase_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """The picture itself is shown."""
    fluxbase_server.script("thumbnail").progress(10).hold()

    assert thumbnail(fluxbase, "/cat.png", timeout=0.2) == "/cat.png"
    assert "it takes too long" in caplog.text
    assert [job.status for job in fluxbase.jobs.list().unwrap()] == ["cancelled"]


def test_the_server_is_down(fluxbase: FluxbaseClient, fluxbase_server: Server) -> None:
    """Neither is this an error of the page."""
    fluxbase_server.faults.add("POST /api/v1/jobs/submit", status=500)

    assert thumbnail(fluxbase, "/cat.png") == "/cat.png"
