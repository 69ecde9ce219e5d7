"""Faults that the page switches: they meet the program's requests, and never the page's."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest
from fluxbase_jobs.emulator.dashboard.faults import FaultSwitches
from fluxbase_jobs.emulator.profiles import APRIL
from fluxbase_jobs.testing import Server

from tests.emulator.dashboard.conftest import Page
from tests.support.servers.emulator_in_process import Running, eventually
from tests.support.sockets import socket

NAMES = [
    *("submit-503", "submit-lost", "unavailable", "too-many", "refused", "slow", "half"),
    *("no-lines", "no-changes", "lost-output", "hanging", "denied"),
]


def active(page: Page) -> list[dict[str, Any]]:
    """The faults that are on."""
    faults: list[dict[str, Any]] = page.read("/faults")["active"]
    return faults


def test_a_prepared_fault_on_and_off(page: Page, april_dashboard: Running) -> None:
    """It counts its hits; twice on is once."""
    with april_dashboard.client() as client:
        for _ in range(2):
            page.write("/faults", {"preset": "submit-503"}).raise_for_status()
        refused = client.submit("echo").status_code
        (fault,) = active(page)
        page.write(f"/faults/{fault['number']}", method="DELETE").raise_for_status()
        accepted = client.submit("echo").status_code

    assert (refused, accepted) == (503, 201)
    assert (fault["preset"], fault["label"], fault["hits"]) == ("submit-503", "Submits answer 503", 1)
    assert active(page) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_prepared_fault_can_be_switched(page: Page, name: str) -> None:
    """On, and off with all others; the page works meanwhile."""
    assert name in [preset["name"] for preset in page.read("/faults")["presets"]]

    page.write("/faults", {"preset": name}).raise_for_status()
    assert [fault["preset"] for fault in active(page)] == [name]
    assert page.read("/overview")["faults"]["active"]

    page.write("/faults", method="DELETE").raise_for_status()
    assert active(page) == []


def test_a_fault_that_this_version_does_not_have(march_page: Page) -> None:
    """Servers of 2026-03 do not deny jobs."""
    assert "denied" not in [preset["name"] for preset in march_page.read("/faults")["presets"]]
    assert march_page.write("/faults", {"preset": "denied"}).status_code == 400


def test_a_fault_of_the_developers_own(page: Page, april_dashboard: Running) -> None:
    """Any route, any status, as often as wanted."""
    page.write("/faults", {"route": "GET /api/v1/jobs/{id}", "status": 502, "times": 2}).raise_for_status()
    job_id = page.submit("echo")

    with april_dashboard.client() as client:
        statuses = [client.get(f"/api/v1/jobs/{job_id}").status_code for _ in range(3)]

    assert statuses == [502, 502, 200]
    assert [(fault["label"], fault["hits"]) for fault in active(page)] == [("GET /api/v1/jobs/{id} answers 502, 2 times", 2)]


@pytest.mark.parametrize(("status", "drop"), [(None, None), (503, None), (None, "after")])
def test_null_is_as_not_given(page: Page, status: int | None, drop: str | None) -> None:
    """A fault's label names what it does, not what it was given as null."""
    page.write("/faults", {"route": "*", "status": status, "drop": drop, "delay": 1, "half_body": None}).raise_for_status()

    effect = f"answers {status} and " if status else f"closes {drop} the request is handled and " if drop else ""
    assert [fault["label"] for fault in active(page)] == [f"* {effect}is 1 s late, once"]


def switch_on_together(ready: Barrier, switches: FaultSwitches) -> None:
    """Wait for the others, then switch on."""
    ready.wait()
    switches.switch_on({"preset": "slow"})


def test_switched_on_by_many_at_once() -> None:
    """A prepared fault is on once, whatever threads ask for it."""
    with Server() as server, ThreadPoolExecutor(4) as pool:
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for _ in range(200):
                switches, ready = FaultSwitches(server.faults, APRIL), Barrier(4)
                asked = [pool.submit(switch_on_together, ready, switches) for _ in range(4)]
                for each in asked:
                    each.result(20)
                assert len(switches.shown()["active"]) == len(server.faults.active) == 1
                switches.switch_all_off()
        finally:
            sys.setswitchinterval(interval)


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 20, "0", "x"])
def test_numbers_that_no_fault_has(page: Page, number: str) -> None:
    """Nothing is switched off, also where the number has more digits than Python reads."""
    page.write("/faults", {"preset": "slow"}).raise_for_status()

    assert page.write(f"/faults/{number}", method="DELETE").status_code == (404 if number == "x" else 200)
    assert len(active(page)) == 1


def test_connections_close(page: Page, april_dashboard: Running) -> None:
    """Before or after the request is handled: the job of the second is there."""
    headers = {"authorization": f"Bearer {april_dashboard.user_key}"}
    for name, count in (("refused", 0), ("submit-lost", 1)):
        before = len(page.read("/jobs", name="echo", limit=500)["jobs"])
        page.write("/faults", {"preset": name}).raise_for_status()
        with pytest.raises(httpx.TransportError) as caught:
            httpx.post(f"{april_dashboard.url}/api/v1/jobs/submit", json={"job_name": "echo"}, headers=headers)
        assert isinstance(caught.value, httpx.RemoteProtocolError | httpx.ReadError), caught.value  # as the end or the reset comes first
        page.write("/faults", method="DELETE").raise_for_status()

        assert len(page.read("/jobs", name="echo", limit=500)["jobs"]) - before == count


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"route": "GET /nothing", "status": 500}, "none of the server's"),
        ({"route": "*"}, "nothing goes wrong"),
        ({"route": "*", "status": 99}, "status must be 200 to 599"),
        ({"route": "*", "status": "500"}, "status must be a whole number"),
        ({"route": "*", "drop": "sideways"}, "drop must be"),
        ({"route": "*", "drop": []}, 'drop must be "before" or "after", not []'),
        ({"route": "*", "status": []}, "status must be a whole number"),
        ({"route": "*", "status": {}, "half_body": True}, "status must be a whole number"),
        ({"route": 5, "status": 500}, "route must be a text"),
        ({"route": "*", "delay": {}}, "delay must be seconds"),
        ({"preset": "none"}, "no prepared fault"),
        ("[]", "no JSON object"),
        ("{", "Expecting property name"),
    ],
)
def test_faults_that_cannot_be(page: Page, body: Any, text: str) -> None:
    """They are refused with the reason, and nothing is on."""
    answer = page.write("/faults", body)

    assert answer.status_code == 400
    assert text in answer.json()["error"]
    assert active(page) == []


def test_cut_websockets(page: Page, april_dashboard: Running) -> None:
    """All that programs have open."""
    with socket(april_dashboard):
        assert page.write("/sockets", method="DELETE").json() == {"cut": 1}
    eventually(lambda: page.write("/sockets", method="DELETE").json(), lambda answer: answer == {"cut": 0})
