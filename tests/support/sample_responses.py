"""Response bodies from the recordings, and a call of every verb."""

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
"""Two log lines."""


def recorded(scenario: str, label: str, recording: str = MARCH, nth: int = 0) -> Exchange:
    """The nth exchange of a scenario with this label."""
    found = [exchange for exchange in load(recording) if (exchange.scenario, exchange.label) == (scenario, label)]
    return found[nth]


class SampleJob(dict[str, Any]):
    """A job as the server returns it. In the answer to a submit it has what was submitted, unless the test says otherwise."""

    given: Mapping[str, Any]

    def as_submitted(self, submitted: Mapping[str, Any]) -> dict[str, Any]:
        """The job with the submitted name and namespace."""
        named = {key: submitted[key] for key in ("job_name", "namespace") if submitted.get(key) and key not in self.given}
        return {**self, **named}


def job(**changes: Any) -> SampleJob:
    """A completed job as the server returns it, with changes; None removes a key."""
    body = {**recorded("lifecycle", "poll: completed").json(), "id": JOB_ID, **changes}
    made = SampleJob({key: value for key, value in body.items() if value is not None})
    made.given = changes
    return made


def page(*jobs: dict[str, Any]) -> dict[str, Any]:
    """A page of `list`."""
    return {"jobs": list(jobs) or None, "limit": 50, "offset": 0}


def pickle_round_trip(value: T) -> T:
    """Pickle and unpickle a value, as for another process."""
    copy: T = pickle.loads(pickle.dumps(value))  # noqa: S301  # our own data
    return copy


SIGN_IN: Final = "sign in"
_CLIENT_CALLS: Final[Mapping[str, Callable[[FluxbaseClient], Result[Any]]]] = {
    "submit": lambda client: client.jobs.submit("echo", {"a": 1}),
    "get": lambda client: client.jobs.get(JOB_ID),
    "get with log": lambda client: client.jobs.get(JOB_ID, include_logs=True),
    "list": lambda client: client.jobs.list(),
    "list the default namespace": lambda client: client.jobs.list(namespace="default"),
    "cancel": lambda client: client.jobs.cancel(JOB_ID),
    "retry": lambda client: client.jobs.retry(JOB_ID),
    "logs": lambda client: client.jobs.logs(JOB_ID),
}
VERBS: Final = (*_CLIENT_CALLS, SIGN_IN)
"""Everything a program can request from the server."""


def call_verb(connect: Connect, verb: str, url: str, **options: Any) -> Result[Any]:
    """Call one verb with a new client that has these options."""
    if verb == SIGN_IN:
        return connect.sign_in(url, "ada@example.com", "a-password", **options)
    return _CLIENT_CALLS[verb](connect(url, "eyJ.a-token", **options))


def call_all_verbs(connect: Connect, url: str, **options: Any) -> Iterator[tuple[str, Result[Any]]]:
    """Call every verb, and yield its name and result. The clients share connections, for speed."""
    http = options.pop("http_client", None) or connect.http()
    for verb in VERBS:
        yield verb, call_verb(connect, verb, url, http_client=http, **options)
