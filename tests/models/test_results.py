"""Results: `Ok` and `Err`, and what `meta` tells of how they came about."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any, Final, cast

import pytest
from fluxbase_jobs import ConnectionFailed, Err, FluxbaseClient, FluxbaseError, InvalidInput, Job, Meta, NotFound, Ok, Result, is_err, is_ok

from contract.recordings import LIMITS
from tests.support.local_server import Answer, LocalServer
from tests.support.sample_responses import JOB_ID, job, page, recorded, unpickled

FOUND = Answer(200, job(), {"x-request-id": "r-1", "set-cookie": "fluxbase_access_token=a-secret", "X-RateLimit-Limit": "100"})
MISSING = Answer(404, {"error": "Job not found"}, {"x-request-id": "r-2"})


@pytest.fixture
def good(client: FluxbaseClient, server: LocalServer) -> Result[Job]:
    """A result with a job."""
    server.answer(FOUND)
    return client.jobs.get(JOB_ID)


@pytest.fixture
def bad(client: FluxbaseClient, server: LocalServer) -> Result[Job]:
    """A result with an error."""
    server.answer(MISSING)
    return client.jobs.get(JOB_ID)


def test_a_success_unpacks(good: Result[Job]) -> None:
    """To the data and None."""
    data, error = good

    assert error is None
    assert data.id == JOB_ID
    assert (good.data, good.error, good.ok, len(good)) == (data, None, True, 2)
    assert isinstance(good, Ok)
    assert isinstance(good, tuple)
    assert good == (data, None)


def test_a_failure_unpacks(bad: Result[Job]) -> None:
    """To None and the error."""
    data, error = bad

    assert data is None
    assert isinstance(error, NotFound)
    assert (bad.data, bad.error, bad.ok, len(bad)) == (None, error, False, 2)
    assert isinstance(bad, Err)
    assert bad == (None, error)


def test_a_success_unwraps_to_its_data(good: Result[Job]) -> None:
    """Whatever else was offered."""
    assert good.unwrap() is good.data
    assert good.unwrap_or(None) is good.data


def test_a_failure_raises_or_takes_the_other(bad: Result[Job]) -> None:
    """`unwrap` raises the very error."""
    with pytest.raises(NotFound) as raised:
        bad.unwrap()

    assert raised.value is bad.error
    assert bad.unwrap_or(None) is None
    assert bad.unwrap_or("other") == "other"


def told(result: Result[Job]) -> object:
    """What a match statement sees."""
    match result:
        case Ok(Job(status="failed")):
            return "failed"
        case Ok(data):
            return data.status
        case Err(NotFound()):
            return "missing"
        case Err(error):
            return str(error)


def test_results_match(good: Result[Job], bad: Result[Job]) -> None:
    """Both halves have one place, of which the classes inside match too."""
    assert (told(good), told(bad), told(Err(InvalidInput("words")))) == ("completed", "missing", "words")


def test_helpers_tell_the_halves_apart(good: Result[Job], bad: Result[Job]) -> None:
    """As functions, for `filter` and the like."""
    assert [is_ok(good), is_err(good), is_ok(bad), is_err(bad)] == [True, False, False, True]
    assert list(filter(is_err, [good, bad])) == [bad]


@pytest.mark.parametrize("data", [None, 0, "", [], False])
def test_a_success_need_not_be_true(data: object) -> None:
    """An empty list is a success, and so is None."""
    result: Result[object] = Ok(data)

    assert result.ok
    assert is_ok(result)
    assert (result.unwrap(), result.unwrap_or("other"), result.error) == (data, data, None)


COPIES: Final[list[Callable[[Result[Job]], Result[Job]]]] = [unpickled, copy.copy, copy.deepcopy]


@pytest.mark.parametrize("copied", COPIES)
def test_results_survive_a_pickle_and_a_copy(good: Result[Job], bad: Result[Job], copied: Callable[[Result[Job]], Result[Job]]) -> None:
    """With data or error, and with the headers of a real answer."""
    good_again, bad_again = copied(good), copied(bad)

    assert good_again == good
    assert type(good_again) is Ok
    assert type(bad_again) is Err
    assert vars(bad_again.error) == vars(bad.error)
    for again, result in ((good_again, good), (bad_again, bad)):
        assert (again.ok, repr(again), again.meta) == (result.ok, repr(result), result.meta)
        assert again.meta.headers["X-Request-Id"] == result.meta.request_id
        assert again.meta.elapsed == result.meta.elapsed


def test_a_pickled_log_error_survives(client: FluxbaseClient, server: LocalServer) -> None:
    """It is part of `meta`."""
    server.answer(FOUND, MISSING)
    result = client.jobs.get(JOB_ID, include_logs=True)

    again = unpickled(result)

    assert isinstance(again.meta.logs_error, NotFound)
    assert again.meta.logs_error.request_id == "r-2"


def test_meta_tells_of_the_answer(good: Result[Job], bad: Result[Job]) -> None:
    """Status, request id and attempts of a success and of a failure."""
    assert (good.meta.status, good.meta.request_id, good.meta.attempts, good.meta.logs_error) == (200, "r-1", 1, None)
    assert (bad.meta.status, bad.meta.request_id, bad.meta.attempts) == (404, "r-2", 1)
    assert good.meta.elapsed >= 0
    assert bad.meta.elapsed >= 0


def test_header_names_come_in_any_case(good: Result[Job]) -> None:
    """As HTTP has it."""
    headers = good.meta.headers

    assert headers["x-ratelimit-limit"] == headers["X-RateLimit-Limit"] == headers["X-RATELIMIT-LIMIT"] == "100"
    assert "X-Request-ID" in headers
    assert headers.get("absent") is None


def test_headers_hold_no_cookies(good: Result[Job]) -> None:
    """They are credentials, and a result may be logged or sent elsewhere."""
    assert "set-cookie" not in good.meta.headers
    assert "a-secret" not in f"{dict(good.meta.headers)} {good!r} {good.meta!r}"
    assert b"a-secret" not in pickle.dumps(good)


def test_meta_without_an_answer(client: FluxbaseClient, server: LocalServer) -> None:
    """A dropped connection was an attempt; refused arguments were none."""
    server.answer(Answer(fault="drop after reading"))

    dropped, refused = client.jobs.get(JOB_ID), client.jobs.get("nope")

    assert isinstance(dropped.error, ConnectionFailed)
    assert (dropped.meta.status, dropped.meta.request_id, dropped.meta.attempts) == (None, None, 1)
    assert isinstance(refused.error, InvalidInput)
    assert (refused.meta.status, refused.meta.request_id, refused.meta.attempts, refused.error.attempts) == (None, None, 0, 0)
    assert not refused.meta.idempotency_replayed


@pytest.mark.parametrize(("value", "replayed"), [("true", True), ("TRUE", True), ("false", False), ("", False), (None, False)])
def test_meta_tells_of_a_replay(client: FluxbaseClient, server: LocalServer, value: str | None, *, replayed: bool) -> None:
    """The server says so in a header, of a recorded error too."""
    headers = {} if value is None else {"Idempotency-Replayed": value}
    server.answer(Answer(201, job(), headers), Answer(404, recorded("idempotency", "404 replayed").body, headers))

    assert client.jobs.submit("echo").meta.idempotency_replayed == replayed
    assert client.jobs.submit("no-such-job").meta.idempotency_replayed == replayed


def test_meta_has_the_rate_limit(client: FluxbaseClient, server: LocalServer) -> None:
    """A recorded page: a program can slow down in time."""
    told = recorded("rate_limited", "request 99", LIMITS)
    server.answer(Answer(200, page(), told.response_headers))

    headers = client.jobs.list().meta.headers

    assert {name: headers[name] for name in told.response_headers} == told.response_headers
    assert int(headers["X-RateLimit-Remaining"]) < int(headers["X-RateLimit-Limit"])


def test_elapsed_is_that_of_all_requests(client: FluxbaseClient, server: LocalServer) -> None:
    """Of both, where a verb needs two: the first one's time can't be missed."""
    server.answer(Answer(200, job(), delay=0.05), Answer(200, {"logs": None}))

    assert client.jobs.get(JOB_ID, include_logs=True).meta.elapsed >= 0.05


def test_results_made_by_hand() -> None:
    """A user's tests make them: without meta nothing is known."""
    ok, err = Ok(7), Err(FluxbaseError("words"))

    assert (repr(ok), repr(err)) == ("Ok(7)", "Err(FluxbaseError('words'))")
    assert (ok.meta, err.meta) == (Meta(), Meta())
    assert (ok.meta.status, dict(ok.meta.headers), ok.meta.attempts, ok.meta.request_id) == (None, {}, 0, None)
    assert Ok(7, Meta(status=201)).meta.status == 201


def test_meta_cannot_be_changed(good: Result[Job]) -> None:
    """Nor can the halves of a result."""
    with pytest.raises(AttributeError):
        good.meta.status = 500  # type: ignore[misc]  # frozen, on purpose
    with pytest.raises(TypeError):
        good[0] = None  # type: ignore[index]  # pyright: ignore[reportIndexIssue]  # a tuple, on purpose
    with pytest.raises(AttributeError):
        good.data = cast("Any", None)
