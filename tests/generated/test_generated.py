"""The generated client by itself: it works as users of openapi-python-client expect, and keeps every response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from http import HTTPStatus
from types import ModuleType
from typing import Any, Final, TypeAlias

import httpx
import msgspec
import pytest
from fluxbase_jobs_client import AuthenticatedClient, Client, errors, models
from fluxbase_jobs_client.api.admin_jobs import delete_job_function, get_job_function, list_job_functions, sync_job_functions
from fluxbase_jobs_client.api.auth import sign_in
from fluxbase_jobs_client.api.jobs import cancel_job, get_job, get_job_logs, list_jobs, retry_job, submit_job
from fluxbase_jobs_client.types import UNSET

from tests.support.sample_responses import JOB_ID, job, recorded
from tests.support.styles import Style
from tests.support.servers.local_server import Answer, LocalServer

Ask: TypeAlias = Callable[..., Any]

DEEP: Final = "[" * 100_000 + "]" * 100_000


@contextmanager
def asker(style: Style, client: Client | AuthenticatedClient) -> Generator[Ask]:
    """A function that calls an endpoint with this client and returns the detailed response; the client is closed at the end."""

    def ask(endpoint: ModuleType, *path: object, **given: object) -> Any:
        return endpoint.sync_detailed(*path, client=client, **given)

    def ask_on_the_loop(endpoint: ModuleType, *path: object, **given: object) -> Any:
        return runner.run(endpoint.asyncio_detailed(*path, client=client, **given))

    with asyncio.Runner() as runner:
        if style == "sync":
            with client:
                yield ask
        else:
            runner.run(client.__aenter__())
            try:
                yield ask_on_the_loop
            finally:
                runner.run(client.__aexit__(None, None, None))


@pytest.fixture
def ask(style: Style, server: LocalServer) -> Iterator[Ask]:
    """Calls the local server as a signed-in user."""
    with asker(style, AuthenticatedClient(server.url, "eyJ.a-token")) as ask:
        yield ask


def _told(scenario: str, label: str) -> Answer:
    exchange = recorded(scenario, label)
    return Answer(exchange.status, exchange.body, exchange.response_headers)


def test_endpoints_return_their_models(ask: Ask, server: LocalServer) -> None:
    """One client calls six endpoints."""
    server.answer(_told("lifecycle", "submit"), _told("lifecycle", "poll: completed"), _told("lifecycle", "list newest with result"))
    server.answer(_told("lifecycle", "logs"), _told("logs_while_running", "cancel while running"), _told("failures", "retry 1"))

    created = ask(submit_job, body=models.SubmitJobRequest(job_name="echo", payload={"b": 1})).parsed
    read = ask(get_job, created.id).parsed
    page = ask(list_jobs, limit=1, include_result=True).parsed
    logs = ask(get_job_logs, created.id, after_line=0).parsed
    messages = [ask(endpoint, created.id).parsed.message for endpoint in (cancel_job, retry_job)]

    path = f"/api/v1/jobs/{created.id}"
    expected_lines = ["POST /api/v1/jobs/submit", f"GET {path}", "GET /api/v1/jobs", f"GET {path}/logs", f"POST {path}/cancel", f"POST {path}/retry"]
    assert server.request_lines == expected_lines
    assert server.requests[2].query == {"limit": "1", "include_result": "true"}
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer eyJ.a-token"}
    assert [type(created), type(read), type(page.jobs[0]), type(logs.logs[0])] == [models.Job, models.Job, models.Job, models.LogEntry]
    assert [created.status, read.status, page.jobs[0].status, logs.count] == ["pending", "completed", "completed", 1]
    assert created.created_at == datetime(2026, 11, 23, 17, 44, 5, 109035, UTC)
    assert messages == ["Job cancelled", "Job requeued for retry"]


def test_response_without_body_is_not_parsed(ask: Ask, server: LocalServer) -> None:
    """A described 204."""
    server.answer(Answer(204))

    answered = ask(delete_job_function, "default", "echo")

    assert (answered.status_code, answered.parsed) == (HTTPStatus.NO_CONTENT, None)


@pytest.mark.parametrize(("body", "read"), [("[]", []), ("null", None)])
def test_null_list_is_parsed_as_none(ask: Ask, server: LocalServer, body: str, read: list[object] | None) -> None:
    """The server sends null if it has no functions."""
    server.answer(Answer(200, body))

    assert ask(list_job_functions).parsed == read


def test_client_options_are_sent(style: Style, server: LocalServer) -> None:
    """Base path, headers, cookies, redirects and httpx arguments work as in any client of this generator, and so do the `with_` methods."""
    server.answer(Answer(307, headers={"location": "/elsewhere"}), Answer(200, job()))
    client = Client(
        base_url=f"{server.url}/base",
        headers={"x-a": "1"},
        cookies={"c": "2"},
        timeout=httpx.Timeout(5),
        verify_ssl=False,
        follow_redirects=True,
        httpx_args={"params": {"p": "5"}},
    )
    with asker(style, client.with_headers({"x-b": "3"}).with_cookies({"d": "4"})) as ask:
        assert ask(get_job, JOB_ID).parsed.id == JOB_ID

    assert server.request_lines == [f"GET /base/api/v1/jobs/{JOB_ID}", "GET /elsewhere"]
    sent = server.requests[0]
    assert sent.query == {"p": "5"}
    assert (sent.headers["x-a"], sent.headers["x-b"], sent.headers["cookie"]) == ("1", "3", "c=2; d=4")
    assert "authorization" not in sent.headers


def test_with_timeout_limits_a_request(style: Style, server: LocalServer) -> None:
    """A request without a response ends."""
    server.answer(Answer(200, job(), delay=0.5))

    with asker(style, Client(server.url).with_timeout(httpx.Timeout(0.05))) as ask, pytest.raises(httpx.ReadTimeout):
        ask(get_job, JOB_ID)


def test_token_header_is_configurable(style: Style, server: LocalServer) -> None:
    """With `prefix` and `auth_header_name`, the token is sent as a service key."""
    server.answer(Answer(200, job()))
    with asker(style, AuthenticatedClient(server.url, "sk_1", prefix="", auth_header_name="X-Service-Key")) as ask:
        ask(get_job, JOB_ID)

    assert server.requests[0].headers["x-service-key"] == "sk_1"
    assert "authorization" not in server.requests[0].headers


def test_set_httpx_client_is_used(server: LocalServer) -> None:
    """The requests go through the user's own client."""
    server.answer(Answer(200, job()))
    with httpx.Client(base_url=server.url, headers={"x-own": "yes"}) as own:
        assert get_job.sync(JOB_ID, client=AuthenticatedClient("http://unused", "t").set_httpx_client(own)) is not None

    assert server.requests[0].headers["x-own"] == "yes"


