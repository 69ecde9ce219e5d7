"""The program as a process: terminals, Ctrl-C, pipes whose reader goes, closed streams, and what is imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from fluxbase_jobs.testing import Server

from tests.support.pty_screen import Terminal, terminal_of

pytestmark = pytest.mark.slow
PROGRAM = [sys.executable, "-m", "fluxbase_jobs"]
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="shells and signals of Unix")


@pytest.fixture
def environment(test_server: Server, tmp_path: Path) -> dict[str, str]:
    """The variables of the server, and an empty home."""
    return {
        **os.environ,
        "FLUXBASE_URL": test_server.url,
        "FLUXBASE_KEY": test_server.service_key(),
        "XDG_CONFIG_HOME": str(tmp_path),
        "PYTHONWARNINGS": "error",
    }


@pytest.fixture
def terminal(environment: Mapping[str, str]) -> Iterator[Callable[..., Terminal]]:
    """Runs a command on a terminal: `terminal("list")`."""
    started: list[Terminal] = []

    def start(*arguments: str, **variables: str) -> Terminal:
        started.append(terminal_of([*PROGRAM[1:], *arguments], {"TERM": "xterm-256color", **environment, **variables}))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def shell(command: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command line of a shell, in which `fluxbase-jobs` is the program."""
    line = f'set -o pipefail; fluxbase-jobs() {{ "{sys.executable}" -m fluxbase_jobs "$@"; }}; {command}'
    return subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=60, check=False)  # noqa: S607  # the bash of the path


@UNIX
def test_ctrl_c_while_waiting(terminal: Callable[..., Terminal]) -> None:
    """Code 130; the job goes on, and the two commands to go on with are ready to be copied."""
    waiting = terminal("submit", "endless", "--wait")
    waiting.until("on the way")
    waiting.press("\x03")
    code = waiting.end()
    listed = terminal("list", "--json", COLUMNS="80")
    listed.end()

    assert code == 130
    text = waiting.raw.replace("\r\n", "\n")
    job_id = text.split("submitted endless ")[1].split()[0]
    assert f"interrupted: job {job_id} goes on on the server\n  wait again: fluxbase-jobs wait {job_id}\n" in text
    assert f"  cancel:     fluxbase-jobs cancel {job_id}\n" in text
    assert "Traceback" not in text
    assert '"status":"running"' in listed.raw.replace("\r\n", "")


@UNIX
@pytest.mark.parametrize("command", [["logs", "-f"], ["watch"], ["wait", "--follow"]])
def test_ctrl_c_while_following(terminal: Callable[..., Terminal], environment: Mapping[str, str], command: list[str]) -> None:
    """The same for every command that waits."""
    job_id = shell("fluxbase-jobs submit endless", environment).stdout.strip()
    following = terminal(command[0], job_id, *command[1:])
    following.until("running" if command == ["watch"] else "on the way")
    following.press("\x03")

    assert following.end() == 130
    assert f"wait again: fluxbase-jobs wait {job_id}" in following.raw
    assert "Traceback" not in following.raw


@UNIX
def test_log_above_the_bar(terminal: Callable[..., Terminal]) -> None:
    """Lines of the log stay whole, and the bar stays below them."""
    followed = terminal("submit", "echo", "--follow")

    assert followed.end() == 0
    lines = followed.lines
    log = next(number for number, line in enumerate(lines) if line.endswith(" one line"))
    bar = next(number for number, line in enumerate(lines) if "100 % completed" in line)
    assert lines[0].startswith("submitted echo ")
    assert log < bar


