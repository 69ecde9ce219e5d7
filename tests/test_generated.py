"""The generated client alone: what people know of openapi-python-client holds, and no answer of any server is lost."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from http import HTTPStatus
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType, NoneType
from typing import Any, Final, TypeAlias, get_args, get_origin

import attrs
import fluxbase_jobs_client
import httpx
import msgspec
import pytest
from fluxbase_jobs_client import AuthenticatedClient, Client, errors, models
from fluxbase_jobs_client.api.admin_jobs import get_job_function, sync_job_functions
from fluxbase_jobs_client.api.auth import sign_in
from fluxbase_jobs_client.api.jobs import cancel_job, get_job, get_job_logs, list_jobs, retry_job, submit_job
from fluxbase_jobs_client.types import UNSET, Response, Unset

from tests import openapi_document, recordings
from tests.answers import JOB_ID, job, recorded
from tests.colours import Colour
from tests.local_server import Answer, LocalServer

Ask: TypeAlias = Callable[..., Response[Any]]

DOCUMENT: Final = openapi_document.load()
DESCRIPTION: Final = openapi_document.Description(DOCUMENT, strict=False)
OPERATIONS: Final = {operation.name: operation for operation in DESCRIPTION.operations}
MODULES: Final = [import_module(found.name) for found in walk_packages(fluxbase_jobs_client.__path__, "fluxbase_jobs_client.")]
ENDPOINTS: Final = {module.__name__.rpartition(".")[2]: module for module in MODULES if hasattr(module, "build_request")}
MODELS: Final = {name: getattr(models, name) for name in models.__all__}
CLASSES: Final = {name: model for name, model in MODELS.items() if attrs.has(model)}
FORMS: Final = ("sync", "sync_detailed", "asyncio", "asyncio_detailed")
VALUES: Final = {"string": "a-text", "integer": 7, "boolean": True}
DEEP: Final = "[" * 100_000 + "]" * 100_000

every_endpoint = pytest.mark.parametrize("name", ENDPOINTS)


@contextmanager
def asking(colour: Colour, client: Client | AuthenticatedClient) -> Generator[Ask]:
    """A function that asks an endpoint through this client and returns the detailed answer; the client is closed at the end."""

    def ask(endpoint: ModuleType, *path: object, **given: object) -> Response[Any]:
        answered: Response[Any] = endpoint.sync_detailed(*path, client=client, **given)
        return answered

    def ask_on_the_loop(endpoint: ModuleType, *path: object, **given: object) -> Response[Any]:
        answered: Response[Any] = runner.run(endpoint.asyncio_detailed(*path, client=client, **given))
        return answered

    with asyncio.Runner() as runner:
        if colour == "sync":
            with client:
                yield ask
        else:
            try:
                yield ask_on_the_loop
            finally:
                runner.run(client.get_async_httpx_client().aclose())


@pytest.fixture
def ask(colour: Colour, server: LocalServer) -> Iterator[Ask]:
    """Asks the local server, as a signed-in user."""
    with asking(colour, AuthenticatedClient(server.url, "eyJ.a-token")) as ask:
        yield ask


def _told(scenario: str, label: str) -> Answer:
    exchange = recorded(scenario, label)
    return Answer(exchange.status, exchange.body, exchange.response_headers)


def test_each_operation_has_one_module() -> None:
    """The operations of openapi.yaml and the endpoint modules are the same, by name."""
    assert sorted(ENDPOINTS) == sorted(OPERATIONS)


def test_a_job_is_followed_from_submit_to_retry(ask: Ask, server: LocalServer) -> None:
    """One client asks six endpoints; each answers its model."""
    server.answer(_told("lifecycle", "submit"), _told("lifecycle", "poll: completed"), _told("lifecycle", "list newest with result"))
    server.answer(_told("lifecycle", "logs"), _told("logs_while_running", "cancel while running"), _told("failures", "retry 1"))

    created = ask(submit_job, body=models.SubmitJobRequest(job_name="echo", payload={"b": 1})).parsed
    read = ask(get_job, created.id).parsed
    page = ask(list_jobs, limit=1, include_result=True).parsed
    logs = ask(get_job_logs, created.id, after_line=0).parsed
    messages = [ask(endpoint, created.id).parsed.message for endpoint in (cancel_job, retry_job)]

    path = f"/api/v1/jobs/{created.id}"
    asked = ["POST /api/v1/jobs/submit", f"GET {path}", "GET /api/v1/jobs", f"GET {path}/logs", f"POST {path}/cancel", f"POST {path}/retry"]
    assert server.asked == asked
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer eyJ.a-token"}
    assert [type(created), type(read), type(page.jobs[0]), type(logs.logs[0])] == [models.Job, models.Job, models.Job, models.LogEntry]
    assert [created.status, read.status, page.jobs[0].status, logs.count] == ["pending", "completed", "completed", 1]
    assert created.created_at == datetime(2026, 11, 23, 17, 44, 5, 109035, UTC)
    assert messages == ["Job cancelled", "Job requeued for retry"]


def _in_form(form: str, client: AuthenticatedClient, endpoint: ModuleType, **given: object) -> Any:
    """What one of the four functions returns; the client is used up."""
    if form.startswith("sync"):
        with client:
            return getattr(endpoint, form)(client=client, **given)

    async def ask() -> Any:
        async with client:
            return await getattr(endpoint, form)(client=client, **given)

    return asyncio.run(ask())


def _body(endpoint: ModuleType) -> dict[str, Any]:
    """The argument `body` where the endpoint takes one: its model with the required fields alone."""
    parameter = inspect.signature(endpoint.build_request).parameters.get("body")
    if parameter is None:
        return {}
    return {
        "body": parameter.annotation(**{each.name: "text" for each in attrs.fields(parameter.annotation) if each.default is attrs.NOTHING})
    }


@pytest.mark.parametrize("form", FORMS)
@every_endpoint
def test_every_parameter_reaches_the_wire_in_all_four_forms(server: LocalServer, name: str, form: str) -> None:
    """Method, path, query and headers are the operation's; an error described for it comes back as Error."""
    operation, endpoint = OPERATIONS[name], ENDPOINTS[name]
    given = {_python_name(each): VALUES[each["schema"]["type"]] for each in operation.parameters} | _body(endpoint)
    status = next(status for status, answer in endpoint.ANSWERS.items() if answer is models.Error)
    server.answer(Answer(status, {"error": "no"}))

    answered = _in_form(form, AuthenticatedClient(server.url, "eyJ.a-token"), endpoint, **given)

    assert (answered.parsed if form.endswith("_detailed") else answered) == models.Error(error="no")
    (sent,) = server.requests
    assert sent.method == operation.method.upper()
    assert operation.path.fullmatch(sent.path)
    assert sent.path.count("a-text") == len(_parameters(operation, "path"))
    texts = {"string": "a-text", "integer": "7", "boolean": "true"}
    assert sent.query == {each["name"]: texts[each["schema"]["type"]] for each in _parameters(operation, "query")}
    assert {sent.headers[each["name"].lower()] for each in _parameters(operation, "header")} == {"a-text"}
    assert bool(sent.body) is (operation.body is not None)


