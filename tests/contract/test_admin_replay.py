"""Every recorded exchange of the admin scenario that these verbs can send: the same request is sent, and its answer is read."""

from __future__ import annotations

import json
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import attrs
import pytest
from fluxbase_jobs import FluxbaseAdminJobs, FluxbaseClient, JobStats, Result, SyncResult

from contract.recordings import APRIL, MARCH, Exchange, load
from tests.support.servers.local_server import Answer, LocalServer

ADMIN: Final = "/api/v1/admin/jobs"
NEVER_SENT: Final = {
    # On purpose: what they ask for is not what they answer.
    "GET /functions?namespace=default",
    "GET /stats?namespace=default",
    # The short forms, which March does not have.
    "GET ?limit=1",
    "get by /admin/jobs/id",
}
VERBS: Final = {
    ("GET", "queue", 0): "list_jobs",
    ("GET", "queue", 1): "get_job",
    ("GET", "functions", 0): "list_functions",
    ("GET", "functions", 2): "get_function",
    ("DELETE", "functions", 2): "delete_function",
    ("GET", "stats", 0): "get_stats",
    ("GET", "workers", 0): "list_workers",
    ("GET", "namespaces", 0): "list_namespaces",
}
ALL: Final = [
    exchange
    for recording in (MARCH, APRIL)
    for exchange in load(recording)
    if exchange.scenario == "admin" and exchange.path.startswith(ADMIN)
]
SENT: Final = [exchange for exchange in ALL if exchange.label not in NEVER_SENT]


def _typed(query: str) -> dict[str, Any]:
    return {name: {"true": True}.get(value) or (int(value) if value.isdigit() else value) for name, value in parse_qsl(query)}


def _sync(admin: FluxbaseAdminJobs, exchange: Exchange) -> Result[Any]:
    body = json.loads(exchange.request_body or "")
    functions, options = body.get("jobs", []), body.get("options", {})
    return admin.sync(functions, namespace=body["namespace"], from_server_folder=not functions, **options)


def call(admin: FluxbaseAdminJobs, exchange: Exchange) -> Result[Any]:
    """What sends this request."""
    first, *rest = exchange.path.removeprefix(ADMIN + "/").split("/")
    if first == "sync":
        return _sync(admin, exchange)
    verb = rest.pop() if exchange.method == "POST" else VERBS[exchange.method, first, len(rest)]
    result: Result[Any] = getattr(admin, verb)(*rest, **_typed(exchange.query))
    return result


def expected_value(body: Any) -> object:
    """By what the server's answer is recognised: ids, names, a number."""
    if isinstance(body, list):
        return [expected_value(item) for item in cast("list[object]", body)]
    if not isinstance(body, dict):
        return body
    keys = ("jobs", "namespaces", "details", "total_jobs", "id")
    known = cast("dict[str, object]", body)
    return next((expected_value(known[key] or []) for key in keys if key in known), {name: found for name, found in known.items() if found})


def understood(data: Any) -> object:
    """The same of ours."""
    if isinstance(data, list):
        return [understood(item) for item in cast("list[object]", data)]
    if isinstance(data, SyncResult):
        return {name: found for name, found in attrs.asdict(data.details).items() if found}
    return data.total_jobs if isinstance(data, JobStats) else getattr(data, "id", data)


def test_the_exceptions_are_still_recorded() -> None:
    """And nothing else is left out."""
    assert {exchange.label for exchange in ALL} >= NEVER_SENT
    assert len(SENT) == len(ALL) - 2 * len(NEVER_SENT)


@pytest.mark.parametrize("exchange", SENT, ids=lambda exchange: exchange.name)
def test_a_recorded_exchange(client: FluxbaseClient, server: LocalServer, exchange: Exchange) -> None:
    """Method, path, query and body are those that were recorded; the answer is a value or an error of its status."""
    server.answer(Answer(exchange.status, exchange.body, exchange.response_headers))

    result = call(client.admin.jobs, exchange)

    sent = server.requests[0]
    assert (sent.method, sent.path) == (exchange.method, exchange.path)
    assert dict(parse_qsl(exchange.query)).items() <= sent.query.items()
    assert (sent.json() if sent.body else None) == (json.loads(exchange.request_body) if exchange.request_body else None)
    assert result.ok is exchange.succeeded
    if result.error:
        assert result.error.status == exchange.status
        assert exchange.json()["error"] in result.error.message
    elif exchange.body and sent.path.rpartition("/")[2] not in {"cancel", "terminate", "retry"}:
        assert understood(result.data) == expected_value(exchange.json() or [])
