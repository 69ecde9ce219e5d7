"""The plan of credentials: when tokens are refreshed, by whom, and under which key a request goes out again."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from fluxbase_jobs import (
    AuthenticationFailed,
    ConnectionFailed,
    FluxbaseError,
    InvalidResponse,
    RateLimited,
    RequestTimeout,
    ServerFailed,
    Submission,
)
from fluxbase_jobs._operations import jobs as operations
from fluxbase_jobs._operations.operation import Operation
from fluxbase_jobs._plans.exchange.steps import Acquire, ReadClock, Send, Sent, Shield

from tests.support.sample_responses import JOB_ID, job
from tests.support.scripted_driver import NOON, Script, exchange, reply, settings

FOUND = reply(200, job())
CREATED = reply(201, job(job_name="resize"))
REFUSED = reply(401, {"error": "Invalid or expired token"})
REMEMBERED = reply(401, {"error": "Invalid or expired token"}, idempotency_replayed="true")
TOKENS = reply(200, {"access_token": "eyJ.second", "refresh_token": "r2", "expires_in": 900})
NO_TOKENS = reply(401, {"error": "Invalid or expired refresh token", "code": "INVALID_TOKEN"})
DROPPED = ConnectionFailed("no complete answer (ReadError)", retryable=True)


def token(seconds: float, **claims: Any) -> str:
    """A token that expires so many seconds after noon."""
    body = json.dumps({"exp": NOON.timestamp() + seconds, **claims}).encode()
    return f"eyJhbGciOiJIUzI1NiJ9.{base64.urlsafe_b64encode(body).decode().rstrip('=')}.c2ln"


def submitting(key: str | None = None) -> Operation[Any]:
    """A submit under a key."""
    return operations.submit(Submission("resize", {"id": 7}, idempotency_key=key), NOON)


def paths(script: Script) -> list[str]:
    """The last segment of each requested path."""
    return [send.request["url"].rpartition("/")[2] for send in script.sent]


def test_a_401_buys_new_tokens_and_a_new_idempotency_key() -> None:
    """The server would replay the 401 to the old key for a day. The bytes stay the same."""
    script = Script([REFUSED, TOKENS, CREATED])

    result = script.run(exchange(settings(refresh_token="r1"), submitting()))

    assert result.unwrap().id == JOB_ID
    assert paths(script) == ["submit", "refresh", "submit"]
    assert script.sent_headers("authorization") == ["Bearer eyJ.a-token", None, "Bearer eyJ.second"]
    first, _, second = script.sent_headers("idempotency-key")
    assert first != second
    assert script.sent[0].request["content"] == script.sent[2].request["content"]
    assert result.meta.attempts == 2


def test_the_new_key_follows_from_the_old_one() -> None:
    """So that a program that runs again, also in a later version, finds what it submitted."""
    script = Script([REFUSED, TOKENS, CREATED])

    script.run(exchange(settings(refresh_token="r1"), submitting("order-7"))).unwrap()

    assert script.sent_headers("idempotency-key") == ["order-7", None, "order-7~401"]


@pytest.mark.parametrize("length", [4, 252, 253, 256])
def test_new_keys_of_different_keys_are_different(length: int) -> None:
    """Also of keys of the greatest length, where items of a batch differ only in the end."""
    new: set[str | None] = set()
    for end in ("0001", "0002"):
        script = Script([REFUSED, TOKENS, CREATED])
        script.run(exchange(settings(refresh_token="r1"), submitting(end.rjust(length, "k"))))
        new.add(script.sent_headers("idempotency-key")[-1])

    assert len(new) == 2
    assert all(key and len(key) <= 256 for key in new)


def test_a_remembered_401_is_no_reason_to_refresh() -> None:
    """It was somebody's, a day ago: the same token goes out under another key."""
    script = Script([REMEMBERED, CREATED])

    script.run(exchange(settings(refresh_token="r1"), submitting())).unwrap()

    assert paths(script) == ["submit", "submit"]
    assert len(set(script.sent_headers("idempotency-key"))) == 2


def test_a_remembered_401_before_a_real_one() -> None:
    """Yesterday's run was refused, and today's token has expired too: another key, then new tokens and a third key."""
    script = Script([REMEMBERED, REFUSED, TOKENS, CREATED])

    script.run(exchange(settings(refresh_token="r1"), submitting("k" * 256))).unwrap()

    assert paths(script) == ["submit", "submit", "refresh", "submit"]
    keys = script.sent_headers("idempotency-key")
    assert len({keys[0], keys[1], keys[3]}) == 3


