"""The HTTP routes, one module for each group of URLs."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from ...services import Services
from . import admin_functions, admin_jobs, api_keys, auth, health, jobs, not_found


def all_routes(services: Services) -> list[BaseRoute]:
    """All routes; the one that matches everything else comes last."""
    described = [
        *jobs.routes(services),
        *_admin_routes(services),
        *auth.routes(services),
        *api_keys.routes(services),
    ]
    return [*_without_head(described), *health.routes(services), *not_found.routes(services)]


def _without_head(routes: list[Route]) -> list[Route]:
    """Remove the HEAD method, which Starlette adds: the real servers answer 404 to HEAD where they have a GET."""
    for route in routes:
        (route.methods or set()).discard("HEAD")
    return routes


def _admin_routes(services: Services) -> list[Route]:
    settings = services.settings
    if settings.jobs == "off" and not settings.profile.unconfigured_jobs_leave_admin_routes:
        return []
    return [
        *admin_functions.routes(services),
        *admin_jobs.routes(services),  # last, because /admin/jobs/{id} of April servers matches the others too
    ]
