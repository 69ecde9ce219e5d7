"""What is said of an argument that is refused: its name or its way, the rule, and what was given where that is short."""

from __future__ import annotations

import dataclasses
import sys
from collections import ChainMap, UserDict, UserList
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NoReturn

import attrs
import msgspec
import pydantic
import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, Job

from tests.support.sample_responses import JOB_ID, job
from tests.support.sent_payloads import sent
from tests.support.servers.local_server import Answer, LocalServer

NAIVE: Final = datetime(2026, 1, 1)  # noqa: DTZ001  # on purpose
STATUSES: Final = "status must be one of pending, running, completed, failed, cancelled, interrupted; got "
UUIDS: Final = "job_id must be a UUID, as text or uuid.UUID; got "
SECONDS: Final = "timeout must be a positive number of seconds, at most 1,000,000,000, or a timedelta; got "
MOMENTS: Final = "scheduled must be an aware datetime, a timedelta from now, or RFC 3339 text with an offset; got "
SEGMENTS: Final = "name must consist of the letters a to z, digits and -._~, else the server does not find it; got "
KEYS: Final = "idempotency_key must be 1 to 256 visible ASCII characters without blanks"
FIELDS: Final = (
    "name, code, description, schedule, original_code, timeout_seconds, memory_limit_mb, max_retries, progress_timeout_seconds, "
    "enabled, is_bundled, allow_net, allow_env, allow_read, allow_write, require_roles"
)


class OddJob(Job):
    @property
    def id(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]  # what is tested
        raise LookupError("SECRET")


def odd_job() -> Job:
    """A job that cannot tell its id."""
    return msgspec.convert(job(), OddJob)


ARGUMENTS: Final[list[tuple[Callable[[Any], Any], str]]] = [
    (lambda jobs: jobs.get("x"), f"{UUIDS}'x'"),
    (lambda jobs: jobs.get(odd_job()), "job_id cannot be read: LookupError; got OddJob"),
    (lambda jobs: jobs.list(status="done"), f"{STATUSES}'done'"),
    (lambda jobs: jobs.list(status=7), f"{STATUSES}7"),
    (lambda jobs: jobs.submit(""), "job_name must be text and not empty; got ''"),
    (lambda jobs: jobs.submit(7), "job_name must be text and not empty; got 7"),
    (lambda jobs: jobs.submit("a\0b"), "job_name must not contain a NUL character"),
    (lambda jobs: jobs.submit("a\ud800b"), "job_name must not contain a lone surrogate"),
    (lambda jobs: jobs.submit("a\udfffb"), "job_name must not contain a lone surrogate"),
    (lambda jobs: jobs.submit("resize", namespace=""), "namespace must be text and not empty; got ''"),
    (lambda jobs: jobs.submit("resize", priority=2**31), "priority must be an integer from -2147483648 to 2147483647; got 2147483648"),
    (lambda jobs: jobs.submit("resize", priority=True), "priority must be an integer from -2147483648 to 2147483647; got True"),
    (lambda jobs: jobs.logs(JOB_ID, after_line=-1), "after_line must be an integer from 0 to 2147483647; got -1"),
    (lambda jobs: jobs.get(JOB_ID, include_logs=1), "include_logs must be True or False; got 1"),
    (lambda jobs: jobs.run("resize", on_progress=5), "on_progress must be a function or None; got 5"),
    (lambda jobs: jobs.get(JOB_ID, timeout=0), f"{SECONDS}0"),
    (lambda jobs: jobs.get(JOB_ID, timeout=1_000_000_001), f"{SECONDS}1000000001"),
    (lambda jobs: jobs.get(JOB_ID, timeout=timedelta(0)), f"{SECONDS}datetime.timedelta(0)"),
    (lambda jobs: jobs.get(JOB_ID, timeout="5"), f"{SECONDS}'5'"),
    (lambda jobs: jobs.submit("resize", scheduled=5), f"{MOMENTS}5"),
    (lambda jobs: jobs.submit("resize", scheduled="2030-01-02"), f"{MOMENTS}'2030-01-02'"),
    (lambda jobs: jobs.submit("resize", scheduled="2030-13-02T00:00:00Z"), f"{MOMENTS}'2030-13-02T00:00:00Z'"),
    (lambda jobs: jobs.submit("resize", scheduled=NAIVE), f"{MOMENTS}a datetime without an offset, {NAIVE!r}"),
    (lambda jobs: jobs.submit("resize", scheduled=timedelta.max), f"{MOMENTS}{timedelta.max!r}"),
    (lambda jobs: jobs.submit("resize", scheduled="0001-01-01T00:00:00+01:00"), f"{MOMENTS}'0001-01-01T00:00:00+01:00'"),
    (
        lambda jobs: jobs.submit("resize", scheduled=timedelta(seconds=-1.5)),
        "scheduled must not be a negative timedelta; got one of -1.5 s",
    ),
    *((lambda jobs, key=key: jobs.submit("resize", idempotency_key=key), KEYS) for key in ("", "k" * 257, "a b", "a\x7f", "é", 5)),
]


