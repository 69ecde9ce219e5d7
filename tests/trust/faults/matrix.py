"""The matrix: every verb against every behaviour, and the rules that each cell must keep."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import fluxbase_jobs
from attrs import field, frozen
from fluxbase_jobs import Err, FluxbaseClient, FluxbaseError, Job, Ok, PollPolicy, Result, RetryPolicy

from tests.support.sample_responses import JOB_ID
from tests.support.styles import Connect
from tests.trust.faults.behaviours import OF_THE_SAME_NAME, TLS, UNVERIFIED, Case
from tests.trust.faults.server import SECRET, MisbehavingServer

RETRY: Final = RetryPolicy(attempts=3, first_delay=0.005, max_delay=0.02, total=2.0)
POLL: Final = PollPolicy(initial=0.02, maximum=0.05)
TIMEOUT: Final = 0.2
"""Seconds for one request."""
WAIT: Final = 0.4
"""Seconds for what waits."""
REFRESH_SECONDS: Final = 30.0
"""Seconds for a refresh, which is never given up sooner: the server spends its token when it reads the request."""
SLACK: Final = 3.0
"""Seconds for a busy machine."""
TRANSPORTS: Final = ("httpcore", "pyreqwest", "http_client")
STYLES: Final = ("sync", "async")
DOCUMENTED: Final = tuple(
    kind for name in dir(fluxbase_jobs) if isinstance(kind := getattr(fluxbase_jobs, name), type) and issubclass(kind, FluxbaseError)
)


@frozen
class Verb:
    """One verb."""

    call: Callable[[FluxbaseClient], list[Result[Any]]]
    seconds: float
    """When it must have ended, without the slack."""
    submits: int = 0
    """How many jobs it submits."""
    key: str = SECRET
    options: Mapping[str, Any] = field(factory=dict[str, Any])
    """More options of the client."""


def _one(call: Callable[[FluxbaseClient], Result[Any]]) -> Callable[[FluxbaseClient], list[Result[Any]]]:
    return lambda client: [call(client)]


def _single(call: Callable[[FluxbaseClient], Result[Any]], submits: int = 0, exchanges: int = 1) -> Verb:
    return Verb(_one(call), exchanges * RETRY.total, submits)


EXPIRED: Final = "e30." + b64encode(b'{"exp": 1}').decode().rstrip("=") + ".e30"
"""A key whose time is over, so that a refresh comes first."""
VERBS: Final[dict[str, Verb]] = {
    "get": _single(lambda client: client.jobs.get(JOB_ID)),
    "get with log": _single(lambda client: client.jobs.get(JOB_ID, include_logs=True)),
    "get after a refresh": Verb(
        _one(lambda client: client.jobs.get(JOB_ID)), RETRY.total + REFRESH_SECONDS, key=EXPIRED, options={"refresh_token": SECRET}
    ),
    "list": _single(lambda client: client.jobs.list()),
    "list, filtered": _single(lambda client: client.jobs.list(namespace="default")),
    "iterate": Verb(lambda client: list(client.jobs.iterate()), 2 * RETRY.total),
    "logs": _single(lambda client: client.jobs.logs(JOB_ID)),
    "submit": _single(lambda client: client.jobs.submit("echo", {"a": 1}), 1),
    "submit_many": Verb(
        lambda client: [each for _, each in client.jobs.submit_many([("echo", {"n": n}) for n in range(3)], batch_key="b")],
        6 * RETRY.total,
        3,
    ),
    "run": Verb(_one(lambda client: client.jobs.run("echo", {"a": 1}, timeout=WAIT, poll=POLL)), 2 * RETRY.total + WAIT, 1),
    "wait": Verb(_one(lambda client: client.jobs.wait(JOB_ID, timeout=WAIT, poll=POLL)), WAIT),
    "watch": Verb(lambda client: list(client.jobs.watch(JOB_ID, timeout=WAIT, poll=POLL)), WAIT),
    "tail": Verb(lambda client: list(client.jobs.tail(JOB_ID, timeout=WAIT)), WAIT),
    "wait_many": Verb(lambda client: [each for _, each in client.jobs.wait_many([JOB_ID], timeout=WAIT, poll=POLL)], WAIT),
    "cancel": _single(lambda client: client.jobs.cancel(JOB_ID)),
    "retry": _single(lambda client: client.jobs.retry(JOB_ID)),
    "resubmit": _single(lambda client: client.jobs.resubmit(JOB_ID), 1),
    "admin get": _single(lambda client: client.admin.jobs.get_job(JOB_ID)),
    "admin list": _single(lambda client: client.admin.jobs.list_jobs()),
    "admin terminate": _single(lambda client: client.admin.jobs.terminate(JOB_ID)),
    "admin resubmit": _single(lambda client: client.admin.jobs.resubmit(JOB_ID)),
    "admin stats": _single(lambda client: client.admin.jobs.get_stats()),
    "admin workers": _single(lambda client: client.admin.jobs.list_workers()),
    "admin namespaces": _single(lambda client: client.admin.jobs.list_namespaces()),
    "admin functions": _single(lambda client: client.admin.jobs.list_functions()),
    "admin function": _single(lambda client: client.admin.jobs.get_function("default", "echo")),
    "admin delete": _single(lambda client: client.admin.jobs.delete_function("default", "echo")),
    "admin sync": _single(lambda client: client.admin.jobs.sync([{"name": "a", "code": "b"}], namespace="reports")),
}
SIGN_IN: Final = "sign in"
NAMES: Final = (*VERBS, SIGN_IN)


@frozen
class Cell:
    """What came of one verb against one behaviour."""

    verb: str
    case: Case
    style: str
    transport: str
    persistent: bool
    """Whether every request was spoiled, or only the first."""
    outcome: str
    attempts: int
    seconds: float
    jobs: int
    """How many jobs the server holds afterwards."""
    broken: tuple[str, ...]
    """The rules that were not kept."""


@frozen
class Called:
    """What one call gave."""

    client: FluxbaseClient | None
    results: list[Result[Any]]
    raised: Exception | None
    seconds: float


def run_cell(connect: Connect, server: MisbehavingServer, verb: str, case: Case, *, persistent: bool) -> Cell:
    """Call the verb while the server misbehaves, and once more while it does not."""
    tls = case.group == TLS
    server.reset(case.act, before_reading=case.before_reading, tls=tls, times=None if persistent else 1)
    called = _call(connect, server, verb)
    broken = [*_broken(server, verb, called, persistent=persistent)]
    if case.name not in OF_THE_SAME_NAME:
        broken += _believed(server, verb, called.results)
    jobs = len(server.jobs)
    server.reset(tls=tls)
    if called.client is not None and (again := called.client.jobs.get(JOB_ID)).data is None:
        broken.append(f"the next call failed: {again.error!r}")
    last = called.results[-1] if called.results else None
    outcome = type(called.raised).__name__ if called.raised else "value" if last is None or last.ok else type(last.error).__name__
    attempts = max((each.meta.attempts for each in called.results), default=0)
    return Cell(verb, case, connect.style, connect.transport, persistent, outcome, attempts, round(called.seconds, 3), jobs, tuple(broken))


def kinds_of(connect: Connect, server: MisbehavingServer, verb: str) -> frozenset[str]:
    """The schemas of the objects in a verb's honest answers."""
    server.reset()
    _call(connect, server, verb)
    return frozenset(server.kinds)


