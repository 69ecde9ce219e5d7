"""What becomes of a payload: the JSON that the server receives, or the message of the error."""

from __future__ import annotations

from typing import Any

from fluxbase_jobs import FluxbaseClient, InvalidInput

from tests.support.sample_responses import job
from tests.support.servers.local_server import Answer, LocalServer


def sent(client: FluxbaseClient, server: LocalServer, payload: object) -> Any:
    """What the server receives as payload."""
    server.answer(Answer(201, job(status="pending")))
    client.jobs.submit("resize", payload).unwrap()
    return server.requests[-1].json()["payload"]


def refusal(client: FluxbaseClient, server: LocalServer, payload: object) -> str:
    """The message of the error; nothing was sent."""
    error = client.jobs.submit("resize", payload).error
    assert type(error) is InvalidInput
    assert server.requests == []
    return error.message