@pytest.mark.parametrize(("status", "kind"), [(200, HTTPStatus), (404, HTTPStatus), (502, HTTPStatus), (499, int), (520, int)])
def test_unknown_status_stays_an_integer(ask: Ask, server: LocalServer, status: int, kind: type[int]) -> None:
    """A known status is an HTTPStatus; other statuses do not raise."""
    server.answer(Answer(status))

    answered = ask(get_job, JOB_ID).status_code

    assert answered == status
    assert type(answered) is kind


UNDESCRIBED: Final[list[tuple[int, Any]]] = [
    (500, "<html>Internal Server Error</html>"),
    (502, "<html>Bad Gateway</html>"),
    (520, ""),
    (418, '{"error": "no"}'),
    (204, ""),
]
UNREADABLE: Final[list[tuple[int, Any]]] = [
    (503, "<html>Service Unavailable</html>"),
    (200, ""),
    (200, "[]"),
    (200, "{}"),
    (200, "null"),
    (200, '{"id": "7'),
    (200, b'{"id": "\xff"}'),
    (200, {**job(), "priority": "high"}),
    (200, {**job(), "created_at": "2030-01-02T03:04:05"}),
    (200, f'{{"more": {DEEP}}}'),
    (404, f'{{"error": "no", "details": {DEEP}}}'),
    (404, '{"error": "no", "details": 1e999}'),
    (404, '{"error": "\\ud800"}'),
    (404, b'{"error": "\xff"}'),
]


