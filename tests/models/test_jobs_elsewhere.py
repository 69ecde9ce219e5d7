"""Jobs go where data goes: to JSON, FastAPI and pydantic, copies and pickles, printers; and deep or odd ones do no harm there."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from datetime import datetime
from io import StringIO
from pprint import pformat
from typing import Any, Final, cast

import fastapi
import fastapi.encoders
import httpx
import msgspec.structs
import pydantic
import pytest
import rich.console
from fluxbase_jobs import CompletedJob, FluxbaseClient, InvalidResponse, Job, LogLine, PollPolicy, Rejected, TypedJob

from tests.support.sample_responses import JOB_ID, LINES, job, pickle_round_trip, recorded
from tests.support.servers.local_server import Answer, LocalServer

SECRET: Final = "SECRET-4242"
FIELDS: Final[dict[str, Any]] = {
    "status": "completed",
    "payload": json.dumps({"card": SECRET}),
    "result": '{"width": 640}',
    "progress": '{"percent": 50}',
    "progress_percent": None,
}
BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"


def read(client: FluxbaseClient, server: LocalServer, **changes: Any) -> Job:
    """The job that the client makes of a body, with its log."""
    server.answer(Answer(200, job(**{**FIELDS, **changes})), Answer(200, {"logs": LINES}))
    return client.jobs.get(JOB_ID, include_logs=True).unwrap()


def forms(client: FluxbaseClient, server: LocalServer) -> list[Any]:
    """A job, and the same job of a definition in both of its forms."""
    plain = read(client, server)
    definition = client.jobs.define("resize", dict[str, int], dict[str, int])
    server.answer(Answer(200, job(**FIELDS)))
    return [plain, definition.read(plain).unwrap(), definition.wait(JOB_ID, poll=PollPolicy(initial=0.01)).unwrap()]


def test_to_dict_is_what_json_takes(client: FluxbaseClient, server: LocalServer) -> None:
    """Every wire field, with payload, result and progress as values, moments as text, and the log."""
    for found in forms(client, server):
        data = json.loads(json.dumps(found.to_dict()))

        assert data == found.to_dict() == dict(found) == fastapi.encoders.jsonable_encoder(found)
        assert (data["id"], data["payload"], data["result"]) == (JOB_ID, {"card": SECRET}, {"width": 640})
        assert (data["progress"], data["progress_percent"]) == ({"percent": 50}, 50)
        assert datetime.fromisoformat(data["created_at"]) == found.created_at
        assert (data["logs"] is None) == (found.logs is None)
    assert len(read(client, server).to_dict()["logs"]) == len(LINES)


def test_msgspec_writes_the_wires_fields(client: FluxbaseClient, server: LocalServer) -> None:
    """As a cache does, and reads them back: no name of ours is among them."""
    for found in forms(client, server):
        assert repr(found)  # what is computed once must not show up
        assert found.payload is found.payload
        assert found.result is found.result
        encoded = msgspec.json.encode(found)

        assert set(msgspec.json.decode(encoded)) == {field.name for field in msgspec.structs.fields(found)}
        assert not any(" " in key for key in msgspec.json.decode(encoded))
        assert msgspec.json.decode(encoded, type=cast("type[object]", type(found))) == found


@pytest.mark.parametrize("how", ["copy", "deepcopy", "pickle"])
def test_copies_are_equal_and_keep_all(client: FluxbaseClient, server: LocalServer, how: str) -> None:
    """The log and the result's type too."""
    copies: dict[str, Any] = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": pickle_round_trip}
    for found in forms(client, server):
        again = copies[how](found)

        assert (again, type(again), hash(again)) == (found, type(found), hash(found))
        assert (again.logs, again.result, again.payload) == (found.logs, found.result, found.payload)


def test_nothing_that_prints_shows_the_payload(client: FluxbaseClient, server: LocalServer) -> None:
    """Neither repr, pprint, format nor rich."""
    for found in forms(client, server):
        console = rich.console.Console(file=StringIO(), width=200)
        console.print(found)

        for printed in (repr(found), str(found), f"{found}", pformat(found), console.file.getvalue()):  # type: ignore[attr-defined]
            assert SECRET not in printed
            assert JOB_ID in printed


class Page(pydantic.BaseModel):
    jobs: list[Job]
    lines: list[LogLine]


def test_fastapi_returns_it(client: FluxbaseClient, server: LocalServer) -> None:
    """A route of type Job, or of a model that has one, answers its fields, and its schema names them."""
    given: Job = forms(client, server)[0]
    app = fastapi.FastAPI()

    @app.get("/job")
    def _job() -> Job:
        return given

    @app.get("/page")
    def _page() -> Page:
        return Page(jobs=[given], lines=given.logs or [])

    app.openapi()

    async def ask(path: str) -> Any:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            return (await http.get(path)).json()

    repr(given)
    assert asyncio.run(ask("/job")) == given.to_dict()
    page = asyncio.run(ask("/page"))
    assert page == {"jobs": [given.to_dict()], "lines": given.to_dict()["logs"]}
    assert Page.model_validate(page).jobs[0].to_dict() == given.to_dict()
    schema = pydantic.TypeAdapter(Job).json_schema()
    assert {"id", "status", "payload", "created_at"} <= schema["properties"].keys()
    assert pydantic.TypeAdapter(Job).validate_python(given) is given
    with pytest.raises(pydantic.ValidationError):
        pydantic.TypeAdapter(Job).validate_python({"id": 7})


