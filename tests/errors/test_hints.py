"""Error messages that name what the caller can change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import copy
from operator import attrgetter
from typing import Any

import pytest
from fluxbase_jobs import (
    AsyncFluxbaseClient,
    AsyncFluxbaseFetch,
    AuthenticationFailed,
    ConnectionFailed,
    Err,
    FluxbaseClient,
    FluxbaseError,
    FluxbaseFetch,
    InvalidInput,
    NotFound,
    Ok,
    create_client,
)

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

WRONG_CALLS: dict[str, tuple[Callable[[Any], object], str]] = {
    "unknown option": (lambda jobs: jobs.submit("resize", width=640), r"^submit\(\) got an unexpected keyword argument 'width'$"),
    "TypeScript's options": (
        lambda jobs: jobs.submit("resize", {}, {"priority": 5}),
        r"pass options by name, like submit\(\.\.\., priority=\.\.\.\)",
    ),
    "a line": (lambda jobs: jobs.logs(JOB_ID, 5), r"like logs\(\.\.\., after_line=\.\.\.\)$"),
    "a line of tail": (lambda jobs: jobs.tail(JOB_ID, 5), r"like tail\(\.\.\., after_line=\.\.\.\)$"),
    "a status": (lambda jobs: jobs.list("failed"), r"like list\(\.\.\., status=\.\.\.\)$"),
    "a status of iterate": (lambda jobs: jobs.iterate("failed"), r"like iterate\(\.\.\., status=\.\.\.\)$"),
    "a time limit": (lambda jobs: jobs.wait(JOB_ID, 60), r"like wait\(\.\.\., timeout=\.\.\.\)$"),
    "a surplus id": (lambda jobs: jobs.cancel(JOB_ID, JOB_ID), r"like cancel\(\.\.\., timeout=\.\.\.\)$"),
    "filters": (
        lambda jobs: jobs.list(filters={"jobName": "a"}),
        r"'filters': pass options by name, like list\(\.\.\., job_name=\.\.\.\)$",
    ),
    "options": (
        lambda jobs: jobs.submit("resize", options=None),
        r"'options': pass options by name, like submit\(\.\.\., namespace=\.\.\.\)$",
    ),
    "TypeScript's name": (lambda jobs: jobs.list(includeResult=True), "it is called include_result"),
    "retries": (lambda jobs: jobs.get(JOB_ID, max_retries=3), r"retry=RetryPolicy\(attempts=\.\.\., "),
    "interval": (lambda jobs: jobs.wait(JOB_ID, pollInterval=3), r"poll=PollPolicy\(initial=\.\.\., "),
    "user of a list": (lambda jobs: jobs.list(user_id=JOB_ID), "pass created_by="),
    "user of a job": (lambda jobs: jobs.submit("resize", user_id=JOB_ID), r"pass on_behalf_of=OnBehalfOf\(user_id="),
    "limit": (lambda jobs: jobs.iterate(limit=5), "pass page_size="),
    "page size": (lambda jobs: jobs.list(page_size=5), "it is called limit"),
    "namespace": (lambda jobs: jobs.define("resize", dict, dict).submit({}, namespace="media"), r"jobs\.define\(\.\.\., namespace="),
    "headers": (lambda jobs: jobs.get(JOB_ID, headers={}), r"FluxbaseClient\(\.\.\., headers=\.\.\.\)"),
}


@pytest.mark.parametrize("call", WRONG_CALLS)
def test_unknown_argument_is_named_with_the_method(client: FluxbaseClient, server: LocalServer, call: str) -> None:
    """And not with a function inside of this package."""
    wrong, message = WRONG_CALLS[call]

    with pytest.raises(TypeError, match=message):
        wrong(client.jobs)

    assert server.requests == []


def test_unknown_argument_of_a_definition_is_named_with_the_method(client: FluxbaseClient) -> None:
    """Although the options are passed on as a dictionary."""
    resize: Any = client.jobs.define("resize", object, object)

    with pytest.raises(TypeError, match=r"^run\(\) got an unexpected keyword argument 'onProgress': it is called on_progress$"):
        resize.run({}, onProgress=print)


@pytest.mark.parametrize("option", ["verify", "proxy"])
def test_options_of_an_httpx_client_have_a_hint(connect: Connect, option: str) -> None:
    """The names that other HTTP clients use."""
    with pytest.raises(TypeError, match=rf"FluxbaseClient\(\) got an unexpected keyword argument '{option}': pass an httpx client"):
        connect("http://server.test", **{option: False})


MAKERS: dict[str, Callable[[Any], object]] = {
    "FluxbaseClient": lambda options: FluxbaseClient("http://server.test", **options),
    "AsyncFluxbaseClient": lambda options: AsyncFluxbaseClient("http://server.test", **options),
    "FluxbaseFetch": lambda options: FluxbaseFetch("http://server.test", **options),
    "AsyncFluxbaseFetch": lambda options: AsyncFluxbaseFetch("http://server.test", **options),
    "create_client": lambda options: create_client("http://server.test", **options),
    "from_env": lambda options: FluxbaseClient.from_env(**options),
    "sign_in": lambda options: FluxbaseClient.sign_in("http://server.test", "ada@example.com", "tiger", **options),
    "async sign_in": lambda options: asyncio.run(AsyncFluxbaseClient.sign_in("http://server.test", "ada@example.com", "tiger", **options)),
}


@pytest.mark.parametrize("name", MAKERS)
def test_options_of_every_way_to_a_client_have_a_hint(name: str) -> None:
    """The function that the caller has called is named, and none inside of this package."""
    called = name.rpartition(" ")[2]
    address = r"FluxbaseClient\(url, key\)"
    for option, hint in (
        ("fluxbaseUrl", address),
        ("fluxbaseKey", address),
        ("verify", "http_client=httpx.Client"),
        ("max_retries", "retry=RetryPolicy"),
        ("refreshToken", "refresh_token"),
    ):
        with pytest.raises(TypeError, match=rf"^{called}\(\) got an unexpected keyword argument '{option}': .*{hint}"):
            MAKERS[name]({option: False})


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("jobs.getLogs", "it is called logs"),
        ("jobs.get_logs", "it is called logs"),
        ("jobs.waitFor", "it is called wait"),
        ("jobs.submitMany", "it is called submit_many"),
        ("realtime", "watch, tail and on_progress"),
        ("admin.jobs.list", "it is called list_functions for functions, list_jobs for jobs"),
        ("admin.jobs.get", "it is called get_function for functions, get_job for jobs"),
        ("admin.jobs.create", "functions are created and updated with sync"),
        ("admin.jobs.update", "functions are created and updated with sync"),
        ("admin.jobs.delete", "it is called delete_function"),
        ("admin.jobs.getStats", "it is called get_stats"),
    ],
)
def test_a_name_of_the_typescript_client_has_a_hint(client: FluxbaseClient, path: str, hint: str) -> None:
    """Or a name that one would guess."""
    *owners, name = path.split(".")
    owner: Any = attrgetter(".".join(owners))(client) if owners else client

    with pytest.raises(AttributeError, match=f"object has no attribute '{name}': {hint}") as raised:
        getattr(owner, name)

    assert raised.value.name == name
    assert not hasattr(owner, name)


def test_an_unknown_attribute_is_as_everywhere(client: FluxbaseClient) -> None:
    """Without a hint; nor are attributes made up for copies and for instances without any."""
    with pytest.raises(AttributeError, match=r"object has no attribute 'nope'$"):
        client.jobs.nope  # type: ignore[attr-defined]  # noqa: B018  # that is the test
    assert not hasattr(client.jobs, "__deepcopy__")


@pytest.mark.parametrize("kind", [FluxbaseClient, AsyncFluxbaseClient])
def test_instances_are_copied_and_made_as_everywhere(kind: type[FluxbaseClient]) -> None:
    """Python asks for attributes before there are any."""
    jobs = kind("http://server.test").jobs

    assert vars(copy(jobs)) == vars(jobs)
    assert not hasattr(object.__new__(kind), "jobs")


def test_options_of_sync_have_a_hint(client: FluxbaseClient) -> None:
    """The TypeScript client takes an object."""
    sync: Any = client.admin.jobs.sync

    with pytest.raises(TypeError, match=r"'options': pass options by name, like sync\(\.\.\., dry_run=\.\.\.\)$"):
        sync([], options={"dryRun": True})


@pytest.mark.parametrize(("result", "name"), [(Ok("x"), "Ok"), (Err(FluxbaseError("no")), "Err")], ids=["Ok", "Err"])
def test_a_result_in_place_of_an_id_has_a_hint(client: FluxbaseClient, server: LocalServer, result: Any, name: str) -> None:
    """Every verb returns one."""
    error = client.jobs.get(result).error

    assert isinstance(error, InvalidInput)
    assert error.message == f"job_id must be a UUID, as text or uuid.UUID; got {name}: unwrap it first"
    assert server.requests == []


def test_on_behalf_of_as_a_dictionary_has_a_hint(client: FluxbaseClient) -> None:
    """The TypeScript client takes a dictionary."""
    error = client.jobs.submit("resize", on_behalf_of={"user_id": JOB_ID}).error  # type: ignore[arg-type]

    assert isinstance(error, InvalidInput)
    assert error.hint == "pass OnBehalfOf(user_id=..., user_email=..., user_role=...)"


def test_unreachable_server_is_named(connect: Connect) -> None:
    """The URL may be wrong."""
    error = connect("http://127.0.0.1:9", retry=None).jobs.get(JOB_ID).error

    assert isinstance(error, ConnectionFailed)
    assert "http://127.0.0.1:9" in error.message


def test_unknown_function_is_named(client: FluxbaseClient, server: LocalServer) -> None:
    """In a batch, only the name shows which one it is."""
    server.answer(Answer(404, {"error": "Job function not found"}))

    error = client.jobs.submit("nope").error

    assert isinstance(error, NotFound)
    assert error.message == "Job function not found: nope"


def test_missing_key_variable_is_named(monkeypatch: pytest.MonkeyPatch, server: LocalServer) -> None:
    """If the server asks for a key that the environment does not have."""
    monkeypatch.setenv("FLUXBASE_URL", server.url)
    monkeypatch.delenv("FLUXBASE_KEY", raising=False)
    server.answer(Answer(401, {"error": "Missing authentication"}))

    with FluxbaseClient.from_env() as client:
        error = client.jobs.get(JOB_ID).error

    assert isinstance(error, AuthenticationFailed)
    assert error.hint == "FLUXBASE_KEY is not set"


@pytest.mark.parametrize("ending", ["/api/v1", "/api/v1/", "/"])
def test_path_of_the_api_in_the_url_is_removed(connect: Connect, server: LocalServer, ending: str) -> None:
    """It is often copied with the URL."""
    server.answer(Answer(200, job()))

    connect(server.url + ending).jobs.get(JOB_ID).unwrap()

    assert server.requests[0].path == f"/api/v1/jobs/{JOB_ID}"
