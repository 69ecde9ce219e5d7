"""`admin.jobs`: the functions on the server, read and deleted, and their namespaces."""

from __future__ import annotations

from typing import Any, Final

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, InvalidResponse, NotFound, ServerFailed

from contract.recordings import APRIL, MARCH
from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import recorded

FUNCTIONS: Final = "/api/v1/admin/jobs/functions"
ECHO: Final = "/api/v1/admin/jobs/functions/default/echo"

each_era = pytest.mark.parametrize("era", [MARCH, APRIL])


def told(label: str, era: str = MARCH) -> Answer:
    """A recorded answer of the admin scenario."""
    exchange = recorded("admin", label, era)
    return Answer(exchange.status, exchange.body, exchange.response_headers)


@each_era
def test_lists_functions_without_their_code(client: FluxbaseClient, server: LocalServer, era: str) -> None:
    """All of them, asked for without a namespace; absent roles are an empty list."""
    server.answer(told("GET /functions", era))

    functions = client.admin.jobs.list_functions().unwrap()

    assert server.requests[0].target == FUNCTIONS
    assert [function.name for function in functions] == [entry["name"] for entry in recorded("admin", "GET /functions", era).json()]
    assert {function.code for function in functions} == {None}
    by_name = {function.name: function for function in functions}
    assert by_name["admins"].require_roles == ["admin"]
    assert by_name["echo"].require_roles == []


@each_era
def test_no_functions_are_an_empty_list(client: FluxbaseClient, server: LocalServer, era: str) -> None:
    """The server says null."""
    server.answer(told("GET /functions?namespace=nope", era))

    assert client.admin.jobs.list_functions(namespace="nope").unwrap() == []
    assert server.requests[0].target == f"{FUNCTIONS}?namespace=nope"


def test_the_default_namespaces_functions_are_picked_out_here(client: FluxbaseClient, server: LocalServer) -> None:
    """Asked for that namespace, the server gives all functions there are."""
    entries: list[dict[str, Any]] = recorded("admin", "GET /functions").json()
    entries[1]["namespace"] = "media"
    server.answer(Answer(200, entries))

    functions = client.admin.jobs.list_functions(namespace="default").unwrap()

    assert server.requests[0].target == FUNCTIONS
    assert {function.namespace for function in functions} == {"default"}
    assert len(functions) == len(entries) - 1


@each_era
def test_reads_a_function_with_its_code(client: FluxbaseClient, server: LocalServer, era: str) -> None:
    """The code is there, but not in what is printed or logged of it."""
    server.answer(told("GET /functions/default/echo", era))

    function = client.admin.jobs.get_function("default", "echo").unwrap()

    assert server.asked == [f"GET {ECHO}"]
    assert "handler" in (function.code or "")
    assert "handler" in (function.original_code or "")
    assert "handler" not in repr(function)
    assert repr(function).startswith("JobFunction(namespace='default', name='echo', version=")
    assert len({function, function}) == 1


@each_era
def test_a_missing_function_is_not_found(client: FluxbaseClient, server: LocalServer, era: str) -> None:
    """Reading it is an honest 404."""
    server.answer(told("GET /functions/default/nope", era))

    error = client.admin.jobs.get_function("default", "nope").error

    assert isinstance(error, NotFound)
    assert (error.status, error.message) == (404, "Job function not found")


@each_era
def test_deletes_a_function(client: FluxbaseClient, server: LocalServer, era: str) -> None:
    """A keyed DELETE; the answer has no body."""
    server.answer(told("delete a function", era))

    deleted = client.admin.jobs.delete_function("reports", "other")

    assert deleted.unwrap() is None
    assert deleted.meta.status == 204
    assert server.asked == [f"DELETE {FUNCTIONS}/reports/other"]
    assert len(server.requests[0].headers["idempotency-key"]) >= 20


