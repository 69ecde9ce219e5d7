"""`admin.jobs.sync`: what is sent, what is refused, what is returned, and the verification."""

from __future__ import annotations

import json
import pickle
from typing import Any, Final, cast

import attrs
import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, InvalidResponse, NotFound, ServerFailed, SyncError, SyncFunction, SyncResult
from fluxbase_jobs_client import models as wire

from contract.recordings import APRIL, MARCH
from tests.support.sample_responses import recorded
from tests.support.servers.local_server import Answer, LocalServer

SYNC: Final = "/api/v1/admin/jobs/sync"
CODE: Final = "export async function handler() { return { secret: 'sauce' }; }"
HELLO: Final = SyncFunction(name="hello", code=CODE)
EVERYTHING: Final[dict[str, Any]] = {
    "name": "hello",
    "code": CODE,
    "description": "says hello",
    "original_code": "// before bundling",
    "is_bundled": True,
    "enabled": False,
    "schedule": "0 * * * *",
    "timeout_seconds": 30,
    "memory_limit_mb": 128,
    "max_retries": 3,
    "progress_timeout_seconds": 0,
    "allow_net": False,
    "allow_env": False,
    "allow_read": True,
    "allow_write": True,
    "require_roles": ["admin"],
}

each_version = pytest.mark.parametrize("version", [MARCH, APRIL])


def recorded_answer(label: str, version: str = MARCH, **changes: str) -> Answer:
    """A recorded response of the admin scenario, with changes. The recorded syncs are of the namespace `reports`."""
    response = recorded("admin", label, version)
    return Answer(response.status, {**response.json(), **changes} if changes else response.body)


def stored(name: str, code: str | None) -> Answer:
    """The response for a function with this code; without the key for None."""
    body = {**recorded("admin", "GET /functions/default/echo").json(), "namespace": "reports", "name": name, "code": code}
    return Answer(200, {key: value for key, value in body.items() if value is not None})


def sync_answer(*, created: list[str], updated: list[str] | None = None) -> Answer:
    """The response of a sync with these names."""
    body = recorded("admin", "sync", APRIL).json()
    return Answer(200, {**body, "details": {"created": created, "updated": updated or [], "deleted": []}})


def test_sync_sends_only_given_fields(client: FluxbaseClient, server: LocalServer) -> None:
    """A function is its name and code; the namespace is the default one; every sync has a new idempotency key."""
    server.answer(recorded_answer("sync", namespace="default"))

    client.admin.jobs.sync([HELLO]).unwrap()
    client.admin.jobs.sync(iter([HELLO])).unwrap()

    assert server.request_lines == [f"POST {SYNC}"] * 2
    assert [request.json() for request in server.requests] == [{"namespace": "default", "jobs": [{"name": "hello", "code": CODE}]}] * 2
    keys = {request.headers["idempotency-key"] for request in server.requests}
    assert len(keys) == 2


@pytest.mark.parametrize("function", [EVERYTHING, SyncFunction(**EVERYTHING), {**EVERYTHING, "require_roles": ("admin",)}])
def test_sync_sends_every_field_and_option(client: FluxbaseClient, server: LocalServer, function: Any) -> None:
    """From objects and from mappings."""
    server.answer(recorded_answer("sync dry run"))

    client.admin.jobs.sync([function], namespace="reports", delete_missing=True, dry_run=True).unwrap()

    options = {"delete_missing": True, "dry_run": True}
    assert server.requests[0].json() == {"namespace": "reports", "jobs": [EVERYTHING], "options": options}


def test_sync_function_has_the_fields_of_the_wire() -> None:
    """All of them, and no others."""
    assert (
        set(EVERYTHING) == {field.name for field in attrs.fields(wire.SyncFunction)} == {field.name for field in attrs.fields(SyncFunction)}
    )


def test_none_is_not_sent(client: FluxbaseClient, server: LocalServer) -> None:
    """In mappings, too. Empty values are sent, because they may clear a field."""
    server.answer(recorded_answer("sync", namespace="default"))
    absent = dict.fromkeys(EVERYTHING)

    client.admin.jobs.sync([{**absent, "name": "hello", "code": CODE, "schedule": "", "require_roles": []}]).unwrap()

    assert server.requests[0].json()["jobs"] == [{"name": "hello", "code": CODE, "schedule": "", "require_roles": []}]


