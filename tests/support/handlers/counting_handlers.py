"""Handlers file of the crash test: each run appends a line at its start and at its end to the file named by RUNS."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from fluxbase_jobs.emulator import Context, function


@function("counted")
def counted(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Record the start, report progress, sleep for a moment, record the end."""
    _append("start", payload["n"], context.job_id)
    context.log("half way")
    context.progress(50)
    time.sleep(payload["seconds"])
    _append("end", payload["n"], context.job_id)
    return {"n": payload["n"]}


def _append(*fields: object) -> None:
    line = " ".join(map(str, [os.getpid(), *fields])) + "\n"
    file = os.open(Path(os.environ["RUNS"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
