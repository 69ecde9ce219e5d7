"""`FluxbaseClient.sign_in`: creates a client with the tokens of a user."""

from __future__ import annotations

import base64
import json
import time
from typing import Any, Final

import pytest
from fluxbase_jobs import AuthenticationFailed, InvalidInput, InvalidResponse, Tokens

from contract.recordings import APRIL, MARCH
from tests.support.sample_responses import JOB_ID, job, recorded
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

FOUND: Final = Answer(200, job())
PASSWORD: Final = "correct-horse-Battery-9"


@pytest.mark.parametrize("recording", [MARCH, APRIL])
def test_sign_in_gives_a_client_with_the_users_token(connect: Connect, server: LocalServer, recording: str) -> None:
    """From a recorded response; no repr shows the token."""
    response = recorded("auth_tokens", "signin", recording)
    server.answer(Answer(200, response.body, response.response_headers), FOUND)

    result = connect.sign_in(f"{server.url}/", "ada@example.com", PASSWORD, headers={"x-a": "1"})
    result.unwrap().jobs.get(JOB_ID).unwrap()

    first, second = server.requests
    assert (first.method, first.target, first.json()) == (
        "POST",
        "/api/v1/auth/signin",
        {"email": "ada@example.com", "password": PASSWORD},
    )
    assert (first.headers["content-type"], first.headers["x-a"], second.headers["x-a"]) == ("application/json", "1", "1")
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == f"Bearer {response.json()['access_token']}"
    assert (result.meta.status, result.meta.attempts, result.meta.request_id) == (200, 1, response.response_headers["x-request-id"])
    shown = f"{result!r} {result.data!r} {result.meta!r} {dict(result.meta.headers)}"
    assert not any(secret in shown for secret in (response.json()["access_token"], response.json()["refresh_token"], PASSWORD))


@pytest.mark.parametrize("recording", [MARCH, APRIL])
def test_wrong_password_is_refused(connect: Connect, server: LocalServer, recording: str) -> None:
    """From a recorded response, with the server's message."""
    response = recorded("auth_tokens", "signin with a wrong password", recording)
    server.answer(Answer(response.status, response.body, response.response_headers))

    result = connect.sign_in(server.url, "ada@example.com", "wrong")

    assert type(result.error) is AuthenticationFailed
    assert (result.error.message, result.error.status, result.error.hint) == ("Invalid email or password", 401, None)
    assert (result.error.attempts, result.meta.status, result.error.retryable) == (1, 401, False)


def test_second_factor_is_an_error_with_a_hint(connect: Connect, server: LocalServer) -> None:
    """A 200 without tokens gives no client."""
    server.answer(Answer(200, {"requires_2fa": True, "user_id": JOB_ID, "message": "2FA verification required"}, {"x-request-id": "r-1"}))

    result = connect.sign_in(server.url, "ada@example.com", PASSWORD)

    assert type(result.error) is AuthenticationFailed
    assert result.error.message == "the server asks for a second factor (2FA) and sent no tokens"
    assert result.error.hint == (
        "the account has two-factor authentication: sign in with the second factor elsewhere and pass the access token as key"
    )
    assert (result.error.status, result.error.request_id, result.error.attempts) == (200, "r-1", 1)


@pytest.mark.parametrize(("token", "kind"), [("", type(None)), ("two words", InvalidResponse), ("line\nbreak", InvalidResponse)])
def test_invalid_refresh_token_in_the_response(connect: Connect, server: LocalServer, token: str, kind: type[object]) -> None:
    """An empty one counts as none; others are an error value, because the server sent them."""
    server.answer(Answer(200, {"access_token": "eyJ.a", "refresh_token": token, "expires_in": 900}))

    assert type(connect.sign_in(server.url, "ada@example.com", PASSWORD).error) is kind


@pytest.mark.parametrize("token", ["", "two words", "tok\u00ebn", "line\nbreak", None])
def test_invalid_access_token_in_the_response(connect: Connect, server: LocalServer, token: str | None) -> None:
    """An error value, because the server sent it."""
    server.answer(Answer(200, {"access_token": token, "refresh_token": "eyJ.r", "expires_in": 900}))

    result = connect.sign_in(server.url, "ada@example.com", PASSWORD)

    assert type(result.error) is InvalidResponse


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"url": "nope"}, "url"),
        ({"url": None}, "url"),
        ({"email": ""}, "email"),
        ({"email": 5}, "email"),
        ({"email": "\ud800"}, "email"),
        ({"password": ""}, "password"),
        ({"password": None}, "password"),
        ({"password": 5}, "password"),
        ({"password": "tiger\ud800"}, "password"),
        ({"timeout": 0}, "timeout"),
        ({"headers": {"x-a": "tiger\n"}}, "headers"),
    ],
)
def test_invalid_arguments_are_error_values(connect: Connect, server: LocalServer, arguments: dict[str, Any], says: str) -> None:
    """Nothing is sent, and no secret is quoted."""
    given: dict[str, Any] = {"url": server.url, "email": "ada@example.com", "password": PASSWORD, **arguments}

    result = connect.sign_in(**given)

    assert type(result.error) is InvalidInput
    assert result.error.message.startswith(says)
    assert not any(secret in f"{result!r} {result.error}" for secret in (PASSWORD, "tiger"))
    assert server.requests == []