def test_responses_of_both_versions_are_read(client: FluxbaseClient, server: LocalServer) -> None:
    """Version 2026-04 omits empty fields; the recorded dry runs of both are equal otherwise."""
    server.answer(recorded_answer("sync dry run", MARCH), recorded_answer("sync dry run", APRIL))

    march, april = (client.admin.jobs.sync([HELLO], namespace="reports", dry_run=True).unwrap() for _ in (MARCH, APRIL))

    assert march == april
    assert (april.dry_run, april.namespace, april.message) == (True, "reports", "Dry run - no changes made")
    assert (april.summary.created, april.summary.deleted) == (1, 0)
    assert (april.details.created, april.details.updated, april.details.deleted, april.details.unchanged) == (["hello"], [], [], [])
    assert april.errors == []
    assert pickle.loads(pickle.dumps(april)) == april  # noqa: S301  # our own


@each_version
def test_delete_missing_returns_the_deleted_functions(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """From recorded responses."""
    server.answer(recorded_answer("sync delete missing", version))

    result = client.admin.jobs.sync([SyncFunction(name="other", code=CODE)], namespace="reports", delete_missing=True).unwrap()

    assert (result.details.created, result.details.deleted, result.summary.deleted) == (["other"], ["hello"], 1)


@pytest.mark.parametrize(("name", "message"), [("job", "Jobs synced successfully"), ("name", None)])
def test_failed_functions_are_in_the_result(client: FluxbaseClient, server: LocalServer, name: str, message: str | None) -> None:
    """The server responds with a 200. Version 2026-03 calls the function `job`, 2026-04 calls it `name` and has no message."""
    failed = {name: "hello", "error": "ERROR: no", "action": "create"}
    body: dict[str, Any] = {**recorded("admin", "sync", MARCH).json(), "errors": [failed], "message": message}
    server.answer(Answer(200, {key: value for key, value in body.items() if value is not None}))

    result = client.admin.jobs.sync([HELLO], namespace="reports")

    assert result.ok
    assert result.data.errors == [SyncError(name="hello", error="ERROR: no", action="create")]
    assert result.data.message == message


@pytest.mark.parametrize("functions", [[], (), iter(())])
def test_empty_list_is_refused(client: FluxbaseClient, server: LocalServer, functions: Any) -> None:
    """To the server it means to load its own folder; the error names the option for that."""
    error = client.admin.jobs.sync(functions, dry_run=True).error

    assert isinstance(error, InvalidInput)
    assert error.message == (
        "functions must not be empty: the server takes that as the order to load its own folder into the namespace; "
        "if it shall, say from_server_folder=True"
    )
    assert server.requests == []


@each_version
def test_from_server_folder_sends_no_list(client: FluxbaseClient, server: LocalServer, version: str) -> None:
    """The request is sent without functions."""
    server.answer(recorded_answer("sync from files", version))

    result = client.admin.jobs.sync([], from_server_folder=True).unwrap()

    assert server.requests[0].json() == {"namespace": "default"}
    assert result.message == "Jobs synced from filesystem"


@pytest.mark.parametrize("also", [{"functions": [HELLO]}, {"delete_missing": True}, {"dry_run": True}, {"verify": True}])
def test_options_that_the_server_would_ignore_are_refused(client: FluxbaseClient, server: LocalServer, also: dict[str, Any]) -> None:
    """A dry run of the server's folder would really load it."""
    given: dict[str, Any] = {"functions": [], "from_server_folder": True, **also}

    error = client.admin.jobs.sync(**given).error

    assert isinstance(error, InvalidInput)
    assert error.message == ("from_server_folder takes no functions or options: the server ignores them and does not report what it did")
    assert server.requests == []


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ({"code": CODE}, "functions[1] has no name"),
        ({"name": "a"}, "functions[1] has no code"),
        ({"name": None, "code": CODE}, "functions[1] has no name"),
        ({"name": "", "code": CODE}, "functions[1].name must be text and not empty"),
        ({"name": "a", "code": ""}, "functions[1].code must be text and not empty"),
        ({"name": "a", "code": "x\0"}, "functions[1].code must not contain a NUL"),
        ({"name": "a", "code": b"x"}, "functions[1].code must be text"),
        ({"name": "a", "code": CODE, "timeout": 5}, "functions[1] has an unknown key 'timeout'; known are name, code"),
        ({"name": "a", "code": CODE, 5: 5}, "functions[1] has an unknown key 5"),
        ({"name": "a", "code": CODE, "timeout_seconds": -1}, "functions[1].timeout_seconds must be an integer from 0"),
        ({"name": "a", "code": CODE, "timeout_seconds": 2**31}, "functions[1].timeout_seconds must be an integer from 0"),
        ({"name": "a", "code": CODE, "memory_limit_mb": 1.5}, "functions[1].memory_limit_mb must be an integer"),
        ({"name": "a", "code": CODE, "max_retries": True}, "functions[1].max_retries must be an integer"),
        ({"name": "a", "code": CODE, "progress_timeout_seconds": "5"}, "functions[1].progress_timeout_seconds must be an integer"),
        ({"name": "a", "code": CODE, "enabled": 1}, "functions[1].enabled must be True or False"),
        ({"name": "a", "code": CODE, "allow_net": "no"}, "functions[1].allow_net must be True or False"),
        ({"name": "a", "code": CODE, "require_roles": "admin"}, "functions[1].require_roles must be a list of texts; got str"),
        ({"name": "a", "code": CODE, "require_roles": ["admin", ""]}, "functions[1].require_roles[1] must be text and not empty"),
        ({"name": "a", "code": CODE, "description": 5}, "functions[1].description must be text"),
        ({"name": "a", "code": CODE, "schedule": "\ud800"}, "functions[1].schedule must not contain a lone surrogate"),
        (SyncFunction(name="a", code=cast("str", None)), "functions[1] has no code"),
        (SyncFunction(name="hello", code=CODE), "functions[1].name 'hello' is there twice"),
        ("hello", "functions[1] must be a SyncFunction or a mapping; got str"),
        (None, "functions[1] must be a SyncFunction or a mapping; got NoneType"),
    ],
)
def test_invalid_functions_are_refused(client: FluxbaseClient, server: LocalServer, function: Any, says: str) -> None:
    """The error names the position, the key and the rule, and nothing is sent."""
    error = client.admin.jobs.sync([HELLO, function]).error

    assert isinstance(error, InvalidInput)
    assert error.message.startswith(says)
    assert "sauce" not in str(error)
    assert server.requests == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"functions": None}, "functions must be a list"),
        ({"functions": "code"}, "functions must be a list"),
        ({"functions": EVERYTHING}, "functions must be a list"),
        ({"functions": HELLO}, "functions must be a list"),
        ({"namespace": ""}, "namespace"),
        ({"namespace": None}, "namespace"),
        ({"delete_missing": 1}, "delete_missing"),
        ({"dry_run": "yes"}, "dry_run"),
        ({"verify": None}, "verify"),
        ({"from_server_folder": 0}, "from_server_folder"),
        ({"timeout": -1}, "timeout"),
    ],
)
def test_invalid_arguments_are_refused(client: FluxbaseClient, server: LocalServer, arguments: dict[str, Any], says: str) -> None:
    """Nothing is sent."""
    given: dict[str, Any] = {"functions": [HELLO], **arguments}

    error = client.admin.jobs.sync(**given).error

    assert isinstance(error, InvalidInput)
    assert error.message.startswith(says)
    assert server.requests == []