def test_all_that_was_refused_before_is_passed_over() -> None:
    """Each run with a bad token leaves another key behind."""
    script = Script([REMEMBERED, REMEMBERED, REMEMBERED, CREATED])

    assert script.run(exchange(settings(), submitting("order-7"))).ok
    assert len(set(script.sent_headers("idempotency-key"))) == 4


def test_remembered_401s_come_to_an_end() -> None:
    """A server that remembers every key is not retried for ever."""
    script = Script([REMEMBERED])

    assert isinstance(script.run(exchange(settings(), submitting())).error, AuthenticationFailed)
    assert len(script.sent) == len(set(script.sent_headers("idempotency-key"))) == 11


def test_a_second_401_is_the_result() -> None:
    """New tokens that are refused as well: no loop."""
    script = Script([REFUSED, TOKENS, REFUSED])

    result = script.run(exchange(settings(refresh_token="r1"), operations.get(JOB_ID)))

    assert isinstance(result.error, AuthenticationFailed)
    assert paths(script) == [JOB_ID, "refresh", JOB_ID]


def test_a_refused_refresh_is_reported_with_the_401() -> None:
    """And sent once: a second one with the same token can only be refused."""
    script = Script([REFUSED, NO_TOKENS])

    error = script.run(exchange(settings(refresh_token="r1"), operations.get(JOB_ID))).error

    assert isinstance(error, AuthenticationFailed)
    assert (error.message, error.status, error.attempts) == ("Invalid or expired token", 401, 1)
    assert "could not be refreshed" in str(error.hint)
    assert paths(script) == [JOB_ID, "refresh"]


@pytest.mark.parametrize(
    ("failure", "kind", "retryable"),
    [
        (DROPPED, ConnectionFailed, True),
        (reply(503), ServerFailed, True),
        (reply(500), ServerFailed, False),
        (reply(429), RateLimited, True),
        (reply(200, {"unexpected": True}), InvalidResponse, False),
    ],
    ids=str,
)
def test_a_refresh_that_fails_in_passing_is_that_failure(failure: Any, kind: type[FluxbaseError], retryable: object) -> None:
    """The refresh token was not refused, so nobody has to sign in again."""
    script = Script([REFUSED, failure])

    error = script.run(exchange(settings(refresh_token="r1", attempts=1), operations.get(JOB_ID))).error

    assert error is not None
    assert type(error) is kind
    assert (error.retryable, error.job_id, error.attempts) == (retryable, JOB_ID, 1)
    assert "refreshed" in str(error.hint)
    assert paths(script) == [JOB_ID, "refresh"]


def test_a_refresh_that_fails_in_passing_is_retried_as_the_policy_says() -> None:
    """With the request that needs it, under another idempotency key, as the server replays the 401 to the first one."""
    script = Script([REFUSED, DROPPED, REFUSED, TOKENS, CREATED])

    assert script.run(exchange(settings(refresh_token="r1"), submitting("order-7"))).ok
    assert paths(script) == ["submit", "refresh", "submit", "refresh", "submit"]
    assert script.sent_headers("idempotency-key")[::2] == ["order-7", "order-7~401", "order-7~401~401"]
    assert len(script.pauses) == 1


def test_without_a_key_a_refresh_that_fails_in_passing_is_retried() -> None:
    """No request goes out without credentials meanwhile."""
    script = Script([DROPPED, TOKENS, FOUND])

    assert script.run(exchange(settings(key=None, refresh_token="r1"), operations.get(JOB_ID))).ok
    assert paths(script) == ["refresh", "refresh", JOB_ID]


def refreshes_of_ten(key: str, tokens: Any) -> int:
    """How many refreshes ten requests within a second send."""
    script = Script([tokens])
    shared = settings(key=key, refresh_token="r1")
    for _ in range(10):
        script.outcomes = [tokens, FOUND] if shared.credentials.refresh_due(script.clock, script.instant().utc.timestamp()) else [FOUND]
        script.run(exchange(shared, operations.get(JOB_ID))).unwrap()
    return paths(script).count("refresh")


@pytest.mark.parametrize("ahead", [-7200, 0, 7200])
@pytest.mark.parametrize("expires_in", [3600, 20, 0, -5, None])
def test_a_wrong_wall_clock_costs_one_refresh_at_most(ahead: float, expires_in: int | None) -> None:
    """By the client's clock the new token has expired too; only the lifetime that the server sends counts."""
    answer = reply(200, {"access_token": token(3600 - ahead), "refresh_token": "r2", "expires_in": expires_in or 0})

    assert refreshes_of_ten(token(3600 - ahead), answer) == (1 if ahead > 0 else 0)


