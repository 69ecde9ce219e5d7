"""Pages of other sites: a browser sends their requests to this machine, so the emulator refuses them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.emulator.dashboard.conftest import PATH, Page
from tests.support.servers.emulator_in_process import Running, program

FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost:1"},
    {"origin": "http://127.0.0.1.evil.example"},
    {"origin": "http://[::1"},
    {"origin": ""},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
]
PATHS = ["", "/dashboard.js", "/api/overview", "/api/jobs", "/api/events", "/nothing"]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("path", PATHS)
def test_other_sites_get_nothing_of_the_page(page: Page, path: str, headers: dict[str, str]) -> None:
    """Neither the page itself nor what it reads; other ports of this machine are other sites, too."""
    answer = page.get(PATH + path, headers=headers)

    assert answer.status_code == 403
    assert "--allow-host" in answer.text
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_other_sites_change_nothing(page: Page, headers: dict[str, str]) -> None:
    """Not even with the header of the page's own requests."""
    before = page.read("/jobs", name="echo")["jobs"]

    answer = page.post(f"{PATH}/api/jobs", json={"job_name": "echo"}, headers={"x-emulator-dashboard": "1", **headers})

    assert answer.status_code == 403
    assert page.read("/jobs", name="echo")["jobs"] == before


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_page_itself_is_answered(page: Page, site: str) -> None:
    """Its requests name the address that they go to, and an address that was typed has no site."""
    own = str(page.base_url).rstrip("/")

    assert page.get(PATH, headers={"sec-fetch-site": site}).status_code == 200
    assert page.get(f"{PATH}/api/jobs", headers={"sec-fetch-site": site, "origin": own}).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "/jobs"), ("POST", "/faults"), ("DELETE", "/faults"), ("DELETE", "/sockets")])
def test_changes_need_the_header(page: Page, method: str, path: str) -> None:
    """Pages of other sites cannot send it without asking first, and are refused then."""
    answer = page.request(method, f"{PATH}/api{path}", content='{"job_name": "echo"}')

    assert answer.status_code == 403
    assert "x-emulator-dashboard" in answer.json()["error"]
    assert page.options(f"{PATH}/api{path}", headers={"origin": "https://evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}], ids=["origin", "null", "site"]
)
def test_other_sites_cannot_sign_up(page: Page, headers: dict[str, str]) -> None:
    """Nor send any other request that changes something; what they read they are not shown, as before."""
    answer = page.post("/api/v1/auth/signup", json={"email": "a@b.example", "password": "long-enough-1A"}, headers=headers)

    assert answer.status_code == 403
    assert page.get("/health", headers=headers).status_code == 200


def test_a_developers_own_frontend_is_answered(april_dashboard: Running) -> None:
    """From another port of this machine, with its key: the page of the program under development."""
    headers = {"origin": "http://localhost:5173", "sec-fetch-site": "same-site", "authorization": f"Bearer {april_dashboard.user_key}"}

    answer = httpx.post(f"{april_dashboard.url}/api/v1/jobs/submit", json={"job_name": "echo"}, headers=headers)

    assert answer.status_code == 201


@pytest.mark.parametrize(("origin", "is_open"), [(None, True), ("http://localhost:5173", True), ("https://evil.example", False)])
def test_other_sites_open_no_websocket(april_dashboard: Running, origin: str | None, is_open: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Browsers do not ask before they open one."""
    address = f"{april_dashboard.url.replace('http', 'ws')}/realtime?token={april_dashboard.user_key}"
    if is_open:
        with connect(address, origin=origin, proxy=None) as opened:  # type: ignore[arg-type]  # a plain text
            opened.send('{"type": "heartbeat"}')
        return
    with pytest.raises(InvalidStatus) as refused:
        connect(address, origin=origin, proxy=None).close()  # type: ignore[arg-type]  # a plain text
    assert refused.value.response.status_code == 403


@pytest.fixture(scope="module")
def forwarded() -> Iterator[str]:
    """The URL of an emulator that is reached by another name, too."""
    with program("--allow-host", "Forwarded.example") as started:
        yield started.running.url


@pytest.mark.slow
def test_an_allowed_name_may_show_the_page(forwarded: str) -> None:
    """A port forward changes the host, the port, or only what the browser calls it."""
    for host, origin in [("forwarded.example", "https://forwarded.example"), ("localhost:1", "https://forwarded.example:444")]:
        headers = {"host": host, "origin": origin, "sec-fetch-site": "same-origin"}
        assert httpx.get(f"{forwarded}{PATH}/api/jobs", headers=headers).status_code == 200
    assert httpx.get(forwarded + PATH, headers={"host": "evil.example"}).status_code == 421
    assert httpx.get(forwarded + PATH, headers={"origin": "http://127.0.0.1:1"}).status_code == 403
