"""Interleaved rounds: each contender runs once in each round, so that a busy moment of the machine hits all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import frozen

Run: TypeAlias = Callable[[], object]


@frozen
class Cost:
    """The lowest cost of all rounds, in seconds."""

    wall: float
    cpu: float
    """Of this process, all threads: the server has one of its own."""

    def ratio(self, peer: Cost) -> Cost:
        """How much this is of the peer's cost."""
        return Cost(self.wall / peer.wall, self.cpu / max(peer.cpu, 1e-9))


def compare(contenders: Mapping[str, Run], rounds: int) -> dict[str, Cost]:
    """The cost of each contender, after one round that is not counted."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            cost = _cost(run)
            if number:
                costs[name].append(cost)
    return {name: Cost(min(each.wall for each in found), min(each.cpu for each in found)) for name, found in costs.items()}


def _cost(run: Run) -> Cost:
    gc.collect()
    gc.disable()
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        return Cost(time.perf_counter() - wall, time.process_time() - cpu)
    finally:
        gc.enable()
