"""How cost grows with the number of jobs: `list` and `submit_many` of 10 to 100,000, in time and memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Final

from attrs import frozen
from fluxbase_jobs import FluxbaseClient

from .batches import items
from .calls import KEY
from .memory import batch_peak
from .table import TRANSPORTS

SIZES: Final = (10, 100, 1_000, 10_000, 100_000)


@frozen
class Growth:
    """Seconds and bytes of one thing at each size."""

    name: str
    seconds: dict[int, float]
    peaks: dict[int, float]


def measure(url: str, sizes: tuple[int, ...] = SIZES) -> list[Growth]:
    """Each thing over each transport. Memory is measured in a run of its own, because that slows a run down."""
    found: list[Growth] = []
    for transport in TRANSPORTS:
        with FluxbaseClient(url, KEY, transport=transport) as client:
            listed = {size: _seconds(partial(_iterate, client, size)) for size in sizes}
            listed_peaks = {size: _peak(partial(_iterate, client, size)) for size in sizes}
            submitted = {size: _seconds(partial(_submit, client, size)) for size in sizes}
        peaks = {size: batch_peak(url, transport, size) for size in sizes}
        found += [Growth(f"list, {transport}", listed, listed_peaks), Growth(f"submit_many, {transport}", submitted, peaks)]
    return found


def _iterate(client: FluxbaseClient, size: int) -> None:
    for start in range(0, size, 1000):
        client.jobs.list(limit=min(size - start, 1000)).unwrap()


def _submit(client: FluxbaseClient, size: int) -> None:
    for _, result in client.jobs.submit_many(items(size)):
        result.unwrap()


def _seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _peak(run: Callable[[], None]) -> float:
    tracemalloc.start()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return float(peak)
