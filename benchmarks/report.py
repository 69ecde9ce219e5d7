"""The table of results, and its comparison with the ratios that were kept."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .calls import NODE
from .growth import Growth
from .rounds import Cost
from .table import BOUNDS, TRANSPORTS, Row

FOLDER: Final = Path(__file__).parent
KEPT: Final = FOLDER / "kept.json"
SLACK: Final = 4 / 3
"""How much worse than the kept ratio a ratio may be in the short form."""


def ratios(rows: Sequence[Row]) -> dict[str, dict[str, Cost]]:
    """The ratios of each row, by transport."""
    found: dict[str, dict[str, Cost]] = {row.name: {transport: row.ratio(transport) for transport in TRANSPORTS} for row in rows}
    for row in rows:
        if "node" in row.costs:
            found[f"{row.name}, Node"] = {transport: row.ratio(transport, "node") for transport in TRANSPORTS}
    return found


def table(rows: Sequence[Row]) -> str:
    """The ratios and their bounds, as Markdown. Ratios of time, then of the process's CPU time."""
    lines = ["| what | against | httpcore | bound | pyreqwest | bound | CPU: httpcore | pyreqwest |", "| --- " * 8 + "|"]
    for name, found in ratios(rows).items():
        bare, speed = (f"≤ {bound:g}" for bound in BOUNDS[name]) if name in BOUNDS else ("", "")
        peer = "fetch + JSON.parse" if name.endswith("Node") else "httpx"
        core, rust = (found[transport] for transport in TRANSPORTS)
        cpu = ("", "") if name.endswith("Node") else (f"{core.cpu:.2f}", f"{rust.cpu:.2f}")
        lines.append(f"| {name} | {peer} | {core.wall:.2f} | {bare} | {rust.wall:.2f} | {speed} | {cpu[0]} | {cpu[1]} |")
    return "\n".join(lines)


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


def surroundings() -> str:
    """The machine and the versions."""
    names = ("fluxbase-jobs", "httpx", "httpcore", "httpx2", "aiohttp", "pyreqwest", "msgspec")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    node = "no Node" if NODE is None else f"Node {subprocess.run([NODE, '-v'], capture_output=True, text=True, check=True).stdout.strip()}"
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {node}; {versions}"


def keep(rows: Sequence[Row]) -> None:
    """Keep the ratios, for the short form."""
    kept = {name: {each: [cost.wall, cost.cpu] for each, cost in found.items()} for name, found in ratios(rows).items()}
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")


def worse_than_kept(rows: Sequence[Row]) -> list[str]:
    """The ratios that are worse than the kept ones by more than a third, in time and in CPU time."""
    kept = json.loads(KEPT.read_text())
    found: list[str] = []
    for name, by_transport in ratios(rows).items():
        for transport, cost in by_transport.items():
            wall, cpu = kept.get(name, {}).get(transport, (float("inf"), float("inf")))
            if cost.wall > wall * SLACK and cost.cpu > cpu * SLACK:
                found.append(f"{name} over {transport}: {cost.wall:.2f} (kept: {wall:.2f}), CPU {cost.cpu:.2f} (kept: {cpu:.2f})")
    return found
