"""Holds the emulator against the recordings: the same requests to both profiles, side by side, at the real server's pace.

Usage: conformance.py WIRE, the folder with record.py, compare.py and the recordings. Each profile starts on an empty database.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Final

from tests.emulators import started

# What may differ. April's recording read one job twice within three milliseconds, as running and as failed, and so has a failed
# job under the label of a running one. The real server, recorded again, differs there too.
CHANCE: Final[Mapping[str, frozenset[str]]] = {"2026-03": frozenset(), "2026-04": frozenset({"admin | poll: running"})}
SECRET: Final = "a-secret-that-only-this-run-knows"


def main(wire: Path) -> None:
    """Report on both profiles; exit with 1 where one differs from its recording."""
    if not (wire / "record.py").exists():
        sys.exit(f"conformance: {wire} has no record.py: pass the folder of the recordings, `nox -s conformance -- FOLDER`")
    with ThreadPoolExecutor() as pool:
        reports = dict(zip(CHANCE, pool.map(compared, repeat(wire), CHANCE), strict=True))
    for profile, report in reports.items():
        print(f"== {profile}\n{report}")
    if wrong := [profile for profile, report in reports.items() if differences(report) - CHANCE[profile]]:
        sys.exit(f"conformance: {', '.join(wrong)} differs from its recording")


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


def differences(report: str) -> frozenset[str]:
    """The exchanges that differ, as compare.py names them; its last line missing is a difference too."""
    if not re.search(r"^\d+ of \d+ exchanges agree$", report, re.MULTILINE):
        return frozenset({"no comparison"})
    return frozenset(re.findall(r"^(\w+ \| .*)$", report, re.MULTILINE))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
