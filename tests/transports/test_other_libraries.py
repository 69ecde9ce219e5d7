"""Libraries around httpx: its successor as `http_client`, and those that mock, record and trace requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import httpcore
import httpx
import httpx2
import pytest
import respx
import vcr  # type: ignore[import-untyped]
from fluxbase_jobs import ConnectionFailed, FluxbaseClient, InvalidInput, InvalidResponse, NotFound, RequestTimeout
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_httpx import HTTPXMock

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect, Style

URL = "http://fluxbase.invalid"
PATH = f"/api/v1/jobs/{JOB_ID}"


def successor(connect: Connect, **settings: Any) -> Any:
    """A client of httpx2, in the test's style."""
    return connect.keep(httpx2.Client(**settings) if connect.style == "sync" else httpx2.AsyncClient(**settings))


def test_a_client_of_httpx2_is_taken(connect: Connect, server: LocalServer) -> None:
    """By its shape: it has the same methods, and errors of the same names."""
    server.answer(Answer(200, job()), Answer(404, {"error": "Job not found"}))

    client = connect(server.url, http_client=successor(connect))

    assert client.transport == "http_client"
    assert client.jobs.get(JOB_ID).unwrap().id == JOB_ID
    assert isinstance(client.jobs.get(JOB_ID).error, NotFound)
    assert server.requests[0].headers["user-agent"].startswith("fluxbase-jobs/")


def test_errors_of_httpx2_are_read_as_those_of_httpx(connect: Connect, server: LocalServer) -> None:
    """A timeout, its own timeout, a connection that breaks off, and a hook that refuses."""
    server.answer(
        Answer(200, delay=0.5), Answer(200, delay=0.5), Answer(fault="drop after reading"), Answer(404, {"error": "Job not found"})
    )

    async def refuse_async(response: Any) -> None:
        response.raise_for_status()

    def refuse(response: Any) -> None:
        response.raise_for_status()

    hook = refuse if connect.style == "sync" else refuse_async
    plain, own = connect(server.url, http_client=successor(connect)), connect(server.url, http_client=successor(connect, timeout=0.1))
    refusing = connect(server.url, http_client=successor(connect, event_hooks={"response": [hook]}))

    assert isinstance(plain.jobs.get(JOB_ID, timeout=0.1).error, RequestTimeout)
    assert isinstance(own.jobs.get(JOB_ID).error, RequestTimeout)
    assert isinstance(plain.jobs.get(JOB_ID).error, ConnectionFailed)
    assert isinstance(refusing.jobs.get(JOB_ID).error, NotFound)


@pytest.mark.parametrize("other", [object(), httpx.HTTPTransport(), 7, "httpx"])
def test_anything_else_is_refused(connect: Connect, other: Any) -> None:
    """Also a client of the other style."""
    wrong_style = httpx.AsyncClient() if connect.style == "sync" else httpx.Client()
    for given in (other, wrong_style):
        with pytest.raises(InvalidInput, match="http_client must be a httpx"):
            connect(URL, http_client=given)


@respx.mock
def test_respx_sees_the_default_transport(connect: Connect) -> None:
    """It hooks httpcore."""
    route = respx.get(f"{URL}{PATH}").mock(httpx.Response(200, json=job()))

    assert connect(URL).jobs.get(JOB_ID).unwrap().id == JOB_ID
    assert route.called


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch, style: Style) -> list[str]:
    """The targets of the requests that go through httpcore's method, which something has wrapped, as tracing does."""
    kind: Any = httpcore.HTTPConnection if style == "sync" else httpcore.AsyncHTTPConnection
    name = "handle_request" if style == "sync" else "handle_async_request"
    original, targets = getattr(kind, name), list[str]()

    def traced(connection: Any, request: httpcore.Request) -> Any:
        targets.append(request.url.target.decode())
        return original(connection, request)

    monkeypatch.setattr(kind, name, traced)
    return targets


def test_what_wraps_httpcore_sees_the_default_transport(connect: Connect, server: LocalServer, traced: list[str]) -> None:
    """Requests are sent as ever, within their bounds."""
    server.answer(Answer(200, job()), Answer(500, b"x" * 2**21), Answer(200, job(), delay=2.0))
    client = connect(server.url, retry=None)

    assert client.jobs.get(JOB_ID).unwrap().id == JOB_ID
    assert isinstance(client.jobs.get(JOB_ID).error, InvalidResponse)
    assert isinstance(client.jobs.get(JOB_ID, timeout=0.1).error, RequestTimeout)
    assert traced == [PATH] * 3


def test_pytest_httpx_sees_a_given_client(connect: Connect, httpx_mock: HTTPXMock) -> None:
    """It hooks httpx's transports."""
    httpx_mock.add_response(url=f"{URL}{PATH}", json=job())

    assert connect(URL, http_client=connect.http()).jobs.get(JOB_ID).unwrap().id == JOB_ID


def test_vcrpy_records_and_replays_a_given_client(connect: Connect, server: LocalServer, tmp_path: Path) -> None:
    """The second run needs no server."""
    server.answer(Answer(200, job()))
    recorder = cast("Any", vcr).VCR(cassette_library_dir=str(tmp_path), filter_headers=["authorization"])

    for _ in range(2):
        with recorder.use_cassette("job.yaml"):
            assert connect(server.url, "eyJ.a-token", http_client=connect.http()).jobs.get(JOB_ID).unwrap().id == JOB_ID

    assert len(server.requests) == 1


def test_opentelemetry_traces_a_given_client(server: LocalServer) -> None:
    """A span for each request."""
    server.answer(Answer(200, job()))
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))

    with httpx.Client() as http, FluxbaseClient(server.url, http_client=http) as client:
        HTTPXClientInstrumentor.instrument_client(http, tracer_provider=provider)
        client.jobs.get(JOB_ID).unwrap()

    assert [span.name for span in spans.get_finished_spans()] == ["GET"]
    assert "traceparent" in server.requests[0].headers
