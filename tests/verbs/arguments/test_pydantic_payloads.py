"""Pydantic's models and dataclasses as payloads: the JSON that pydantic writes, or InvalidInput with the way to what it would hide or change."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
import pydantic
import pytest
from fluxbase_jobs import FluxbaseClient
from pydantic import dataclasses

from tests.support.sample_responses import job
from tests.support.sent_payloads import refusal, sent
from tests.support.servers.local_server import Answer, LocalServer

NAIVE: Final = datetime(2026, 1, 1)  # noqa: DTZ001  # on purpose


class Point(pydantic.BaseModel):
    x: int
    y: Any = None


class Aliased(pydantic.BaseModel):
    file_name: str = pydantic.Field(alias="fileName")


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    x: int = 1


@dataclasses.dataclass
class Size:
    width: int = pydantic.Field(alias="w")
    inner: Any = None


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Secret(pydantic.BaseModel):
    password: pydantic.SecretStr


class Shown(pydantic.BaseModel):
    password: pydantic.SecretStr
    token: pydantic.SecretBytes

    @pydantic.field_serializer("password", "token", when_used="json")
    def show(self, value: Any) -> str:
        """Written as it is."""
        secret = value.get_secret_value()
        return secret if isinstance(secret, str) else secret.decode(errors="replace")


class Holding(pydantic.BaseModel):
    held: Any


class WithTime(pydantic.BaseModel):
    at: datetime


class Stamped(pydantic.BaseModel):
    at: datetime

    @pydantic.field_serializer("at", when_used="json")
    def write(self, value: datetime) -> str:
        """In words of its own, without an offset that could be read."""
        return f"on {value:%d.%m.%Y}"


class Dropping(pydantic.BaseModel):
    """Its serializer writes less than it holds."""

    held: Any
    written: Any

    @pydantic.field_serializer("held", when_used="json")
    def write(self, value: Any) -> Any:  # noqa: ARG002  # pydantic's
        """Something else."""
        return self.written


class TypedExtra(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int] = pydantic.Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]  # as pydantic documents it


class Short(msgspec.Struct, omit_defaults=True):
    items: list[int] = []
    name: str = "none"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (Point(x=1), {"x": 1, "y": None}),
        (Aliased(fileName="a"), {"fileName": "a"}),
        (Open(x=2, more=[1]), {"x": 2, "more": [1]}),  # type: ignore[call-arg]  # an extra field
        (Size(w=3), {"w": 3, "inner": None}),
        (Size(w=3, inner=Aliased(fileName="b")), {"w": 3, "inner": {"fileName": "b"}}),
        (Point(x=1, y=Numbers([1, 2])), {"x": 1, "y": [1, 2]}),
        (Point(x=1, y=(1, [Point(x=2)])), {"x": 1, "y": [1, [{"x": 2, "y": None}]]}),
        (Shown(password=pydantic.SecretStr("a"), token=pydantic.SecretBytes(b"b")), {"password": "a", "token": "b"}),
        (Shown(password=pydantic.SecretStr("a"), token=pydantic.SecretBytes(b"\xff")), {"password": "a", "token": "\ufffd"}),
        (WithTime(at=datetime(2026, 1, 1, tzinfo=UTC)), {"at": "2026-01-01T00:00:00Z"}),
        (Stamped(at=NAIVE), {"at": "on 01.01.2026"}),
        (Holding(held="2026-01-01T00:00:00"), {"held": "2026-01-01T00:00:00"}),
        (Dropping(held=[float("nan"), 1], written=[]), {"held": [], "written": []}),
        (Dropping(held=[b"x"], written="x"), {"held": "x", "written": "x"}),
        (Dropping(held={"a": float("nan")}, written={}), {"held": {}, "written": {}}),
        (TypedExtra(more=1), {"more": 1}),  # type: ignore[call-arg]  # an extra field
        (Short(), {}),
        (Short(items=[1], name="some"), {"items": [1], "name": "some"}),
    ],
    ids=lambda each: type(each).__name__,
)
def test_models_are_sent_as_pydantic_writes_them(client: FluxbaseClient, server: LocalServer, payload: object, expected: object) -> None:
    """By their aliases."""
    assert sent(client, server, payload) == expected


LONG: Final = "k" * 70
CASES: Final[dict[str, tuple[object, str]]] = {
    "a secret": (Secret(password=pydantic.SecretStr("tiger")), "payload.password is a masked secret"),
    "a secret in a list": (Holding(held=[1, Secret(password=pydantic.SecretStr("tiger"))]), "payload.held[1].password is a masked secret"),
    "a set": (Holding(held={1}), "payload.held must be JSON (object, list, text, number, boolean or None); set is not"),
    "bytes": (Holding(held=[b"a"]), "payload.held[0] must be JSON (object, list, text, number, boolean or None); bytes is not"),
    "a bytearray": (
        Holding(held=bytearray(b"a")),
        "payload.held must be JSON (object, list, text, number, boolean or None); bytearray is not",
    ),
    "NaN": (Holding(held={"a": float("nan")}), "payload.held.a must be a finite number; JSON has no NaN and no infinity"),
    "a naive datetime": (WithTime(at=NAIVE), "payload.at must have an offset; a datetime without one could mean any moment"),
    "a key that is no text": (Holding(held={1: "a"}), "payload.held has a key that is not text but int"),
    "a long key": (Holding(held={LONG: {1}}), f"payload.held.{'k' * 27} ... {'k' * 27} must be JSON"),
    "a key with a line break": (Holding(held={"a\nb": {1}}), "payload.held.'a\\nb' must be JSON"),
    "deep": (Holding(held=[[[[[[[[[[[[[[[[[[[[[{1}]]]]]]]]]]]]]]]]]]]]]), "payload.held[0][0]"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_pydantic_would_hide_or_change_is_refused(client: FluxbaseClient, server: LocalServer, case: str) -> None:
    """With the way to it."""
    payload, expected = CASES[case]

    message = refusal(client, server, payload)

    assert message.startswith(expected), message
    assert "tiger" not in message
    assert len(message) < 400


def test_a_model_that_was_changed_is_validated_again(client: FluxbaseClient, server: LocalServer) -> None:
    """An assignment is not validated by pydantic."""
    point = Point(x=1)
    point.x = "no number"  # type: ignore[assignment]  # on purpose

    message = refusal(client, server, {"inner": [point]})

    assert message.startswith("payload.inner[0] must be a valid Point: ")
    assert "x" in message


@pytest.mark.parametrize(("payload", "expected"), [({"x": "1"}, {"x": 1, "y": None}), (Point(x=2), {"x": 2, "y": None})])
def test_a_definition_makes_its_model_of_a_dict(client: FluxbaseClient, server: LocalServer, payload: Any, expected: object) -> None:
    """With the model's defaults and conversions; a model is sent as it is."""
    server.answer(Answer(201, job(status="pending")))

    client.jobs.define("resize", Point, Point).submit(payload).unwrap()

    assert server.requests[-1].json()["payload"] == expected