def _call(connect: Connect, server: MisbehavingServer, verb: str) -> Called:
    started = time.monotonic()
    client, results, raised = None, list[Result[Any]](), None
    try:
        if verb == SIGN_IN:
            signed_in = connect.sign_in(server.url, "ada@example.com", SECRET, retry=RETRY, timeout=TIMEOUT)
            results = [Ok(None, signed_in.meta) if isinstance(signed_in, Ok) else signed_in]
        else:
            client = connect(server.url, VERBS[verb].key, retry=RETRY, timeout=TIMEOUT, realtime=False, **VERBS[verb].options)
            results = VERBS[verb].call(client)
    except Exception as error:  # noqa: BLE001  # that is the finding
        raised = error
    return Called(client, results, raised, time.monotonic() - started)


def _broken(server: MisbehavingServer, verb: str, called: Called, *, persistent: bool) -> Iterator[str]:
    """The rules that a cell does not keep."""
    plan = VERBS.get(verb, Verb(_one(lambda _: Ok(None)), RETRY.total))
    if called.raised is not None:
        yield f"raised {type(called.raised).__name__}: {str(called.raised)[:200]}"
    if called.seconds > plan.seconds + SLACK:
        yield f"took {called.seconds:.1f} s, beyond {plan.seconds:g} s"
    for result in called.results:
        yield from _wrong(result)
    if len(server.jobs) > plan.submits:
        yield f"{len(server.jobs)} jobs in place of {plan.submits}"
    found = [result.data for result in called.results if isinstance(result, Ok) and isinstance(result.data, Job)]
    if not plan.submits and verb not in {"iterate", "admin resubmit"} and any(job.id != JOB_ID for job in found):
        yield "another job's answer was believed"
    if not persistent and len(server.received) > 60:
        yield f"{len(server.received)} requests"


def _wrong(result: Result[Any]) -> Iterator[str]:
    """What no result should be, and no error should show."""
    if result.meta.status == UNVERIFIED:
        yield "a request was sent to a server without a valid certificate"
    if isinstance(result, Err):
        error = result.error
        if type(error) not in DOCUMENTED or type(error) is FluxbaseError:
            yield f"an undocumented error: {error!r}"
        if SECRET in f"{error} {error!r} {error.details!r} {error.hint}":
            yield "an error shows the key"
        if len(error.message) > 500:
            yield "a message without bound"


def _believed(server: MisbehavingServer, verb: str, results: list[Result[Any]]) -> Iterator[str]:
    """Whether a submit took for its own what is the job of another."""
    submits = VERBS[verb].submits if verb in VERBS else 0
    ids = [result.data.id for result in results if isinstance(result, Ok) and isinstance(result.data, Job)] if submits else []
    if len(set(ids)) != len(ids):
        yield "two items have one job"
    if any(job_id not in {job["id"] for job in server.jobs.values()} for job_id in ids):
        yield "a job that the server does not hold"
