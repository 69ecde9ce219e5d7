"""`jobs.define`: jobs with typed payloads and results."""

from __future__ import annotations

import dataclasses
import json
import pickle
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, NoReturn, TypedDict
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest
from fluxbase_jobs import CompletedJob, FluxbaseClient, InvalidInput, JobCancelled, JobFailed, PollPolicy, ResultMismatch, TypedJob, is_ok

from tests.support.sample_responses import JOB_ID, job
from tests.support.servers.local_server import Answer, LocalServer

QUICK: Final = PollPolicy(initial=0.01, maximum=0.01)
MOMENT: Final = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
WIRE: Final = {"id": JOB_ID, "at": "2030-01-02T03:04:05Z", "sizes": [1, 2]}
"""The models below as JSON."""


@attrs.frozen
class AttrsModel:
    id: UUID
    at: datetime
    sizes: list[int]


@dataclasses.dataclass(frozen=True)
class DataModel:
    id: UUID
    at: datetime
    sizes: list[int]


class DictModel(TypedDict):
    id: UUID
    at: datetime
    sizes: list[int]


class StructModel(msgspec.Struct, frozen=True, rename={"ident": "id"}):
    ident: UUID
    at: datetime
    sizes: list[int]


class PydanticModel(pydantic.BaseModel):
    id: UUID
    at: datetime
    sizes: list[int]


MODELS: Final[dict[str, Any]] = {
    "attrs": AttrsModel(UUID(JOB_ID), MOMENT, [1, 2]),
    "dataclass": DataModel(UUID(JOB_ID), MOMENT, [1, 2]),
    "TypedDict": DictModel(id=UUID(JOB_ID), at=MOMENT, sizes=[1, 2]),
    "msgspec.Struct": StructModel(UUID(JOB_ID), MOMENT, [1, 2]),
    "pydantic": PydanticModel(id=UUID(JOB_ID), at=MOMENT, sizes=[1, 2]),
}


KINDS: Final[dict[str, Any]] = {
    "attrs": AttrsModel,
    "dataclass": DataModel,
    "TypedDict": DictModel,
    "msgspec.Struct": StructModel,
    "pydantic": PydanticModel,
}


def completed_job(result: Any) -> Answer:
    """A completed job with this result."""
    return Answer(200, job(result=None if result is None else json.dumps(result)))


CREATED: Final = Answer(201, job(status="pending", result=None))


@pytest.mark.parametrize("name", MODELS)
def test_payload_and_result_are_converted(client: FluxbaseClient, server: LocalServer, name: str) -> None:
    """Times and UUIDs are text on the wire, and values on both sides."""
    server.answer(CREATED, completed_job(WIRE))
    resize = client.jobs.define("resize", KINDS[name], KINDS[name], namespace="media")

    finished, error = resize.run(MODELS[name], poll=QUICK)

    assert error is None
    assert server.requests[0].json() == {"job_name": "resize", "namespace": "media", "payload": WIRE}
    assert finished.result == MODELS[name]
    assert isinstance(finished, CompletedJob)
    assert json.loads(finished.result_text or "") == WIRE


def test_submit_takes_the_options_of_jobs_submit(client: FluxbaseClient, server: LocalServer) -> None:
    """It returns the job, whose result is None until it ends."""
    server.answer(CREATED)

    submitted = client.jobs.define("resize", AttrsModel, AttrsModel).submit(MODELS["attrs"], priority=4, idempotency_key="k").unwrap()

    result: Any = submitted.result
    assert (submitted.status, result) == ("pending", None)
    assert server.requests[0].json() == {"job_name": "resize", "payload": WIRE, "priority": 4}
    assert server.requests[0].headers["idempotency-key"] == "k"


def test_a_submit_that_is_repeated_has_the_result_of_its_job(client: FluxbaseClient, server: LocalServer) -> None:
    """The server answers a key that it knows with the job, which may have ended: its result is of the declared type."""
    answer = Answer(201, job(result=json.dumps(WIRE)), {"idempotency-replayed": "true"})
    server.answer(answer)
    resize = client.jobs.define("resize", AttrsModel, AttrsModel)

    repeated = resize.submit(MODELS["attrs"], idempotency_key="k")
    ((_, of_batch),) = resize.submit_many([MODELS["attrs"]], batch_key="k")

    assert repeated.unwrap().result == of_batch.unwrap().result == MODELS["attrs"]
    assert (repeated.meta.status, repeated.meta.idempotency_replayed, of_batch.meta.attempts) == (201, True, 1)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (AttrsModel(UUID(JOB_ID), MOMENT, ["x"]), "sizes[0]"),  # type: ignore[list-item]  # on purpose
        ({"id": "no", "at": "2030-01-02T03:04:05Z", "sizes": []}, "id"),
        ({"id": JOB_ID}, "AttrsModel"),
        (7, "AttrsModel"),
        (object(), "AttrsModel"),
    ],
)
def test_invalid_payload_is_an_error_value(client: FluxbaseClient, server: LocalServer, payload: Any, says: str) -> None:
    """The error says where; neither verb sends anything."""
    resize = client.jobs.define("resize", AttrsModel, AttrsModel)

    for refused in (resize.submit(payload), resize.run(payload)):
        assert isinstance(refused.error, InvalidInput)
        assert refused.error.message.startswith("payload must be a AttrsModel")
        assert says in refused.error.message
    assert server.requests == []


