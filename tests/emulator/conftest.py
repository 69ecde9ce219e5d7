"""Emulators that many tests share: one for each era, and clients of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

import jwt
import pytest
from fluxbase_jobs.emulator.profiles import APRIL, MARCH

from tests.support.emulator_in_process import SECRET, Client, Running, serving

Sign: TypeAlias = Callable[..., str]

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def april() -> Iterator[Running]:
    """An emulator of the newest era, with the twins of the recorded functions."""
    with serving(profile=APRIL) as running:
        yield running


@pytest.fixture(scope="session")
def march() -> Iterator[Running]:
    """The same in March, where logs can be read at once."""
    with serving(profile=MARCH) as running:
        yield running


@pytest.fixture(params=["march", "april"])
def era(request: pytest.FixtureRequest) -> Running:
    """Each of the two, for what does not differ."""
    running = request.getfixturevalue(request.param)
    assert isinstance(running, Running)
    return running


@pytest.fixture
def client(march: Running) -> Iterator[Client]:
    """A client of the March emulator that acts as its user."""
    with march.client() as client:
        yield client


@pytest.fixture
def nobody(era: Running) -> Iterator[Client]:
    """A client of each era in turn that sends no credential by itself."""
    with era.client("") as client:
        yield client


@pytest.fixture
def admin(era: Running) -> Iterator[Client]:
    """A client of each era in turn that acts as a service role."""
    with era.client(era.service_key) as client:
        yield client


@pytest.fixture
def march_admin(march: Running) -> Iterator[Client]:
    """The same of March alone."""
    with march.client(march.service_key) as client:
        yield client


@pytest.fixture
def april_admin(april: Running) -> Iterator[Client]:
    """The same of April alone."""
    with april.client(april.service_key) as client:
        yield client


@pytest.fixture
def sign() -> Sign:
    """Make a token of any claims with the emulators' secret: `sign(role="anon")`; `lifetime` is seconds."""

    def sign(*, lifetime: int = 600, **claims: object) -> str:
        now = int(time.time())
        standard = {"iss": "fluxbase", "aud": ["fluxbase"], "iat": now, "nbf": now, "exp": now + lifetime, "jti": str(uuid4())}
        return jwt.encode({**standard, **claims}, SECRET, "HS256")

    return sign
