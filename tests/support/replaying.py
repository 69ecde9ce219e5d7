"""Replays recorded exchanges: finds the verb that sends a request, and judges what it sent and what came back."""

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

from contract.recordings import Exchange, load
from tests.support.local_server import Answer, LocalServer, Request
from tests.support.styles import Connect

USER_ROUTES: Final = "/api/v1/jobs"
ROUTE: Final = re.compile(rf"(GET|POST) {USER_ROUTES}(?:/(submit)|/([^/]+)(?:/(cancel|retry|logs))?)?")
DEFAULTS: Final[dict[str, dict[str, str]]] = {"list": {"limit": "50", "offset": "0"}, "logs": {"after_line": "0"}}
ROUNDING: Final = timedelta(microseconds=1)
"""What remains of nine digits of a second, cut or rounded."""

FILTERS: Final = {"status", "namespace", "job_name", "include_result", "limit", "offset"}
FIELDS: Final = {"job_name", "payload", "namespace", "priority", "scheduled_at", "on_behalf_of"}
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
    """A verb with the arguments that make it send a recorded request."""

    verb: str
    arguments: Mapping[str, Any]
    key: str | None

    def of(self, client: FluxbaseClient) -> Result[Any]:
        """Its result."""
        verb: Callable[..., Result[Any]] = getattr(client.jobs, self.verb)
        return verb(**self.arguments)


def call_of(exchange: Exchange) -> Call | None:
    """The call that sends this request; None where no verb does, whatever its arguments."""
    route = ROUTE.fullmatch(f"{exchange.method} {exchange.path}")
    if route is None or exchange.auth in FORMS_NOT_SENT:
        return None
    method, submit, job_id, of_the_job = route.groups()
    verb = of_the_job or ("submit" if method == "POST" and submit else "get" if job_id or submit else "list")
    arguments = _arguments(verb, exchange)
    if arguments is None or (method == "POST") != (verb in {"submit", "cancel", "retry"}):
        return None
    return Call(verb, arguments if verb in {"submit", "list"} else {"job_id": unquote(job_id or submit), **arguments}, _key(exchange))


def _key(exchange: Exchange) -> str | None:
    """A key of the form that goes into the header in which the recorded one went."""
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


def answers_to(exchange: Exchange, call: Call) -> Iterator[Answer]:
    """The recorded answer; for a retry, and for a 500 of cancel, then that of the nearest GET of the job, later ones first."""
    yield Answer(exchange.status, exchange.body, exchange.response_headers)
    if (call.verb, exchange.status) in {("retry", 200), ("retry", 500), ("cancel", 500)}:
        path = exchange.path.rpartition("/")[0]
        same = [each for each in load(exchange.recording) if each.scenario == exchange.scenario]
        nearest = sorted(same, key=lambda each: (each.index < exchange.index, abs(each.index - exchange.index)))
        read = next(each for each in nearest if (each.method, each.path) == ("GET", path))
        yield Answer(read.status, read.body, read.response_headers)


def request_faults(exchange: Exchange, call: Call, sent: Request) -> Iterator[str]:
    """In what the request that was sent differs from the recorded one; ids count in any form, and defaults may be added."""
    query = dict(parse_qsl(exchange.query, keep_blank_values=True))
    if (sent.method, sent.path) != (exchange.method, _canonical(exchange.path)):
        yield f"asked {sent.method} {sent.path}"
    if sent.query != {**DEFAULTS.get(call.verb, {}), **query}:
        yield f"the query was {sent.query}"
    credentials = {"authorization", *KEYS} & sent.headers.keys()
    recorded = {*KEYS} & exchange.request_headers.keys() or (set[str]() if call.key is None else {"authorization"})
    if credentials != recorded:
        yield f"the credentials were in {credentials}"
    if _meant(sent.body) != _meant((exchange.request_body or "").encode()):
        yield f"the body was {sent.body!r}"
    if call.verb == "submit" and sent.headers["idempotency-key"] != call.arguments.get("idempotency_key", sent.headers["idempotency-key"]):
        yield "the idempotency key was another"


def _canonical(path: str) -> str:
    segments = [unquote(segment) for segment in path.split("/")]
    return "/".join(str(UUID(each)) if re.fullmatch(r"(urn:uuid:)?[0-9a-fA-F-]{32,36}", each) else each for each in segments)


