"""The pytest plugin: a Fluxbase server and a client of it for each test that asks for them.

    def test_resize(fluxbase_server, fluxbase):
        fluxbase_server.script("resize").complete({"width": 1})
        assert fluxbase.jobs.run("resize", {"id": 7}).unwrap().result == {"width": 1}

`@pytest.mark.fluxbase(profile="2026-03", ...)` sets the keyword arguments of `fluxbase_jobs.testing.Server` for a test, a
class or a module; the nearest mark wins. The ini option `fluxbase_functions` names a handlers file for all tests.

Not in `fluxbase_jobs.testing`, because pytest imports it at every start: the server's own needs wait for the first test that asks.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient
    from fluxbase_jobs.testing import Server

_MARK: Final = "fluxbase"
_INI: Final = "fluxbase_functions"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option."""
    parser.addini(_INI, "the handlers file of all Fluxbase test servers, a path from the rootdir", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line("markers", f"{_MARK}(**options): how the test's Fluxbase server is set, as by fluxbase_jobs.testing.Server")


@pytest.fixture
def fluxbase_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A fresh Fluxbase server: scripts, faults, a virtual clock, in-process and over HTTP."""
    with _start(request) as server:
        yield server


@pytest.fixture
def fluxbase(fluxbase_server: Server) -> Iterator[FluxbaseClient]:
    """A client of the test's Fluxbase server, with a service key."""
    with fluxbase_server.client() as client:
        yield client


@pytest.fixture
def async_fluxbase(fluxbase_server: Server) -> Iterator[AsyncFluxbaseClient]:
    """An async client of the test's Fluxbase server, with a service key; for asyncio and trio, by whichever plugin tests run there."""
    client = fluxbase_server.async_client()
    yield client
    fluxbase_server._background.run(client.close())  # noqa: SLF001  # the test's own event loop may be closed by now


def _start(request: pytest.FixtureRequest) -> Server:
    try:
        from fluxbase_jobs.emulator.handlers.loader import UnusableHandlersError  # noqa: PLC0415 - most tests need no server
        from fluxbase_jobs.emulator.store import UnusableDatabaseError  # noqa: PLC0415
        from fluxbase_jobs.testing import Server  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise _refusal(str(missing)) from None
    try:
        return Server(**_options(request))
    except (TypeError, ValueError, UnusableHandlersError, UnusableDatabaseError) as error:
        raise _refusal(f"the Fluxbase server of this test cannot start: {error}") from None


def _refusal(text: str) -> BaseException:
    return pytest.fail.Exception(text, pytrace=False)


def _options(request: pytest.FixtureRequest) -> Any:
    options: dict[str, Any] = {}
    if handlers := str(request.config.getini(_INI)):
        options["functions"] = handlers
    for mark in reversed(list(request.node.iter_markers(_MARK))):
        if mark.args:
            raise TypeError(f"@pytest.mark.{_MARK} takes keyword arguments only, like profile='2026-03'")
        options |= mark.kwargs
    if isinstance(options.get("functions"), str | PurePath):
        # From the rootdir, wherever pytest is started.
        options["functions"] = request.config.rootpath / options["functions"]
    return options
