"""Use the installed package with the extras that are named: each brings what it promises, and what is missing is told in one line.

`nox -s extras` runs it in clean environments, from a folder that has no sources: `python smoke.py cli emulator`.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Final

import fluxbase_jobs
from fluxbase_jobs import FluxbaseClient, InvalidInput

JOB_ID: Final = "3f8a5c52-7f0e-4a53-9d3f-0a9d3c1f5b11"
JOB: Final = {
    "id": JOB_ID,
    "namespace": "default",
    "job_name": "resize",
    "status": "completed",
    "priority": 0,
    "max_retries": 0,
    "retry_count": 0,
    "created_at": "2026-01-01T00:00:00Z",
}
EMULATOR: Final = ("-m", "fluxbase_jobs.emulator")
PROGRAM: Final = ("-m", "fluxbase_jobs")


class _OneJob(BaseHTTPRequestHandler):
    """A server that has one job."""

    def do_GET(self) -> None:
        """Answer the job."""
        body = json.dumps(JOB).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is given
        """Nothing is printed."""


@contextmanager
def server() -> Generator[str]:
    """Yield the address of a server that has one job."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _OneJob) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def run(*arguments: str, **variables: str) -> tuple[int, str]:
    """The exit code of a Python program, and what it printed."""
    ended = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **variables}
    )
    return ended.returncode, ended.stdout + ended.stderr


def says_how_to_install(extra: str, code: int, printed: str) -> None:
    """It is one line, which names the extra."""
    assert code != 0
    assert printed.count("\n") == 1, printed
    assert f'pip install ".[{extra}]" in a clone' in printed, printed
    assert f'pip install "fluxbase-jobs[{extra}]"' in printed, printed


def refusal(module: str) -> str:
    """What importing a module of a missing extra says."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        return f"{error}\n"
    raise AssertionError(f"{module} can be imported")


def bare(url: str) -> None:
    """The client, the low-level client and the version need no extra."""
    importlib.import_module("fluxbase_jobs_client.api.jobs.get_job")
    assert fluxbase_jobs.__version__ == version("fluxbase-jobs")
    assert run(*PROGRAM, "--version") == (0, f"{fluxbase_jobs.__version__}\n")
    with FluxbaseClient(url) as client:
        assert client.jobs.get(JOB_ID).unwrap().succeeded


def cli(url: str) -> None:
    """The program and the bars."""
    code, printed = run(*PROGRAM, "get", JOB_ID, "--json", FLUXBASE_URL=url, FLUXBASE_KEY="a-key")
    assert (code, json.loads(printed)["id"]) == (0, JOB_ID)
    with importlib.import_module("fluxbase_jobs.progress").progress_bar(), FluxbaseClient(url) as client:
        client.jobs.wait(JOB_ID).unwrap()


def no_cli(_url: str) -> None:
    """One line from the program, and from an import."""
    says_how_to_install("cli", *run(*PROGRAM, "list"))
    says_how_to_install("cli", 1, refusal("fluxbase_jobs.progress"))


def emulator(_url: str) -> None:
    """The program starts, and a test server runs a job."""
    assert run(*EMULATOR, "--help")[0] == 0
    with importlib.import_module("fluxbase_jobs.testing").Server() as scripted, scripted.client() as client:
        scripted.script("resize").complete({"width": 7})
        assert client.jobs.run("resize").unwrap().result == {"width": 7}


def no_emulator(_url: str) -> None:
    """One line from the program, and from an import; files with handlers can be imported."""
    says_how_to_install("emulator", *run(*EMULATOR))
    if find_spec("cyclopts"):
        says_how_to_install("emulator", *run(*PROGRAM, "dev"))
    says_how_to_install("emulator", 1, refusal("fluxbase_jobs.testing"))
    assert callable(importlib.import_module("fluxbase_jobs.emulator").function)


def otel(url: str) -> None:
    """Calls are recorded, by the API alone into nothing."""
    module = importlib.import_module("fluxbase_jobs.otel")
    module.instrument()
    bare(url)
    module.uninstrument()


def no_otel(_url: str) -> None:
    """One line from the import."""
    says_how_to_install("otel", 1, refusal("fluxbase_jobs.otel"))


def speed(url: str) -> None:
    """The other transport sends."""
    with FluxbaseClient(url, transport="pyreqwest") as client:
        assert client.transport == "pyreqwest"
        assert client.jobs.get(JOB_ID).unwrap().succeeded


def no_speed(url: str) -> None:
    """An InvalidInput with the cure."""
    try:
        FluxbaseClient(url, transport="pyreqwest")
    except InvalidInput as error:
        says_how_to_install("speed", 1, f"{error}\n")
    else:
        raise AssertionError("there is pyreqwest")


EXTRAS: Final[dict[str, tuple[Callable[[str], None], Callable[[str], None]]]] = {
    "cli": (cli, no_cli),
    "emulator": (emulator, no_emulator),
    "otel": (otel, no_otel),
    "speed": (speed, no_speed),
}
"""What each extra brings, and what is said where it is missing."""


def main(extras: set[str]) -> None:
    """Check all of them."""
    assert extras <= set(EXTRAS), extras
    assert "site-packages" in fluxbase_jobs.__file__, fluxbase_jobs.__file__
    with server() as url:
        bare(url)
        for name, (there, missing) in EXTRAS.items():
            check: Any = there if name in extras else missing
            check(url)
            print(f"{check.__name__}: as it should be")


if __name__ == "__main__":
    main(set(sys.argv[1:]))
