"""Servers without jobs: not configured, or with the feature flag off."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.emulator.profiles import APRIL, MARCH, PROFILES, Profile

from contract import recordings
from tests.support.servers.emulator_in_process import program, serving

if TYPE_CHECKING:
    from pathlib import Path

    from fluxbase_jobs.emulator.settings import JobsSwitch

    from tests.emulator.conftest import Sign
    from tests.support.servers.emulator_in_process import Client

ROUTES = [
    ("POST", "/api/v1/jobs/submit"),
    ("GET", "/api/v1/jobs"),
    ("GET", "/api/v1/jobs/x"),
    ("GET", "/api/v1/jobs/x/logs"),
    ("POST", "/api/v1/jobs/x/cancel"),
    ("POST", "/api/v1/jobs/x/retry"),
]
ADMIN_ROUTES = [
    ("GET", "/api/v1/admin/jobs/queue"),
    ("GET", "/api/v1/admin/jobs/stats"),
    ("GET", "/api/v1/admin/jobs/functions"),
    ("POST", "/api/v1/admin/jobs/sync"),
]
NAMED_FLAG = {"code": "FEATURE_DISABLED", "error": "Feature is not enabled", "feature_key": "app.jobs.enabled"}
BARE_FLAG = {"code": "FEATURE_DISABLED", "error": "Feature not available"}


def answers(client: Client) -> list[tuple[int, Any]]:
    """Call every user route."""
    return [(response.status_code, response.json()) for response in (client.request(*route) for route in ROUTES)]


def test_recording() -> None:
    """The recorded requests to a server without configured jobs."""
    recorded = [exchange for exchange in recordings.load(recordings.LIMITS) if exchange.scenario == "jobs_disabled_in_config"]
    with serving(profile=MARCH, jobs="off") as running, running.client(running.service_key) as client:
        given = [client.request(exchange.method, exchange.path, content=exchange.request_body) for exchange in recorded]

    assert len(given) == 3
    assert [(answer.status_code, answer.text) for answer in given] == [(exchange.status, exchange.body) for exchange in recorded]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_not_configured(profile: Profile) -> None:
    """The jobs routes answer like any unknown route."""
    with serving(profile=profile, jobs="off") as running, running.client(running.service_key) as service, running.client("") as nobody:
        as_service, as_nobody = answers(service), {status for status, _ in answers(nobody)}

    assert as_service == [(404, {"error": "Not Found", "path": path}) for _, path in ROUTES]
    assert as_nobody == ({401} if profile is MARCH else {404})


@pytest.mark.parametrize(("method", "path"), ADMIN_ROUTES)
def test_admin_routes_not_configured(sign: Sign, method: str, path: str) -> None:
    """March servers have no admin routes for jobs then; April servers authenticate them and answer 500."""
    found: dict[str, list[tuple[int, str | None]]] = {}
    for name, profile in PROFILES.items():
        with serving(profile=profile, jobs="off") as running, running.client("") as client:
            tokens = [running.service_key, sign(role="authenticated"), ""]
            replies = [client.request(method, path, headers={"authorization": f"Bearer {token}" if token else ""}) for token in tokens]
            found[name] = [(reply.status_code, reply.json().get("code")) for reply in replies]

    assert found == {
        "2026-03": [(404, None), (403, "INSUFFICIENT_PERMISSIONS"), (401, None)],
        "2026-04": [(500, "INTERNAL_ERROR"), (403, "INSUFFICIENT_PERMISSIONS"), (401, "MISSING_AUTHENTICATION")],
    }


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_service_keys_do_not_depend_on_jobs(profile: Profile) -> None:
    """The other admin routes work with and without jobs."""
    with serving(profile=profile, jobs="off") as running, running.client(running.service_key) as client:
        assert client.post("/api/v1/admin/service-keys", json={"name": "x"}).status_code == 201


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_flag_does_not_affect_admin_routes(profile: Profile) -> None:
    """The admin routes ignore the feature flag."""
    with serving(profile=profile, jobs="flag-off") as running, running.client(running.service_key) as client:
        statuses = {client.request(method, path, json={}).status_code for method, path in ADMIN_ROUTES}

    assert statuses == {200}


def test_stored_jobs_while_jobs_are_off(tmp_path: Path) -> None:
    """Stored jobs stay pending while jobs are not configured, but run while only the flag is off."""
    ran = threading.Event()

    @function("rings")
    def rings(_payload: dict[str, Any], _context: Context) -> None:
        ran.set()

    settings: dict[str, Any] = {"database": tmp_path / "db"}
    with serving(rings, poll_interval=60, **settings) as running, running.client() as client:
        client.queue("rings")
    with serving(rings, jobs="off", **settings):
        ran_when_off = ran.wait(0.2)
    with serving(rings, jobs="flag-off", **settings):
        ran_behind_flag = ran.wait(20)

    assert (ran_when_off, ran_behind_flag) == (False, True)


@pytest.mark.parametrize(("profile", "status", "body"), [(MARCH, 404, BARE_FLAG), (APRIL, 503, NAMED_FLAG)], ids=PROFILES)
def test_flag_off(profile: Profile, status: int, body: dict[str, str]) -> None:
    """The jobs routes report that the feature is off before they authenticate."""
    with serving(profile=profile, jobs="flag-off") as running, running.client(running.service_key) as service, running.client("") as nobody:
        assert answers(service) == answers(nobody) == [(status, body)] * len(ROUTES)
        assert service.get("/health").status_code == 200


@pytest.mark.parametrize(("switch", "status"), [("off", 404), ("flag-off", 503)])
def test_option(switch: JobsSwitch, status: int) -> None:
    """The command line has an option for it."""
    with program("--jobs", switch) as started, started.running.client() as client:
        assert client.get("/api/v1/jobs").status_code == status
