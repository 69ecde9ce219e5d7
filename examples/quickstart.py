"""The main job in one program: start the emulator, run a job with a progress bar, follow its log, see one fail and cancel one.

Run it with `python examples/quickstart.py`; it needs the extra: `pip install ".[emulator]"` in a clone.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from fluxbase_jobs import FluxbaseClient, Job, PollPolicy
from fluxbase_jobs.emulator import Context, function

PROFILE = "2026-03"
"""The server version to behave like: on that of 2026-04 clients see a log only after the next start."""

QUICK = PollPolicy(initial=0.1)
BAR_WIDTH = 32


@function("thumbnails")
async def thumbnails(payload: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """A job as the emulator runs it: it reports progress, writes log lines and returns an object."""
    pictures, width = payload.get("pictures", 8), payload.get("width", 128)
    if width < 1:
        raise ValueError(f"a picture cannot be {width} pixels wide")
    for number in range(1, pictures + 1):
        await asyncio.sleep(0.25)
        context.log(f"picture {number} is {width} pixels wide now")
        context.progress(100 * number // pictures, f"picture {number}")
    return {"made": pictures}


def main() -> None:
    """Run a job to its end, one that fails, and one that is cancelled."""
    with emulator() as (url, key), FluxbaseClient(url, key) as client:
        show("A job with a progress bar:")
        job = client.jobs.run("thumbnails", {"pictures": 8, "width": 128}, poll=QUICK, on_progress=draw_bar).unwrap()
        show(f"\n  {job.status}: {job.result}\n\nIts log:")
        for result in client.jobs.tail(job.id):
            line = result.unwrap()
            if not line.message.startswith("__RESULT__::"):  # the server's own last line, for itself
                show(f"  {line}")
        show("\nA job that fails:")
        _, error = client.jobs.run("thumbnails", {"pictures": 8, "width": 0}, poll=QUICK)
        show(f"  {type(error).__name__}: {error}\n\nA job that is cancelled:")
        job = client.jobs.submit("thumbnails", {"pictures": 1000, "width": 128}).unwrap()
        client.jobs.cancel(job.id).unwrap()
        show(f"  {client.jobs.wait(job.id).unwrap().status}\n")
    show(NEXT)


def draw_bar(job: Job) -> None:
    """Print a progress bar: over the last one in a terminal, on a new line elsewhere."""
    percent = 100 if job.status == "completed" else job.progress_percent or 0
    done = BAR_WIDTH * percent // 100
    text = f"  [{'#' * done}{'-' * (BAR_WIDTH - done)}] {percent:3} % {job.progress_message or job.status:12}"
    print(text, end="\r" if sys.stdout.isatty() else "\n", flush=True)


@contextmanager
def emulator() -> Generator[tuple[str, str]]:
    """Run an emulator on a free port with the handler of this file; yields its URL and a user's key."""
    options = ["--port", "0", "--profile", PROFILE, "--functions", __file__, "--no-access-log"]
    command = [sys.executable, "-m", "fluxbase_jobs.emulator", *options]
    # The emulator shows what handlers log and raise on stderr; here it would come between the lines of this program.
    with tempfile.TemporaryFile("w+") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            yield _address(process) or _not_started(log)
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str]) -> tuple[str, str] | None:
    url = None
    for line in process.stdout or ():
        url = url or _found(r" on (http\S+)", line)
        if url and (key := _found(r"user key: +(\S+)", line)):
            return url, key
    return None


def _not_started(log: Any) -> NoReturn:
    log.seek(0)
    sys.exit(f"the demo ends here, because the emulator did not start: {log.read().strip()}")


def _found(pattern: str, line: str) -> str | None:
    match = re.search(pattern, line)
    return match[1] if match else None


def show(text: str) -> None:
    """A line for the person who watches."""
    print(text, flush=True)


PYTHON = os.path.relpath(sys.executable)
PROGRAM = "from fluxbase_jobs import FluxbaseClient as C; print(C.from_env().jobs.run('thumbnails', {'pictures': 8, 'width': 64}))"
NEXT = f"""Next:
  1. start an emulator that stays:
       {PYTHON} -m fluxbase_jobs.emulator --profile {PROFILE} --functions {os.path.relpath(__file__)}
  2. paste its last two lines, `export FLUXBASE_URL=...` and `export FLUXBASE_KEY=...`, into another terminal
  3. run a program there:
       {PYTHON} -c "{PROGRAM}"
  4. write handlers and programs of your own: README.md shows how"""


if __name__ == "__main__":
    main()