@pytest.mark.parametrize("password", ["", None, 5, "tiger\0", "tiger\ud800"])
def test_a_password_that_no_server_can_have_stored_is_refused(connect: Connect, server: LocalServer, password: Any) -> None:
    """The rule is named, the password is not."""
    error = connect.sign_in(server.url, "ada@example.com", password).error

    assert type(error) is InvalidInput
    assert error.message == "password must be text, not empty, without NUL characters and lone surrogates"
    assert server.requests == []


@pytest.mark.parametrize("hours", [-2, 0, 2])
@pytest.mark.parametrize("expires_in", [900, None])
def test_a_wrong_wall_clock_refreshes_nothing(connect: Connect, server: LocalServer, hours: int, expires_in: int | None) -> None:
    """The lifetime counts from the sign-in, also where the server's clock shows another time than ours."""
    issued = time.time() + hours * 3600
    claims = base64.urlsafe_b64encode(json.dumps({"iat": issued, "exp": issued + 900}).encode()).decode().rstrip("=")
    tokens = {"access_token": f"eyJ.{claims}.c2ln", "refresh_token": "r1", "expires_in": expires_in}
    server.answer(Answer(200, tokens), FOUND)

    client = connect.sign_in(server.url, "ada@example.com", PASSWORD).unwrap()

    assert all(client.jobs.get(JOB_ID).ok for _ in range(3))
    assert server.request_lines == ["POST /api/v1/auth/signin", *[f"GET /api/v1/jobs/{JOB_ID}"] * 3]


def test_sign_in_uses_a_custom_http_client(connect: Connect, server: LocalServer) -> None:
    """It stays open, and the new client uses it, too."""
    response = recorded("auth_tokens", "signin")
    server.answer(Answer(200, response.body, response.response_headers), FOUND)
    http = connect.http(headers={"x-mine": "1"})

    connect.sign_in(server.url, "ada@example.com", PASSWORD, http_client=http).unwrap().jobs.get(JOB_ID).unwrap()

    assert [request.headers["x-mine"] for request in server.requests] == ["1", "1"]
    assert "cookie" not in server.requests[1].headers
    assert not http.is_closed


def test_the_client_shows_its_tokens(connect: Connect, server: LocalServer) -> None:
    """So that a program can keep a sign-in: the first pair, then those of each refresh. They are in no repr."""
    refreshed = {"access_token": "eyJ.second", "refresh_token": "r2", "expires_in": 600}
    first_pair = {"access_token": "eyJ.first", "refresh_token": "r1", "expires_in": 900}
    server.answer(Answer(200, first_pair), Answer(401, {"error": "no"}), Answer(200, refreshed), Answer(200, job()))

    client = connect.sign_in(server.url, "ada@example.com", PASSWORD).unwrap()
    first = client.tokens
    client.jobs.get(JOB_ID).unwrap()

    assert first == Tokens(access_token="eyJ.first", refresh_token="r1", expires_in=900)
    assert client.tokens == Tokens(access_token="eyJ.second", refresh_token="r2", expires_in=600)
    assert "eyJ" not in repr(client.tokens)


def test_a_client_with_a_key_was_given_no_tokens(connect: Connect) -> None:
    """Its key is the caller's own."""
    assert connect("http://127.0.0.1:9", "eyJ.first", refresh_token="r1").tokens is None


@pytest.mark.parametrize("seconds", ["9" * 400, "-" + "9" * 400, "1000000000000"])
def test_tokens_of_any_lifetime_are_taken(connect: Connect, server: LocalServer, seconds: str) -> None:
    """A number that no clock can count to is a long time; the refresh that brings it loses no tokens."""
    tokens = f'{{"access_token": "eyJ.a", "refresh_token": "r", "expires_in": {seconds}}}'
    server.answer(Answer(200, tokens), FOUND, Answer(401, {"error": "no"}), Answer(200, tokens), FOUND)

    client = connect.sign_in(server.url, "ada@example.com", PASSWORD).unwrap()

    assert client.jobs.get(JOB_ID).ok
    assert connect(server.url, "eyJ.old", refresh_token="r").jobs.get(JOB_ID).ok
    assert len(server.requests) == 5
