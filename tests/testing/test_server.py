"""The test server: start, options, handlers, keys and close."""

from __future__ import annotations

import asyncio
import sys
import threading
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fluxbase_jobs import AuthenticationFailed, ConnectionFailed, FluxbaseClient, InvalidInput, NotFound
from fluxbase_jobs.emulator import Context, function
from fluxbase_jobs.emulator.handlers.loader import UnusableHandlersError
from fluxbase_jobs.testing import Script, Server

from tests.support.servers.emulator_in_process import eventually


@function("double")
def double(payload: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Double a number."""
    return {"n": 2 * payload["n"]}


@function("double")
def double_too(_payload: dict[str, Any], _context: Context) -> None:
    """A second handler of that name."""


@function("patient")
async def patient(_payload: dict[str, Any], _context: Context) -> None:
    """Run for a minute."""
    await asyncio.sleep(60)


def thread_names() -> set[str]:
    """The names of all running threads."""
    return {thread.name for thread in threading.enumerate()}


def test_run_completes_a_scripted_job(server: Server, client: FluxbaseClient) -> None:
    """A scripted job completes within one call of `run`."""
    server.script("resize").progress(30).complete({"width": 1})

    job = client.jobs.run("resize", {"id": 7}).unwrap()

    assert (job.status, job.result, job.progress_percent) == ("completed", {"width": 1}, 30)


def test_servers_are_independent() -> None:
    """Each server has its own state, keys and handlers."""
    with Server(functions=[double]) as first, Server() as second, first.client() as client, second.client() as other:
        assert client.jobs.run("double", {"n": 2}).unwrap().result == {"n": 4}
        assert other.jobs.list().unwrap() == []
        with second.client(key=first.service_key()) as stranger:
            assert isinstance(stranger.jobs.list().error, AuthenticationFailed)


def test_close_leaves_no_thread_and_no_socket() -> None:
    """Even with running jobs, a held run and an open request."""
    before = thread_names()
    with Server(functions=[patient]) as server, server.client() as client:
        url = server.url
        held = server.script("held").hold()
        client.jobs.submit("held").unwrap()
        client.jobs.submit("patient").unwrap()
        held.wait_until_held()
        fault = server.faults.add("*", delay=60)
        slow = threading.Thread(target=client.jobs.list, kwargs={"retry": None})
        slow.start()
        eventually(lambda: fault.hits, bool)
    slow.join()

    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    eventually(thread_names, lambda names: names <= before)


def test_closed_server_refuses_requests(server: Server) -> None:
    """The error says so. Closing twice is allowed."""
    with server.client(retry=None) as client:
        server.close()
        server.close()

        error = client.jobs.list().error

    assert isinstance(error, ConnectionFailed)
    assert "closed" in error.message
    with pytest.raises(RuntimeError, match="this test server is closed"):
        _ = server.url


USES: dict[str, Callable[[Server, Script], object]] = {
    "url": lambda server, _: server.url,
    "user_key": lambda server, _: server.user_key("ada@example.com"),
    "script": lambda server, _: server.script("another"),
    "add": lambda server, _: server.add(double),
    "payloads": lambda _, script: script.payloads,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_use_after_close_raises(use: Callable[[Server, Script], object]) -> None:
    """The error says that the server is closed."""
    with Server() as server:
        script = server.script("resize")
        assert server.url

    with pytest.raises(RuntimeError, match="this test server is closed"):
        use(server, script)


def test_close_breaks_open_requests(server: Server, http: httpx.Client) -> None:
    """An open request fails as on a broken connection, and nothing is logged."""
    fault = server.faults.add("*", delay=60)
    with ThreadPoolExecutor(1) as threads:
        response = threads.submit(http.get, "/health")
        eventually(lambda: fault.hits, bool)
        server.close()

        assert isinstance(response.exception(), httpx.RemoteProtocolError)


def test_profiles_differ_in_log_visibility() -> None:
    """Version 2026-03 shows log lines over HTTP at once, 2026-04 only after the next start."""
    lines: dict[str, int] = {}
    for profile in ("2026-03", "2026-04"):
        with Server(profile=profile) as server, server.client(realtime=False) as client:
            server.script("chatty").log("one\ntwo")
            job = client.jobs.run("chatty").unwrap()
            lines[profile] = len(client.jobs.logs(job.id).unwrap())

    assert lines == {"2026-03": 3, "2026-04": 0}


def test_clients_follow_jobs_over_a_websocket_without_a_network() -> None:
    """So the lines that version 2026-04 hides from HTTP come, too."""
    with Server(profile="2026-04") as server, server.client() as client, ThreadPoolExecutor(1) as threads:
        script = server.script("chatty").hold().log("one\ntwo")
        subscribed = server.faults.add_frame_fault("ack", contains="execution_id", delay=0.001)
        job = client.jobs.submit("chatty").unwrap()
        lines = threads.submit(lambda: [str(result.unwrap()) for result in client.jobs.tail(job)])
        eventually(lambda: subscribed.hits, bool)
        script.release()
        lines.result()
        state = client.realtime_state

    assert lines.result() == ["one", "two"]
    assert state == "connected"


def test_clients_may_poll() -> None:
    """As where the server has no WebSocket."""
    with Server() as server, server.client(realtime=False) as client:
        server.script("resize").complete()
        client.jobs.run("resize").unwrap()

        assert client.realtime_state == "polling: switched off"


def test_rate_limit_follows_the_clock() -> None:
    """A minute later by the server's clock, requests are allowed again."""
    with Server(rate_limit=2) as server, server.client(retry=None) as client:
        before = [client.jobs.list().ok for _ in range(3)]
        server.clock.advance(61)

        assert (before, client.jobs.list().ok) == ([True, True, False], True)


def test_jobs_can_be_switched_off() -> None:
    """The job routes then answer 404."""
    with Server(jobs="off") as server, server.client() as client:
        assert isinstance(client.jobs.list().error, NotFound)


def test_database_file_keeps_jobs(tmp_path: Path) -> None:
    """The next server on the same database file has the jobs of the previous one."""
    with Server(database=tmp_path / "state.db", functions=[double]) as server, server.client() as client:
        job = client.jobs.run("double", {"n": 1}).unwrap()
    with Server(database=tmp_path / "state.db") as server, server.client() as client:
        found = client.jobs.get(job.id).unwrap()

    assert found.result == {"n": 2}


def test_handlers_file_imports_its_neighbours(tmp_path: Path) -> None:
    """A handlers file may import modules beside it, as for the emulator's command line."""
    (tmp_path / "fluxbase_neighbour.py").write_text("ANSWER = 42\n")
    handlers = tmp_path / "handlers.py"
    handlers.write_text(
        "from fluxbase_jobs.emulator import function\n"
        "@function('ask')\n"
        "def ask(payload, context):\n"
        "    from fluxbase_neighbour import ANSWER\n"
        "    return {'answer': ANSWER}\n"
    )
    try:
        with Server(functions=handlers) as server, server.client() as client:
            assert client.jobs.run("ask").unwrap().result == {"answer": 42}
    finally:
        sys.path.remove(str(tmp_path))


def test_functions_of_a_module() -> None:
    """All marked handlers of a module are added."""
    module = types.ModuleType("handlers")
    vars(module).update(double=double, patient=patient, other=3)

    with Server(functions=module) as server, server.client() as client:
        assert client.jobs.run("double", {"n": 3}).unwrap().result == {"n": 6}


def test_handlers_can_be_added_later(server: Server, client: FluxbaseClient) -> None:
    """A handler can be written in the test, or added at any time."""

    @server.function("greet", max_retries=1)
    def greet(payload: dict[str, Any], context: Context) -> dict[str, Any]:
        return {"hello": payload["name"], "try": context.retry_count}

    server.add(double)

    assert client.jobs.run("greet", {"name": "Ada"}).unwrap().result == {"hello": "Ada", "try": 0}
    assert client.jobs.run("double", {"n": 4}).unwrap().result == {"n": 8}
    assert greet.__name__ == "greet"


def test_function_does_not_mark_the_handler(client: FluxbaseClient, server: Server) -> None:
    """A handler that one server has under a name does not have that name on another server."""

    def echo(payload: dict[str, Any], _context: Context) -> dict[str, Any]:
        return payload

    with Server() as earlier:
        earlier.function("first")(echo)
    server.function("second")(echo)

    assert client.jobs.run("second", {"n": 1}).unwrap().result == {"n": 1}
    assert not client.jobs.submit("first").ok


class Greeter:
    """An object with handler methods, like a TestCase."""

    def sync(self, payload: dict[str, Any], _context: Context) -> dict[str, Any]:
        return {"hello": payload["name"]}

    async def in_async(self, payload: dict[str, Any], context: Context) -> dict[str, Any]:
        return self.sync(payload, context)


def test_bound_methods_as_handlers(client: FluxbaseClient, server: Server) -> None:
    """A bound method can be a handler."""
    server.function("sync")(Greeter().sync)
    server.function("async")(Greeter().in_async)

    assert [client.jobs.run(name, {"name": "Ada"}).unwrap().result for name in ("sync", "async")] == [{"hello": "Ada"}] * 2


def test_user_keys_act_as_their_users(server: Server) -> None:
    """Each user can read only the logs of their own jobs."""
    server.script("mine").log("secret")
    with server.client(key=server.user_key("ada@example.com")) as ada, server.client(key=server.user_key("bob@example.com")) as bob:
        job = ada.jobs.submit("mine").unwrap()

        assert job.user_email == "ada@example.com"
        assert ada.jobs.logs(job.id).ok
        assert not bob.jobs.logs(job.id).ok


def test_client_without_key_is_refused(server: Server) -> None:
    """The server answers 401."""
    with server.client(key=None) as nobody:
        assert isinstance(nobody.jobs.list().error, AuthenticationFailed)


def test_sign_in_over_the_transport(server: Server) -> None:
    """`FluxbaseClient.sign_in` works with the transport."""
    account = {"email": "eve@example.com", "password": "correct-horse-9"}
    with httpx.Client(transport=server.transport(), base_url="http://any.test", trust_env=False) as http:
        http.post("/api/v1/auth/signup", json=account).raise_for_status()
        client = FluxbaseClient.sign_in("http://any.test", account["email"], account["password"], http_client=http).unwrap()

        assert client.jobs.list().unwrap() == []


def test_client_options_are_checked(server: Server) -> None:
    """Clients take FluxbaseClient's options, with the same checks."""
    with pytest.raises(InvalidInput, match="timeout"):
        server.client(timeout=-1)
    with pytest.raises(TypeError, match="style"):
        server.client(style="red")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"profile": "2025"}, ValueError, "profile must be one of 2026-03, 2026-04, not '2025'"),
        ({"profile": 3}, ValueError, "profile must be one of 2026-03, 2026-04, not 3"),
        ({"style": "red"}, TypeError, "a test server has no option 'style': there are clock, database, functions"),
        ({"clock": 5}, TypeError, "clock must be a VirtualClock, not int"),
        ({"jobs": "never"}, ValueError, "jobs must be one of on, off, flag-off, not 'never'"),
        ({"rate_limit": 0}, ValueError, "rate_limit must be at least 1, not 0"),
        ({"workers": 0}, ValueError, "workers must be at least 1, not 0"),
        ({"workers": 1.5}, TypeError, "workers must be a whole number, not float"),
        ({"jobs_per_worker": True}, TypeError, "jobs_per_worker must be a whole number, not bool"),
        ({"poll_interval": 0}, ValueError, "poll_interval must be above zero"),
        ({"worker_timeout": "soon"}, TypeError, "worker_timeout must be seconds or a timedelta, not str"),
        ({"patience": -1}, ValueError, "patience must be finite and not negative, not -1"),
        ({"jwt_secret": "short"}, ValueError, "jwt_secret must be a text of at least 32 characters"),
        ({"database": 5}, TypeError, "database must be a path, not int"),
        ({"functions": 5}, TypeError, "functions must be handlers, a module or the path of a handlers file, not int"),
        ({"functions": [eventually]}, TypeError, 'functions must be handlers marked with @function("name"); eventually has no mark'),
        ({"functions": [double, double_too]}, ValueError, "functions: two job functions are called default/double"),
        ({"functions": "no-such.py"}, UnusableHandlersError, "handlers file no-such.py does not exist: give the path of a Python file"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], kind: type[Exception], text: str, tmp_path: Path) -> None:
    """The error names the option, and no database is created."""
    database = tmp_path / "state.db"
    all_options: dict[str, Any] = {"database": database, **options}
    with pytest.raises(kind) as caught:
        Server(**all_options)

    assert str(caught.value).startswith(text)
    assert "short" not in str(caught.value)
    assert not database.exists()


