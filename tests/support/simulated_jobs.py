"""Jobs on the fake clock: a server function for `FakeDriver` with given states over time, and with delayed logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, TypeAlias

from attrs import define, evolve, field, frozen
from fluxbase_jobs import FluxbaseError, Job, PollPolicy, Result
from fluxbase_jobs._context.call_context import ClientSettings
from fluxbase_jobs._plans.exchange.call import call
from fluxbase_jobs._plans.exchange.steps import Plan
from fluxbase_jobs._plans.logs import logs
from fluxbase_jobs._plans.polling import WaitOptions
from fluxbase_jobs._plans.wait import wait
from fluxbase_jobs._realtime.subscriptions import HeardLines
from fluxbase_jobs._transports.messages import RawResponse
from fluxbase_jobs.models.jobs import LogLine
from msgspec import convert

from tests.support.fake_driver import EPOCH, Clock, FakeDriver, ReceivedRequest, Server, at, reply, settings
from tests.support.sample_responses import JOB_ID, job

Life: TypeAlias = Sequence[tuple[float, Mapping[str, Any]]]
"""The fields of a job from each second on; later changes are merged over earlier ones."""

BODY: Mapping[str, Any] = job(job_name="resize")
PENDING: Mapping[str, Any] = {"status": "pending", "result": None, "worker_id": None, "started_at": None, "completed_at": None}
RUNNING: Mapping[str, Any] = {**PENDING, "status": "running"}


def progress(percent: int) -> dict[str, Any]:
    """The fields of a running job after a progress report."""
    return {"status": "running", "progress": f'{{"percent": {percent}}}', "progress_percent": percent}


def life(queued: float = 0.0, ran: float = 0.0, end: str = "completed", **last: Any) -> Life:
    """The life of a job that is queued for some seconds and then runs for some seconds."""
    ended = {"status": end, "completed_at": at(queued + ran), **last}
    return [(0.0, PENDING), (queued, {**RUNNING, "started_at": at(queued)}), (queued + ran, ended)]


FOREVER: Life = [(0.0, {**RUNNING, "started_at": at(0)})]


@frozen
class Line:
    """A log line."""

    number: int
    message: str
    written: float
    """When the job wrote it; the server shows it `lag` seconds later."""
    level: str = "info"
    lag: float = 1.0

    def body(self) -> dict[str, Any]:
        """The line as JSON object."""
        shown = {"timestamp": at(self.written), "category": "execution", "level": self.level, "message": self.message}
        return {"id": f"{self.number}@{self.written}", "line_number": self.number, **shown}


@define
class FakeJobs:
    """The server: jobs by id, newest first, and one log for all of them."""

    lives: dict[str, Life]
    lines: Sequence[Line] = ()
    faults: list[tuple[float, float, RawResponse | FluxbaseError]] = field(factory=list[tuple[float, float, RawResponse | FluxbaseError]])
    """Start, end and error of each period in which all requests fail."""

    def __call__(self, request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        """Respond to a request."""
        faults = (fault for start, end, fault in self.faults if start <= clock.seconds < end)
        return next(faults, None) or self._answer(request, clock)

    def _answer(self, request: ReceivedRequest, clock: Clock) -> RawResponse:
        match request.method, request.path.split("/")[4:]:
            case "GET", []:
                return self._page(request.query, clock)
            case "POST", ["submit"]:
                return reply(201, self._job(next(iter(self.lives)), clock))
            case "POST", [_, "cancel"]:
                return reply(200, {"message": "Job cancelled"})
            case "GET", [_, "logs"]:
                return reply(200, self._log(int(request.query.get("after_line", 0)), clock))
            case "GET", [job_id] if job_id in self.lives:
                return reply(200, self._job(job_id, clock))
            case _:
                return reply(404, {"error": "Job not found"})

    def _page(self, query: Mapping[str, Any], clock: Clock) -> RawResponse:
        start, size = int(query.get("offset", 0)), int(query["limit"])
        left_out = {"payload"} if query.get("include_result") == "true" else {"payload", "result"}
        shown = [self._job(job_id, clock) for job_id in [*self.lives][start : start + size]]
        return reply(200, {"jobs": [{key: each[key] for key in each.keys() - left_out} for each in shown] or None})

    def _job(self, job_id: str, clock: Clock) -> dict[str, Any]:
        shown = {**BODY, "id": job_id}
        for since, changes in self.lives[job_id]:
            if since <= clock.seconds:
                shown |= changes
        return {key: value for key, value in shown.items() if value is not None}

    def _log(self, after: int, clock: Clock) -> dict[str, Any]:
        lines = [line for line in self.lines if line.written + line.lag <= clock.seconds and line.number > after]
        return {"logs": [line.body() for line in sorted(lines, key=lambda line: line.number)] or None, "count": len(lines)}


def one_job(life: Life, *lines: Line) -> FakeJobs:
    """A server with one job and its log lines."""
    return FakeJobs({JOB_ID: life}, lines)


def down(server: FakeJobs, start: float, end: float, fault: RawResponse | FluxbaseError) -> Server:
    """Make the server fail for a period."""
    server.faults.append((start, end, fault))
    return server


def dated(server: Server) -> Server:
    """Make the server tell its time in each response, as real ones do."""

    def answer(request: ReceivedRequest, clock: Clock) -> RawResponse | FluxbaseError:
        answered, told = server(request, clock), format_datetime(EPOCH + timedelta(seconds=clock.seconds), usegmt=True)
        return evolve(answered, headers={**answered.headers, "date": told}) if isinstance(answered, RawResponse) else answered

    return answer


def waiting(
    timeout: float = 900.0,
    *,
    of: ClientSettings | None = None,
    poll: Any = None,
    on_progress: Any = None,
    cancels: object = False,
    cancels_on_exit: bool = False,
    retry: Any = None,
) -> Plan[Result[Job]]:
    """The plan that waits for the job of `one_job`."""
    options = WaitOptions(
        timeout=timeout,
        poll=poll or PollPolicy(),
        on_progress=on_progress,
        cancel_on_timeout=cancels,  # type: ignore[arg-type]  # tests pass wrong types too
        cancel_on_exit=cancels_on_exit,
    )
    return call(wait, of or settings(), {} if retry is None else retry, JOB_ID, options)


class Heard:
    """A hub that only holds lines that came over the WebSocket."""

    def __init__(self, *lines: Line) -> None:
        self.heard = HeardLines()
        for line in lines:
            self.heard.add(JOB_ID, convert(line.body(), LogLine))

    def subscribe(self, *_: object, **__: object) -> None:
        """There is no socket."""


def hearing(*lines: Line) -> ClientSettings:
    """A client that heard these lines."""
    client = settings()
    client.memory.hub = Heard(*lines)
    return client


def read_at(seconds: float, life: Life, *lines: Line, client: ClientSettings | None = None) -> tuple[Any, FakeDriver]:
    """The result of `logs`, called at this time."""
    driver = FakeDriver(dated(one_job(life, *lines)))
    driver.clock.pass_(seconds)
    return driver.run(call(logs, client or settings(), {}, JOB_ID, 0)), driver