@each_era
def test_deleting_a_missing_function_is_not_found(client: FluxbaseClient, server: LocalServer, era: str) -> None:
    """The server's bare 500 is looked into, kept as status, and mentioned."""
    server.answer(told("delete it again", era), told("GET /functions/default/nope", era))

    result = client.admin.jobs.delete_function("reports", "other")

    error = result.error
    assert isinstance(error, NotFound)
    assert (error.status, error.details, error.attempts, result.meta.attempts) == (500, "Failed to delete job function", 2, 2)
    assert error.message == "there is no function 'other' in the namespace 'reports' (the server answers that with 500)"
    assert error.request_id == recorded("admin", "delete it again", era).response_headers["x-request-id"]
    assert server.asked == [f"DELETE {FUNCTIONS}/reports/other", f"GET {FUNCTIONS}/reports/other"]


@pytest.mark.parametrize("look", ["finds it", "fails"])
def test_a_failed_deletion_of_a_function_that_is_there_stays_the_servers_fault(
    client: FluxbaseClient, server: LocalServer, look: str
) -> None:
    """Only a 404 of the look says that it is missing."""
    server.answer(told("delete it again"), told("GET /functions/default/echo") if look == "finds it" else Answer(503))

    error = client.admin.jobs.delete_function("default", "echo").error

    assert isinstance(error, ServerFailed)
    assert (error.status, error.message) == (500, "Failed to delete job function")


def test_a_deletion_that_is_answered_with_a_page_is_no_deletion(client: FluxbaseClient, server: LocalServer) -> None:
    """A proxy's page with 200 is not the documented answer."""
    server.answer(Answer(200, "<html>welcome</html>", {"content-type": "text/html"}))

    assert isinstance(client.admin.jobs.delete_function("default", "echo").error, InvalidResponse)


@pytest.mark.parametrize("verb", ["get_function", "delete_function"])
@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a b", "größe", "a%2Fb", "a?b", "echo\n", None, 5])
def test_refuses_names_that_the_server_would_not_find(client: FluxbaseClient, server: LocalServer, verb: str, bad: Any) -> None:
    """Neither server decodes a path, so functions of other names can't be addressed; dots would reach another route."""
    errors = [getattr(client.admin.jobs, verb)(*place).error for place in (("default", bad), (bad, "echo"))]

    assert all(isinstance(error, InvalidInput) for error in errors)
    assert [error.message.split()[0] for error in errors] == ["name", "namespace"]
    assert server.requests == []


def test_addresses_names_as_they_are(client: FluxbaseClient, server: LocalServer) -> None:
    """Dots, hyphens, underscores and tildes need no encoding."""
    server.answer(told("GET /functions/default/echo"))

    client.admin.jobs.get_function("my_ns.v2", "...a-B~9").unwrap()

    assert server.asked == [f"GET {FUNCTIONS}/my_ns.v2/...a-B~9"]


@each_era
def test_lists_namespaces(client: FluxbaseClient, server: LocalServer, era: str) -> None:
    """Their names."""
    server.answer(told("GET /namespaces", era))

    assert client.admin.jobs.list_namespaces().unwrap() == ["default"]
    assert server.asked == ["GET /api/v1/admin/jobs/namespaces"]


@pytest.mark.parametrize("body", ["null", '{"namespaces": null}', "[]"])
def test_no_namespaces_are_an_empty_list(client: FluxbaseClient, server: LocalServer, body: str) -> None:
    """Loose in what is read: null, as this server writes empty lists, and the bare list."""
    server.answer(Answer(200, body))

    assert client.admin.jobs.list_namespaces().unwrap() == []


@pytest.mark.parametrize("namespace", ["", 5, "a\0b"])
def test_refuses_namespaces(client: FluxbaseClient, server: LocalServer, namespace: Any) -> None:
    """Nothing is sent."""
    error = client.admin.jobs.list_functions(namespace=namespace).error

    assert isinstance(error, InvalidInput)
    assert server.requests == []