def test_reprs_hide_the_code() -> None:
    """Of our model and of the wire's model."""
    assert "sauce" not in repr(SyncFunction(name="a", code=CODE, original_code=CODE))
    assert "sauce" not in repr(wire.SyncFunction(name="a", code=CODE, original_code=CODE))


def test_verify_reads_each_function(client: FluxbaseClient, server: LocalServer) -> None:
    """Each created or updated function is read once."""
    server.answer(sync_answer(created=["hello"], updated=["other"]), stored("hello", CODE), stored("other", CODE))

    result = client.admin.jobs.sync([HELLO, {"name": "other", "code": CODE}], namespace="reports", verify=True)

    functions = "GET /api/v1/admin/jobs/functions/reports"
    assert result.unwrap().details.created == ["hello"]
    assert server.request_lines == [f"POST {SYNC}", f"{functions}/hello", f"{functions}/other"]
    assert result.meta.attempts == 3


@pytest.mark.parametrize("code", ["", None])
def test_verify_finds_missing_code(client: FluxbaseClient, server: LocalServer, code: str | None) -> None:
    """As on version 2026-04: the error names the functions, and has the result."""
    server.answer(
        sync_answer(created=["hello"], updated=["fine", "other"]), stored("hello", code), stored("fine", CODE), stored("other", code)
    )
    functions = [SyncFunction(name=name, code=CODE) for name in ("hello", "fine", "other")]

    result = client.admin.jobs.sync(functions, namespace="reports", verify=True)

    error = result.error
    assert isinstance(error, InvalidResponse)
    assert "stored empty code for 'hello', 'other' in the namespace 'reports'" in error.message
    assert (error.status, error.retryable, error.attempts, result.meta.attempts) == (200, False, 4, 4)
    assert "April 2026" in str(error)
    assert isinstance(error.details, SyncResult)
    assert error.details.details.updated == ["fine", "other"]
    assert "sauce" not in repr(result)


