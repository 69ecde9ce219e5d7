"""Emulators without a socket, several in one process, each with its own state."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.emulator.app import Emulator
from fluxbase_jobs.emulator.auth.authenticator import Caller
from fluxbase_jobs.emulator.auth.tokens import InvalidTokenError
from fluxbase_jobs.emulator.handlers.decorator import FunctionSet, JobFunction, marked
from fluxbase_jobs.emulator.http.endpoints import Call
from fluxbase_jobs.emulator.jobs.submission import read_submission
from fluxbase_jobs.emulator.profiles import APRIL, MARCH, Profile
from fluxbase_jobs.emulator.runtime.outcomes import Completed
from fluxbase_jobs.emulator.settings import Settings
from fluxbase_jobs.emulator.store import Job, StoredFunction, StoredResponse
from starlette.requests import Request


@function("double")
async def double(payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Double a number."""
    return {"n": 2 * payload["n"]}


async def run_in(profile: Profile, n: int) -> tuple[str, int]:
    """Run one job in a new emulator; its result and the number of jobs in that emulator."""
    emulator = Emulator(Settings(profile=profile, poll_interval=0.01), FunctionSet(marked([double])))
    headers = {"authorization": f"Bearer {emulator.user_key()}"}
    transport = httpx.ASGITransport(emulator.app)
    async with emulator.running(), httpx.AsyncClient(transport=transport, base_url="http://emulator", headers=headers) as client:
        job = (await client.post("/api/v1/jobs/submit", json={"job_name": "double", "payload": {"n": n}})).json()
        async with asyncio.timeout(10):
            while job["status"] != "completed":
                await asyncio.sleep(0.01)
                job = (await client.get(f"/api/v1/jobs/{job['id']}")).json()
        return job["result"], len((await client.get("/api/v1/jobs")).json()["jobs"])


def test_two_in_one_loop() -> None:
    """Two emulators run in the same event loop without sharing any state."""

    async def both() -> tuple[tuple[str, int], tuple[str, int]]:
        first, second = await asyncio.gather(run_in(MARCH, 2), run_in(APRIL, 3))
        return first, second

    assert asyncio.run(both()) == (('{"n": 4}', 1), ('{"n": 6}', 1))


def test_payloads_are_in_no_repr() -> None:
    """Payloads, results, progress and the bodies of requests and responses appear in no repr."""
    text = '{"job_name": "f", "payload": {"password": "xyzzy"}}'
    shown = [
        Job(
            id="1",
            namespace="n",
            job_function_id=None,
            job_name="f",
            payload=text,
            result=text,
            progress=text,
            max_duration_seconds=1,
            progress_timeout_seconds=1,
            max_retries=0,
            created_at=0,
        ),
        read_submission("application/json", text.encode()),
        Call(Request({"type": "http"}), text.encode(), Caller()),
        StoredResponse(200, [("x", text)], text.encode()),
        Completed(text),
        JobFunction("f", print, schedule=f"* * * * *|{text}"),
        StoredFunction(id="1", namespace="n", name="f", schedule=f"* * * * *|{text}", source="api", created_at=0, updated_at=0),
    ]

    assert "xyzzy" not in repr(shown)


def test_settings_hide_the_secret() -> None:
    """The token secret appears in no repr, and is random by default."""
    first, second = (Emulator(Settings(), FunctionSet()) for _ in range(2))

    assert "secret-secret" not in repr(Settings(jwt_secret="secret-secret" * 3))
    assert first.services.tokens.verify(first.service_key())
    with pytest.raises(InvalidTokenError):
        first.services.tokens.verify(second.service_key())
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"rate_limit": 0}, "'rate_limit' must be >= 1: 0"),
        ({"rate_limit": 1.5}, "'rate_limit' must be"),
        ({"jobs": "no"}, "'jobs' must be in"),
    ],
)
def test_wrong_setting(setting: dict[str, Any], message: str) -> None:
    """An invalid setting raises an error with its name and the valid values."""
    with pytest.raises((ValueError, TypeError), match=message):
        Settings(**setting)


def test_handler_stays_callable() -> None:
    """A decorated handler can still be called directly."""
    assert asyncio.run(double({"n": 1}, None)) == {"n": 2}  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
