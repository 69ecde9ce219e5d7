"""The command line: start-up lines, one-line errors, clean shutdown."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fluxbase_jobs.emulator.cli import main, read_options
from fluxbase_jobs.emulator.handlers.loader import UnusableHandlersError, load_functions

from tests.support.servers.emulator_in_process import HANDLERS, Program, command, eventually, program

FIXTURE_FILES = {
    "syntax.py": "def broken(:\n",
    "raises.py": "import os\n\nundefined_name\n",
    "exits.py": "raise SystemExit(5)\n",
    "empty.py": "x = 1\n",
    "bare.py": "from fluxbase_jobs.emulator import function\n\n@function\ndef f(payload, context): ...\n",
    "roles.py": "from fluxbase_jobs.emulator import function\n\n@function('f', require_roles='admin')\ndef f(payload, context): ...\n",
    "cancels.py": "import asyncio\n\nraise asyncio.CancelledError('no more')\n",
    "mute.py": "class Mute(Exception):\n    def __str__(self): raise ValueError\n\nraise Mute\n",
    "zero.py": "from fluxbase_jobs.emulator import function\n\n@function('f', timeout=0)\ndef f(payload, context): ...\n",
    "schedule.py": "from fluxbase_jobs.emulator import function\n\n@function('f', schedule='61 * * * *')\ndef f(payload, context): ...\n",
    "one.py": "from fluxbase_jobs.emulator import function\n\n@function('f')\ndef resize(payload): ...\n",
    "three.py": "from fluxbase_jobs.emulator import function\n\n@function('f')\nasync def resize(payload, context, size): ...\n",
    "keyword.py": "from fluxbase_jobs.emulator import function\n\n@function('f')\ndef resize(payload, context, *, size): ...\n",
    "value.py": "from fluxbase_jobs.emulator import function\n\nclass Size: ...\n\nresize = function('f')(Size())\n",
    "twice.py": (
        "from fluxbase_jobs.emulator import function\n\n"
        "@function('f')\ndef f(payload, context): ...\n\n@function('f')\ndef g(payload, context): ...\n"
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with handlers files that cannot be loaded."""
    for name, text in FIXTURE_FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def fail(*options: object) -> tuple[int, str]:
    """Run the program, which must exit by itself; its exit status and the one line that it wrote."""
    done = subprocess.run(**command(*options), text=True, timeout=20, check=False)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr.strip()


def test_start_up_lines(tmp_path: Path) -> None:
    """The program prints its URL, keys that work at once, its functions and its database."""
    with program("--functions", HANDLERS, "--profile", "2026-03", "--database", tmp_path / "db") as started:
        with started.running.client() as user, started.running.client(started.running.service_key) as service:
            job = user.run("echo", {"n": 1})
            lines = service.messages(job["id"])
        status = started.end(signal.SIGTERM)
        assert started.process.stderr
        errors = started.process.stderr.read()

    assert started.start_up.startswith("fluxbase-jobs emulator (2026-03) on http://127.0.0.1:")
    assert "default/admins, default/big, default/boom" in started.start_up
    assert str(tmp_path / "db") in started.start_up
    assert (job["status"], job["user_email"]) == ("completed", "developer@example.com")
    assert len(lines) == 1
    assert (status, errors) == (0, "")


def test_without_functions() -> None:
    """Without options the program says how to name a handlers file and how to keep the state."""
    with program() as started:
        with started.running.client() as client:
            refused = client.submit("echo")
        status = started.end(signal.SIGINT)

    assert "none: name a handlers file with --functions FILE.py" in started.start_up
    assert "keep it with --database FILE" in started.start_up
    assert "network:" not in started.start_up
    assert (refused.status_code, status) == (404, 0)


