"""What the page says about the emulator's server version: what that hides from clients, and what else it does."""

from __future__ import annotations

from typing import Any, Final

from ..profiles import Profile
from ..settings import Settings

_ALWAYS_HIDDEN: Final = (
    "What a handler raises: the job's error is “exit status 1”, the text is in the log only.",
    "Payload and progress of jobs in lists.",
    "Logs of jobs of other users.",
)

_HIDDEN: Final[tuple[tuple[str, bool, str], ...]] = (
    ("hides_logs_until_restart", True, "Log lines written since the server started, until it starts again. WebSockets get them at once."),
    ("shows_workers", False, "The workers: their list is null."),
    ("health_lists_services", False, "The state of the services in /health."),
)
"""Fields of the profile, the value that hides something, and what it hides."""

_BEHAVIOUR: Final[tuple[tuple[str, bool, str], ...]] = (
    ("jobs_send_changes", True, "WebSockets get changes of jobs and log lines."),
    ("jobs_send_changes", False, "WebSockets get log lines, and changes of jobs only with --realtime all."),
    ("ends_silent_jobs", True, "A running job without progress for its progress timeout is failed."),
    ("ends_silent_jobs", False, "A running job without progress runs on until its time is over."),
    ("spoils_connections", True, "The server may deny jobs that exist; here only where that fault is on."),
    ("loses_synced_code", True, "Synced functions lose their code: without a handler here their jobs fail."),
    ("default_namespace_filter_matches", False, "Lists with namespace=default match no job of that namespace."),
    ("unknown_route_needs_admin", True, "Unknown paths answer 404 to admins only, 401 or 403 to others."),
    ("reads_query_and_clientkey_header", True, "Credentials are read from the query too."),
    ("sync_always_succeeds", True, "A sync reports success even where functions had errors."),
)


def described(settings: Settings) -> dict[str, Any]:
    """The profile's name, what it hides and how it behaves, and the switches of this emulator."""
    profile = settings.profile
    return {
        "name": profile.name,
        "hidden": [*_that_hold(profile, _HIDDEN), *_ALWAYS_HIDDEN],
        "behaviour": _that_hold(profile, _BEHAVIOUR),
        "hides_logs": profile.hides_logs_until_restart,
        "settings": {
            "database": "a file" if settings.database else "in memory",
            "jobs": settings.jobs,
            "realtime": settings.realtime,
            "poll interval": f"{settings.poll_interval:g} s",
            "workers": f"{settings.workers}, each runs up to {settings.jobs_per_worker} jobs",
            "rate limit": f"{settings.rate_limit} a minute" if settings.rate_limit else "none",
        },
    }


def _that_hold(profile: Profile, sentences: tuple[tuple[str, bool, str], ...]) -> list[str]:
    return [sentence for field, value, sentence in sentences if getattr(profile, field) is value]
