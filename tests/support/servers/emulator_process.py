"""Emulators as programs, as users start them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import field, frozen

FUNCTIONS: Final = Path(__file__).parents[3] / "contract" / "functions.py"


@frozen
class Address:
    """A server's URL and keys."""

    url: str
    service_key: str = field(repr=False)
    user_key: str = field(repr=False)


@contextmanager
def started(*options: str, functions: Path = FUNCTIONS) -> Generator[Address]:
    """Run an emulator on a free port; it is terminated after the block."""
    command = [sys.executable, "-m", "fluxbase_jobs.emulator", "--port", "0", "--functions", str(functions), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process)
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str]) -> Address:
    lines = iter(process.stdout or ())
    patterns = (r" on (http\S+)", r"service key: +(\S+)", r"user key: +(\S+)")
    return Address(*(next(match[1] for line in lines if (match := re.search(pattern, line))) for pattern in patterns))
