"""`jobs.define`: jobs with typed payloads and results."""

from __future__ import annotations

import dataclasses
import json
import pickle
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, Self, TypedDict
from uuid import UUID

import attrs
import msgspec
import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, JobFailed, Ok, PollPolicy, TypedJob

from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job

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


@dataclasses.dataclass
class PydanticLike:
    """The methods of pydantic models that the client uses; pydantic is not installed for the tests."""

    id: str
    at: str
    sizes: list[int]

    @classmethod
    def model_validate(cls, value: Any) -> Self:
        """Accept an instance, or convert a mapping."""
        return value if isinstance(value, cls) else cls(**value)

    @classmethod
    def model_validate_json(cls, text: str) -> Self:
        """Decode JSON text; as with pydantic, errors are ValueErrors."""
        try:
            return cls(**json.loads(text))
        except TypeError as fault:
            raise ValueError(str(fault)) from None

    def model_dump(self, *, mode: str, by_alias: bool) -> dict[str, Any]:
        """Convert to JSON values."""
        return {"id": self.id, "at": self.at, "sizes": self.sizes} if mode == "json" and by_alias else {}


MODELS: Final[dict[str, Any]] = {
    "attrs": AttrsModel(UUID(JOB_ID), MOMENT, [1, 2]),
    "dataclass": DataModel(UUID(JOB_ID), MOMENT, [1, 2]),
    "TypedDict": DictModel(id=UUID(JOB_ID), at=MOMENT, sizes=[1, 2]),
    "msgspec.Struct": StructModel(UUID(JOB_ID), MOMENT, [1, 2]),
    "pydantic": PydanticLike(JOB_ID, WIRE["at"], [1, 2]),  # type: ignore[arg-type]  # of a mapping of several types
}


KINDS: Final[dict[str, Any]] = {
    "attrs": AttrsModel,
    "dataclass": DataModel,
    "TypedDict": DictModel,
    "msgspec.Struct": StructModel,
    "pydantic": PydanticLike,
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
    assert isinstance(finished, TypedJob)
    assert json.loads(finished.result_text or "") == WIRE


def test_submit_takes_the_options_of_jobs_submit(client: FluxbaseClient, server: LocalServer) -> None:
    """It returns the job, whose result is None until it ends."""
    server.answer(CREATED)

    submitted = client.jobs.define("resize", AttrsModel, AttrsModel).submit(MODELS["attrs"], priority=4, idempotency_key="k").unwrap()

    result: Any = submitted.result
    assert (submitted.status, result) == ("pending", None)
    assert server.requests[0].json() == {"job_name": "resize", "payload": WIRE, "priority": 4}
    assert server.requests[0].headers["idempotency-key"] == "k"


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


def test_invalid_payload_of_a_pydantic_model(client: FluxbaseClient, server: LocalServer) -> None:
    """The error has pydantic's message."""
    error = client.jobs.define("resize", PydanticLike, PydanticLike).submit({"id": 1}).error  # type: ignore[arg-type]  # on purpose

    assert isinstance(error, InvalidInput)
    assert server.requests == []


@dataclasses.dataclass
class Picky:
    """A model whose own code raises any exception."""

    id: str

    def __post_init__(self) -> None:
        raise LookupError(self.id)


class PickyPydantic(PydanticLike):
    @classmethod
    def model_validate_json(cls, text: str) -> NoReturn:
        """Fail in an unusual way."""
        raise LookupError(text)


@pytest.mark.parametrize("kind", [AttrsModel, DataModel, DictModel, StructModel, PydanticLike, Picky, PickyPydantic, int])
@pytest.mark.parametrize("result", [{"id": "no uuid", "extra": 1}, {}, {"id": None}])
def test_invalid_result_stays_plain_json(client: FluxbaseClient, server: LocalServer, kind: Any, result: Any) -> None:
    """A completed job is never lost because of its result."""
    server.answer(CREATED, completed_job(result))

    finished = client.jobs.define("resize", DictModel, kind).run(MODELS["TypedDict"], poll=QUICK)

    assert isinstance(finished, Ok)
    assert finished.data.result == result


def test_a_result_is_decoded_on_first_use(client: FluxbaseClient, server: LocalServer) -> None:
    """Once, and not before."""
    made: list[str] = []

    @dataclasses.dataclass
    class Counted:
        id: str

        def __post_init__(self) -> None:
            made.append(self.id)

    server.answer(CREATED, completed_job({"id": "one"}))
    finished = client.jobs.define("resize", DictModel, Counted).run(MODELS["TypedDict"], poll=QUICK).unwrap()

    assert made == []
    assert finished.result is finished.result
    assert made == ["one"]


def test_typed_result_of_a_job_from_get(client: FluxbaseClient, server: LocalServer) -> None:
    """`read` converts the job of `get` or of a list; its other fields stay."""
    server.answer(completed_job(WIRE))
    plain = client.jobs.get(JOB_ID).unwrap()

    typed = client.jobs.define("resize", AttrsModel, AttrsModel).read(plain)

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
    """As by `jobs.submit` and `jobs.run`."""
    nameless, resize = client.jobs.define("", AttrsModel, AttrsModel), client.jobs.define("resize", AttrsModel, AttrsModel)

    for refused in (nameless.submit(MODELS["attrs"]), resize.run(MODELS["attrs"], timeout=0)):
        assert isinstance(refused.error, InvalidInput)
    assert server.requests == []
