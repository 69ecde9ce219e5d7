"""`fluxbase_jobs.otel`: what the SDK's in-memory exporter receives of submits, waits and their requests, for both clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import fluxbase_jobs.otel
import pytest
from attrs import frozen
from fluxbase_jobs import FluxbaseClient, InvalidInput, RetryPolicy, ServerFailed, Submission
from fluxbase_jobs.testing import Server
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

SECRET: Final = "s3cret"


@frozen
class Recorded:
    """What was exported."""

    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader
    tracers: TracerProvider
    meters: MeterProvider

    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that have ended."""
        return self.exporter.get_finished_spans()

    def span(self) -> ReadableSpan:
        """The only span that has ended."""
        (span,) = self.spans()
        return span

    def metric(self, name: str) -> list[Any]:
        """The data points of a metric."""
        data = self.reader.get_metrics_data()
        assert data is not None
        metrics = [each for resource in data.resource_metrics for scope in resource.scope_metrics for each in scope.metrics]
        return [point for each in metrics if each.name == name for point in each.data.data_points]


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """Clients are instrumented for the length of a test."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    fluxbase_jobs.otel.instrument(tracer_provider=tracers, meter_provider=meters)
    yield Recorded(exporter, reader, tracers, meters)
    fluxbase_jobs.otel.uninstrument()
    meters.shutdown()
    tracers.shutdown()


@pytest.fixture
def emulated(connect: Connect, fluxbase_server: Server) -> FluxbaseClient:
    """A client of the emulator, without a socket."""
    transport = fluxbase_server.transport() if connect.style == "sync" else fluxbase_server.async_transport()
    return connect("http://emulator.test", fluxbase_server.service_key(), http_client=connect.http(transport=transport))


def test_the_exception_of_a_callback_is_told_by_its_class(connect: Connect, server: LocalServer, recorded: Recorded) -> None:
    """Its text may be a server's message, and its traceback has the idempotency key as a note."""
    server.answer(Answer(201, job(status="running")), Answer(200, job(status="running")))

    def refuse(_job: object) -> None:
        raise ServerFailed(SECRET)

    with pytest.raises(ServerFailed):
        connect(server.url, "key", realtime=False).jobs.run("resize", on_progress=refuse)

    span = recorded.span()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ServerFailed")
    assert (span.attributes or {})["error.type"] == "ServerFailed"
    assert SECRET not in span.to_json()


def test_submit_is_a_producer(connect: Connect, server: LocalServer, recorded: Recorded) -> None:
    """Its span has the function, the job and the request, and nothing of the payload."""
    server.answer(Answer(201, job(job_name="resize", status="pending")))

    connect(server.url, "key-" + SECRET).jobs.submit("resize", {"password": SECRET}).unwrap()

    span = recorded.span()
    assert (span.name, span.kind, span.status.status_code) == ("submit resize", SpanKind.PRODUCER, StatusCode.UNSET)
    assert span.attributes is not None
    assert span.attributes["messaging.message.id"] == JOB_ID
    assert span.attributes["messaging.destination.name"] == "resize"
    assert span.attributes["fluxbase.job.status"] == "pending"
    assert [(event.name, dict(event.attributes or {})) for event in span.events] == [
        ("request", {"http.request.method": "POST", "url.path": "/api/v1/jobs/submit", "http.response.status_code": 201})
    ]
    assert SECRET not in span.to_json()


def test_attempts_are_events(connect: Connect, server: LocalServer, recorded: Recorded) -> None:
    """Each request, and each pause before a retry."""
    server.answer(Answer(503, {"error": SECRET}), Answer(201, job()))

    connect(server.url, retry=RetryPolicy(attempts=2, first_delay=0.01)).jobs.submit("resize").unwrap()

    assert [event.name for event in recorded.span().events] == ["request", "retry", "request"]
    assert SECRET not in recorded.span().to_json()
    (retries,) = recorded.metric("fluxbase_jobs.retries")
    assert retries.value == 1
    assert sorted(point.attributes["http.response.status_code"] for point in recorded.metric("fluxbase_jobs.requests")) == [201, 503]


def test_an_error_is_the_status_of_the_span(connect: Connect, server: LocalServer, recorded: Recorded) -> None:
    """By its class; the server's text is not recorded."""
    server.answer(Answer(403, {"error": SECRET}))

    assert connect(server.url).jobs.submit("resize").error

    span = recorded.span()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes["error.type"] == "PermissionDenied"
    assert SECRET not in span.to_json()


def test_refused_arguments_have_a_span_too(connect: Connect, server: LocalServer, recorded: Recorded) -> None:
    """Without a request."""
    assert isinstance(connect(server.url).jobs.submit(3).error, InvalidInput)  # type: ignore[arg-type]

    span = recorded.span()
    assert (span.name, span.events) == ("submit", ())


def test_run_ends_with_the_job(emulated: FluxbaseClient, recorded: Recorded, fluxbase_server: Server) -> None:
    """One span from the submit to the end of the job, and its seconds in a histogram."""
    fluxbase_server.script("resize").complete({"ok": True})

    emulated.jobs.run("resize").unwrap()

    span = recorded.span()
    assert (span.name, span.kind) == ("run resize", SpanKind.PRODUCER)
    assert span.attributes is not None
    assert span.attributes["fluxbase.job.status"] == "completed"
    (waits,) = recorded.metric("fluxbase_jobs.wait.duration")
    assert (waits.count, dict(waits.attributes)) == (1, {"messaging.operation.name": "run"})


