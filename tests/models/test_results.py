"""Results: `Ok` and `Err`, and their `meta`."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any, Final, cast

import pytest
from fluxbase_jobs import ConnectionFailed, Err, FluxbaseClient, FluxbaseError, InvalidInput, Job, Meta, NotFound, Ok, Result, is_err, is_ok

from contract.recordings import LIMITS
from tests.support.sample_responses import JOB_ID, job, page, pickle_round_trip, recorded
from tests.support.servers.local_server import Answer, LocalServer

FOUND = Answer(200, job(), {"x-request-id": "r-1", "set-cookie": "fluxbase_access_token=a-secret", "X-RateLimit-Limit": "100"})
MISSING = Answer(404, {"error": "Job not found"}, {"x-request-id": "r-2"})


NEVER_SEEN: Final = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def good(client: FluxbaseClient, server: LocalServer) -> Result[Job]:
    """A result with a job."""
    server.answer(FOUND)
    return client.jobs.get(JOB_ID)


@pytest.fixture
def bad(client: FluxbaseClient, server: LocalServer) -> Result[Job]:
    """A result with an error."""
    server.answer(MISSING)
    return client.jobs.get(NEVER_SEEN)


def test_ok_unpacks_to_data_and_none(good: Result[Job]) -> None:
    """As in `data, error = result`."""
    data, error = good

    assert error is None
    assert data.id == JOB_ID
    assert (good.data, good.error, good.ok, len(good)) == (data, None, True, 2)
    assert isinstance(good, Ok)
    assert isinstance(good, tuple)
    assert good == (data, None)


def test_err_unpacks_to_none_and_error(bad: Result[Job]) -> None:
    """As in `data, error = result`."""
    data, error = bad

    assert data is None
    assert isinstance(error, NotFound)
    assert (bad.data, bad.error, bad.ok, len(bad)) == (None, error, False, 2)
    assert isinstance(bad, Err)
    assert bad == (None, error)


def test_ok_unwraps_to_its_data(good: Result[Job]) -> None:
    """Also with a default."""
    assert good.unwrap() is good.data
    assert good.unwrap_or(None) is good.data


def test_err_raises_its_error_or_returns_the_default(bad: Result[Job]) -> None:
    """`unwrap` raises the error itself."""
    with pytest.raises(NotFound) as raised:
        bad.unwrap()

    assert raised.value is bad.error
    assert bad.unwrap_or(None) is None
    assert bad.unwrap_or("other") == "other"


def match_outcome(result: Result[Job]) -> object:
    """The outcome of a match statement."""
    match result:
        case Ok(Job(status="failed")):
            return "failed"
        case Ok(data):
            return data.status
        case Err(NotFound()):
            return "missing"
        case Err(error):
            return str(error)


def test_results_work_in_match_statements(good: Result[Job], bad: Result[Job]) -> None:
    """Patterns for data and error can be nested."""
    assert (match_outcome(good), match_outcome(bad), match_outcome(Err(InvalidInput("words")))) == ("completed", "missing", "words")


def test_is_ok_and_is_err(good: Result[Job], bad: Result[Job]) -> None:
    """As functions, for `filter` and the like."""
    assert [is_ok(good), is_err(good), is_ok(bad), is_err(bad)] == [True, False, False, True]
    assert list(filter(is_err, [good, bad])) == [bad]


@pytest.mark.parametrize("data", [None, 0, "", [], False])
def test_ok_may_hold_a_false_value(data: object) -> None:
    """An empty list is a success, and so is None."""
    result: Result[object] = Ok(data)

    assert result.ok
    assert is_ok(result)
    assert (result.unwrap(), result.unwrap_or("other"), result.error) == (data, data, None)


COPIES: Final[list[Callable[[Result[Job]], Result[Job]]]] = [pickle_round_trip, copy.copy, copy.deepcopy]


@pytest.mark.parametrize("copied", COPIES)
def test_results_can_be_pickled_and_copied(good: Result[Job], bad: Result[Job], copied: Callable[[Result[Job]], Result[Job]]) -> None:
    """With data or error, and with the headers of a real response."""
    good_again, bad_again = copied(good), copied(bad)

    assert good_again == good
    assert type(good_again) is Ok
    assert type(bad_again) is Err
    assert vars(bad_again.error) == vars(bad.error)
    for again, result in ((good_again, good), (bad_again, bad)):
        assert (again.ok, repr(again), again.meta) == (result.ok, repr(result), result.meta)
        assert again.meta.headers["X-Request-Id"] == result.meta.request_id
        assert again.meta.elapsed == result.meta.elapsed


def test_log_error_can_be_pickled(client: FluxbaseClient, server: LocalServer) -> None:
    """It is part of `meta`."""
    server.answer(FOUND, MISSING)
    result = client.jobs.get(JOB_ID, include_logs=True)

    again = pickle_round_trip(result)

    assert isinstance(again.meta.logs_error, NotFound)
    assert again.meta.logs_error.request_id == "r-2"


def test_meta_describes_the_response(good: Result[Job], bad: Result[Job]) -> None:
    """Status, request id and attempts of a success and of a failure."""
    assert (good.meta.status, good.meta.request_id, good.meta.attempts, good.meta.logs_error) == (200, "r-1", 1, None)
    assert (bad.meta.status, bad.meta.request_id, bad.meta.attempts) == (404, "r-2", 1)
    assert good.meta.elapsed >= 0
    assert bad.meta.elapsed >= 0


def test_header_names_are_case_insensitive(good: Result[Job]) -> None:
    """As in HTTP."""
    headers = good.meta.headers

    assert headers["x-ratelimit-limit"] == headers["X-RateLimit-Limit"] == headers["X-RATELIMIT-LIMIT"] == "100"
    assert "X-Request-ID" in headers
    assert headers.get("absent") is None


def test_headers_hold_no_cookies(good: Result[Job]) -> None:
    """Cookies are credentials, and a result may be logged or sent elsewhere."""
    assert "set-cookie" not in good.meta.headers
    assert "a-secret" not in f"{dict(good.meta.headers)} {good!r} {good.meta!r}"
    assert b"a-secret" not in pickle.dumps(good)


def test_meta_without_response(client: FluxbaseClient, server: LocalServer) -> None:
    """A dropped connection counts as an attempt; refused arguments do not."""
    server.answer(Answer(fault="drop after reading"))

    dropped, refused = client.jobs.get(JOB_ID), client.jobs.get("nope")

    assert isinstance(dropped.error, ConnectionFailed)
    assert (dropped.meta.status, dropped.meta.request_id, dropped.meta.attempts) == (None, None, 1)
    assert isinstance(refused.error, InvalidInput)
    assert (refused.meta.status, refused.meta.request_id, refused.meta.attempts, refused.error.attempts) == (None, None, 0, 0)
    assert not refused.meta.idempotency_replayed


@pytest.mark.parametrize(("value", "replayed"), [("true", True), ("TRUE", True), ("false", False), ("", False), (None, False)])
def test_meta_shows_a_replay(client: FluxbaseClient, server: LocalServer, value: str | None, *, replayed: bool) -> None:
    """From a header, also for a recorded error."""
    headers = {} if value is None else {"Idempotency-Replayed": value}
    server.answer(Answer(201, job(), headers), Answer(404, recorded("idempotency", "404 replayed").body, headers))

    assert client.jobs.submit("echo").meta.idempotency_replayed == replayed
    assert client.jobs.submit("no-such-job").meta.idempotency_replayed == replayed


def test_meta_has_the_rate_limit(client: FluxbaseClient, server: LocalServer) -> None:
    """From a recorded response; a program can slow down in time."""
    response = recorded("rate_limited", "request 99", LIMITS)
    server.answer(Answer(200, page(), response.response_headers))

    headers = client.jobs.list().meta.headers

    assert {name: headers[name] for name in response.response_headers} == response.response_headers
    assert int(headers["X-RateLimit-Remaining"]) < int(headers["X-RateLimit-Limit"])


def test_elapsed_covers_all_requests(client: FluxbaseClient, server: LocalServer) -> None:
    """If a verb sends two requests, both count."""
    server.answer(Answer(200, job(), delay=0.05), Answer(200, {"logs": None}))

    assert client.jobs.get(JOB_ID, include_logs=True).meta.elapsed >= 0.05


def test_results_can_be_created_without_meta() -> None:
    """For the tests of users."""
    ok, err = Ok(7), Err(FluxbaseError("words"))

    assert (repr(ok), repr(err)) == ("Ok(7)", "Err(FluxbaseError('words'))")
    assert (ok.meta, err.meta) == (Meta(), Meta())
    assert (ok.meta.status, dict(ok.meta.headers), ok.meta.attempts, ok.meta.request_id) == (None, {}, 0, None)
    assert Ok(7, Meta(status=201)).meta.status == 201


def test_meta_and_results_are_immutable(good: Result[Job]) -> None:
    """Neither can be changed."""
    with pytest.raises(AttributeError):
        good.meta.status = 500  # type: ignore[misc]  # frozen, on purpose
    with pytest.raises(TypeError):
        good[0] = None  # type: ignore[index]  # pyright: ignore[reportIndexIssue]  # a tuple, on purpose
    with pytest.raises(AttributeError):
        good.data = cast("Any", None)
