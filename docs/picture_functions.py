"""The job functions that the pictures of the documents show."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fluxbase_jobs.emulator import Context, function


@function("thumbnails", max_retries=2, description="Make small pictures")
async def thumbnails(payload: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Report progress, write log lines, and fail where it is asked to."""
    pictures = payload.get("pictures", 20)
    for number in range(1, pictures + 1):
        await asyncio.sleep(payload.get("seconds", 0.2))
        context.log(f"picture {number}: 1024 x 768 -> {payload.get('width', 128)} x 96")
        context.progress(100 * number // pictures, f"picture {number} of {pictures}", {"last": f"{number:04}.jpg"})
        if number == payload.get("broken"):
            raise ValueError(f"picture {number} is no JPEG file")
    return {"made": pictures, "bytes": 18_332 * pictures}


@function("report", schedule="0 6 * * *", max_retries=2, description="Send the daily numbers")
def report(_payload: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """End at once."""
    context.log("sent to 3 people")
    return {"sent": 3}


@function("cleanup", namespace="maintenance", schedule="*/15 * * * *", description="Remove what nobody has asked for")
def cleanup(_payload: Mapping[str, Any], _context: Context) -> None:
    """Do nothing."""
