"""An answer about something else than what was asked is an InvalidResponse, whichever verb asked and whoever answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import UUID

import pytest
from fluxbase_jobs import FluxbaseClient, InvalidResponse, Result, ServerFailed, Submission

from tests.support.every_transport import every_transport
from tests.support.sample_responses import JOB_ID, LINES, job, page, recorded
from tests.support.servers.local_server import Answer, LocalServer, Request
from tests.support.styles import Connect

transport = every_transport

OTHER_ID: Final = "0c0ffee0-0000-4000-8000-000000000001"
NO_IDS: Final = ("", "../../x", "a\r\nX: 1", "*", None, 7, f"{JOB_ID}\n", f"{JOB_ID}\n{JOB_ID}", [JOB_ID], {"id": JOB_ID}, OTHER_ID[:-1])
CANONICAL_FORMS: Final = (JOB_ID.upper(), JOB_ID.replace("-", ""), f"urn:uuid:{JOB_ID}")

ABOUT_ONE_JOB: Final[dict[str, Callable[[FluxbaseClient], Result[Any]]]] = {
    "get": lambda client: client.jobs.get(JOB_ID),
    "get with log": lambda client: client.jobs.get(JOB_ID, include_logs=True),
    "retry": lambda client: client.jobs.retry(JOB_ID),
    "resubmit": lambda client: client.jobs.resubmit(JOB_ID),
    "wait": lambda client: client.jobs.wait(JOB_ID, timeout=5),
    "watch": lambda client: list(client.jobs.watch(JOB_ID, timeout=5))[-1],
    "tail": lambda client: list(client.jobs.tail(JOB_ID, timeout=5))[-1],
    "wait_many": lambda client: dict(client.jobs.wait_many([JOB_ID], timeout=5))[JOB_ID],
    "admin get": lambda client: client.admin.jobs.get_job(JOB_ID),
    "admin retry": lambda client: client.admin.jobs.retry(JOB_ID),
}
THAT_SUBMIT: Final[dict[str, Callable[[FluxbaseClient], Result[Any]]]] = {
    "submit": lambda client: client.jobs.submit("resize", namespace="media"),
    "run": lambda client: client.jobs.run("resize", namespace="media", timeout=5),
    "submit_many": lambda client: next(iter(client.jobs.submit_many([Submission("resize", namespace="media")])))[1],
    "define": lambda client: client.jobs.define("resize", dict[str, int], dict[str, int], namespace="media").submit({}),
}


class OtherJobs(LocalServer):
    """A server that accepts everything and answers each question about a job with the same body."""

    def answer_to(self, request: Request, planned: Answer) -> Answer:
        """Confirm what changes a job; else give the planned answer."""
        changes = request.path.endswith(("/retry", "/cancel", "/terminate"))
        return Answer(200, {"message": "Job requeued for retry"}) if changes else planned


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server that answers about other jobs."""
    with OtherJobs() as server:
        yield server


def refused(result: Result[Any]) -> bool:
    """Whether the answer was not believed, and nothing of it is data."""
    return type(result.error) is InvalidResponse and result.data is None and not result.error.retryable


def plainly(wrong: object) -> str:
    """A test's id without backslashes, which pytest would escape again where a process collects the tests twice."""
    return repr(wrong).replace("\\", "/")


@pytest.mark.parametrize("wrong", [OTHER_ID, OTHER_ID.upper(), *NO_IDS], ids=plainly)
@pytest.mark.parametrize("verb", ABOUT_ONE_JOB)
def test_another_jobs_answer_is_no_answer(client: FluxbaseClient, server: LocalServer, verb: str, wrong: object) -> None:
    """Neither that of another job nor one whose id is none."""
    server.answer(Answer(200, {**job(), "id": wrong}))

    result = ABOUT_ONE_JOB[verb](client)

    assert refused(result)
    assert result.error is not None
    assert result.error.job_id in {JOB_ID, None}


@pytest.mark.parametrize("form", CANONICAL_FORMS)
@pytest.mark.parametrize("verb", ["get", "wait", "watch", "wait_many", "admin get", "retry"])
def test_ids_come_in_canonical_form(client: FluxbaseClient, server: LocalServer, verb: str, form: str) -> None:
    """A job's id has one form, whichever form the server sends, so that it can be compared and looked up."""
    server.answer(Answer(200, job(id=form)))

    assert ABOUT_ONE_JOB[verb](client).unwrap().id == JOB_ID