def test_tokens_are_refreshed_shortly_before_their_lifetime_ends() -> None:
    """Counted from when they were received, once for each pair."""
    script = Script([REFUSED, TOKENS, FOUND])
    shared = settings(refresh_token="r1")
    script.run(exchange(shared, operations.get(JOB_ID))).unwrap()

    script.clock += 860
    script.outcomes = [FOUND]
    script.run(exchange(shared, operations.get(JOB_ID))).unwrap()
    script.clock += 15
    script.outcomes = [TOKENS, FOUND]
    script.run(exchange(shared, operations.get(JOB_ID))).unwrap()

    assert paths(script) == [JOB_ID, "refresh", JOB_ID, JOB_ID, "refresh", JOB_ID]


def test_the_lifetime_that_a_token_claims_bounds_what_a_slow_clock_says() -> None:
    """A clock that is two hours behind shows three hours left of a token that lasts one."""
    script = Script([FOUND])
    shared = settings(key=token(3 * 3600, iat=NOON.timestamp() + 2 * 3600), refresh_token="r1")
    script.run(exchange(shared, operations.get(JOB_ID))).unwrap()

    script.clock += 3590
    script.outcomes = [TOKENS, FOUND]
    script.run(exchange(shared, operations.get(JOB_ID))).unwrap()

    assert paths(script) == [JOB_ID, "refresh", JOB_ID]


def test_one_attempt_still_gets_new_tokens() -> None:
    """`retry=None` is about failures that pass; a 401 is none."""
    script = Script([REFUSED, TOKENS, FOUND])

    assert script.run(exchange(settings(refresh_token="r1", attempts=1), operations.get(JOB_ID))).ok


@pytest.mark.parametrize(("seconds", "expected"), [(-1, ["refresh", JOB_ID]), (0, ["refresh", JOB_ID]), (60, [JOB_ID])])
def test_a_token_is_refreshed_before_it_expires(seconds: float, expected: list[str]) -> None:
    """One that has expired already at once."""
    script = Script([TOKENS, FOUND] if len(expected) == 2 else [FOUND])

    assert script.run(exchange(settings(key=token(seconds), refresh_token="r1"), operations.get(JOB_ID))).ok
    assert paths(script) == expected


@pytest.mark.parametrize("key", ["no-jwt", "a.b.c", "a.eyJ9.c", token(0, exp=None), token(0, exp=[])])
def test_a_key_without_an_expiry_is_sent(key: str) -> None:
    """Text that is no JWT, or one without an expiry that can be read."""
    script = Script([FOUND])

    assert script.run(exchange(settings(key=key, refresh_token="r1"), operations.get(JOB_ID))).ok
    assert paths(script) == [JOB_ID]


def test_without_a_key_the_first_request_is_the_refresh() -> None:
    """A refresh token alone is enough."""
    script = Script([TOKENS, FOUND])

    assert script.run(exchange(settings(key=None, refresh_token="r1"), operations.get(JOB_ID))).ok
    assert script.sent_headers("authorization") == [None, "Bearer eyJ.second"]


@pytest.mark.parametrize("failure", [NO_TOKENS, DROPPED, reply(503)], ids=["refused", "dropped", "down"])
def test_a_failed_refresh_ahead_of_time_does_not_stop_a_token_that_still_works(failure: Any) -> None:
    """Until the server says 401."""
    script = Script([failure, FOUND])

    assert script.run(exchange(settings(key=token(-20), refresh_token="r1"), operations.get(JOB_ID))).ok


def test_refresh_tokens_rotate() -> None:
    """Each pair brings the token for the next one."""
    shared = settings(refresh_token="r1")
    third = reply(200, {"access_token": "eyJ.third", "refresh_token": "r3", "expires_in": 900})
    script = Script([REFUSED, TOKENS, FOUND, REFUSED, third, FOUND])

    for _ in range(2):
        script.run(exchange(shared, operations.get(JOB_ID))).unwrap()

    refreshes = [json.loads(send.request["content"]) for send in script.sent if send.request["url"].endswith("refresh")]
    assert refreshes == [{"refresh_token": "r1"}, {"refresh_token": "r2"}]


def test_waiting_calls_use_the_tokens_of_the_first_refresh() -> None:
    """Two calls find the token expired; one refresh serves both."""
    shared = settings(refresh_token="r1")
    waiting = exchange(shared, operations.get(JOB_ID))
    script = Script([REFUSED, TOKENS, FOUND])
    received: Any = None
    while not isinstance(step := waiting.send(received), Acquire):  # the first call has its 401 and is about to take the lock
        received = script.perform(step) if not isinstance(step, Send) else Sent(REFUSED, script.instant())
    script.run(exchange(shared, operations.get(JOB_ID))).unwrap()
    step.lock.acquire()

    step = waiting.send(True)  # the lock is its own now

    while not isinstance(step, Send):
        step = waiting.send(script.perform(step))
    assert step.request["headers"]["authorization"] == "Bearer eyJ.second"