def _parameters(operation: openapi_document.Operation, *places: str) -> list[Any]:
    return [each for each in operation.parameters if each["in"] in places]


def _python_name(parameter: Any) -> str:
    return str(parameter["name"]).lower().replace("-", "_")


@pytest.mark.parametrize("form", ["build_request", *FORMS])
@every_endpoint
def test_signatures_are_the_stock_ones(name: str, form: str) -> None:
    """Path parameters by position; client, body and the optional ones by keyword, these as `X | Unset = UNSET`."""
    operation = OPERATIONS[name]
    function = getattr(ENDPOINTS[name], form)
    parameters = inspect.signature(function).parameters.values()
    optional = [each for each in parameters if each.default is not each.empty]

    assert inspect.iscoroutinefunction(function) is form.startswith("asyncio")
    positional = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]
    assert positional == [_python_name(each) for each in _parameters(operation, "path")]
    required = [*positional, *(["client"] if form in FORMS else []), *(["body"] if operation.body else [])]
    assert [each.name for each in parameters if each not in optional] == required
    assert {each.name for each in optional} == {_python_name(each) for each in _parameters(operation, "query", "header")}
    assert all(each.default is UNSET and Unset in get_args(each.annotation) for each in optional)


@every_endpoint
def test_endpoints_say_what_they_answer(name: str) -> None:
    """ANSWERS has the described statuses; the return types are a Response of those bodies, and those bodies or None."""
    endpoint, described = ENDPOINTS[name], OPERATIONS[name].responses
    bodies = {Any if answer is None else answer for answer in endpoint.ANSWERS.values()}

    assert set(endpoint.ANSWERS) == {int(status) for status in described}
    for function in (endpoint.read_response, endpoint.sync_detailed, endpoint.asyncio_detailed):
        returned = inspect.signature(function).return_annotation
        assert get_origin(returned) is Response
        assert set(get_args(get_args(returned)[0])) == bodies
    for function in (endpoint.sync, endpoint.asyncio):
        assert set(get_args(inspect.signature(function).return_annotation)) == bodies | {NoneType}
    assert all(getattr(endpoint, each).__doc__ for each in ("build_request", "read_response", *FORMS))