@pytest.mark.parametrize("wrong", NO_IDS, ids=plainly)
def test_a_list_with_a_job_without_id_is_no_answer(client: FluxbaseClient, server: LocalServer, wrong: object) -> None:
    """A wrong entry is no reason to doubt it alone: the whole list is refused, as it is for an entry of a wrong type."""
    server.answer(Answer(200, page(job(), {**job(), "id": wrong})))

    assert refused(client.jobs.list())
    assert refused(client.jobs.list(namespace="default"))
    assert refused(client.admin.jobs.list_jobs())
    assert [refused(result) for result in client.jobs.iterate()] == [True]
    assert [refused(result) for result in client.admin.jobs.iterate_jobs()] == [True]


def test_ids_in_lists_come_in_canonical_form(client: FluxbaseClient, server: LocalServer) -> None:
    """Also in a long list, of which only one has another form."""
    ids = [str(UUID(int=number)) for number in range(60)]
    server.answer(Answer(200, page(*(job(id=each.upper() if each == ids[30] else each) for each in ids))))

    assert [each.id for each in client.jobs.list(limit=60).unwrap()] == ids


def test_a_long_id_does_not_hide_a_short_one(client: FluxbaseClient, server: LocalServer) -> None:
    """Each id is judged by itself, however the ids look one after the other."""
    server.answer(Answer(200, page(job(id=JOB_ID + "\n" + JOB_ID[:10]), job(id=JOB_ID[10:]))))

    assert refused(client.jobs.list())


@pytest.mark.parametrize("wrong", [{"job_name": "delete-everything"}, {"namespace": "other"}, {"id": ""}, {"id": "../../x"}], ids=repr)
@pytest.mark.parametrize("verb", THAT_SUBMIT)
def test_another_submits_answer_is_no_answer(client: FluxbaseClient, server: LocalServer, verb: str, wrong: dict[str, str]) -> None:
    """The job that comes back has the name and the namespace that were submitted."""
    server.answer(Answer(201, job(**{"job_name": "resize", "namespace": "media", **wrong})))

    assert refused(THAT_SUBMIT[verb](client))


@pytest.mark.parametrize("verb", ["user", "admin"])
def test_a_copy_is_another_job(client: FluxbaseClient, server: LocalServer, verb: str) -> None:
    """A resubmit that answers with the job that was copied has made none."""
    server.answer(Answer(200, job(status="failed")))

    assert refused(client.jobs.resubmit(JOB_ID) if verb == "user" else client.admin.jobs.resubmit(JOB_ID))


@pytest.mark.parametrize("execution", [OTHER_ID, "", "../../x"])
def test_lines_of_another_jobs_log_are_no_answer(client: FluxbaseClient, server: LocalServer, execution: str) -> None:
    """One is enough; a job that is read with its log comes without it."""
    lines = {"logs": [{**LINES[0], "execution_id": JOB_ID}, {**LINES[1], "execution_id": execution}], "count": 2}
    server.answer(Answer(200, lines), Answer(200, job()), Answer(200, lines))

    assert refused(client.jobs.logs(JOB_ID))
    found = client.jobs.get(JOB_ID, include_logs=True)
    assert found.unwrap().logs is None
    assert type(found.meta.logs_error) is InvalidResponse


def test_lines_may_name_their_job_in_any_form(client: FluxbaseClient, server: LocalServer) -> None:
    """Or not at all."""
    lines = [{**LINES[0], "execution_id": form} for form in (JOB_ID, *CANONICAL_FORMS)]
    server.answer(Answer(200, {"logs": [*lines, LINES[1]], "count": 5}))

    assert len(client.jobs.logs(JOB_ID).unwrap()) == 5


@pytest.mark.parametrize("wrong", [{"name": "other"}, {"namespace": "other"}, {"name": ""}], ids=repr)
def test_another_function_is_no_answer(client: FluxbaseClient, server: LocalServer, wrong: dict[str, str]) -> None:
    """A function asked for is the one that comes back."""
    function = {**recorded("admin", "GET /functions/default/echo").json(), **wrong}
    server.answer(Answer(200, function))

    assert refused(client.admin.jobs.get_function("default", "echo"))


