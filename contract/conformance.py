"""Holds the emulator against the recordings of the servers that it acts as: each profile is recorded and compared, value by value.

Usage: `nox -s conformance`. Both profiles run side by side, each on an empty database; nothing outside of the repository is needed.
"""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from contract.compare import Comparer, Comparison
from contract.record import exchanges, run
from contract.recordings import load

PROFILES: Final = ("2026-03", "2026-04")
NOT_RUN: Final = {
    f"recorded-2026-03 / admin / {label}": frozenset({"result"}) for label in ("poll: completed", "get a job whose function is gone")
}
"""The result of a function that was synced as TypeScript, which the emulator does not run."""

FUNCTIONS: Final = Path(__file__).with_name("functions.py")


def main(_given: Sequence[str]) -> int:
    """Report on both profiles; 1 where one differs from its recording."""
    with ThreadPoolExecutor() as pool:
        comparisons = dict(zip(PROFILES, pool.map(compared, PROFILES), strict=True))
    for profile, comparison in comparisons.items():
        print(f"== {profile}\n{comparison}", flush=True)
    return int(any(comparison.differences for comparison in comparisons.values()))


def compared(profile: str) -> Comparison:
    """An emulator of a profile, held against the recording of its server."""
    secret = secrets.token_hex(32)
    with emulator(profile, secret) as url:
        return Comparer(load(f"recorded-{profile}"), excused=NOT_RUN).compare(exchanges(url, secret))


@contextmanager
def emulator(profile: str, secret: str) -> Generator[str]:
    """The address of an emulator that runs the Python versions of the recorded functions; it ends after the block."""
    options = ["--port", "0", "--functions", str(FUNCTIONS), "--no-reload", "--profile", profile, "--jwt-secret", secret]
    command = [sys.executable, "-m", "fluxbase_jobs.emulator", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield next(found[1] for line in process.stdout or () if (found := re.search(r" on (http\S+)", line)))
        finally:
            process.terminate()
            process.communicate()  # its last lines have somewhere to go


if __name__ == "__main__":
    run("conformance", main)
