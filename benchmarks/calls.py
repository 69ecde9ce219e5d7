"""One call at a time: `get`, `submit` and `list`, against `httpx.Client` and `.json()`, httpx2, and `fetch` and `JSON.parse` on Node."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import httpx
import httpx2
from attrs import frozen
from fluxbase_jobs import FluxbaseClient

from .rounds import Cost, compare
from .server import FUNCTION, JOB_ID
from .table import TRANSPORTS, Row

KEY: Final = "eyJ.a-token"
PAYLOAD: Final = {"image": "cat.png", "width": 640}
NODE: Final = shutil.which("node")
NODE_PROGRAM: Final = Path(__file__).with_name("node_fetch.mjs")
FEWEST_LISTS: Final = 6
"""How often a list is read in a round, however short the form: one call tells nothing."""


@frozen
class Clients:
    """What is compared: the peers, and our clients by their transports."""

    peers: dict[str, Any]
    ours: dict[str, FluxbaseClient]


def measure(url: str, rounds: int, scale: float) -> list[Row]:
    """The rows of single calls."""
    with ExitStack() as stack:
        headers = {"authorization": f"Bearer {KEY}"}
        peers: dict[str, Any] = {
            "httpx": stack.enter_context(httpx.Client(base_url=f"{url}/api/v1", headers=headers)),
            "httpx2": stack.enter_context(httpx2.Client(base_url=f"{url}/api/v1", headers=headers)),
        }
        ours: dict[str, FluxbaseClient] = {name: stack.enter_context(FluxbaseClient(url, KEY, transport=name)) for name in TRANSPORTS}
        clients = Clients(peers, ours)
        return [
            row("get", clients, rounds, scale * 300, lambda c: c.get(f"/jobs/{JOB_ID}").json(), lambda c: c.jobs.get(JOB_ID).unwrap()),
            row(
                *("submit", clients, rounds, scale * 300),
                lambda c: c.post("/jobs/submit", json={"job_name": FUNCTION, "payload": PAYLOAD}).json(),
                lambda c: c.jobs.submit(FUNCTION, PAYLOAD).unwrap(),
            ),
            *(listing(url, limit, clients, rounds, max(scale * calls, FEWEST_LISTS)) for limit, calls in ((50, 100), (1000, 10))),
        ]


def row(  # noqa: PLR0917  # a table of calls is read in columns
    name: str,
    clients: Clients,
    rounds: int,
    calls: float,
    of_peer: Callable[[Any], object],
    of_ours: Callable[[Any], object],
) -> Row:
    """One row: the same calls of all clients."""
    count = max(int(calls), 5)

    def repeated(call: Callable[[Any], object], client: object) -> Callable[[], None]:
        def run() -> None:
            for _ in range(count):
                call(client)

        return run

    contenders = {label: repeated(of_peer, client) for label, client in clients.peers.items()}
    contenders |= {label: repeated(of_ours, client) for label, client in clients.ours.items()}
    return Row(name, "httpx", compare(contenders, rounds), count)


def listing(url: str, limit: int, clients: Clients, rounds: int, calls: float) -> Row:
    """A page of jobs, whose fields are typed and read on our side; on Node in a process of its own."""
    found = row(
        *(f"list(limit={limit})", clients, rounds, calls),
        lambda c: c.get("/jobs", params={"limit": limit}).json(),
        lambda c: c.jobs.list(limit=limit).unwrap(),
    )
    if NODE is not None and limit == 1000:
        command = [NODE, str(NODE_PROGRAM), f"{url}/api/v1/jobs?limit={limit}", str(found.calls), str(rounds)]
        seconds = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found.costs["node"] = Cost(seconds, seconds)
    return found