def test_functions_of_another_namespace_are_no_answer(client: FluxbaseClient, server: LocalServer) -> None:
    """Where one was asked for."""
    function = recorded("admin", "GET /functions/default/echo").json()
    server.answer(Answer(200, [{**function, "namespace": "reports"}, function]))

    assert refused(client.admin.jobs.list_functions(namespace="reports"))
    assert len(client.admin.jobs.list_functions().unwrap()) == 2


def test_a_sync_of_another_namespace_is_no_answer(client: FluxbaseClient, server: LocalServer) -> None:
    """Its numbers would be about functions that nobody synced."""
    server.answer(Answer(200, recorded("admin", "sync").json()))

    assert client.admin.jobs.sync([{"name": "hello", "code": "x"}], namespace="reports").ok
    assert refused(client.admin.jobs.sync([{"name": "hello", "code": "x"}], namespace="other"))


FUNCTION: Final = recorded("admin", "GET /functions/default/echo").json()
SYNC: Final = recorded("admin", "sync").json()
OTHERS: Final[dict[str, tuple[Callable[[FluxbaseClient], Result[Any]], Any]]] = {
    "it is about another job": (lambda client: client.jobs.get(JOB_ID), job(id=OTHER_ID)),
    "a job's `id` is no UUID": (lambda client: client.jobs.list(), page(job(id="7"))),
    "it is about a job of another name": (lambda client: client.jobs.submit("resize"), job(job_name="crop")),
    "it is about a job of another namespace": (lambda client: client.jobs.submit("echo", namespace="a"), job(namespace="b")),
    "it is about the job that was copied, not about the copy": (lambda client: client.admin.jobs.resubmit(JOB_ID), job()),
    "it is about another function": (lambda client: client.admin.jobs.get_function("default", "hello"), FUNCTION),
    "it holds functions of another namespace": (lambda client: client.admin.jobs.list_functions(namespace="media"), [FUNCTION]),
    "it is about another namespace": (lambda client: client.admin.jobs.sync([{"name": "a", "code": "x"}], namespace="media"), SYNC),
}


@pytest.mark.parametrize("text", OTHERS)
def test_the_error_says_what_the_answer_is_about(client: FluxbaseClient, server: LocalServer, text: str) -> None:
    """Whoever reads it learns what to look for: a cache or a proxy that mixes up answers."""
    ask, body = OTHERS[text]
    server.answer(Answer(200, body))

    error = ask(client).error

    assert type(error) is InvalidResponse
    assert error.message == f"the server answered 200: the body is not the documented one: {text}"
    assert error.hint == "is the url that of a Fluxbase server, and is it reached without a proxy's page in between?"


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"job_name": "crop"}, "it is about a job of another name"),
        ({"namespace": "b"}, "it is about a job of another namespace"),
        ({"id": JOB_ID}, "it is about the job that was copied, not about the copy"),
    ],
)
def test_a_copy_has_name_and_namespace_of_the_job(client: FluxbaseClient, server: LocalServer, wrong: dict[str, str], text: str) -> None:
    """What comes back for a resubmit is another job, but like the one that was copied."""
    server.answer(Answer(200, job(job_name="echo", namespace="a")), Answer(201, job(**{"id": OTHER_ID, **wrong})))

    error = client.jobs.resubmit(JOB_ID).error

    assert type(error) is InvalidResponse
    assert error.message.endswith(text)


@pytest.mark.parametrize("verb", ["cancel", "terminate"])
def test_a_failed_change_is_not_explained_by_another_job(connect: Connect, verb: str) -> None:
    """The job is read to explain a bare 500; another job's state explains nothing."""
    with LocalServer() as failing:
        failing.answer(Answer(500, {"error": "Failed to do it"}), Answer(200, job(id=OTHER_ID, status="completed")))
        client = connect(failing.url, "eyJ.a-token")

        error = (client.jobs.cancel(JOB_ID) if verb == "cancel" else client.admin.jobs.terminate(JOB_ID)).error

        assert type(error) is ServerFailed
        assert error.message == "Failed to do it"