@pytest.mark.parametrize("case", ARGUMENTS, ids=lambda case: case[1])
def test_a_refused_argument_is_told_by_its_name(client: FluxbaseClient, server: LocalServer, case: tuple[Any, str]) -> None:
    """With the rule, and with what was given. A key is not shown: it may be a secret of the program."""
    call, message = case

    error = call(client.jobs).error

    assert type(error) is InvalidInput
    assert error.message == message
    assert server.requests == []


ADMIN: Final[list[tuple[Callable[[Any], Any], str]]] = [
    (lambda jobs: jobs.get_function("default", "a/b"), f"{SEGMENTS}'a/b'"),
    (lambda jobs: jobs.get_function("default", ""), "name must be text and not empty; got ''"),
    (lambda jobs: jobs.sync("x"), "functions must be a list of SyncFunction values or mappings; got str"),
    (lambda jobs: jobs.sync([5]), "functions[0] must be a SyncFunction or a mapping; got int"),
    (lambda jobs: jobs.sync([{}]), "functions[0] has no name"),
    (lambda jobs: jobs.sync([{"name": "a"}]), "functions[0] has no code"),
    (lambda jobs: jobs.sync([{"names": "a"}]), f"functions[0] has an unknown key 'names'; known are {FIELDS}"),
    (lambda jobs: jobs.sync([{"name": "a", "code": "b"}] * 2), "functions[1].name 'a' is there twice"),
    (
        lambda jobs: jobs.sync([{"name": "a", "code": "b", "max_retries": -1}]),
        "functions[0].max_retries must be an integer from 0 to 2147483647; got -1",
    ),
    (
        lambda jobs: jobs.sync([{"name": "a", "code": "b", "require_roles": "admin"}]),
        "functions[0].require_roles must be a list of texts; got str",
    ),
    (
        lambda jobs: jobs.sync([{"name": "a", "code": "b", "require_roles": ["a", 5]}]),
        "functions[0].require_roles[1] must be text and not empty; got 5",
    ),
    (
        lambda jobs: jobs.sync([{"name": "a", "code": "b", "description": 5}]),
        "functions[0].description must be text and not empty; got 5",
    ),
]


@pytest.mark.parametrize("case", ADMIN, ids=lambda case: case[1][:60])
def test_a_refused_argument_of_an_administrator_is_told_by_its_name(
    client: FluxbaseClient, server: LocalServer, case: tuple[Any, str]
) -> None:
    """In a function to sync with the place of the function."""
    call, message = case

    error = call(client.admin.jobs).error

    assert type(error) is InvalidInput
    assert error.message == message
    assert server.requests == []


@pytest.mark.parametrize("key", ["!", "~", "k" * 256])
def test_a_key_may_be_any_visible_ascii_characters(client: FluxbaseClient, server: LocalServer, key: str) -> None:
    """One to 256 of them."""
    server.answer(Answer(201, job(status="pending")))

    client.jobs.submit("resize", idempotency_key=key).unwrap()

    assert server.requests[0].headers["idempotency-key"] == key


class Kind:
    """A class that JSON is not read as."""


class LongNamed:
    pass


LongNamed.__name__ = "L" * 70


def test_a_type_that_json_is_not_read_as_is_told(client: FluxbaseClient) -> None:
    """A class by its name, another value as it is."""
    rule = "must be an attrs class, dataclass, TypedDict, msgspec.Struct or pydantic model; got"

    for given, shown in ((Kind, "the class Kind"), (LongNamed, f"the class {'L' * 27} ... {'L' * 27}"), (5, "5"), ("x", "'x'")):
        types: list[tuple[str, tuple[Any, Any]]] = [("payload_type", (given, dict)), ("result_type", (dict, given))]
        for name, pair in types:
            with pytest.raises(InvalidInput) as raised:
                client.jobs.define("resize", *pair)
            assert raised.value.message == f"{name} {rule} {shown}"


