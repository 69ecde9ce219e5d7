"""What callers hand in: values of any class are taken as what they are, or refused as InvalidInput, whatever their own methods do."""

from __future__ import annotations

import dataclasses
import json
import types
from collections import ChainMap, UserDict, UserString, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, Final, NamedTuple, NoReturn, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import markupsafe
import msgspec
import numpy as np
import pendulum
import pydantic
import pytest
from fluxbase_jobs import FluxbaseClient, InvalidInput, Job, OnBehalfOf, PollPolicy, Submission, SyncFunction
from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sample_responses import JOB_ID, LINES, job
from tests.support.servers.local_server import Answer, LocalServer

CREATED: Final = Answer(201, job(status="pending", result=None))


def _raise(*_: object, **__: object) -> NoReturn:
    raise LookupError("SECRET-4242")


class Text(str):
    """A text whose methods can't be trusted."""

    __slots__ = ()
    __str__ = __repr__ = __eq__ = __len__ = __bool__ = __contains__ = lower = isascii = _raise

    def __hash__(self) -> int:
        return 1


class Number(int):
    __str__ = __repr__ = __index__ = __int__ = __le__ = __lt__ = __gt__ = __bool__ = __abs__ = _raise


class Real(float):
    __str__ = __repr__ = __float__ = __le__ = __lt__ = __bool__ = _raise


class Moment(datetime):
    """Like pandas' Timestamp, a subclass that overrides what it can."""

    __str__ = __repr__ = isoformat = astimezone = utcoffset = timetz = _raise


class Delay(timedelta):
    __str__ = __repr__ = total_seconds = __add__ = __radd__ = _raise


class Day(date):
    __str__ = __repr__ = isoformat = toordinal = _raise


class Identity(UUID):
    __str__ = __repr__ = _raise


class Name(StrEnum):
    RESIZE = "resize"


class OldName(str, Enum):  # noqa: UP042  # as programs for Python 3.10 have it
    RESIZE = "resize"


class Rank(IntEnum):
    HIGH = 3


def member(values: dict[str, Any], kind: type) -> Any:
    """The first member of an enum."""
    make: Any = Enum
    made = make("Given", values, type=None if kind is object else kind)
    return next(iter(made))


