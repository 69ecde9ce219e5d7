"""The commands about jobs, which any user may give."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Annotated, Final

from attrs import frozen
from cyclopts import Parameter
from rich.text import Text

from .. import Err, FluxbaseClient, FluxbaseError, Job, JobStatus, NotFound, Result
from ..progress import one_line
from .exits import CommandError, Interrupted, code_of_error, code_of_job, report, say, worst
from .inputs import ids_of, payload_of, schedule_of
from .messages import HIDDEN_LOG, named, why_it_failed
from .output import Output, is_terminal
from .settings import Common
from .tables import show_job, show_jobs
from .waiting import Wait, interrupted, reach_server, show_lines, wait_for

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
_COMMON: Final = Common()
_LIMIT: Final = 20
"""How many jobs are listed where `--limit` is not given."""


def submit(
    name: str,
    /,
    *,
    payload: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="", show_default=False)] = (),
    namespace: str | None = None,
    priority: int | None = None,
    schedule: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    key: str | None = None,
    wait: Flag = False,
    follow: Flag = False,
    common: Common = _COMMON,
) -> int:
    """Submit a job, and print its id; with --wait its result.

    Args:
        name: the function to run.
        payload: a JSON object; `@FILE` reads it from a file, `-` from stdin.
        set_: `key=value`, put into the payload; the value is JSON where it parses, else text. Repeat it for more.
        namespace: the function's namespace.
        priority: higher priorities run first; the server's default is 0.
        schedule: the earliest time to run: a delay like 90s, 10m, 2h or 1d, or a moment like 2030-01-31T08:00:00Z.
        key: an idempotency key: the same submit with the same key within 24 hours gives the same job.
        wait: wait for the end, with a progress bar; exit with 0 completed, 1 failed, 3 cancelled, 4 timed out.
        follow: print the log meanwhile, and wait.
    """
    output, value, moment = Output(common.json), payload_of(payload, set_), schedule_of(schedule)
    if key is not None and isinstance(moment, timedelta):
        raise CommandError(f"--schedule {schedule} cannot be combined with --key", "give a moment: a delay is another one at each try")
    with common.client(waits=wait or follow) as client:
        # A delay counts from now, so that a second try would be another request: no key could tell that it is the same.
        used_key = key or (None if isinstance(moment, timedelta) else secrets.token_hex(8))
        try:
            submitted = client.jobs.submit(
                name, value, namespace=namespace, priority=priority, scheduled=moment, idempotency_key=used_key
            ).unwrap()
        except KeyboardInterrupt:
            raise _submit_interrupted(used_key) from None
        except NotFound as error:
            raise error.with_(hint=error.hint or "`fluxbase-jobs functions` lists the functions, for admins") from None
        return _submitted(client, submitted, output, common, wait=wait, follow=follow)


def _submit_interrupted(key: str | None) -> Interrupted:
    """A Ctrl-C before the server's answer: how to learn what became of the job."""
    how = f"give the same command again with --key {key}: it gives the same job" if key else "look for it with `fluxbase-jobs list`"
    return Interrupted("interrupted: the job may have been submitted", f"  {how}")


def _submitted(client: FluxbaseClient, job: Job, output: Output, common: Common, *, wait: bool, follow: bool) -> int:
    """Print the id of a job that was queued, or wait for its end."""
    _show_queued(job, output, "submitted", is_waited_for=wait or follow)
    return _after_queueing(client, [job.id], output, common, wait=wait, follow=follow)


def _show_queued(job: Job, output: Output, what: str, *, is_waited_for: bool) -> None:
    """Print the id of a job that was queued, on stderr where its result will be printed."""
    if output.is_json:
        if not is_waited_for:
            output.record(job.to_dict())
    elif is_waited_for:
        say(f"{what} {one_line(job.job_name)} {job.id}")
    else:
        output.show(job.id)


def _after_queueing(client: FluxbaseClient, ids: Sequence[str], output: Output, common: Common, *, wait: bool, follow: bool) -> int:
    """Wait for jobs that were queued where that is wanted, else say how."""
    if not ids:
        return 0
    if wait or follow:
        return wait_for(client, ids, Wait(output, common.wait_seconds, follow=follow))
    if is_terminal() and not output.is_json:
        say(f"wait for {'it' if len(ids) == 1 else 'them'}: fluxbase-jobs wait {' '.join(ids)}")
    return 0


def wait(*ids: Annotated[str, Parameter(name="ID")], follow: Flag = False, common: Common = _COMMON) -> int:
    """Wait for jobs, with a bar for each; exit with 0 completed, 1 failed, 3 cancelled, 4 timed out.

    Args:
        ids: the jobs; `-` reads ids, or what `list --json` prints, from stdin.
        follow: print the logs meanwhile.
    """
    found = ids_of(ids)
    with common.client(waits=True) as client:
        reach_server(client, found[0])
        return wait_for(client, found, Wait(Output(common.json), common.wait_seconds, follow=follow))