@pytest.mark.parametrize(("profile", "has_line"), [("2026-03", False), ("2026-04", True)])
def test_export_lines(profile: str, has_line: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """The last two lines set the URL and the service key in a shell. Where clients cannot read logs, a line before says so."""
    with program("--profile", profile) as started:
        rest, _ = output_after(started, signal.SIGTERM)

    lines = started.start_up.splitlines()
    assert rest == ""
    assert lines[-3:] == [
        "  keys are good for 24 hours; stop with Ctrl-C",
        f"export FLUXBASE_URL={started.running.url}",
        f"export FLUXBASE_KEY={started.running.service_key}",
    ]
    assert any(line.startswith("  logs: ") and "with --profile 2026-03 at once" in line for line in lines) is has_line


@pytest.mark.parametrize("is_kept", [False, True], ids=["in memory", "in a file"])
def test_jobs_left_by_ctrl_c(tmp_path: Path, is_kept: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Ctrl-C names the first unfinished jobs and says what becomes of them."""
    options = ["--database", tmp_path / "db"] if is_kept else []
    with program("--functions", HANDLERS, "--poll-interval", 1000, *options) as started:
        with started.running.client() as client:
            ids = [client.queue("echo") for _ in range(12)]
            client.cancel(ids.pop(0))
        output, errors = output_after(started, signal.SIGINT)

    fate = f"the next start with --database {tmp_path / 'db'} goes on with them" if is_kept else "gone with the memory: keep them"
    first, *lines = output.splitlines()
    assert (first.startswith(f"11 unfinished jobs are left ({fate}"), errors) == (True, "")
    assert lines == [*(f"  pending {job_id} of default/echo" for job_id in ids[:10]), "  and 1 more"]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_names_that_the_console_cannot_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """Characters that the console's encoding lacks come as escapes, in the program's own lines and in what handlers print and log."""
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    monkeypatch.setenv("PYTHONUTF8", "0")
    handlers = tmp_path / "尺寸.py"
    handlers.write_text(
        "from fluxbase_jobs.emulator import function\n\n@function('尺寸')\ndef size(payload, context):\n"
        "    print('尺')\n    context.log('寸')\n    raise ValueError('寸')\n",
        "utf-8",
    )
    with program("--functions", handlers, "--access-log") as started:
        with started.running.client() as client:
            job = client.run("尺寸")
        client.close()
        output, errors = output_after(started, signal.SIGINT)

    assert "functions:   default/\\u5c3a\\u5bf8\n" in started.start_up
    assert (job["status"], started.process.returncode) == ("failed", 0)
    assert output.splitlines()[-1] == "\\u5c3a"
    assert ": \\u5bf8\n" in errors
    assert "UnicodeEncodeError" not in errors


def test_shutdown_while_jobs_run(tmp_path: Path) -> None:
    """Ctrl-C exits with status 0 although handlers run that cannot be stopped."""
    handlers = tmp_path / "handlers.py"
    handlers.write_text(
        "import asyncio, time\nfrom fluxbase_jobs.emulator import function\n\n"
        "@function('sync')\ndef sync(payload, context): time.sleep(60)\n\n"
        "@function('ignoring')\nasync def ignoring(payload, context):\n"
        "    while True:\n        try: await asyncio.sleep(60)\n        except asyncio.CancelledError: pass\n"
    )
    with program("--functions", handlers) as started, started.running.client() as client:
        for name in ("sync", "ignoring"):
            client.until(client.queue(name), lambda job: job["status"] == "running")

        assert started.end(signal.SIGINT) == 0


def test_second_ctrl_c() -> None:
    """A second Ctrl-C, while an unfinished request has its grace period, exits at once and without a traceback."""
    with program() as started:
        address = ("127.0.0.1", httpx.URL(started.running.url).port or 0)
        with socket.create_connection(address, timeout=20) as busy:
            busy.sendall(b"POST /api/v1/jobs/submit HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
            assert busy.recv(99).startswith(b"HTTP/1.1 100")  # from here on the server waits for the body
            started.process.send_signal(signal.SIGINT)
            eventually(lambda: not listens(address), bool)

            assert shut_down(started) == ""


def test_shutdown_with_unfinished_request() -> None:
    """A client that does not finish its request delays the exit by the grace period; one line says so."""
    with program() as started, socket.create_connection(("127.0.0.1", httpx.URL(started.running.url).port or 0), timeout=20) as busy:
        busy.sendall(b"POST /api/v1/jobs/submit HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
        assert busy.recv(99).startswith(b"HTTP/1.1 100")
        errors = shut_down(started)

    assert errors.count("\n") == 1, errors
    assert errors.endswith("timeout graceful shutdown exceeded\n")


def listens(address: tuple[str, int]) -> bool:
    """Whether the address accepts connections: the program does not, once it has handled the first signal."""
    try:
        socket.create_connection(address, timeout=20).close()
    except ConnectionError:
        return False
    return True


def test_access_log() -> None:
    """The access log has one line for each request, without query and headers, which may hold credentials, and two for each job."""
    with program("--access-log", "--functions", HANDLERS) as started:
        with started.running.client() as client:
            client.get("/api/v1/jobs", params={"token": "secret-in-query"})
            client.get("/api/v1/jobs/%0A22:00:00%20GET")
            job_id = client.run("boom", {"password": "secret-in-payload"})["id"]
        errors = shut_down(started)

    lines = [line[len("22:00:00 ") :] for line in errors.splitlines()]
    assert "secret" not in errors
    assert re.fullmatch(r"GET /api/v1/jobs 200 \d+ ms", lines[0])
    assert re.fullmatch(r"GET /api/v1/jobs/%0A22:00:00%20GET 4\d\d \d+ ms", lines[1])
    assert f"job {job_id} of default/boom: running" in lines
    assert [line for line in lines if re.fullmatch(rf"job {job_id} of default/boom: failed after \d\.\d\d s", line)]


def output_after(started: Program, number: int) -> tuple[str, str]:
    """Stop the program by a signal; what is left to read of its stdout, and all of its stderr."""
    assert started.end(number) == 0
    assert started.process.stdout
    assert started.process.stderr
    return started.process.stdout.read(), started.process.stderr.read()


def shut_down(started: Program) -> str:
    """Stop the program; what it has written to stderr."""
    assert started.end(signal.SIGTERM) == 0
    assert started.process.stderr
    return started.process.stderr.read()


@pytest.mark.parametrize(("options", "expected"), [([], True), (["--no-access-log"], False)])
def test_access_log_on_a_terminal(monkeypatch: pytest.MonkeyPatch, options: list[str], expected: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """On a terminal the access log is on by default; elsewhere it is off."""
    assert read_options(options).access_log is False
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    assert read_options(options).access_log is expected


def test_shutdown_with_open_connections() -> None:
    """Idle connections that clients keep open do not delay the exit."""
    with program() as started, started.running.client() as client:
        client.get("/health")
        with socket.create_connection(("127.0.0.1", int(started.running.url.rpartition(":")[2])), timeout=20) as idle:
            errors = shut_down(started)
            rest = idle.recv(1)

    assert (errors, rest) == ("", b"")


def test_ctrl_c_at_the_start(tmp_path: Path) -> None:
    """Ctrl-C while the handlers file is loading exits with status 0."""
    handlers, mark = tmp_path / "handlers.py", tmp_path / "mark"
    handlers.write_text(f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(60)\n")
    with subprocess.Popen(**command("--functions", handlers)) as process:
        eventually(mark.exists, bool)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=20)

    assert (process.returncode, *output) == (0, b"", b"")


def test_open_to_the_network() -> None:
    """The program warns when it listens on more than loopback, and prints a URL that works."""
    with program("--host", "0.0.0.0") as started, started.running.client() as client:  # noqa: S104  # this is what is tested
        healthy = client.get("/health").status_code

    assert healthy == 200
    assert "on http://127.0.0.1:" in started.start_up
    assert "network:     open to all who reach 0.0.0.0, and they can sign up" in started.start_up


def test_imports_beside_the_handlers_file(tmp_path: Path) -> None:
    """A handlers file may import modules beside it, and job functions defined there are found."""
    (tmp_path / "beside.py").write_text(
        "from fluxbase_jobs.emulator import function\n\n@function('near', namespace='n')\ndef near(payload, context): ...\n"
    )
    (tmp_path / "handlers.py").write_text("from beside import near\n")
    with program("--functions", tmp_path / "handlers.py") as started:
        started.end(signal.SIGTERM)

    assert "functions:   n/near\n" in started.start_up


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", "is a folder: give the path of a Python file"),
        ("missing.py", "does not exist: give the path of a Python file"),
        ("syntax.py", "cannot be loaded (line 1): SyntaxError: invalid syntax"),
        ("raises.py", "cannot be loaded (line 3): NameError: name 'undefined_name' is not defined"),
        ("exits.py", "cannot be loaded (line 1): SystemExit: 5"),
        ("empty.py", 'has no job functions: mark a handler with @function("name")'),
        ("bare.py", 'cannot be loaded (line 3): TypeError: write @function("name"): a job function needs a name'),
        ("roles.py", "cannot be loaded (line 3): TypeError: require_roles must be a list of str, not str"),
        ("cancels.py", "cannot be loaded (line 3): CancelledError: no more"),
        ("mute.py", "cannot be loaded (line 4): Mute: (its text cannot be had)"),
        ("zero.py", "a timeout of at least 1 second"),
        ("schedule.py", "(line 3): InvalidScheduleError: schedule '61 * * * *' cannot be followed (the minute is 0 to 59): write five"),
        ("one.py", "job function default/f: resize(payload) cannot be called as a handler (too many positional arguments): it is called"),
        ("three.py", "resize(payload, context, size) cannot be called as a handler (missing a required argument: 'size')"),
        ("keyword.py", "cannot be called as a handler (missing a required "),
        ("value.py", "job function default/f: a Size is no handler: write a function that takes (payload, context)"),
        ("twice.py", "two job functions are called default/f: rename one of them"),
    ],
)
def test_unusable_handlers_file(folder: Path, name: str, message: str) -> None:
    """An unusable handlers file raises an error whose one line says where and why."""
    with pytest.raises(UnusableHandlersError) as caught:
        load_functions(folder / name)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_line_number_with_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the line number when the path is relative, too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "handlers.py").write_text("\nundefined_name\n")

    with pytest.raises(UnusableHandlersError, match=r"^handlers file handlers.py cannot be loaded \(line 2\): NameError: "):
        load_functions(Path("handlers.py"))


def test_syntax_error_in_an_imported_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A syntax error in a module beside the file is reported with that module's line, after the line of the import."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "cannot_be_read.py").write_text("\n\n\n\n(\n")
    (tmp_path / "handlers.py").write_text("\nimport cannot_be_read\n")

    with pytest.raises(UnusableHandlersError, match=r"\(line 2\): SyntaxError: '\(' was never closed \(cannot_be_read.py, line 5\)$"):
        load_functions(tmp_path / "handlers.py")


def test_other_objects_in_the_handlers_file(tmp_path: Path) -> None:
    """Other objects in a handlers file do no harm: an unbound proxy, an unhashable handler."""
    (tmp_path / "handlers.py").write_text(
        "from fluxbase_jobs.emulator import function\n\n"
        "class Unbound:\n    def __getattribute__(self, name): raise RuntimeError('outside of a request')\n\n"
        "class Handler:\n    __hash__ = None\n    def __call__(self, payload, context): ...\n\n"
        "request, handler = Unbound(), function('f')(Handler())\n"
    )

    assert [definition.name for definition in load_functions(tmp_path / "handlers.py")] == ["f"]


def test_missing_handlers_file(tmp_path: Path) -> None:
    """The program exits with status 1 and that line."""
    status, line = fail("--functions", tmp_path / "missing.py")

    assert status == 1
    assert line.startswith(f"fluxbase-jobs emulator: handlers file {tmp_path / 'missing.py'} does not exist")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "x"], "'x' is not a port: give a number from 0 to 65535"),
        (["--port", "65536"], "is not a port"),
        (["--allow-host", ""], "'' is not a host name: give one like dev.example, without scheme, port and path"),
        *(
            (["--allow-host", name], "is not a host name")
            for name in (" ", "[]", ".", "a..b", "dev.example:80", "http://a.b", "*", "grüße", "[::1")
        ),
        (["--profile", "2025-12"], "invalid choice: '2025-12'"),
        (["--poll-interval", "0"], "'0' is not a time: give seconds above zero"),
        (["--worker-timeout", "nan"], "is not a time"),
        (["--rate-limit", "0"], "'0' is not a limit: give a whole number from 1"),
        (["--rate-limit", "1.5"], "is not a limit"),
        (["--jobs", "no"], "invalid choice: 'no'"),
        (["--realtime", "no"], "invalid choice: 'no'"),
        (["--jwt-secret", "short"], "give at least 32 characters"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--port"], "expected one argument"),
    ],
)
def test_wrong_option(capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    """A wrong option is reported in one line, with exit status 2."""
    with pytest.raises(SystemExit) as caught:
        read_options(options)
    output = capsys.readouterr()

    assert (caught.value.code, output.out, output.err.count("\n")) == (2, "", 1)
    assert message in output.err
    assert output.err.endswith("(--help lists the options)\n")


@pytest.mark.parametrize("name", ["dev.example", "Dev.example.", "my_service", "10.0.0.5", "fd00::5", "[fd00::5]"])
def test_names_of_hosts(name: str) -> None:
    """Names, also those of containers, and addresses."""
    assert read_options(["--allow-host", name]).allowed_hosts == [name]


@pytest.fixture
def exit_of(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str]]:
    """Run the command line in this process: `exit_of(*options)` is its exit status and the one line that it wrote."""

    def exit_of(*options: object) -> tuple[object, str]:
        with pytest.raises(SystemExit) as caught:
            main([str(option) for option in options])
        output = capsys.readouterr()
        assert (output.out, output.err.count("\n")) == ("", 1)
        return caught.value.code, output.err.strip()

    return exit_of


def test_unusable_address(exit_of: Callable[..., tuple[object, str]]) -> None:
    """A port in use and a host that is not an address of this machine are reported in one line each."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        in_use = exit_of("--port", taken.getsockname()[1])
    elsewhere = exit_of("--host", "192.0.2.1", "--port", 0)
    no_name = exit_of("--host", "a..b", "--port", 0)

    assert (in_use[0], elsewhere[0], no_name[0]) == (1, 1, 1)
    assert in_use[1].endswith("(Address already in use): choose another with --host or --port")
    assert "cannot listen on 192.0.2.1 port 0" in elsewhere[1]
    assert no_name[1].endswith("cannot listen on a..b port 0 (no host name): choose another with --host or --port")


def test_unusable_database(tmp_path: Path, exit_of: Callable[..., tuple[object, str]]) -> None:
    """A database that cannot be opened, a folder or a file in a missing folder, is reported in one line."""
    for path in (tmp_path, tmp_path / "nowhere" / "jobs.sqlite"):
        status, line = exit_of("--port", 0, "--database", path)

        assert status == 1
        assert line == (
            f"fluxbase-jobs emulator: database {path} cannot be used (unable to open database file): "
            "name a file in a folder that exists, both open to you for reading and writing"
        )


@pytest.mark.parametrize("package", ["cronsim", "jwt", "starlette", "uvicorn", "watchfiles"])
def test_missing_extra(tmp_path: Path, package: str) -> None:
    """If a package of the extra is missing, the program says what to install."""
    (tmp_path / "without.py").write_text(
        f"import runpy, sys\nsys.modules[{package!r}] = None\nsys.argv[0] = 'emulator'\n"
        "runpy.run_module('fluxbase_jobs.emulator', run_name='__main__')\n"
    )
    done = subprocess.run(**command("--port", 0, script=tmp_path / "without.py"), text=True, timeout=20, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == f'fluxbase-jobs emulator: {package} is not installed: run pip install ".[emulator]" in a clone, or pip install "fluxbase-jobs[emulator]" once it is published\n'
    )


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """The help lists every option and reveals no secret."""
    with pytest.raises(SystemExit) as caught:
        read_options(["--help"])
    output = capsys.readouterr().out

    assert caught.value.code == 0
    for option in (
        "host",
        "port",
        "profile",
        "jwt-secret",
        "database",
        "functions",
        "poll-interval",
        "worker-timeout",
        "rate-limit",
        "jobs",
    ):
        assert f"--{option} " in output
    assert "random if not given\n" in output
