"""How commands end: the exit codes, and the one line that says what went wrong and how to mend it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterable
from typing import Any, Final

from .. import FluxbaseError, InvalidInput, Job, JobCancelled, JobFailed, WaitTimeout
from ..progress import one_line

COMPLETED: Final = 0
FAILED: Final = 1
USAGE: Final = 2
CANCELLED: Final = 3
TIMED_OUT: Final = 4
UNREACHABLE: Final = 5
"""Any error of the connection or the server."""
INTERRUPTED: Final = 130
NOBODY_READS: Final = 141
"""What shells report for a program whose reader has gone, as after `| head`."""

_CODES: Final[tuple[tuple[type[FluxbaseError], int], ...]] = (
    (InvalidInput, USAGE),
    (JobFailed, FAILED),
    (JobCancelled, CANCELLED),
    (WaitTimeout, TIMED_OUT),
)
_BY_STATUS: Final = {"completed": COMPLETED, "cancelled": CANCELLED}
_WORST_FIRST: Final = (USAGE, UNREACHABLE, FAILED, TIMED_OUT, CANCELLED)


class CommandError(Exception):
    """What a person has to mend: the command line, a file, a variable."""

    def __init__(self, message: str, hint: str | None = None, code: int = USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class NothingToDo(Exception):  # no error: the command ends with 0
    """A command was given an empty list to work on, as by a pipe. Its text says which."""


class Interrupted(KeyboardInterrupt):  # a Ctrl-C is no error
    """Ctrl-C, with the lines that say how to go on."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


def code_of_error(error: FluxbaseError) -> int:
    """The exit code of an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), UNREACHABLE)


def code_of_job(job: Job) -> int:
    """The exit code of a job that has ended."""
    return _BY_STATUS.get(job.status, FAILED)


def worst(codes: Iterable[int]) -> int:
    """The exit code for several jobs: the one of the most serious outcome."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), COMPLETED)


def report(error: FluxbaseError | CommandError, *, as_json: bool = False) -> None:
    """Print an error as one line on stderr, or as one JSON object."""
    if as_json:
        names = ("message", "hint", "code", "status", "request_id", "job_id")
        known = {name: value for name in names if (value := getattr(error, name, None)) is not None}
        if isinstance(error, CommandError):
            known.pop("code")
        say(json.dumps({"error": type(error).__name__, **known}, default=str))
        return
    job = f"job {error.job_id} failed: " if isinstance(error, JobFailed) else ""
    hint = f" ({error.hint})" if error.hint else ""
    say(f"fluxbase-jobs: {job}{one_line(error.message)}{one_line(hint)}")


def say(line: str) -> None:
    """Print a line on stderr; nothing is wrong where nobody reads it."""
    stderr: Any = sys.stderr  # None where it was closed
    if stderr is not None:
        with contextlib.suppress(OSError, ValueError):  # its reader has gone
            stderr.write(f"{line}\n")
            stderr.flush()


def prepare_streams() -> None:
    """Print what the console's encoding lacks as escapes in place of ending with an error."""
    streams: tuple[Any, ...] = (sys.stdout, sys.stderr)  # either is None where it was closed
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush_output() -> None:
    """Write what stdout still holds, so that an error of that is reported, and not by the interpreter at its end."""
    stdout: Any = sys.stdout
    if stdout is not None:
        stdout.flush()


def discard_output() -> None:
    """Send what stdout still holds to nowhere: the interpreter would try to write it at its end, and print an error."""
    stdout: Any = sys.stdout
    with contextlib.suppress(AttributeError, OSError, ValueError):  # no file, but a buffer
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
