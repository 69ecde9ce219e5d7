"""The table of results, and its comparison with the ratios that were kept."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import socket
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeAlias

from .calls import NODE
from .growth import Growth
from .rounds import Cost
from .table import BOUNDS, TRANSPORTS, Row

FOLDER: Final = Path(__file__).parent
KEPT: Final = FOLDER / "kept.json"
Ratios: TypeAlias = dict[str, dict[str, Cost]]
"""The ratios of each row, by transport."""
_LIST: Final = (
    "of 3 ms, decoding takes 1.3, sharing equal texts 0.35 (without it the ratio is 0.04 lower, and that of memory 0.75), remembering which "
    "jobs were seen 0.2, and the body's way 0.5"
)
_LIST_RUST: Final = f"{_LIST}; a thread of Rust's collects the body, and Python copies it once more, which takes 0.3 more"
_HANDED_OVER: Final = "each request wakes a thread of Rust's, and its answer wakes the caller; a machine that wakes a thread in a few µs stays within the bound"
LIMITS: Final[dict[tuple[str, str], str]] = {
    ("list(limit=1000)", "httpcore"): _LIST,
    ("list(limit=1000)", "pyreqwest"): _LIST_RUST,
    ("list(limit=1000), Node", "pyreqwest"): _LIST_RUST,
    ("get", "pyreqwest"): _HANDED_OVER,
    ("submit", "pyreqwest"): _HANDED_OVER,
    ("list(limit=50)", "pyreqwest"): _HANDED_OVER,
    ("300 sync submits by submit_many", "pyreqwest"): _HANDED_OVER,
    ("1,000 async submits, 50 in flight", "pyreqwest"): (
        "pyreqwest alone takes 40 µs of CPU for a request, and all of a call that is not the transport 40, where the bound is 75; "
        "headers and limits, which pass the border to Rust one by one, take the rest"
    ),
}
"""What limits a row over a transport, where its ratio is above the bound."""
UNKNOWN: Final = "not explained; it was within its bound before"
SLACK: Final = 4 / 3
"""How much worse than the kept ratio a ratio may be in the short form."""


def ratios(rows: Sequence[Row]) -> Ratios:
    """The ratios of each row, by transport."""
    found: Ratios = {row.name: {transport: row.ratio(transport) for transport in TRANSPORTS} for row in rows}
    for row in rows:
        if "node" in row.costs:
            found[f"{row.name}, Node"] = {transport: row.ratio(transport, "node") for transport in TRANSPORTS}
    return found


def table(found: Ratios) -> str:
    """The ratios and their bounds, as Markdown. Ratios of time, then of the process's CPU time."""
    lines = ["| what | against | httpcore | bound | pyreqwest | bound | CPU: httpcore | pyreqwest |", "| --- " * 8 + "|"]
    for name, costs in found.items():
        bare, speed = (f"≤ {bound:g}" for bound in BOUNDS[name]) if name in BOUNDS else ("", "")
        peer = "fetch + JSON.parse" if name.endswith("Node") else "httpx"
        core, rust = (costs[transport] for transport in TRANSPORTS)
        cpu = ("", "") if name.endswith("Node") else (f"{core.cpu:.2f}", f"{rust.cpu:.2f}")
        lines.append(f"| {name} | {peer} | {core.wall:.2f} | {bare} | {rust.wall:.2f} | {speed} | {cpu[0]} | {cpu[1]} |")
    return "\n".join(lines)


def limits(found: Ratios) -> str:
    """What keeps a ratio above its bound, as Markdown."""
    lines: list[str] = []
    for name, bounds in BOUNDS.items():
        for transport, bound in zip(TRANSPORTS, bounds, strict=True):
            if name in found and found[name][transport].wall > bound:
                lines.append(
                    f"- {name} over {transport}, {found[name][transport].wall:.3f} in place of {bound:g}: {LIMITS.get((name, transport), UNKNOWN)}"
                )
    return "\n".join(["Above their bounds:", "", *lines]) if lines else "All ratios are within their bounds."


