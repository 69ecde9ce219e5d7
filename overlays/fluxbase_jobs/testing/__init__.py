"""A Fluxbase server for tests of programs that run jobs: in the test's own process, with a clock, scripts and faults.

    from fluxbase_jobs.testing import Server

    with Server() as server:
        server.script("resize").progress(30).complete({"width": 1})
        with server.client() as client:
            assert client.jobs.run("resize", {"id": 7}).unwrap().result == {"width": 1}

With pytest, the fixtures `fluxbase_server` and `fluxbase` give a server and a client for each test.

Where things are: `server` how the parts fit together, `options` and `keywords` what can be set, `background` the server's event loop,
`exchanges` and `transports` requests without a socket, `listening` those with one, `faults`, `route_patterns` and
`fault_injection` what goes wrong, `clock` and `sleepers` the virtual time, `settling` and `timelines` when all that was due has happened,
`scripts`, `scripted_runs` and `gates` jobs that do what a test says.

It needs the extra: `pip install ".[emulator]"` in a clone.
"""

from __future__ import annotations

from fluxbase_jobs.emulator.optional_dependencies import HOW_TO_INSTALL, missing_package

try:
    from .clock.virtual_clock import VirtualClock
    from .faults.faults import Fault, Faults
    from .option_types import ServerOptions
    from .scripts.script import Script
    from .scripts.steps import ScriptedRun
    from .server import Server
except ModuleNotFoundError as missing:
    if missing_package(missing) is None:
        raise
    text = f"{missing.name} is not installed, which fluxbase_jobs.testing needs: {HOW_TO_INSTALL}"
    raise ModuleNotFoundError(text, name=missing.name) from None

__all__ = ["Fault", "Faults", "Script", "ScriptedRun", "Server", "ServerOptions", "VirtualClock"]
