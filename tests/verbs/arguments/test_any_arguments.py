"""Any value as any argument: the call gives a result or InvalidInput, and what reaches the server is a request of that verb.

The emulator records what it parsed, so that an argument that changed the path, added a header or a second request would be seen.
"""

from __future__ import annotations

import enum
import itertools
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
from attrs import frozen
from fluxbase_jobs import Err, FluxbaseClient, InvalidInput, NotFound, Ok, Unprocessable
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.servers.recording_emulator import Recorder, Seen, recording

EXAMPLES: Final = 60


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Real(float):
    pass


class Many(list[Any]):
    pass


class Fields(dict[str, Any]):
    pass


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@frozen
class Two:
    """A value and what it is in JSON."""

    given: Any
    plain: Any


TEXT: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
INTEGERS: Final = st.integers(1 - 2**53, 2**53 - 1)
"""Those that the servers keep exactly; the client refuses others."""
NUMBERS: Final = INTEGERS | st.floats(allow_nan=False, allow_infinity=False)
PLAIN: Final = st.none() | st.booleans() | NUMBERS | TEXT
LEAVES: Final = (
    PLAIN.map(lambda value: Two(value, value))
    | TEXT.map(lambda text: Two(Text(text), text))
    | INTEGERS.map(lambda number: Two(Whole(number), number))
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda number: Two(Real(number), number))
    | st.just(Two(Colour.RED, "red"))
    | st.just(Two(Level.HIGH, 3))
    | st.uuids().map(lambda uuid: Two(uuid, str(uuid)))
)


def as_list(items: list[Two], kind: Any) -> Two:
    """A list of this class."""
    return Two(kind(item.given for item in items), [item.plain for item in items])


def as_object(items: dict[str, Two], kind: Any) -> Two:
    """A mapping of this class."""
    return Two(kind((key, item.given) for key, item in items.items()), {key: item.plain for key, item in items.items()})


def lists(values: st.SearchStrategy[Two]) -> st.SearchStrategy[Two]:
    """Lists, tuples and lists of a subclass."""
    classes: list[Any] = [list, tuple, Many]
    return st.builds(as_list, st.lists(values, max_size=4), st.sampled_from(classes))


def objects(values: st.SearchStrategy[Two]) -> st.SearchStrategy[Two]:
    """Dictionaries, and those of a subclass."""
    classes: list[Any] = [dict, OrderedDict, Fields]
    return st.builds(as_object, st.dictionaries(TEXT, values, max_size=4), st.sampled_from(classes))


JSON: Final = objects(st.recursive(LEAVES, lambda inner: lists(inner) | objects(inner), max_leaves=8))

HOSTILE: Final = st.sampled_from(
    [
        "",
        " ",
        ".",
        "..",
        "../..",
        "a/b",
        "a%2Fb",
        "%00",
        "\x00",
        "a\r\nX-Injected: 1",
        "a\nb",
        "?x=1",
        "#x",
        "é",
        "😀",
        "\ud800",
        "a b",
        "&limit=1",
        "*",
        "A" * 5000,
    ]
)
ANYTHING: Final = (
    HOSTILE
    | st.text(max_size=30)
    | HOSTILE.map(Text)
    | PLAIN
    | st.binary(max_size=8)
    | st.lists(PLAIN | HOSTILE, max_size=3)
    | st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)
    | st.sampled_from([float("nan"), float("inf"), -1, 2**63, 2**1000, Decimal(1), Colour.RED, object(), ..., timedelta.max, timedelta(-1)])
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.uuids()
)

