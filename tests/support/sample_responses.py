"""Bodies as the server sends them, cut from the recordings."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from fluxbase_jobs import FluxbaseClient, Result

from contract.recordings import MARCH, Exchange, load
from tests.support.styles import Connect

T = TypeVar("T")

JOB_ID: Final = "3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11"

LINES: Final = [
    {"id": "1", "timestamp": "2026-11-23T17:44:05.716Z", "category": "execution", "level": "info", "message": "a", "line_number": 1},
    {"id": "2", "timestamp": "2026-11-23T17:44:06.716Z", "category": "execution", "level": "error", "message": "b", "line_number": 2},
]
"""Two lines of a log."""


def recorded(scenario: str, label: str, recording: str = MARCH, nth: int = 0) -> Exchange:
    """The nth exchange of that scenario with that label."""
    found = [exchange for exchange in load(recording) if (exchange.scenario, exchange.label) == (scenario, label)]
    return found[nth]


def job(**changes: Any) -> dict[str, Any]:
    """A completed job as `get` answers it, with changes; a change to None takes the key away."""
    body = {**recorded("lifecycle", "poll: completed").json(), "id": JOB_ID, **changes}
    return {key: value for key, value in body.items() if value is not None}


def page(*jobs: dict[str, Any]) -> dict[str, Any]:
    """An envelope of `list`."""
    return {"jobs": list(jobs) or None, "limit": 50, "offset": 0}


def unpickled(value: T) -> T:
    """What arrives in another process."""
    again: T = pickle.loads(pickle.dumps(value))  # noqa: S301  # our own
    return again


SIGN_IN: Final = "sign in"
_OF_A_CLIENT: Final[Mapping[str, Callable[[FluxbaseClient], Result[Any]]]] = {
    "submit": lambda client: client.jobs.submit("echo", {"a": 1}),
    "get": lambda client: client.jobs.get(JOB_ID),
    "get with its log": lambda client: client.jobs.get(JOB_ID, include_logs=True),
    "list": lambda client: client.jobs.list(),
    "list the default namespace": lambda client: client.jobs.list(namespace="default"),
    "cancel": lambda client: client.jobs.cancel(JOB_ID),
    "retry": lambda client: client.jobs.retry(JOB_ID),
    "logs": lambda client: client.jobs.logs(JOB_ID),
}
VERBS: Final = (*_OF_A_CLIENT, SIGN_IN)
"""Everything a program can ask the server."""


def ask(connect: Connect, verb: str, url: str, **options: Any) -> Result[Any]:
    """Ask the server for that, as a new client with these options."""
    if verb == SIGN_IN:
        return connect.sign_in(url, "ada@example.com", "a-password", **options)
    return _OF_A_CLIENT[verb](connect(url, "eyJ.a-token", **options))


def ask_all(connect: Connect, url: str, **options: Any) -> Iterator[tuple[str, Result[Any]]]:
    """Ask the server for everything, one after the other; each verb and its result. They share connections, for speed."""
    http = options.pop("http_client", None) or connect.http()
    for verb in VERBS:
        yield verb, ask(connect, verb, url, http_client=http, **options)
