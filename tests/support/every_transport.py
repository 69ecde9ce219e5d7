"""The fixture of the tests that run once over each transport: `transport = every_transport` in a module."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

import pytest

NEEDS_PYREQWEST: Final = pytest.mark.skipif(find_spec("pyreqwest") is None, reason="the package pyreqwest is not installed")
OVER_PYREQWEST: Final = pytest.param("pyreqwest", marks=NEEDS_PYREQWEST)


@pytest.fixture(params=["httpcore", OVER_PYREQWEST])
def every_transport(request: pytest.FixtureRequest) -> str:
    """The library that sends the requests."""
    return str(request.param)