def _shown(value: object) -> str:
    return str(value)[:40]


@pytest.mark.parametrize(("status", "body"), UNDESCRIBED + UNREADABLE, ids=_shown)
def test_unreadable_response_is_kept(ask: Ask, server: LocalServer, status: int, body: object) -> None:
    """Nothing is parsed; status, headers and content are there."""
    answer = Answer(status, body, {"retry-after": "3"})
    server.answer(answer)

    answered = ask(get_job, JOB_ID)

    assert answered.parsed is None
    assert (answered.status_code, answered.headers["Retry-After"], answered.content) == (status, "3", answer.content())


@pytest.mark.parametrize(("status", "body"), UNDESCRIBED, ids=_shown)
def test_raise_on_unexpected_status(style: Style, server: LocalServer, status: int, body: str) -> None:
    """UnexpectedStatus has status and content."""
    server.answer(Answer(status, body))

    with asker(style, Client(server.url, raise_on_unexpected_status=True)) as ask, pytest.raises(errors.UnexpectedStatus) as raised:
        ask(get_job, JOB_ID)

    assert (raised.value.status_code, raised.value.content) == (status, body.encode())


@pytest.mark.parametrize(("status", "body"), UNREADABLE, ids=_shown)
def test_raise_on_unreadable_body(style: Style, server: LocalServer, status: int, body: object) -> None:
    """For a described status it is msgspec's error."""
    server.answer(Answer(status, body))

    with asker(style, Client(server.url, raise_on_unexpected_status=True)) as ask, pytest.raises(msgspec.DecodeError):
        ask(get_job, JOB_ID)


def test_described_errors_do_not_raise(style: Style, server: LocalServer) -> None:
    """A described error is a response like any other."""
    server.answer(_told("ids", "get e38b0dbd-9a29-420a-ab84-5d0a6a06632a"))

    with asker(style, Client(server.url, raise_on_unexpected_status=True)) as ask:
        assert ask(get_job, JOB_ID).parsed == models.Error(error="Job not found")


JSON: Final = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("endpoint", "given", "built"),
    [
        (get_job, {"job_id": "7"}, {"method": "get", "url": "/api/v1/jobs/7", "headers": {}}),
        (list_jobs, {}, {"method": "get", "url": "/api/v1/jobs", "params": {}, "headers": {}}),
        (
            list_jobs,
            {"status": UNSET, "job_name": None, "include_result": True, "limit": 2, "x_request_id": "r"},
            {"method": "get", "url": "/api/v1/jobs", "params": {"include_result": True, "limit": 2}, "headers": {"X-Request-ID": "r"}},
        ),
        (
            cancel_job,
            {"job_id": "7", "idempotency_key": "k"},
            {"method": "post", "url": "/api/v1/jobs/7/cancel", "headers": {"Idempotency-Key": "k"}},
        ),
        (
            submit_job,
            {"body": models.SubmitJobRequest(job_name="echo")},
            {"method": "post", "url": "/api/v1/jobs/submit", "content": b'{"job_name":"echo"}', "headers": JSON},
        ),
    ],
)
def test_build_request_sends_nothing(endpoint: ModuleType, given: dict[str, Any], built: dict[str, Any]) -> None:
    """It returns the arguments for httpx, without the parameters that are not given."""
    assert endpoint.build_request(**given) == built
    assert endpoint.build_request(**given) == built


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"namespace": None, "priority": 0}, '"priority":0'),
        ({"payload": {}}, '"payload":{}'),
        ({"payload": {"a": None, "b": [None, {"ü": None}]}}, '"payload":{"a":null,"b":[null,{"ü":null}]}'),
        ({"on_behalf_of": models.OnBehalfOf(user_id="7")}, '"on_behalf_of":{"user_id":"7"}'),
        ({"scheduled_at": datetime(2030, 1, 2, tzinfo=UTC)}, '"scheduled_at":"2030-01-02T00:00:00Z"'),
        (
            {"scheduled_at": datetime(2030, 1, 2, 3, 4, 5, 6, timezone(timedelta(hours=-2)))},
            '"scheduled_at":"2030-01-02T03:04:05.000006-02:00"',
        ),
    ],
)
def test_body_omits_none(given: dict[str, Any], sent: str) -> None:
    """Nulls within the payload are kept; times keep their offset."""
    request = submit_job.build_request(body=models.SubmitJobRequest(job_name="echo", **given))

    assert request["content"].decode() == f'{{"job_name":"echo",{sent}}}'


