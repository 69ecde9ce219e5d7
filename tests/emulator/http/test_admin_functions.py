"""The admin routes for job functions: list, get and delete."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from contract import functions
from tests.support.servers.emulator_in_process import ADMIN, serving

if TYPE_CHECKING:
    from tests.support.servers.emulator_in_process import Client

FUNCTIONS = f"{ADMIN}/functions"


def test_functions_are_listed_by_namespace_and_name(admin: Client) -> None:
    """The list leaves out code and empty fields, and is null if there are no functions."""
    namespace = f"a-{uuid4()}"
    admin.sync(namespace, {"name": "b"}, {"name": "a", "require_roles": ["x"], "description": "says a", "schedule": "0 0 * * *"})

    everything: list[dict[str, Any]] = admin.get(FUNCTIONS).json()
    first, second = admin.get(FUNCTIONS, params={"namespace": namespace}).json()

    assert [(found["namespace"], found["name"]) for found in everything] == sorted(
        (found["namespace"], found["name"]) for found in everything
    )
    assert first.keys() - second.keys() == {"require_roles", "description", "schedule"}
    assert "code" not in first
    assert admin.get(FUNCTIONS, params={"namespace": "nope"}).text == "null"


def test_april_lists_all_functions_for_the_default_namespace(march_admin: Client, april_admin: Client) -> None:
    """April servers put the tenant into the list, but not into a single function."""
    for admin in (march_admin, april_admin):
        admin.sync("elsewhere", {"name": "f"})

    assert "f" not in march_admin.functions("default")
    assert "f" in april_admin.functions("default")
    listed = april_admin.get(FUNCTIONS, params={"namespace": "elsewhere"}).json()[0]
    assert listed["tenant_id"]
    assert "tenant_id" not in april_admin.function("elsewhere", "f")
    assert "tenant_id" not in march_admin.get(FUNCTIONS).json()[0]


def test_the_code_of_a_handler_is_its_source(admin: Client) -> None:
    """`code` and `original_code` both hold the Python source."""
    found = admin.function("default", "echo")

    assert found["code"] == found["original_code"] == inspect.getsource(functions.echo)
    assert (found["source"], found["is_bundled"], found["timeout_seconds"]) == ("filesystem", True, 300)


def test_a_function_without_source_has_no_code() -> None:
    """A function defined at a prompt has no source."""
    names: dict[str, Any] = {}
    exec("from fluxbase_jobs.emulator import function\n@function('made')\ndef made(payload, context): return {}", names)  # noqa: S102 - our own text

    with serving(names["made"]) as running, running.client(running.service_key) as admin:
        assert not {"code", "original_code"} & admin.function("default", "made").keys()


def test_namespaces(admin: Client) -> None:
    """The list has the namespaces with functions, and `default` if there are none."""
    admin.sync("zz-namespace", {"name": "f"})
    names = admin.get(f"{ADMIN}/namespaces").json()["namespaces"]
    assert names == sorted(names)
    assert {"default", "zz-namespace"} <= set(names)


def test_without_functions_there_is_the_default_namespace() -> None:
    """The list of namespaces is never empty."""
    with serving(functions.echo) as running, running.client(running.service_key) as admin:
        admin.delete(f"{FUNCTIONS}/default/echo")

        assert admin.get(FUNCTIONS).text == "null"
        assert admin.get(f"{ADMIN}/namespaces").text == '{"namespaces":["default"]}'


def test_a_deleted_function_is_gone(admin: Client) -> None:
    """It cannot be submitted; its jobs lose `job_function_id`, and those still pending fail."""
    namespace = str(uuid4())
    admin.sync(namespace, {"name": "f"})
    waiting = admin.queue("f", namespace=namespace, scheduled_at="2099-01-01T00:00:00Z")

    response = admin.delete(f"{FUNCTIONS}/{namespace}/f")

    assert (response.status_code, response.content) == (204, b"")
    assert admin.get(f"{FUNCTIONS}/{namespace}/f").text == '{"error":"Job function not found"}'
    assert admin.submit("f", namespace=namespace).status_code == 404
    assert "job_function_id" not in admin.job(waiting)
    again = admin.delete(f"{FUNCTIONS}/{namespace}/f")
    assert (again.status_code, again.json()["error"]) == (500, "Failed to delete job function")
    resubmitted = admin.ended(admin.post(f"{ADMIN}/queue/{waiting}/resubmit").json()["id"])
    assert (resubmitted["status"], resubmitted["error_message"]) == (
        "failed",
        f"Job function not found: job function not found: {namespace}/f",
    )


def test_a_delete_with_an_idempotency_key_is_replayed(admin: Client) -> None:
    """An empty response is replayed too."""
    namespace, key = str(uuid4()), {"idempotency-key": str(uuid4())}
    admin.sync(namespace, {"name": "f"})

    answers = [admin.delete(f"{FUNCTIONS}/{namespace}/f", headers=key) for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b""), (204, b"")]
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true"]


def test_a_name_with_special_characters_cannot_be_reached(admin: Client) -> None:
    """Such a function can be synced and listed, but the server does not decode paths."""
    admin.sync("odd ns", {"name": "a/b c"})

    assert admin.functions("odd ns") == ["a/b c"]
    assert admin.get(f"{FUNCTIONS}/odd%20ns/a%2Fb%20c").status_code == 404
    assert admin.delete(f"{FUNCTIONS}/odd%20ns/a%2Fb%20c").status_code == 500
