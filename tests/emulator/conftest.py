"""Emulators that many tests share, one for each server version, and clients of them.

Tests that change functions use emulators of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeAlias
from uuid import uuid4

import jwt
import pytest
from fluxbase_jobs.emulator.profiles import APRIL, MARCH

from tests.support.servers.emulator_in_process import SECRET, Client, Running, serving

Sign: TypeAlias = Callable[..., str]


@pytest.fixture(scope="session")
def april() -> Iterator[Running]:
    """An emulator of the April server with the recorded functions."""
    with serving(profile=APRIL) as running:
        yield running


@pytest.fixture(scope="session")
def march() -> Iterator[Running]:
    """An emulator of the March server, on which logs can be read at once."""
    with serving(profile=MARCH) as running:
        yield running


@pytest.fixture(params=["march", "april"])
def emulator(request: pytest.FixtureRequest) -> Running:
    """An emulator of each server version in turn."""
    running = request.getfixturevalue(request.param)
    assert isinstance(running, Running)
    return running


@pytest.fixture
def client(march: Running) -> Iterator[Client]:
    """A client of the March emulator, signed in as its user."""
    with march.client() as client:
        yield client


@pytest.fixture
def nobody(emulator: Running) -> Iterator[Client]:
    """A client of each server version in turn that sends no credential."""
    with emulator.client("") as client:
        yield client


@pytest.fixture
def admin(emulator: Running) -> Iterator[Client]:
    """A client of each server version in turn that acts as a service role."""
    with emulator.client(emulator.service_key) as client:
        yield client


@pytest.fixture
def march_admin(march: Running) -> Iterator[Client]:
    """A client of the March emulator that acts as a service role."""
    with march.client(march.service_key) as client:
        yield client


@pytest.fixture
def april_admin(april: Running) -> Iterator[Client]:
    """A client of the April emulator that acts as a service role."""
    with april.client(april.service_key) as client:
        yield client


@pytest.fixture
def sign() -> Sign:
    """Sign a token with the emulators' secret and any claims: `sign(role="anon")`. `lifetime` is in seconds."""

    def sign(*, lifetime: int = 600, **claims: object) -> str:
        now = int(time.time())
        standard = {"iss": "fluxbase", "aud": ["fluxbase"], "iat": now, "nbf": now, "exp": now + lifetime, "jti": str(uuid4())}
        return jwt.encode({**standard, **claims}, SECRET, "HS256")

    return sign
