"""`/` and `/health`."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response
from starlette.routing import Route

from ...formats.json_text import JSONValue
from ...formats.timestamps import rfc3339_nanos
from ...services import Services
from ..endpoints import Call, public
from ..responses import json_response


def routes(services: Services) -> list[Route]:
    """The two routes."""
    endpoint = public(partial(health, services))
    return [Route("/", endpoint), Route("/health", endpoint)]


def health(services: Services, _: Call) -> Response:
    """Report that the server is up."""
    body: dict[str, JSONValue] = {"status": "ok", "timestamp": rfc3339_nanos(services.clock.now_ns())}
    if services.settings.profile.health_lists_services:
        body = {"services": {"database": True, "realtime": False}, **body}
    return json_response(body)