ID: Final = str(uuid4())
VALID: Final[dict[str, dict[str, Any]]] = {
    "jobs.submit": {
        "job_name": "echo",
        "payload": None,
        "namespace": None,
        "priority": None,
        "scheduled": None,
        "on_behalf_of": None,
        "idempotency_key": None,
        "timeout": 5,
    },
    "jobs.get": {"job_id": ID, "include_logs": False, "timeout": 5, "retry": None},
    "jobs.cancel": {"job_id": ID},
    "jobs.retry": {"job_id": ID},
    "jobs.resubmit": {"job": ID, "idempotency_key": None},
    "jobs.logs": {"job_id": ID, "after_line": None},
    "jobs.list": {
        "status": None,
        "namespace": None,
        "job_name": None,
        "created_by": None,
        "include_result": False,
        "limit": 1,
        "offset": 0,
    },
    "jobs.iterate": {"status": None, "namespace": None, "job_name": None, "created_by": None, "page_size": 1},
    "jobs.submit_many": {"items": [("echo", None)], "concurrency": 1, "batch_key": None, "retry_failed": None, "on_progress": None},
    "jobs.wait": {"job_id": ID, "timeout": 0.1, "poll": None, "on_progress": None, "cancel_on_timeout": False, "cancel_on_exit": False},
    "jobs.wait_many": {"job_ids": [ID], "timeout": 0.1, "on_progress": None},
    "jobs.watch": {"job_id": ID, "timeout": 0.1},
    "jobs.watch_many": {"job_ids": [ID], "timeout": 0.1},
    "jobs.tail": {"job_id": ID, "after_line": None, "timeout": 0.1, "to_logger": None},
    "jobs.tail_many": {"job_ids": [ID], "timeout": 0.1},
    "admin.jobs.list_jobs": {"status": None, "namespace": None, "job_name": None, "limit": 1, "offset": 0},
    "admin.jobs.get_job": {"job_id": ID},
    "admin.jobs.cancel": {"job_id": ID},
    "admin.jobs.terminate": {"job_id": ID},
    "admin.jobs.retry": {"job_id": ID},
    "admin.jobs.resubmit": {"job_id": ID},
    "admin.jobs.get_stats": {"namespace": None},
    "admin.jobs.list_functions": {"namespace": None},
    "admin.jobs.get_function": {"namespace": "default", "name": "none"},
    "admin.jobs.delete_function": {"namespace": "default", "name": "none"},
    "admin.jobs.sync": {"functions": [], "namespace": "default"},
}
"""Arguments of each verb that are taken; one at a time becomes anything. None: the argument is left out."""

SEGMENT: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+"
PATHS: Final = re.compile(
    rf"/api/v1/jobs(/submit|/{SEGMENT}(/cancel|/retry|/logs)?)?"
    rf"|/api/v1/admin/jobs/(queue|stats|workers|namespaces|sync|functions)(/{SEGMENT}){{0,2}}(/cancel|/terminate|/retry|/resubmit)?"
    r"|/api/v1/realtime/?"
)
HEADERS: Final = {
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-type",
    "content-length",
    "idempotency-key",
    "x-request-id",
}


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    """An emulator that records."""
    with recording() as found:
        yield found


@pytest.fixture(scope="module")
def service(recorder: Recorder) -> Iterator[FluxbaseClient]:
    """A client with its service key."""
    with FluxbaseClient(recorder.url, recorder.key, retry=None, realtime=False) as client:
        yield client


def verb_of(client: FluxbaseClient, name: str) -> Callable[..., Any]:
    """`jobs.get` as the client's method."""
    found: Any = client
    for part in name.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]  # a method


def type_of(value: object) -> object:
    """The class of a value."""
    return type(value)


def check_result(returned: Any) -> None:
    """A result, or an iterator whose first entries are results, alone or behind their items."""
    if isinstance(returned, Ok | Err):
        assert not returned.ok or returned.error is None
        return
    for entry in itertools.islice(returned, 3):
        kind = type_of(entry)
        parts: Any = entry if kind is tuple else (entry,)
        assert any(isinstance(part, Ok | Err) for part in parts)


def check_request(seen: Seen) -> None:
    """It is one of the requests that the client makes, with its own headers and JSON."""
    assert PATHS.fullmatch(seen.path), seen.path
    names = [name for name, _ in seen.headers]
    assert set(names) <= HEADERS, names
    assert len(names) == len(set(names))
    parse_qsl(seen.query.decode("ascii"), strict_parsing=bool(seen.query), keep_blank_values=True)
    if seen.body:
        assert isinstance(strict_json(seen.body), dict)


