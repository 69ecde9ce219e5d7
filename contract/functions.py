"""The Python versions of the job functions that the recordings ran (job-functions/*.ts)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fluxbase_jobs.emulator import function

if TYPE_CHECKING:
    from fluxbase_jobs.emulator import Context

SECOND = 1.0
"""Tests that only want the ends make it shorter."""


@function("admins", require_roles=["admin"])
def admins(_payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Run for admins only."""
    return {"ok": True}


@function("big")
def big(_payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Return a large result."""
    return {"rows": [{"id": i, "name": f"row {i}", "score": i / 7} for i in range(2000)]}


@function("boom")
def boom(_payload: dict[str, Any], _context: Context) -> None:
    """Fail."""
    message = "the reactor is on fire"
    raise RuntimeError(message)


@function("chatty")
async def chatty(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Write many log lines."""
    for i in range(250):
        context.log(f"line {i}")
    await asyncio.sleep(0.45 * SECOND)  # with what Deno took to start: the recording saw it running
    return {"lines": 250}


@function("echo")
def echo(payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Return the payload."""
    return {"echo": payload}


@function("edges")
def edges(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Report and return what is at the edge of the possible."""
    context.progress(150, "over")
    context.progress(33.3, "float dropped")
    context.progress(-5, "under", {"nested": {"a": [1, 2]}})
    return {
        "big": 9007199254740993,
        "float": 0.1,
        "empty": "",
        "nul": None,
        "nested": {"deep": {"er": [True, False, None]}},
        "html": "<b>&amp;</b>",
        "nl": "a\nb",
    }


@function("flaky", max_retries=2)
def flaky(_payload: dict[str, Any], context: Context) -> None:
    """Fail, but may be retried."""
    context.progress(30, "about to fail")
    message = "flaky failure"
    raise RuntimeError(message)


@function("list_result")
def list_result(_payload: dict[str, Any], _context: Context) -> Any:
    """Return what is no object."""
    return [1, 2, 3]


@function("null_result")
def null_result(_payload: dict[str, Any], _context: Context) -> None:
    """Return nothing."""


@function("off", enabled=False)
def off(_payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Cannot be submitted."""
    return {"ok": True}


@function("overtime", timeout=2)
async def overtime(_payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Take longer than it may."""
    await asyncio.sleep(20)
    return {}


@function("quiet", execution_logs=False)
def quiet(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Write a line although its lines are switched off."""
    context.log("hidden")
    return {"quiet": True}


@function("slow")
async def slow(_payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Take a minute."""
    for i in range(600):
        await asyncio.sleep(0.1 * SECOND)
        if i % 10 == 0:
            context.log(f"tick {i}")
            context.progress(i // 6, f"tick {i}")
    return {"done": True}


@function("softfail", max_retries=1)
def softfail(_payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Fail by return value."""
    return {"success": False, "error": "validation failed: no rows"}


@function("steps")
async def steps(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Report progress step by step."""
    count, delay = payload.get("steps", 4), payload.get("delay_ms", 700)
    for i in range(1, count + 1):
        await asyncio.sleep(delay / 1000 * SECOND)
        context.log(f"step {i} of {count}")
        if i % 2 == 0:
            context.log(f"warning: step {i} was even", level="warn")
        context.progress(100 * i // count, f"step {i}", {"step": i, "of": count})
    return {"steps": count, "text": "grüße 🚀"}
