"""The main job in one program: start the emulator, submit a job, show its progress, print its result and its log.

Run it with `python -m fluxbase_jobs.demo`; it needs the extra: `pip install "fluxbase-jobs[emulator]"`.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from fluxbase_jobs import FluxbaseClient, PollPolicy
from fluxbase_jobs.emulator import Context, function

PICTURES = 8


@function("thumbnails")
async def thumbnails(payload: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """A job as the emulator runs it: it reports progress, writes log lines and returns an object."""
    for number in range(1, payload["pictures"] + 1):
        await asyncio.sleep(0.25)
        context.log(f"picture {number} is {payload['width']} pixels wide now")
        context.progress(100 * number // payload["pictures"], f"picture {number}")
    return {"made": payload["pictures"]}


def main() -> None:
    """Submit a job, watch it, show what came of it."""
    with emulator() as (url, key), FluxbaseClient(url, key) as client:
        job = client.jobs.submit("thumbnails", {"pictures": PICTURES, "width": 128}).unwrap()
        show(f"submitted {job.job_name} as {job.id}")
        for change in client.jobs.watch(job.id, poll=PollPolicy(initial=0.1)):
            job = change.unwrap()
            show(f"  {job.progress_percent or 0:3} % {job.progress_message or job.status}")
        show(f"{job.status}: {job.result}")
        for line in client.jobs.logs(job.id).unwrap():
            show(f"  log {line.line_number}: {line}")


@contextmanager
def emulator() -> Generator[tuple[str, str]]:
    """An emulator of its own on a free port, with the handler of this file; gives its address and a user's key."""
    # The March server's profile: on the April one a log shows only after the next start.
    options = ["--port", "0", "--profile", "2026-03", "--functions", __file__]
    with subprocess.Popen([sys.executable, "-m", "fluxbase_jobs.emulator", *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process)
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str]) -> tuple[str, str]:
    url = key = None
    for line in process.stdout or ():
        url = url or _found(r" on (http\S+)", line)
        key = key or _found(r"user key: +(\S+)", line)
        if url and key:
            return url, key
    sys.exit("the demo ends here: the emulator did not start; its own line above says why")


def _found(pattern: str, line: str) -> str | None:
    match = re.search(pattern, line)
    return match[1] if match else None


def show(text: str) -> None:
    """A line for the person who watches."""
    print(text, flush=True)  # printing is what a demo does


if __name__ == "__main__":
    main()