def test_a_value_that_validation_would_change_is_refused(client: FluxbaseClient, server: LocalServer) -> None:
    """The text of a number is valid, and it is not what the model declares."""
    point = Point(x=1)
    point.x = "7"  # type: ignore[assignment]  # on purpose

    assert refusal(client, server, point).startswith("payload must be a valid Point: ")


def test_extra_fields_are_validated_again(client: FluxbaseClient, server: LocalServer) -> None:
    """By the type that they are declared to have."""
    changed = TypedExtra(more=1)  # type: ignore[call-arg]  # an extra field
    changed.more = "no number"  # type: ignore[attr-defined]  # the same

    assert refusal(client, server, changed).startswith("payload must be a valid TypedExtra: ")


class Scaled(pydantic.BaseModel):
    """Written with what it knows beside its fields, which has no default."""

    size: int
    at: datetime
    _unit: str = pydantic.PrivateAttr()

    @pydantic.field_serializer("size")
    def write(self, size: int) -> str:
        """With the unit."""
        return f"{size} {self._unit}"

    @classmethod
    def of(cls, size: int, unit: str) -> Scaled:
        """A size in this unit."""
        made = cls(size=size, at=datetime(2026, 1, 1, tzinfo=UTC))
        made._unit = unit
        return made


def test_a_model_is_validated_with_what_it_knows_beside_its_fields(client: FluxbaseClient, server: LocalServer) -> None:
    """Its serializers may need it."""
    assert sent(client, server, Scaled.of(3, "px")) == {"size": "3 px", "at": "2026-01-01T00:00:00Z"}


class Counted(pydantic.BaseModel):
    at: datetime
    size: int


def test_a_number_of_another_type_is_sent_where_it_is_equal(client: FluxbaseClient, server: LocalServer) -> None:
    """As programs calculate them: 4 / 2 is 2.0."""
    counted = Counted(at=datetime(2026, 1, 1, tzinfo=UTC), size=1)
    counted.size = 4 / 2  # type: ignore[assignment]  # on purpose

    assert sent(client, server, counted) == {"at": "2026-01-01T00:00:00Z", "size": 2}


class Table(pydantic.RootModel[Annotated[dict[str, Any], pydantic.Field(min_length=1)]]):
    pass


class Embedded(pydantic.BaseModel):
    """A model with a field that it reads from JSON text, by another name."""

    options: pydantic.Json[dict[str, int]] = pydantic.Field(alias="opts")
    size: int = 1


def test_a_model_that_reads_json_text_is_sent_by_its_alias(client: FluxbaseClient, server: LocalServer) -> None:
    """With what is in the text."""
    assert sent(client, server, Embedded.model_validate({"opts": '{"a": 1}'})) == {"opts": {"a": 1}, "size": 1}