@UNIX
@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_on_a_terminal_only(
    terminal: Callable[..., Terminal],
    environment: Mapping[str, str],
    variables: dict[str, str],
    coloured: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """NO_COLOR and a terminal that has none switch it off; a pipe has none."""
    submitted = shell("fluxbase-jobs submit echo --wait", environment)
    listed = terminal("list", **variables)
    listed.end()

    assert ("\x1b[32mcompleted" in listed.raw) is coloured
    assert "\x1b" not in submitted.stdout + submitted.stderr + shell("fluxbase-jobs list", environment).stdout


@UNIX
def test_long_names_are_cut(test_server: Server, terminal: Callable[..., Terminal], environment: Mapping[str, str]) -> None:
    """On a terminal, so that ids and statuses stay whole; a pipe gets all."""
    name = "a-very-long-name-" * 6
    test_server.script(name, description="words " * 30).fail("no " * 90)
    job_id = shell(f"fluxbase-jobs submit {name} --wait --json", environment).stdout.split('"id":"')[1][:36]
    listed, functions = terminal("list"), terminal("functions")

    assert (listed.end(), functions.end()) == (0, 0)
    assert listed.lines[1].startswith(f"{job_id}  a-very-lo")
    assert "…  failed" in listed.lines[1]
    assert functions.lines[0].split() == ["NAMESPACE", "NAME", "ENABLED", "SCHEDULE", "TIMEOUT", "RETRIES", "DESCRIP…"]
    assert all(len(line) <= 80 for line in listed.lines + functions.lines)
    assert name in shell("fluxbase-jobs list", environment).stdout


@UNIX
def test_narrow_terminal(terminal: Callable[..., Terminal], environment: Mapping[str, str]) -> None:
    """Where columns do not fit, each cell has its own line, whole; a bar gives way to its percentage and status."""
    job_id = shell("fluxbase-jobs submit echo", environment).stdout.strip()
    waited = terminal("wait", job_id, COLUMNS="40")
    waited.end()
    listed, functions = terminal("list", COLUMNS="40"), terminal("functions", COLUMNS="40")

    assert (listed.end(), functions.end()) == (0, 0)
    assert listed.lines[:4] == [f"ID       {job_id}", "NAME     echo", "STATUS   completed", "%        100"]
    assert "NAME         echo" in functions.lines
    assert waited.lines[0] == f"echo {job_id[:8]}  100 % completed"


@UNIX
@pytest.mark.parametrize(
    ("command", "code", "error"),
    [
        ("fluxbase-jobs list --all --json | true", 141, ""),
        ("fluxbase-jobs --help | true", 141, ""),
        ("fluxbase-jobs list >&-", 2, "stdout is closed (send the output to a file, or to /dev/null where you need none)"),
        ("fluxbase-jobs --help >&-", 2, "stdout is closed"),
        ("fluxbase-jobs --help > /dev/full", 2, "the output cannot be written: No space left on device"),
        ("fluxbase-jobs list > /dev/full", 2, "the output cannot be written: No space left on device (free some space, or send it"),
        ("fluxbase-jobs submit echo --payload - <&-", 2, "stdin is closed (pipe something into the program)"),
        ("fluxbase-jobs get x 2>&-", 2, ""),
        ("fluxbase-jobs submit echo --wait 2>&- >&-", 2, ""),
        ("printf '\\377' | fluxbase-jobs submit echo --payload -", 2, "stdin is not UTF-8 (byte 0) (save it as UTF-8)"),
        ("fluxbase-jobs submit echo --set $'n=\\xff'", 2, "payload"),
    ],
)
def test_streams(test_server: Server, environment: Mapping[str, str], command: str, code: int, error: str) -> None:
    """No traceback, whatever becomes of them."""
    with test_server.client() as client:
        assert all(result.ok for _, result in client.jobs.submit_many([("echo", {"n": 1})] * 3))
    ended = shell(command, environment)

    assert (ended.returncode, ended.stderr.count("\n")) == (code, 1 if error else 0)
    assert error in ended.stderr
    assert "Traceback" not in ended.stderr


@UNIX
def test_console_without_unicode(environment: Mapping[str, str]) -> None:
    """Escapes, and JSON that is still JSON."""
    ascii_only = {**environment, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    ended = shell("fluxbase-jobs submit echo --set text=grüße --wait --json", {**ascii_only, "LC_ALL": "C.UTF-8"})

    assert ended.returncode == 0
    assert '"echo":{"text":"gr\\u00fc\\u00dfe"}' in ended.stdout


@UNIX
def test_terminated(terminal: Callable[..., Terminal]) -> None:
    """A signal of the system ends it without a traceback."""
    waiting = terminal("submit", "endless", "--wait")
    waiting.until("on the way")
    waiting.process.send_signal(signal.SIGTERM)

    assert waiting.end() in {-signal.SIGTERM, 143}
    assert "Traceback" not in waiting.raw


def test_dev_takes_the_emulators_options(environment: Mapping[str, str]) -> None:
    """Its help and its errors are the emulator's."""
    helped = subprocess.run([*PROGRAM, "dev", "--help"], env=environment, capture_output=True, text=True, timeout=60, check=False)
    wrong = subprocess.run([*PROGRAM, "dev", "--port", "x"], env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert helped.stdout.startswith("usage: fluxbase-jobs dev [")
    assert "--functions FILE.py" in helped.stdout
    assert (helped.returncode, wrong.returncode) == (0, 2)
    assert wrong.stderr == "fluxbase-jobs emulator: 'x' is not a port: give a number from 0 to 65535 (--help lists the options)\n".replace(
        "'x'", "argument --port: 'x'"
    )


def test_dev_without_its_handlers_file(environment: Mapping[str, str]) -> None:
    """The program's code for wrong usage: 1 would mean a failed job."""
    command = [*PROGRAM, "dev", "--port", "0", "--functions", "missing.py"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert "handlers file missing.py does not exist" in done.stderr


def test_dev_serves(environment: Mapping[str, str]) -> None:
    """It prints what to export, serves, and ends cleanly."""
    command = [*PROGRAM, "dev", "--port", "0", "--no-access-log"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True) as process:
        lines = [next(iter(process.stdout or ())).strip()]
        while not lines[-1].startswith("export FLUXBASE_KEY="):
            lines.append(next(iter(process.stdout or ())).strip())
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)

    assert lines[-2].startswith("export FLUXBASE_URL=http://127.0.0.1:")
    assert (process.returncode, rest, errors) == (0, "", "")


@pytest.mark.parametrize("package", ["cyclopts", "rich"])
def test_missing_extra(package: str, environment: Mapping[str, str]) -> None:
    """One line with the command that installs it; a program that wants a bar gets an error that says the same."""
    code = f"import sys, runpy; sys.modules[{package!r}] = None; sys.argv[1:] = ['list']; runpy.run_module('fluxbase_jobs', run_name='__main__')"
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert (
        ended.stderr
        == f'fluxbase-jobs: {package} is not installed: run pip install ".[cli]" in a clone, or pip install "fluxbase-jobs[cli]" once it is published\n'
    )


def test_progress_without_rich() -> None:
    """It says what to install."""
    code = "import sys; sys.modules['rich'] = None\ntry: import fluxbase_jobs.progress\nexcept ModuleNotFoundError as error: print(error)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert 'run pip install ".[cli]" in a clone, or pip install "fluxbase-jobs[cli]" once it is published' in ended.stdout


def test_help_and_version(environment: Mapping[str, str]) -> None:
    """Without a command, and with --help, every command is listed."""
    bare, helped, version = (
        subprocess.run([*PROGRAM, *options], env=environment, capture_output=True, text=True, timeout=60, check=False)
        for options in ([], ["--help"], ["--version"])
    )

    assert bare.stdout == helped.stdout
    assert (bare.returncode, helped.returncode, version.returncode) == (0, 0, 0)
    names = "submit wait watch logs list get cancel retry functions stats workers resubmit terminate sync dev stubs doctor login"
    for name in names.split():
        assert f"│ {name} " in helped.stdout
    assert version.stdout.strip()[0].isdigit()


def test_completion(environment: Mapping[str, str], tmp_path: Path) -> None:
    """A script for the shell is installed below the home."""
    known = {**environment, "HOME": str(tmp_path), "SHELL": "/bin/bash"}
    ended = subprocess.run([*PROGRAM, "--install-completion"], env=known, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert any("fluxbase" in path.read_text("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file())