def _meant(body: bytes) -> object:
    """A request body as the server understands it: null is absent, and a time is a moment."""
    if not body:
        return None
    given: dict[str, Any] = {name: value for name, value in json.loads(body).items() if value is not None}
    return {name: _moment(value) if name == "scheduled_at" else value for name, value in given.items()}


def _moment(text: str) -> datetime:
    """Digits beyond the microsecond are cut."""
    return datetime.fromisoformat(text).astimezone(UTC)


def result_faults(exchange: Exchange, result: Result[Any], answers: list[Answer]) -> Iterator[str]:
    """In what the result differs from what the server said."""
    if dict(result.meta.headers) != dict(answers[-1 if result.ok else 0].headers) | _added(result):
        yield f"meta has the headers {result.meta.headers}"
    if result.error is not None:
        yield from _error_faults(exchange, result.error, explained=len(answers) > 1)
    elif not exchange.succeeded:
        yield "is a success"
    else:
        yield from _data_faults(result.data, json.loads(answers[-1].content()))


def _added(result: Result[Any]) -> dict[str, str]:
    """What the local server adds."""
    return {name: result.meta.headers[name] for name in ("server", "date", "content-length")}


def _error_faults(exchange: Exchange, error: Any, *, explained: bool) -> Iterator[str]:
    body = exchange.json()
    kind = KINDS.get(exchange.status, "ServerFailed" if exchange.status >= 500 else "Rejected")
    kind = "NotAllowedInState" if explained or "status" in body else kind
    if type(error).__name__ != kind:
        yield f"is a {type(error).__name__} and no {kind}"
    words = error.details if explained else error.message
    if not words.endswith(body.get("message") or body["error"]):
        yield f"says {words!r}"
    known = {"status": exchange.status, "request_id": exchange.response_headers["x-request-id"], "hint": body.get("hint")}
    if isinstance(body.get("code"), str):
        known["code"] = body["code"]
    for name, value in known.items():
        if getattr(error, name) != value:
            yield f"{name} is {getattr(error, name)!r} and not {value!r}"


def _data_faults(data: Any, body: Any) -> Iterator[str]:
    if isinstance(data, Job | LogLine):
        yield from _field_faults(data, body)
    elif isinstance(data, list):
        items: list[Any] = [*data]
        told: list[Any] = body.get("jobs", body.get("logs")) or []
        if len(items) != len(told):
            yield f"has {len(items)} items and not {len(told)}"
        for item, each in zip(items, told, strict=False):
            yield from _field_faults(item, each)
    elif (data, set(body)) != (None, {"message"}):
        yield f"is {data!r}"


def _field_faults(item: Any, body: Mapping[str, Any]) -> Iterator[str]:
    """Wire fields that the item has otherwise, and fields it has although nobody sent them."""
    texts = {"payload", "result", "progress"} if hasattr(item, "payload_text") else set[str]()
    for name, value in body.items():
        seen = getattr(item, f"{name}_text" if name in texts else name)
        if isinstance(seen, datetime) and abs(seen - _moment(value)) <= ROUNDING:
            continue
        if seen != value:
            yield f"{name} is {seen!r} and not {value!r}"
        if name in texts and getattr(item, name) != json.loads(value):
            yield f"{name} decodes to {getattr(item, name)!r}"
    derived = {"progress_percent", "progress_message", "progress_data"} if body.get("progress") else set[str]()
    for name in item.__struct_fields__:
        if name not in body.keys() | derived and getattr(item, name) is not None:
            yield f"{name} is {getattr(item, name)!r}, which nobody sent"


def replay(connect: Connect, server: LocalServer, recording: str) -> Iterator[tuple[Exchange, list[str] | str]]:
    """Each exchange on the user routes with its faults, or with the reason why it can't be replayed."""
    clients: dict[str | None, FluxbaseClient] = {}
    for exchange in (each for each in load(recording) if re.match(rf"{USER_ROUTES}(/|$)", each.path)):
        call = call_of(exchange)
        if call is None:
            yield exchange, "no"
            continue
        client = clients.setdefault(call.key, connect(server.url, call.key))
        answers = list(answers_to(exchange, call))
        server.requests.clear()
        server.answer(*answers)
        result = call.of(client)
        if isinstance(result.error, InvalidInput) and not server.requests:
            server.answers.clear()
            yield exchange, result.error.message
        else:
            yield exchange, [*request_faults(exchange, call, server.requests[0]), *result_faults(exchange, result, answers)]
