"""`admin.jobs`: reading and deleting functions, and their namespaces."""

from __future__ import annotations

from typing import Any, Final

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, InvalidResponse, NotFound, ServerFailed

from contract.recordings import APRIL, MARCH
from tests.support.sample_responses import recorded
from tests.support.servers.local_server import Answer, LocalServer

FUNCTIONS: Final = "/api/v1/admin/jobs/functions"
ECHO: Final = "/api/v1/admin/jobs/functions/default/echo"

each_version = pytest.mark.parametrize("version", [MARCH, APRIL])


def recorded_answer(label: str, version: str = MARCH) -> Answer:
    """A recorded response of the admin scenario."""
    exchange = recorded("admin", label, version)
    return Answer(exchange.status, exchange.body, exchange.response_headers)


@each_version
def test_list_functions_has_no_code(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """All functions, without a namespace in the request; missing roles are an empty list."""
    server.answer(recorded_answer("GET /functions", version))

    functions = client.admin.jobs.list_functions().unwrap()

    assert server.requests[0].target == FUNCTIONS
    assert [function.name for function in functions] == [entry["name"] for entry in recorded("admin", "GET /functions", version).json()]
    assert {function.code for function in functions} == {None}
    by_name = {function.name: function for function in functions}
    assert by_name["admins"].require_roles == ["admin"]
    assert by_name["echo"].require_roles == []


@each_version
def test_no_functions_are_an_empty_list(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """The server sends null."""
    server.answer(recorded_answer("GET /functions?namespace=nope", version))

    assert client.admin.jobs.list_functions(namespace="nope").unwrap() == []
    assert server.requests[0].target == f"{FUNCTIONS}?namespace=nope"


def test_functions_of_the_default_namespace_are_filtered_by_the_client(client: FluxbaseClient, server: LocalServer) -> None:
    """For this namespace the server would return all functions."""
    entries: list[dict[str, Any]] = recorded("admin", "GET /functions").json()
    entries[1]["namespace"] = "media"
    server.answer(Answer(200, entries))

    functions = client.admin.jobs.list_functions(namespace="default").unwrap()

    assert server.requests[0].target == FUNCTIONS
    assert {function.namespace for function in functions} == {"default"}
    assert len(functions) == len(entries) - 1


@each_version
def test_get_function_has_the_code(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """The repr does not show it."""
    server.answer(recorded_answer("GET /functions/default/echo", version))

    function = client.admin.jobs.get_function("default", "echo").unwrap()

    assert server.request_lines == [f"GET {ECHO}"]
    assert "handler" in (function.code or "")
    assert "handler" in (function.original_code or "")
    assert "handler" not in repr(function)
    assert repr(function).startswith("JobFunction(namespace='default', name='echo', version=")
    assert len({function, function}) == 1


@each_version
def test_get_of_unknown_function_is_not_found(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """The server responds with a 404."""
    server.answer(recorded_answer("GET /functions/default/nope", version))

    error = client.admin.jobs.get_function("default", "nope").error

    assert isinstance(error, NotFound)
    assert (error.status, error.message) == (404, "Job function not found")


@each_version
def test_delete_function(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """A DELETE with an idempotency key; the response has no body."""
    server.answer(recorded_answer("delete a function", version))

    deleted = client.admin.jobs.delete_function("reports", "other")

    assert deleted.unwrap() is None
    assert deleted.meta.status == 204
    assert server.request_lines == [f"DELETE {FUNCTIONS}/reports/other"]
    assert len(server.requests[0].headers["idempotency-key"]) >= 20


@each_version
def test_delete_of_unknown_function_is_not_found(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """A GET explains the server's 500, which the error keeps as status and mentions."""
    server.answer(recorded_answer("delete it again", version), recorded_answer("GET /functions/default/nope", version))

    result = client.admin.jobs.delete_function("reports", "other")

    error = result.error
    assert isinstance(error, NotFound)
    assert (error.status, error.details, error.attempts, result.meta.attempts) == (500, "Failed to delete job function", 2, 2)
    assert error.message == "there is no function 'other' in the namespace 'reports' (the server answers that with 500)"
    assert error.request_id == recorded("admin", "delete it again", version).response_headers["x-request-id"]
    assert server.request_lines == [f"DELETE {FUNCTIONS}/reports/other", f"GET {FUNCTIONS}/reports/other"]


@pytest.mark.parametrize("get_result", ["finds it", "fails"])
def test_failed_delete_of_existing_function_is_server_failed(client: FluxbaseClient, server: LocalServer, get_result: str) -> None:
    """Only a 404 of the GET means that the function does not exist."""
    server.answer(
        recorded_answer("delete it again"), recorded_answer("GET /functions/default/echo") if get_result == "finds it" else Answer(503)
    )

    error = client.admin.jobs.delete_function("default", "echo").error

    assert isinstance(error, ServerFailed)
    assert (error.status, error.message) == (500, "Failed to delete job function")


def test_delete_with_an_html_response_is_an_invalid_response(client: FluxbaseClient, server: LocalServer) -> None:
    """A proxy's page with a 200."""
    server.answer(Answer(200, "<html>welcome</html>", {"content-type": "text/html"}))

    error = client.admin.jobs.delete_function("default", "echo").error

    assert isinstance(error, InvalidResponse)
    assert error.message == "the server answered 200: the body is not the documented one: it should be empty"
    assert error.details == "<html>welcome</html>"


@pytest.mark.parametrize("verb", ["get_function", "delete_function"])
@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a b", "größe", "a%2Fb", "a?b", "echo\n", None, 5])
def test_names_that_need_encoding_are_refused(client: FluxbaseClient, server: LocalServer, verb: str, bad: Any) -> None:
    """The server does not decode paths, and dots would reach another route."""
    errors = [getattr(client.admin.jobs, verb)(*place).error for place in (("default", bad), (bad, "echo"))]

    assert all(isinstance(error, InvalidInput) for error in errors)
    assert [error.message.split()[0] for error in errors] == ["name", "namespace"]
    assert server.requests == []


def test_names_are_sent_unchanged(client: FluxbaseClient, server: LocalServer) -> None:
    """Dots, hyphens, underscores and tildes need no encoding."""
    function = {**recorded("admin", "GET /functions/default/echo").json(), "namespace": "my_ns.v2", "name": "...a-B~9"}
    server.answer(Answer(200, function))

    client.admin.jobs.get_function("my_ns.v2", "...a-B~9").unwrap()

    assert server.request_lines == [f"GET {FUNCTIONS}/my_ns.v2/...a-B~9"]


@each_version
def test_list_namespaces(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """Their names."""
    server.answer(recorded_answer("GET /namespaces", version))

    assert client.admin.jobs.list_namespaces().unwrap() == ["default"]
    assert server.request_lines == ["GET /api/v1/admin/jobs/namespaces"]


@pytest.mark.parametrize("body", ["null", '{"namespaces": null}', "[]"])
def test_no_namespaces_are_an_empty_list(client: FluxbaseClient, server: LocalServer, body: str) -> None:
    """Null, as this server writes empty lists, and a bare list are read, too."""
    server.answer(Answer(200, body))

    assert client.admin.jobs.list_namespaces().unwrap() == []


@pytest.mark.parametrize("namespace", ["", 5, "a\0b"])
def test_invalid_namespace_is_refused(client: FluxbaseClient, server: LocalServer, namespace: Any) -> None:
    """Nothing is sent."""
    error = client.admin.jobs.list_functions(namespace=namespace).error

    assert isinstance(error, InvalidInput)
    assert server.requests == []