@pytest.mark.parametrize(("answer", "kind"), [(Answer(503, {"error": "later"}), ServerFailed), (Answer(404, {"error": "later"}), NotFound)])
def test_failed_read_during_verify(client: FluxbaseClient, server: LocalServer, answer: Answer, kind: type[Exception]) -> None:
    """The error is that of the read, but not retryable, and has the result of the sync."""
    server.answer(sync_answer(created=["hello"]), answer)

    result = client.admin.jobs.sync([HELLO], namespace="reports", verify=True)

    error = result.error
    assert error is not None
    assert type(error) is kind
    assert isinstance(error.details, SyncResult)
    assert error.message == "the sync was made, but the function 'hello' could not be read back: later"
    assert (error.retryable, error.attempts, result.meta.attempts) == (False, 2, 2)


@pytest.mark.parametrize(("options", "label"), [({"dry_run": True, "verify": True}, "sync dry run"), ({}, "sync")])
def test_nothing_is_read_without_changes(client: FluxbaseClient, server: LocalServer, options: dict[str, Any], label: str) -> None:
    """After a dry run, or without `verify`."""
    server.answer(recorded_answer(label, namespace="default"))

    assert client.admin.jobs.sync([HELLO], **options).ok
    assert len(server.requests) == 1


def test_failed_sync_is_not_verified(client: FluxbaseClient, server: LocalServer) -> None:
    """The error is that of the sync."""
    server.answer(Answer(403, {"error": "Access denied - IP not allowlisted for jobs sync"}))

    result = client.admin.jobs.sync([HELLO], verify=True)

    assert result.meta.status == 403
    assert len(server.requests) == 1


@pytest.mark.parametrize("arguments", [{"namespace": "a b"}, {"functions": [{"name": "a/b", "code": CODE}]}])
def test_verify_refuses_names_that_cannot_be_read(client: FluxbaseClient, server: LocalServer, arguments: dict[str, Any]) -> None:
    """Before anything is written. Without `verify` such names are sent, because the server accepts them."""
    server.answer(recorded_answer("sync", namespace=arguments.get("namespace", "default")))
    given: dict[str, Any] = {"functions": [HELLO], **arguments}

    error = client.admin.jobs.sync(**given, verify=True).error

    assert isinstance(error, InvalidInput)
    assert server.requests == []
    assert client.admin.jobs.sync(**given).ok


def test_code_arrives_unchanged(client: FluxbaseClient, server: LocalServer) -> None:
    """Any text except NUL and lone surrogates."""
    server.answer(recorded_answer("sync", namespace="default"))
    code = '// größe 🚀 \u2028 </script> \\ "quoted"\r\n\t' + json.dumps(EVERYTHING)

    client.admin.jobs.sync([{"name": "Größe / 1", "code": code}]).unwrap()

    assert server.requests[0].json()["jobs"] == [{"name": "Größe / 1", "code": code}]