def test_clients_send_what_they_were_built_with(colour: Colour, server: LocalServer) -> None:
    """Headers, cookies, redirects and httpx arguments work as in any client of this generator; so do the `with_` methods."""
    server.answer(Answer(307, headers={"location": "/elsewhere"}), Answer(200, job()))
    client = Client(
        base_url=f"{server.url}/base",
        headers={"x-a": "1"},
        cookies={"c": "2"},
        timeout=httpx.Timeout(5),
        verify_ssl=False,
        follow_redirects=True,
        httpx_args={"headers": None} if False else {"max_redirects": 1},
    )
    with asking(colour, client.with_headers({"x-b": "3"}).with_cookies({"d": "4"}).with_timeout(httpx.Timeout(6))) as ask:
        assert ask(get_job, JOB_ID).parsed.id == JOB_ID

    assert server.asked == [f"GET /base/api/v1/jobs/{JOB_ID}", "GET /elsewhere"]
    sent = server.requests[0].headers
    assert (sent["x-a"], sent["x-b"], sent["cookie"]) == ("1", "3", "c=2; d=4")
    assert "authorization" not in sent


def test_an_authenticated_client_sends_its_token_under_any_name(colour: Colour, server: LocalServer) -> None:
    """`prefix` and `auth_header_name` make a service key of the token."""
    server.answer(Answer(200, job()))
    with asking(colour, AuthenticatedClient(server.url, "sk_1", prefix="", auth_header_name="X-Service-Key")) as ask:
        ask(get_job, JOB_ID)

    assert server.requests[0].headers["x-service-key"] == "sk_1"
    assert "authorization" not in server.requests[0].headers


def test_a_client_uses_the_httpx_client_it_was_given(server: LocalServer) -> None:
    """`set_httpx_client` puts a user's own in place."""
    server.answer(Answer(200, job()))
    with httpx.Client(base_url=server.url, headers={"x-own": "yes"}) as own:
        assert get_job.sync(JOB_ID, client=AuthenticatedClient("http://unused", "t").set_httpx_client(own)) is not None

    assert server.requests[0].headers["x-own"] == "yes"


@pytest.mark.parametrize(
    ("status", "kind"), [(200, HTTPStatus), (404, HTTPStatus), (429, HTTPStatus), (502, HTTPStatus), (520, int), (499, int)]
)
def test_a_status_is_an_http_status_where_one_exists(ask: Ask, server: LocalServer, status: int, kind: type[int]) -> None:
    """Statuses that only proxies know stay plain integers instead of raising."""
    server.answer(Answer(status))

    answered = ask(get_job, JOB_ID).status_code

    assert answered == status
    assert type(answered) is kind


