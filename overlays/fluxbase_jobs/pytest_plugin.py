"""The pytest plugin: fixtures with a Fluxbase server and a client for a test.

    def test_resize(fluxbase_server, fluxbase):
        fluxbase_server.script("resize").complete({"width": 1})
        assert fluxbase.jobs.run("resize", {"id": 7}).unwrap().result == {"width": 1}

`@pytest.mark.fluxbase(profile="2026-03", ...)` sets the keyword arguments of `fluxbase_jobs.testing.Server` for a test, a
class or a module; the closest marker wins. The ini option `fluxbase_functions` names a handlers file for all tests.

This module is not part of `fluxbase_jobs.testing` because pytest imports it at every start. It imports the server and its
dependencies when the first test uses them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:  # an optional dependency, and pytest should start fast
    from . import AsyncFluxbaseClient, FluxbaseClient
    from .testing import Server

_MARKER: Final = "fluxbase"
_INI: Final = "fluxbase_functions"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option."""
    parser.addini(_INI, "the handlers file of all Fluxbase test servers, relative to the rootdir", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", f"{_MARKER}(**options): the options of the test's Fluxbase server, see fluxbase_jobs.testing.Server")


@pytest.fixture
def fluxbase_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A new Fluxbase server with scripts, faults and a virtual clock, in-process and over HTTP."""
    with _start(request) as server:
        yield server


@pytest.fixture
def fluxbase(fluxbase_server: Server) -> Iterator[FluxbaseClient]:
    """A client of `fluxbase_server`, with a service key."""
    with fluxbase_server.client() as client:
        yield client


@pytest.fixture
def async_fluxbase(fluxbase_server: Server) -> Iterator[AsyncFluxbaseClient]:
    """An async client of the test's Fluxbase server, with a service key; for asyncio and trio, by whichever plugin tests run there."""
    client = fluxbase_server.async_client()
    yield client
    fluxbase_server._loop.run(client.close())  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  # the test's own event loop may be closed by now


def _start(request: pytest.FixtureRequest) -> Server:
    try:
        from .emulator.handlers.loader import UnusableHandlersError  # noqa: PLC0415  # most tests need no server
        from .emulator.store import UnusableDatabaseError  # noqa: PLC0415  # the same
        from .testing import Server  # noqa: PLC0415  # the same
    except ModuleNotFoundError as missing:
        raise _failure(str(missing)) from None
    try:
        return Server(**_options(request))
    except (TypeError, ValueError, UnusableHandlersError, UnusableDatabaseError) as error:
        raise _failure(f"the Fluxbase server of this test cannot start: {error}") from None


def _failure(text: str) -> BaseException:
    return pytest.fail.Exception(text, pytrace=False)


def _options(request: pytest.FixtureRequest) -> Any:
    options: dict[str, Any] = {}
    if handlers := str(request.config.getini(_INI)):
        options["functions"] = handlers
    for marker in reversed(list(request.node.iter_markers(_MARKER))):
        if marker.args:
            raise TypeError(f"@pytest.mark.{_MARKER} takes keyword arguments only, like profile='2026-03'")
        options |= marker.kwargs
    if isinstance(options.get("functions"), str | PurePath):
        # Relative to the rootdir, not to the directory in which pytest was started.
        options["functions"] = request.config.rootpath / options["functions"]
    return options
