"""A handlers file for the crash test: each run leaves a line at its start and at its end in the file RUNS."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluxbase_jobs.emulator import function

if TYPE_CHECKING:
    from fluxbase_jobs.emulator import Context


@function("counted")
def counted(payload: dict[str, Any], context: Context) -> dict[str, Any]:
    """Say so, report, take a moment, say so."""
    _write("start", payload["n"], context.job_id)
    context.log("half way")
    context.progress(50)
    time.sleep(payload["seconds"])
    _write("end", payload["n"], context.job_id)
    return {"n": payload["n"]}


def _write(*words: object) -> None:
    line = " ".join(map(str, [os.getpid(), *words])) + "\n"
    file = os.open(Path(os.environ["RUNS"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
