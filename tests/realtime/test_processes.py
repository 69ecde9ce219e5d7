"""The WebSocket in processes that are forked, spawned, or end while it is open, and in several event loops."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

from tests.support.servers.realtime_server import RealtimeServer, token

HEAD: Final = """
import asyncio, contextlib, multiprocessing, os, signal, sys, threading
from fluxbase_jobs import AsyncFluxbaseClient, FluxbaseClient
url, key, running, done = sys.argv[1:5]

def connected(client):
    # Follow a job that does not end, until the socket is open; then, until the client is closed.
    def follow():
        with contextlib.suppress(RuntimeError):
            client.jobs.wait(running)
    threading.Thread(target=follow, daemon=True).start()
    while client.realtime_state != "connected":
        threading.Event().wait(0.01)

def new_client(_=None):
    with FluxbaseClient(url, key) as client:
        connected(client)
        return client.jobs.wait(done, timeout=20).ok and client.realtime_state == "connected"

if __name__ == "__main__":
    signal.alarm(25)
"""

FORK: Final = """
    client = FluxbaseClient(url, key)
    connected(client)
    child = os.fork()
    if child == 0:
        signal.alarm(15)
        connected(client)
        ok = client.jobs.wait(done, timeout=10).ok
        client.close()
        os._exit(0 if ok else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), client.realtime_state, client.jobs.wait(done, timeout=10).ok)
    client.close()
"""
SPAWN: Final = """
    client = FluxbaseClient(url, key)
    connected(client)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(*pool.map(new_client, range(2)), client.realtime_state)
    client.close()
"""
LOOPS: Final = """
    client = AsyncFluxbaseClient(url, key)
    async def wait():
        return (await client.jobs.wait(done, timeout=20)).ok
    found = []
    threads = [threading.Thread(target=lambda: found.append(asyncio.run(wait()))) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(*found, asyncio.run(wait()))
    asyncio.run(client.close())
"""
EXIT: Final = """
    client = FluxbaseClient(url, key)
    connected(client)
    print("leaving")
"""
EXIT_TASK: Final = """
    async def main():
        client = AsyncFluxbaseClient(url, key)
        waiting = asyncio.create_task(client.jobs.wait(running))
        while client.realtime_state != "connected":
            await asyncio.sleep(0.01)
        print("leaving")
    asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "printed"),
    [
        pytest.param(FORK, "0 connected True\n", id="fork"),
        pytest.param(SPAWN, "True True connected\n", id="spawn"),
        pytest.param(LOOPS, "True True True True\n", id="three loops at once, and one more"),
        pytest.param(EXIT, "leaving\n", id="exit with an open socket"),
        pytest.param(EXIT_TASK, "leaving\n", id="exit of a loop with an open socket"),
    ],
)
def test_processes_and_loops_with_an_open_socket(
    realtime: RealtimeServer, tmp_path_factory: pytest.TempPathFactory, program: str, printed: str
) -> None:
    """Each has a socket of its own; none holds up the end, and nothing is printed on the way."""
    script = tmp_path_factory.mktemp("program") / "program.py"
    script.write_text(HEAD + program)
    running, done = realtime.add_job(status="running"), realtime.add_job(status="completed", result='{"done": true}')

    command = [sys.executable, "-W", "error", str(script), realtime.url, token(), running, done]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, printed, "")