def strict_json(body: bytes) -> Any:
    """UTF-8, no NaN, no key twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(pairs) == len(dict(pairs))
        return dict(pairs)

    def refused(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(body.decode("utf-8"), object_pairs_hook=unique, parse_constant=refused)


@pytest.mark.slow
@pytest.mark.parametrize(("verb", "argument"), [(verb, argument) for verb, arguments in VALID.items() for argument in arguments])
@settings(max_examples=EXAMPLES)
@given(value=ANYTHING)
def test_any_value_gives_a_result_or_invalid_input(
    service: FluxbaseClient, recorder: Recorder, verb: str, argument: str, value: Any
) -> None:
    """Never another exception, and never another request than the verb's."""
    recorder.taken()
    arguments = {name: given for name, given in VALID[verb].items() if given is not None} | {argument: value}

    refusals = list[InvalidInput]()
    try:
        check_result(verb_of(service, verb)(**arguments))
    except InvalidInput as error:
        refusals.append(error)

    assert all(len(str(refused)) < 2000 for refused in refusals)
    for seen in recorder.taken():
        check_request(seen)


def same(first: Any, second: Any) -> bool:
    """Equal, and of the same types: 1, 1.0 and True are three values."""
    kind = type_of(first)
    if kind is not type_of(second):
        return False
    if kind is dict:
        return bool(first.keys() == second.keys()) and all(same(value, second[key]) for key, value in first.items())
    if kind is list:
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


@pytest.mark.slow
@settings(max_examples=400)
@given(payload=JSON)
def test_any_payload_is_sent_as_it_is(service: FluxbaseClient, recorder: Recorder, payload: Two) -> None:
    """Values of subclasses as those of their base; the server reads exactly this."""
    recorder.taken()

    result = service.jobs.submit("echo", payload.given)

    sent = recorder.taken()
    assert sent, result
    (seen,) = sent
    check_request(seen)
    assert same(strict_json(seen.body).get("payload", {}), payload.plain)
    assert result.ok or "\\u0000" in seen.body.decode() or "\x00" in seen.body.decode(), result.error


@pytest.mark.slow
@settings(max_examples=200)
@given(name=TEXT, namespace=TEXT, key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60))
def test_any_names_and_keys_arrive_as_they_are(service: FluxbaseClient, recorder: Recorder, name: str, namespace: str, key: str) -> None:
    """Or nothing is sent."""
    recorder.taken()

    result = service.jobs.submit(name, namespace=namespace, idempotency_key=key)

    sent = recorder.taken()
    if not sent:
        assert type(result.error) is InvalidInput
        return
    (seen,) = sent
    body = strict_json(seen.body)
    assert (body["job_name"], body.get("namespace", "default")) == (name, namespace)
    assert dict(seen.headers)["idempotency-key"] == key
    assert result.ok or isinstance(result.error, NotFound | InvalidInput | Unprocessable)  # a key may have come before


@pytest.mark.slow
@settings(max_examples=200)
@given(namespace=TEXT, name=TEXT)
def test_any_filter_arrives_as_it_is(service: FluxbaseClient, recorder: Recorder, namespace: str, name: str) -> None:
    """Decoded once, by the server's own parser."""
    recorder.taken()

    result = service.jobs.list(namespace=namespace, job_name=name)

    sent = recorder.taken()
    if not sent:
        assert isinstance(result.error, InvalidInput)
        return
    (seen,) = sent
    check_request(seen)
    query = dict(parse_qsl(seen.query.decode("ascii"), keep_blank_values=True))
    assert (query.get("namespace"), query.get("job_name")) == (namespace, name)


def test_the_recorder_sees_requests(service: FluxbaseClient, recorder: Recorder) -> None:
    """Otherwise the checks above would check nothing."""
    recorder.taken()

    service.jobs.submit("echo", {"at": datetime(2026, 1, 1, tzinfo=UTC)}).unwrap()

    (seen,) = recorder.taken()
    check_request(seen)
    assert (seen.method, seen.path, strict_json(seen.body)["payload"]) == ("POST", "/api/v1/jobs/submit", {"at": "2026-01-01T00:00:00Z"})
