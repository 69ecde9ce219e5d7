"""Emulators for the tests that change functions, so that the changes do not reach the emulators which other tests share.

A function that is synced into a second namespace, for example, may be the one that a submit without a namespace finds.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fluxbase_jobs.emulator.profiles import APRIL, MARCH

from tests.support.servers.emulator_in_process import Running, serving


@pytest.fixture(scope="module")
def april() -> Iterator[Running]:
    """An emulator of the server version of April, for one test module."""
    with serving(profile=APRIL) as running:
        yield running


@pytest.fixture(scope="module")
def march() -> Iterator[Running]:
    """An emulator of the server version of March, for one test module."""
    with serving(profile=MARCH) as running:
        yield running
