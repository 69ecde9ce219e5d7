"""Servers without jobs: left out of the configuration, or the feature's flag off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fluxbase_jobs.emulator.profiles import APRIL, MARCH, PROFILES, Profile

from tests import recordings
from tests.emulator.running import program, serving

if TYPE_CHECKING:
    from fluxbase_jobs.emulator.settings import JobsSwitch

    from tests.emulator.running import Client

ROUTES = [
    ("POST", "/api/v1/jobs/submit"),
    ("GET", "/api/v1/jobs"),
    ("GET", "/api/v1/jobs/x"),
    ("GET", "/api/v1/jobs/x/logs"),
    ("POST", "/api/v1/jobs/x/cancel"),
    ("POST", "/api/v1/jobs/x/retry"),
]
NAMED_FLAG = {"code": "FEATURE_DISABLED", "error": "Feature is not enabled", "feature_key": "app.jobs.enabled"}
BARE_FLAG = {"code": "FEATURE_DISABLED", "error": "Feature not available"}


def answers(client: Client) -> list[tuple[int, Any]]:
    """Call every route for users."""
    return [(response.status_code, response.json()) for response in (client.request(*route) for route in ROUTES)]


def test_recording() -> None:
    """The recorded requests to a server that is configured without jobs."""
    recorded = [exchange for exchange in recordings.load(recordings.LIMITS) if exchange.scenario == "jobs_disabled_in_config"]
    with serving(profile=MARCH, jobs="off") as running, running.client(running.service_key) as client:
        given = [client.request(exchange.method, exchange.path, content=exchange.request_body) for exchange in recorded]

    assert len(given) == 3
    assert [(answer.status_code, answer.text) for answer in given] == [(exchange.status, exchange.body) for exchange in recorded]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_not_configured(profile: Profile) -> None:
    """There are no jobs routes: what is said of them is what is said of every unknown route."""
    with serving(profile=profile, jobs="off") as running, running.client(running.service_key) as service, running.client("") as nobody:
        as_service, as_nobody = answers(service), {status for status, _ in answers(nobody)}

    assert as_service == [(404, {"error": "Not Found", "path": path}) for _, path in ROUTES]
    assert as_nobody == ({401} if profile is MARCH else {404})


@pytest.mark.parametrize(("profile", "status", "body"), [(MARCH, 404, BARE_FLAG), (APRIL, 503, NAMED_FLAG)], ids=PROFILES)
def test_flag_off(profile: Profile, status: int, body: dict[str, str]) -> None:
    """The jobs routes say that the feature is off, before they ask who is calling."""
    with serving(profile=profile, jobs="flag-off") as running, running.client(running.service_key) as service, running.client("") as nobody:
        assert answers(service) == answers(nobody) == [(status, body)] * len(ROUTES)
        assert service.get("/health").status_code == 200


@pytest.mark.parametrize(("switch", "status"), [("off", 404), ("flag-off", 503)])
def test_option(switch: JobsSwitch, status: int) -> None:
    """The program has it as an option."""
    with program("--jobs", switch) as started, started.running.client() as client:
        assert client.get("/api/v1/jobs").status_code == status
