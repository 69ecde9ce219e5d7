"""Holds the emulator against the recordings: the same requests to both profiles, side by side, at the real server's pace.

Usage: conformance.py WIRE, the folder with record.py, compare.py and the recordings. Each profile starts on an empty database.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.emulator_process import started

if TYPE_CHECKING:
    from collections.abc import Sequence

PROFILES: Final = ("2026-03", "2026-04")
SECRET: Final = "a-secret-that-only-this-run-knows"
ATTEMPTS: Final = 3
"""The recordings hold moments, such as a job between two looks for work. A machine under load may come too late for one of them; what
the emulator does differently is seen each time."""


def main(wire: Path) -> None:
    """Report on both profiles; exit with 1 where one differs from its recording each time."""
    if not (wire / "record.py").exists():
        sys.exit(f"conformance: {wire} has no record.py: pass the folder of the recordings, `nox -s conformance -- FOLDER`")
    wrong: Sequence[str] = PROFILES
    for _ in range(ATTEMPTS):
        if not (wrong := differing(wire, wrong)):
            return
    sys.exit(f"conformance: {', '.join(wrong)} differs from its recording")


def differing(wire: Path, profiles: Sequence[str]) -> list[str]:
    """Report on these profiles and return those that differ from their recordings."""
    with ThreadPoolExecutor() as pool:
        reports = dict(zip(profiles, pool.map(compared, repeat(wire), profiles), strict=True))
    for profile, report in reports.items():
        print(f"== {profile}\n{report}", flush=True)
    return [profile for profile, report in reports.items() if not agrees(report)]


def compared(wire: Path, profile: str) -> str:
    """What compare.py says of one profile."""
    options = ("--profile", profile, "--jwt-secret", SECRET, "--poll-interval", "1.0")
    with tempfile.TemporaryDirectory() as folder, started(*options) as address:
        ours, port = Path(folder) / "ours.json", address.url.rpartition(":")[2]
        subprocess.run(
            [sys.executable, wire / "record.py", f"emulator {profile}", port, SECRET, ours], check=True, stdout=subprocess.DEVNULL
        )
        done = subprocess.run(
            [sys.executable, wire / "compare.py", wire / f"recorded-{profile}.json", ours], capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr


def agrees(report: str) -> bool:
    """Whether all exchanges agree, from compare.py's last line."""
    counted = re.search(r"^(\d+) of (\d+) exchanges agree$", report, re.MULTILINE)
    return counted is not None and counted[1] == counted[2]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