def figures(rows: Sequence[Row]) -> str:
    """The lowest time of each contender, as Markdown."""
    lines = ["| what | contender | for each call |", "| --- | --- | --- |"]
    for row in rows:
        for name, cost in row.costs.items():
            shown = f"{cost.wall / 2**20:.1f} MiB" if "memory" in row.name else f"{cost.wall / row.calls * 1e6:,.0f} µs"
            lines.append(f"| {row.name} | {name} | {shown} |")
    return "\n".join(lines)


def growth_table(growths: Sequence[Growth]) -> str:
    """Seconds and peaks at each size, as Markdown."""
    sizes = list(growths[0].seconds)
    lines = ["| what | " + " | ".join(f"{size:,}" for size in sizes) + " |", "| --- " * (len(sizes) + 1) + "|"]
    for each in growths:
        cells = (f"{each.seconds[size]:.3f} s, {each.peaks[size] / 2**20:.1f} MiB" for size in sizes)
        lines.append(f"| {each.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def batch_memory(growths: Sequence[Growth]) -> str:
    """What the largest batch takes more than one of 1,000, as Markdown."""
    lines: list[str] = []
    for each in growths:
        largest = max(each.peaks)
        if each.name.startswith("submit_many") and largest > 1000:
            more = (each.peaks[largest] - each.peaks[1000]) / 2**20
            lines.append(f"{each.name}: the peak of {largest:,} is {more:+.1f} MiB above that of 1,000 (bound: + 5 MB).")
    return "\n\n".join(lines)


def surroundings() -> str:
    """The machine and the versions."""
    names = ("fluxbase-jobs", "httpx", "httpcore", "httpx2", "aiohttp", "pyreqwest", "msgspec")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    node = "no Node" if NODE is None else f"Node {subprocess.run([NODE, '-v'], capture_output=True, text=True, check=True).stdout.strip()}"
    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, a byte to another thread and back in {wake_up() * 1e6:.0f} µs"
    )
    return f"{machine}; Python {platform.python_version()}, {node}; {versions}"


def wake_up(times: int = 3000) -> float:
    """The seconds that a byte takes to another thread and back through loopback: what a machine adds to every call, ours and a peer's."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as near:
        far, _ = listening.accept()
        with far, ThreadPoolExecutor(1) as others:
            others.submit(_echo, far, times)
            start = time.perf_counter()
            for _ in range(times):
                near.sendall(b"x")
                near.recv(1)
            return (time.perf_counter() - start) / times


def _echo(far: socket.socket, times: int) -> None:
    for _ in range(times):
        far.sendall(far.recv(1))


def keep(found: Ratios, *, anew: bool) -> None:
    """Keep the ratios, for the short form: the highest of the machines that were measured, or, where it begins anew, these."""
    before: dict[str, Any] = {} if anew else json.loads(KEPT.read_text())
    kept = {
        name: {each: [*map(max, (cost.wall, cost.cpu), before.get(name, {}).get(each, (0, 0)))] for each, cost in costs.items()}
        for name, costs in found.items()
    }
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")


def better(first: Ratios, second: Ratios) -> Ratios:
    """The lower ratios of two measurements."""
    return {
        name: {each: Cost(min(cost.wall, second[name][each].wall), min(cost.cpu, second[name][each].cpu)) for each, cost in costs.items()}
        for name, costs in first.items()
    }


def worse_than_kept(found: Ratios) -> list[str]:
    """The ratios that are worse than the kept ones by more than a third, in time and in CPU time.

    On a busy machine one of the two is now and then: time where others compute, CPU time where they push this out of the caches.
    """
    kept = json.loads(KEPT.read_text())
    worse: list[str] = []
    for name, by_transport in found.items():
        for transport, cost in by_transport.items():
            wall, cpu = kept.get(name, {}).get(transport, (float("inf"), float("inf")))
            if cost.wall > wall * SLACK and cost.cpu > cpu * SLACK:
                worse.append(f"{name} over {transport}: {cost.wall:.2f} (kept: {wall:.2f}), CPU {cost.cpu:.2f} (kept: {cpu:.2f})")
    return worse