def test_body_omits_none_in_lists_of_models() -> None:
    """At any depth."""
    body = models.SyncRequest(jobs=[models.SyncFunction(name="a", code="b", require_roles=[])], options=models.SyncOptions(dry_run=False))

    request = sync_job_functions.build_request(body=body)

    assert request["content"] == b'{"jobs":[{"name":"a","code":"b","require_roles":[]}],"options":{"dry_run":false}}'


@pytest.mark.parametrize("text", ["../", "../../health", "a b", "grün 🚀", "a/b?c=d#e", "%2e%2e%2f", "{7}", "urn:uuid:7"])
def test_path_parameter_is_one_segment(ask: Ask, server: LocalServer, text: str) -> None:
    """No name leads to another route."""
    ask(get_job_function, text, "echo")

    target = httpx.URL(server.requests[0].target)
    assert target.raw_path.count(b"/") == "/api/v1/admin/jobs/functions/namespace/echo".count("/")
    assert target.path == f"/api/v1/admin/jobs/functions/{text}/echo"


@pytest.mark.parametrize("text", [".", "..", ""])
def test_invalid_path_parameter_is_not_sent(ask: Ask, server: LocalServer, text: str) -> None:
    """Dots and empty strings would reach another route."""
    with suppress(ValueError):
        ask(get_job, text)

    assert server.request_lines == []


def test_repr_of_a_response_hides_secrets(ask: Ask, server: LocalServer) -> None:
    """A printed sign-in response shows no token: neither parsed, nor in its content or headers."""
    server.answer(_told("auth_tokens", "signin"))

    answered = ask(sign_in, body=models.SignInRequest(email="ada@example.com", password="correct horse"))

    assert answered.parsed.access_token == "<jwt-6>"
    assert "<jwt-" not in repr(answered)


@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
def test_repr_of_a_client_shows_no_credential(used: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Neither the token nor what may carry one, also after the client has put the token among its headers."""
    client = AuthenticatedClient(
        "http://x.test",
        "the-secret",
        headers={"X-Client-Key": "the-secret"},
        cookies={"session": "the-secret"},
        httpx_args={"auth": ("user", "the-secret")},
    )
    if used:
        client.get_httpx_client().close()

    assert "http://x.test" in repr(client)
    assert "the-secret" not in repr(client)
    assert "the-secret" not in repr(Client("http://x.test", headers={"X-Client-Key": "the-secret"}))


def test_a_client_waits_for_a_limited_time() -> None:
    """Without a timeout of one's own an answer has 30 seconds; None still means no limit."""
    with AuthenticatedClient("http://x.test", "a-token") as client:
        assert client.get_httpx_client().timeout == httpx.Timeout(30.0, connect=5.0)
    with Client("http://x.test", timeout=None) as unlimited:
        assert unlimited.get_httpx_client().timeout == httpx.Timeout(None)