def test_a_failed_job_is_an_error(emulated: FluxbaseClient, recorded: Recorded, fluxbase_server: Server) -> None:
    """Its cause stays in the error; the span names the class and the job."""
    fluxbase_server.script("resize").fail(SECRET)
    submitted = emulated.jobs.submit("resize").unwrap()
    recorded.exporter.clear()

    assert emulated.jobs.run("resize").error

    span = recorded.span()
    assert span.attributes is not None
    assert (span.status.status_code, span.attributes["error.type"], span.attributes["fluxbase.job.status"]) == (
        StatusCode.ERROR,
        "JobFailed",
        "failed",
    )
    assert submitted.id != span.attributes["messaging.message.id"]
    assert SECRET not in span.to_json()


def test_wait_is_a_client(emulated: FluxbaseClient, recorded: Recorded, fluxbase_server: Server) -> None:
    """The polls are its events."""
    fluxbase_server.script("resize").complete({})
    submitted = emulated.jobs.submit("resize").unwrap()
    recorded.exporter.clear()

    emulated.jobs.wait(submitted).unwrap()

    span = recorded.span()
    assert (span.name, span.kind) == ("wait", SpanKind.CLIENT)
    assert span.attributes is not None
    assert span.attributes["messaging.message.id"] == submitted.id


def test_items_of_a_batch_are_children_of_the_caller_s_span(emulated: FluxbaseClient, recorded: Recorded, fluxbase_server: Server) -> None:
    """Also where threads submit them."""
    fluxbase_server.script("resize").complete({})
    tracer = recorded.tracers.get_tracer("test")

    with tracer.start_as_current_span("batch") as parent:
        assert all(result.ok for _, result in emulated.jobs.submit_many([("resize", {"n": n}) for n in range(5)]))

    children = [span for span in recorded.spans() if span.name == "submit resize"]
    assert len(children) == 5
    assert {span.parent and span.parent.span_id for span in children} == {parent.get_span_context().span_id}


def test_the_payload_carries_the_trace_where_that_is_asked(emulated: FluxbaseClient, recorded: Recorded, fluxbase_server: Server) -> None:
    """Under `traceparent`, in the form of W3C Trace Context."""
    fluxbase_server.script("resize").complete({})
    fluxbase_jobs.otel.instrument(tracer_provider=recorded.tracers, meter_provider=recorded.meters, carry="payload")

    submitted = emulated.jobs.submit("resize", {"width": 3}).unwrap()

    context = recorded.span().context
    assert context is not None
    assert submitted.payload == {"width": 3, "traceparent": f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"}


def test_the_key_carries_the_trace_where_that_is_asked(connect: Connect, server: LocalServer, recorded: Recorded) -> None:
    """As the idempotency key of the request."""
    server.answer(Answer(201, job()))
    fluxbase_jobs.otel.instrument(tracer_provider=recorded.tracers, meter_provider=recorded.meters, carry="idempotency_key")

    connect(server.url).jobs.submit("resize").unwrap()

    context = recorded.span().context
    assert context is not None
    assert server.requests[0].headers["idempotency-key"] == f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


@pytest.mark.parametrize("carry", ["payload", "idempotency_key"])
def test_a_submission_with_a_key_is_sent_unchanged(
    emulated: FluxbaseClient, recorded: Recorded, fluxbase_server: Server, carry: Any
) -> None:
    """Under its key the server expects the same request each time."""
    fluxbase_server.script("resize").complete({})
    fluxbase_jobs.otel.instrument(tracer_provider=recorded.tracers, meter_provider=recorded.meters, carry=carry)

    first, second = (emulated.jobs.submit("resize", {"width": 3}, idempotency_key="mine").unwrap() for _ in range(2))

    assert first.id == second.id
    assert first.payload == {"width": 3}


def test_a_refused_payload_is_still_refused(connect: Connect, server: LocalServer, recorded: Recorded) -> None:
    """By the verb, with its own words."""
    fluxbase_jobs.otel.instrument(tracer_provider=recorded.tracers, meter_provider=recorded.meters, carry="payload")

    assert isinstance(connect(server.url).jobs.submit("resize", {"n": float("nan")}).error, InvalidInput)
    assert server.requests == []


def test_other_verbs_have_no_span(connect: Connect, server: LocalServer, recorded: Recorded) -> None:
    """Their requests are counted, and are events of the caller's span."""
    server.answer(Answer(200, job()))
    tracer = recorded.tracers.get_tracer("test")

    with tracer.start_as_current_span("mine"):
        connect(server.url).jobs.get(JOB_ID).unwrap()

    assert [(span.name, [event.name for event in span.events]) for span in recorded.spans()] == [("mine", ["request"])]


def test_definitions_are_traced_like_verbs(emulated: FluxbaseClient, recorded: Recorded, fluxbase_server: Server) -> None:
    """Under the function's name."""
    fluxbase_server.script("resize").complete({"n": 3})

    emulated.jobs.define("resize", dict[str, int], dict[str, int]).run({}).unwrap()

    assert recorded.span().name == "run resize"


def test_nothing_is_recorded_after_uninstrument(emulated: FluxbaseClient, recorded: Recorded, fluxbase_server: Server) -> None:
    """Neither spans nor metrics."""
    fluxbase_server.script("resize").complete({})
    fluxbase_jobs.otel.uninstrument()

    assert all(result.ok for _, result in emulated.jobs.submit_many([Submission("resize")]))
    assert recorded.spans() == ()
    assert recorded.reader.get_metrics_data() is None


def test_another_carry_is_refused() -> None:
    """The error names the argument."""
    with pytest.raises(InvalidInput, match="carry"):
        fluxbase_jobs.otel.instrument(carry="header")  # type: ignore[arg-type]
