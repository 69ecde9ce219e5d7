"""Memory: of listed jobs against the same as plain dicts, and of long batches."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from functools import partial

import httpx
from fluxbase_jobs import FluxbaseClient

from .batches import items
from .calls import KEY
from .rounds import Cost
from .server import JOB_ID
from .table import TRANSPORTS, Row, TransportName


def measure_listed(url: str) -> Row:
    """What 10,000 listed jobs hold, in bytes."""
    with httpx.Client() as http:
        costs = {"httpx": _kept(lambda: [http.get(f"{url}/api/v1/jobs", params={"limit": 1000}).json() for _ in range(10)])}
    for transport in TRANSPORTS:
        with FluxbaseClient(url, KEY, transport=transport) as client:
            costs[transport] = _kept(partial(_listed, client))
    return Row("10,000 listed jobs, memory", "httpx", costs)


def _listed(client: FluxbaseClient) -> object:
    return [client.jobs.list(limit=1000).unwrap() for _ in range(10)]


def _kept(make: Callable[[], object]) -> Cost:
    make()  # connections and caches are not counted
    gc.collect()
    tracemalloc.start()
    kept = make()
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return Cost(held, held)


def batch_peak(url: str, transport: TransportName, count: int) -> float:
    """The peak of a `submit_many`, in bytes, above what was held before."""
    with FluxbaseClient(url, KEY, transport=transport) as client:
        client.jobs.get(JOB_ID)
        gc.collect()
        tracemalloc.start()
        for _, result in client.jobs.submit_many(items(count)):
            result.unwrap()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return float(peak)