TEXTS: Final[dict[str, Callable[[str], Any]]] = {
    "str subclass": Text,
    "numpy": np.str_,
    "markupsafe": markupsafe.Markup,
    "enum": lambda text: member({"ONE": text}, str),
    "enum of other values": lambda text: member({"ONE": text}, object),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_of_any_class_are_texts(client: FluxbaseClient, server: LocalServer, kind: str) -> None:
    """In each argument that is text, and in payloads."""
    server.answer(CREATED)
    made = TEXTS[kind]
    user = OnBehalfOf(made(JOB_ID), user_email=made("ada@example.com"), user_role=made("authenticated"))

    client.jobs.submit(
        made("resize"),
        {made("key"): made("value")},
        namespace=made("media"),
        scheduled=made("2030-01-02T03:04:05Z"),
        on_behalf_of=user,
        idempotency_key=made("order-7"),
    ).unwrap()

    sent = server.requests[0]
    assert sent.headers["idempotency-key"] == "order-7"
    assert sent.json() == {
        "job_name": "resize",
        "payload": {"key": "value"},
        "namespace": "media",
        "scheduled_at": "2030-01-02T03:04:05Z",
        "on_behalf_of": {"user_id": JOB_ID, "user_email": "ada@example.com", "user_role": "authenticated"},
    }


def test_numbers_and_ids_of_any_class_are_such(client: FluxbaseClient, server: LocalServer) -> None:
    """An enum that is an integer, too."""
    server.answer(CREATED)

    client.jobs.submit(Name.RESIZE, {"n": Number(7), "x": Real(0.5), "name": OldName.RESIZE}, priority=Rank.HIGH, timeout=Real(5)).unwrap()
    client.jobs.submit("resize", priority=Number(4), on_behalf_of=Identity(JOB_ID), timeout=Delay(seconds=5)).unwrap()
    server.answer(Answer(200, {"jobs": []}))
    client.jobs.list(limit=Number(5), offset=np.int_(0).item()).unwrap()

    assert server.requests[0].json() == {"job_name": "resize", "payload": {"n": 7, "x": 0.5, "name": "resize"}, "priority": 3}
    assert server.requests[1].json() == {"job_name": "resize", "priority": 4, "on_behalf_of": {"user_id": JOB_ID}}
    assert "limit=5" in server.requests[2].target


def test_line_numbers_of_any_class_are_numbers(client: FluxbaseClient, server: LocalServer) -> None:
    """Where a log is read."""
    server.answer(Answer(200, {"logs": LINES}))

    lines = client.jobs.logs(JOB_ID, after_line=Number(7)).unwrap()

    assert len(lines) == len(LINES)
    assert "after_line=7" in server.requests[0].target


MOMENTS: Final = {
    "subclass": Moment(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
    "pendulum": pendulum.datetime(2030, 1, 2, 3, 4, 5),
    "pendulum in a zone": pendulum.datetime(2030, 1, 2, 4, 4, 5, tz="Europe/Berlin"),
}


@pytest.mark.parametrize("kind", MOMENTS)
def test_moments_of_any_class_are_moments(client: FluxbaseClient, server: LocalServer, kind: str) -> None:
    """As `scheduled`, and in payloads."""
    server.answer(CREATED)

    client.jobs.submit("resize", {"at": MOMENTS[kind]}, scheduled=MOMENTS[kind]).unwrap()

    sent = server.requests[0].json()
    assert sent["scheduled_at"] == "2030-01-02T03:04:05Z"
    assert datetime.fromisoformat(sent["payload"]["at"]) == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_moments_of_a_frozen_clock_are_moments(client: FluxbaseClient, server: LocalServer) -> None:
    """A library for tests, freezegun, puts a subclass in the place of `datetime`, in this program and in the client."""
    server.answer(CREATED)
    with freeze_time("2030-01-02T03:04:05Z"):
        moment: Any = datetime.now(UTC)
        client.jobs.submit("resize", {"at": moment, "on": moment.date()}, scheduled=moment + timedelta(days=1)).unwrap()

    sent = server.requests[0].json()
    assert sent["payload"] == {"at": "2030-01-02T03:04:05Z", "on": "2030-01-02"}
    assert sent["scheduled_at"] == "2030-01-03T03:04:05Z"


class Unruly:
    """An object whose every method raises, and whose class lies."""

    __slots__ = ()
    __repr__ = __str__ = __eq__ = __len__ = __iter__ = __bool__ = __int__ = __float__ = __index__ = __fspath__ = __format__ = _raise

    @property  # type: ignore[misc]  # on purpose
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # on purpose
        raise LookupError("SECRET-4242")

    def __hash__(self) -> int:
        raise LookupError("SECRET-4242")


class Liar:
    """An object that says it is a text."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    @property  # type: ignore[misc]  # on purpose
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # on purpose
        return self.kind


class UnrulyKind(type):
    """A class of classes: `issubclass`, dictionaries and comparisons ask it too."""

    __hash__ = __eq__ = __instancecheck__ = __subclasscheck__ = _raise


class OfUnrulyKind(metaclass=UnrulyKind):
    pass


class UnrulyName(Enum):
    RESIZE = b"resize"

    @property
    def value(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]  # on purpose
        return _raise()


ODD: Final[list[Any]] = [
    Unruly(),
    OfUnrulyKind(),
    UnrulyName.RESIZE,
    Liar(str),
    Liar(int),
    Liar(datetime),
    Liar(UUID),
    Liar(dict),
    Liar(PollPolicy),
    10**5000,
    -(10**5000),
    np.int64(3),
    np.array([1, 2]),
    b"bytes",
    object(),
    lambda: None,
    float("nan"),
    "\0",
    "\ud800",
]
ARGUMENTS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "submit job_name": lambda jobs, odd: jobs.submit(odd),
    "submit namespace": lambda jobs, odd: jobs.submit("resize", namespace=odd),
    "submit priority": lambda jobs, odd: jobs.submit("resize", priority=odd),
    "submit scheduled": lambda jobs, odd: jobs.submit("resize", scheduled=odd),
    "submit on_behalf_of": lambda jobs, odd: jobs.submit("resize", on_behalf_of=odd),
    "submit on_behalf_of.user_id": lambda jobs, odd: jobs.submit("resize", on_behalf_of=OnBehalfOf(odd)),
    "submit on_behalf_of.user_email": lambda jobs, odd: jobs.submit("resize", on_behalf_of=OnBehalfOf(JOB_ID, user_email=odd)),
    "submit payload": lambda jobs, odd: jobs.submit("resize", odd),
    "submit payload.a": lambda jobs, odd: jobs.submit("resize", {"a": [odd]}),
    "submit payload key": lambda jobs, odd: jobs.submit("resize", {"a": Pairs([(odd, 1)])}),
    "submit timeout": lambda jobs, odd: jobs.submit("resize", timeout=odd),
    "submit retry": lambda jobs, odd: jobs.submit("resize", retry=odd),
    "get job_id": lambda jobs, odd: jobs.get(odd),
    "get include_logs": lambda jobs, odd: jobs.get(JOB_ID, include_logs=odd),
    "list created_by": lambda jobs, odd: jobs.list(created_by=odd),
    "iterate created_by": lambda jobs, odd: next(jobs.iterate(created_by=odd)),
    "list namespace": lambda jobs, odd: jobs.list(namespace=odd),
    "list job_name": lambda jobs, odd: jobs.list(job_name=odd),
    "list include_result": lambda jobs, odd: jobs.list(include_result=odd),
    "list limit": lambda jobs, odd: jobs.list(limit=odd),
    "list offset": lambda jobs, odd: jobs.list(offset=odd),
    "cancel job_id": lambda jobs, odd: jobs.cancel(odd),
    "retry job_id": lambda jobs, odd: jobs.retry(odd),
    "logs job_id": lambda jobs, odd: jobs.logs(odd),
    "logs after_line": lambda jobs, odd: jobs.logs(JOB_ID, after_line=odd),
    "wait job_id": lambda jobs, odd: jobs.wait(odd),
    "wait timeout": lambda jobs, odd: jobs.wait(JOB_ID, timeout=odd),
    "wait poll": lambda jobs, odd: jobs.wait(JOB_ID, poll=odd),
    "wait cancel_on_timeout": lambda jobs, odd: jobs.wait(JOB_ID, cancel_on_timeout=odd),
    "run job_name": lambda jobs, odd: jobs.run(odd),
    "run poll": lambda jobs, odd: jobs.run("resize", poll=odd),
    "watch job_id": lambda jobs, odd: next(jobs.watch(odd)),
    "tail after_line": lambda jobs, odd: next(jobs.tail(JOB_ID, after_line=odd)),
    "tail to_logger": lambda jobs, odd: next(jobs.tail(JOB_ID, to_logger=odd)),
    "iterate page_size": lambda jobs, odd: next(jobs.iterate(page_size=odd)),
    "submit_many item": lambda jobs, odd: next(jobs.submit_many([Submission(odd)]))[1],
    "define payload": lambda jobs, odd: jobs.define("resize", dict, dict).submit(odd),
    "define wait": lambda jobs, odd: jobs.define("resize", dict, dict).wait(odd),
}
ADMIN: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "get_job job_id": lambda jobs, odd: jobs.get_job(odd),
    "terminate job_id": lambda jobs, odd: jobs.terminate(odd),
    "resubmit job_id": lambda jobs, odd: jobs.resubmit(odd),
    "get_stats namespace": lambda jobs, odd: jobs.get_stats(namespace=odd),
    "list_jobs worker_id": lambda jobs, odd: jobs.list_jobs(worker_id=odd),
    "list_functions namespace": lambda jobs, odd: jobs.list_functions(namespace=odd),
    "get_function name": lambda jobs, odd: jobs.get_function("media", odd),
    "delete_function namespace": lambda jobs, odd: jobs.delete_function(odd, "resize"),
    "sync functions": lambda jobs, odd: jobs.sync(odd),
    "sync function": lambda jobs, odd: jobs.sync([odd]),
    "sync name": lambda jobs, odd: jobs.sync([SyncFunction(name=odd, code="x")]),
    "sync max_retries": lambda jobs, odd: jobs.sync([{"name": "x", "code": "x", "max_retries": odd}]),
    "sync require_roles": lambda jobs, odd: jobs.sync([{"name": "x", "code": "x", "require_roles": odd}]),
    "sync dry_run": lambda jobs, odd: jobs.sync([SyncFunction(name="x", code="x")], dry_run=odd),
}


class Pairs(Mapping[Any, Any]):
    """A mapping of any pairs, whose keys need no hash."""

    def __init__(self, pairs: Sequence[tuple[Any, Any]]) -> None:
        self.pairs = pairs

    def __iter__(self) -> Iterator[Any]:
        return iter([key for key, _ in self.pairs])

    def __getitem__(self, key: Any) -> Any:
        return self.pairs[0][1]

    def __len__(self) -> int:
        return len(self.pairs)


@pytest.mark.parametrize("argument", [*ARGUMENTS, *ADMIN])
def test_any_other_value_is_invalid_input(client: FluxbaseClient, server: LocalServer, argument: str) -> None:
    """As an error value that names the argument, in a few hundred characters; nothing is sent, and nothing is quoted that is long."""
    for odd in ODD:
        target, act = (client.jobs, ARGUMENTS[argument]) if argument in ARGUMENTS else (client.admin.jobs, ADMIN[argument])
        if argument == "submit payload.a" and type(odd) is Liar:
            continue
        error = act(target, odd).error
        assert isinstance(error, InvalidInput)
        assert len(str(error)) < 600
        assert "SECRET" not in f"{error} {error!r}"
    assert server.requests == []


RAISING: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "define job_name": lambda jobs, odd: jobs.define(odd, dict, dict),
    "define payload_type": lambda jobs, odd: jobs.define("resize", odd, dict),
    "define result_type": lambda jobs, odd: jobs.define("resize", dict, odd),
    "define namespace": lambda jobs, odd: jobs.define("resize", dict, dict, namespace=odd),
    "submit_many items": lambda jobs, odd: jobs.submit_many(odd),
    "submit_many concurrency": lambda jobs, odd: jobs.submit_many([], concurrency=odd),
    "submit_many batch_key": lambda jobs, odd: jobs.submit_many([], batch_key=odd),
    "define submit_many": lambda jobs, odd: jobs.define("resize", dict, dict).submit_many(odd),
    "wait_many job_ids": lambda jobs, odd: jobs.wait_many(odd),
    "watch_many job_ids": lambda jobs, odd: jobs.watch_many(odd),
    "tail_many job_ids": lambda jobs, odd: jobs.tail_many(odd),
}
"""What has no result that could hold the error."""


@pytest.mark.parametrize("argument", RAISING)
def test_without_a_result_any_other_value_raises_invalid_input(client: FluxbaseClient, server: LocalServer, argument: str) -> None:
    """As constructors do, and before anything is iterated over."""
    for odd in ODD:
        if type(odd) is np.ndarray:  # an iterable
            continue
        with pytest.raises(InvalidInput, match=argument.split()[1].replace("submit_many", "payloads")) as raised:
            RAISING[argument](client.jobs, odd)
        assert len(str(raised.value)) < 600
        assert "SECRET" not in f"{raised.value} {raised.value!r}"
    assert server.requests == []


def test_a_single_job_is_no_batch(client: FluxbaseClient, server: LocalServer) -> None:
    """Neither a job nor its id, although both can be iterated over."""
    server.answer(Answer(200, job()))
    single = client.jobs.get(JOB_ID).unwrap()

    for odd in (single, JOB_ID, JOB_ID.encode()):
        with pytest.raises(InvalidInput, match="job_ids must be an iterable of jobs or UUIDs"):
            client.jobs.wait_many(cast("Any", odd))


def test_a_result_is_no_batch(client: FluxbaseClient, server: LocalServer) -> None:
    """Whatever is in it, it has to be unwrapped first: as a pair it could be iterated over."""
    server.answer(Answer(200, {"jobs": [job()], "total": 1}))

    for odd in (client.jobs.list(), client.jobs.get("none")):
        for batch in (client.jobs.wait_many, client.jobs.watch_many, client.jobs.tail_many, client.jobs.submit_many):
            with pytest.raises(InvalidInput, match=f"must be an iterable of .*; got {type(odd).__name__}: unwrap it first"):
                batch(cast("Any", odd))
    assert len(server.requests) == 1


def test_a_batch_key_of_any_class_is_a_text(client: FluxbaseClient, server: LocalServer) -> None:
    """The keys of the items follow from it."""
    server.answer(CREATED)

    makers: list[Callable[[str], Any]] = [str, *TEXTS.values()]
    for make in makers:
        for _, submitted in client.jobs.submit_many([("resize", None)], batch_key=make("night")):
            assert submitted.ok

    assert {sent.headers["idempotency-key"] for sent in server.requests} == {"night#0"}


def test_messages_name_texts_of_any_class(client: FluxbaseClient, server: LocalServer) -> None:
    """Where the server does not know a function."""
    server.answer(Answer(404, {"error": "Job function not found"}))
    assert str(client.jobs.submit(Text("resize")).error) == "Job function not found: resize"

    server.answer(Answer(500, {"error": "no"}), Answer(404, {"error": "no"}))
    assert "'resize'" in str(client.admin.jobs.delete_function(Text("media"), Text("resize")).error)


class Raising(Mapping[str, object]):
    """A mapping that fails at some point of being read."""

    def __init__(self, at: str) -> None:
        self.at = at

    def __iter__(self) -> Iterator[str]:
        if self.at == "iter":
            _raise()
        yield "a"
        if self.at == "next":
            _raise()

    def __getitem__(self, key: str) -> object:
        if self.at == "getitem":
            _raise()
        return 1

    def __len__(self) -> int:
        return _raise()


class RaisingDict(dict[str, object]):
    items = __iter__ = __eq__ = _raise
    __hash__ = None  # as a dict has it


class Endless(Sequence[int]):
    def __getitem__(self, index: Any) -> Any:
        return index

    def __len__(self) -> int:
        return 10**12


@attrs.define
class Property:
    a: int = 1

    def __getattribute__(self, name: str) -> Any:
        return _raise()


FAILED: Final = "cannot be read: LookupError"
TOO_MANY: Final = "has more than 524,288 values, more than the server takes"
UNREADABLE: Final[dict[str, tuple[Callable[[], Any], str]]] = {
    "iter": (lambda: Raising("iter"), FAILED),
    "next": (lambda: Raising("next"), FAILED),
    "getitem": (lambda: Raising("getitem"), FAILED),
    "dict": (lambda: RaisingDict(a=1), FAILED),
    "endless": (Endless, TOO_MANY),
    "range": (lambda: range(10**15), TOO_MANY),
    "attribute": (Property, FAILED),
}


class OddUser(OnBehalfOf):
    def __getattribute__(self, name: str) -> Any:
        return _raise()


class OddJob(Job):
    @property
    def id(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]  # what is tested
        return _raise()


def test_arguments_of_our_own_classes_whose_reading_fails_are_refused(client: FluxbaseClient, server: LocalServer) -> None:
    """By the name of the argument."""
    odd = msgspec.json.decode(json.dumps(job()), type=OddJob)
    typed = client.jobs.define("resize", dict[str, int], dict[str, int])

    for error, name in (
        (client.jobs.submit("resize", on_behalf_of=OddUser.__new__(OddUser)).error, "on_behalf_of"),
        (client.jobs.submit("resize", on_behalf_of=OnBehalfOf.__new__(OnBehalfOf)).error, "on_behalf_of"),
        (client.jobs.get(odd).error, "job_id"),
        (client.jobs.resubmit(odd).error, "job"),
        (typed.wait(odd).error, "job"),
        (client.admin.jobs.cancel(odd).error, "job_id"),
        *((result.error, "job_ids") for _, result in client.jobs.wait_many([odd])),
    ):
        assert isinstance(error, InvalidInput)
        assert error.message.startswith(f"{name} ")
        assert "SECRET" not in str(error)
    assert server.requests == []


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_payload_whose_reading_fails_is_refused(client: FluxbaseClient, server: LocalServer, name: str) -> None:
    """At the top and inside, with the path."""
    make, says = UNREADABLE[name]
    error = client.jobs.submit("resize", {"x": [0, make()]}).error

    assert isinstance(error, InvalidInput)
    assert error.message == f"payload.x[1] {says}"
    assert isinstance(client.jobs.submit("resize", make()).error, InvalidInput)
    assert server.requests == []


class Pair(NamedTuple):
    a: int
    b: int


class Row(msgspec.Struct, array_like=True):
    a: int


class TaggedRow(msgspec.Struct, array_like=True, tag=7):
    a: int
    b: str = "c"


TAKEN: Final[dict[str, tuple[Any, Any]]] = {
    "mapping proxy": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "chain map": (ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
    "user dict": (UserDict({"a": 1}), {"a": 1}),
    "tuple": ((1, (2, 3)), [1, [2, 3]]),
    "named tuple": (Pair(1, 2), [1, 2]),
    "row": (Row(1), [1]),
    "tagged row": (TaggedRow(1), [7, 1, "c"]),
    "deque": (deque([1, 2]), [1, 2]),
    "range": (range(3), [0, 1, 2]),
    "moment": (Moment(2030, 1, 2, 3, 4, 5, tzinfo=UTC), "2030-01-02T03:04:05Z"),
    "moment with seconds in its offset": (datetime(1880, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")), "1879-12-31T23:06:32Z"),
    "day": (Day(2030, 1, 2), "2030-01-02"),
    "id": (Identity(JOB_ID), JOB_ID),
    "decimal": (Decimal("1.50"), "1.50"),
    "enum": (member({"ONE": 1}, object), 1),
}


@pytest.mark.parametrize("name", TAKEN)
def test_values_are_sent_as_what_they_are(client: FluxbaseClient, server: LocalServer, name: str) -> None:
    """Mappings as objects, sequences as arrays, moments, days, ids, decimals and enums as msgspec writes them."""
    value, sent = TAKEN[name]
    server.answer(CREATED)

    client.jobs.submit("resize", {"a": {"b": value}}).unwrap()

    assert server.requests[0].json()["payload"] == {"a": {"b": sent}}
    assert msgspec.to_builtins(sent) == sent


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Login(pydantic.BaseModel):
    password: pydantic.SecretStr


class Revealed(pydantic.BaseModel):
    password: pydantic.SecretStr

    @pydantic.field_serializer("password", when_used="json")
    def _reveal(self, value: pydantic.SecretStr) -> str:
        return value.get_secret_value()


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (Numbers([1]), "payload must be a JSON object"),
        (Row(1), "payload must be a JSON object"),
        ((1, 2), "payload must be a JSON object"),
        ({"a": datetime(2030, 1, 1)}, "payload.a must have an offset"),  # noqa: DTZ001  # without one, on purpose
        ({"a": timedelta(1)}, "payload.a must be JSON"),
        ({"a": attrs.NOTHING}, "payload.a must be JSON"),
        ({"a": [msgspec.UNSET]}, "payload.a[0] must be JSON"),
        ({"a": np.bool_(True)}, "payload.a must be JSON (object, list, text, number, boolean or None); numpy.bool is not"),
        ({"a": bytearray(b"x")}, "payload.a must be JSON"),
        ({"a": UserString("x")}, "payload.a must be JSON"),
        ({"a": Decimal("NaN")}, "payload.a must be a finite number"),
        ({"a": [{"b": pydantic.SecretStr("open")}]}, "payload.a[0].b is a masked secret"),
        ({"a": pydantic.SecretBytes(b"open")}, "payload.a is a masked secret"),
        (Login(password=pydantic.SecretStr("open")), "payload.password is a masked secret"),
        ({"a": [Login(password=pydantic.SecretStr("open"))]}, "payload.a[0].password is a masked secret"),
    ],
)
def test_refuses_what_has_no_json_or_another(client: FluxbaseClient, server: LocalServer, payload: Any, says: str) -> None:
    """With its path, and for a secret with the cure."""
    error = client.jobs.submit("resize", payload).error

    assert isinstance(error, InvalidInput)
    assert error.message.startswith(says)
    assert ("get_secret_value()" in error.message) == ("secret" in says)
    assert server.requests == []


def test_a_secret_that_its_model_writes_in_full_is_sent(client: FluxbaseClient, server: LocalServer) -> None:
    """As pydantic's documentation shows it."""
    server.answer(CREATED)

    client.jobs.submit("resize", Revealed(password=pydantic.SecretStr("open"))).unwrap()

    assert server.requests[0].json()["payload"] == {"password": "open"}


@settings(max_examples=30)
@given(st.dictionaries(st.text("abc", min_size=1), st.dictionaries(st.text("abc"), st.integers(0, 9) | st.just((1,)))), st.randoms())
def test_equal_payloads_are_equal_requests(client: FluxbaseClient, server: LocalServer, payload: dict[str, Any], random: Any) -> None:
    """Whatever the order of the keys, at every level: else the server would refuse the second with the same idempotency key."""
    server.requests.clear()
    server.answer(CREATED)

    def shuffled(value: Any) -> Any:
        if type(value) is not dict:
            return value
        pairs: list[tuple[str, Any]] = [(key, shuffled(item)) for key, item in cast("dict[str, Any]", value).items()]
        random.shuffle(pairs)
        return dict(pairs)

    client.jobs.submit("resize", payload).unwrap()
    client.jobs.submit("resize", shuffled(payload)).unwrap()

    assert server.requests[0].body == server.requests[1].body


def test_a_delay_beside_a_key_is_refused(client: FluxbaseClient, server: LocalServer) -> None:
    """The second call would be another request under the same key."""
    hour = timedelta(hours=1)
    resize = client.jobs.define("resize", dict[str, int], dict[str, int])
    refused = [
        client.jobs.submit("resize", scheduled=hour, idempotency_key="k"),
        client.jobs.run("resize", scheduled=hour, idempotency_key="k"),
        resize.submit({}, scheduled=hour, idempotency_key="k"),
        next(resize.submit_many([{}], scheduled=hour, batch_key="b"))[1],
        next(client.jobs.submit_many([Submission("resize", scheduled=Delay(hours=1), idempotency_key="k")]))[1],
    ]

    for result in refused:
        assert isinstance(result.error, InvalidInput)
        assert result.error.message.startswith("scheduled")
    assert server.requests == []


def test_a_negative_delay_is_refused_and_a_past_moment_noted(client: FluxbaseClient, server: LocalServer) -> None:
    """The server runs a job that was due in the past at once."""
    server.answer(CREATED)

    assert isinstance(client.jobs.submit("resize", scheduled=timedelta(seconds=-1)).error, InvalidInput)
    assert server.requests == []
    past = client.jobs.submit("resize", scheduled=datetime(2020, 1, 1, tzinfo=UTC))
    future = client.jobs.submit("resize", scheduled=datetime(2120, 1, 1, tzinfo=UTC))

    assert ("past" in past.meta.notes[0], future.meta.notes) == (True, ())
    assert server.requests[0].json()["scheduled_at"] == "2020-01-01T00:00:00Z"


def test_a_fault_far_inside_is_told_in_a_short_line(client: FluxbaseClient, server: LocalServer) -> None:
    """The middle of the path is left out."""
    deep: Any = {1}
    for _ in range(300):
        deep = {"a" * 100: [deep]}

    error = client.jobs.submit("resize", deep).error

    assert isinstance(error, InvalidInput)
    assert len(error.message) < 500
    assert server.requests == []


class Anything(pydantic.BaseModel):
    """A model of any value; pydantic writes what JSON does not have as something else."""

    inner: Any = None


class Sized(pydantic.BaseModel):
    size: int


@pydantic.dataclasses.dataclass
class SizedData:
    size: int
    secret: pydantic.SecretStr | None = None


def circle() -> list[Any]:
    """A list that contains itself."""
    made: list[Any] = []
    made.append(made)
    return made


HIDDEN: Final[dict[str, tuple[Any, str]]] = {
    "NaN": (float("nan"), ".inner must be a finite number"),
    "naive datetime": (datetime(2030, 1, 1), ".inner must have an offset"),  # noqa: DTZ001  # without one, on purpose
    "bytes": (b"SECRET", ".inner must be JSON"),
    "set": ({"SECRET"}, ".inner must be JSON"),
    "iterator": (iter([1]), ".inner must be JSON"),
    "decimal": (Decimal("NaN"), ".inner must be a finite number"),
    "key": ({1: 2}, ".inner has a key that is not text"),
    "object": ([object()], ".inner[0] must be JSON"),
    "circle": (circle(), ".inner[0] must not contain itself"),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_models_of_pydantic_hide_nothing(client: FluxbaseClient, server: LocalServer, name: str) -> None:
    """What is refused in a mapping is refused in a model, by itself and inside others, where pydantic would send something else."""
    value, says = HIDDEN[name]

    for payload, path in (
        (Anything(inner=value), ""),
        ({"a": [Anything(inner=value)]}, ".a[0]"),
        (Anything(inner=Anything(inner=value)), ""),
    ):
        error = client.jobs.submit("resize", payload).error
        assert isinstance(error, InvalidInput)
        assert error.message.startswith(f"payload{path}")
        assert says in error.message
        assert "SECRET" not in str(error)
    assert server.requests == []


class Written(pydantic.BaseModel):
    """A model that says how its values are written."""

    data: bytes
    at: datetime
    model_config = pydantic.ConfigDict(ser_json_bytes="base64")

    @pydantic.field_serializer("at")
    def _in_utc(self, at: datetime) -> str:
        return at.isoformat() + "Z"


class Embedded(pydantic.BaseModel):
    """A model with a field that it reads from JSON text."""

    options: pydantic.Json[dict[str, int]] | None = None


@pydantic.dataclasses.dataclass(slots=True)
class Slotted:
    size: int


def test_models_that_are_not_read_as_they_are_written_are_sent(client: FluxbaseClient, server: LocalServer) -> None:
    """Fields of JSON text, and dataclasses with slots; where they were changed they are refused."""
    server.answer(CREATED)
    embedded, slotted = Embedded(options=cast("Any", '{"a": 1}')), Slotted(7)

    for payload, sent in ((embedded, {"options": {"a": 1}}), (slotted, {"size": 7})):
        client.jobs.submit("resize", payload).unwrap()
        assert server.requests[-1].json()["payload"] == sent
    embedded.options, slotted.size = cast("Any", {"a": "SECRET"}), cast("Any", "SECRET")
    for payload, kind in ((embedded, "Embedded"), (slotted, "Slotted")):
        error = client.jobs.submit("resize", payload).error
        assert isinstance(error, InvalidInput)
        assert error.message.startswith(f"payload must be a valid {kind}")
        assert "SECRET" not in str(error)


def test_a_definition_takes_none_where_its_type_does(client: FluxbaseClient, server: LocalServer) -> None:
    """It is a job without a payload."""
    server.answer(CREATED)
    optional: Any = AttrsSized | None

    client.jobs.define("resize", optional, dict).submit(None).unwrap()

    assert "payload" not in server.requests[0].json()
    assert isinstance(client.jobs.define("resize", AttrsSized, dict).submit(cast("Any", None)).error, InvalidInput)


def test_a_definition_may_declare_that_there_is_no_payload(client: FluxbaseClient, server: LocalServer) -> None:
    """By None, as in type hints."""
    server.answer(CREATED)
    nothing = client.jobs.define("resize", cast("Any", None), dict[str, int])

    nothing.submit(None).unwrap()
    refused = nothing.submit({"a": "SECRET"}).error

    assert isinstance(refused, InvalidInput)
    assert refused.message == "payload must be a NoneType: Expected `null`, got `object`"
    assert [sent.json() for sent in server.requests] == [{"job_name": "resize"}]


@attrs.frozen
class AttrsSized:
    size: int


def test_what_a_model_writes_itself_is_sent(client: FluxbaseClient, server: LocalServer) -> None:
    """With a serializer of its own it is no guess of pydantic's."""
    server.answer(CREATED)

    client.jobs.submit("resize", Written(data=b"\xff", at=datetime(2030, 1, 1))).unwrap()  # noqa: DTZ001  # its serializer adds the offset

    assert server.requests[0].json()["payload"] == {"data": "_w==", "at": "2030-01-01T00:00:00Z"}


class Computed(pydantic.BaseModel):
    size: int

    @pydantic.computed_field
    def double(self) -> int:
        return self.size + self.size + 0


def test_an_invalid_model_that_cannot_be_written_is_told_with_its_path(client: FluxbaseClient, server: LocalServer) -> None:
    """Made without validation, so that a computed field raises."""
    error = client.jobs.submit("resize", {"a": Computed.model_construct(size=cast("Any", "SECRET"))}).error

    assert isinstance(error, InvalidInput)
    assert error.message.startswith("payload.a must be a valid Computed: Input should be a valid integer")
    assert error.message.endswith("- at `size`")
    assert "SECRET" not in str(error)
    assert server.requests == []


def test_a_change_far_inside_is_told_with_its_path(client: FluxbaseClient, server: LocalServer) -> None:
    """Of models in lists and dicts, and of pydantic's dataclasses."""
    model, data = Anything(inner=[{"a": Sized(size=1)}]), SizedData(1)
    model.inner[0]["a"].size = "SECRET"
    data.size = cast("Any", "SECRET")

    for payload, path in ((model, "payload.inner[0].a must be a valid Sized"), ({"a": data}, "payload.a must be a valid SizedData")):
        error = client.jobs.submit("resize", payload).error
        assert isinstance(error, InvalidInput)
        assert error.message.startswith(path)
        assert "SECRET" not in str(error)
    assert isinstance(client.jobs.submit("resize", SizedData(1, pydantic.SecretStr("SECRET"))).error, InvalidInput)
    assert server.requests == []


def test_a_path_is_one_line(client: FluxbaseClient) -> None:
    """Whatever the keys are."""
    error = client.jobs.submit("resize", {"a\nb": {1}}).error

    assert "\n" not in str(error)


class Circular(Enum):
    """An enum whose value is its member."""

    ONE = 1


def test_an_enum_that_is_its_own_value_is_refused(client: FluxbaseClient) -> None:
    """Python lets a program make one."""
    object.__setattr__(Circular.ONE, "_value_", Circular.ONE)

    error = client.jobs.submit("resize", types.MappingProxyType({"a": Circular.ONE})).error

    assert isinstance(error, InvalidInput)
    assert error.message == "payload.a must not contain itself"


class Unset(msgspec.Struct):
    size: int
    name: str = "a"


@attrs.define
class UnsetAttrs:
    size: int
    name: str = "a"


@dataclasses.dataclass
class UnsetData:
    size: int
    name: str = "a"


@pytest.mark.parametrize("kind", [Unset, UnsetAttrs, UnsetData])
def test_a_deleted_field_is_an_unset_field(client: FluxbaseClient, server: LocalServer, kind: Any) -> None:
    """Of every class with fields, at the top and inside."""
    server.answer(CREATED)
    model = kind(1)
    del model.size

    client.jobs.submit("resize", model).unwrap()
    client.jobs.submit("resize", {"a": [model]}).unwrap()

    assert [sent.json()["payload"] for sent in server.requests] == [{"name": "a"}, {"a": [{"name": "a"}]}]


class Around(Enum):
    """An enum whose member is its own value, which the JSON encoder never ends to write."""

    SELF = 1
    ONE = 2
    OTHER = 3


for _member, _value in ((Around.SELF, Around.SELF), (Around.ONE, Around.OTHER), (Around.OTHER, Around.ONE)):
    object.__setattr__(_member, "_value_", _value)


@pytest.mark.parametrize("member", Around)
def test_an_enum_that_is_its_own_value_does_not_crash(client: FluxbaseClient, server: LocalServer, member: Around) -> None:
    """Anywhere in a payload, as an argument too; the interpreter does not crash."""
    payloads: list[Any] = [{"a": member}, {"a": [{"b": member}]}, {member: 1}, Anything(inner=[member])]
    for payload in payloads:
        assert isinstance(client.jobs.submit("resize", payload).error, InvalidInput)
        assert isinstance(client.jobs.define("resize", dict[str, Any], dict[str, Any]).submit(payload).error, InvalidInput)
    for submit in (client.jobs.submit, client.jobs.run):
        assert isinstance(submit(cast("Any", member)).error, InvalidInput)
        assert isinstance(submit("resize", namespace=cast("Any", member)).error, InvalidInput)
    assert server.requests == []
