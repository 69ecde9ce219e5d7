"""What imports cost above bare Python, each in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Final

from .rounds import Cost
from .table import TRANSPORTS, Row

PROGRAMS: Final = {
    "bare": "pass",
    "httpx": "import httpx",
    "httpx client": "import httpx; httpx.Client()",
    "package": "import fluxbase_jobs",
    "client class": "from fluxbase_jobs import FluxbaseClient",
    "client": "from fluxbase_jobs import FluxbaseClient; FluxbaseClient('http://127.0.0.1:9')",
}
_TIMED: Final = "import resource, time\nwall = time.perf_counter()\n{}\nused = resource.getrusage(resource.RUSAGE_SELF)\n"
_TIMED_END: Final = "print(time.perf_counter() - wall, used.ru_utime + used.ru_stime)"


def measure(rounds: int) -> list[Row]:
    """The rows of imports: the package, the class, and a client made."""
    found: dict[str, list[Cost]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as compiled:
        for _ in range(rounds + 2):
            for name, program in PROGRAMS.items():
                found[name].append(_cost(program, _with_bytecode(compiled)))
    best = {name: Cost(min(each.wall for each in costs), min(each.cpu for each in costs)) for name, costs in found.items()}
    bare = best["bare"]

    def above(name: str) -> Cost:
        return Cost(best[name].wall - bare.wall, max(best[name].cpu - bare.cpu, 1e-6))

    names = {
        "import fluxbase_jobs": ("package", "httpx"),
        "from fluxbase_jobs import FluxbaseClient": ("client class", "httpx"),
        "the same, and a client made": ("client", "httpx client"),
    }
    return [Row(label, "httpx", {"httpx": above(peer), **dict.fromkeys(TRANSPORTS, above(ours))}) for label, (ours, peer) in names.items()]


def plugin_seconds(rounds: int) -> float:
    """The lowest seconds that pytest's import of the plugin takes, after its own."""
    program = "import time, pytest; start = time.perf_counter(); import fluxbase_jobs.pytest_plugin; print(time.perf_counter() - start)"
    with tempfile.TemporaryDirectory() as compiled:
        return min(float(_output(program, _with_bytecode(compiled))) for _ in range(rounds + 1))


def _with_bytecode(folder: str) -> Mapping[str, str]:
    """The environment in which the first program compiles and the next ones load what it compiled, ours and the peers' alike.

    Without it a ratio depends on who had written bytecode before: pip compiles what it installs, but not this project's own folder.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


def _cost(program: str, environment: Mapping[str, str]) -> Cost:
    wall, cpu = _output(_TIMED.format(program) + _TIMED_END, environment).split()
    return Cost(float(wall), float(cpu))


def _output(program: str, environment: Mapping[str, str]) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment).stdout
