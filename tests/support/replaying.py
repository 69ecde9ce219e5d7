"""Replays recorded exchanges: finds the verb that sends a request, and compares what is sent and what is returned."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast
from urllib.parse import parse_qsl, unquote
from uuid import UUID

from fluxbase_jobs import FluxbaseClient, InvalidInput, Job, LogLine, OnBehalfOf, Result
from fluxbase_jobs._plans.exchange.denied import DENIAL, UNSURE
from fluxbase_jobs._plans.logs import DENIED as LOG_DENIED

from contract.recordings import Exchange, load
from tests.support.servers.local_server import Answer, LocalServer, Request
from tests.support.styles import Connect

USER_ROUTES: Final = "/api/v1/jobs"
ROUTE: Final = re.compile(rf"(GET|POST) {USER_ROUTES}(?:/(submit)|/([^/]+)(?:/(cancel|retry|logs))?)?")
DEFAULTS: Final[dict[str, dict[str, str]]] = {"list": {"limit": "50", "offset": "0"}, "logs": {"after_line": "0"}}
ROUNDING: Final = timedelta(microseconds=1)
"""The difference between nine digits of a second, truncated or rounded, and six."""

FILTERS: Final = {"status", "namespace", "job_name", "include_result", "limit", "offset"}
FIELDS: Final = {"job_name", "payload", "namespace", "priority", "scheduled_at", "on_behalf_of"}
NO_KEY_HINT: Final = "the client was made without a key"
KEYS: Final = {"x-service-key": "sk_1", "x-client-key": "fbk_1"}
FORMS_NOT_SENT: Final = {
    "service role JWT as X-Service-Key",
    "Authorization: ServiceKey",
    "apikey header",
    "clientkey header with a JWT",
    "lower-case bearer",
    "query token",
}
KINDS: Final = {
    401: "AuthenticationFailed",
    403: "PermissionDenied",
    404: "NotFound",
    409: "Conflict",
    413: "PayloadTooLarge",
    422: "Unprocessable",
    429: "RateLimited",
}


@dataclass(frozen=True)
class Call:
    """A verb, and the arguments that make it send a recorded request."""

    verb: str
    arguments: Mapping[str, Any]
    key: str | None

    def send(self, client: FluxbaseClient) -> Result[Any]:
        """Call the verb."""
        verb: Callable[..., Result[Any]] = getattr(client.jobs, self.verb)
        return verb(**self.arguments)


def call_for(exchange: Exchange) -> Call | None:
    """The call that sends this request; None if no arguments of any verb lead to it."""
    route = ROUTE.fullmatch(f"{exchange.method} {exchange.path}")
    if route is None or exchange.auth in FORMS_NOT_SENT:
        return None
    method, submit, job_id, action = route.groups()
    verb = action or ("submit" if method == "POST" and submit else "get" if job_id or submit else "list")
    arguments = _arguments(verb, exchange)
    if arguments is None or (method == "POST") != (verb in {"submit", "cancel", "retry"}):
        return None
    return Call(verb, arguments if verb in {"submit", "list"} else {"job_id": unquote(job_id or submit), **arguments}, _key(exchange))


def _key(exchange: Exchange) -> str | None:
    """A key that the client sends in the same header as the recorded one."""
    if exchange.auth == "no credentials":
        return None
    return next((KEYS[name] for name in exchange.request_headers if name in KEYS), "eyJ.a-token")


def _arguments(verb: str, exchange: Exchange) -> dict[str, Any] | None:
    if verb == "submit":
        return _submission(exchange)
    query = dict(parse_qsl(exchange.query, keep_blank_values=True))
    allowed = {"list": FILTERS, "logs": {"after_line"}}.get(verb, set())
    if exchange.request_body or not query.keys() <= allowed or query.get("namespace") == "default":
        return None
    return {name: {"true": True}.get(text, int(text) if re.fullmatch(r"-?\d+", text) else text) for name, text in query.items()}


def _submission(exchange: Exchange) -> dict[str, Any] | None:
    try:
        body = json.loads(exchange.request_body or "")
    except ValueError:
        return None
    if not isinstance(body, dict) or "json" not in exchange.request_headers["content-type"]:
        return None
    fields = cast("dict[str, Any]", body)
    if not fields.keys() <= FIELDS:
        return None
    options = {"scheduled" if name == "scheduled_at" else name: value for name, value in fields.items()}
    if "on_behalf_of" in options:
        if "user_id" not in options["on_behalf_of"]:
            return None
        options["on_behalf_of"] = OnBehalfOf(**options["on_behalf_of"])
    if "idempotency-key" in exchange.request_headers:
        options["idempotency_key"] = exchange.request_headers["idempotency-key"]
    return {"job_name": None, **options}


def answers_for(exchange: Exchange, call: Call) -> Iterator[Answer]:
    """The recorded answer. For a retry, and a 500 of cancel, also that of the GET of the job that is nearest in the scenario."""
    yield Answer(exchange.status, exchange.body, exchange.response_headers)
    if (call.verb, exchange.status) in {("retry", 200), ("retry", 500), ("cancel", 500)}:
        path = exchange.path.rpartition("/")[0]
        same = [each for each in load(exchange.recording) if each.scenario == exchange.scenario]
        nearest = sorted(same, key=lambda each: (each.index < exchange.index, abs(each.index - exchange.index)))
        read = next(each for each in nearest if (each.method, each.path) == ("GET", path))
        yield Answer(read.status, read.body, read.response_headers)


def request_differences(exchange: Exchange, call: Call, sent: Request) -> Iterator[str]:
    """Compare the sent request with the recorded one; ids may have any form, and defaults may be added."""
    query = dict(parse_qsl(exchange.query, keep_blank_values=True))
    if (sent.method, sent.path) != (exchange.method, _canonical(exchange.path)):
        yield f"the request was {sent.method} {sent.path}"
    if sent.query != {**DEFAULTS.get(call.verb, {}), **query}:
        yield f"the query was {sent.query}"
    credentials = {"authorization", *KEYS} & sent.headers.keys()
    recorded = {*KEYS} & exchange.request_headers.keys() or (set[str]() if call.key is None else {"authorization"})
    if credentials != recorded:
        yield f"the credentials were in {credentials}"
    if _normalised_body(sent.body) != _normalised_body((exchange.request_body or "").encode()):
        yield f"the body was {sent.body!r}"
    if call.verb == "submit" and sent.headers["idempotency-key"] != call.arguments.get("idempotency_key", sent.headers["idempotency-key"]):
        yield "the idempotency key was another"


def _canonical(path: str) -> str:
    segments = [unquote(segment) for segment in path.split("/")]
    return "/".join(str(UUID(each)) if re.fullmatch(r"(urn:uuid:)?[0-9a-fA-F-]{32,36}", each) else each for each in segments)


def _normalised_body(body: bytes) -> object:
    """A request body as the server reads it: without nulls, and with parsed times."""
    if not body:
        return None
    given: dict[str, Any] = {name: value for name, value in json.loads(body).items() if value is not None}
    return {name: _timestamp(value) if name == "scheduled_at" else value for name, value in given.items()}


def _timestamp(text: str) -> datetime:
    """Parse a time; digits beyond the microsecond are truncated."""
    return datetime.fromisoformat(text).astimezone(UTC)


def result_differences(exchange: Exchange, result: Result[Any], answers: list[Answer]) -> Iterator[str]:
    """Compare the result with the recorded response."""
    if dict(result.meta.headers) != dict(answers[-1 if result.ok else 0].headers) | _added_headers(result):
        yield f"meta has the headers {result.meta.headers}"
    if result.error is not None:
        yield from _error_differences(exchange, result.error, read_back=len(answers) > 1)
    elif not exchange.succeeded:
        yield "is a success"
    else:
        yield from _data_differences(result.data, json.loads(answers[-1].content()))


def _added_headers(result: Result[Any]) -> dict[str, str]:
    """The headers that the local server adds."""
    return {name: result.meta.headers[name] for name in ("server", "date", "content-length")}


def _submitted_name(exchange: Exchange) -> str:
    """What the client appends to the message of a submit that is not found."""
    is_submit = (exchange.method, exchange.path) == ("POST", f"{USER_ROUTES}/submit")
    return (
        f": {json.loads(exchange.request_body or '')['job_name']}"
        if is_submit and "function" in exchange.body and exchange.status == 404
        else ""
    )


def _error_differences(exchange: Exchange, error: Any, *, read_back: bool) -> Iterator[str]:
    body = exchange.json()
    kind = KINDS.get(exchange.status, "ServerFailed" if exchange.status >= 500 else "Rejected")
    kind = "NotAllowedInState" if read_back or "status" in body else kind
    if type(error).__name__ != kind:
        yield f"is a {type(error).__name__} and not a {kind}"
    message = error.details if read_back else error.message
    if not message.endswith((body.get("message") or body["error"]) + _submitted_name(exchange)):
        yield f"has the message {message!r}"
    own_hint = NO_KEY_HINT if exchange.status == 401 and exchange.auth == "no credentials" else None
    if (
        exchange.status == 404
        and exchange.path.startswith("/api/v1/jobs/")
        and not exchange.path.endswith("/logs")
        and body.get("error") == DENIAL
    ):
        own_hint = UNSURE
    if exchange.status == 500 and exchange.path.endswith("/logs") and body.get("error") == LOG_DENIED:
        own_hint = UNSURE
    if kind == "NotAllowedInState" and exchange.path.endswith("/retry"):
        verb = "wait" if error.job_status in {"pending", "running"} else "resubmit"
        own_hint = next(iter(re.findall(rf"jobs\.{verb}\('{error.job_id}'\) .+", error.hint or "")), f"one that names jobs.{verb}")
    hint = body.get("hint") or own_hint
    known = {"status": exchange.status, "request_id": exchange.response_headers["x-request-id"], "hint": hint}
    if isinstance(body.get("code"), str):
        known["code"] = body["code"]
    for name, value in known.items():
        if getattr(error, name) != value:
            yield f"{name} is {getattr(error, name)!r} and not {value!r}"


def _data_differences(data: Any, body: Any) -> Iterator[str]:
    if isinstance(data, Job | LogLine):
        yield from _field_differences(data, body)
    elif isinstance(data, list):
        items: list[Any] = [*data]
        expected: list[Any] = body.get("jobs", body.get("logs")) or []
        if len(items) != len(expected):
            yield f"has {len(items)} items and not {len(expected)}"
        for item, each in zip(items, expected, strict=False):
            yield from _field_differences(item, each)
    elif (data, set(body)) != (None, {"message"}):
        yield f"is {data!r}"


def _field_differences(item: Any, body: Mapping[str, Any]) -> Iterator[str]:
    """Find fields that differ from the wire, and fields that were not sent."""
    texts = {"payload", "result", "progress"} if hasattr(item, "payload_text") else set[str]()
    for name, value in body.items():
        decoded = getattr(item, f"{name}_text" if name in texts else name)
        if isinstance(decoded, datetime) and abs(decoded - _timestamp(value)) <= ROUNDING:
            continue
        if decoded != value:
            yield f"{name} is {decoded!r} and not {value!r}"
        if name in texts and getattr(item, name) != json.loads(value):
            yield f"{name} decodes to {getattr(item, name)!r}"
    derived = {"progress_percent", "progress_message", "progress_data"} if body.get("progress") else set[str]()
    for name in item.__struct_fields__:
        if name not in body.keys() | derived and getattr(item, name) is not None:
            yield f"{name} is {getattr(item, name)!r}, which was not sent"


def replay(connect: Connect, server: LocalServer, recording: str) -> Iterator[tuple[Exchange, list[str] | str]]:
    """Replay each exchange on the user routes; yields its differences, or the reason why it cannot be replayed."""
    clients: dict[str | None, FluxbaseClient] = {}
    for exchange in (each for each in load(recording) if re.match(rf"{USER_ROUTES}(/|$)", each.path)):
        call = call_for(exchange)
        if call is None:
            yield exchange, "no"
            continue
        client = clients.setdefault(call.key, connect(server.url, call.key))
        answers = list(answers_for(exchange, call))
        server.requests.clear()
        server.answer(*answers)
        result = call.send(client)
        if isinstance(result.error, InvalidInput) and not server.requests:
            server.answers.clear()
            yield exchange, result.error.message
        else:
            yield exchange, [*request_differences(exchange, call, server.requests[0]), *result_differences(exchange, result, answers)]