def test_waiting_calls_share_a_refused_refresh() -> None:
    """A hundred waiting calls do not send a hundred refreshes that can only be refused."""
    shared = settings(refresh_token="r1")
    waiting = exchange(shared, operations.get(JOB_ID))
    script = Script([REFUSED, NO_TOKENS])
    received: Any = None
    while not isinstance(step := waiting.send(received), Acquire):
        received = script.perform(step) if not isinstance(step, Send) else Sent(REFUSED, script.instant())
    script.run(exchange(shared, operations.get(JOB_ID)))
    step.lock.acquire()

    step = waiting.send(True)  # the lock is its own now

    assert isinstance(step, ReadClock)
    with pytest.raises(StopIteration) as end:
        waiting.send(script.perform(step))
    assert isinstance(end.value.value.error, AuthenticationFailed)
    assert not shared.credentials.lock.locked()


def test_a_call_stops_waiting_for_the_lock_at_its_deadline() -> None:
    """Another call's slow refresh costs this one no more than its own time; it may succeed later."""
    waiting = exchange(settings(refresh_token="r1", total=6.0, attempts=1), operations.get(JOB_ID))
    script = Script([])
    received: Any = None
    while not isinstance(step := waiting.send(received), Acquire):
        received = script.perform(step) if not isinstance(step, Send) else Sent(REFUSED, script.instant())

    assert step.timeout == 6.0
    step = waiting.send(False)

    assert isinstance(step, ReadClock)
    with pytest.raises(StopIteration) as end:
        waiting.send(script.perform(step))
    assert isinstance(end.value.value.error, RequestTimeout)
    assert end.value.value.error.message == "the tokens are still being refreshed by another call"
    assert end.value.value.error.retryable


def test_a_call_does_not_wait_for_a_refresh_that_never_ends() -> None:
    """Where another event loop was stopped in the middle of it: a refresh has 30 seconds."""
    waiting = exchange(settings(refresh_token="r1", attempts=1), operations.get(JOB_ID))
    script = Script([])
    received: Any = None
    while not isinstance(step := waiting.send(received), Acquire):
        received = script.perform(step) if not isinstance(step, Send) else Sent(REFUSED, script.instant())

    assert step.timeout == 35.0
    waiting.close()


def test_a_refresh_has_its_own_timeout() -> None:
    """A call with little time left must not lose the tokens: the server has spent the old ones."""
    script = Script([REFUSED, DROPPED], seconds=4.0)

    script.run(exchange(settings(refresh_token="r1", timeout=1.0, total=6.0, attempts=1), operations.get(JOB_ID)))

    assert [send.timeout for send in script.sent] == [1.0, 30.0]


def test_a_401_at_the_end_of_the_time_is_the_result() -> None:
    """There is none left for new tokens and another request."""
    script = Script([REFUSED], seconds=9.0)

    assert not script.run(exchange(settings(refresh_token="r1", total=6.0), operations.get(JOB_ID))).ok
    assert paths(script) == [JOB_ID]


def test_a_refresh_is_shielded_and_releases_the_lock() -> None:
    """Ctrl-C, or a cancelled task: the driver raises it after the refresh, whose tokens are kept."""
    shared = settings(refresh_token="r1")
    plan = exchange(shared, operations.get(JOB_ID))
    script = Script([REFUSED, TOKENS])
    received: Any = None
    while not isinstance(step := plan.send(received), Shield):
        received = script.perform(step)
    assert shared.credentials.lock.locked()
    script.perform(step)

    with pytest.raises(KeyboardInterrupt):
        plan.throw(KeyboardInterrupt)

    assert not shared.credentials.lock.locked()
    assert (shared.credentials.key, shared.credentials.refresh_token) == ("eyJ.second", "r2")


def test_a_callable_key_is_called_for_each_request() -> None:
    """A rotated file, a vault: its current value is sent."""
    keys = iter(["first", "second", "third"])
    script = Script([DROPPED, FOUND])

    script.run(exchange(settings(key=lambda: next(keys)), operations.get(JOB_ID))).unwrap()

    assert script.sent_headers("authorization") == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize(("keys", "count"), [(["old", "old"], 1), (["old", "new", "new"], 2)])
def test_after_a_401_a_callable_key_that_changed_is_tried(keys: list[str], count: int) -> None:
    """And one that has not is not."""
    script = Script([REFUSED, CREATED])

    left = iter(keys)
    result = script.run(exchange(settings(key=lambda: next(left)), submitting()))

    assert (result.ok, len(script.sent), len(set(script.sent_headers("idempotency-key")))) == (count == 2, count, count)