def test_workers_functions_and_numbers_go_the_same_ways(client: FluxbaseClient, server: LocalServer) -> None:
    """To JSON, to pydantic, into pickles."""
    server.answer(*(Answer(200, recorded("admin", f"GET /{name}").json()) for name in ("workers", "stats", "functions")))
    admin = client.admin.jobs
    for value in (admin.list_workers().unwrap()[0], admin.get_stats().unwrap(), admin.list_functions().unwrap()[0]):
        data = json.loads(json.dumps(value.to_dict()))

        assert pydantic.TypeAdapter(type(value)).dump_python(value) == data
        assert pydantic.TypeAdapter(type(value)).json_schema()["properties"].keys() == data.keys()
        assert copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value  # noqa: S301  # our own
        assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value


@pytest.mark.parametrize("levels", [1_500, 20_000, 100_000])
@pytest.mark.parametrize("name", ["payload", "result", "progress"])
def test_a_deep_value_does_no_harm(client: FluxbaseClient, server: LocalServer, name: str, levels: int) -> None:
    """What can't be decoded stays text, and `meta` says so."""
    text = '{"a":' * levels + "1" + "}" * levels
    server.answer(Answer(200, job(**{**FIELDS, name: text})))
    result = client.jobs.get(JOB_ID)
    found = result.unwrap()

    is_text = getattr(found, name) == text if isinstance(getattr(found, name), str) else False
    assert is_text == any(name in note for note in result.meta.notes)
    assert is_text or levels == 1_500
    assert getattr(found, f"{name}_text") == text
    assert found == copy.deepcopy(found) == pickle.loads(pickle.dumps(found))  # noqa: S301  # our own
    assert len(repr(found)) + len(repr(result)) < 1_000
    assert hash(found)
    assert client.jobs.define("resize", dict, dict).read(found).unwrap().id == JOB_ID
    server.answer(Answer(200, {"jobs": [job(**{**FIELDS, name: text})]}))
    listed = client.jobs.list(include_result=True)
    assert bool(listed.meta.notes) == (is_text and name == "result")


@pytest.mark.parametrize("levels", [300, 1_500, 100_000])
def test_a_deep_error_does_no_harm(client: FluxbaseClient, server: LocalServer, levels: int) -> None:
    """It is printed, compared, copied and pickled like any."""
    server.answer(Answer(403, b'{"error":"no","details":' + b"[" * levels + b"]" * levels + b"}"))
    result = client.jobs.get(JOB_ID)

    assert isinstance(result.error, Rejected)
    assert len(repr(result)) < 500
    assert len(str(result.error)) < 700
    assert pickle.loads(pickle.dumps(result)).error.details == result.error.details  # noqa: S301  # our own


def test_a_byte_order_mark_is_read_over(client: FluxbaseClient, server: LocalServer) -> None:
    """Before a body, and before the JSON text of a value."""
    text = json.dumps(job(payload=BOM + '{"a": 1}', result=BOM + '{"width": 1}', progress=BOM + '{"percent": 7}', progress_percent=None))
    server.answer(Answer(200, (BOM + text).encode()))

    found = client.jobs.get(JOB_ID).unwrap()

    assert (found.payload, found.result, found.progress_percent) == ({"a": 1}, {"width": 1}, 7)
    assert client.jobs.define("resize", dict, dict[str, int]).read(found).unwrap().result == {"width": 1}


SAYING: Final = "quota of the project is used up"


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": SAYING, "code": "QUOTA"}},
        [SAYING],
        {"message": [SAYING]},
        {"error": {"reason": SAYING}},
        {"errors": [{"message": SAYING}]},
        {"detail": [{"loc": ["a"], "msg": SAYING}]},
        {"fault": {"faultstring": SAYING}},
        json.dumps(SAYING),
        BOM + json.dumps({"error": SAYING}),
    ],
)
def test_an_error_of_a_gateways_own_shape_is_kept(client: FluxbaseClient, server: LocalServer, body: Any) -> None:
    """Its text is in the message, and fields without an attribute are in `details`."""
    server.answer(Answer(403, body))

    error = client.jobs.get(JOB_ID).error

    assert isinstance(error, Rejected)
    assert SAYING in error.message
    if type(body) in {dict, list}:
        assert error.details == body
    assert error.code == ("QUOTA" if "QUOTA" in str(body) else None)


@pytest.mark.parametrize(("kind", "body"), [("text/plain", SAYING), ("text/html", f"<html><title>{SAYING}</title></html>")])
def test_an_error_that_is_no_json_is_kept(client: FluxbaseClient, server: LocalServer, kind: str, body: str) -> None:
    """Plain text, or a page's title."""
    server.answer(Answer(403, body, {"content-type": kind}))

    error = client.jobs.get(JOB_ID).error

    assert isinstance(error, Rejected)
    assert SAYING in error.message
    assert error.details == body


def test_no_message_is_long(client: FluxbaseClient, server: LocalServer) -> None:
    """A few hundred characters of what a server says."""
    for body in ({"error": "x" * 10_000, "hint": "y" * 10_000}, {"error": {"message": "x" * 10_000}}, ["x" * 10_000]):
        server.answer(Answer(403, body))
        assert len(str(client.jobs.get(JOB_ID).error)) < 1_100
    server.answer(Answer(200, {"z" * 10_000: 1}))
    assert isinstance(error := client.jobs.get(JOB_ID).error, InvalidResponse)
    assert len(str(error)) < 1_100


def test_types_of_a_definitions_jobs(client: FluxbaseClient, server: LocalServer) -> None:
    """They are jobs."""
    assert [type(each) for each in forms(client, server)] == [Job, TypedJob, CompletedJob]