def test_a_payload_of_another_shape_is_refused_by_a_pydantic_model(client: FluxbaseClient, server: LocalServer) -> None:
    """Its own validation says so."""
    error = client.jobs.define("resize", PydanticModel, PydanticModel).submit({"id": 1}).error  # type: ignore[arg-type]  # on purpose

    assert isinstance(error, InvalidInput)
    assert server.requests == []


@dataclasses.dataclass
class Picky:
    """A model whose own code raises any exception."""

    id: str

    def __post_init__(self) -> None:
        raise LookupError(self.id)


class PickyPydantic(PydanticModel):
    @classmethod
    def model_validate_json(cls, json_data: Any, **options: Any) -> NoReturn:
        """Fail in an unusual way."""
        raise LookupError(json_data, options)


@pytest.mark.parametrize("kind", [AttrsModel, DataModel, DictModel, StructModel, PydanticModel, Picky, PickyPydantic, int])
@pytest.mark.parametrize("result", [{"id": "no uuid", "extra": 1}, {}, {"id": None}])
def test_a_result_of_another_shape_is_a_mismatch(client: FluxbaseClient, server: LocalServer, kind: Any, result: Any) -> None:
    """An error that keeps the completed job, its plain result included, and quotes no value; the job read by itself has None."""
    server.answer(CREATED, completed_job(result))
    odd = client.jobs.define("resize", DictModel, kind)

    error = odd.run(MODELS["TypedDict"], poll=QUICK).error

    assert isinstance(error, ResultMismatch)
    assert error.job is not None
    assert (error.job.result, error.job_id) == (result, JOB_ID)
    assert "no uuid" not in f"{error} {error!r}"
    assert odd.read(error.job).unwrap().result is None


@pytest.mark.parametrize("waiting_for", ["job", "id"])
def test_waits_for_a_job_that_was_submitted_before(client: FluxbaseClient, server: LocalServer, waiting_for: str) -> None:
    """By the job or by its id, with the result of the declared type."""
    server.answer(CREATED, completed_job(WIRE))
    resize = client.jobs.define("resize", AttrsModel, AttrsModel)
    job = resize.submit(MODELS["attrs"]).unwrap()

    finished = resize.wait(job if waiting_for == "job" else job.id, poll=QUICK).unwrap()

    assert isinstance(finished, CompletedJob)
    assert (finished.result, finished.id) == (MODELS["attrs"], JOB_ID)


@pytest.mark.parametrize(("status", "kind"), [("failed", JobFailed), ("cancelled", JobCancelled)])
def test_waiting_for_a_job_that_does_not_complete_is_an_error(
    client: FluxbaseClient, server: LocalServer, status: str, kind: type[Exception]
) -> None:
    """As with `run`: what `wait` gives has a result."""
    server.answer(Answer(200, job(status=status, result=None, error_message="no disk")), Answer(200, {"logs": None}))

    assert type(client.jobs.define("resize", AttrsModel, AttrsModel).wait(JOB_ID, poll=QUICK).error) is kind


def test_submits_many_payloads(client: FluxbaseClient, server: LocalServer) -> None:
    """Each payload comes back with its job; one that does not fit is an error in its place."""
    server.answer(CREATED)
    payloads: list[Any] = [MODELS["attrs"], {"id": "no"}, MODELS["attrs"]]
    resize = client.jobs.define("resize", AttrsModel, AttrsModel, namespace="media")

    pairs = list(resize.submit_many(payloads, batch_key="b", priority=3, timeout=5))

    assert [payload for payload, _ in pairs] == payloads
    assert [type(result.error) for _, result in pairs] == [type(None), InvalidInput, type(None)]
    assert {type(result.data) for _, result in pairs} == {TypedJob, type(None)}
    assert all(result.unwrap().result is None for _, result in pairs if is_ok(result))
    assert {request.headers["idempotency-key"] for request in server.requests} == {"b#0", "b#2"}
    assert server.requests[0].json() == {"job_name": "resize", "namespace": "media", "payload": WIRE, "priority": 3}


