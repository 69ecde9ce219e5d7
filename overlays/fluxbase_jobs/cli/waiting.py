"""Waiting for jobs: bars on stderr, logs and results on stdout, and an exit code that tells how the jobs ended."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, TypeAlias

from attrs import frozen
from rich.text import Text

from .. import ConnectionFailed, Err, FluxbaseClient, FluxbaseError, Job, JobFailed, LogLine, Ok, Result
from ..progress import OnProgress, progress_bar
from .exits import Interrupted, code_of_error, code_of_job, report, say, worst
from .messages import for_terminal
from .output import Output, json_text, safe, styled
from .tables import log_line, took

_RESULT_LINE: Final = "__RESULT__::"
"""How the server's own last line of a log begins, which carries the result."""
_DRAIN_SECONDS: Final = 10.0
"""How long the rest of a log may take after the job's end."""
_SHOWN_LINES: Final = 10
"""How many of the last lines of a failed job's log are shown."""
_LABEL_LENGTH: Final = 8
_HEAR_SECONDS: Final = 5.0
"""How long the client may take to open its socket."""
_HEAR_TICK: Final = 0.02
_TICK_SECONDS: Final = 0.5
"""Python notices a Ctrl-C between two of these on systems where a wait cannot be interrupted."""

_End: TypeAlias = tuple[str, Result[Job]]
_Event: TypeAlias = tuple[str, Ok[LogLine]] | list[_End] | BaseException | None
"""A line of a job's log; how all jobs ended; an error of a thread; None: a log has ended."""


@frozen
class Wait:
    """How a command waits.

    Attributes:
        output: where results and logs go.
        timeout: seconds.
        follow: print the logs as they come.
        results: print the result of a single job; False: nothing but the log.
        after_line: print only lines of the log with a higher number.
    """

    output: Output
    timeout: float
    follow: bool = False
    results: bool = True
    after_line: int = 0


def wait_for(client: FluxbaseClient, ids: Sequence[str], wait: Wait) -> int:
    """Wait for jobs, show their progress, then how they ended; the exit code. Ctrl-C says how to wait for them again."""
    try:
        with progress_bar(total=len(ids) if len(ids) > 1 else None) as on_progress:
            is_heard = wait.follow or len(ids) == 1
            ends = _followed(client, ids, wait, on_progress) if is_heard else [*_ends(client, ids, wait, on_progress)]
    except KeyboardInterrupt:
        raise interrupted(ids, follow=wait.follow) from None
    return worst(_show_end(job_id, end, wait, is_single=len(ids) == 1) for job_id, end in ends)


def reach_server(client: FluxbaseClient, job_id: str) -> None:
    """Raise where no server answers: a wait would ride that out, silently, until its time is over."""
    error = client.jobs.get(job_id).error
    if isinstance(error, ConnectionFailed):
        raise error


def interrupted(ids: Sequence[str], *, follow: bool) -> Interrupted:
    """A Ctrl-C during a wait: the jobs go on, and how to wait for them again."""
    flag = " --follow" if follow else ""
    jobs = f"job {ids[0]} goes on" if len(ids) == 1 else f"{len(ids)} jobs go on"
    shown = " ".join(ids)
    return Interrupted(
        f"interrupted: {jobs} on the server",
        f"  wait again: fluxbase-jobs wait {shown}{flag}",
        f"  cancel:     fluxbase-jobs cancel {shown}",
    )


def _ends(client: FluxbaseClient, ids: Sequence[str], wait: Wait, on_progress: OnProgress) -> Iterator[_End]:
    """How each job ended, as they end; a failed one's error has its cause."""
    if len(ids) > 1:
        for job_id, end in client.jobs.wait_many(ids, timeout=wait.timeout, causes=True, on_progress=on_progress):
            yield job_id, end
        return
    end = client.jobs.wait(ids[0], timeout=wait.timeout, on_progress=on_progress)
    if isinstance(end, Ok) and end.data.status == "failed":
        # The bare wait does not read the log, which alone has the cause.
        caused = next(iter(client.jobs.wait_many([end.data.id], causes=True)))[1]
        end = caused if isinstance(caused, Err) and isinstance(caused.error, JobFailed) else end
    yield ids[0], end


