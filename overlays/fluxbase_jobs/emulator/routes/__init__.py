"""The HTTP routes, one module for each group; the place for the admin routes is beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import auth, client_keys, health, jobs, service_keys, unknown

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from fluxbase_jobs.emulator.services import Services


def all_routes(services: Services) -> list[BaseRoute]:
    """Return every route, the one for what nothing else matched last."""
    return [
        *jobs.routes(services),
        *auth.routes(services),
        *client_keys.routes(services),
        *service_keys.routes(services),
        *health.routes(services),
        *unknown.routes(services),
    ]