def watch(*ids: Annotated[str, Parameter(name="ID")], common: Common = _COMMON) -> int:
    """Print each change of jobs until they have ended, a line each; exit as `wait` does.

    Args:
        ids: the jobs; `-` reads ids from stdin.
    """
    output, found = Output(common.json), ids_of(ids)
    with common.client(waits=True) as client:
        reach_server(client, found[0])
        try:
            if len(found) == 1:
                changes = ((found[0], result) for result in client.jobs.watch(found[0], timeout=common.wait_seconds))
            else:
                changes = client.jobs.watch_many(found, timeout=common.wait_seconds)
            return worst({job_id: _watched(output, job_id, result) for job_id, result in changes}.values())  # of each job the last one
        except KeyboardInterrupt:
            raise interrupted(found, follow=False) from None


def _watched(output: Output, job_id: str, result: Result[Job]) -> int:
    """Print a change; the exit code if it is the last one."""
    if isinstance(result, Err):
        report(named(result.error, job_id), as_json=output.is_json)
        return code_of_error(result.error)
    _show_change(output, result.data)
    return code_of_job(result.data)


def _show_change(output: Output, job: Job) -> None:
    if output.is_json:
        output.record(job.to_dict())
    else:
        reached = 100 if job.succeeded else job.progress_percent
        percent = "" if reached is None else f"  {reached} %"
        message = job.error_message or ("" if job.is_terminal else job.progress_message) or ""  # the last report is no news of a job's end
        output.show(f"{job.id}  {one_line(job.status)}{percent}  {one_line(message)}".rstrip())
        _say_why_it_failed(job)


def _say_why_it_failed(job: Job) -> None:
    """Say how to learn why a job failed, where its status does not tell."""
    if how := why_it_failed(job):
        say(f"fluxbase-jobs: {how}")


def logs(
    job_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"), negative="", show_default=False)] = False,
    after: int = 0,
    common: Common = _COMMON,
) -> int:
    """Print a job's log.

    Args:
        job_id: the job; `-` reads its id from stdin.
        follow: print lines as they come until the job has ended; exit as `wait` does.
        after: only lines with a higher number than this.
    """
    output, found = Output(common.json), ids_of([job_id])
    if len(found) > 1:
        raise CommandError(
            f"logs takes one ID, and stdin has {len(found)}", "`fluxbase-jobs wait --follow -` prints the logs of several jobs"
        )
    (job_id,) = found
    with common.client(waits=follow) as client:
        if follow:
            reach_server(client, job_id)
            return wait_for(client, [job_id], Wait(output, common.wait_seconds, follow=True, results=False, after_line=after))
        lines = client.jobs.logs(job_id, after_line=after).unwrap()
        show_lines(output, lines)
        if not lines and not after and client.jobs.get(job_id).unwrap().is_terminal:
            say(f"fluxbase-jobs: {HIDDEN_LOG}")
    return 0


@Parameter(name="*")
@frozen
class Filters:
    """Which jobs to list."""

    status: JobStatus | None = None
    """Only jobs in this status."""
    name: str | None = None
    """Only jobs of this function."""
    namespace: str | None = None
    """Only jobs of this namespace."""
    created_by: str | None = None
    """Only jobs of this user: an id, or `me`."""
    worker: str | None = None
    """Only jobs that this worker ran, by its id; for admins."""
    results: Flag = False
    """Include the results in what --json prints."""
    limit: Annotated[int | None, Parameter(show_default=False)] = None
    """The maximum number of jobs; 20 if not given."""
    offset: int = 0
    """The number of jobs to skip."""
    all: Flag = False
    """All jobs, without a limit."""

    @property
    def most(self) -> int:
        """The maximum number of jobs."""
        return _LIMIT if self.limit is None else self.limit


_FILTERS: Final = Filters()


def list_(*, filters: Filters = _FILTERS, common: Common = _COMMON) -> int:
    """List jobs, the newest first."""
    if filters.worker is not None and filters.created_by is not None:
        raise CommandError("--worker and --created-by cannot be combined", "filter what --json prints by `created_by`")
    if filters.all and filters.limit is not None:
        raise CommandError("--all and --limit cannot be combined", "--all has no limit: leave out one of them")
    output = Output(common.json)
    with common.client() as client:
        found = _jobs_of_worker(client, filters) if filters.worker else _jobs_of_all(client, filters)
        if common.json:
            output.records(found)
            return 0
        jobs = [*found]
    show_jobs(output, jobs, shutil.get_terminal_size().columns)
    if is_terminal() and not filters.all and len(jobs) == filters.most:
        say(f"the newest {filters.most}; --limit or --all shows more")
    return 0


def _jobs_of_all(client: FluxbaseClient, wanted: Filters) -> Iterator[Job]:
    """The jobs that any user may list."""
    if wanted.all:
        pages = client.jobs.iterate(
            status=wanted.status,
            namespace=wanted.namespace,
            job_name=wanted.name,
            created_by=wanted.created_by,
            include_result=wanted.results,
        )
        return islice((result.unwrap() for result in pages), wanted.offset, None)
    listed = client.jobs.list(
        status=wanted.status,
        namespace=wanted.namespace,
        job_name=wanted.name,
        created_by=wanted.created_by,
        include_result=wanted.results,
        limit=wanted.most,
        offset=wanted.offset,
    )
    return iter(listed.unwrap())


