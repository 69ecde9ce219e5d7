"""Job functions that do what a test writes into a file, so that the page can be looked at between two steps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fluxbase_jobs.emulator import Context, function

MARKUP = "<b>bold</b><script>document.title='broken'</script>"


def read_lines(file: Path) -> list[str]:
    """What the test has written so far."""
    return file.read_text("utf-8").splitlines() if file.exists() else []


@function("scripted", max_retries=1, description="Follow a file")
async def scripted(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Carry out the lines of a file as they come: `log TEXT`, `progress PERCENT TEXT`, `fail TEXT`, `end`."""
    file = Path(payload["file"])
    done = 0
    while True:
        lines = read_lines(file)
        for line in lines[done:]:
            done += 1
            word, _, rest = line.partition(" ")
            if word == "end":
                return {"lines": done}
            if word == "fail":
                raise ValueError(rest)
            if word == "progress":
                percent, _, message = rest.partition(" ")
                context.progress(int(percent), message, {"line": done})
            if word == "log":
                context.log(rest)
        await asyncio.sleep(0.02)


@function("echo", description="Say it again")
def echo(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Give the payload back."""
    context.log("said again")
    return {"echoed": payload}


@function("report", namespace="daily", schedule="0 6 * * *")
def report(_payload: dict[str, Any], _context: Context) -> None:
    """Be due once a day."""


@function("tidy/up", namespace="team/a")
def tidy_up(payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Have slashes in the namespace and in the name."""
    return {"tidied": payload}


@function(MARKUP, description="<img src=x onerror=\"document.title='broken'\">")
def markup(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Have markup in all its texts."""
    context.log("<i>a line</i>")
    return {"<u>key</u>": payload}
