"""The HTTP routes, one module for each group. Those below /api/v1/admin/jobs are `admin_*` and `sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import admin_functions, admin_jobs, auth, client_keys, health, jobs, service_keys
from . import admin_stats as admin_numbers
from . import admin_sync as sync
from . import not_found as unknown

if TYPE_CHECKING:
    from starlette.routing import BaseRoute, Route

    from fluxbase_jobs.emulator.services import Services


def all_routes(services: Services) -> list[BaseRoute]:
    """Return every route, the one for what nothing else matched last."""
    described = [
        *jobs.routes(services),
        *_for_admins(services),
        *auth.routes(services),
        *client_keys.routes(services),
        *service_keys.routes(services),
    ]
    return [*_without_head(described), *health.routes(services), *unknown.routes(services)]


def _without_head(routes: list[Route]) -> list[Route]:
    """Take back what Starlette adds: on the real servers HEAD is an unknown route where GET is one that exists."""
    for route in routes:
        (route.methods or set()).discard("HEAD")
    return routes


def _for_admins(services: Services) -> list[Route]:
    settings = services.settings
    if settings.jobs == "off" and not settings.profile.unconfigured_jobs_leave_admin_routes:
        return []
    return [
        *admin_numbers.routes(services),
        *admin_functions.routes(services),
        *sync.routes(services),
        *admin_jobs.routes(services),  # after those: in April, /admin/jobs/{id} would be all of them
    ]