def test_a_result_is_decoded_on_first_use(client: FluxbaseClient, server: LocalServer) -> None:
    """Once, and not before, where a job is only read."""
    made: list[str] = []

    @dataclasses.dataclass
    class Counted:
        id: str

        def __post_init__(self) -> None:
            made.append(self.id)

    server.answer(completed_job({"id": "one"}))
    finished = client.jobs.define("resize", DictModel, Counted).read(client.jobs.get(JOB_ID).unwrap()).unwrap()

    assert made == []
    assert finished.result is finished.result
    assert made == ["one"]


class Mode(pydantic.BaseModel):
    mode: Literal["fit", "crop"]
    sizes: list[Annotated[int, pydantic.Field(gt=0)]] = []
    inner: Mode | None = None


@pytest.mark.parametrize("change", ["mode", "sizes", "inner"])
def test_a_model_that_was_changed_after_its_validation_is_checked_again(client: FluxbaseClient, server: LocalServer, change: str) -> None:
    """By typed and by plain submits, also where the change is further inside; the message quotes no value."""
    payload = Mode(mode="fit", inner=Mode(mode="crop"))
    if change == "sizes":
        payload.sizes.append(-4242)
    else:
        changed: Any = payload if change == "mode" else payload.inner
        changed.mode = "stretched"

    for refused in (client.jobs.define("resize", Mode, Mode).submit(payload), client.jobs.submit("resize", {"all": [payload]})):
        assert isinstance(refused.error, InvalidInput)
        assert not any(value in f"{refused.error} {refused.error!r}" for value in ("4242", "stretched"))
    assert server.requests == []


class Square(msgspec.Struct, tag="square"):
    side: int


class Circle(msgspec.Struct, tag="circle"):
    radius: int


@dataclasses.dataclass
class Shape:
    shape: Square | Circle
    mode: Literal["fit", "crop"] = "fit"


@dataclasses.dataclass
class Checked:
    name: str

    def __post_init__(self) -> None:
        raise ValueError(f"{self.name} is no name")


class PydanticSquare(pydantic.BaseModel):
    kind: Literal["square"]


class PydanticCircle(pydantic.BaseModel):
    kind: Literal["circle"]


class PydanticChecked(pydantic.BaseModel):
    kind: str

    @pydantic.field_validator("kind", mode="before")
    @classmethod
    def _refuse(cls, value: object) -> object:
        raise ValueError(f"not {value}")


class PydanticShape(pydantic.BaseModel):
    shape: PydanticSquare | PydanticCircle = pydantic.Field(discriminator="kind")


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Shape, {"shape": {"type": "SECRET-4242"}}),
        (Shape, {"shape": {"type": "square", "side": 1}, "mode": "SECRET-4242"}),
        (Checked, {"name": "SECRET-4242"}),
        (PydanticShape, {"shape": {"kind": "SECRET-4242"}}),
        (PydanticChecked, {"kind": "SECRET-4242"}),
        (AttrsModel, {"id": "SECRET-4242", "at": 1, "sizes": []}),
    ],
)
def test_no_message_quotes_a_value(client: FluxbaseClient, server: LocalServer, kind: Any, payload: Any) -> None:
    """Neither that of a payload that does not fit, nor that of a result."""
    server.answer(CREATED, completed_job(payload))

    for error in (
        client.jobs.define("resize", kind, kind).submit(payload).error,
        client.jobs.define("resize", DictModel, kind).run(MODELS["TypedDict"], poll=QUICK).error,
    ):
        assert isinstance(error, InvalidInput | ResultMismatch)
        assert "4242" not in f"{error} {error!r}"
        assert len(str(error)) < 400


def test_what_is_unset_is_left_out_by_both(client: FluxbaseClient, server: LocalServer) -> None:
    """A definition and a plain submit send the same."""
    server.answer(CREATED)

    class Patch(msgspec.Struct):
        name: str | msgspec.UnsetType = msgspec.UNSET
        size: int = 3

    @dataclasses.dataclass
    class Partial:
        name: str | msgspec.UnsetType = msgspec.UNSET
        size: int = 3

    for payload in (Patch(), Partial()):
        client.jobs.submit("resize", payload).unwrap()
        client.jobs.define("resize", type(payload), AttrsModel).submit(payload).unwrap()

    assert [request.json()["payload"] for request in server.requests] == [{"size": 3}] * 4


