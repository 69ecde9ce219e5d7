"""The functions that the examples submit jobs for, as the emulator runs them.

    python -m fluxbase_jobs.emulator --profile 2026-03 --functions examples/functions.py

Paste the last two lines that it prints, which set FLUXBASE_URL and FLUXBASE_KEY, into the terminal where you run an example.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fluxbase_jobs.emulator import Context, function


@function("report")
def report(payload: Mapping[str, Any], _context: Context) -> dict[str, Any]:
    """A customer's report of a night; that of customer 13 fails."""
    if payload["customer"] == 13:
        raise ValueError("customer 13 has no address")
    return {"sent_to": payload["customer"]}


@function("convert")
async def convert(payload: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """A job that takes a while, and tells how far it is."""
    for page in range(1, payload["pages"] + 1):
        await asyncio.sleep(payload.get("seconds_per_page", 0.5))
        context.progress(100 * page // payload["pages"], f"page {page} of {payload['pages']}")
    return {"pages": payload["pages"]}


@function("index")
def index(payload: Mapping[str, Any], _context: Context) -> dict[str, Any]:
    """One of very many small jobs."""
    return {"document": payload["document"]}
