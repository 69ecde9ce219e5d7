"""`/` and `/health`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.routing import Route

from fluxbase_jobs.emulator.formats.timestamps import rfc3339_nanos
from fluxbase_jobs.emulator.http.responses import json_response

from ..endpoints import Call, public

if TYPE_CHECKING:
    from starlette.responses import Response

    from fluxbase_jobs.emulator.formats.json_text import JSONValue
    from fluxbase_jobs.emulator.services import Services


def routes(services: Services) -> list[Route]:
    """Return the two routes."""
    endpoint = public(partial(health, services))
    return [Route("/", endpoint), Route("/health", endpoint)]


def health(services: Services, _: Call) -> Response:
    """Tell that the server is up."""
    body: dict[str, JSONValue] = {"status": "ok", "timestamp": rfc3339_nanos(services.clock.now_ns())}
    if services.settings.profile.health_lists_services:
        body = {"services": {"database": True, "realtime": False}, **body}
    return json_response(body)