def _raise(*_: object, **__: object) -> NoReturn:
    raise LookupError("SECRET")


class Unreadable(UserDict[str, object]):
    __iter__ = _raise


class Row(msgspec.Struct, array_like=True):
    a: int


NO_JSON: Final = "must be JSON (object, list, text, number, boolean or None);"
OBJECT: Final = "payload must be a JSON object (a mapping or a model), or None; got"
NO_NUMBER: Final = "must be a finite number; JSON has no NaN and no infinity"
TOO_LARGE: Final = "must lie within ±(2^53-1); the server would round a larger integer"
NO_OFFSET: Final = "must have an offset; a datetime without one could mean any moment"
PAYLOADS: Final[dict[str, tuple[Any, str]]] = {
    "a number": (5, f"{OBJECT} int"),
    "a tuple": ((1, 2), f"{OBJECT} tuple"),
    "a text": ("{}", f"{OBJECT} str"),
    "a row": (Row(1), f"{OBJECT} Row"),
    "an object": (object(), f"payload {NO_JSON} object is not"),
    "an object inside": ({"a": [0, object()]}, f"payload.a[1] {NO_JSON} object is not"),
    "bytes": ({"a": b"x"}, f"payload.a {NO_JSON} bytes is not"),
    "nothing": ({"a": attrs.NOTHING}, f"payload.a {NO_JSON} _Nothing is not"),
    "unset": ({"a": msgspec.UNSET}, f"payload.a {NO_JSON} UnsetType is not"),
    "a key": ({"a": {1: 2}}, "payload.a has a key that is not text but int"),
    "a key with NUL": ({"a": {"\0": 2}}, "payload.a must not contain a NUL character"),
    "a text with a surrogate": ({"a": "\udfff"}, "payload.a must not contain a lone surrogate"),
    "a large integer": ({"a": 2**53}, f"payload.a {TOO_LARGE}"),
    "a low integer": ({"a": -(2**53)}, f"payload.a {TOO_LARGE}"),
    "infinity": ({"a": float("-inf")}, f"payload.a {NO_NUMBER}"),
    "an infinite decimal": ({"a": Decimal("Infinity")}, f"payload.a {NO_NUMBER}"),
    "a naive datetime": ({"a": NAIVE}, f"payload.a {NO_OFFSET}"),
    "a secret": (
        {"a": pydantic.SecretStr("SECRET")},
        "payload.a is a masked secret, which would be sent as asterisks; pass its get_secret_value(), or declare a plain str field",
    ),
    "a mapping that raises": ({"a": Unreadable()}, "payload.a cannot be read: LookupError"),
}


@pytest.mark.parametrize("case", PAYLOADS)
def test_a_refused_payload_is_told_with_the_way_to_the_fault(client: FluxbaseClient, server: LocalServer, case: str) -> None:
    """And with the rule, never with the value."""
    payload, message = PAYLOADS[case]

    error = client.jobs.submit("resize", payload).error

    assert type(error) is InvalidInput
    assert error.message == message
    assert server.requests == []


class Point(pydantic.BaseModel):
    x: int


@attrs.frozen
class Place:
    x: int


@pytest.mark.parametrize(
    ("kind", "payload", "message"),
    [
        (Point, {}, "payload must be a Point: Field required - at `x`"),
        (Point, {"x": "SECRET"}, "payload must be a Point: Input should be a valid integer, unable to parse string as an integer - at `x`"),
        (Place, {}, "payload must be a Place: Object missing required field `x`"),
        (Place, {"x": "SECRET"}, "payload must be a Place: Expected `int`, got `str` - at `$.x`"),
        (Place, object(), f"payload must be a Place: it {NO_JSON} object is not"),
        (Place, {"x": object()}, f"payload.x {NO_JSON} object is not"),
        (list[int], [1], f"{OBJECT} list"),
        (list[int] | None, {}, "payload must be a list[int] | None: Expected `array | null`, got `object`"),
    ],
)
def test_a_payload_of_another_type_is_told(client: FluxbaseClient, server: LocalServer, kind: Any, payload: Any, message: str) -> None:
    """By the name of the type, the rule and the place."""
    error = client.jobs.define("resize", kind, dict[str, Any]).submit(payload).error

    assert type(error) is InvalidInput
    assert error.message == message
    assert server.requests == []