def _show_end(job_id: str, end: Result[Job], wait: Wait, *, is_single: bool) -> int:
    """Print how a job ended; its exit code."""
    job = end.data if isinstance(end, Ok) else getattr(end.error, "job", None)
    if wait.output.is_json:
        if job is not None and wait.results:
            wait.output.record(job.to_dict())
    elif job is not None and not is_single:
        wait.output.show(_summary(job))
    elif job is not None and job.succeeded and wait.results and job.result is not None:
        wait.output.show(json_text(job.result))
    if isinstance(end, Err):
        _show_error(job_id, end.error, wait)
        return code_of_error(end.error)
    if end.meta.result_lost and not wait.output.is_json:
        say(f"fluxbase-jobs: the server lost the result of job {job_id}: it completed, and its log shows that no result was read")
    return _show_status(end.data, wait, is_single=is_single)


def _summary(job: Job) -> Text:
    return Text.assemble(job.id, "  ", styled(job.status), f"  {safe(job.job_name)}  {took(job)}")


def _show_status(job: Job, wait: Wait, *, is_single: bool) -> int:
    """Say on stderr how a job ended that its own error does not tell."""
    code = code_of_job(job)
    if code and not wait.output.is_json and is_single:
        how = f"failed: {safe(job.error_message or '')}" if job.status == "failed" else f"was {safe(job.status)}"
        say(f"fluxbase-jobs: job {job.id} {how}")
    return code


def _show_error(job_id: str, error: FluxbaseError, wait: Wait) -> None:
    if isinstance(error, JobFailed) and not wait.follow and not wait.output.is_json:
        for line in error.log_tail[-_SHOWN_LINES:]:
            say(f"  {safe(line.message)}")
    report(for_terminal(error.with_(job_id=error.job_id or job_id)), as_json=wait.output.is_json)


def _show_followed(output: Output, result: Ok[LogLine], label: str) -> None:
    """Print a line of a log; the client's own note that lines are missing goes to stderr, as the job did not write it."""
    if result.data.message in result.meta.notes and not output.is_json:
        say(f"fluxbase-jobs: {f'{label}: ' if label else ''}{safe(result.data.message)}")
    else:
        show_line(output, result.data, label)


def _followed(client: FluxbaseClient, ids: Sequence[str], wait: Wait, on_progress: OnProgress) -> list[_End]:
    """How the jobs ended, their logs printed meanwhile where that is wanted.

    Everything is printed by the main thread, which Ctrl-C and a broken pipe reach.
    """
    events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
    for work in (lambda: [*_ends(client, ids, wait, on_progress)], partial(_tail if wait.follow else _hear, client, ids, wait, events)):
        threading.Thread(target=_run, args=(work, events), daemon=True).start()
    ends: list[_End] | None = None
    has_log = wait.follow
    while ends is None or has_log:
        try:
            event = events.get(timeout=_TICK_SECONDS if ends is None else _DRAIN_SECONDS)
        except queue.Empty:
            if ends is None:
                continue
            break  # the log takes too long to end
        if isinstance(event, BaseException):
            raise event
        if isinstance(event, list):
            ends = event
        elif event is None:
            has_log = False
        elif wait.follow:
            _show_followed(wait.output, event[1], event[0][:_LABEL_LENGTH] if len(ids) > 1 else "")
    return ends


def _run(work: Callable[[], list[_End] | None], events: queue.SimpleQueue[_Event]) -> None:
    try:
        events.put(work())
    except BaseException as error:  # noqa: BLE001  # raised again by the main thread
        events.put(error)


def _tail(client: FluxbaseClient, ids: Sequence[str], wait: Wait, events: queue.SimpleQueue[_Event]) -> None:
    """Read the logs as they come; the wait beside this reports what is wrong."""
    if len(ids) > 1:
        pairs = client.jobs.tail_many(ids, timeout=wait.timeout)
    else:
        pairs = ((ids[0], result) for result in client.jobs.tail(ids[0], after_line=wait.after_line, timeout=wait.timeout))
    for job_id, result in pairs:
        if isinstance(result, Ok):
            events.put((job_id, result))


def _hear(client: FluxbaseClient, ids: Sequence[str], wait: Wait, events: queue.SimpleQueue[_Event]) -> None:
    """Listen to the log without printing it, where that takes no requests: servers that hide logs tell a failure's cause there only."""
    end = time.monotonic() + _HEAR_SECONDS
    while client.realtime_state == "unused" and time.monotonic() < end:
        time.sleep(_HEAR_TICK)
    if client.realtime_state == "connected":
        _tail(client, ids, wait, events)


def show_lines(output: Output, lines: Iterable[LogLine]) -> None:
    """Print lines of a log."""
    for line in lines:
        show_line(output, line)


def show_line(output: Output, line: LogLine, label: str = "") -> None:
    """Print a line of a log, but not the server's own."""
    if line.message.startswith(_RESULT_LINE):
        return
    if output.is_json:
        output.record(line.to_dict())
    else:
        output.show(log_line(line, label))
