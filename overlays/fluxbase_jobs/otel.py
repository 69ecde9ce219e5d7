"""OpenTelemetry for the clients of this process: spans of submitted and awaited jobs, and metrics of requests.

It needs the extra: `pip install ".[otel]"` in a clone, `pip install "fluxbase-jobs[otel]"` once it is published.

    import fluxbase_jobs.otel

    fluxbase_jobs.otel.instrument()

Spans, by the conventions for messaging systems:

- `submit NAME`, `resubmit` and `run NAME`, of kind producer; `wait`, of kind client. `run` ends with the job, `submit` with the response.
- Each request is an event `request` of its span, each pause before a retry an event `retry`.
- An error is the span's status and its `error.type`; the job's id, status and namespace are attributes.

Metrics: `fluxbase_jobs.requests` and `fluxbase_jobs.retries` count, `fluxbase_jobs.wait.duration` has the seconds of `run` and `wait`.

No payload, result, key or message of a server is recorded.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeAlias

import msgspec
from attrs import evolve

from ._drivers.observer import observe
from ._operations.trace_context import carry as carry_by
from ._plans.exchange.steps import Pause, Send
from ._transports.messages import RawResponse, address
from ._validation.payload import encoded
from .errors import FluxbaseError, InvalidInput
from .models.inputs import Submission
from .models.jobs import Job
from .result import Err

try:
    from opentelemetry import metrics, trace
except ImportError as fault:
    raise ImportError(
        'fluxbase_jobs.otel needs OpenTelemetry: run pip install ".[otel]" in a clone, or pip install "fluxbase-jobs[otel]" once it is published'
    ) from fault

__all__ = ["TRACE_KEY", "Carry", "instrument", "traceparent", "uninstrument"]

Carry: TypeAlias = Literal["payload", "idempotency_key"]
TRACE_KEY: Final = "traceparent"
"""The key of the payload under which a job finds the trace, in the form of W3C Trace Context."""
_SCOPE: Final = "fluxbase_jobs"
_DESTINATION: Final = "messaging.destination.name"
_SYSTEM: Final = {"messaging.system": "fluxbase"}
_KINDS: Final = {
    "submit": trace.SpanKind.PRODUCER,
    "resubmit": trace.SpanKind.PRODUCER,
    "run": trace.SpanKind.PRODUCER,
    "wait": trace.SpanKind.CLIENT,
}
_WAITS: Final = frozenset({"run", "wait"})


def instrument(
    *, tracer_provider: trace.TracerProvider | None = None, meter_provider: metrics.MeterProvider | None = None, carry: Carry | None = None
) -> None:
    """Record spans and metrics of every client of this process from now on. A second call replaces the first.

    Args:
        tracer_provider: where spans go; None: OpenTelemetry's global one.
        meter_provider: where metrics go; None: OpenTelemetry's global one.
        carry: how a submitted job learns of the trace: "payload" adds `traceparent` to its payload, "idempotency_key" uses it as the key.
            A submission with an idempotency key (also by `batch_key`) is sent unchanged, as the server expects the same request under
            the same key. None: jobs do not learn of it.

    Raises:
        InvalidInput: `carry` is something else.
    """
    carriers = {None: None, "payload": _in_payload, "idempotency_key": _in_key}
    if carry not in carriers:
        raise InvalidInput('carry must be "payload", "idempotency_key" or None')
    carry_by(carriers[carry])
    observe(_Recorder(trace.get_tracer(_SCOPE, tracer_provider=tracer_provider), metrics.get_meter(_SCOPE, meter_provider=meter_provider)))


def uninstrument() -> None:
    """Record nothing any more."""
    observe(None)
    carry_by(None)


def traceparent() -> str | None:
    """The current span in the form of W3C Trace Context, to be given to a job by hand; None where there is no span."""
    span = trace.get_current_span().get_span_context()
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}" if span.is_valid else None


def _in_payload(submission: Submission) -> Submission:
    """The submission with the trace in its payload, where that has no such key. A payload that is refused is left to `submit`."""
    parent = traceparent()
    if parent is None:
        return submission
    try:
        payload: dict[str, Any] = msgspec.json.decode(encoded(submission.payload) or b"{}")
    except (InvalidInput, RecursionError):
        return submission
    return evolve(submission, payload={TRACE_KEY: parent, **payload})


def _in_key(submission: Submission) -> Submission:
    return evolve(submission, idempotency_key=traceparent())


class _Recorder:
    """Turns calls into spans, and requests into events and metrics."""

    def __init__(self, tracer: trace.Tracer, meter: metrics.Meter) -> None:
        self._tracer = tracer
        self._requests = meter.create_counter("fluxbase_jobs.requests", "{request}", "Requests sent to the server")
        self._retries = meter.create_counter("fluxbase_jobs.retries", "{retry}", "Pauses before a retry")
        self._waits = meter.create_histogram("fluxbase_jobs.wait.duration", "s", "Seconds that run and wait took")

    @contextmanager
    def call(self, verb: str, arguments: tuple[Any, ...]) -> Generator[_Call]:
        """A span for the verbs that have one."""
        if verb not in _KINDS:
            yield _Call()
            return
        name, attributes = _described(verb, arguments)
        begin = time.monotonic()
        with self._tracer.start_as_current_span(
            name, kind=_KINDS[verb], attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            call = _Call(span)
            try:
                yield call
            except BaseException as interruption:
                call.failed(type(interruption).__name__)  # its text may quote a server or a key
                raise
        if verb in _WAITS:
            self._waits.record(time.monotonic() - begin, {"messaging.operation.name": verb, **call.outcome})

    def sent(self, step: Send, outcome: RawResponse | FluxbaseError) -> None:
        """An event of the current span, and one more request."""
        method = str(step.request["method"]).upper()
        came = (
            {"error.type": type(outcome).__name__} if isinstance(outcome, FluxbaseError) else {"http.response.status_code": outcome.status}
        )
        self._requests.add(1, {"http.request.method": method, **came})
        trace.get_current_span().add_event("request", {"http.request.method": method, "url.path": address(step.request)[1], **came})

    def retrying(self, step: Pause) -> None:
        """An event of the current span, and one more retry."""
        self._retries.add(1)
        trace.get_current_span().add_event("retry", {"seconds": step.seconds})


class _Call:
    """A call, and its span where it has one."""

    def __init__(self, span: trace.Span = trace.INVALID_SPAN) -> None:
        self._span = span
        self.outcome: dict[str, str] = {}

    def ended(self, result: Any) -> None:
        """Note the job and the error of a result; its data is not looked at for anything else."""
        job = result.data if isinstance(result.data, Job) else getattr(result.error, "job", None)
        if isinstance(job, Job):
            self._span.set_attributes(_of_job(job))
        if isinstance(result, Err):
            self.failed(type(result.error).__name__)

    def failed(self, kind: str) -> None:
        """Note the class of an error or an exception."""
        self.outcome = {"error.type": kind}
        self._span.set_attribute("error.type", kind)
        self._span.set_status(trace.StatusCode.ERROR, kind)


def _described(verb: str, arguments: tuple[Any, ...]) -> tuple[str, dict[str, str]]:
    """A span's name and first attributes: the function that a submission names, or the job that is waited for."""
    attributes = {**_SYSTEM, "messaging.operation.name": verb}
    submission = next((_submission(argument) for argument in arguments if _submission(argument)), None)
    if submission is not None:
        attributes |= _named(submission.job_name, submission.namespace)
        return f"{verb} {attributes.get(_DESTINATION, '')}".rstrip(), attributes
    job = next((argument for argument in arguments if isinstance(argument, Job)), None)
    return verb, attributes | ({} if job is None else _of_job(job))


def _submission(argument: object) -> Submission | None:
    """A submission, or the tuple of name and payload that stands for one in a batch."""
    if isinstance(argument, tuple) and argument and isinstance(argument[0], str):
        return Submission(argument[0])
    return argument if isinstance(argument, Submission) else None


def _of_job(job: Job) -> dict[str, str]:
    return {"messaging.message.id": job.id, "fluxbase.job.status": job.status} | _named(job.job_name, job.namespace)


def _named(job_name: object, namespace: object) -> dict[str, str]:
    known = {_DESTINATION: job_name, "fluxbase.job.namespace": namespace}
    return {name: value for name, value in known.items() if isinstance(value, str)}
