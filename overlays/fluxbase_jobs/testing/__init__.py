"""A Fluxbase server for tests of programs that run jobs: in the test's own process, with a clock, scripted jobs and faults.

    from fluxbase_jobs.testing import Server

    with Server() as server:
        server.script("resize").progress(30).complete({"width": 1})
        with server.client() as client:
            assert client.jobs.run("resize", {"id": 7}).unwrap().result == {"width": 1}

With pytest, the fixtures `fluxbase_server` and `fluxbase` provide a server and a client for each test.

It needs the extra: `pip install ".[emulator]"` in a clone, `pip install "fluxbase-jobs[emulator]"` once it is published.
"""

from __future__ import annotations

from ..emulator.server.optional_dependencies import HOW_TO_INSTALL, missing_package

try:
    from ..emulator.faults.faults import Fault, Faults
    from ..emulator.faults.frames import FrameFault
    from .clock import VirtualClock
    from .options import ServerOptions
    from .scripts import Script, ScriptedRun
    from .server import Server
    from .websockets import SocketClosedError, SocketRefusedError
except ModuleNotFoundError as missing:
    if missing_package(missing) is None:
        raise
    raise ModuleNotFoundError(
        f"{missing.name} is not installed, which fluxbase_jobs.testing needs: {HOW_TO_INSTALL}", name=missing.name
    ) from None

__all__ = [
    "Fault",
    "Faults",
    "FrameFault",
    "Script",
    "ScriptedRun",
    "Server",
    "ServerOptions",
    "SocketClosedError",
    "SocketRefusedError",
    "VirtualClock",
]