UNDESCRIBED: Final = [(502, "<html>Bad Gateway</html>"), (520, ""), (418, '{"error": "no"}'), (204, "")]
UNREADABLE: Final = [
    (500, "<html>Internal Server Error</html>"),
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


@pytest.mark.parametrize(("status", "body"), UNDESCRIBED + UNREADABLE, ids=lambda value: str(value)[:40])
def test_an_answer_that_cannot_be_read_is_kept(ask: Ask, server: LocalServer, status: int, body: object) -> None:
    """Nothing is parsed; status, headers and content are there."""
    answer = Answer(status, body, {"retry-after": "3"})
    server.answer(answer)

    answered = ask(get_job, JOB_ID)

    assert answered.parsed is None
    assert (answered.status_code, answered.headers["Retry-After"], answered.content) == (status, "3", answer.content())


@pytest.mark.parametrize(("status", "body"), UNDESCRIBED, ids=lambda value: str(value)[:40])
def test_undescribed_statuses_raise_if_asked_for(colour: Colour, server: LocalServer, status: int, body: str) -> None:
    """`raise_on_unexpected_status` gives UnexpectedStatus, with status and content."""
    server.answer(Answer(status, body))

    with asking(colour, Client(server.url, raise_on_unexpected_status=True)) as ask, pytest.raises(errors.UnexpectedStatus) as raised:
        ask(get_job, JOB_ID)

    assert (raised.value.status_code, raised.value.content) == (status, body.encode())


@pytest.mark.parametrize(("status", "body"), UNREADABLE, ids=lambda value: str(value)[:40])
def test_unreadable_bodies_raise_if_asked_for(colour: Colour, server: LocalServer, status: int, body: object) -> None:
    """`raise_on_unexpected_status` gives msgspec's error for a described status, whatever is wrong with the body."""
    server.answer(Answer(status, body))

    with asking(colour, Client(server.url, raise_on_unexpected_status=True)) as ask, pytest.raises(msgspec.DecodeError):
        ask(get_job, JOB_ID)


def test_described_errors_do_not_raise(colour: Colour, server: LocalServer) -> None:
    """An error that the description has is an answer like any other."""
    server.answer(_told("ids", "get e38b0dbd-9a29-420a-ab84-5d0a6a06632a"))

    with asking(colour, Client(server.url, raise_on_unexpected_status=True)) as ask:
        assert ask(get_job, JOB_ID).parsed == models.Error(error="Job not found")


@pytest.mark.parametrize("recording", recordings.RECORDINGS)
def test_every_recorded_answer_is_read_to_the_last_described_key(recording: str) -> None:
    """Bodies of both servers become their models, none of whose fields stays empty where the body fills it."""
    for exchange in recordings.load(recording):
        if operation := DESCRIPTION.operation_of(exchange):
            endpoint = ENDPOINTS[operation.name]
            response = httpx.Response(exchange.status, content=exchange.body.encode())
            answered = endpoint.read_response(response, raise_on_unexpected_status=True)
            assert answered == endpoint.read_response(response)
            assert type(answered.parsed) is (endpoint.ANSWERS[exchange.status] or NoneType), exchange.name
            assert list(_unfilled(answered.parsed, answered.parsed and exchange.json())) == [], exchange.name


def _unfilled(parsed: Any, body: Any) -> Iterator[str]:
    """The fields of a model, and of those below it, that stayed None although the body has them."""
    if isinstance(parsed, list):
        for item, source in zip(parsed, body, strict=True):
            yield from _unfilled(item, source)
    elif attrs.has(type(parsed)):
        for field in attrs.fields(type(parsed)):
            value, source = getattr(parsed, field.name), body.get(field.name)
            if value is None and source is not None:
                yield field.name
            yield from _unfilled(value, source)


@pytest.mark.parametrize(
    ("endpoint", "given", "request_of"),
    [
        (get_job, {"job_id": "7"}, {"method": "get", "url": "/api/v1/jobs/7", "headers": {}}),
        (get_job, {"job_id": "7", "x_request_id": "r"}, {"method": "get", "url": "/api/v1/jobs/7", "headers": {"X-Request-ID": "r"}}),
        (list_jobs, {}, {"method": "get", "url": "/api/v1/jobs", "params": {}, "headers": {}}),
        (
            list_jobs,
            {"status": UNSET, "job_name": None, "include_result": True, "limit": 2},
            {"method": "get", "url": "/api/v1/jobs", "params": {"include_result": True, "limit": 2}, "headers": {}},
        ),
        (
            cancel_job,
            {"job_id": "7", "idempotency_key": "k"},
            {"method": "post", "url": "/api/v1/jobs/7/cancel", "headers": {"Idempotency-Key": "k"}},
        ),
        (
            submit_job,
            {"body": models.SubmitJobRequest(job_name="echo")},
            {
                "method": "post",
                "url": "/api/v1/jobs/submit",
                "content": b'{"job_name":"echo"}',
                "headers": {"Content-Type": "application/json"},
            },
        ),
    ],
)
def test_a_request_is_built_without_sending_it(endpoint: ModuleType, given: dict[str, Any], request_of: dict[str, Any]) -> None:
    """`build_request` is a function of its arguments: what httpx shall send, parameters that are not given left out."""
    assert endpoint.build_request(**given) == request_of
    assert endpoint.build_request(**given) == request_of


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ({"namespace": None, "priority": 0}, '{"job_name":"echo","priority":0}'),
        ({"payload": {}}, '{"job_name":"echo","payload":{}}'),
        ({"payload": {"a": None, "b": [None, {"ü": None}]}}, '{"job_name":"echo","payload":{"a":null,"b":[null,{"ü":null}]}}'),
        ({"on_behalf_of": models.OnBehalfOf(user_id="7")}, '{"job_name":"echo","on_behalf_of":{"user_id":"7"}}'),
        ({"scheduled_at": datetime(2030, 1, 2, tzinfo=UTC)}, '{"job_name":"echo","scheduled_at":"2030-01-02T00:00:00Z"}'),
        (
            {"scheduled_at": datetime(2030, 1, 2, 3, 4, 5, 6, timezone(timedelta(hours=-2)))},
            '{"job_name":"echo","scheduled_at":"2030-01-02T03:04:05.000006-02:00"}',
        ),
    ],
)
def test_a_body_has_what_was_given_and_no_more(body: dict[str, Any], content: str) -> None:
    """Keys that are None are left out; nulls within the payload are the user's own and stay; moments keep their offset."""
    request = submit_job.build_request(body=models.SubmitJobRequest(job_name="echo", **body))

    assert request["content"].decode() == content