def changed(model: Any, **changes: object) -> Any:
    """The model with other values, which pydantic does not validate."""
    for name, value in changes.items():
        setattr(model, name, value)
    return model


NO_INTEGER: Final = "Input should be a valid integer, unable to parse string as an integer - at `x`"
CHANGED: Final[dict[str, tuple[Callable[[], object], str]]] = {
    "a root": (lambda: changed(Table({"a": 1}), root={}), " must be a valid Table: Dictionary should have at least 1 item"),
    "a root of another type": (lambda: changed(Table({"a": 1}), root=[1]), " must be a valid Table: Input should be a valid dictionary"),
    "in a root": (lambda: Table({"a": [changed(Point(x=1), x="no")]}), f".a[0] must be a valid Point: {NO_INTEGER}"),
    "in a field": (lambda: Holding(held=changed(Point(x=1), x="no")), f".held must be a valid Point: {NO_INTEGER}"),
    "in a dict": (lambda: Holding(held={"b": (changed(Point(x=1), x="no"),)}), f".held.b[0] must be a valid Point: {NO_INTEGER}"),
    "in an extra field": (lambda: Open.model_validate({"more": changed(Point(x=1), x="no")}), f".more must be a valid Point: {NO_INTEGER}"),
    "in a dataclass": (lambda: Size(w=1, inner=[changed(Point(x=1), x="no")]), f".inner[0] must be a valid Point: {NO_INTEGER}"),
    "text of a number": (
        lambda: changed(Point(x=1), x="7"),
        " must be a valid Point: refused by its own check (PydanticSerializationError)",
    ),
    "beside JSON text": (
        lambda: changed(Embedded.model_validate({"opts": "{}"}), size="7"),
        " must be a valid Embedded: refused by its own check (PydanticSerializationError)",
    ),
    "in the place of JSON text": (
        lambda: changed(Embedded.model_validate({"opts": "{}"}), options={"a": "no"}),
        " must be a valid Embedded: JSON input should be string, bytes or bytearray - at `options`",
    ),
}


@pytest.mark.parametrize("case", CHANGED)
def test_a_changed_model_is_told_with_the_way_to_it(client: FluxbaseClient, server: LocalServer, case: str) -> None:
    """By the error alone: no warning of pydantic's is shown beside it."""
    make, says = CHANGED[case]

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        message = refusal(client, server, make())

    assert message.startswith(f"payload{says}")
    assert warned == []


class Failing(pydantic.BaseModel):
    x: int = 1

    @pydantic.field_serializer("x")
    def write(self, x: int) -> int:
        """Never."""
        raise TypeError(f"SECRET {x}")


class Overriding(pydantic.BaseModel):
    x: int = 1

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """Never."""
        raise LookupError("SECRET")


class Unhashed(pydantic.BaseModel):
    held: Any

    @pydantic.computed_field
    def number(self) -> int:
        """Never."""
        raise TypeError("SECRET")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"a": Failing()}, "payload.a cannot be written as JSON by pydantic: PydanticSerializationError"),
        ({"a": Overriding()}, "payload.a cannot be read: LookupError"),
        ({"a": Unhashed(held=1)}, "payload.a cannot be written as JSON by pydantic: TypeError"),
        ({"a": Unhashed(held=[{1}])}, "payload.a.held[0] must be JSON (object, list, text, number, boolean or None); set is not"),
        ({"a": Unhashed(held=changed(Point(x=1), x="no"))}, f"payload.a.held must be a valid Point: {NO_INTEGER}"),
        ({"a": changed(Failing(), x="no")}, f"payload.a must be a valid Failing: {NO_INTEGER}"),
    ],
)
def test_a_model_that_cannot_be_written_is_told(client: FluxbaseClient, server: LocalServer, payload: object, message: str) -> None:
    """By what is wrong with its values, where it is that."""
    assert refusal(client, server, payload) == message


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        (True, "True"),
        (7, "7"),
        (1.5, "1.5"),
        (2**200, "an integer of 201 bits"),
        (-(2**1200), "an integer of 1,201 bits"),
        (2**200 - 1, str(2**200 - 1)),
        (timedelta(1), "datetime.timedelta(days=1)"),
        ("x" * 60, repr("x" * 60)),
        ("x" * 61, "str"),
        (NAIVE, "a datetime without an offset, datetime.datetime(2026, 1, 1, 0, 0)"),
        (datetime(2026, 1, 1, tzinfo=UTC), "datetime"),
        (b"x", "bytes"),
        (type("N" * 70, (), {})(), f"{'N' * 27} ... {'N' * 27}"),
        (type("Text", (str,), {})("x"), "Text"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_refused_value_is_shown_where_it_is_short(client: FluxbaseClient, value: Any, shown: str) -> None:
    """And of a class of Python's own; of others the class alone, whose repr could be anything."""
    error = client.jobs.get(value).error

    assert error is not None
    assert error.message == f"job_id must be a UUID, as text or uuid.UUID; got {shown}"
