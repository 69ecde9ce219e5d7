"""Secrets stay secret: keys, tokens, passwords and payloads are in no repr, message, traceback, pickle or log line."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any, Final

import pytest
from fluxbase_jobs import FluxbaseClient, FluxbaseError, Job, Result, Submission, Tokens

from tests.support.every_transport import every_transport
from tests.support.sample_responses import JOB_ID, VERBS, call_all_verbs, job, recorded
from tests.support.servers.local_server import Answer, LocalServer
from tests.support.styles import Connect

transport = every_transport

KEY: Final = "eyJ.tiger-key"
HEADER: Final = "tiger-header"
PASSWORD: Final = "tiger-password"
PAYLOAD: Final = "tiger-payload"
COOKIE: Final = "tiger-cookie"
ACCESS: Final = "tiger-access"
REFRESH: Final = "tiger-refresh"
SECRET: Final = "tiger"
"""A part of all secrets above."""

TOKENS: Final = {**recorded("auth_tokens", "signin").json(), "access_token": ACCESS, "refresh_token": REFRESH}
HEADERS: Final = {"set-cookie": f"fluxbase_refresh_token={COOKIE}; path=/api/v1/auth", "x-request-id": "r-1"}
FULL: Final = job(payload=json.dumps({"pin": PAYLOAD}), result=json.dumps({"pin": PAYLOAD}))

ANSWERS: Final = {
    "a job": Answer(200, FULL, HEADERS),
    "tokens": Answer(200, TOKENS, HEADERS),
    "tokens of another shape": Answer(200, {"access_token": [ACCESS], "refresh_token": REFRESH}, HEADERS),
    "tokens and no key": Answer(200, {"access_token": f"{ACCESS} {ACCESS}", "refresh_token": REFRESH}, HEADERS),
    "a confirmation": Answer(200, {"message": "done", "jobs": [FULL], "logs": None}, HEADERS),
    "a page": Answer(200, b"<html>", HEADERS),
    "a refusal": Answer(401, {"error": "Invalid or expired Bearer token"}, HEADERS),
    "a failure": Answer(500, {"error": "Failed", "request_id": "r-1"}, HEADERS),
    "half a body": Answer(200, FULL, HEADERS, fault="half a body"),
    "no answer": Answer(fault="drop after reading"),
    "a header that is none": Answer(200, FULL, {"content-length": "-1"}),
}


def results_with_secrets(connect: Connect, server: LocalServer, answer: str) -> Iterator[tuple[str, Result[Any]]]:
    """The results of all verbs, called with secrets in every argument that may contain one."""
    server.answer(ANSWERS[answer])
    yield from call_all_verbs(connect, server.url, headers={"x-secret": HEADER})
    client = connect(server.url, KEY, headers={"x-secret": HEADER})
    yield "submit", client.jobs.submit("echo", {"pin": PAYLOAD}, idempotency_key=SECRET)
    yield "submit", client.jobs.submit("echo", {"pin": f"{PAYLOAD}\0"})
    yield "submit", client.jobs.submit("echo", {"pin": [object(), PAYLOAD]})
    yield "submit", client.jobs.submit("echo", {"pin": PAYLOAD}, idempotency_key=f"{SECRET} {SECRET}")
    yield "key", connect(server.url, lambda: f"{KEY}\n").jobs.get(JOB_ID)
    yield "sign in", connect.sign_in(server.url, "ada@example.com", PASSWORD, headers={"x-secret": HEADER})
    yield "sign in", connect.sign_in(server.url.replace("//", f"//ada:{PASSWORD}@"), "ada@example.com", PASSWORD)


def printed(result: Result[Any]) -> str:
    """Everything that a program could print of a result."""
    texts = [repr(result), str(result), repr(result.meta), str(dict(result.meta.headers)), repr(result.data), str(result.data)]
    if result.error is not None:
        texts += [repr(result.error), str(result.error), str(result.error.args)]
        try:
            result.unwrap()
        except FluxbaseError as error:
            texts += traceback.format_exception(error)
    return "\n".join(texts)


@pytest.mark.parametrize("answer", ANSWERS)
def test_results_show_no_secret(connect: Connect, server: LocalServer, answer: str) -> None:
    """Neither data, error and meta, nor the traceback of the error."""
    results = list(results_with_secrets(connect, server, answer))

    assert len(results) == len(VERBS) + 7
    for verb, result in results:
        assert (verb, SECRET in printed(result)) == (verb, False)


@pytest.mark.parametrize("answer", ANSWERS)
def test_pickled_results_hold_no_credentials(connect: Connect, server: LocalServer, answer: str) -> None:
    """A job's payload is pickled; credentials and cookies are not."""
    for verb, result in results_with_secrets(connect, server, answer):
        if not isinstance(result.data, Job | list | type(None)):
            continue  # a client, which nobody pickles
        pickled = pickle.dumps(result)
        for secret in (KEY, HEADER, PASSWORD, COOKIE):
            assert (verb, secret, secret.encode() in pickled) == (verb, secret, False)


@pytest.mark.parametrize("answer", ANSWERS)
def test_log_lines_hold_no_secret(connect: Connect, server: LocalServer, caplog: pytest.LogCaptureFixture, answer: str) -> None:
    """At the lowest level, including httpx. Without httpcore, which logs response headers, cookies included, at that level."""
    caplog.set_level(logging.DEBUG)

    list(results_with_secrets(connect, server, answer))

    lines = [(record.name, record.getMessage(), str(record.__dict__)) for record in caplog.records]
    assert any(name == "httpx" for name, *_ in lines) or ANSWERS[answer].fault or answer == "a header that is none"
    for name, *texts in lines:
        secrets = [KEY, HEADER, PASSWORD, PAYLOAD] if name.startswith("httpcore") else [SECRET]
        assert (name, [secret for secret in secrets if any(secret in text for text in texts)]) == (name, [])
    assert any(name == "fluxbase_jobs" for name, *_ in lines)


@pytest.mark.parametrize("key", [KEY, "sk_tiger", "fbk_tiger"])
def test_clients_show_no_secret(connect: Connect, key: str) -> None:
    """Nor does any object between the client and its verbs, before and after use."""
    client = connect("http://127.0.0.1:9", key, headers={"x-secret": HEADER}, timeout=1)

    for _ in range(2):
        for part in (client, client.fetch, client.jobs, client.fetch.settings):
            assert SECRET not in f"{part!r} {part} {part:}"
        client.jobs.get(JOB_ID)


def test_models_show_no_secret(client: FluxbaseClient, server: LocalServer) -> None:
    """Jobs, submissions and tokens."""
    server.answer(Answer(200, FULL), Answer(200, {"jobs": [FULL]}))
    job = client.jobs.get(JOB_ID).unwrap()
    jobs = client.jobs.list(include_result=True).unwrap()

    assert job.payload == job.result == jobs[0].result == {"pin": PAYLOAD}
    submission = Submission("echo", {"pin": PAYLOAD}, idempotency_key=SECRET)
    for value in (job, jobs, submission, Tokens(access_token=ACCESS, refresh_token=REFRESH)):
        assert SECRET not in f"{value!r} {value}"


def test_idempotency_keys_are_unpredictable(client: FluxbaseClient, server: LocalServer) -> None:
    """The server gives its stored response to everyone who sends the key."""
    server.answer(Answer(201, FULL))

    for _ in range(20):
        client.jobs.submit("echo").unwrap()

    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert len(set(keys)) == 20
    assert len({key[:8] for key in keys}) == 20
    assert all(len(key) >= 22 for key in keys)