def test_typed_result_of_a_job_from_get(client: FluxbaseClient, server: LocalServer) -> None:
    """`read` converts the job of `get` or of a list; its other fields stay."""
    server.answer(completed_job(WIRE))
    plain = client.jobs.get(JOB_ID).unwrap()

    typed = client.jobs.define("resize", AttrsModel, AttrsModel).read(plain).unwrap()

    assert typed.result == MODELS["attrs"]
    assert (typed.id, typed.payload, typed.created_at, typed.succeeded) == (plain.id, plain.payload, plain.created_at, True)
    assert plain.result == WIRE


def test_typed_job_can_be_pickled(client: FluxbaseClient, server: LocalServer) -> None:
    """With its type, for process pools."""
    server.answer(CREATED, completed_job(WIRE))
    finished = client.jobs.define("resize", AttrsModel, AttrsModel).run(MODELS["attrs"], poll=QUICK)

    again = pickle.loads(pickle.dumps(finished))  # noqa: S301  # our own

    assert again == finished
    assert again.data.result == MODELS["attrs"]


def test_run_fails_like_jobs_run(client: FluxbaseClient, server: LocalServer) -> None:
    """The error value has the job."""
    server.answer(CREATED, Answer(200, job(status="failed", result=None, error_message="no disk")), Answer(200, {"logs": None}))

    error = client.jobs.define("resize", AttrsModel, AttrsModel).run(MODELS["attrs"], poll=QUICK).error

    assert isinstance(error, JobFailed)
    assert error.message == "no disk"


def test_invalid_name_and_options_are_refused(client: FluxbaseClient, server: LocalServer) -> None:
    """The name when the job is defined, as a constructor refuses arguments; options as by `jobs.run`."""
    with pytest.raises(InvalidInput, match="job_name"):
        client.jobs.define("", AttrsModel, AttrsModel)

    assert isinstance(client.jobs.define("resize", AttrsModel, AttrsModel).run(MODELS["attrs"], timeout=0).error, InvalidInput)
    assert server.requests == []


class NoModel:
    pass


@pytest.mark.parametrize("odd", [5, "AttrsModel", b"", ["a"], {}, len, NoModel, NoModel(), MODELS["attrs"], AttrsModel | NoModel])
@pytest.mark.parametrize("argument", ["payload_type", "result_type"])
def test_what_no_json_is_read_as_is_no_type(client: FluxbaseClient, argument: str, odd: Any) -> None:
    """It is refused when the job is defined, not when its first result comes."""
    types: dict[str, Any] = {"payload_type": AttrsModel, "result_type": AttrsModel, argument: odd}

    with pytest.raises(InvalidInput, match=argument):
        client.jobs.define("resize", **types)


@dataclasses.dataclass
class Forward:
    """A model that names one that is defined later."""

    inner: Later | None = None


def test_types_may_name_others_that_are_defined_later(client: FluxbaseClient, server: LocalServer) -> None:
    """As in a module that defines its jobs before the last of its models."""
    server.answer(CREATED)
    resize = client.jobs.define("resize", Forward, Forward)

    assert resize.submit(Forward(Later(7))).ok
    assert server.requests[0].json()["payload"] == {"inner": {"n": 7}}


@dataclasses.dataclass
class Later:
    n: int


@pytest.mark.parametrize("odd", [None, 5, JOB_ID, {"id": JOB_ID}, object()])
def test_only_jobs_are_read(client: FluxbaseClient, odd: Any) -> None:
    """Not their ids: nothing is sent."""
    error = client.jobs.define("resize", AttrsModel, AttrsModel).read(odd).error

    assert isinstance(error, InvalidInput)
    assert "job must be a Job" in error.message


def test_pydantic_models_inside_other_types(client: FluxbaseClient, server: LocalServer) -> None:
    """In a list, say: read and checked as by themselves."""
    server.answer(CREATED, completed_job({"all": [WIRE]}), CREATED, completed_job({"all": [{"id": 7}]}))
    resize = client.jobs.define("resize", dict[str, list[PydanticModel]], dict[str, list[PydanticModel]])

    finished = resize.run({"all": [MODELS["pydantic"]]}, poll=QUICK).unwrap()
    unlike = resize.run({"all": []}, poll=QUICK).error

    assert finished.result == {"all": [MODELS["pydantic"]]}
    assert server.requests[0].json()["payload"] == {"all": [WIRE]}
    assert isinstance(unlike, ResultMismatch)
    assert isinstance(resize.submit({"all": [{"id": 7}]}).error, InvalidInput)  # type: ignore[list-item]  # on purpose
