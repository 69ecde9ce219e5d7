"""Large bodies do not fill the emulator's memory: of a caller without credentials none is kept, of others up to the bound of the route."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.servers.emulator_in_process import HANDLERS, Program, program

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc").exists(), reason="memory is read from /proc")]

PART: Final = b" " * 2**20
MEGABYTES: Final = 600
SUBMIT: Final = "/api/v1/jobs/submit"
SYNC: Final = "/api/v1/admin/jobs/sync"
KEY: Final = {"idempotency-key": "k"}
ROOM: Final = 100
"""MiB that may be taken at most; a body that is kept up to its bound of 16 MB takes 50."""


@pytest.fixture
def started() -> Iterator[Program]:
    """An emulator of its own."""
    with program("--functions", HANDLERS) as running:
        yield running


def peak(program: Program) -> int:
    """The most memory that the emulator has held, in MiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{program.process.pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


def send(program: Program, path: str, megabytes: int, **headers: str) -> int:
    """Send a chunked body of this size; the status."""
    body = (PART for _ in range(megabytes))
    return httpx.post(program.running.url + path, content=body, headers=headers, timeout=300).status_code


@pytest.mark.parametrize("headers", [{}, KEY], ids=["no key", "with a key"])
@pytest.mark.parametrize(("path", "megabytes"), [(SUBMIT, MEGABYTES), (SYNC, MEGABYTES), (SYNC, 490)])
def test_a_chunked_body_without_credentials_takes_no_memory(started: Program, path: str, megabytes: int, headers: dict[str, str]) -> None:
    """Also where the body is read before the credentials, for its idempotency key."""
    before = peak(started)

    assert send(started, path, megabytes, **headers) in {401, 413}
    assert peak(started) - before < ROOM


@pytest.mark.parametrize("headers", [{}, KEY], ids=["no key", "with a key"])
def test_a_chunked_body_with_credentials_is_kept_up_to_the_bound(started: Program, headers: dict[str, str]) -> None:
    """Sixteen megabytes, as the real server has no bound for chunked bodies."""
    before = peak(started)

    assert send(started, SUBMIT, MEGABYTES, authorization=f"Bearer {started.running.user_key}", **headers) == 413
    assert peak(started) - before < ROOM