def _jobs_of_worker(client: FluxbaseClient, wanted: Filters) -> Iterator[Job]:
    """The jobs of a worker, which only admins may ask for."""
    if wanted.all:
        pages = client.admin.jobs.iterate_jobs(
            status=wanted.status,
            namespace=wanted.namespace,
            job_name=wanted.name,
            worker_id=wanted.worker,
            include_result=wanted.results,
        )
        return islice((result.unwrap() for result in pages), wanted.offset, None)
    listed = client.admin.jobs.list_jobs(
        status=wanted.status,
        namespace=wanted.namespace,
        job_name=wanted.name,
        worker_id=wanted.worker,
        include_result=wanted.results,
        limit=wanted.most,
        offset=wanted.offset,
    )
    return iter(listed.unwrap())


def get(*ids: Annotated[str, Parameter(name="ID")], log: Flag = False, common: Common = _COMMON) -> int:
    """Show all of a job, its payload and result too.

    Args:
        ids: the jobs; `-` reads ids from stdin.
        log: show the log too.
    """
    output = Output(common.json)
    with common.client() as client:
        return for_each(ids_of(ids), output, lambda job_id: _show(output, client.jobs.get(job_id, include_logs=log)))


def _show(output: Output, read: Result[Job]) -> None:
    job = read.unwrap()
    if output.is_json:
        output.record(job.to_dict())
        return
    show_job(output, job)
    if job.logs:
        output.show(Text("log", "bold"))
        show_lines(output, job.logs)
    if read.meta.logs_error is not None:
        say(f"fluxbase-jobs: job {job.id}: its log cannot be read: {one_line(read.meta.logs_error.message)}")
    elif read.meta.logs_hidden and not job.logs:
        say(f"fluxbase-jobs: job {job.id}: {HIDDEN_LOG}")
    elif not job.logs:
        _say_why_it_failed(job)


def cancel(*ids: Annotated[str, Parameter(name="ID")], common: Common = _COMMON) -> int:
    """Cancel pending or running jobs.

    Args:
        ids: the jobs; `-` reads ids from stdin.
    """
    output = Output(common.json)
    with common.client() as client:
        return for_each(ids_of(ids), output, lambda job_id: done(output, client.jobs.cancel(job_id), job_id, "cancelled"))


def done(output: Output, result: Result[None], job_id: str, what: str) -> None:
    """Print what was done to a job. Raises the error where it was not."""
    result.unwrap()
    if output.is_json:
        output.record({"id": job_id, "status": what})
    else:
        output.show(f"{what} {job_id}")


def retry(*ids: Annotated[str, Parameter(name="ID")], wait: Flag = False, follow: Flag = False, common: Common = _COMMON) -> int:
    """Put failed jobs back into the queue, under the same ids.

    Args:
        ids: the jobs; `-` reads ids from stdin.
        wait: wait for their ends, as `submit` does.
        follow: print their logs meanwhile, and wait.
    """
    found = ids_of(ids)
    with common.client(waits=wait or follow) as client:
        return _queue_each(client, found, client.jobs.retry, common, what="queued again", wait=wait, follow=follow)


def resubmit(
    *ids: Annotated[str, Parameter(name="ID")],
    key: str | None = None,
    wait: Flag = False,
    follow: Flag = False,
    common: Common = _COMMON,
) -> int:
    """Queue new jobs like those that have ended, and print their ids.

    Args:
        ids: the jobs to submit again; `-` reads ids from stdin.
        key: an idempotency key, as for `submit`; for a single job.
        wait: wait for their ends, as `submit` does.
        follow: print their logs meanwhile, and wait.
    """
    found = ids_of(ids)
    if key is not None and len(found) > 1:
        raise CommandError("--key cannot be combined with several jobs", "one key stands for one job: leave it out, or give a single ID")
    with common.client(waits=wait or follow) as client:
        again = partial(client.jobs.resubmit, idempotency_key=key)
        return _queue_each(client, found, again, common, what="submitted", wait=wait, follow=follow)


def _queue_each(
    client: FluxbaseClient,
    ids: Sequence[str],
    queue: Callable[[str], Result[Job]],
    common: Common,
    *,
    what: str,
    wait: bool,
    follow: bool,
) -> int:
    """Queue a job for each id, and wait for those that were queued where that is wanted; a refused one is reported, and the others go on."""
    output, queued = Output(common.json), list[str]()

    def queue_one(job_id: str) -> None:
        job = queue(job_id).unwrap()
        queued.append(job.id)
        _show_queued(job, output, what, is_waited_for=wait or follow)

    refused = for_each(ids, output, queue_one)
    return worst([refused, _after_queueing(client, queued, output, common, wait=wait, follow=follow)])


def for_each(ids: Iterable[str], output: Output, act: Callable[[str], None]) -> int:
    """Do something for each job; an error is reported, and the others go on."""
    codes: list[int] = []
    for job_id in ids:
        try:
            act(job_id)
        except FluxbaseError as error:
            report(named(error, job_id), as_json=output.is_json)
            codes.append(code_of_error(error))
    return worst(codes)