def test_time_spans_as_timedelta() -> None:
    """Time spans may be given as timedelta, which type checkers accept, too."""
    span = timedelta(milliseconds=5)
    with Server(patience=timedelta(), poll_interval=span, worker_timeout=timedelta(seconds=9)) as server, server.client() as client:
        server.script("resize").complete({"ok": True})

        assert client.jobs.run("resize").unwrap().result == {"ok": True}


def test_add_refuses_unmarked_handlers(server: Server) -> None:
    """`add` needs the decorator."""
    with pytest.raises(TypeError, match="eventually has no mark"):
        server.add(eventually)


def test_repr_shows_no_secret(server: Server) -> None:
    """The repr has the profile and no secret."""
    assert repr(server) == "Server(profile='2026-04')"


def test_unknown_function_names_the_known_ones(server: Server) -> None:
    """A submit under a wrong name says which functions the test has, ten at most."""
    with server.client() as client:
        first = client.jobs.submit("nope").error
        for n in range(12):
            server.script(f"f{n:02}")
        second = client.jobs.submit("nope").error

    assert first is not None
    assert str(first) == "Job function not found: nope (this server has no functions)"
    assert second is not None
    names = ", ".join(f"default/f{n:02}" for n in range(10))
    assert second.hint == f"this server's functions are {names} and 2 more"