class Nameless(type):
    """A class of classes that do not tell their name."""

    __name__ = property(_raise)  # pyright: ignore[reportAssignmentType]  # on purpose


@dataclasses.dataclass
class Unnamed(metaclass=Nameless):
    """A dataclass, as any other."""

    x: int


def test_a_type_that_does_not_tell_its_name_takes_payloads(client: FluxbaseClient, server: LocalServer) -> None:
    """And refuses them, in other words."""
    server.answer(Answer(201, job(status="pending")))
    made = client.jobs.define("resize", Unnamed, dict[str, Any])

    error = made.submit({"x": "SECRET"}).error  # type: ignore[arg-type]  # on purpose
    made.submit(Unnamed(1)).unwrap()

    assert type(error) is InvalidInput
    assert error.message == "payload cannot be read: LookupError"
    assert [sent.json()["payload"] for sent in server.requests] == [{"x": 1}]


def test_a_payload_deeper_than_python_reads_is_told(client: FluxbaseClient) -> None:
    """With the number of levels that go on every Python."""
    deep: Any = {}
    for _ in range(20_000):
        deep = {"a": deep}

    error = client.jobs.submit("resize", deep).error

    assert error is not None
    assert error.message == (
        f"payload must not be nested deeper than JSON is read and written by Python {sys.version_info.major}.{sys.version_info.minor}, "
        "which is at least 500 levels"
    )


class Ring(msgspec.Struct):
    inner: Any = None


class FlatRing(msgspec.Struct, array_like=True, tag=True):
    inner: Any = None


@attrs.define
class AttrsRing:
    inner: Any = None


@dataclasses.dataclass
class DataRing:
    inner: Any = None


class ModelRing(pydantic.BaseModel):
    inner: Any = None


@pydantic.dataclasses.dataclass
class ModelDataRing:
    inner: Any = None


def ring(made: Any, put: Callable[[Any], object]) -> Any:
    """What contains itself in a list."""
    put([0, made])
    return made


def ring_of(kind: Any) -> Any:
    """A model that contains itself in its field."""
    made = kind()
    made.inner = [0, made]
    return made


RINGS: Final[dict[str, tuple[Any, str]]] = {
    **{kind.__name__: (ring_of(kind), ".inner[1]") for kind in (Ring, AttrsRing, DataRing, ModelRing, ModelDataRing)},
    "FlatRing": (ring_of(FlatRing), "[1][1]"),
    "dict": (ring(plain := dict[str, Any](), lambda inner: plain.update(a=inner)), ".a[1]"),
    "UserDict": (ring(user := UserDict[str, Any](), lambda inner: user.update(a=inner)), ".a[1]"),
    "ChainMap": (ring(chained := ChainMap[str, Any](), lambda inner: chained.update(a=inner)), ".a[1]"),
    "UserList": (ring(items := UserList[Any](), items.append), "[0][1]"),
}


@pytest.mark.parametrize("kind", RINGS)
def test_what_contains_itself_is_told_with_the_way_to_it(client: FluxbaseClient, server: LocalServer, kind: str) -> None:
    """Once around."""
    value, way = RINGS[kind]

    error = client.jobs.submit("resize", {"a": value}).error

    assert type(error) is InvalidInput
    assert error.message == f"payload.a{way} must not contain itself"
    assert server.requests == []


NESTED: Final[list[tuple[Any, Any]]] = [
    *((kind(inner=[kind(inner=1)]), {"inner": [{"inner": 1}]}) for kind in (Ring, AttrsRing, DataRing, ModelRing, ModelDataRing)),
    (FlatRing([FlatRing(1)]), ["FlatRing", [["FlatRing", 1]]]),
    ({"a": {"a": 1}}, {"a": {"a": 1}}),
    (UserDict(a=UserDict(a=1)), {"a": {"a": 1}}),
    (UserList([UserList([1])]), [[1]]),
]


@pytest.mark.parametrize("case", NESTED, ids=lambda case: type(case[0]).__name__)
def test_what_contains_another_of_its_kind_is_sent(client: FluxbaseClient, server: LocalServer, case: tuple[Any, Any]) -> None:
    """Also where it contains the same one twice."""
    value, expected = case

    assert sent(client, server, {"a": [value, value]}) == {"a": [expected, expected]}