def test_models_within_lists_are_sent_without_empty_keys() -> None:
    """Leaving out None goes down into lists of models."""
    body = models.SyncRequest(jobs=[models.SyncFunction(name="a", code="b", require_roles=[])], options=models.SyncOptions(dry_run=False))

    request = sync_job_functions.build_request(body=body)

    assert request["content"] == b'{"jobs":[{"name":"a","code":"b","require_roles":[]}],"options":{"dry_run":false}}'


@pytest.mark.parametrize("text", ["../", "../../health", "a b", "grün 🚀", "a/b?c=d#e", "%2e%2e%2f", "{7}", "urn:uuid:7"])
def test_a_path_parameter_arrives_as_one_segment(ask: Ask, server: LocalServer, text: str) -> None:
    """Nothing in an id leads to another route."""
    ask(get_job_function, text, "echo")

    assert httpx.URL(server.requests[0].target).raw_path.count(b"/") == 7
    assert server.requests[0].query == {}
    assert httpx.URL(server.requests[0].target).path == f"/api/v1/admin/jobs/functions/{text}/echo"


@pytest.mark.parametrize("text", [".", "..", ""])
def test_a_path_parameter_that_is_no_segment_reaches_no_other_route(ask: Ask, server: LocalServer, text: str) -> None:
    """Dots and nothing can't be sent as a segment, so they must not be sent at all."""
    with suppress(ValueError):
        ask(cancel_job, text)

    assert server.asked == []


@pytest.mark.parametrize("name", CLASSES)
def test_models_are_frozen_and_take_keywords_only(name: str) -> None:
    """No model can be changed or filled by position; required fields have no default and optional ones are None."""
    fields = attrs.fields(CLASSES[name])
    required = DOCUMENT["components"]["schemas"][name].get("required", [])

    assert all(field.kw_only for field in fields)
    assert {field.name: field.default for field in fields} == {
        field.name: attrs.NOTHING if field.name in required else None for field in fields
    }
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(CLASSES[name](**{field.name: None for field in fields}), fields[0].name, 1)


@pytest.mark.parametrize("name", MODELS)
def test_models_are_what_msgspec_decodes(name: str) -> None:
    """Each model is a class, or an alias of a dict, and has a decoder."""
    assert name in CLASSES or get_origin(MODELS[name]) is dict
    assert msgspec.json.Decoder(MODELS[name])


def test_every_schema_has_its_model() -> None:
    """The models are those of openapi.yaml, and beside them only the free-form objects within."""
    assert set(CLASSES) == set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize("name", CLASSES)
def test_reprs_hide_secrets_and_payloads(name: str) -> None:
    """A model's repr shows its fields but for those marked x-sensitive; tokens, passwords and payloads all are."""
    names = [field.name for field in attrs.fields(CLASSES[name])]
    shown = repr(CLASSES[name](**{each: f"<{each}>" for each in names}))
    hidden = {each for each in names if f"<{each}>" not in shown}

    described = DOCUMENT["components"]["schemas"][name]["properties"]
    assert hidden == {key for key, node in described.items() if node.get("x-sensitive")}
    assert hidden >= {each for each in names if re.search("token|password|secret|payload", each)}


def test_the_repr_of_an_answer_hides_what_its_models_hide(ask: Ask, server: LocalServer) -> None:
    """A printed answer of sign-in shows no token: not in what was parsed, not in the content or the headers beside it."""
    server.answer(_told("auth_tokens", "signin"))

    answered = ask(sign_in, body=models.SignInRequest(email="ada@example.com", password="correct horse"))

    assert answered.parsed.access_token == "<jwt-6>"
    assert "<jwt-" not in repr(answered)
